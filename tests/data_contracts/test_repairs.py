"""A VRM of unknown format: the known ones that it may have been are noted beside its reads, and nothing is changed."""

from __future__ import annotations

import duckdb
import pytest

from data_contracts.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser


def notes(room):
    with duckdb.connect() as connection:
        paths = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
        return connection.execute(
            """SELECT row_no, other_vehicle, score FROM read_parquet(?)
                WHERE rule = 'plate_format_unknown' AND cause = 'repair' ORDER BY row_no, score DESC""",
            [paths],
        ).fetchall() if paths else []  # fmt: skip


@pytest.mark.parametrize(("read", "meant"), [("AB12CD5", "AB12CDS"), ("AB1ZCDE", "AB12CDE"), ("ABI28DE", "AB12BDE")])
def test_what_a_misread_plate_may_have_been_is_noted(room, row, read, meant):
    token = load_pseudonymiser(room.settings, room.rocu).token
    room.ingest(room.deliver("one.csv", row(vrm=read), row(vrm="XY21ZZZ")))
    found = {vehicle: score for _, vehicle, score in notes(room)}
    assert token(meant) in found
    assert sum(found.values()) == pytest.approx(1)
    assert {row_no for row_no, _, _ in notes(room)} == {1}
    assert room.reads("vehicle, plate_format")[0] == (token(read), "unknown")


def test_a_candidate_that_is_read_as_well_weighs_more(room, row):
    token = load_pseudonymiser(room.settings, room.rocu).token
    room.ingest(room.deliver("one.csv", row(vrm="AQ12CDE"), row(vrm="AD12CDE", camera_id="CAM-2")))
    assert notes(room) == [
        (1, token("AD12CDE"), pytest.approx(2 / 3)),
        (1, token("AO12CDE"), pytest.approx(1 / 3)),
    ]


def test_a_foreign_plate_without_a_near_known_one_has_no_note(room, row):
    room.ingest(room.deliver("one.csv", row(vrm="WWWWWWWW"), row(vrm="AB12CDE", camera_id="CAM-2")))
    assert notes(room) == []
