from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from infra.errors import RefusedError
from models.labels import Finding
from models.snapshot import assemble, rows_of, write_snapshot
from models.training_settings import TrainingSettings

ENDS = tuple(date(2026, 1, 5) + timedelta(days=7 * week) for week in range(6))
VEHICLES = [f"v{number:02d}" for number in range(40)]
DECIDED = datetime(2026, 2, 20, tzinfo=UTC)
SETTINGS = TrainingSettings(min_holdout_positives=2, min_train_positives=2, unreviewed_per_reviewed=2)


def build(window_end: date) -> pa.Table:
    count = len(VEHICLES)
    return pa.table(
        {
            "vehicle": VEHICLES,
            "window_end": pa.array([window_end] * count),
            "trips": pa.array(range(count), pa.int64()),
            "baseline": pa.array([0.0] * count),
        }
    )


def findings(confirmed: dict[str, int], eliminated: dict[str, int]) -> dict[str, tuple[Finding, ...]]:
    said = [("confirmed", confirmed), ("eliminated", eliminated)]
    return {
        vehicle: (Finding(vehicle, ENDS[week], finding, DECIDED),)
        for finding, of in said
        for vehicle, week in of.items()
    }


USUAL = findings(
    confirmed={"v00": 0, "v01": 1, "v02": 2, "v03": 4, "v04": 5},
    eliminated={"v10": 0, "v11": 1, "v12": 3, "v13": 4, "v14": 5},
)


def snapshot(known: dict[str, tuple[Finding, ...]], window_days: int = 7, **changed: object) -> pa.Table:
    settings = SETTINGS.model_copy(update=changed)
    return assemble(ENDS, build, known, ["trips"], window_days, settings)[0]


def test_the_holdout_is_the_last_windows_that_hold_enough_confirmed_without_those_found_elsewhere() -> None:
    table, counts = assemble(ENDS, build, USUAL, ["trips"], 7, SETTINGS)
    assert counts.holdout_window_ends == ENDS[4:]
    assert counts.train_window_ends == ENDS[:2] + ENDS[2:4]
    assert counts.holdout_rows == 2 * (len(VEHICLES) - 8)
    assert counts.holdout_positives == 2
    assert max(rows_of(table, "train").column("window_end").to_pylist()) < ENDS[4]


def test_no_training_row_learns_from_a_finding_about_a_holdout_window() -> None:
    table = snapshot(USUAL, window_days=28)
    train = rows_of(table, "train")
    later = {"v03", "v04", "v13", "v14"}
    assert not later & set(train.filter(train.column("reviewed")).column("vehicle").to_pylist())
    holdout = rows_of(table, "holdout")
    assert {"v03", "v04"} <= set(holdout.filter(pc.equal(holdout.column("label"), 1)).column("vehicle").to_pylist())


def test_an_overlapping_label_weighs_the_share_that_overlaps() -> None:
    train = rows_of(snapshot(USUAL, window_days=14), "train").to_pylist()
    weights = {row["window_end"]: row["weight"] for row in train if row["vehicle"] == "v01"}
    assert weights == {ENDS[0]: 0.5, ENDS[1]: 1.0, ENDS[2]: 0.5}


def test_unreviewed_negatives_are_few_lighter_and_never_vehicles_that_anybody_decided_about() -> None:
    train = rows_of(snapshot(USUAL), "train").to_pylist()
    unreviewed = [row for row in train if not row["reviewed"]]
    assert len(unreviewed) == 2 * sum(row["reviewed"] for row in train)
    assert {row["weight"] for row in unreviewed} == {SETTINGS.unreviewed_weight}
    assert {row["label"] for row in unreviewed} == {0}
    assert not {row["vehicle"] for row in unreviewed} & {"v00", "v01", "v02", "v10", "v11", "v12"}


