"""Killed at every placement of a file and at any moment, or two at once: nothing is doubled, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data_contracts.cameras import current_register
from data_contracts.dispositions import disposition_records, load_dispositions
from data_contracts.limits import IngestLimits
from data_contracts.reads import batches, ingest_records
from data_contracts.sources.model import load_source
from infra.errors import FaultError
from infra.lake import Lake, exclusive

DRIVER = Path(__file__).parents[1] / "support" / "killed_runs.py"
FINDINGS = """vrm,window_end,finding,decided_at,decided_by,selected_by
AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00Z,analyst-1,ranked
AB12CDF,2026-05-10,guilty,2026-05-12T09:00:00Z,analyst-1,ranked
"""
REGISTER = "camera_id,latitude,longitude,valid_from,force\nCAM-1,53.0,-1.5,2026-01-01,Derbyshire\n"
CAMERAS = "camera_id,latitude,longitude,valid_from\nCAM-7,53.0,-2.5,2026-01-01\n"


# how many files each job puts in place at the least: landing, vault, parts, record
PLACED = {"ingest": 8, "dispositions": 5, "cameras": 3}


@dataclass(frozen=True)
class Driven:
    """What the driver said, by mode and kind; the homes it worked on, and their files."""

    said: dict[str, list[dict]]
    errors: str
    rooms: dict[str, Any]
    files: dict[str, Path]
    folder: Path


@pytest.fixture(scope="module")
def driven(room_again, row, tmp_path_factory) -> Driven:
    """One process does it all: what it imports takes longer than what it does."""
    folder = tmp_path_factory.mktemp("killed")
    rooms = {kind: room_again() for kind in (*PLACED, "moments", "two", "full")}
    replace(rooms["two"], rocu="emsou").cameras_of(rooms["two"].write("emsou.csv", REGISTER))
    files = {
        "ingest": rooms["ingest"].deliver("one.csv", *reads(row)),
        "dispositions": rooms["dispositions"].write("findings.csv", FINDINGS),
        "cameras": rooms["cameras"].write("cameras.csv", CAMERAS),
    }
    four = [rooms["two"].deliver(f"{letter}.csv", row(vrm=f"AB12CD{letter}")) for letter in "ABCD"]
    plan = [["placements", kind, kind, [files[kind]]] for kind in PLACED]
    plan += [
        ["moments", "moments", "ingest", [files["ingest"]]],
        ["two", "two", "ingest", four],
        ["full", "full", "ingest", [files["ingest"]]],
    ]
    steps = [
        [mode, str(rooms[name].settings.root), str(folder / f"{mode}-{kind}"), kind, [str(file) for file in given]]
        for mode, name, kind, given in plan
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", DRIVER, json.dumps(steps)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": str(DRIVER.parents[2])},
    )
    said: dict[str, list[dict]] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            said[name].append(json.loads(line))
        else:
            name = line
            said[name] = []
    return Driven(said, done.stderr, rooms, files, folder)


def reads(row) -> list[str]:
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T08:00:00Z", received_at="")
        for day in (17, 18)
        for letter in "ABC"
    ]
    return [*rows, row(confidence="101")]


def at(room, home: str):
    settings = room.settings.model_copy(update={"home": Path(home)})
    return replace(room, settings=settings, lake=Lake(settings.lake))


def what_it_made(room):
    """All that can be read, and the names of all files; seals differ from one run to the next."""
    found = sorted(path for path in room.snapshot())
    records = [record.model_dump(mode="json") for record in disposition_records(room.lake, room.rocu)]
    register = current_register(room.lake, room.rocu)
    judged = [batch for _, batch in batches(room.lake, room.rocu)]
    return room.reads(), room.quarantine("*"), judged, records, register, found


def check_nothing_in_the_clear(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".age":
            content = path.read_bytes()
            assert not any(text in content for text in (b"AB12CDA", b"AB12CDE", b"AB12CDF")), path


def check_nothing_left_over(home: Path) -> None:
    assert not [path for path in home.rglob("*") if path.name.endswith(".partial")]
    assert not list((home / "work").glob("*"))


@pytest.mark.parametrize("kind", PLACED)
def test_killed_at_every_placement_it_completes(driven, room_again, kind):
    turns, room = driven.said[f"placements {kind}"], driven.rooms[kind]
    assert [turn["code"] for turn in turns] == [-signal.SIGKILL] * (len(turns) - 1) + [0], driven.errors
    assert len(turns) >= PLACED[kind] + 2
    for turn in turns[:-1]:
        check_nothing_in_the_clear(Path(turn["left"]))
    # the last kill was after the record was in place; before that nothing of it is there for a reader
    for turn in turns[:-2]:
        assert not ingest_records(at(room, turn["left"]).lake, room.rocu)
        assert not disposition_records(at(room, turn["left"]).lake, room.rocu)
    undisturbed = room_again()
    run_whole(undisturbed, kind, driven.files[kind])
    assert what_it_made(room) == what_it_made(undisturbed)
    check_nothing_left_over(room.settings.root)


def run_whole(room, kind, file):
    if kind == "cameras":
        room.cameras_of(file)
    elif kind == "ingest":
        room.ingest(file, max_quarantine_share=0.5)
    else:
        limits = IngestLimits(max_quarantine_share=0.5)
        load_dispositions(room.settings, room.lake, room.rocu, [file], load_source("canonical"), limits, room.now)


def test_killed_at_any_moment_it_completes(driven, room_again):
    turns = driven.said["moments ingest"]
    undisturbed = room_again()
    undisturbed.ingest(driven.files["ingest"], max_quarantine_share=0.5)
    made = what_it_made(undisturbed)
    assert [turn["code"] for turn in turns] == [0] * 3, driven.errors
    assert -signal.SIGKILL in {turn["first"] for turn in turns}
    for turn in turns:
        assert what_it_made(at(undisturbed, turn["left"])) == made
        check_nothing_left_over(Path(turn["left"]))


def test_the_disk_fills_at_one_place_after_the_other_and_with_room_it_completes(driven, room_again):
    *full, last = driven.said["full ingest"]
    assert [turn["code"] for turn in full] == [3] * len(full), driven.errors
    assert last["code"] == 0, driven.errors
    # it got a little further each time: nothing in place, landing, the vault, some parts; never the record
    assert full[0]["kept"] == []
    assert len({tuple(turn["kept"]) for turn in full}) > 3
    assert not any("ingests" in turn["kept"] for turn in full)
    assert driven.errors.count("No space left") == len(full)
    undisturbed = room_again()
    undisturbed.ingest(driven.files["ingest"], max_quarantine_share=0.5)
    left = driven.folder / "full-ingest" / "home"
    assert what_it_made(at(undisturbed, str(left))) == what_it_made(undisturbed)
    check_nothing_left_over(left)


def test_two_ingests_at_once(driven):
    told, waited, apart = driven.said["two ingest"]
    room = driven.rooms["two"]
    # of one ROCU, the second is told so, and by whom
    assert told["codes"] == [0, 3], driven.errors
    assert f"Another process ({told['pid']} since 2" in driven.errors
    assert "Wait until it has finished and run the same command again." in driven.errors
    # or waits its turn
    assert waited["codes"] == [0, 0], driven.errors
    # two ROCUs do not get in each other's way
    assert apart["codes"] == [0, 0], driven.errors
    assert [batch.rows for _, batch in batches(room.lake, "nwrocu")] == [1, 1, 1, 1]
    assert len({vehicle for (vehicle,) in room.reads("vehicle")}) == 4
    assert [batch.verdict for _, batch in batches(room.lake, "emsou")] == ["passed"]


def test_who_waits_says_for_whom(room):
    said: list[str] = []
    lock = room.settings.root / "locks" / "x.lock"
    with (
        exclusive(lock, "the data of x"),
        pytest.raises(FaultError, match=rf"\({os.getpid()} since .*after waiting 0\.2 seconds"),
        exclusive(lock, "the data of x", 0.2, said.append),
    ):
        pass
    assert len(said) == 1
    assert said[0].startswith(f"waiting for another process ({os.getpid()} since ")
