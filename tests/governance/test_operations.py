"""The kinds of processing of section 62: every action has its own, and no entry can say another."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from governance.access.permissions import ACTIONS
from governance.audit.log import Entry
from governance.audit.operations import DECIDING, DONE_BY_NO_COMMAND, OPERATIONS, Operation, is_decisive

# Written out by hand, so that a change of the table has to be made twice.
COLLECTION = {"cameras.load", "ingest", "inbox.set_aside", "dispositions.load"}
ALTERATION = {"requalify", "quarantine.release", "inbox.bring_back"}
COMBINATION = {"retrain", "reproduce", "score", "monitor"}
DECISION = {"policy.load", "deploy", "syops.accept", "authority.grant", "authority.withdraw", "token.revoke"}


def wanted(action: str) -> str:
    if action.startswith("promote.") or action in DECISION:
        return "decision"
    if action in COLLECTION:
        return "collection"
    if action in ALTERATION:
        return "alteration"
    return "combination" if action in COMBINATION else "consultation"


def entry(action: str, operation: str) -> Entry:
    return Entry.model_validate(
        {"action": action, "operation": operation, "actor": "a", "actor_name": "A", "actor_roles": (),
         "rocu": "nwrocu", "object": "run", "outcome": "done"}
    )  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_the_permission_table_has_its_operation(action: str) -> None:
    assert wanted(action) in OPERATIONS[action]
    # a trial run of what alters only shows
    assert set(OPERATIONS[action]) <= {wanted(action), "consultation"}


@pytest.mark.parametrize("action", sorted(OPERATIONS))
@pytest.mark.parametrize("operation", get_args(Operation))
def test_no_entry_says_another_operation_than_the_table(action: str, operation: str) -> None:
    if operation in OPERATIONS[action]:
        assert entry(action, operation).operation == operation
    else:
        with pytest.raises(ValidationError, match="table of operations"):
            entry(action, operation)


def test_each_of_the_six_is_done_by_a_command_or_known_to_be_done_by_none() -> None:
    done = {operation for kinds in OPERATIONS.values() for operation in kinds}
    assert done | DONE_BY_NO_COMMAND == set(get_args(Operation))
    assert not done & DONE_BY_NO_COMMAND


def test_what_decides_is_known_by_action_and_by_operation() -> None:
    assert {"promote.approve", "promote.promoted", "promote.suspend", "policy.load"} <= DECIDING
    assert is_decisive("promote.promoted", "consultation")
    assert is_decisive("scores.read", "decision")
    assert not is_decisive("scores.read", "consultation")
