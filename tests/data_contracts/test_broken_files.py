"""Two thousand generated broken files: each is refused in words that help, or taken with every row accounted for."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from broken_files import GOOD, HEADER, check_told, kinds, odd_parquet
from hypothesis import HealthCheck, Phase, given, settings

from data_contracts.contract.document import load_contract
from data_contracts.dispositions import load_dispositions
from data_contracts.intake.taking import reading_of_reads, take
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.work import working_database
from data_contracts.sources.inspection import inspect
from data_contracts.sources.model import BUILT_IN, Source, load_source
from infra.errors import FindProfileError, RefusedError, WrongInputError
from infra.lake import file_sha256
from infra.vault import open_sealed

KINDS = kinds()
ASKED, LEAST = 2240 // len(KINDS), 2002 // len(KINDS)  # of those asked for, Hypothesis makes some twice
ONE_IN = 5  # of those that cannot be taken goes through the whole of ingest; of those that can every one does
ZONELESS = "vrm,captured_at,camera_id\nAB12CDE,2026-05-18T08:00:00,CAM-1\n"


class Taker:
    """Takes files one after the other with one database, as `ingest` does before it judges."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: Source) -> None:
        self.connection, self.source, self.contract = connection, source, load_contract("reads")

    def __call__(self, file: Path) -> bool:
        try:
            delivery = inspect(file, self.source, self.contract.required, self.contract.optional)
            take(self.connection, [delivery], reading_of_reads(self.contract, self.source, [delivery]))
        except FindProfileError as error:
            check_told(error)
            return False
        else:
            return True
        finally:
            for kind, name in (("VIEW", "delivered"), ("TABLE", "delivered_loaded"), ("TABLE", "delivered_first")):
                self.connection.execute(f"DROP {kind} IF EXISTS {name}")


@contextmanager
def taking(room, source: Source) -> Iterator[Taker]:
    with working_database(room.settings, room.lake, room.rocu) as connection:
        yield Taker(connection, source)


