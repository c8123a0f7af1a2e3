"""Calls that are too large to be sorted or judged in one go come out as if they were not."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq

from data_contracts import parts
from data_contracts.reads import read_parts

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
