"""A record is parsed once in a process, and again when its file is another."""

from __future__ import annotations

import pytest

from data_contracts.layers.reads import ingest_records
from infra.errors import FaultError


def test_a_record_that_is_damaged_later_is_noticed(room, row):
    room.ingest(room.deliver("one.csv", row()))
    (path,) = room.lake.folder("ingests", room.rocu).glob("*.json")
    first = ingest_records(room.lake, room.rocu)
    assert ingest_records(room.lake, room.rocu)[0] is first[0]
    path.write_text(path.read_text()[:-20])
    with pytest.raises(FaultError, match="damaged"):
        ingest_records(room.lake, room.rocu)
