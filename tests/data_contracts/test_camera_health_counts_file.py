"""Counts files through the command line: what is found, and one clear error for each way in which a file is bad."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from loop_support import Said, run

from data_contracts.health.results import Kind

HEADER = "camera_id,bin_start,n"
SPRING, AUTUMN = datetime(2026, 2, 23, tzinfo=UTC), datetime(2026, 9, 21, tzinfo=UTC)
WEEKS, OUT = 6, (4 * 168 + 30, 4 * 168 + 50)


def counts(zone: str | None = None, start: datetime = SPRING, skip: bool = False) -> list[str]:
    """Rows of two cameras over six weeks, the first of them out for twenty hours; clock times of a zone, or UTC."""
    rng = np.random.default_rng(3)
    rows = []
    first = start.replace(tzinfo=ZoneInfo(zone or "UTC"))
    for hour in range(WEEKS * 168):
        local = datetime.fromtimestamp(first.timestamp() + hour * 3600, ZoneInfo(zone or "UTC"))
        usual = 20 + 200 * np.exp(-(((local.hour - 13) / 4) ** 2))
        text = f"{local:%Y-%m-%d %H:%M}" if zone else f"{local:%Y-%m-%dT%H:%M:%SZ}"
        for camera in ("east", "west"):
            reads = int(rng.poisson(usual))
            if camera == "east" and OUT[0] <= hour < OUT[1]:
                if skip:
                    continue
                reads = 0
            rows.append(f"{camera},{text},{reads}")
    return rows


def written(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    file = folder / "counts.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def health(folder: Path, file: Path, *more: str) -> Said:
    return run(folder / "home", "cameras", "health", "--counts", file, *more)


def intervals(said: Said) -> list[tuple[str, str, str, str]]:
    assert said.code == 0, said.err
    return [(one["camera_id"], one["from"], one["to"], one["kind"]) for one in said.data["intervals"]]


FOUND = [("east", "2026-03-24T06:00:00Z", "2026-03-25T02:00:00Z", "outage")]


def test_nobody_has_to_sign_in_to_judge_a_file_of_counts(tmp_path: Path) -> None:
    said = health(tmp_path, written(tmp_path, counts()), "--json")
    assert intervals(said) == FOUND
    (one,) = said.data["intervals"]
    assert one["seen"] == 0
    assert one["expected"] == pytest.approx(1700, rel=0.15)
    assert said.data["cameras"] == 2


def test_rows_that_are_not_there_are_reads_that_did_not_come(tmp_path: Path) -> None:
    said = health(tmp_path, written(tmp_path, counts(skip=True)), "--json")
    assert intervals(said) == FOUND
    assert said.data["intervals"][0]["seen"] == 0
    assert any("20 bins without a row" in note for note in said.data["notes"])


def test_a_row_without_a_number_is_no_row(tmp_path: Path) -> None:
    rows = [row[:-1] if row.startswith("east") and row.endswith(",0") else row for row in counts()]
    assert intervals(health(tmp_path, written(tmp_path, rows), "--json")) == FOUND


def test_gzip_other_columns_and_capitals(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv.gz"
    rows = [f"x,{row}" for row in counts()]
    file.write_bytes(gzip.compress("\n".join(["note,Camera_ID,BIN_START,N", *rows]).encode()))
    assert intervals(health(tmp_path, file, "--json")) == FOUND


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
def test_local_times_over_a_change_of_the_clock(tmp_path: Path, start: datetime) -> None:
    said = health(tmp_path, written(tmp_path, counts("Europe/London", start)), "--zone", "Europe/London", "--json")
    ((camera, begun, ended, kind),) = intervals(said)
    assert (camera, kind) == ("east", "outage")
    real = start.replace(tzinfo=ZoneInfo("Europe/London")).timestamp()
    assert datetime.fromisoformat(begun).timestamp() == real + OUT[0] * 3600
    assert datetime.fromisoformat(ended) - datetime.fromisoformat(begun) == timedelta(hours=20)


@pytest.mark.parametrize(("start", "change"), [(SPRING, "2026-03-30"), (AUTUMN, "2026-10-26")])
def test_a_change_of_clocks_that_utc_does_not_have_is_told(tmp_path: Path, start: datetime, change: str) -> None:
    file = written(tmp_path, counts(None, start))
    (said,) = [note for note in health(tmp_path, file, "--json").data["notes"] if "clocks in Great Britain" in note]
    assert f"changed by {change}" in said
    assert "--zone Europe/London" in said
    assert "clocks in Great" not in health(tmp_path, file, "--zone", "Europe/London").out
    short = written(tmp_path, counts(None, datetime(2026, 6, 1, tzinfo=UTC)))
    assert "clocks in Great" not in health(tmp_path, short).out


def test_days(tmp_path: Path) -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    rng = np.random.default_rng(1)
    rows = [f"c,{day + timedelta(days=i):%Y-%m-%d},{0 if 60 <= i < 63 else rng.poisson(900)}" for i in range(90)]
    assert intervals(health(tmp_path, written(tmp_path, rows), "--json")) == [
        ("c", "2026-03-06T00:00:00Z", "2026-03-09T00:00:00Z", "outage")
    ]


def test_a_register_gives_poles_and_ends(tmp_path: Path) -> None:
    rows = counts(skip=True)
    rows = [row for row in rows if not (row.startswith("west") and "2026-03-24T06" <= row[5:18] < "2026-03-25T02")]
    register = tmp_path / "register.csv"
    register.write_text("camera_id,site_id,valid_to\neast,pole,\nwest,pole,\n")
    found = intervals(health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json"))
    assert [(camera, kind) for camera, _, _, kind in found] == [("east", "pole_failure"), ("west", "pole_failure")]
    register.write_text("camera_id,site_id\neast,pole\n")
    said = health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json")
    assert any("1 camera not in register.csv, judged without it: west." in note for note in said.data["notes"])
    register.write_text("camera_id,site_id\nEAST,pole\n")
    said = health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json")
    assert (said.code, "register.csv has none of the 2 cameras that were counted" in said.err) == (2, True)
    register.write_text("camera_id,site_id,valid_to\neast,pole,2026-03-24\nwest,pole,2026-03-24\n")
    assert intervals(health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json")) == []


def test_the_span_says_what_is_told_not_what_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, counts())
    assert intervals(health(tmp_path, file, "--json", "--from", "2026-03-25", "--to", "2026-03-26")) == FOUND
    assert intervals(health(tmp_path, file, "--json", "--from", "2026-03-26", "--to", "2026-03-30")) == []


def test_table_page_and_picture(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
    file = written(tmp_path, counts())
    said = health(tmp_path, file, "--html", str(page), "--svg", str(picture))
    assert said.code == 0, said.err
    assert "outage" in said.out
    assert "1 interval;" in said.out
    drawn = picture.read_text()
    assert drawn.startswith("<svg")
    assert "over 200 %" in drawn
    assert "No reads in 20 h" in drawn
    head = "23 Feb 2026 to 5 Apr 2026 (times in UTC). 2 cameras, 1 interval: 1 outage."
    assert "".join(re.findall(r'class="t">(.*?)</text>', drawn)) == head
    assert drawn.strip() in page.read_text()
    assert "http" not in page.read_text().replace("http://www.w3.org/2000/svg", "")
    assert "svg.health{width:100%" in drawn, "as wide as the window"
    assert re.search(r'<svg x="\d+%" width="\d+%"', drawn)
    assert not re.findall(r'<rect class="c" x="[\d.]+"', drawn), "cells lie in per cent of it"
    assert {kind.replace("_", " ") for kind in get_args(Kind)} <= set(re.findall(r"<text[^>]*>([^<]*)", drawn))


def test_one_bin(tmp_path: Path) -> None:
    assert intervals(health(tmp_path, written(tmp_path, ["c,2026-03-01T00:00:00Z,5"]), "--json")) == []


BAD = {
    "no column": (["c,2026-03-01T00:00Z"], "camera_id,bin_start", "column n is missing"),
    "text in n": (["c,2026-03-01T00:00Z,5", "c,2026-03-01T01:00Z,many"], HEADER, "row 2 of camera c has an n that"),
    "half a read": (["c,2026-03-01T00:00Z,5.5"], HEADER, "row 1 of camera c has an n that is no whole number"),
    "nan": (["c,2026-03-01T00:00Z,nan"], HEADER, "row 1 of camera c has an n that is no whole number"),
    "negative": (["c,2026-03-01T00:00Z,-1"], HEADER, "row 1 of camera c has a negative n"),
    "huge": (["c,2026-03-01T00:00Z,99999999999"], HEADER, "no camera can reach"),
    "twice": (
        ["c,2026-03-01T00:00Z,1", "c,2026-03-01T01:00Z,1", "c,2026-03-01T00:00Z,1"],
        HEADER,
        "1 row repeats a camera's bin: row 3 of camera c (2026-03-01 00:00) is the first, and has the bin of row 1.",
    ),
    "mixed widths": (
        [f"c,2026-03-01T{h:02}:00Z,1" for h in range(20)] + ["c,2026-03-01T20:15Z,1"],
        HEADER,
        "mixes bins of 1 hour with others: row 21 of camera c (2026-03-01 20:15) is the first that lies between",
    ),
    "weeks": (["c,2026-03-01,1", "c,2026-03-08,1"], HEADER, "bins are 7 days wide, the first of row 1 of camera c"),
    "not yet": (
        ["c,2026-03-01T00:00Z,5", "c,2099-01-01T00:00Z,5"],
        HEADER,
        "row 2 of camera c has a bin_start that is not here yet",
    ),
    "no print": (["c\x1b[31m,2026-03-01T00:00Z,5"], HEADER, "row 1 has a camera_id that cannot be shown"),
    "semicolons": (["c;2026-03-01T00:00Z;5"], HEADER.replace(",", ";"), "is missing: its columns stand apart by semi"),
    "no time": (["c,yesterday,1"], HEADER, "row 1 of camera c has a bin_start that is no time"),
    "no camera": ([",2026-03-01T00:00Z,1"], HEADER, "row 1 has no camera_id"),
    "empty time": (["c,,1"], HEADER, "row 1 of camera c has no bin_start"),
    "mixed zones": (
        ["c,2026-03-01T00:00Z,1", "c,2026-03-01 01:00,1"],
        HEADER,
        "1 of 2 rows say the zone of bin_start, the others do not; row 1 of camera c is the first that does.",
    ),
    "stray date": (
        [f"c{i},2026-03-01T00:00Z,1" for i in range(200)] + ["c1,2026-03-01T01:00Z,1", "c1,1971-01-01T00:00Z,1"],
        HEADER,
        "row 202 of camera c1 (1971-01-01 00:00) lies farthest",
    ),
    "no rows": ([], HEADER, "has no counts"),
    "no counts": (["c,2026-03-01T00:00Z,"], HEADER, "has no counts"),
    "ragged": (
        ["c,2026-03-01T00:00Z,1", "d,2026"],
        HEADER,
        "cannot be read as a table: row 2 of camera d has 2 fields, the header 3.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_counts_file_is_told(tmp_path: Path, name: str) -> None:
    rows, header, words = BAD[name]
    said = health(tmp_path, written(tmp_path, rows, header))
    assert said.code == 2, said.err
    assert words in said.err
    assert "what to do" in said.err
    assert said.out == ""


def test_what_a_file_is_is_seen_from_its_bytes_and_not_from_its_name(tmp_path: Path) -> None:
    plain = written(tmp_path, counts())
    for name, content in (("plain.csv.gz", plain.read_bytes()), ("packed.csv", gzip.compress(plain.read_bytes()))):
        (tmp_path / name).write_bytes(content)
        assert intervals(health(tmp_path, tmp_path / name, "--json")) == FOUND


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    packed = gzip.compress(("camera_id,bin_start,n\n" + "c,2026-03-01T00:00Z,5\n" * 999).encode())
    for content, words in (
        (b"", "is empty"),
        (b"\x00\xff\xfe" * 50, "cannot be read as a table"),
        (b"PAR1 but no Parquet", "is a Parquet file that is cut short or damaged"),
        ("camera_id,bin_start,n\nc,2026-03-01,1".encode("utf-16"), "cannot be read as a table"),
        (packed[: len(packed) // 2], "is a gzip file that is cut short or damaged"),
        (b"PK\x03\x04" * 50, "is a ZIP archive or a spreadsheet"),
    ):
        file.write_bytes(content)
        said = health(tmp_path, file)
        assert (said.code, words in said.err) == (2, True), (content, said.err)
    said = health(tmp_path, tmp_path / "AB12 CDE.csv")
    assert said.code == 2
    assert "CDE" not in said.err
    (tmp_path / "counts").mkdir()
    said = health(tmp_path, tmp_path / "counts")
    assert said.code == 2
    assert "is a folder, no file" in said.err
    file.write_bytes(gzip.compress(b"camera_id,bin_start,n\nc,2026-03-01T00:00Z,1\n\nc,2026-03-01T01:00Z,1,2\n"))
    assert "row 2 of camera c has 4 fields" in health(tmp_path, file.rename(tmp_path / "counts.csv.gz")).err


def test_reads_at_a_time_that_the_zone_leaves_out(tmp_path: Path) -> None:
    rows = [f"c,2026-03-29 {hour:02}:00,{hour + 4}" for hour in range(24)]
    said = health(tmp_path, written(tmp_path, rows), "--zone", "Europe/London", "--json")
    assert said.code == 0, said.err
    assert said.data["reads"] == sum(hour + 4 for hour in range(24))
    assert said.data["intervals"] == []
    (note,) = [note for note in said.data["notes"] if "leaves out" in note]
    assert "1 rows, the first row 2 of 2026-03-29 01:00" in note


def test_what_to_judge_must_be_clear(tmp_path: Path) -> None:
    assert run(tmp_path / "home", "cameras", "health").code == 2
    assert run(tmp_path / "home", "cameras", "health", "--rocu", "nwrocu").code == 2
    said = health(tmp_path, written(tmp_path, counts()), "--from", "2026-03-30", "--to", "2026-03-01")
    assert said.code == 2
    assert health(tmp_path, written(tmp_path, counts()), "--zone", "Mars/Base").code == 2


def test_json_is_data(tmp_path: Path) -> None:
    said = health(tmp_path, written(tmp_path, counts()), "--json")
    assert set(json.loads(said.out)["intervals"][0]) >= {"camera_id", "from", "to", "kind", "expected", "seen", "says"}


def test_zeros_before_a_cameras_first_read_and_after_its_end_are_nobodys_outage(tmp_path: Path) -> None:
    rows = counts(skip=False)
    rows = [
        row.rpartition(",")[0] + ",0" if row.startswith("west") and row[5:15] < "2026-03-16" else row for row in rows
    ]
    said = health(tmp_path, written(tmp_path, rows), "--json")
    assert intervals(said) == FOUND
    assert any("1 cameras have zeros before their first read" in note for note in said.data["notes"])
    register = tmp_path / "register.csv"
    register.write_text("camera_id,valid_from,valid_to\neast,2025-01-01,\nwest,2026-03-01,\n")
    found = intervals(health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json"))
    assert [(camera, begun[:10]) for camera, begun, _, _ in found] == [("east", "2026-03-24"), ("west", "2026-03-01")]
    rows = [
        row.rpartition(",")[0] + ",0" if row.startswith("west") and row[5:15] > "2026-03-16" else row
        for row in counts()
    ]
    register.write_text("camera_id,valid_from,valid_to\neast,,\nwest,,2026-03-17\n")
    said = health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json")
    assert intervals(said) == FOUND
    assert any("zeros after the register's last day" in note for note in said.data["notes"])


def test_too_many_short_bins_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_contracts.health.counts_file.MOST_CELLS", 3000)
    start = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
    rows = [f"c,{start + timedelta(minutes=5 * i):%Y-%m-%dT%H:%M:%SZ},{2 + i % 2}" for i in range(12 * 24 * 21)]
    said = health(tmp_path, written(tmp_path, rows), "--json")
    assert said.code == 0, said.err
    assert said.data["bin_minutes"] == 15
    assert any("Bins of 5 minutes are added up to bins of 15 minutes" in note for note in said.data["notes"])
    assert said.data["intervals"] == []


def test_a_feed_that_fails_is_one_line_for_the_network_and_every_camera_in_the_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for hour in range(WEEKS * 168):
        at = SPRING + timedelta(hours=hour)
        usual = 20 + 200 * np.exp(-(((at.hour - 13) / 4) ** 2))
        for camera in range(12):
            gone = OUT[0] <= hour < OUT[1] or (camera == 7 and 700 <= hour < 760)
            rows.append(f"c{camera},{at:%Y-%m-%dT%H:%M:%SZ},{0 if gone else rng.poisson(usual)}")
    file = written(tmp_path, rows)
    told = health(tmp_path, file, "--html", str(tmp_path / "page.html")).out
    line, own = [line for line in told.splitlines() if "outage" in line]
    assert "c7" in own, "it was silent for much longer than the others"
    assert "(all)" in line
    assert "network_outage" in line
    assert "11 cameras failed together: no reads" in line
    assert "  2 intervals; 12 cameras" in told, "as many as the table has"
    drawn = (tmp_path / "page.html").read_text()
    assert drawn.count("11 cameras failed together") == 1
    assert "12 cameras, 2 intervals: 1 network outage, 1 outage." in drawn
    assert drawn.count("<title>network outage: ") == 11, "frames have the colour of the line in the table"
    assert drawn.count("<title>outage: ") == 1
    found = intervals(health(tmp_path, file, "--json"))
    assert len({camera for camera, _, _, _ in found}) == 12


@pytest.mark.parametrize(("kind", "told"), [("fixed", 13), ("Mobile unit", 0)])
def test_silences_by_turns_are_left_out_of_units_that_the_register_calls_mobile(
    tmp_path: Path, kind: str, told: int
) -> None:
    rng = np.random.default_rng(7)
    rows = []
    gone = np.zeros(20 * 168, dtype=np.bool_)
    for silence in range(13):
        gone[168 + silence * 216 : 168 + silence * 216 + 130] = True
    for hour in range(20 * 168):
        at = SPRING + timedelta(hours=hour)
        for camera in range(6):
            reads = 0 if camera == 0 and gone[hour] else rng.poisson(5 + 100 * np.exp(-(((at.hour - 13) / 4) ** 2)))
            rows.append(f"c{camera},{at:%Y-%m-%dT%H:%M:%SZ},{reads}")
    register = tmp_path / "register.csv"
    register.write_text(f"camera_id,kind\nc0,{kind}\nc1,fixed\n")
    said = health(tmp_path, written(tmp_path, rows), "--cameras", str(register), "--json")
    assert [camera for camera, _, _, _ in intervals(said)] == ["c0"] * told
    notes = [note for note in said.data["notes"] if "c0 (13)" in note]
    assert len(notes) == (0 if told else 1)
