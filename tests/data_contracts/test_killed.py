"""Killed at every placement of a file and at any moment, or two at once: nothing is doubled, nothing lost.

And a batch that is judged again is there as it was, or as it is now.
"""

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
from requalify_support import LATE, WIDE, check_conserved, requalify

from data_contracts.dispositions import disposition_records, load_dispositions
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import batches, ingest_records, standing_batches
from data_contracts.registers.cameras import current_register
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
    """What the driver said, by mode and kind; the homes it worked on, and their files; homes that were left alone."""

    said: dict[str, list[dict]]
    errors: str
    rooms: dict[str, Any]
    files: dict[str, Path]
    folder: Path
    undisturbed: dict[str, Any]


@pytest.fixture(scope="module")
def driven(room_again, row, tmp_path_factory) -> Driven:
    """One process does it all: what it imports takes longer than what it does."""
    folder = tmp_path_factory.mktemp("killed")
    rooms = {kind: room_again() for kind in (*PLACED, "moments", "two", "full", "requalify")}
    deliver_twice(rooms["requalify"], row)
    undisturbed = {"requalify": room_again(rooms["requalify"])}
    replace(rooms["two"], rocu="emsou").cameras_of(rooms["two"].write("emsou.csv", REGISTER))
    files = {
        "ingest": rooms["ingest"].deliver("one.csv", *reads(row)),
        "dispositions": rooms["dispositions"].write("findings.csv", FINDINGS),
        "cameras": rooms["cameras"].write("cameras.csv", CAMERAS),
    }
    three = [rooms["two"].deliver(f"{letter}.csv", row(vrm=f"AB12CD{letter}")) for letter in "ABC"]
    plan = [["placements", kind, kind, [files[kind]]] for kind in PLACED]
    plan += [
        ["moments", "moments", "ingest", [files["ingest"]]],
        ["two", "two", "ingest", three],
        ["full", "full", "ingest", [files["ingest"]]],
        ["placements", "requalify", "requalify", []],
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
    undisturbed["ingest"] = at(rooms["moments"], str(folder / "moments-ingest" / "whole"))
    return Driven(said, done.stderr, rooms, files, folder, undisturbed)


def reads(row) -> list[str]:
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T08:00:00Z", received_at="")
        for day in (17, 18)
        for letter in "ABC"
    ]
    return [*rows, row(confidence="101")]


def deliver_twice(room, row) -> None:
    """Two records, in each of which a camera that is registered afterwards has half of the reads."""
    for name, letters in (("one", "ABC"), ("two", "DEF")):
        lines = [
            row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T08:00:00Z", received_at="", camera_id=camera)
            for day, camera in ((17, "CAM-1"), (18, "CAM-3"))
            for letter in letters
        ]
        room.ingest(room.deliver(f"{name}.csv", *lines, row(confidence="101")), max_quarantine_share=0.6)
    room.cameras(LATE)


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
        if path.is_file() and not path.is_symlink() and path.suffix != ".age":
            assert b"AB12CD" not in path.read_bytes(), path


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
    undisturbed = driven.undisturbed.get(kind) or run_whole(room_again(), kind, driven.files[kind])
    assert what_it_made(room) == what_it_made(undisturbed)
    check_nothing_left_over(room.settings.root)


def run_whole(room, kind, file):
    if kind == "cameras":
        room.cameras_of(file)
    else:
        limits = IngestLimits(max_quarantine_share=0.5)
        load_dispositions(room.settings, room.lake, room.rocu, [file], load_source("canonical"), limits, room.now)
    return room


def test_killed_at_every_step_either_judgement_stands_and_a_rerun_completes_it(driven):
    turns, room = driven.said["placements requalify"], driven.rooms["requalify"]
    assert [turn["code"] for turn in turns] == [-signal.SIGKILL] * (len(turns) - 1) + [0], driven.errors
    # vault, two days of reads, quarantine, record, and what is counted beside them; then the second record
    assert len(turns) > 8
    stood = set()
    for turn in turns:
        then = at(room, turn["left"])
        check_conserved(then)
        accepted = tuple(sorted(batch.accepted for _, batch in standing_batches(then.lake, then.rocu)))
        assert accepted in ((3, 3), (3, 6), (6, 6))
        stood.add(accepted)
        check_nothing_in_the_clear(Path(turn["left"]))
    assert len(stood) == 3
    undisturbed = driven.undisturbed["requalify"]
    requalify(undisturbed, **WIDE)
    assert room.reads() == undisturbed.reads()
    assert standing_batches(room.lake, room.rocu)[0][1] == standing_batches(undisturbed.lake, undisturbed.rocu)[0][1]
    assert len(ingest_records(room.lake, room.rocu)) == 4
    assert set(room.snapshot()) == set(undisturbed.snapshot())
    assert requalify(room, **WIDE) == []


def test_killed_at_any_moment_it_completes(driven):
    turns, undisturbed = driven.said["moments ingest"], driven.undisturbed["ingest"]
    made = what_it_made(undisturbed)
    assert [batch.rows for batch in made[2]] == [7]
    assert [turn["code"] for turn in turns] == [0] * 6, driven.errors
    # the last moments of some runs come after their end, for no two take the same
    assert [turn["first"] for turn in turns].count(-signal.SIGPROF) > 3
    for turn in turns:
        assert what_it_made(at(undisturbed, turn["left"])) == made
        check_nothing_left_over(Path(turn["left"]))


def test_the_disk_fills_at_one_place_after_the_other_and_with_room_it_completes(driven):
    *full, last = driven.said["full ingest"]
    assert [turn["code"] for turn in full] == [3] * len(full), driven.errors
    assert last["code"] == 0, driven.errors
    # it got a little further each time: nothing in place, landing, the vault, some parts; never the record
    assert full[0]["kept"] == []
    assert len({tuple(turn["kept"]) for turn in full}) > 3
    assert not any("ingests" in turn["kept"] for turn in full)
    assert driven.errors.count("No space left") == len(full)
    left = driven.folder / "full-ingest" / "home"
    assert what_it_made(at(driven.rooms["full"], str(left))) == what_it_made(driven.undisturbed["ingest"])
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
    # another ROCU does not get in its way
    assert apart["codes"] == [0], driven.errors
    assert [batch.rows for _, batch in batches(room.lake, "nwrocu")] == [1, 1, 1]
    assert len({vehicle for (vehicle,) in room.reads("vehicle")}) == 3
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
