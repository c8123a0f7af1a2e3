from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pytest
import yaml

from infra.errors import RefusedError, WrongInputError
from models.labels import Finding
from models.snapshot import assemble, rows_of
from models.stability import measure_stability
from models.training_settings import TrainingSettings
from models.tuning import Fold, fold_precision, time_folds, tune
from models.tuning_bounds import Bounds, TuningBounds

ENDS = tuple(date(2026, 1, 4) + timedelta(days=7 * week) for week in range(8))
AS_OF = date(2026, 3, 20)
VEHICLES = [f"v{number:03d}" for number in range(200)]
ACTIVE = set(VEHICLES[::10])
FEATURES = ["trips", "noise"]
SETTINGS = TrainingSettings(min_holdout_positives=2, min_train_positives=2, trees=15, min_rows_in_leaf=3)
SMALL = TuningBounds(trees=Bounds(low=5, high=20), min_rows_in_leaf=Bounds(low=2, high=5))


def build(window_end: date) -> pa.Table:
    generator = np.random.default_rng(window_end.toordinal())
    trips = generator.poisson([6 if vehicle in ACTIVE else 2 for vehicle in VEHICLES])
    return pa.table(
        {
            "vehicle": VEHICLES,
            "window_end": pa.array([window_end] * len(VEHICLES)),
            "trips": pa.array(trips, pa.int64()),
            "noise": pa.array(generator.normal(size=len(VEHICLES))),
            "baseline": pa.array([0.0] * len(VEHICLES)),
        }
    )


def said(vehicle: str, week: int, finding: str, days: int = 2) -> Finding:
    return Finding(vehicle, ENDS[week], finding, datetime.combine(ENDS[week] + timedelta(days=days), time(9), UTC))


def findings() -> list[Finding]:
    return [
        said(vehicle, number % 8, "confirmed" if vehicle in ACTIVE else "eliminated")
        for number, vehicle in enumerate(VEHICLES[::5])
    ]


@pytest.fixture(scope="module")
def folds() -> tuple[Fold, ...]:
    return time_folds(ENDS, build, findings(), AS_OF, FEATURES, 7, SETTINGS)


def test_no_fold_sees_the_holdout(folds: tuple[Fold, ...]) -> None:
    whole, _ = assemble(ENDS, build, findings(), AS_OF, FEATURES, 7, SETTINGS)
    first = min(rows_of(whole, "holdout").column("window_end").to_pylist())
    assert folds
    for fold in folds:
        assert max(fold.snapshot.column("window_end").to_pylist()) < first


def test_no_fold_knows_what_was_found_about_the_holdout_or_decided_after_it_began(folds: tuple[Fold, ...]) -> None:
    _, whole = assemble(ENDS, build, findings(), AS_OF, FEATURES, 7, SETTINGS)
    first = ENDS.index(whole.holdout_window_ends[0])
    about_it = [said(vehicle, first, "eliminated") for vehicle in VEHICLES[1::5]]
    too_late = [said(vehicle, first - 1, "eliminated", days=20) for vehicle in VEHICLES[2::5]]
    after = time_folds(ENDS, build, [*findings(), *about_it, *too_late], AS_OF, FEATURES, 7, SETTINGS)
    assert len(after) == len(folds)
    for one, other in zip(folds, after, strict=True):
        assert one.snapshot.equals(other.snapshot)


def test_the_same_search_gives_the_same_proposal_within_the_bounds(folds: tuple[Fold, ...]) -> None:
    told: list[int] = []
    first = tune(folds, FEATURES, SETTINGS, SMALL, 5, lambda number, value: told.append(number))
    assert first == tune(folds, FEATURES, SETTINGS, SMALL, 5)
    assert told == [2, 3, 4, 5]
    assert first.best >= first.present
    for name, value in first.proposal.items():
        bounds = getattr(SMALL, name)
        assert bounds.low <= value <= bounds.high


