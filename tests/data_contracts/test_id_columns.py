"""Ids that could be plates: swapped columns leak nothing, and ordinary ids fail no file."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest

from data_contracts.intake import id_columns
from data_contracts.judgement.moved_rows import Asked
from data_contracts.layers.reads import layer_parts
from data_contracts.quarantine import Span, count_quarantine, count_rows
from data_contracts.sources.model import Source

LAYERS = ("reads", "quarantine", "camera_hours", "rule_counts", "notes")
PLATES = ("FR123AB", "MAB1234", "AB12", "WX123456", "B4DREAD", "AB12CDE")
LETTERS = "ABCDEFGHJK"


def vrms(number):
    return [f"AB12{LETTERS[n // 100]}{LETTERS[n // 10 % 10]}{LETTERS[n % 10]}" for n in range(number)]


def at(number):
    return f"2026-05-18T{8 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"


def written(room):
    """All text in all parts and records, that of dictionaries which no row uses included."""
    said = "".join(path.read_text() for path in room.lake.folder("ingests", room.rocu).rglob("*.json"))
    with duckdb.connect() as connection:
        for layer in LAYERS:
            for part in layer_parts(room.lake, room.rocu, layer):
                path = room.lake.root / part.path
                said += str(connection.execute("FROM read_parquet(?)", [str(path)]).fetchall())
                said += str([column.to_pylist() for column in dictionaries(path)])
    return said


def dictionaries(path, *names):
    """The dictionary of each chunk of the columns of texts that have one (or of those named), as the file has it."""
    metadata = pq.ParquetFile(path).metadata
    chunks = [
        metadata.row_group(group).column(n)
        for group in range(metadata.num_row_groups)
        for n in range(metadata.num_columns)
    ]
    coded = {
        chunk.path_in_schema for chunk in chunks if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page
    }
    plain = {chunk.path_in_schema for chunk in chunks if not chunk.has_dictionary_page}
    texts = [name for name in names or sorted(coded - plain) if "." not in name]
    table = pq.read_table(path, columns=texts, read_dictionary=texts)
    return [chunk.dictionary for column in table.columns for chunk in column.chunks]


@pytest.mark.parametrize("column", ["camera_id", "feed_id"])
def test_plates_in_an_id_column_are_written_nowhere(room, row, column):
    other = {"camera_id": "CAM-1", "feed_id": "feed-one"}[column]
    rows = [
        row(**{"vrm": other, column: plate, "captured_at": at(n)}, received_at="") for n, plate in enumerate(PLATES * 3)
    ]
    (batch,) = room.ingest(room.deliver("swapped.csv", *rows)).batches
    assert batch.verdict == "failed"
    said = written(room)
    assert [plate for plate in PLATES if plate in said] == []
    by = "camera" if column == "camera_id" else "feed"
    held = count_quarantine(room.settings, room.lake, room.rocu, by, Span(), Asked())
    assert [(one.value, one.rows, one.codes) for one in held] == [
        ("unregistered:" if by == "camera" else "withheld:", 3 * len(PLATES), len(PLATES))
    ]


def test_ids_of_rows_that_were_not_accepted_are_in_no_part_of_those_that_were(room, row):
    """Columns are written with the texts of a type, so the type must have no others."""
    bad = [row(vrm="feed-one", feed_id=one, captured_at=at(n), received_at="") for n, one in enumerate(PLATES * 3)]
    good = [row(vrm=vrm, captured_at=at(n), received_at="") for n, vrm in enumerate(vrms(60))]
    late = [row(vrm="AB12 XYZ", feed_id="feed-late", captured_at="2020-05-18T08:00:00Z", received_at="")]
    report = room.ingest(room.deliver("good.csv", *good, *late), room.deliver("bad.csv", *bad))
    assert sorted(batch.verdict for batch in report.batches) == ["failed", "passed_with_quarantine"]
    (part,) = [part for part in report.records[0].parts if part.layer == "reads"]
    held = {text for found in dictionaries(room.lake.root / part.path, "feed_id") for text in found.to_pylist()}
    assert held == {"feed-one"}
    assert [plate for plate in PLATES if plate in written(room)] == []


def test_opaque_identifiers_in_id_columns_are_written_nowhere(room, row):
    ids = [f"{number:08x}" for number in range(0xA0000000, 0xA0000040)]
    rows = [
        row(vrm="opaque-vrm", feed_id=one, source_id=one, captured_at=at(n), received_at="")
        for n, one in enumerate(ids)
    ]
    rows += [row(vrm="other", camera_id=one, captured_at=at(n), received_at="") for n, one in enumerate(ids)]
    source = Source(name="opaque", plate_scheme="opaque")
    room.ingest(room.deliver("opaque.csv", *rows), source=source, max_quarantine_share=1)
    said = written(room)
    assert len(room.reads()) > 0
    assert [one for one in ids if one in said] == []


def test_an_unregistered_camera_is_found_by_its_id(room, row):
    rows = [row(camera_id="CAM-7", vrm=vrm, captured_at=at(n), received_at="") for n, vrm in enumerate(vrms(5))]
    room.ingest(room.deliver("one.csv", *rows, row(camera_id="CAM-8")), max_quarantine_share=1)
    assert count_rows(room.settings, room.lake, room.rocu, Span(), Asked(camera="CAM-7")) == 5
    (most, _) = count_quarantine(room.settings, room.lake, room.rocu, "camera", Span(), Asked())
    assert most.rows == 5
    assert count_rows(room.settings, room.lake, room.rocu, Span(), Asked(camera=most.value)) == 5


FEEDS = ("TVP10", "GMP10", "NAS10", "BOF12", "CAM123", "C12345")


def test_ordinary_ids_of_many_reads_are_ids(room, row):
    files = [
        room.deliver(
            f"{day}.csv",
            *(
                row(vrm=vrm, feed_id=feed, captured_at=at(9 * n).replace("-18T", f"-{day}T"), received_at="")
                for n, vrm in enumerate(vrms(200))
            ),
        )
        for day, feed in enumerate(FEEDS, 10)
    ]
    batches = room.ingest(*files).batches
    assert [(batch.verdict, batch.accepted) for batch in batches] == [("passed", 200)] * len(FEEDS)
    assert set(room.reads("feed_id")) == {(feed,) for feed in FEEDS}


def test_a_known_feed_is_an_id_however_few_its_reads(room, row):
    file = room.deliver("one.csv", row(feed_id="TVP10", source_id="GMP10"))
    (batch,) = room.ingest(file, known_feeds=("TVP10", "GMP10")).batches
    assert batch.verdict == "passed"
    assert room.reads("feed_id, source_id") == [("TVP10", "GMP10")]


@pytest.mark.parametrize("one_by_one", [id_columns.ONE_BY_ONE, 201, 200])
def test_a_small_file_of_plates_as_feeds_is_refused(room, row, monkeypatch, one_by_one):
    # its ids are those of the feeds and one source
    monkeypatch.setattr(id_columns, "ONE_BY_ONE", one_by_one)
    plates = vrms(200)
    rows = [row(vrm="feed-one", feed_id=vrm, captured_at=at(9 * n), received_at="") for n, vrm in enumerate(plates)]
    (batch,) = room.ingest(room.deliver("one.csv", *rows)).batches
    assert batch.rules["id_reads_as_plate"] == 200
    said = written(room)
    assert [vrm for vrm in plates if vrm in said] == []


def test_a_plate_that_one_camera_column_swap_repeats_is_no_id(room, row):
    rows = [row(vrm="CAM-1", feed_id="AB12CDE", captured_at=at(9 * n), received_at="") for n in range(100)]
    (batch,) = room.ingest(room.deliver("one.csv", *rows)).batches
    assert batch.rules["id_reads_as_plate"] == 100
    assert "AB12CDE" not in written(room)
