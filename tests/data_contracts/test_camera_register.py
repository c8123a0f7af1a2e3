"""The camera register: effective-dated, merged row by row, refused as a whole when a row is wrong."""

from __future__ import annotations

import hashlib
from datetime import datetime

import duckdb
import pytest

from data_contracts.registers.cameras import current_register, load_cameras, register_table
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.vault import open_sealed

HEAD = "camera_id,latitude,longitude,valid_from,valid_to,force,site_id,kind,road,bearing\n"
# the same rows in another order and another hand
REGISTER_AGAIN = """camera_id,latitude,longitude,valid_from,valid_to,force,site_id
CAM-2,53.80,-3.05,2025-01-01,,Lancashire,SITE-B
CAM-1,53.40,-2.98,2025-01-01T00:00:00Z,,Merseyside Police,SITE-A
"""


def rows(room, columns="camera_id, latitude, valid_from, valid_to"):
    with duckdb.connect() as connection:
        register_table(connection, room.lake, current_register(room.lake, room.rocu))
        return connection.execute(f"SELECT {columns} FROM register ORDER BY camera_id, valid_from").fetchall()


def test_a_moved_camera_gives_each_read_its_place_of_the_day(bare_room):
    bare_room.cameras(
        "camera_id,latitude,longitude,valid_from\nC-1,53.0,-2.0,2026-01-01\nC-1,54.0,-2.5,2026-05-10T06:00:00Z\n"
    )
    bare_room.ingest(
        bare_room.write(
            "reads.csv",
            "vrm,captured_at,camera_id\nAB12CDE,2026-05-10T05:59:59Z,C-1\nAB12CDE,2026-05-10T06:00:00Z,C-1\n",
        ),
        duplicate_seconds=0,
    )
    assert bare_room.reads("row_no, latitude, longitude, site_id, force") == [
        (1, 53.0, -2.0, "C-1", None),
        (2, 54.0, -2.5, "C-1", None),
    ]


def test_a_later_file_closes_open_rows_and_replaces_rows_of_the_same_start(bare_room):
    bare_room.cameras(HEAD + "C-1,53,-2,2026-01-01,,,,,,\nC-2,53,-2,2026-01-01,,,,,,\n")
    bare_room.cameras(HEAD + "C-1,54,-2,2026-03-01,2026-04-01,,,,,\nC-2,53.5,-2,2026-01-01,,,,,,\n")
    assert rows(bare_room) == [
        ("C-1", 53.0, datetime.fromisoformat("2026-01-01 00:00:00"), datetime.fromisoformat("2026-03-01 00:00:00")),
        ("C-1", 54.0, datetime.fromisoformat("2026-03-01 00:00:00"), datetime.fromisoformat("2026-04-01 00:00:00")),
        ("C-2", 53.5, datetime.fromisoformat("2026-01-01 00:00:00"), None),
    ]
    bare_room.cameras(HEAD + "C-1,53.2,-2,2026-02-01,,,,,,\n")
    assert [row[2:] for row in rows(bare_room)[:3]] == [
        (datetime.fromisoformat("2026-01-01 00:00:00"), datetime.fromisoformat("2026-02-01 00:00:00")),
        (datetime.fromisoformat("2026-02-01 00:00:00"), datetime.fromisoformat("2026-03-01 00:00:00")),
        (datetime.fromisoformat("2026-03-01 00:00:00"), datetime.fromisoformat("2026-04-01 00:00:00")),
    ]


def test_loading_again_changes_nothing(room):
    register = registered(room)
    room.cameras(REGISTER_AGAIN)
    before = room.snapshot()
    room.cameras(REGISTER_AGAIN)
    assert room.snapshot() == before
    assert registered(room) == register


def registered(room):
    return {path: content for path, content in room.snapshot().items() if path.startswith("registers")}


def test_an_accepted_register_file_is_sealed_into_landing(bare_room):
    content = HEAD + "C-1,53,-2,2026-01-01,,,,,,\n"
    bare_room.cameras(content)
    sealed = bare_room.lake.folder("landing", bare_room.rocu) / f"{hashlib.sha256(content.encode()).hexdigest()}.age"
    open_sealed(bare_room.settings, sealed, bare_room.folder / "opened.csv")
    assert (bare_room.folder / "opened.csv").read_text() == content