def test_a_proposal_is_a_piece_of_a_policy(folds: tuple[Fold, ...]) -> None:
    found = tune(folds, FEATURES, SETTINGS, SMALL, 4)
    found = found.model_copy(update={"proposal": {"leaves": 3, "l2": 0.25}})
    read = yaml.safe_load(found.to_yaml())
    assert TrainingSettings.model_validate(read["training"]).leaves == 3
    assert yaml.safe_load(found.model_copy(update={"proposal": {}}).to_yaml()) is None


def test_one_trial_is_no_search(folds: tuple[Fold, ...]) -> None:
    with pytest.raises(WrongInputError, match="search nothing"):
        tune(folds, FEATURES, SETTINGS, SMALL, 1)


def test_too_few_findings_inside_the_training_period_are_refused() -> None:
    few = [finding for finding in findings() if finding.window_end in (ENDS[0], ENDS[-1])]
    with pytest.raises(RefusedError):
        time_folds((ENDS[0], ENDS[-1]), build, few, AS_OF, FEATURES, 7, SETTINGS)


def test_bounds_that_are_turned_round_are_an_error() -> None:
    with pytest.raises(ValueError, match="high lies below low"):
        Bounds(low=2, high=1)


@pytest.mark.parametrize(
    ("name", "low", "high", "said"),
    [
        ("l2", 0, 10, "log scale"),
        ("leaves", -3, 7, "training does not take -3"),
        ("leaves", 2.5, 7, "training does not take 2.5"),
        ("feature_share", 0.2, 1.5, "training does not take 1.5"),
        ("row_share", 0.00001, 1, "training does not take 1e-05"),
        ("learning_rate", 0.00001, 0.1, "training does not take 1e-05"),
    ],
)
def test_bounds_of_what_training_does_not_take_are_an_error(name: str, low: float, high: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TuningBounds.model_validate({name: {"low": low, "high": high}})


def test_a_trial_is_not_judged_by_who_was_confirmed_already(folds: tuple[Fold, ...]) -> None:
    """One that was confirmed before and not looked at again counts no more than if it were not there."""
    table, ends = folds[0].snapshot, folds[0].ends
    known = np.asarray(table.column("known").to_numpy(zero_copy_only=False), dtype=np.bool_)
    held = np.array(table.column("split").to_pylist()) == "holdout"
    one = np.zeros(len(held), dtype=np.bool_)
    one[np.flatnonzero(held & ~known & (table.column("label").to_numpy() == 1))[0]] = True
    place = table.column_names.index("already_confirmed")
    already = table.column(place).to_numpy(zero_copy_only=False).astype(np.bool_)
    marked = table.set_column(place, "already_confirmed", pa.array(already | one))
    judged, without, plain = (
        fold_precision(Fold(now, ends), FEATURES, SETTINGS) for now in (marked, table.filter(pa.array(~one)), table)
    )
    assert judged == without != plain


def test_stability_compares_lists_over_seeds() -> None:
    table, _ = assemble(ENDS, build, findings(), AS_OF, FEATURES, 7, SETTINGS)
    found = measure_stability(table, FEATURES, 10, SETTINGS, seeds=3)
    assert len(set(found.seeds)) == 3
    assert found.overlap_at_k.mean is not None
    assert 0 < found.overlap_at_k.mean <= 1
    assert found.average_precision.least is not None
    assert found.average_precision.most is not None
    assert found.average_precision.least <= found.average_precision.most
    assert found == measure_stability(table, FEATURES, 10, SETTINGS, seeds=3)


def test_a_fit_that_draws_nothing_is_the_same_under_every_seed() -> None:
    settings = SETTINGS.model_copy(update={"feature_share": 1.0, "row_share": 1.0, "random_cuts": False})
    table, _ = assemble(ENDS, build, findings(), AS_OF, FEATURES, 7, settings)
    assert measure_stability(table, FEATURES, 10, settings, seeds=2).overlap_at_k.least == 1.0
