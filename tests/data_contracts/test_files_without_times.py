"""Files in which no time can be read: refused like those without a zone, with what to say in the source."""

from __future__ import annotations

import pytest

from data_contracts.limits import IngestLimits
from data_contracts.reads import standing_failures
from data_contracts.sources.model import Source
from infra.errors import WrongInputError

HOW = {"time_format": "%d/%m/%Y %H:%M:%S", "zone": "Europe/London"}


def test_a_file_of_unreadable_times_is_refused_and_nothing_kept(room, row):
    file = room.deliver("local.csv", *(row(captured_at=f"18/05/2026 0{hour}:00:00", received_at="") for hour in "789"))
    before = room.snapshot()
    with pytest.raises(WrongInputError, match="time_format"):
        room.ingest(file)
    assert room.snapshot() == before
    (batch,) = room.ingest(file, source=Source(name="local", **HOW)).batches
    assert batch.accepted == 3


def test_single_times_that_cannot_be_read_cost_their_rows(room, row):
    file = room.deliver("some.csv", row(), row(vrm="AB12CDX", captured_at="18/05/2026 07:00:00"))
    (batch,) = room.ingest(file, max_quarantine_share=1).batches
    assert (batch.accepted, batch.rules) == (1, {"captured_at_unreadable": 1})


def test_a_file_without_any_time_is_judged(room, row):
    (batch,) = room.ingest(room.deliver("none.csv", row(captured_at=""))).batches
    assert (batch.verdict, batch.rules) == ("failed", {"captured_at_missing": 1})
    assert IngestLimits().max_quarantine_share < 1
    assert standing_failures(room.lake, room.rocu, room.now.date(), room.now.date()) == (batch,)
