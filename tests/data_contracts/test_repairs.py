"""A VRM of unknown format: the known ones that it may have been are noted beside its reads, and nothing is changed."""

from __future__ import annotations

import duckdb
import pytest

from data_contracts.layers.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser

# the first of each is of an unknown format; J and W are taken for no other letter
FILES = {
    "AB12CD5": ["AB12CD5", "XY21ZZZ"],
    "AB1ZCDE": ["AB1ZCDE", "XY22ZZZ"],
    "ABI28DE": ["ABI28DE", "XY23ZZZ"],
    "read as well": ["AQ12JWJ", "AD12JWJ"],
    "foreign": ["WWWWWWWW", "WJ12WWW"],
}


@pytest.fixture(scope="module")
def judged(room_again, row):
    """All files in one call: what was noted of each, and its first read."""
    room = room_again()
    files = [
        room.deliver(f"{name}.csv", *(row(vrm=vrm, camera_id=f"CAM-{n}") for n, vrm in enumerate(vrms, 1)))
        for name, vrms in FILES.items()
    ]
    batches = room.ingest(*files).batches
    noted = notes(room)
    reads = {batch_id: read for batch_id, row_no, *read in room.reads("batch_id, row_no, vehicle, plate_format")
             if row_no == 1}  # fmt: skip
    return {
        name: ([note for batch_id, *note in noted if batch_id == batch.batch_id], reads[batch.batch_id])
        for name, batch in zip(FILES, batches, strict=True)
    }


@pytest.fixture
def token(room):
    return load_pseudonymiser(room.settings, room.rocu).token


def notes(room):
    with duckdb.connect() as connection:
        paths = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
        return connection.execute(
            """SELECT batch_id, row_no, other_vehicle, score, confusion FROM read_parquet(?)
                WHERE rule = 'plate_format_unknown' AND cause = 'repair' ORDER BY row_no, score DESC""",
            [paths],
        ).fetchall() if paths else []  # fmt: skip


@pytest.mark.parametrize(("read", "meant"), [("AB12CD5", "AB12CDS"), ("AB1ZCDE", "AB12CDE"), ("ABI28DE", "AB12BDE")])
def test_what_a_misread_plate_may_have_been_is_noted(judged, token, read, meant):
    noted, first = judged[read]
    found = {vehicle: score for _, vehicle, score, _ in noted}
    assert token(meant) in found
    assert sum(found.values()) == pytest.approx(1)
    assert {row_no for row_no, *_ in noted} == {1}
    assert first == [token(read), "unknown"]


def test_a_candidate_that_is_read_as_well_weighs_more(judged, token):
    assert judged["read as well"][0] == [
        [1, token("AD12JWJ"), pytest.approx(2 / 3), "Q/D"],
        [1, token("AO12JWJ"), pytest.approx(1 / 3), "Q/O"],
    ]


@pytest.mark.parametrize(
    ("read", "meant", "confusion"),
    [("AB12CD5", "AB12CDS", "5/S"), ("AB1ZCDE", "AB12CDE", "Z/2"), ("ABI28DE", "AB12BDE", "8/B+I/1")],
)
def test_a_repair_says_which_characters_were_taken_for_which(judged, token, read, meant, confusion):
    assert [said for _, vehicle, _, said in judged[read][0] if vehicle == token(meant)] == [confusion]


def test_a_foreign_plate_without_a_near_known_one_has_no_note(judged):
    assert judged["foreign"][0] == []
