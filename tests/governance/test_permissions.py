"""The whole table: each role, each action, own ROCU, another, all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from governance.access.permissions import ACTIONS, INSTALLATION_WIDE, PERMISSIONS, ROLES, require
from infra.errors import RefusedError
from infra.identity import Identity

# Written out by hand, so that a change of the table has to be made twice.
MAY = {
    "ml_engineer": {
        "authority.read",
        "documents.read",
        "cameras.health",
        "retrain", "monitor", "promote.request", "promote.rollback", "promote.suspend", "history.read", "lineage.read",
        "batches.read", "scoreboard.read", "models.read",
        "reproduce", "status", "syops.accept",
    },
    "operator": {
        "authority.read",
        "documents.read",
        "requalify", "quarantine.read", "quarantine.release", "inbox.read", "inbox.set_aside", "inbox.bring_back",
        "cameras.health", "notes.read",
        "cameras.load", "ingest", "dispositions.load", "retrain", "score", "scores.read", "monitor", "promote.suspend",
        "history.read", "lineage.read", "audit.verify", "deploy", "status",
        "audit.checkpoint", "syops.accept",
        "batches.read", "scoreboard.read", "models.read",
    },
    "validator": {
        "syops.accept", "authority.read", "documents.read",
        "quarantine.read", "cameras.health", "promote.approve", "promote.refuse", "promote.suspend", "history.read",
        "notes.read", "models.read", "lineage.read", "batches.read", "scoreboard.read", "reproduce", "status",
    },
    "owner": {
        "token.revoke",
        "syops.accept", "authority.read", "authority.grant", "authority.withdraw", "documents.read",
        "cameras.health", "promote.approve", "promote.confirm", "promote.refuse", "promote.rollback",
        "promote.suspend", "promote.resume", "history.read", "models.read", "lineage.read", "batches.read",
        "scoreboard.read", "status",
    },
    "governance": {
        "authority.grant", "authority.withdraw", "authority.read", "token.revoke",
        "documents.read",
        "quarantine.read", "notes.read", "inbox.read",
        "cameras.health",
        "scores.read", "profile.read", "vault.reveal", "promote.approve", "promote.confirm", "promote.refuse",
        "promote.rollback", "promote.suspend", "models.read",
        "promote.resume", "history.read", "lineage.read", "reproduce", "audit.verify", "audit.search", "policy.load",
        "batches.read", "scoreboard.read",
        "status", "audit.checkpoint", "syops.accept",
    },
    "auditor": {
        "audit.checkpoint", "syops.accept",
        "authority.read",
        "documents.read",
        "quarantine.read", "notes.read", "inbox.read",
        "cameras.health",
        "promote.suspend", "history.read", "lineage.read", "reproduce", "audit.verify", "audit.search", "status",
        "batches.read", "scoreboard.read", "models.read",
    },
    "analyst": {
        "syops.accept",
        "authority.read",
        "documents.read",
        "dispositions.load", "scores.read", "profile.read", "vault.reveal", "promote.suspend", "history.read", "status",
    },
}  # fmt: skip


def somebody(*roles: str, rocus: tuple[str, ...] = ("nwrocu",)) -> Identity:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Identity("embedded:a", "Ada", frozenset(roles), frozenset(rocus), "t", "here", moment, moment)


def test_the_table_has_every_action_and_no_other() -> None:
    assert set(PERMISSIONS) == set(ACTIONS)
    assert set(MAY) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_role_may_do_what_the_table_says_in_its_own_rocu_and_nothing_elsewhere(role: str, action: str) -> None:
    if action in MAY[role]:
        require(somebody(role), action, "nwrocu")
        require(somebody(role, rocus=("*",)), action, "nerocu")
    else:
        with pytest.raises(RefusedError, match="may not do"):
            require(somebody(role), action, "nwrocu")
    with pytest.raises(RefusedError):
        require(somebody(role), action, "nerocu")


@pytest.mark.parametrize("action", ACTIONS)
def test_only_what_looks_at_the_whole_installation_may_go_without_a_rocu(action: str) -> None:
    everything = somebody(*ROLES)
    if action in INSTALLATION_WIDE:
        require(everything, action, None)
    else:
        with pytest.raises(RefusedError, match="needs a ROCU"):
            require(everything, action, None)


def test_a_refusal_says_which_role_may() -> None:
    with pytest.raises(RefusedError, match="role validator or owner or governance") as refusal:
        require(somebody("ml_engineer", "operator"), "promote.approve", "nwrocu")
    assert "ml_engineer, operator" in refusal.value.reason


def test_a_refusal_for_another_rocu_names_both() -> None:
    with pytest.raises(RefusedError, match="for nwrocu, not for tarian"):
        require(somebody("operator"), "ingest", "tarian")


@pytest.mark.parametrize("action", ["", "ingest ", "promote", "audit.delete"])
def test_an_unknown_action_is_refused_for_everybody(action: str) -> None:
    with pytest.raises(RefusedError, match="no action"):
        require(somebody(*ROLES, rocus=("*",)), action, "nwrocu")


def test_unknown_roles_and_no_roles_open_nothing() -> None:
    for action in ACTIONS:
        for identity in (somebody(), somebody("admin", "GOVERNANCE")):
            with pytest.raises(RefusedError):
                require(identity, action, "nwrocu")
