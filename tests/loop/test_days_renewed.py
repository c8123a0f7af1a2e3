"""A kept share of a day that was changed is told and in the log, whichever process comes upon it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from attack_support import database_of
from loop_support import AS_OF, MODEL, PEOPLE, Loop, Said, token

from flows.context import days_watched, open_context
from governance.audit.log import open_audit
from infra.settings import Settings

EARLIER = "2026-04-04"
BY_DAY = {"FINDPROFILE_WINDOWS_BY_DAY": "true"}


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    for who in PEOPLE:
        token(in_force.home, who)
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


def renewed(loop: Loop) -> list[str]:
    """What the log has of shares that were made anew, oldest first."""
    with database_of(loop) as engine:
        rows = open_audit(Settings(home=loop.home), engine).search(action="days.renewed")
    assert {(row.operation, row.rocu, row.outcome) for row in rows} <= {("alteration", "nwrocu", "done")}
    return [str(row.details["reason"]) for row in reversed(rows)]


def spoilt(loop: Loop) -> str:
    """Change the share of the day in the middle; what is to be said of it."""
    shares = sorted((loop.home / "lake" / "days" / "rocu=nwrocu").glob("*/*/share=*"))
    share = shares[len(shares) // 2]
    table = next(share.glob("*.parquet"))
    table.write_bytes(table.read_bytes() + b" ")
    day = share.parent.name.removeprefix("date=")
    return f"what is kept of {day} of nwrocu was changed after it was made: it is made anew"


def check_told(loop: Loop, said: Said, reasons: list[str]) -> None:
    assert said.code == 0, said.err
    assert reasons[-1] in " ".join(said.err.split())
    assert renewed(loop) == reasons


def test_a_stage_of_training_that_makes_a_changed_share_anew_is_told_and_on_record(copy: Loop) -> None:
    """The stage comes first and makes the share anew, so that whoever comes after it has nothing to tell."""
    score = ("score", "--rocu", "nwrocu", "--as-of", EARLIER)
    assert copy("operator", *score, **BY_DAY).code == 0
    assert renewed(copy) == []
    told = [spoilt(copy)]
    shutil.rmtree(copy.home / "workspaces")
    check_told(copy, copy("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF, **BY_DAY), told)
    told.append(spoilt(copy))
    check_told(copy, copy("engineer", "reproduce", MODEL, "1", **BY_DAY), told)


def test_what_reads_as_a_plate_does_not_keep_it_out_of_the_log(copy: Loop) -> None:
    said: list[str] = []
    context = open_context(Settings(home=copy.home, token=token(copy.home, "operator")), said.append)
    days_watched(context, "nwrocu")("what is kept of AB12CDE was changed")
    assert renewed(copy) == ["what is kept of (withheld) was changed"]
    assert len(said) == 1
