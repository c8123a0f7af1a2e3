from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pytest

from infra.errors import RefusedError
from models.evaluation import evaluate_model
from models.labels import Finding
from models.patterns import get_pattern
from models.scoring import RandomDraw, review_list, score_windows
from models.snapshot import SnapshotCounts, assemble, rows_of, training_rows
from models.training import feature_matrix, load_booster, train_model
from models.training_settings import TrainingSettings

ENDS = tuple(date(2026, 1, 4) + timedelta(days=7 * week) for week in range(4))
AS_OF = date(2026, 3, 1)
SETTINGS = TrainingSettings(trees=10, min_rows_in_leaf=2, min_holdout_positives=1, min_train_positives=1)
FEATURES = ["trips", "constant", "missing"]


def build(window_end: date) -> pa.Table:
    return pa.table(
        {
            "vehicle": [f"v{number:02d}" for number in range(60)],
            "window_end": pa.array([window_end] * 60),
            "trips": pa.array(range(60), pa.int64()),
            "constant": pa.array([3] * 60, pa.int64()),
            "missing": pa.array([None] * 60, pa.float64()),
            "baseline": pa.array([0.0] * 60),
        }
    )


def said(finding: str, *vehicles: str) -> dict[str, tuple[Finding, ...]]:
    ends = {vehicle: ENDS[number % 4] for number, vehicle in enumerate(vehicles)}
    return {
        vehicle: (Finding(vehicle, end, finding, datetime.combine(end + timedelta(days=2), time(9), UTC)),)
        for vehicle, end in ends.items()
    }


CONFIRMED = said("confirmed", "v50", "v51", "v52", "v53", "v54", "v55")
ELIMINATED = said("eliminated", "v10", "v11", "v12", "v13")


def snapshot(findings: dict[str, tuple[Finding, ...]]) -> pa.Table:
    return assembled(findings)[0]


def assembled(findings: dict[str, tuple[Finding, ...]]) -> tuple[pa.Table, SnapshotCounts]:
    decisions = [finding for found in findings.values() for finding in found]
    return assemble(ENDS, build, decisions, AS_OF, FEATURES, 7, SETTINGS)


def test_constant_and_all_missing_features_are_taken_and_left_unused() -> None:
    table = snapshot(CONFIRMED | ELIMINATED)
    text, _ = train_model(rows_of(table, "train"), FEATURES, SETTINGS)
    used = load_booster(text).feature_importance("split").tolist()
    assert used[0] > 0
    assert used[1:] == [0, 0]
    assert evaluate_model(text, table, 5, SETTINGS).all_vehicles.model.average_precision.value is not None


def test_nothing_but_constant_and_missing_features_still_gives_a_model_that_tells_none_apart() -> None:
    table = rows_of(snapshot(CONFIRMED | ELIMINATED), "train")
    text, _ = train_model(table, FEATURES[1:], SETTINGS)
    scores = np.asarray(load_booster(text).predict(feature_matrix(table, FEATURES[1:])))
    assert len(set(scores.tolist())) == 1


def test_all_one_label_is_refused() -> None:
    with pytest.raises(RefusedError, match="confirmed vehicles"):
        snapshot(ELIMINATED)
    rows = rows_of(snapshot(CONFIRMED | ELIMINATED), "train")
    one = rows.filter(pa.array(np.asarray(rows.column("label").to_numpy()) == 1))
    with pytest.raises(RefusedError, match="same label"):
        train_model(one, FEATURES, SETTINGS)


def test_only_confirmed_findings_are_enough_for_the_unreviewed_are_the_negatives() -> None:
    text, record = train_model(rows_of(snapshot(CONFIRMED), "train"), FEATURES, SETTINGS)
    assert record.positives < record.rows
    assert text.startswith("tree\n")


def test_findings_about_vehicles_that_were_never_read_change_no_row() -> None:
    unknown = said("confirmed", "w1", "w2", "w3", "w4") | said("eliminated", "w5", "w6")
    table, counts = assembled(CONFIRMED | ELIMINATED | unknown)
    assert table.equals(snapshot(CONFIRMED | ELIMINATED))
    assert counts.confirmed_without_reads > 0


def test_only_findings_about_vehicles_that_were_never_read_are_refused() -> None:
    with pytest.raises(RefusedError, match="confirmed vehicles"):
        snapshot(said("confirmed", "w1", "w2", "w3", "w4"))


def test_a_window_with_one_vehicle_or_none_is_scored() -> None:
    pattern = get_pattern("county_lines")
    columns = {name: pa.array([1.0 * (row % 2) for row in range(80)]) for name in pattern.feature_names}
    table = pa.table(
        {"vehicle": [f"v{row:02d}" for row in range(80)], "window_end": pa.array([ENDS[0]] * 80)} | columns
    )
    labelled = table.append_column("label", pa.array([row % 2 for row in range(80)], pa.int8()))
    labelled = labelled.append_column("weight", pa.array(np.ones(80)))
    text, _ = train_model(labelled, pattern.feature_names, SETTINGS)
    for rows, expected in ((1, ["v00"]), (0, [])):
        scored = score_windows(text, table.slice(0, rows), pattern, pattern.settings_type(), 20, RandomDraw(5, "run"))
        assert [row["vehicle"] for row in review_list(scored, "run")] == expected


def test_a_list_holds_the_ranked_and_the_drawn_and_tells_neither_apart() -> None:
    pattern = get_pattern("county_lines")
    generator = np.random.default_rng(2)
    columns = {name: pa.array(generator.normal(size=80)) for name in pattern.feature_names}
    table = pa.table(
        {"vehicle": [f"v{row:02d}" for row in range(80)], "window_end": pa.array([ENDS[0]] * 80)} | columns
    )
    labelled = table.append_column("label", pa.array([row % 2 for row in range(80)], pa.int8()))
    text, _ = train_model(labelled.append_column("weight", pa.array(np.ones(80))), pattern.feature_names, SETTINGS)
    scored = score_windows(text, table, pattern, pattern.settings_type(), 10, RandomDraw(4, "run"))
    selected = scored.column("selected_by").to_pylist()
    assert selected[:10] == ["ranked"] * 10
    assert selected.count("random") == 4
    assert {value for value in scored.column("inclusion").to_pylist() if value is not None} == {1.0, 4 / 70}
    shown = review_list(scored, "run")
    assert len(shown) == 14
    assert shown == review_list(scored, "run")


def test_an_eliminated_vehicle_weighs_less_than_one_that_nobody_looked_at() -> None:
    table = training_rows(build(ENDS[0]), ENDS[0], CONFIRMED | ELIMINATED, 7, SETTINGS)
    weights = {row["vehicle"]: row["weight"] for row in table.to_pylist()}
    assert weights["v50"] == 1.0
    assert weights["v10"] == SETTINGS.eliminated_weight
    assert weights["v00"] == SETTINGS.unreviewed_weight