@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_broken_files(room, kind):
    source = BUILT_IN["bof2" if "bof2" in kind else "canonical"]
    before, good, bad = room.snapshot(), list[Path](), list[Path]()

    @settings(
        max_examples=ASKED,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def look(content: bytes) -> None:
        file = room.write(f"{kind}-{len(good)}-{len(bad)}.dat", content)
        (good if taker(file) else bad).append(file)

    with taking(room, source) as taker:
        look()
    assert len(good) + len(bad) >= LEAST
    for file in bad[::ONE_IN]:
        with pytest.raises(WrongInputError):
            room.ingest(file, source=source)
    assert room.snapshot() == before
    check_all_accounted_for(room, good, source)


def check_all_accounted_for(room, files, source):
    if not files:
        return
    report = room.ingest(*files, source=source, max_quarantine_share=1)
    content_of = {file_sha256(file): file.read_bytes() for file in files}
    by_digest = {content_of[batch.sha256]: batch for batch in report.batches}
    assert len(by_digest) == len(report.batches)
    assert len(report.batches) + len(report.already_known) == len(files)
    for content, batch in by_digest.items():
        assert batch.rows == batch.accepted + batch.quarantined + batch.duplicates > 0
        landed = room.lake.folder("landing", room.rocu) / f"{batch.sha256}.age"
        open_sealed(room.settings, landed, room.folder / "opened")
        assert (room.folder / "opened").read_bytes() == content
    assert len(room.reads("row_no")) == sum(batch.accepted for batch in report.batches)
    assert len(room.quarantine("row_no")) == sum(batch.quarantined for batch in report.batches)


def is_of(file: Path, batch) -> bool:
    return file_sha256(file) == batch.sha256


def test_packed_files_that_are_padded_or_hold_several_streams_are_taken(room):
    """Some readers of gzip stop at what stands behind the first stream; a file of blocks ends in zeros."""
    lines = GOOD.splitlines(keepends=True)
    halves = [gzip.compress("".join(part).encode(), mtime=0) for part in (lines[:12], lines[12:])]
    files = [
        room.write("padded.csv.gz", gzip.compress(GOOD.encode(), mtime=0) + bytes(512)),
        room.write("streams.csv", b"".join(halves)),
    ]
    for file in files:
        (batch,) = room.ingest(file).batches
        assert batch.rows == len(lines) - 1
    with pytest.raises(WrongInputError) as caught:
        room.ingest(room.write("more.csv.gz", halves[0] + b"more"))
    check_told(caught.value)


NO_TIMES = ("day", "day64", "clock", "duration", "epoch", "far_away")
NOT_TAKEN = {
    **dict.fromkeys(NO_TIMES, "no capture time can be read"),
    **{"int96": "in which zone", "no_rows": "no rows", "no_columns": "lacks", "column_twice": "vrm twice"},
}
READ = {
    *("decimal", "decimal256", "half_float", "zoned", "nanoseconds", "dictionary", "flags_as_bytes", "flags_as_words"),
    *("fixed_binary", "large", "view", "map", "capitals_too", "dotted"),
}
HALF = {"binary", "no_utf8", "zeros"}


def test_parquet_of_odd_types(room):
    files = {name: room.write(f"{name}.parquet", content) for name, content in odd_parquet().items()}
    before = room.snapshot()
    for name, reason in NOT_TAKEN.items():
        with pytest.raises(WrongInputError, match=reason) as caught:
            room.ingest(files.pop(name))
        check_told(caught.value)
    assert room.snapshot() == before
    report = room.ingest(*files.values(), max_quarantine_share=1)
    taken = {file.stem: batch for batch in report.batches for file in files.values() if is_of(file, batch)}
    assert {name for name, batch in taken.items() if batch.quarantined == 0} == READ
    assert {name for name, batch in taken.items() if 0 < batch.quarantined < batch.rows} == HALF


def archive(kind: str) -> bytes:
    held = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(held, "w") as packed:
            packed.writestr("reads.csv", GOOD)
    else:
        with tarfile.open(fileobj=held, mode="w") as packed:
            told = tarfile.TarInfo("reads.csv")
            told.size = len(GOOD)
            packed.addfile(told, io.BytesIO(GOOD.encode()))
    return held.getvalue()


OTHER = {
    "zip": (archive("zip"), "ZIP archive or a spreadsheet"),
    "tar": (archive("tar"), "tar archive"),
    "packed_tar": (gzip.compress(archive("tar")), "tar archive"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF"),
    "gzip_twice": (gzip.compress(gzip.compress(GOOD.encode())), "gzip twice"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00\x58", "Zstandard"),
    "bomb": (gzip.compress(b"vrm,captured_at,camera_id\n" + b"a,b,c\n" * (12 << 20), 6), "200 times its size"),
    "zeros": (gzip.compress(bytes(80 << 20)), "is no text: line 1 holds a NUL"),
    "utf16": (GOOD.encode("utf-16"), "not a text file in UTF-8"),
    "endless_line": (b"x" * (3 << 20), "no header line"),
    "huge_header": (b'"' + b"x" * 200_000 + b'",' + GOOD.encode(), "no header line"),
    "header_twice_in_one_line": (f"{HEADER},{HEADER}\n".encode() + b"," * 15 + b"\n", "camera_id twice"),
}


@pytest.mark.parametrize("case", OTHER)
def test_what_is_no_table_is_told_as_what_it_is(room, case):
    content, reason = OTHER[case]
    before = room.snapshot()
    with pytest.raises(WrongInputError, match=reason) as caught:
        room.ingest(room.write("delivered.csv", content))
    check_told(caught.value)
    assert room.snapshot() == before


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "is a folder, no file"),
    "pipe": (os.mkfifo, "is a pipe, no file"),
    "link_to_nothing": (lambda path: path.symlink_to("nowhere"), "a link to nothing"),
    "link_to_itself": (lambda path: path.symlink_to(path), "Too many levels"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device, no file"),
    "nothing": (lambda _: None, "There is no file"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file(room, place):
    make, reason = PLACES[place]
    path = room.folder / "delivered"
    make(path)
    calls = [
        lambda: room.ingest(path),
        lambda: room.cameras_of(path),
        lambda: dispositions_of(room, path),
        lambda: load_source(str(path)),
    ]
    for call in calls[:1] + calls[2:3]:
        with pytest.raises(WrongInputError, match=reason) as caught:
            call()
        check_told(caught.value)
    with pytest.raises(WrongInputError, match="neither"):
        calls[3]()


def dispositions_of(room, path, source: Source = BUILT_IN["canonical"], **limits):
    return load_dispositions(
        room.settings, room.lake, room.rocu, [path], source, IngestLimits(max_quarantine_share=1, **limits), room.now
    )


@pytest.mark.parametrize("name", ["x" * 300, "nul\0.csv", "a/" * 3000])
def test_names_that_no_file_can_have(room, name):
    with pytest.raises(WrongInputError, match="There is no file"):
        room.ingest(Path(name))


def test_a_file_that_may_not_be_read(room):
    file = room.write("locked.csv", GOOD)
    file.chmod(0)
    room.folder.chmod(0o755)
    told, tell = os.pipe()
    if (child := os.fork()) == 0:
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            inspect(Path(f"/proc/self/cwd/{file.name}"), BUILT_IN["canonical"], [], [])
        except BaseException as error:  # noqa: BLE001  the child only tells what it met
            os.write(tell, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    said = os.read(told, 1000).decode()
    assert said.startswith("WrongInputError"), said


NAMES = {
    "new\nline.csv": "new\\nline.csv",
    "quote\"s'.csv": "quote\"s'.csv",
    "reads[1].csv": "reads[1].csv",
    "reads*.csv": "reads*.csv",
    "reads?.csv": "reads?.csv",
    "-": "-",
    "{}%s; DROP TABLE judged.csv": "{}%s; DROP TABLE judged.csv",
    "AB12\nCDE.csv": "(name withheld)",
    "AB12\u200bCDE.csv": "(name withheld)",
    os.fsdecode(b"AB12\xffCDE.csv"): "(name withheld)",
    os.fsdecode(b"n\xff.csv"): "n\\udcff.csv",
    "日本.csv": "日本.csv",
}


def test_files_of_any_name_are_taken_each_by_itself(room, row, monkeypatch):
    # a pattern's letters in a name must not bring in what the pattern would match
    room.deliver("reads1.csv", *[row(vrm="XY21ZZZ")] * 5)
    monkeypatch.chdir(room.folder)
    files = [
        room.deliver(name, row(captured_at=f"2026-05-18T1{n // 10}:{n:02}:00Z", received_at=""))
        for n, name in enumerate(NAMES)
    ]
    report = room.ingest(*(Path(file.name) for file in files))
    assert [batch.delivered_as for batch in report.batches] == list(NAMES.values())
    assert {(batch.rows, batch.accepted) for batch in report.batches} == {(1, 1)}


def test_a_line_that_is_no_row_costs_itself_only(room, row):
    lines = [
        row(vrm="AB12CDF"),
        "x" * (5 << 20),
        row(vrm="AB12CDG"),
        row(vrm='"' + "A" * 1_500_000 + '"'),
        row(vrm="AB12CDH", camera_id="c" * 900_000),
        row(vrm="AB12CDJ"),
        HEADER,
    ]
    (batch,) = room.ingest(room.deliver("long.csv", *lines), max_quarantine_share=1).batches
    assert (batch.rows, batch.accepted) == (7, 3)
    assert [number for number, _ in room.quarantine()] == [2, 4, 5, 7]


FAR = (
    "0000-01-01",
    "0001-01-01T00:00:00Z",
    "9999-12-31",
    "9999-12-31T23:59:59-12:00",
    "infinity",
    "-0044-03-15T12:00:00Z",
    "0044-03-15 (BC) 12:00:00+00",
    "294247-01-10 04:00:54.775806+00:00",
    "1600-01-01",
    "epoch",
)


@pytest.mark.parametrize(
    "how", [{}, {"zone": "America/New_York", "position": "file"}, {"zone": "Europe/London", "time_format": "%d/%m/%Y"}]
)
def test_times_at_the_ends_of_the_calendar_break_rows_and_nothing_else(room, row, how):
    source = Source(name="far", **how)
    reads = [
        *(row(captured_at=time) for time in FAR),
        *(row(vrm=f"AB12CD{letter}", received_at=time) for letter, time in zip("ABCDEFGHJK", FAR, strict=True)),
    ]
    file = room.deliver("far.csv", row(), *reads)
    (batch,) = room.ingest(file, source=source, max_quarantine_share=1, retention_from="newest_read").batches
    assert batch.rows == batch.accepted + batch.quarantined + batch.duplicates == 21
    good = "AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00Z,,"
    findings = [good, *(f"AB12CDE,{time[:10]},confirmed,{time},," for time in FAR)]
    text = "\n".join(["vrm,window_end,finding,decided_at,decided_by,selected_by", *findings, ""])
    (record,) = dispositions_of(room, room.write("far-findings.csv", text), source).records
    assert record.batch.quarantined == len(FAR)


def test_positions_at_the_ends_of_the_earth(room, row):
    columns = HEADER + ",latitude,longitude"
    places = ["-53.40,177.02", "90,0", "-90,180", "1e-320,0", "nan,inf", "91,181", "1e400,-1e400", "x,"]
    lines = [f"{row(vrm=f'AB12CD{letter}')},{place}" for letter, place in zip("ABCDEFGH", places, strict=True)]
    (batch,) = room.ingest(room.write("p.csv", "\n".join([columns, *lines, ""])), max_quarantine_share=1).batches
    assert batch.rows == batch.accepted + batch.quarantined == 8


REGISTERS = {
    "c,53,-2,9999-12-31,": None,
    "c,53,-2,0000-01-01,": "valid",
    "c,53,-2,infinity,": "valid",
    "c,53,-2,0044-03-15 (BC),": "valid",
    "c,53,-2,2026-01-01,294247-01-10 04:00:54+00": "valid",
    "c,nan,inf,2026-01-01,": "position",
    "c,1e400,0,2026-01-01,": "position",
    '"c,53,-2,2026-01-01,': "malformed|row 1",
    ",,,,": "row 1",
}


@pytest.mark.parametrize("line", REGISTERS)
def test_registers_with_odd_values(room, line):
    before = room.snapshot()
    text = f"camera_id,latitude,longitude,valid_from,valid_to\n{line}\n"
    if REGISTERS[line] is None:
        room.cameras(text)
        return
    with pytest.raises(RefusedError, match=REGISTERS[line]) as caught:
        room.cameras(text)
    check_told(caught.value, RefusedError)
    assert room.snapshot() == before


@pytest.mark.parametrize("kind", ["text", "damaged_packed", "damaged_parquet"])
def test_broken_registers_and_findings(room, kind):
    before = room.snapshot()

    @settings(
        max_examples=40,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def look(content: bytes) -> None:
        file = room.write("broken", content)
        for call in (lambda: room.cameras_of(file), lambda: dispositions_of(room, file)):
            with pytest.raises((WrongInputError, RefusedError)) as caught:
                call()
            check_told(caught.value, FindProfileError)

    look()
    assert room.snapshot() == before
