"""`token revoke`: whose approval, run or look is refused from then on, and what a slip of the fingers is told."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from loop_support import MODEL, PEOPLE, Loop, Said, run

HERE = ("--rocu", "nwrocu")
REASON = ("--reason", "phone stolen")
APPROVE = ("promote", "approve", MODEL, "1", "--reason", "figures looked at")


@pytest.fixture
def requested(in_force: Loop, tmp_path: Path) -> Loop:
    shutil.copytree(in_force.home.parent / "requested", tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


@pytest.fixture
def empty(tmp_path: Path) -> Loop:
    return Loop(tmp_path / "home", tmp_path)


def entries(home: Loop, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.done("auditor", "audit", "search", "--action", action, "--json").data
    return found


def issued(home: Loop, name: str, role: str = "operator") -> str:
    return run(home.home, "token", "issue", "--name", name, "--role", role, *HERE).out.strip()


def check_refused(said: Said, *words: str) -> None:
    assert said.code == 1, said.out + said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in " ".join(said.err.split()), said.err


def test_a_revoked_validator_approves_nothing_and_one_with_a_new_token_does(requested: Loop) -> None:
    name = PEOPLE["validator"][0]
    assert requested("validator", "status").code == 0
    said = requested.done("owner", "token", "revoke", *HERE, "--person", name, *REASON)
    assert f"embedded:{name.casefold()}" in said.out
    assert "knows of no such" not in said.out
    check_refused(requested("validator", *APPROVE), f"The token of {name} was revoked for nwrocu", "issued from now on")
    assert entries(requested, "promote.approve") == []
    for refused in (("status",), ("promote", "suspend", MODEL, "--reason", "odd"), ("models", "list")):
        check_refused(requested("validator", *refused), "was revoked")
    row = entries(requested, "sign-in")[-1]
    assert (row["actor_name"], row["outcome"]) == (name, "refused")
    assert "was revoked" in row["details"]["reason"]
    # a token has whole seconds: one that is issued within the same is held to be older
    revoked_at = datetime.fromisoformat(entries(requested, "token.revoke")[0]["at"])
    time.sleep(max(0.0, revoked_at.timestamp() // 1 + 1 - time.time()))
    done = run(requested.home, *APPROVE, token=issued(requested, name, "validator"))
    assert done.code == 0, done.err
    assert requested("auditor", "audit", "verify").code == 0


def test_a_person_ends_all_tokens_of_their_own(empty: Loop) -> None:
    lost, kept = (issued(empty, "Omar Vance") for _ in "12")
    # nobody has to accept the procedures first to stop what was stolen
    ended = run(empty.home, "token", "revoke", *HERE, "--person", "Omar  VANCE", *REASON, "--json", token=kept)
    assert ended.data["revoked"] == "person embedded:omar vance"
    assert ended.data["known"] is True
    for token in (lost, kept):
        check_refused(run(empty.home, "status", token=token), "by Omar Vance")


def test_one_token_is_ended_by_its_id_and_the_others_hold(empty: Loop) -> None:
    lost, kept = (issued(empty, "Omar Vance") for _ in "12")
    token_id = jwt.decode(lost, options={"verify_signature": False})["jti"]
    said = empty.done("governance", "token", "revoke", *HERE, "--token-id", token_id, *REASON)
    assert "knows of no such" not in said.out
    check_refused(run(empty.home, "status", token=lost), "was revoked")
    assert run(empty.home, "status", token=kept).code == 0


def test_what_cannot_be_revoked_is_told_and_what_nobody_knows_is_said(empty: Loop) -> None:
    revoke = ("token", "revoke", *HERE)
    for given, words in (
        ((), "either --token-id ID or --person SUBJECT"),
        (("--token-id", "a", "--person", "b"), "either --token-id ID or --person SUBJECT"),
        (("--token-id", "a.b.c"), "a whole token, not its id"),
    ):
        said = empty("owner", *revoke, *given, *REASON)
        assert (said.code, words in " ".join(said.err.split())) == (2, True), said.err
    assert empty("owner", "token", "revoke", "--rocu", "nowhere", "--person", "x", *REASON).code == 2
    assert empty("owner", *revoke, "--person", "Ann", "--reason", "").code == 2
    check_refused(
        empty("analyst", *revoke, "--person", "Ann", *REASON), "may not do token.revoke", "owner or governance"
    )
    said = empty.done("owner", *revoke, "--person", "Somebody Else", *REASON)
    assert "knows of no such token or person" in " ".join(said.out.split())
