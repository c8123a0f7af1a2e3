"""Tokens that were revoked: which are refused, which hold, who may revoke whose, and that it waits for no log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from governance_world import NOW

from governance.access.revocation import AllOf, OneToken, require_not_revoked, revoke
from infra.errors import RefusedError, WrongInputError

LATER = NOW + timedelta(minutes=5)


def test_the_token_of_this_id_is_refused_and_no_other_of_the_person(world: Any) -> None:
    ann, again = world.person("Ann", "analyst"), world.person("Ann", "analyst")
    revoke(world.audit, world.person("Gwen"), "nwrocu", OneToken(ann.token_id), "left in a train", LATER)
    with pytest.raises(RefusedError, match=r"The token of Ann was revoked for nwrocu at 2\S+ \S+ UTC by Gwen"):
        require_not_revoked(world.audit, ann)
    require_not_revoked(world.audit, again)
    (row,) = world.audit.search(action="token.revoke")
    assert (row.object, row.rocu, row.operation, row.outcome) == (f"token {ann.token_id}", "nwrocu", "decision", "done")
    assert row.details["reason"] == "left in a train"


def test_all_tokens_of_a_person_until_then_are_refused_and_a_newer_one_holds(world: Any) -> None:
    before = [world.person("Ann", "analyst"), world.person("ann", "operator")]
    revoke(world.audit, world.person("Olive", "owner"), "nwrocu", AllOf("embedded:ann"), "left the force", LATER)
    for one in before:
        with pytest.raises(RefusedError, match="was revoked"):
            require_not_revoked(world.audit, one)
    require_not_revoked(world.audit, world.person("Ann", "analyst", at=LATER + timedelta(seconds=1)))
    require_not_revoked(world.audit, world.person("Anna", "analyst"))


@pytest.mark.parametrize(
    ("token_of", "revoked_in", "refused"),
    [("nwrocu", "yhrocu", False), ("*", "yhrocu", True), ("nwrocu", "*", True), ("nwrocu", "nwrocu", True)],
)
def test_it_counts_for_tokens_that_name_the_rocu(world: Any, token_of: str, revoked_in: str, refused: bool) -> None:
    ann, gwen = world.person("Ann", "analyst", rocu=token_of), world.person("Gwen", rocu=revoked_in)
    revoke(world.audit, gwen, revoked_in, AllOf(ann.subject), "gone", LATER)
    if refused:
        with pytest.raises(RefusedError, match="was revoked"):
            require_not_revoked(world.audit, ann)
    else:
        require_not_revoked(world.audit, ann)


@pytest.mark.parametrize("role", ["analyst", "operator", "ml_engineer", "validator", "auditor"])
def test_others_revoke_their_own_alone(world: Any, role: str) -> None:
    somebody, ann = world.person("Somebody", role), world.person("Ann", "analyst")
    for what in (AllOf(ann.subject), OneToken(ann.token_id)):
        with pytest.raises(RefusedError, match=r"may not do token\.revoke"):
            revoke(world.audit, somebody, "nwrocu", what, "out of spite", LATER)
    require_not_revoked(world.audit, ann)
    assert {row.outcome for row in world.audit.search(action="token.revoke")} == {"refused"}
    revoke(world.audit, somebody, "nwrocu", AllOf(somebody.subject), "lost", LATER)
    with pytest.raises(RefusedError, match="was revoked"):
        require_not_revoked(world.audit, somebody)


def test_nobody_revokes_in_a_rocu_of_others(world: Any) -> None:
    ann = world.person("Ann", "analyst", rocu="yhrocu")
    with pytest.raises(RefusedError, match="not for yhrocu"):
        revoke(world.audit, world.person("Gwen"), "yhrocu", AllOf(ann.subject), "gone", LATER)
    own = world.person("Ann", "analyst")
    with pytest.raises(RefusedError, match="not for yhrocu"):
        revoke(world.audit, own, "yhrocu", AllOf(own.subject), "gone", LATER)


def test_it_needs_a_reason_and_a_plate_in_it_is_not_kept(world: Any) -> None:
    gwen = world.person("Gwen")
    with pytest.raises(WrongInputError, match="needs a reason"):
        revoke(world.audit, gwen, "nwrocu", OneToken("a" * 32), " ", LATER)
    row = revoke(world.audit, gwen, "nwrocu", OneToken("a" * 32), "asked about AB12 CDE", LATER)
    assert "AB12" not in row.details["reason"]


def test_it_waits_for_no_log_and_a_touched_entry_still_counts(world: Any) -> None:
    world.told("promoted")
    ann = world.person("Ann", "analyst")
    world.behind_its_back("UPDATE audit_log SET actor_name = 'Somebody Else' WHERE seq = 2")
    revoke(world.audit, world.person("Gwen"), "nwrocu", AllOf(ann.subject), "stolen", LATER)
    world.behind_its_back("UPDATE audit_log SET details = '{}', signer = 'x' WHERE action = 'token.revoke'")
    with pytest.raises(RefusedError, match="was revoked"):
        require_not_revoked(world.audit, ann)
