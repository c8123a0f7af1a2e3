from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss

from infra.errors import RefusedError
from models.evaluation import Evaluation, compare_models, evaluate_model
from models.metrics import (
    average_precision,
    brier,
    calibration_error,
    figures,
    interval,
    quantile_bins,
    rank_rows,
    top_k,
)
from models.plots import PLOTS, draw_plots
from models.snapshot import rows_of
from models.training import train_model
from models.training_settings import TrainingSettings

SETTINGS = TrainingSettings(trees=30, bootstrap_replicates=100)
FEATURES = ["trips", "nights"]
ENDS = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)]
VEHICLES = 400


def make_snapshot(seed: int = 1, shuffled: bool = False) -> pa.Table:
    generator = np.random.default_rng(seed)
    truth = np.arange(VEHICLES) < 20
    pieces = []
    for position, window_end in enumerate(ENDS):
        labels = truth.astype(np.int8)
        seen = generator.normal(size=(VEHICLES, 2)) + 2.0 * truth[:, None]
        if shuffled:
            labels = generator.permutation(labels)
        pieces.append(
            pa.table(
                {
                    "vehicle": [f"v{number:03d}" for number in range(VEHICLES)],
                    "window_end": pa.array([window_end] * VEHICLES),
                    "trips": seen[:, 0],
                    "nights": seen[:, 1],
                    "baseline": (generator.normal(size=VEHICLES) + truth).round(),
                    "label": labels,
                    "weight": np.ones(VEHICLES),
                    "split": ["holdout" if position == 2 else "train"] * VEHICLES,
                    "reviewed": labels.astype(bool) | (np.arange(VEHICLES) % 5 == 0),
                    "known": np.arange(VEHICLES) < 10,
                    "already_confirmed": np.zeros(VEHICLES, dtype=np.bool_),
                }
            )
        )
    return pa.concat_tables(pieces)


@pytest.fixture(scope="module")
def snapshot() -> pa.Table:
    return make_snapshot()


@pytest.fixture(scope="module")
def model(snapshot: pa.Table) -> str:
    return train_model(rows_of(snapshot, "train"), FEATURES, SETTINGS)[0]


@pytest.fixture(scope="module")
def evaluation(model: str, snapshot: pa.Table) -> Evaluation:
    return evaluate_model(model, snapshot, 10, SETTINGS)


def test_average_precision_and_brier_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(5)
    labels, scores = generator.integers(0, 2, 500), generator.random(500)
    order = np.argsort(-scores)
    ones = np.ones(500)
    assert average_precision(labels[order], ones) == pytest.approx(average_precision_score(labels, scores))
    assert brier(labels, scores, ones) == pytest.approx(brier_score_loss(labels, scores))


def test_a_weight_of_two_is_a_row_twice() -> None:
    generator = np.random.default_rng(6)
    labels, scores = generator.integers(0, 2, 60), np.sort(generator.random(60))[::-1]
    weights = generator.integers(0, 3, 60)
    repeated = np.repeat(labels, weights)
    assert average_precision(labels, weights.astype(float)) == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    assert top_k(labels, weights.astype(float), 7)[0] == repeated[:7].sum()
    assert brier(labels, scores, weights.astype(float)) == pytest.approx(
        brier(repeated, np.repeat(scores, weights), np.ones(len(repeated)))
    )


def test_a_list_shorter_than_k_is_measured_on_what_it_has() -> None:
    assert top_k(np.array([1, 0, 1]), np.ones(3), 10) == (2.0, 3.0)


def test_precision_and_recall_at_k_are_means_over_windows() -> None:
    labels = np.array([1, 0, 0, 0, 1, 1])
    scores = np.array([0.9, 0.8, 0.1, 0.2, 0.9, 0.3])
    ranked = rank_rows(labels, scores, np.arange(6), np.array([1, 1, 1, 2, 2, 2]))
    found = figures(ranked, np.ones(6), 2)
    assert found["precision_at_k"] == pytest.approx((1 / 2 + 2 / 2) / 2)
    assert found["recall_at_k"] == pytest.approx((1 / 1 + 2 / 2) / 2)


def test_equal_scores_rank_by_vehicle_whatever_the_order_of_rows() -> None:
    labels = np.array([0, 1, 0])
    for order in ([0, 1, 2], [2, 1, 0]):
        ranked = rank_rows(labels[order], np.full(3, 0.5), np.arange(3)[order], np.ones(3, dtype=np.int64))
        assert ranked.labels.tolist() == [0, 1, 0]


def test_calibration_error_is_the_gap_between_score_and_share() -> None:
    labels, scores = np.array([0] * 50 + [1] * 50), np.full(100, 0.8)
    assert calibration_error(labels, scores, quantile_bins(scores), np.ones(100)) == pytest.approx(0.3)


def test_an_interval_needs_half_of_the_replicates() -> None:
    nan = float("nan")
    assert interval([nan, nan, 1.0], 0.95) is None
    assert interval([nan, 1.0, 1.0], 0.95) == (1.0, 1.0)


def test_every_vehicle_of_the_holdout_counts_and_the_unreviewed_as_not_confirmed(evaluation: Evaluation) -> None:
    assert evaluation.window_ends == (ENDS[2],)
    assert (evaluation.all_vehicles.rows, evaluation.all_vehicles.positives) == (VEHICLES, 20)
    assert evaluation.reviewed.rows == 96
    assert (evaluation.not_yet_known.rows, evaluation.not_yet_known.positives) == (VEHICLES - 10, 10)
    assert "not confirmed" in evaluation.note


