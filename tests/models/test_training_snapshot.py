from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from infra.errors import RefusedError
from models.labels import Finding
from models.snapshot import SnapshotCounts, assemble, rows_of, write_snapshot
from models.training_settings import TrainingSettings

ENDS = tuple(date(2026, 1, 5) + timedelta(days=7 * week) for week in range(6))
VEHICLES = [f"v{number:02d}" for number in range(40)]
AS_OF = date(2026, 3, 1)
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


def said(vehicle: str, week: int, finding: str, days: int = 2) -> Finding:
    """A finding about the window of a week, decided some days after its end."""
    decided = datetime.combine(ENDS[week] + timedelta(days=days), time(9), UTC)
    return Finding(vehicle, ENDS[week], finding, decided)


def findings(confirmed: dict[str, int], eliminated: dict[str, int]) -> dict[str, tuple[Finding, ...]]:
    both = [("confirmed", confirmed), ("eliminated", eliminated)]
    return {vehicle: (said(vehicle, week, finding),) for finding, of in both for vehicle, week in of.items()}


USUAL = findings(
    confirmed={"v00": 0, "v01": 1, "v02": 2, "v03": 4, "v04": 5},
    eliminated={"v10": 0, "v11": 1, "v12": 3, "v13": 4, "v14": 5},
)


def snapshot(known: dict[str, tuple[Finding, ...]], window_days: int = 7, **changed: object) -> pa.Table:
    return assembled(known, window_days, **changed)[0]


def assembled(
    known: dict[str, tuple[Finding, ...]], window_days: int = 7, **changed: object
) -> tuple[pa.Table, SnapshotCounts]:
    settings = SETTINGS.model_copy(update=changed)
    decisions = [finding for found in known.values() for finding in found]
    return assemble(ENDS, build, decisions, AS_OF, ["trips"], window_days, settings)


def test_the_holdout_is_the_last_windows_that_hold_enough_confirmed_with_every_vehicle_of_theirs() -> None:
    table, counts = assembled(USUAL)
    assert counts.holdout_window_ends == ENDS[4:]
    assert counts.train_window_ends == ENDS[:2] + ENDS[2:4]
    assert counts.holdout_rows == 2 * len(VEHICLES)
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
    other = {
        name: tuple(replace(finding, vehicle=name) for finding in found)
        for name, found in ((swapped.get(vehicle, vehicle), found) for vehicle, found in USUAL.items())
    }
    before, after = snapshot(USUAL, window_days=28), snapshot(other, window_days=28)
    assert rows_of(before, "train").equals(rows_of(after, "train"))
    assert not rows_of(before, "holdout").equals(rows_of(after, "holdout"))


def test_a_holdout_window_has_every_vehicle_labelled_by_findings_about_that_very_window_alone() -> None:
    known = USUAL | {"v00": (*USUAL["v00"], said("v00", 4, "confirmed")), "v20": (said("v20", 4, "inconclusive"),)}
    holdout = rows_of(snapshot(known, window_days=28), "holdout").to_pylist()
    first = [row for row in holdout if row["window_end"] == ENDS[4]]
    assert [row["vehicle"] for row in first] == VEHICLES
    assert {row["vehicle"] for row in first if row["label"]} == {"v00", "v03"}
    assert {row["vehicle"] for row in first if row["reviewed"]} == {"v00", "v03", "v13"}
    assert {row["vehicle"] for row in first if row["known"]} == {"v00", "v01", "v02", "v10", "v11", "v12"}


def test_a_vehicle_confirmed_before_and_not_looked_at_again_is_marked_as_one_that_nobody_can_say_about() -> None:
    again = USUAL | {
        "v00": (*USUAL["v00"], said("v00", 4, "confirmed")),
        "v01": (*USUAL["v01"], said("v01", 4, "inconclusive")),
    }
    table = snapshot(again, window_days=28)
    marked = {(row["vehicle"], row["window_end"]) for row in table.to_pylist() if row["already_confirmed"]}
    # v03 was found in the first window of the hold-out, so it is known when the second one is listed; eliminated
    # vehicles (v1*) were decided as well, and count as what was decided
    assert marked == {("v02", ENDS[4]), ("v00", ENDS[5]), ("v01", ENDS[5]), ("v02", ENDS[5]), ("v03", ENDS[5])}


