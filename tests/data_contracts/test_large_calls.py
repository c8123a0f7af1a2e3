"""Calls that are too large to be sorted or judged in one go come out as if they were not."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pyarrow.parquet as pq
import pytest

from data_contracts import ingest
from data_contracts.layers import parts
from data_contracts.layers.reads import read_parts
from infra.errors import WrongInputError

DAYS = (17, 18)


def many_rows(row):
    return [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T{hour:02}:00:00Z", received_at="")
        for day in DAYS
        for hour in range(8, 12)
        for letter in "ZCABYX"
    ]


def keys_of(part, room):
    rows = pq.read_table(room.lake.root / part.path, partitioning=None).to_pylist()
    assert len(rows) == part.rows
    return [(read["vehicle"], read["captured_at"], read["batch_id"], read["row_no"]) for read in rows]


def test_a_day_of_many_reads_is_several_parts_in_the_order_of_vehicles(room, room_again, row, monkeypatch):
    file = room.deliver("many.csv", *many_rows(row))
    whole = room_again()
    whole.ingest(file)
    monkeypatch.setattr(parts, "ROWS_IN_A_PART", 7)
    room.ingest(file)
    assert room.reads() == whole.reads()
    for day in DAYS:
        captured_on = date(2026, 5, day)
        (one,) = read_parts(whole.lake, whole.rocu, captured_on, captured_on)
        several = read_parts(room.lake, room.rocu, captured_on, captured_on)
        assert len(several) == 4
        in_order = sorted((keys_of(part, room) for part in several), key=lambda keys: keys[0])
        assert [key for keys in in_order for key in keys] == keys_of(one, whole)


def test_a_large_call_is_judged_in_groups_with_the_same_outcome(room, room_again, row, monkeypatch):
    rows = many_rows(row)
    files = [room.deliver(f"{n}.csv", *rows[n * 12 : n * 12 + 12], row(confidence="140")) for n in range(4)]
    again = room.write("again.csv", files[0].read_bytes())
    whole = room_again()
    one = whole.ingest(*files, again, max_quarantine_share=1)
    monkeypatch.setattr(ingest, "ROWS_AT_ONCE", 30)
    placed = []
    several = room.ingest(*files, again, max_quarantine_share=1, on_record=placed.append)
    assert (len(one.records), len(several.records)) == (1, 2)
    assert tuple(placed) == several.records
    assert [record.sequence for record in several.records] == [0, 1]
    assert several.batches == one.batches
    assert several.already_known == one.already_known
    assert room.reads() == whole.reads()
    assert room.quarantine("*") == whole.quarantine("*")


def test_a_large_call_that_stops_at_a_file_keeps_the_groups_before_it_and_goes_on_from_there(room, row, monkeypatch):
    monkeypatch.setattr(ingest, "ROWS_AT_ONCE", 1)
    first, last = (room.deliver(f"{vrm}.csv", row(vrm=vrm)) for vrm in ("AB12CDE", "XY21ZZZ"))
    zoneless = room.deliver("zoneless.csv", row(captured_at="2026-05-18 08:00:00"))
    with pytest.raises(WrongInputError, match="zone"):
        room.ingest(first, zoneless, last)
    assert len(room.reads()) == 1
    report = room.ingest(first, last)
    assert (len(report.records), len(report.already_known)) == (1, 1)
    assert len(room.reads()) == 2


def test_many_days_with_few_reads_are_written_together_with_the_same_outcome(room, room_again, row, monkeypatch):
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day:02}T08:00:00Z", received_at="")
        for day in range(1, 18)
        for letter in ("ZC" if day < 16 else "ABCDEFGHJK")
    ]
    file = room.deliver("many.csv", *rows)
    alone = room_again()
    monkeypatch.setattr(parts, "LARGE_DAY", 0)
    alone.ingest(file)
    monkeypatch.setattr(parts, "LARGE_DAY", 0.1)
    monkeypatch.setattr(parts, "ROWS_IN_A_PART", 9)
    room.ingest(file)
    assert room.reads() == alone.reads()
    days = [date(2026, 5, day) for day in range(1, 18)]
    kept = Counter(part.date for part in read_parts(room.lake, room.rocu, days[0], days[-1]))
    # the two large days in two parts each
    assert kept == Counter(days) + Counter(days[-2:])


def test_a_day_of_half_the_reads_and_less_is_not_cut_into_as_many_parts(room, row, monkeypatch):
    monkeypatch.setattr(parts, "ROWS_IN_A_PART", 3)
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T08:00:00Z", received_at="")
        for day, letters in ((17, "ABCDEFGHJK"), (18, "ABC"))
        for letter in letters
    ]
    room.ingest(room.deliver("two.csv", *rows))
    kept = Counter(part.date for part in read_parts(room.lake, room.rocu, date(2026, 5, 17), date(2026, 5, 18)))
    assert kept == {date(2026, 5, 17): 4, date(2026, 5, 18): 1}
    assert len(room.reads()) == 13


def test_a_file_of_more_rows_than_go_at_once_is_judged_in_an_encrypted_file_with_the_same_outcome(
    room, room_again, row, monkeypatch
):
    rows = [*many_rows(row), row(), row(), row(confidence="140"), row(vrm="AB12 CDI"), row(camera_id="NOWHERE")]
    file, whole = room.deliver("many.csv", *rows), room_again()
    seen, judge = [], ingest.judge_files

    def looked_at(connection, run, tell):
        record = judge(connection, run, tell)
        connection.execute("CHECKPOINT")
        left = [path for path in (run.settings.root / "work").rglob("*") if path.is_file()]
        assert not any(b"AB12CD" in path.read_bytes() for path in left)
        ((limit,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
        seen.append((float(limit.split()[0]), [(path.name, path.stat().st_size > 100_000) for path in left]))
        return record

    monkeypatch.setattr(ingest, "judge_files", looked_at)
    in_memory = whole.ingest(file, max_quarantine_share=1)
    monkeypatch.setattr(ingest, "ROWS_AT_ONCE", 1)
    on_disk = room.ingest(file, max_quarantine_share=1)
    assert on_disk.batches == in_memory.batches
    assert room.reads() == whole.reads()
    assert room.quarantine("*") == whole.quarantine("*")
    assert {batch.quarantined > 0 and batch.duplicates > 0 for batch in on_disk.batches} == {True}
    (whole_limit, nothing), (less, kept) = seen
    assert less == pytest.approx(whole_limit * 0.6, abs=0.1), "what grows with the rows of a file grows outside of it"
    assert (nothing, kept) == ([], [("rows.db", True)])
    assert not list((room.settings.root / "work").iterdir())
