"""Trials of a challenger: a good one comes through each, and each finds the fault that it is there to find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.engine import open_engine
from infra.errors import FaultError
from models.assurance.altered_reads import READS, WindowReads, window_reads
from models.assurance.bases import base_table
from models.assurance.fairness import density_bands, measure_fairness
from models.assurance.leakage import exchange_labels, look_for_leakage
from models.assurance.parity import check_parity, differing
from models.assurance.ranking import WindowRows
from models.assurance.results import Parity
from models.assurance.robustness import FAULTS, try_faults
from models.assurance.thinning import thin_cameras
from models.assurance.trials import run_trials
from models.day_seal import KeptDays
from models.inputs import window_parts
from models.patterns import Pattern, get_pattern
from models.pipeline import TrainingOutputs
from models.snapshot import rows_of
from models.window_engines import open_windows

PATTERN = get_pattern("county_lines")


@pytest.fixture(scope="module")
def snapshot(trained: TrainingOutputs) -> pa.Table:
    return pq.ParquetFile(trained.snapshot_path).read()


@pytest.fixture(scope="module")
def connection(world: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine(world.settings) as opened:
        yield opened


def pattern_settings(trained: TrainingOutputs, **changes: Any) -> Any:
    return PATTERN.settings_type.model_validate(trained.inputs.pattern_settings | changes)


def last_end(trained: TrainingOutputs) -> date:
    return trained.snapshot.holdout_window_ends[-1]


@contextmanager
def opened(
    connection: Any, world: Any, trained: TrainingOutputs, pattern: Pattern = PATTERN, by_day: bool = False
) -> Iterator[WindowReads]:
    end, chosen = last_end(trained), pattern_settings(trained)
    parts = window_parts(trained.inputs.reads, end, chosen.window_days)
    process = world.settings.model_copy(update={"windows_by_day": by_day})
    with (
        open_windows(process, "nwrocu", connection) as windows_of,
        window_reads(process, connection, windows_of, world.lake, "nwrocu", parts, pattern, chosen, end) as reads,
    ):
        yield reads


@pytest.fixture
def reads(connection: Any, world: Any, trained: TrainingOutputs) -> Iterator[WindowReads]:
    with opened(connection, world, trained) as found:
        yield found


def parity(world: Any, trained: TrainingOutputs, snapshot: pa.Table, **changes: Any) -> Parity:
    serving = pattern_settings(trained, **changes)
    with open_windows(world.settings, "nwrocu") as windows_of:
        return check_parity(windows_of, world.lake, trained.inputs, snapshot, trained.model_text, PATTERN, serving)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, table.column(name).type))


class TestParity:
    def test_the_same_settings_give_the_same_rows_and_scores_to_the_bit(
        self, world: Any, trained: TrainingOutputs, snapshot: pa.Table
    ) -> None:
        found = parity(world, trained, snapshot)
        assert found.differing_rows == 0
        assert found.first == ()
        assert found.holdout_rows == rows_of(snapshot, "holdout").num_rows
        assert found.train_rows > 0
        assert found.model_sha256 == trained.training.text_sha256

    def test_another_setting_in_service_is_found(
        self, world: Any, trained: TrainingOutputs, snapshot: pa.Table
    ) -> None:
        found = parity(world, trained, snapshot, night_from_hour=6, night_to_hour=12)
        assert "night_share" in found.differing_columns
        assert found.differing_rows > 0
        assert found.first[0].trained != found.first[0].served

    def test_a_snapshot_that_was_tampered_with_is_found_by_row_and_column(
        self, world: Any, trained: TrainingOutputs, snapshot: pa.Table
    ) -> None:
        values = snapshot.column("farthest_km").to_pylist()
        row = snapshot.column("split").to_pylist().index("holdout") + 2
        values[row] += 1
        found = parity(world, trained, with_column(snapshot, "farthest_km", values))
        assert found.differing_rows == 1
        assert "farthest_km" in found.differing_columns
        assert (found.first[0].row, found.first[0].column) == (2, "farthest_km")

    def test_a_row_that_service_does_not_have_differs_in_everything(
        self, world: Any, trained: TrainingOutputs, snapshot: pa.Table
    ) -> None:
        keys = snapshot.column("vehicle").to_pylist()
        keys[-1] = "nobody"
        found = parity(world, trained, with_column(snapshot, "vehicle", keys))
        assert found.differing_rows == 1
        assert len(found.differing_columns) == found.features + 1
        assert found.first[0].served == "no such row"

    def test_the_smallest_difference_counts_and_a_missing_column_differs_everywhere(self) -> None:
        rows = pa.table({"vehicle": ["a", "b", "c"], "x": [0.1, None, 3.0], "y": [1.0, 1.0, 1.0]})
        served = pa.table({"vehicle": ["c", "b", "a"], "x": [3.0, None, np.nextafter(0.1, 1)]})
        assert differing(rows, served, ["x"]).tolist() == [[0, 0]]
        assert differing(rows, served, ["x", "y"])[:, 1].tolist().count(1) == 3


class TestLeakage:
    def test_an_honest_snapshot(self, trained: TrainingOutputs, snapshot: pa.Table, reads: WindowReads) -> None:
        rows = rows_of(snapshot, "holdout")
        rows = rows.filter(pa.compute.equal(rows.column("window_end"), pa.scalar(reads.window_end)))
        found = look_for_leakage(snapshot, rows, trained.snapshot.features, trained.inputs.training, reads)
        assert (found.rows_on_both_sides, found.rows_moved) == (0, 0)
        assert found.rows_compared == rows.num_rows
        assert found.later_reads == reads.reads > 0
        assert found.shuffled_excess is not None
        # six confirmed of ninety vehicles: chance alone is worth this much
        assert found.shuffled_excess < 0.3

    def test_rows_on_both_sides_show_twice(
        self, trained: TrainingOutputs, snapshot: pa.Table, reads: WindowReads
    ) -> None:
        holdout = rows_of(snapshot, "holdout")
        copied = with_column(holdout, "split", ["train"] * holdout.num_rows)
        leaking = pa.concat_tables([*[copied] * 5, snapshot])
        settings = trained.inputs.training.model_copy(update={"trees": 400, "leaves": 31, "min_rows_in_leaf": 1})
        found = look_for_leakage(leaking, holdout.slice(0, 0), trained.snapshot.features, settings, reads)
        assert found.rows_on_both_sides == holdout.num_rows
        assert found.shuffled_excess is not None
        assert found.shuffled_excess > 0.5

    def test_a_window_that_looks_ahead_is_found(
        self, connection: Any, world: Any, trained: TrainingOutputs, snapshot: pa.Table
    ) -> None:
        def ahead(connection: Any, lake: Any, parts: Any, as_of: date, settings: Any) -> pa.Table:
            found = PATTERN.build_windows(connection, lake, parts, as_of + timedelta(days=1), settings)
            return with_column(found, "window_end", [as_of] * found.num_rows)

        with opened(connection, world, trained, replace(PATTERN, build_windows=ahead)) as reads:
            rows = rows_of(snapshot, "holdout")
            found = look_for_leakage(snapshot, rows, trained.snapshot.features, trained.inputs.training, reads, 0)
        assert found.rows_moved > 0

    def test_a_feature_that_was_told_the_label_is_named(
        self, trained: TrainingOutputs, snapshot: pa.Table, reads: WindowReads
    ) -> None:
        told = with_column(snapshot, "farthest_km", snapshot.column("label").cast(pa.int64()).to_pylist())
        none = rows_of(snapshot, "holdout").slice(0, 0)
        found = look_for_leakage(told, none, ("reads", "farthest_km"), trained.inputs.training, reads, 0)
        assert found.strongest_feature == "farthest_km"
        assert found.strongest_average_precision == pytest.approx(1.0)

    def test_labels_are_exchanged_within_their_window_only(self, snapshot: pa.Table) -> None:
        exchanged = exchange_labels(snapshot, 5)

        def per_window(table: pa.Table) -> Any:
            return table.group_by("window_end").aggregate([("label", "sum")]).sort_by("window_end").to_pylist()

        assert per_window(exchanged) == per_window(snapshot)
        assert exchanged.column("label").to_pylist() != snapshot.column("label").to_pylist()
        assert exchange_labels(snapshot, 5).equals(exchanged)


class TestFaults:
    def test_reads_that_nobody_changed_give_the_same_windows(
        self, connection: Any, world: Any, trained: TrainingOutputs, reads: WindowReads
    ) -> None:
        parts = window_parts(trained.inputs.reads, reads.window_end, reads.settings.window_days)
        straight = PATTERN.build_windows(connection, world.lake, parts, reads.window_end, reads.settings)
        assert reads.windows(f"SELECT * FROM {READS}").equals(straight)

    def test_windows_of_changed_reads_go_the_way_of_scoring_and_leave_nothing(
        self, connection: Any, world: Any, trained: TrainingOutputs
    ) -> None:
        asked = []

        def by_day(connection: Any, lake: Any, kept: KeptDays, *further: Any) -> pa.Table:
            asked.append((kept.rocu, lake.root.parent))
            return PATTERN.build_windows(connection, lake, *further)

        with opened(connection, world, trained, replace(PATTERN, build_by_day=by_day), by_day=True) as reads:
            reads.windows(f"SELECT * FROM {READS}")
        assert asked == [("nwrocu", world.settings.root / "work")]
        assert list((world.settings.root / "work").iterdir()) == []

    def test_each_fault_hits_the_same_reads_every_time_and_does_harm(self, reads: WindowReads) -> None:
        plain = reads.windows(f"SELECT * FROM {READS}")
        keys = np.array(plain.column("vehicle").to_pylist(), dtype=np.str_)
        far = plain.column("farthest_km").to_numpy().astype(np.float64)
        rows = WindowRows(keys, (far >= 60).astype(np.int64), np.ones(len(keys), dtype=np.bool_), far, 5)

        def score(windows: pa.Table) -> pa.Table:
            return pa.table({"vehicle": windows.column("vehicle"), "score": windows.column("farthest_km")})

        found = try_faults(reads, rows, score, 3)
        assert [trial.name for trial in found.trials] == [fault.name for fault in FAULTS]
        assert found.average_precision == pytest.approx(1.0)
        assert all(0 < trial.reads_changed < found.reads for trial in found.trials)
        assert all(0 <= (trial.top_k_overlap or 0) <= 1 for trial in found.trials)
        assert max(trial.average_precision_loss or 0 for trial in found.trials) > 0
        assert try_faults(reads, rows, score, 3) == found


def test_a_row_that_nobody_can_say_about_keeps_its_place_in_the_list_and_counts_in_no_precision() -> None:
    keys, scores = np.array(["a", "b", "c", "d"]), np.array([4.0, 3.0, 2.0, 1.0])
    rows = WindowRows(keys, np.array([0, 1, 0, 1]), np.array([False, True, True, True]), scores, 2)
    assert rows.selected(scores).tolist() == [True, True, False, False]
    assert rows.precision(scores) == pytest.approx((1 / 1 + 2 / 3) / 2)
    told = rows.to_decide()
    assert (told.keys.tolist(), told.labels.tolist()) == (["b", "c", "d"], [1, 0, 1])
    assert told.selected(told.scores).tolist() == [True, True, False]


class TestFewerCameras:
    def rows_by(self, reads: WindowReads, column: str) -> tuple[WindowRows, Any, Any]:
        plain = reads.windows(f"SELECT * FROM {READS}")
        keys = np.array(plain.column("vehicle").to_pylist(), dtype=np.str_)
        values = plain.column(column).to_numpy().astype(np.float64)
        bases = base_table(reads, None)
        known = dict(zip(bases.column("vehicle").to_pylist(), bases.column("cell").to_pylist(), strict=True))
        rows = WindowRows(keys, np.zeros(len(keys), dtype=np.int64), np.ones(len(keys), dtype=np.bool_), values, 10)
        return rows, [known[key] for key in keys.tolist()], bases

    def test_a_ranking_by_reads_hangs_on_cameras_and_one_by_days_seen_less(self, reads: WindowReads) -> None:
        lost = {}
        for column in ("reads", "days_seen"):
            rows, cells, bases = self.rows_by(reads, column)

            def score(windows: pa.Table, column: str = column) -> pa.Table:
                return pa.table({"vehicle": windows.column("vehicle"), "score": windows.column(column)})

            found = thin_cameras(reads, rows, cells, bases, score, 1)
            assert found is not None
            assert 0 < found.cameras_removed <= found.cameras
            assert found.reads_removed > 0
            assert found.rows_there > 0
            lost[column] = found.top_k_replaced or 0.0
        assert lost["reads"] >= lost["days_seen"]

    def test_nothing_is_said_when_no_base_is_known(self, reads: WindowReads) -> None:
        rows, cells, bases = self.rows_by(reads, "reads")
        assert thin_cameras(reads, rows, [None] * len(cells), bases, lambda windows: windows, 1) is None


class TestFairness:
    def test_figures_of_each_group_are_those_counted_by_hand(self) -> None:
        confirmed = np.array([1, 1, 0, 0, 1, 0, 0, 0], dtype=np.bool_)
        selected = np.array([1, 0, 1, 0, 0, 0, 0, 0], dtype=np.bool_)
        groups = {"force": ["a", "a", "a", "a", "b", "b", "b", None], "area_group": [None] * 8}
        found = measure_fairness(confirmed, selected, groups, 2, [date(2026, 1, 4)])
        assert [one.name for one in found.attributes] == ["force"]
        first, second, unknown = found.attributes[0].groups
        assert (first.group, first.rows, first.selected, first.confirmed, first.expected) == ("a", 4, 2, 2, 1.0)
        assert (first.selection_rate, first.precision, first.recall) == (0.5, 0.5, 0.5)
        assert (second.selected, second.precision, second.recall) == (0, None, 0.0)
        assert (unknown.group, unknown.rows, unknown.recall) == ("unknown", 1, None)
        assert found.attributes[0].largest_ratio(0.5) == pytest.approx((2.5 / 5) / (0.5 / 4))
        assert found.attributes[0].largest_ratio(0.9) is None

    def test_bands_of_density_have_names_with_their_edges(self) -> None:
        bands = density_bands([1, 1, 2, 3, 8, 9, None])
        assert bands[0] == bands[1] == "sparse: up to 1 cameras"
        assert bands[5] == "dense: over 3 cameras"
        assert bands[6] is None

    def test_areas_come_from_the_register_that_held(self, reads: WindowReads, tmp_path: Any) -> None:
        assert set(base_table(reads, None).column("area_group").to_pylist()) == {None}
        register = tmp_path / "register.parquet"
        with pytest.raises(FaultError, match=r"register.parquet, .* is missing"):
            base_table(reads, register)
        sites = ["hub-1", "hub-2", "hub-3", "road-1", "town-1", "town-2"]
        before = pa.array([reads.begin] * 6, pa.timestamp("us"))
        pq.write_table(
            pa.table({"site_id": sites, "area_group": ["urban_core"] * 3 + ["rural"] * 3, "valid_from": before}),
            register,
        )
        found = base_table(reads, register)
        assert "urban_core" in found.column("area_group").to_pylist()
        assert set(found.column("force").to_pylist()) == {"Merseyside"}
        assert found.column("vehicle").to_pylist() == sorted(found.column("vehicle").to_pylist())


def test_all_trials_of_a_run_are_the_same_again(world: Any, trained: TrainingOutputs) -> None:
    said: list[str] = []
    found = run_trials(world.settings, world.lake, trained, said.append)
    assert run_trials(world.settings, world.lake, trained, said.append) == found
    assert found.fairness is not None
    # one force and no areas in this world: what is not known is not measured
    assert [one.name for one in found.fairness.attributes] == ["force", "camera_density"]