def test_training_is_the_same_whatever_is_found_in_the_holdout() -> None:
    swapped = {"v03": "v30", "v13": "v33", "v14": "v34"}
    other = {swapped.get(vehicle, vehicle): found for vehicle, found in USUAL.items()}
    before, after = snapshot(USUAL, window_days=28), snapshot(other, window_days=28)
    assert rows_of(before, "train").equals(rows_of(after, "train"))
    assert not rows_of(before, "holdout").equals(rows_of(after, "holdout"))


def test_a_holdout_row_has_a_finding_about_that_very_window_or_a_vehicle_without_any() -> None:
    again = Finding("v00", ENDS[4], "confirmed", DECIDED)
    holdout = rows_of(snapshot(USUAL | {"v00": (*USUAL["v00"], again)}, window_days=28), "holdout").to_pylist()
    first = [row for row in holdout if row["window_end"] == ENDS[4]]
    assert {row["vehicle"] for row in first if row["label"]} == {"v00", "v03"}
    assert {row["vehicle"] for row in first if row["reviewed"]} == {"v00", "v03", "v13"}
    assert {row["vehicle"] for row in first if row["known"]} == {"v00"}
    assert not {row["vehicle"] for row in first} & {"v01", "v02", "v04", "v10", "v11", "v12", "v14"}


def test_the_holdout_reaches_back_until_enough_of_its_confirmed_are_new_to_training() -> None:
    again = {"v01": (*USUAL["v01"], Finding("v01", ENDS[5], "confirmed", DECIDED))}
    _, counts = assemble(ENDS, build, USUAL | again, ["trips"], 7, SETTINGS)
    assert counts.holdout_window_ends == ENDS[4:]
    assert counts.holdout_positives == 3


def test_a_holdout_that_finds_too_few_new_ones_is_as_long_as_is_allowed_and_left_to_the_gate() -> None:
    known = USUAL | {"v01": (*USUAL["v01"], Finding("v01", ENDS[5], "confirmed", DECIDED))}
    _, counts = assemble(ENDS, build, known, ["trips"], 7, SETTINGS.model_copy(update={"max_holdout_share": 0.2}))
    assert counts.holdout_window_ends == ENDS[5:]
    assert counts.holdout_positives == 2


def test_inconclusive_findings_are_left_out_of_the_holdout() -> None:
    known = USUAL | {"v20": (Finding("v20", ENDS[5], "inconclusive", DECIDED),)}
    assert "v20" not in {row["vehicle"] for row in snapshot(known).to_pylist() if row["window_end"] == ENDS[5]}


def test_confirmed_vehicles_without_reads_are_counted_and_do_not_fill_the_holdout() -> None:
    known = USUAL | {"ghost": (Finding("ghost", ENDS[5], "confirmed", DECIDED),)}
    _, counts = assemble(ENDS, build, known, ["trips"], 7, SETTINGS)
    assert counts.confirmed_without_reads == 1
    assert counts.holdout_window_ends == ENDS[4:]


def test_too_few_confirmed_for_a_holdout_is_refused_with_counts_and_the_setting() -> None:
    with pytest.raises(RefusedError, match=r"hold 2 confirmed vehicles with reads, a hold-out needs 9") as caught:
        snapshot(USUAL, min_holdout_positives=9)
    assert "training.min_holdout_positives" in caught.value.instruction


def test_too_few_confirmed_left_to_train_on_is_refused_with_counts_and_the_setting() -> None:
    with pytest.raises(RefusedError, match=r"only 3 confirmed vehicles are left, training needs 9") as caught:
        snapshot(USUAL, min_train_positives=9)
    assert "training.min_train_positives" in caught.value.instruction


def test_only_eliminated_findings_are_refused() -> None:
    with pytest.raises(RefusedError, match="hold 0 confirmed"):
        snapshot(findings({}, {"v10": 0, "v11": 5}))


def test_the_same_snapshot_has_the_same_bytes(tmp_path: Path) -> None:
    records = []
    for name in ("one", "two"):
        table, counts = assemble(ENDS, build, USUAL, ["trips"], 28, SETTINGS)
        records.append(write_snapshot(table, counts, tmp_path / name))
    assert records[0] == records[1]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
