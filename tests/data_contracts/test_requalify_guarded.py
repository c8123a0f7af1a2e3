"""Judging again opens sealed files: who may, what is said first, what stays shut, and what a kill leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from requalify_support import END, LATE, START, WIDE, check_conserved, judge_of, requalify

from data_contracts.moved_rows import Asked
from data_contracts.reads import (
    ingest_records,
    read_parts,
    standing_batches,
)
from data_contracts.requalify import judge_again, records_of_days
from infra.errors import RefusedError
from infra.lake import Lake, file_sha256
from infra.settings import Settings
from infra.vault import reveal


def without_key(room):
    recipient = (room.settings.keys / "vault_recipient.txt").read_text().strip()
    return replace(
        room,
        settings=Settings(home=room.settings.root, memory_limit="1GB", vault_recipient=recipient),
    )


def test_a_process_without_the_private_key_is_refused(room, row):
    room.ingest(room.deliver("one.csv", row()))
    room.cameras(LATE)
    before = room.snapshot()
    with pytest.raises(RefusedError, match="no private key"):
        requalify(without_key(room))
    assert room.snapshot() == before


def test_a_landing_file_that_is_gone_damaged_or_another_is_refused(room, row):
    from infra.vault import seal_file

    (batch,) = room.ingest(room.deliver("one.csv", row())).batches
    room.cameras(LATE)
    sealed = room.lake.folder("landing", room.rocu) / f"{batch.sha256}.age"
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:-5])
    with pytest.raises(RefusedError, match="was changed"):
        requalify(room)
    seal_file(room.settings, room.deliver("other.csv", row(vrm="XY21ZZZ")), sealed)
    with pytest.raises(RefusedError, match="SHA-256 differs"):
        requalify(room)
    sealed.unlink()
    with pytest.raises(RefusedError, match=r"landing has their files no more: \w+ \(one.csv\)"):
        requalify(room)
    sealed.write_bytes(whole)
    assert len(requalify(room)) == 1


def test_no_plate_lies_in_the_clear_while_and_after(room, row):
    texts = ["AB12CDE", "XY21ZZZ"]
    room.ingest(room.deliver("AB12CDE.csv", row(), row(vrm=texts[1], camera_id="CAM-3")), **WIDE)
    room.cameras(LATE)
    looked = []

    def look(_):
        looked.append(1)
        for path in room.settings.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix != ".age":
                assert not any(text.encode() in path.read_bytes() for text in texts), path

    judge = judge_of(room, **WIDE)
    (done,) = judge_again(judge, records_of_days(judge, START, END), "late", lambda _: None, look)
    look("after")
    assert len(looked) > 3
    assert done.batches[0].after.delivered_as == "(name withheld)"
    assert not list((room.settings.root / "work").rglob("*.csv"))


def test_the_vault_is_opened_only_after_it_was_said(room, row):
    room.ingest(room.deliver("one.csv", row()))
    room.cameras(LATE)
    judge, before = judge_of(room), room.snapshot()

    def refuse(_):
        raise RefusedError("The log takes no entry.", "See to it.")

    with pytest.raises(RefusedError, match="no entry"):
        list(judge_again(judge, records_of_days(judge, START, END), "late", refuse, lambda _: None))
    assert room.snapshot() == before


def test_tokens_of_before_still_lead_back(room, row):
    """Tokens that the new judgement does not make any more stay in the vault: lists with them were handed out."""
    import pyarrow as pa

    from infra.pseudonyms import load_pseudonymiser
    from infra.vault import write_segment

    (batch,) = room.ingest(room.deliver("one.csv", row())).batches
    token = load_pseudonymiser(room.settings, room.rocu).token("OLDGRAMMAR1")
    write_segment(
        room.settings, room.lake, room.rocu, batch.batch_id, pa.table({"vehicle": [token], "vrm": ["OLDGRAMMAR1"]})
    )
    room.cameras(LATE)
    requalify(room)
    (now,) = [vehicle for (vehicle,) in room.reads("vehicle")]
    found = reveal(room.settings, room.lake, room.rocu, {token: [batch.batch_id], now: [batch.batch_id]})
    assert found == {token: "OLDGRAMMAR1", now: "AB12CDE"}


def test_parts_of_before_stay_as_they_were(room, row):
    room.ingest(room.deliver("one.csv", row(), row(camera_id="CAM-3")), **WIDE)
    pinned = read_parts(room.lake, room.rocu, START, END)
    room.cameras(LATE)
    requalify(room, **WIDE)
    assert [file_sha256(room.lake.root / part.path) for part in pinned] == [part.sha256 for part in pinned]
    assert set(read_parts(room.lake, room.rocu, START, END)).isdisjoint(pinned)


def test_rows_asked_about_are_counted_apart(room, row):
    rows = [row(), row(vrm="AB12CDF", camera_id="CAM-3"), row(vrm="AB12CDG", camera_id="CAM-3", confidence="101")]
    room.ingest(room.deliver("one.csv", *rows, row(vrm="AB12CDH", camera_id="CAM-9")), max_quarantine_share=1)
    room.cameras(LATE)
    asked = Asked(rule="camera_not_registered", camera="CAM-3")
    (tried,) = requalify(room, trial=True, asked=asked, max_quarantine_share=1)
    assert (tried.batches[0].asked, tried.batches[0].released) == (2, 1)
    assert dict(tried.batches[0].held) == {"confidence_out_of_range": 1}


def test_many_small_files_of_one_record(room, row):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = [room.deliver(f"{n}.csv", row(vrm=f"AB12C{chr(65 + n // 24)}{chr(65 + n % 24)}")) for n in range(60)]
    room.ingest(*files, max_unknown_format_share=1)
    room.cameras(LATE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        (done,) = requalify(room, max_unknown_format_share=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(done.batches) == 60
    check_conserved(room)


KILLER = """
import json, os, shutil, signal, sys
from pathlib import Path