def test_a_holdout_window_has_the_same_vehicles_whatever_is_found_about_later_windows() -> None:
    later = USUAL | {"v21": (said("v21", 5, "eliminated"),), "v22": (said("v22", 5, "inconclusive"),)}
    before, after = (rows_of(snapshot(known), "holdout") for known in (USUAL, later))
    first = pc.equal(before.column("window_end"), pa.scalar(ENDS[4], pa.date32()))
    assert before.filter(first).equals(after.filter(first))


def test_a_finding_decided_after_the_holdout_began_teaches_nothing() -> None:
    late = USUAL | {"v30": (said("v30", 2, "confirmed", days=15),)}
    assert rows_of(snapshot(late, window_days=28), "train").equals(rows_of(snapshot(USUAL, window_days=28), "train"))
    in_time = USUAL | {"v30": (said("v30", 2, "confirmed", days=14),)}
    taught = rows_of(snapshot(in_time, window_days=28), "train").to_pylist()
    assert {row["label"] for row in taught if row["vehicle"] == "v30"} == {1}


def test_a_finding_put_right_after_the_holdout_began_teaches_what_it_said_before() -> None:
    changed = USUAL | {"v02": (*USUAL["v02"], said("v02", 2, "eliminated", days=40))}
    assert rows_of(snapshot(changed, window_days=28), "train").equals(rows_of(snapshot(USUAL, window_days=28), "train"))


def test_the_holdout_reaches_back_until_enough_of_its_confirmed_are_new_to_training() -> None:
    again = {"v01": (*USUAL["v01"], said("v01", 5, "confirmed"))}
    _, counts = assembled(USUAL | again)
    assert counts.holdout_window_ends == ENDS[4:]
    assert counts.holdout_positives == 3


def test_a_holdout_that_finds_too_few_new_ones_is_as_long_as_is_allowed_and_left_to_the_gate() -> None:
    known = USUAL | {"v01": (*USUAL["v01"], said("v01", 5, "confirmed"))}
    _, counts = assembled(known, max_holdout_share=0.2)
    assert counts.holdout_window_ends == ENDS[5:]
    assert counts.holdout_positives == 2


def test_confirmed_vehicles_without_reads_are_counted_and_do_not_fill_the_holdout() -> None:
    known = USUAL | {"ghost": (said("ghost", 5, "confirmed"),)}
    _, counts = assembled(known)
    assert counts.confirmed_without_reads == 1
    assert counts.holdout_window_ends == ENDS[4:]


def test_too_few_confirmed_for_a_holdout_is_refused_with_counts_and_the_setting() -> None:
    with pytest.raises(RefusedError, match=r"hold 2 confirmed vehicles with reads, a hold-out needs 9") as caught:
        snapshot(USUAL, min_holdout_positives=9)
    assert "training.min_holdout_positives" in caught.value.instruction


def test_too_few_confirmed_left_to_train_on_is_refused_with_counts_and_the_setting() -> None:
    with pytest.raises(RefusedError, match=r"only 3 vehicles had been confirmed, training needs 9") as caught:
        snapshot(USUAL, min_train_positives=9)
    assert "training.min_train_positives" in caught.value.instruction


def test_only_eliminated_findings_are_refused() -> None:
    with pytest.raises(RefusedError, match="hold 0 confirmed"):
        snapshot(findings({}, {"v10": 0, "v11": 5}))


def test_the_same_snapshot_has_the_same_bytes(tmp_path: Path) -> None:
    records = []
    for name in ("one", "two"):
        table, counts = assembled(USUAL, 28)
        records.append(write_snapshot(table, counts, tmp_path / name))
    assert records[0] == records[1]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