def test_a_model_that_sees_the_behaviour_beats_the_rule_and_has_intervals(evaluation: Evaluation) -> None:
    measured = evaluation.all_vehicles
    figure = measured.model.average_precision
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= figure.value <= figure.high
    assert measured.lift.value is not None
    assert measured.lift.value > 1
    assert evaluation.not_yet_known.model.recall_at_k.value is not None


def test_the_result_survives_json(evaluation: Evaluation) -> None:
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


def test_measuring_again_gives_the_same_figures(evaluation: Evaluation, model: str, snapshot: pa.Table) -> None:
    assert evaluate_model(model, snapshot, 10, SETTINGS) == evaluation


def test_shuffled_labels_fall_to_the_base_rate() -> None:
    shuffled = make_snapshot(shuffled=True)
    text, _ = train_model(rows_of(shuffled, "train"), FEATURES, SETTINGS)
    measured = evaluate_model(text, shuffled, 10, SETTINGS).all_vehicles
    assert measured.model.average_precision.value is not None
    assert measured.model.average_precision.value < 0.12
    assert measured.base_rate.value == pytest.approx(0.05)


def test_a_population_without_confirmed_vehicles_has_no_recall_rather_than_a_made_up_one(model: str) -> None:
    snapshot = make_snapshot()
    place = snapshot.column_names.index("known")
    everybody = snapshot.set_column(place, "known", pa.array(np.arange(3 * VEHICLES) % VEHICLES < 20))
    unknown = evaluate_model(model, everybody, 10, SETTINGS).not_yet_known
    assert unknown.positives == 0
    assert unknown.model.recall_at_k.value is None
    assert unknown.model.average_precision.value is None


def test_recognising_a_vehicle_that_is_confirmed_already_is_neither_held_against_a_model_nor_to_its_credit(
    model: str,
) -> None:
    """Five of the twenty in the hold-out were confirmed before; nobody looked at them again, so their label says no."""
    plain = make_snapshot()
    number, holdout = np.arange(3 * VEHICLES) % VEHICLES, np.array(plain.column("split").to_pylist()) == "holdout"
    before = holdout & (number < 5)

    def changed(**columns: pa.Array) -> pa.Table:
        table = plain
        for name, values in columns.items():
            table = table.set_column(table.column_names.index(name), name, values)
        return table

    labels = pa.array(np.where(before, 0, plain.column("label").to_numpy()), pa.int8())
    against = evaluate_model(model, changed(label=labels), 10, SETTINGS)
    left_out = evaluate_model(model, changed(label=labels, already_confirmed=pa.array(before)), 10, SETTINGS)
    without = evaluate_model(model, plain.filter(pa.array(~before)), 10, SETTINGS)
    assert (against.already_confirmed, left_out.already_confirmed) == (0, 5)
    for population in ("all_vehicles", "not_yet_known"):
        found, wanted = getattr(left_out, population), getattr(without, population)
        assert (found.rows, found.vehicles, found.positives) == (wanted.rows, wanted.vehicles, wanted.positives)
        assert found.model.average_precision.value == wanted.model.average_precision.value
        assert found.model.precision_at_k.value == wanted.model.precision_at_k.value
    precision = [found.all_vehicles.model.average_precision.value for found in (against, left_out)]
    assert precision[0] is not None
    assert precision[1] is not None
    assert precision[0] < precision[1]
    assert against.holdout_digest != left_out.holdout_digest


def test_champion_and_challenger_meet_on_the_same_rows_with_paired_intervals(
    model: str, snapshot: pa.Table, evaluation: Evaluation
) -> None:
    weak = train_model(rows_of(make_snapshot(2, shuffled=True), "train"), FEATURES, SETTINGS)[0]
    compared = compare_models(model, weak, snapshot, 10, SETTINGS)
    assert compared.challenger == evaluation
    assert compared.champion == evaluate_model(weak, snapshot, 10, SETTINGS)
    assert compared.champion.holdout_digest == compared.challenger.holdout_digest
    assert compared.all_vehicles.average_precision.low is not None
    assert compared.all_vehicles.average_precision.low > 0


def test_a_model_against_itself_differs_by_exactly_nothing(model: str, snapshot: pa.Table) -> None:
    same = compare_models(model, model, snapshot, 10, SETTINGS).all_vehicles.average_precision
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_champion_with_other_features_is_refused(model: str, snapshot: pa.Table) -> None:
    with pytest.raises(RefusedError, match="nights"):
        evaluate_model(model, snapshot.drop_columns(["nights"]), 10, SETTINGS)


def test_a_snapshot_without_holdout_is_refused(model: str, snapshot: pa.Table) -> None:
    with pytest.raises(RefusedError, match="no hold-out rows"):
        evaluate_model(model, rows_of(snapshot, "train"), 10, SETTINGS)


def test_pictures_are_drawn_and_come_out_the_same(model: str, snapshot: pa.Table, tmp_path: Path) -> None:
    drawn = draw_plots(model, snapshot, 10, tmp_path / "one")
    again = draw_plots(model, snapshot, 10, tmp_path / "two")
    assert [path.stem for path in drawn] == list(PLOTS)
    assert [path.read_bytes() for path in drawn] == [path.read_bytes() for path in again]