from data_contracts.gx import _library
from data_contracts.limits import IngestLimits
from data_contracts.requalify import Judge, judge_again, records_of_days
from datetime import date, datetime
from infra.lake import Lake
from infra.settings import Settings

_library()
base, work, now = sys.argv[1:]


def run(home, told):
    def kill(event, renamed):
        if event != "os.rename" or (target := str(renamed[1])) in (said := told.read_text()):
            return
        # the second record only as it is placed
        if "/ingests/" in target or "/ingests/" not in said:
            told.write_text(told.read_text() + target + "\\n")
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    settings = Settings(home=home, memory_limit="1GB")
    limits = IngestLimits(max_quarantine_share=0.5)
    judge = Judge(settings, Lake(settings.lake), "nwrocu", limits, datetime.fromisoformat(now))
    due = records_of_days(judge, date(2026, 5, 1), date(2026, 5, 31))
    list(judge_again(judge, due, "late", lambda _: None, lambda _: None))
    os._exit(0)


told = Path(work) / "told"
told.touch()
for turn in range(40):
    if (child := os.fork()) == 0:
        run(Path(base), told)
    status = os.waitpid(child, 0)[1]
    left = Path(work) / f"left-{turn}"
    shutil.copytree(base, left, symlinks=True)
    print(json.dumps([str(left), os.WIFSIGNALED(status) and os.WTERMSIG(status), os.WIFEXITED(status) and status]),
          flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


def test_killed_at_every_step_either_judgement_stands_and_a_rerun_completes_it(room, room_again, row, tmp_path):
    """Each run is killed as it is about to place a file at which none was killed before, until one gets through."""

    def deliver(place):
        for name, letters in (("one", "ABC"), ("two", "DEF")):
            reads = [
                row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T08:00:00Z", received_at="", camera_id=camera)
                for day, camera in ((17, "CAM-1"), (18, "CAM-3"))
                for letter in letters
            ]
            place.ingest(place.deliver(f"{name}.csv", *reads, row(confidence="101")), max_quarantine_share=0.6)
        place.cameras(LATE)

    deliver(room)
    script = room.write("killer.py", KILLER)
    outcome = subprocess.run(
        [sys.executable, "-W", "ignore", script, room.settings.root, tmp_path, room.now.isoformat()],
        capture_output=True,
        text=True,
        check=True,
    )
    turns = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [ended for _, *ended in turns] == [[9, False]] * (len(turns) - 1) + [[False, 0]], outcome.stderr
    # vault, two days of reads, quarantine, record, and what is counted beside them; then the second record
    assert len(turns) > 7
    stood = set()
    for left, *_ in turns:
        then = replace(room, settings=Settings(home=Path(left), memory_limit="1GB"), lake=Lake(Path(left) / "lake"))
        check_conserved(then)
        accepted = [batch.accepted for _, batch in standing_batches(then.lake, then.rocu)]
        assert sorted(accepted) in ([3, 3], [3, 6], [6, 6])
        stood.add(tuple(sorted(accepted)))
        for path in Path(left).rglob("*"):
            if not path.is_symlink() and path.is_file() and path.suffix != ".age":
                assert b"AB12CD" not in path.read_bytes(), path
    assert len(stood) == 3
    undisturbed = room_again()
    deliver(undisturbed)
    requalify(undisturbed, **WIDE)
    assert room.reads() == undisturbed.reads()
    assert standing_batches(room.lake, room.rocu)[0][1] == standing_batches(undisturbed.lake, undisturbed.rocu)[0][1]
    assert len(ingest_records(room.lake, room.rocu)) == 4
    assert set(room.snapshot()) == set(undisturbed.snapshot())
    assert requalify(room, **WIDE) == []