def test_optional_columns_are_kept(bare_room):
    bare_room.cameras(HEAD + "C-1,53,-2,2026-01-01,,Greater Manchester Police,S-1,fixed,A57,NE\n")
    assert rows(bare_room, "force, site_id, kind, road, bearing") == [
        ("greater-manchester", "S-1", "fixed", "A57", 45.0)
    ]
    register = current_register(bare_room.lake, bare_room.rocu)
    assert (register.cameras, register.sites) == (1, 1)


WRONG = {
    "camera_id_missing": ",53,-2,2026-01-01,,,,,,",
    "camera_listed_twice": "C-1,53,-2,2026-01-01,,,,,,",
    "position_missing_or_unreadable": "C-3,north,-2,2026-01-01,,,,,,",
    "position_impossible": "C-3,93,-2,2026-01-01,,,,,,",
    "valid_from_missing": "C-3,53,-2,,,,,,,",
    "valid_time_unreadable": "C-3,53,-2,soon,,,,,,",
    "valid_to_not_after_valid_from": "C-3,53,-2,2026-01-01,2026-01-01,,,,,",
    "interval_overlaps": "C-2,53,-2,2026-02-01,,,,,,",
    "force_unknown": "C-3,53,-2,2026-01-01,,Ruritania,,,,",
    "bearing_impossible": "C-3,53,-2,2026-01-01,,,,,,361",
    "row_malformed": "C-3,53",
}


@pytest.mark.parametrize("rule", WRONG)
def test_one_wrong_row_refuses_the_whole_file(bare_room, rule):
    good = "C-1,53,-2,2026-01-01,,,,,,\nC-2,53,-2,2026-01-01,2026-03-01,,,,,\n"
    with pytest.raises(RefusedError, match=rf"refused as a whole: .*row 3: {rule}") as refusal:
        bare_room.cameras(HEAD + good + WRONG[rule] + "\n")
    assert f"{rule}: " in refusal.value.instruction
    assert ("merseyside" in refusal.value.instruction) is (rule == "force_unknown")
    with pytest.raises(WrongInputError, match="no camera register"):
        current_register(bare_room.lake, bare_room.rocu)


def test_an_overlap_with_the_register_so_far_is_refused(bare_room):
    bare_room.cameras(HEAD + "C-1,53,-2,2026-01-01,2026-06-01,,,,,\n")
    before = bare_room.snapshot()
    with pytest.raises(RefusedError, match="row 1: interval_overlaps"):
        bare_room.cameras(HEAD + "C-1,54,-2,2026-05-01,,,,,,\n")
    assert bare_room.snapshot() == before


def test_a_long_list_of_faults_is_cut_and_counted(bare_room):
    with pytest.raises(RefusedError, match="and 10 more"):
        bare_room.cameras(HEAD + "".join(f"C-{n},99,0,2026-01-01,,,,,,\n" for n in range(30)))


def test_files_that_are_no_register(bare_room):
    with pytest.raises(WrongInputError, match="lacks the columns"):
        bare_room.cameras("camera,lat,lon\nC-1,53,-2\n")
    with pytest.raises(WrongInputError, match="no file"):
        load_cameras(bare_room.settings, bare_room.lake, bare_room.rocu, bare_room.folder / "none.csv", bare_room.now)


def test_a_damaged_register_is_a_fault(room, row):
    (room.lake.folder("registers", room.rocu) / "current.json").write_text("{}")
    with pytest.raises(FaultError, match="damaged"):
        room.ingest(room.deliver("one.csv", row()))


def test_a_register_with_another_delimiter_is_told_what_a_register_can_be(bare_room):
    """No source file can describe a register, so none is advised."""
    file = bare_room.write("cameras.csv", HEAD.replace(",", ";") + "C-1;53;-2;2026-01-01;;;;;;\n")
    with pytest.raises(WrongInputError, match="lacks the column") as error:
        load_cameras(bare_room.settings, bare_room.lake, bare_room.rocu, file, bare_room.now)
    assert "stand apart by semicolons: have it saved with commas instead" in error.value.instruction
    file = bare_room.write("other.csv", "camera,lat\nC-1,53\n")
    with pytest.raises(WrongInputError, match="lacks the column") as error:
        load_cameras(bare_room.settings, bare_room.lake, bare_room.rocu, file, bare_room.now)
    assert "Name the columns in the first line as docs/own-data.md lists them" in error.value.instruction
    assert "source" not in error.value.instruction
