"""A file delivered again with rows changed is known as what it is: its rows collapse, and the record says onto what."""

from __future__ import annotations

from datetime import date

from data_contracts.layers.history import judgements
from data_contracts.layers.reads import read_parts
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


def test_one_row_changed_and_then_all_of_it_again(room, row):
    rows = rows_of(row, 20)
    (first,) = room.ingest(room.deliver("first.csv", *rows)).batches
    edited = [*rows[:7], row(vrm="XY21ZZZ", captured_at="2026-05-18T09:00:00Z", received_at=""), *rows[8:]]
    (again,) = room.ingest(room.deliver("edited.csv", *edited)).batches
    assert (again.accepted, again.duplicates) == (1, 19)
    assert again.repeats == {first.batch_id: 19}
    assert again.reasons[-1].startswith(f"repeats_batch: 19 of 20 rows (95%) repeat reads that batch {first.batch_id}")
    assert first.repeats == {}
    assert not any("repeats_batch" in reason for reason in first.reasons)
    assert len(room.reads()) == 21
    # a repeat of a repeat names whose reads they are
    (whole,) = room.ingest(room.deliver("again.csv", *reversed(rows))).batches
    assert whole.repeats == {first.batch_id: 20}
    assert (whole.accepted, whole.verdict) == (0, "passed")
    repeated = f"passed, repeats {first.batch_id}"
    listed = [_verdict(judgement_row(one, {})) for one in judgements(room.lake, room.rocu)]
    assert listed == ["passed", repeated, repeated]


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


def test_a_file_that_gathers_several_days_and_one_that_only_meets_its_neighbour(room, row):
    days = [rows_of(row, 5, day) for day in (16, 17)]
    met = rows_of(row, 9, 15)
    earlier = [room.deliver(f"{n}.csv", *rows) for n, rows in enumerate([*days, met[:5]])]
    first, second, _ = room.ingest(*earlier).batches
    gathered = room.deliver("both.csv", *days[0], *days[1], *rows_of(row, 2, 18))
    both, meeting = room.ingest(gathered, room.deliver("meeting.csv", *met[4:])).batches
    assert both.repeats == dict(sorted({first.batch_id: 5, second.batch_id: 5}.items()))
    assert (both.accepted, both.duplicates) == (2, 10)
    assert (meeting.duplicates, meeting.repeats) == (1, {})


def test_rows_that_a_failed_batch_had_are_no_repeats(room, row):
    rows = rows_of(row, 4)
    (failed,) = room.ingest(room.deliver("bad.csv", *rows, row(confidence="999"))).batches
    assert failed.verdict == "failed"
    (good,) = room.ingest(room.deliver("good.csv", *rows), replaces=failed.batch_id).batches
    assert (good.accepted, good.repeats) == (4, {})
    assert len(read_parts(room.lake, room.rocu, date.min, date.max)) == 1
