"""However the same reads are written, the same are accepted, with row numbers true to the file."""

from __future__ import annotations

import gzip
from datetime import datetime
from itertools import product

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.contract.document import load_contract
from data_contracts.judgement.judging import read_projection, read_values
from data_contracts.sources.inspection import inspect
from data_contracts.sources.loading import load_rows
from data_contracts.sources.model import BUILT_IN, Source, load_source
from infra.errors import WrongInputError

ROWS = [
    "AB12CDE,2026-05-18T08:00:00Z,CAM-1,95,true,f,7,2026-05-18T08:00:02Z",
    "ab12 cdf,2026-05-18T09:00:00.250+01:00,CAM-1,,,,,",
    "too,few",
    "AB12CDG,2026-05-18T08:02:00+0000,CAM-2,50.5,false,f,8,",
]
HEAD = "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
PLAIN = "\n".join([HEAD, *ROWS]) + "\n"
QUOTED = PLAIN.replace("AB12CDE", '"AB12CDE"').replace(",f,", ',"f",')

WRITTEN = {
    "plain": PLAIN.encode(),
    "no_last_line_end": PLAIN.rstrip("\n").encode(),
    "crlf": PLAIN.replace("\n", "\r\n").encode(),
    "cr_only": PLAIN.replace("\n", "\r").encode(),
    "mixed_line_ends": PLAIN.replace("\n", "\r\n", 2).encode(),
    "bom": b"\xef\xbb\xbf" + PLAIN.encode(),
    "bom_and_quotes": b"\xef\xbb\xbf" + QUOTED.encode(),
    "quoted": QUOTED.encode(),
    "quoted_header": PLAIN.replace("vrm", '"vrm"').encode(),
    "quoted_crlf": QUOTED.replace("\n", "\r\n").encode(),
    "blank_lines": PLAIN.replace("\nab", "\n\n\nab").encode() + b"\n\n",
    "packed": gzip.compress(PLAIN.encode()),
    "packed_quoted": gzip.compress(QUOTED.encode()),
    "packed_in_two_members": gzip.compress(PLAIN[:150].encode()) + gzip.compress(PLAIN[150:].encode()),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_every_way_to_write_a_csv(room, way):
    source, contract = BUILT_IN["canonical"], load_contract("reads")
    delivery = inspect(room.write("whatever.bin", WRITTEN[way]), source, contract.required, contract.optional)
    with duckdb.connect() as connection:
        load_rows(connection, "rows", [delivery], contract.fields, read_values(source), read_projection(source))
        columns = "row_no, captured_at, camera_id, confidence, motion_toward_camera, feed_id, source_id"
        rows = connection.execute(f"SELECT {columns} FROM rows WHERE whole ORDER BY row_no").fetchall()
        assert connection.execute("SELECT row_no FROM rows WHERE NOT whole").fetchall() == [(3,)]
    assert rows == [
        (1, datetime.fromisoformat("2026-05-18 08:00:00"), "CAM-1", 95.0, True, "f", "7"),
        (2, datetime.fromisoformat("2026-05-18 08:00:00.250000"), "CAM-1", None, None, None, None),
        (4, datetime.fromisoformat("2026-05-18 08:02:00"), "CAM-2", 50.5, False, "f", "8"),
    ]


def test_a_line_end_inside_quotes_is_one_row(room):
    text = (
        "vrm,captured_at,camera_id,note\n"
        'AB12CDE,2026-05-18T08:00:00Z,CAM-1,"two\nlines"\n'
        "AB12CDF,2026-05-18T08:00:00Z,CAM-1,x\n"
    )
    (batch,) = room.ingest(room.write("notes.csv", text)).batches
    assert (batch.rows, batch.accepted) == (2, 2)
    assert room.reads("row_no") == [(1,), (2,)]


def test_a_stray_quote_costs_one_row_and_not_the_rest_of_the_file(room, row):
    rows = [row(vrm=f"AB12CD{letter}") for letter in "ABCDEFGH"]
    rows.insert(2, '"' + row(vrm="AB12CDX"))
    rows.insert(5, row(vrm='A"B12CDY'))
    (batch,) = room.ingest(room.deliver("stray.csv", *rows), max_quarantine_share=1).batches
    assert (batch.rows, batch.accepted) == (10, 8)
    assert [number for number, _ in room.quarantine()] == [3, 6]


def test_bytes_that_are_no_utf8_cost_their_row(room, row):
    text = "\n".join(["vrm,captured_at,camera_id,feed_id"] + ["AB12CDE,2026-05-18T08:00:00Z,CAM-1,f"] * 2)
    damaged = text.encode()[:-1] + b"\xff\n"
    (batch,) = room.ingest(room.write("latin.csv", damaged), max_quarantine_share=1).batches
    assert (batch.rows, batch.accepted) == (2, 1)
    assert room.quarantine() == [(2, ["row_malformed"])]


def test_a_file_that_is_for_the_most_part_no_utf8_is_refused_and_nothing_kept(room):
    rows = [f"AB12CD{letter},2026-05-18T08:00:00Z,CAM-1,{feed}" for letter, feed in zip("ABC", "éüf", strict=True)]
    text = "\n".join(["vrm,captured_at,camera_id,feed_id", *rows])
    before = room.snapshot()
    for encoding in ("latin-1", "cp1252"):
        with pytest.raises(WrongInputError, match="2 of 3 rows"):
            room.ingest(room.write("latin.csv", text.encode(encoding)))
    assert room.snapshot() == before
    (batch,) = room.ingest(room.write("utf8.csv", text)).batches
    assert batch.accepted == 3


def test_parquet(room):
    when = [
        datetime.fromisoformat("2026-05-18T08:00:00+00:00"),
        datetime.fromisoformat("2026-05-18T09:00:00.250+01:00"),
    ]
    kinds = {"text": [one.isoformat() for one in when], "timestamp": pa.array(when, pa.timestamp("us", "UTC"))}
    files = []
    for letter, (kind, packed) in zip("HJLW", product(kinds, (False, True)), strict=True):
        vrms = [f"AB12{letter}{last}" for last in "HJ"]
        table = {"vrm": vrms, "captured_at": kinds[kind], "camera_id": ["CAM-1"] * 2, "confidence": [95.0, None]}
        files.append(room.folder / f"{kind} {packed}.dat")
        pq.write_table(pa.table(table), files[-1])
        if packed:
            files[-1].write_bytes(gzip.compress(files[-1].read_bytes()))
    batches = room.ingest(*files).batches
    reads = room.reads("batch_id, row_no, captured_at, confidence")
    assert {(name, *read) for batch in batches for name in [batch.delivered_as] for read in of(batch, reads)} == {
        (file.name, *read)
        for file in files
        for read in (
            (1, datetime.fromisoformat("2026-05-18 08:00:00"), 95.0),
            (2, datetime.fromisoformat("2026-05-18 08:00:00.250000"), None),
        )
    }
    assert len(reads) == 2 * len(files)


def of(batch, rows):
    """The rows of a batch, which each begins with its id."""
    return [rest for batch_id, *rest in rows if batch_id == batch.batch_id]


def test_parquet_times_without_a_zone_need_one_declared(room):
    path = room.folder / "naive.parquet"
    pq.write_table(
        pa.table(
            {"vrm": ["AB12CDE"], "captured_at": [datetime.fromisoformat("2026-05-18 08:00:00")], "camera_id": ["CAM-1"]}
        ),
        path,
    )
    with pytest.raises(WrongInputError, match="in which zone"):
        room.ingest(path)
    room.ingest(path, source=Source(name="local", zone="Europe/London"))
    assert room.reads("captured_at") == [(datetime.fromisoformat("2026-05-18 07:00:00"),)]


BOF2 = """sig|user|AB12CDE|1|2|CAM-1|2026-05-18T08:00:00Z|53.4|-2.98|||||95|true
sig|user|AB12CDF|1|2|CAM-1|2026-05-18T08:00:00+01:00
sig|user|AB12CDG|1|2|CAM-1|2026-05-18T08:00:00Z||||||||
sig|user|AB"12CDH|1|2|CAM-1|2026-05-18T08:00:00Z
sig|user|AB12CDI
"""


def test_bof2_compact_capture_text(room):
    files = {"plain": BOF2.encode(), "packed": gzip.compress(BOF2.replace("12CD", "12CJ").encode())}
    report = room.ingest(
        *(room.write(f"{name}.txt", content) for name, content in files.items()), source="bof2", max_quarantine_share=1
    )
    assert len(report.batches) == 2
    reads = room.reads("batch_id, row_no, captured_at, confidence, motion_toward_camera, feed_id, source_id")
    for batch in report.batches:
        assert of(batch, reads) == [
            [1, datetime.fromisoformat("2026-05-18 08:00:00"), 95.0, True, "1", "2"],
            [2, datetime.fromisoformat("2026-05-18 07:00:00"), None, None, "1", "2"],
            [3, datetime.fromisoformat("2026-05-18 08:00:00"), None, None, "1", "2"],
        ]
        set_apart = of(batch, room.quarantine("batch_id, row_no, rules"))
        assert set_apart == [[4, ["vrm_unreadable"]], [5, ["row_malformed"]]]
        assert batch.source == "bof2"


def test_a_source_file_says_which_column_is_which(room):
    described = room.write(
        "north.yaml",
        "columns: {vrm: Plate, captured_at: Seen, camera_id: Where}\n"
        "delimiter: ';'\ntime_format: '%d/%m/%Y %H:%M:%S'\nzone: Europe/London\n",
    )
    file = room.write("north.csv", "Seen;Where;Plate\n18/05/2026 09:00:00;CAM-1;AB12CDE\n18.05.2026;CAM-1;AB12CDF\n")
    room.ingest(file, source=str(described), max_quarantine_share=1)
    assert room.reads("row_no, captured_at") == [(1, datetime.fromisoformat("2026-05-18 08:00:00"))]
    assert room.quarantine() == [(2, ["captured_at_unreadable"])]


def test_opaque_plates_have_no_grammar(room):
    source = Source(name="tickets", plate_scheme="opaque")
    text = "vrm,captured_at,camera_id\n2015-12/ab,2026-05-18T08:00:00Z,CAM-1\n2015-12/AB,2026-05-18T08:00:00Z,CAM-1\n"
    room.ingest(room.write("tickets.csv", text), source=source)
    assert room.reads("plate_format, plate_repaired") == [("opaque", False)] * 2
    assert len({vehicle for (vehicle,) in room.reads("vehicle")}) == 2


def test_positions_from_the_file(room):
    source = Source(name="vans", position="file")
    text = (
        "vrm,captured_at,camera_id,latitude,longitude\n"
        "AB12CDE,2026-05-18T08:00:00Z,CAM-1,51.5,-0.1\n"
        "AB12CDF,2026-05-18T08:00:00Z,CAM-1,,\n"
    )
    room.ingest(room.write("vans.csv", text), source=source)
    assert room.reads("latitude, longitude") == [(51.5, -0.1), (53.40, -2.98)]


def test_one_plate_written_in_several_ways_is_one_vehicle(room, row):
    rows = [
        row(vrm=text, captured_at=f"2026-05-18T1{n}:00:00Z", received_at="")
        for n, text in enumerate(["AB12CDE", " ab12 cde ", "AB12-CDE", "ABI2CDE"])
    ]
    room.ingest(room.deliver("same.csv", *rows))
    assert len({vehicle for (vehicle,) in room.reads("vehicle")}) == 1
    assert room.reads("plate_repaired, plate_format")[3] == (True, "current")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("colums: {vrm: x}", "colums is no key of a source, columns may be meant"),
        ("columns: {plate: x}", "plate"),
        ("zone: Europe/Londn", "no IANA zone"),
        ("delimiter: ';;'", "delimiter"),
        ("columns: {vrm: x, camera_id: x}", "same column"),
        ("[", "not YAML"),
        ("just text", "describes no source"),
        ("plate_scheme: german", "plate_scheme"),
    ],
)
def test_a_source_file_is_strict(room, text, reason):
    with pytest.raises(WrongInputError, match=reason):
        load_source(str(room.write("theirs.yaml", text)))


def test_an_unknown_source(room):
    with pytest.raises(WrongInputError, match="neither a built-in source nor a file"):
        load_source("northern")


def test_rows_of_several_large_files_keep_their_numbers(tmp_path):
    files = [tmp_path / f"{name}.csv" for name in "abc"]
    for file in files:
        lines = (f"{file.stem}{row},2026-05-18T08:00:00Z,{row}" for row in range(1, 250_001))
        file.write_text("vrm,captured_at,camera_id\n" + "\n".join(lines) + "\n")
    required = ("vrm", "captured_at", "camera_id")
    deliveries = [inspect(file, BUILT_IN["canonical"], required, ()) for file in files]
    with duckdb.connect(config={"threads": 2}) as connection:
        load_rows(connection, "loaded", deliveries, required, {}, {"vrm": "vrm", "camera_id": "camera_id"})
        counted = connection.execute(
            """SELECT count(*), count(*) FILTER (
                    camera_id = row_no::VARCHAR AND vrm = substr('abc', batch_no + 1, 1) || row_no)
                FROM loaded"""
        ).fetchall()
    assert counted == [(750_000, 750_000)]
