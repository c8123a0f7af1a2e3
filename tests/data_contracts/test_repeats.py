"""A file delivered again with rows changed is known as what it is: its rows collapse, and the record says onto what."""

from __future__ import annotations

from datetime import date

from data_contracts.history import judgements
from data_contracts.reads import read_parts
from flows.cli.batch_commands import _verdict
from flows.steps.batch_page import judgement_row

LETTERS = "ABCDEFGHJKLMNOPRSTUVWXY"


def rows_of(row, count, day=18, vrm="AB12C"):
    return [
        row(
            vrm=f"{vrm}A{LETTERS[n]}",
            captured_at=f"2026-05-{day}T08:{n:02}:00Z",
            received_at="",
        )
        for n in range(count)
    ]


def test_one_row_changed(room, row):
    rows = rows_of(row, 20)
    (first,) = room.ingest(room.deliver("first.csv", *rows)).batches
    rows[7] = row(vrm="XY21ZZZ", captured_at="2026-05-18T09:00:00Z", received_at="")
    (again,) = room.ingest(room.deliver("edited.csv", *rows)).batches
    assert (again.accepted, again.duplicates) == (1, 19)
    assert again.repeats == {first.batch_id: 19}
    assert again.reasons[-1].startswith(f"repeats_batch: 19 of 20 rows (95%) repeat reads that batch {first.batch_id}")
    assert first.repeats == {}
    assert not any("repeats_batch" in reason for reason in first.reasons)
    assert len(room.reads()) == 21


def test_one_row_changed_in_the_same_call(room, row):
    rows = rows_of(row, 10)
    changed = [*rows[:9], row(vrm="XY21ZZZ", received_at="")]
    # beside them one that only meets its neighbour, and one that repeats itself
    met = rows_of(row, 9, 17)
    stuck = [row(vrm="XY21ZZZ", captured_at=f"2026-05-18T10:00:0{n}Z", received_at="") for n in range(5)]
    files = {"first": rows, "edited": changed, "second": met[:5], "meeting": met[4:], "stuck": stuck}
    first, again, _, meeting, alone = room.ingest(
        *(room.deliver(name, *lines) for name, lines in files.items())
    ).batches
    assert (first.repeats, again.repeats) == ({}, {first.batch_id: 9})
    assert (meeting.duplicates, meeting.repeats) == (1, {})
    assert (alone.duplicates, alone.repeats) == (4, {})


def test_a_file_that_gathers_several_days(room, row):
    days = [rows_of(row, 5, day) for day in (16, 17)]
    first, second = room.ingest(*(room.deliver(f"{n}.csv", *rows) for n, rows in enumerate(days))).batches
    (both,) = room.ingest(room.deliver("both.csv", *days[0], *days[1], *rows_of(row, 2, 18))).batches
    assert both.repeats == dict(sorted({first.batch_id: 5, second.batch_id: 5}.items()))
    assert (both.accepted, both.duplicates) == (2, 10)


def test_a_repeat_of_a_repeat_names_whose_reads_they_are(room, row):
    rows = rows_of(row, 6)
    (first,) = room.ingest(room.deliver("first.csv", *rows)).batches
    room.ingest(room.deliver("second.csv", *rows, *rows_of(row, 1, 17)))
    (third,) = room.ingest(room.deliver("third.csv", *rows, *rows_of(row, 1, 16))).batches
    assert third.repeats == {first.batch_id: 6}


def test_what_only_meets_its_neighbour_is_no_repeat(room, row):
    rows = rows_of(row, 9)
    room.ingest(room.deliver("first.csv", *rows[:5]))
    (meeting,) = room.ingest(room.deliver("second.csv", *rows[4:])).batches
    assert (meeting.duplicates, meeting.repeats) == (1, {})


def test_rows_that_a_failed_batch_had_are_no_repeats(room, row):
    rows = rows_of(row, 4)
    (failed,) = room.ingest(room.deliver("bad.csv", *rows, row(confidence="999"))).batches
    assert failed.verdict == "failed"
    (good,) = room.ingest(room.deliver("good.csv", *rows), replaces=failed.batch_id).batches
    assert (good.accepted, good.repeats) == (4, {})
    assert len(read_parts(room.lake, room.rocu, date.min, date.max)) == 1


def test_a_file_that_is_wholly_a_repeat_is_marked_in_the_list_of_batches(room, row):
    rows = rows_of(row, 6)
    (first,) = room.ingest(room.deliver("first.csv", *rows)).batches
    (again,) = room.ingest(room.deliver("again.csv", *reversed(rows))).batches
    assert (again.accepted, again.verdict) == (0, "passed")
    listed = [_verdict(judgement_row(one)) for one in judgements(room.lake, room.rocu)]
    assert listed == ["passed", f"passed, repeats {first.batch_id}"]
