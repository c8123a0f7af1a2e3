"""Reads of earlier calls are looked at where this call has reads, and nowhere between."""

from __future__ import annotations

import pytest

from data_contracts.layers.reads import ingest_records
from infra.errors import FaultError

DAYS = (1, 5, 12)


def part_of(room, day):
    """The part of the reads layer with that day's reads."""
    (path,) = {
        room.lake.root / part.path
        for record in ingest_records(room.lake, room.rocu)
        for part in record.parts
        if part.layer == "reads" and part.date.day == day
    }
    return path


@pytest.fixture(scope="module")
def days(room_again, row):
    room = room_again()
    for day in DAYS:
        at = f"2026-05-{day:02}T08:00:00Z"
        room.ingest(room.deliver(f"{day}.csv", row(captured_at=at, received_at="")))
    return room


@pytest.fixture
def with_days(days, room_again):
    return room_again(days)


def test_a_stray_old_read_does_not_open_the_days_between(with_days, row):
    part_of(with_days, 5).unlink()
    rows = [row(captured_at=f"2026-05-{at}Z", received_at="") for at in ("01T08:00:03", "12T08:00:03", "14T08:00:00")]
    # half of it doubles earlier reads, so that it is looked at as a repeat as well
    (batch,) = with_days.ingest(with_days.deliver("stray.csv", *rows)).batches
    assert (batch.accepted, batch.duplicates) == (1, 2)
    assert sum(batch.repeats.values()) == 2


def test_a_day_that_is_touched_is_opened(with_days, row):
    part_of(with_days, 5).unlink()
    with pytest.raises(FaultError, match="missing"):
        with_days.ingest(with_days.deliver("stray.csv", row(captured_at="2026-05-05T09:00:00Z", received_at="")))
