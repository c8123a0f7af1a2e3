"""Files that cannot be taken: one clear error each, naming the file, and nothing written for it."""

from __future__ import annotations

import gzip

import pytest

from data_contracts.registers.cameras import load_cameras
from data_contracts.sources.model import Source
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import exclusive

GOOD = "vrm,captured_at,camera_id\nAB12CDE,2026-05-18T08:00:00Z,CAM-1\n"
PACKED = gzip.compress((GOOD + "AB12CDF,2026-05-18T08:01:00Z,CAM-1\n" * 2000).encode())

BAD = {
    "empty": (b"", "is empty"),
    "empty_packed": (gzip.compress(b""), "is empty once unpacked"),
    "header_only": (b"vrm,captured_at,camera_id\n", "holds no rows"),
    "wrong_columns": (
        b"Plate,Capture Time,CameraID\nAB12CDE,2026-05-18T08:00:00Z,CAM-1\n",
        r"lacks the columns vrm.* \(3 columns are there: Plate, Capture Time, CameraID\)",
    ),
    "title": (b"ANPR reads for Jane Doe\nvrm,captured_at,camera_id\n", r"lacks the columns.* \(1 column is there\)"),
    "letter": (b"Jane Doe,seen with,John Smith\n", r"lacks the columns.* \(3 columns are there\)"),
    "long_name": (b"vrm,captured_at," + b"x" * 5000 + b"\nA,B,C\n", r"lacks the column.* \(3 columns are there\)"),
    "many": (b"vrm," + b"extra," * 30 + b"x\n", r"lacks the columns.* \(32 columns are there\)"),
    "no_header": (b"AB12CDE,2026-05-18T08:00:00Z,CAM-1\n", r"lacks the columns.* \(3 columns are there\)"),
    "column_twice": (b"vrm,vrm,captured_at,camera_id\nA,B,C,D\n", "has the column vrm twice"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is a picture"),
    "bytes": (bytes(range(256)), "is no text: line 1 holds a NUL"),
    "nul": (GOOD.encode() + GOOD.encode().splitlines()[1][:9] + b"\0\n", "is no text: line 3 holds a NUL"),
    "other_encoding": (GOOD.encode("utf-16"), "not a text file in UTF-8"),
    "prose": (b"Dear colleague,\nplease find the reads attached.\n", r"lacks.* \(2 columns are there\)"),
    "json": (b'[{"vrm": "AB12CDE"}]', "lacks the columns"),
    "packed_cut_short": (PACKED[: len(PACKED) // 2], "cut short or damaged"),
    "packed_damaged": (PACKED[:200] + b"\x00\xff\x00" + PACKED[203:], "cut short or damaged"),
    "parquet_cut_short": (b"PAR1" + b"\x00" * 50, "Parquet file that is cut short or damaged"),
    "zoneless": (b"vrm,captured_at,camera_id\nAB12CDE,2026-05-18T08:00:00,CAM-1\n", "in which zone"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_taken(room, case):
    content, reason = BAD[case]
    before = room.snapshot()
    with pytest.raises(WrongInputError, match=reason) as caught:
        room.ingest(room.write(f"{case}.csv", content))
    assert f"{case}.csv" in caught.value.reason
    assert caught.value.instruction
    assert "AB12CDE" not in str(caught.value)
    assert room.snapshot() == before


@pytest.mark.parametrize("case", BAD)
def test_a_name_that_shows_a_plate_is_not_told(room, case):
    content, reason = BAD[case]
    with pytest.raises(WrongInputError, match=reason) as caught:
        room.ingest(room.write("xAB12CDE.csv", content))
    assert "(name withheld)" in caught.value.reason
    assert "12" not in str(caught.value)


def test_a_missing_file_or_folder_named_by_a_plate_is_not_told(room):
    for path in (room.folder / "AB12CDE.csv", room.folder / "AB12CDE" / "reads.csv"):
        with pytest.raises(WrongInputError, match=r"no file .*\(name withheld\)") as caught:
            room.ingest(path)
        assert "AB12CDE" not in str(caught.value)


def test_a_register_named_by_a_plate_is_not_told(room):
    register = room.write("AB12CDE.csv", "camera_id,latitude,longitude,valid_from\nC-1,99,-2,2026-01-01\n")
    with pytest.raises(RefusedError, match=r"^\(name withheld\) is refused") as caught:
        load_cameras(room.settings, room.lake, room.rocu, register, room.now)
    assert "AB12CDE" not in str(caught.value)


def test_one_bad_file_stops_the_call_before_anything_is_written(room, row):
    before = room.snapshot()
    with pytest.raises(WrongInputError, match=r"missing\.csv") as missing:
        room.ingest(room.deliver("good.csv", row()), room.folder / "missing.csv")
    with pytest.raises(WrongInputError, match=r"zoneless\.csv.*zone") as zoneless:
        room.ingest(room.deliver("good.csv", row()), room.write("zoneless.csv", BAD["zoneless"][0]))
    for told in (missing, zoneless):
        assert told.value.instruction.endswith("None of the 2 files given together was taken.")
    assert room.snapshot() == before


def test_a_folder_is_no_file(room):
    with pytest.raises(WrongInputError, match="no file"):
        room.ingest(room.folder)


def test_text_that_is_no_bof2(room):
    with pytest.raises(WrongInputError, match="not BOF2"):
        room.ingest(room.write("reads.txt", GOOD), source="bof2")


def test_without_a_register_nothing_is_ingested(bare_room, row):
    with pytest.raises(WrongInputError, match="no camera register"):
        bare_room.ingest(bare_room.deliver("good.csv", row()))
    assert bare_room.snapshot() == {}


def test_a_declared_column_that_is_not_there(room):
    source = Source(name="theirs", columns={"vrm": "plate"})
    with pytest.raises(WrongInputError, match="lacks the column plate"):
        room.ingest(room.write("reads.csv", GOOD), source=source)


def test_two_ingests_at_once_one_is_told_so(room, row):
    with (
        exclusive(room.settings.root / "locks" / "nwrocu.lock", "test"),
        pytest.raises(FaultError, match="Another process"),
    ):
        room.ingest(room.deliver("good.csv", row()))
    assert room.ingest(room.deliver("good.csv", row())).records


def test_replaces_must_name_a_failed_batch_of_the_rocu(room, row):
    good = room.deliver("good.csv", row())
    with pytest.raises(WrongInputError, match="no batch 0000"):
        room.ingest(good, replaces="0000")
    (accepted,) = room.ingest(good).batches
    other = room.deliver("other.csv", row(vrm="AB12CDX"))
    with pytest.raises(RefusedError, match="was accepted"):
        room.ingest(other, replaces=accepted.batch_id)
    with pytest.raises(WrongInputError, match="2 files"):
        room.ingest(good, other, replaces=accepted.batch_id)


def test_no_space_left_is_a_fault_and_leaves_no_record(room, row, tmp_path):
    import resource

    rows = [row(vrm=f"AB12{a}{b}{c}") for a in "ABCDEFGH" for b in "ABCDEFGH" for c in "ABCDEFGH"]
    file = room.deliver("big.csv", *rows)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises((FaultError, OSError)):
            room.ingest(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert room.reads() == []
    assert room.ingest(file).batches[0].accepted == len(rows)
