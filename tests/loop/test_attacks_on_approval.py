"""Attacks on a version that waits for approval: each is tried on real parts, refused, on record, and nothing scores."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attack_support import check_refused, killed, refusals, score, state_left
from loop_support import AS_OF, MODEL, PEOPLE, Loop, Said, run, token

from infra.identity import issue_token
from infra.settings import Settings

CONFIRM = ("promote", "confirm", MODEL, "1", "--reason", "runs as it should")
WAITING = ("promote", "approve", MODEL, "1", "--reason", "figures looked at")


@pytest.fixture
def waiting(in_force: Loop, tmp_path: Path) -> Loop:
    """The loop as it was when its version had been requested and waited for approval."""
    loop = Loop(tmp_path / "home", in_force.world)
    shutil.copytree(in_force.home.parent / "requested", loop.home)
    for who in PEOPLE:
        token(loop.home, who)
    return loop


def signed(loop: Loop, name: str, *roles: str, rocu: str = "nwrocu", ago: int = 0) -> str:
    """A token given out some hours ago, for an hour; who acts has accepted the procedures."""
    settings, now = Settings(home=loop.home), datetime.now(UTC)
    fresh = issue_token(settings, name, roles, (rocu,), timedelta(hours=1), now)
    version = json.loads(run(loop.home, "syops", "show", "--json").out)["version"]
    run(loop.home, "syops", "accept", "--version", version, token=fresh)
    return issue_token(settings, name, roles, (rocu,), timedelta(hours=1), now - timedelta(hours=ago)) if ago else fresh


def check_not_approved(loop: Loop, said: Said, *words: str, action: str = "promote.approve") -> None:
    check_refused(loop, said, action, *words)
    assert score(loop).code == 1
    assert "ever promoted" in refusals(loop, "score")[-1]


def approver() -> str:
    return PEOPLE["validator"][1]


def test_the_trainer_does_not_approve_whatever_the_role(waiting: Loop) -> None:
    hers = signed(waiting, PEOPLE["engineer"][0], "ml_engineer", approver())
    check_not_approved(waiting, run(waiting.home, *WAITING, token=hers), "trained")


def test_one_person_does_not_approve_twice_however_the_name_is_written(waiting: Loop) -> None:
    waiting.done("validator", *WAITING)
    again = signed(waiting, PEOPLE["validator"][0].upper(), approver())
    check_not_approved(waiting, run(waiting.home, *WAITING, token=again), "already approved")


def test_an_expired_token_does_not_approve(waiting: Loop) -> None:
    old = signed(waiting, PEOPLE["validator"][0], approver(), ago=2)
    check_not_approved(waiting, run(waiting.home, *WAITING, token=old), "expired", action="sign-in")


def test_a_forged_token_does_not_approve(waiting: Loop, tmp_path: Path) -> None:
    forged = signed(Loop(tmp_path / "forger", waiting.world), PEOPLE["validator"][0], approver())
    check_not_approved(waiting, run(waiting.home, *WAITING, token=forged), action="sign-in")


def test_a_token_for_another_rocu_does_not_approve(waiting: Loop) -> None:
    other = signed(waiting, PEOPLE["validator"][0], approver(), rocu="yhrocu")
    check_not_approved(waiting, run(waiting.home, *WAITING, token=other), "not for nwrocu")


def test_an_approval_that_names_other_evidence_is_refused_and_one_that_names_it_counts(waiting: Loop) -> None:
    digest = waiting.done("validator", "models", "show", MODEL, "1", "--json").data["evidence_digest"]
    other = ("--evidence", digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    assert waiting("validator", *WAITING, *other, "--plan").code == 1
    check_not_approved(waiting, waiting("validator", *WAITING, *other), "for other evidence than the gate judged")
    waiting.done("validator", *WAITING, "--evidence", digest)
    (approval,) = waiting.done("validator", "models", "show", MODEL, "1", "--json").data["approvals"]
    assert PEOPLE["validator"][0] in approval


def test_evidence_edited_after_the_gate_is_not_approved(waiting: Loop) -> None:
    (evidence,) = (waiting.home / "lake" / "records").rglob("evidence-*.json")
    evidence.write_text(evidence.read_text().replace('"positives":', '"positives":1', 1))
    check_not_approved(waiting, waiting("validator", *WAITING), "evidence")


def test_a_policy_swapped_after_the_gate_is_not_approved_under(waiting: Loop, tmp_path: Path) -> None:
    (policy,) = (waiting.home / "lake" / "policies" / "rocu=nwrocu").glob("*.yaml")
    policy.write_text(policy.read_text().replace(" min_average_precision: 0.01", " min_average_precision: 0.005"))
    said = waiting("validator", *WAITING)
    check_refused(waiting, said, "policy.use", "policy")


def test_a_promotion_killed_at_any_point_is_done_or_not_and_status_says_which(waiting: Loop, tmp_path: Path) -> None:
    waiting.approve(MODEL, "1")
    waiting.done("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, "--shadow")
    (tmp_path / "copies").mkdir()
    ended = killed(waiting.home, tmp_path / "copies", token(waiting.home, "owner"), CONFIRM)
    looked_at = set()
    for home, (code, _) in ended.items():
        fresh = Loop(home, waiting.world)
        left = (state_left(fresh), code)
        if left not in looked_at:
            looked_at.add(left)
            _check_done_or_not(fresh, code)
            assert len(looked_at) > 1 or score(fresh).code == 0
        shutil.rmtree(home)
    # it was killed at each moment there is, and then was not
    assert [code < 0 for code, _ in ended.values()] == [True] * (len(ended) - 1) + [False]
    assert (code, len(ended) > 8, 4 < len(looked_at) < len(ended)) == (0, True, True)


def _check_done_or_not(loop: Loop, code: int) -> None:
    assert loop("auditor", "audit", "verify").code == 0
    row, scored = _standing(loop), score(loop)
    if row["champion"] is None:
        assert (code != 0, scored.code) == (True, 1)
    elif row["state"] == "in force":
        assert scored.code == 0, scored.err
    else:
        assert "unfinished" in row["state"]
        assert scored.code == 1
    # the same command again finishes it, or does it
    loop.done("owner", *CONFIRM)
    assert _standing(loop)["state"] == "in force"


def _standing(loop: Loop) -> Any:
    (row,) = [row for row in loop.done("operator", "status", "--json").data if row["model"] == MODEL]
    return row
