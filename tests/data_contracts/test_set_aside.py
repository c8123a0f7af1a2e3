"""Files that cannot be taken are set aside sealed, with their reason, and nothing of them is ever lost."""

from __future__ import annotations

import pytest

from data_contracts.intake import taking
from data_contracts.intake.set_aside import bring_back, files_set_aside, set_aside
from data_contracts.intake.taking import untakeable_reads
from data_contracts.sources.model import Source, load_source
from infra.errors import RefusedError, WrongInputError

ZONELESS = b"vrm,captured_at,camera_id\nAB12CDE,2026-05-18T08:00:00,CAM-1\n"
WHY = WrongInputError("It is a PDF.", "Ask for the data.")


def aside(room, file):
    return set_aside(room.settings, room.lake, room.rocu, file, "canonical", WHY, room.now)


def test_which_files_cannot_be_taken_and_why(room, row):
    files = [
        room.deliver("good.csv", row()),
        room.write("empty.csv", b""),
        room.write("zoneless.csv", ZONELESS),
        room.folder / "gone.csv",
    ]
    before = room.snapshot()
    found = untakeable_reads(room.settings, room.lake, room.rocu, files, load_source("canonical"))
    assert [file.name for file in found] == ["empty.csv", "zoneless.csv", "gone.csv"]
    assert "in which zone" in found[files[2]].reason
    local = Source(name="local", zone="Europe/London")
    assert files[2] not in untakeable_reads(room.settings, room.lake, room.rocu, files, local)
    assert room.snapshot() == before


def test_one_bad_file_among_many_costs_few_loads_and_one_database(room, row, monkeypatch):
    files = [
        room.deliver(f"good-{number}.csv", row(captured_at=f"2026-05-18T08:00:{number:02}Z")) for number in range(40)
    ]
    files[17:17] = [room.write("zoneless.csv", ZONELESS), room.write("again.csv", ZONELESS + b"\n")]
    loads, databases = [], []
    take, database = taking.take, taking.working_database
    monkeypatch.setattr(taking, "take", lambda *given: (loads.append(1), take(*given)))
    monkeypatch.setattr(taking, "working_database", lambda *given: (databases.append(1), database(*given))[1])
    found = untakeable_reads(room.settings, room.lake, room.rocu, files, load_source("canonical"))
    assert [file.name for file in found] == ["zoneless.csv", "again.csv"]
    assert "zoneless.csv: no capture time" in found[files[17]].reason
    assert len(databases) == 1
    assert len(loads) < 20


def test_a_file_set_aside_is_sealed_with_its_reason_and_comes_back_whole(room):
    file = room.write("AB12CDE.csv", ZONELESS)
    made = aside(room, file)
    assert not file.exists()
    assert files_set_aside(room.lake, room.rocu) == (made,)
    assert (made.delivered_as, made.reason, made.instruction) == ("(name withheld)", WHY.reason, WHY.instruction)
    assert not any(b"AB12CDE" in content for content in room.snapshot().values())
    assert files_set_aside(room.lake, "emsou") == ()
    back = bring_back(room.settings, room.lake, room.rocu, made.file_id, room.folder)
    assert back.read_bytes() == ZONELESS
    assert files_set_aside(room.lake, room.rocu) == ()
    with pytest.raises(WrongInputError, match=f"no file {made.file_id}"):
        bring_back(room.settings, room.lake, room.rocu, made.file_id, room.folder)


def test_the_same_file_may_be_set_aside_twice(room):
    first = aside(room, room.write("one.csv", ZONELESS))
    again = aside(room, room.write("other.csv", ZONELESS))
    assert first.file_id == again.file_id
    assert [file.delivered_as for file in files_set_aside(room.lake, room.rocu)] == ["other.csv"]


def test_what_cannot_be_sealed_stays_where_it_is(room):
    folder = room.folder / "folder"
    folder.mkdir()
    with pytest.raises(WrongInputError, match="no file"):
        aside(room, folder)
    assert folder.is_dir()
    assert files_set_aside(room.lake, room.rocu) == ()


def test_a_sealed_file_that_was_exchanged_does_not_come_back(room):
    one, other = (aside(room, room.write(name, name)) for name in ("one", "other"))
    held = room.lake.folder("set_aside", room.rocu)
    (held / f"{one.sha256}.age").write_bytes((held / f"{other.sha256}.age").read_bytes())
    with pytest.raises(RefusedError, match="not the one"):
        bring_back(room.settings, room.lake, room.rocu, one.file_id, room.folder)
    assert not [path for path in room.folder.iterdir() if one.file_id in path.name]
    assert one in files_set_aside(room.lake, room.rocu)
