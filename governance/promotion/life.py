"""The states of a version and every way from one to another, as one table; its picture is drawn from it.

Belongs here: which entry of the audit log moves a version from which state to which, who may bring it about, and whose
approvals are needed in which order. Does not: reading the log (promotion_state). A move that is not in the table does
not happen: the replay of the log stops at an entry that asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal[
    "trained",
    "gate_refused",
    "requested",
    "validated",
    "awaiting_board",
    "approved",
    "shadow",
    "confirmed",
    "champion",
    "suspended",
    "superseded",
    "rolled_back",
    "refused",
    "expired",
]
Part = Literal["validator", "owner", "board"]

STATUSES: tuple[Status, ...] = get_args(Status)
PART_ROLES: dict[Part, str] = {"validator": "validator", "owner": "owner", "board": "governance"}

WAITING: tuple[Status, ...] = ("requested", "validated", "awaiting_board")
"""For an approval."""
CANDIDATES: tuple[Status, ...] = ("approved", "shadow")
"""With every approval, on the way through the shadow period."""
OPEN: tuple[Status, ...] = (*WAITING, *CANDIDATES)
IN_FORCE: tuple[Status, ...] = ("champion", "suspended")
ENDED: tuple[Status, ...] = ("gate_refused", "refused", "expired", "superseded", "rolled_back")


@dataclass(frozen=True)
class Move:
    """One way from a state to another.

    Args:
        entry: Action of the audit entry that makes the move.
        before: The state that the version is in.
        after: The state that it comes to.
        who: The role that brings it about.
        when: What happens, in words.
    """

    entry: str
    before: Status
    after: Status
    who: str
    when: str


def _from(before: tuple[Status, ...], entry: str, after: Status, who: str, when: str) -> tuple[Move, ...]:
    return tuple(Move(entry, one, after, who, when) for one in before)


ENGINEER, WORKER, DECIDERS = "ml_engineer", "operator", "validator, owner or governance"

MOVES: tuple[Move, ...] = (
    *_from(("trained", *ENDED, *OPEN), "promote.gate", "requested", ENGINEER, "request, the gate passes"),
    # an earlier champion that a request did not bring back is still one to go back to
    *_from(
        ("trained", "gate_refused", "refused", "expired", "rolled_back", *OPEN),
        "promote.gate",
        "gate_refused",
        ENGINEER,
        "request, the gate says no",
    ),
    Move("promote.approve", "requested", "validated", "validator", "the validator approves"),
    Move("promote.approve", "validated", "approved", "owner", "the owner approves"),
    Move("promote.approve", "validated", "awaiting_board", "owner", "the owner approves, the board is needed"),
    Move("promote.approve", "awaiting_board", "awaiting_board", "governance", "one of the board approves"),
    Move("promote.approve", "awaiting_board", "approved", "governance", "the last of the board approves"),
    Move("promote.shadow", "approved", "shadow", WORKER, "first shadow run"),
    Move("promote.shadow", "shadow", "shadow", WORKER, "shadow run"),
    Move("promote.confirm", "approved", "confirmed", "owner or governance", "confirmed, the policy asks for no run"),
    Move("promote.confirm", "shadow", "confirmed", "owner or governance", "confirmed after the shadow runs"),
    Move("promote.promoted", "confirmed", "champion", "owner or governance", "in one piece with the confirmation"),
    Move("promote.promoted", "confirmed", "suspended", "owner or governance", "the same, the model is suspended"),
    *_from(IN_FORCE, "promote.promoted", "superseded", "owner or governance", "another version is confirmed"),
    *_from(IN_FORCE, "promote.rollback", "rolled_back", "ml_engineer, owner or governance", "rollback to an earlier"),
    Move("promote.rollback", "superseded", "champion", "ml_engineer, owner or governance", "rollback to it"),
    Move("promote.rollback", "superseded", "suspended", "ml_engineer, owner or governance", "the same, suspended"),
    Move("promote.suspend", "champion", "suspended", "anybody of the ROCU", "one person suspends"),
    Move("promote.suspend", "suspended", "suspended", "anybody of the ROCU", "suspended again"),
    Move("promote.resumed", "suspended", "champion", "owner or governance", "the second person resumes"),
    *_from(OPEN, "promote.refuse", "refused", DECIDERS, "one of them refuses"),
    *_from(OPEN, "promote.expired", "expired", "whoever finds it", "its term is over"),
)

_KNOWN = frozenset((move.entry, move.before, move.after) for move in MOVES)


def may_move(entry: str, before: Status, after: Status) -> bool:
    """Whether the table has this move."""
    return (entry, before, after) in _KNOWN


def parts_needed(approvers_needed: int, board_needed: bool) -> tuple[Part, ...]:
    """Whose approvals a version needs, in their order.

    Args:
        approvers_needed: What the policy asks for; the validator and the owner are never fewer than two.
        board_needed: Whether the version changes something that the change plan leaves to the board.
    """
    board: list[Part] = ["board"] * max(approvers_needed - 2, int(board_needed))
    return ("validator", "owner", *board)


def status_after(parts: tuple[Part, ...], given: int) -> Status:
    """Where a version stands with the first `given` of its approvals."""
    if given >= len(parts):
        return "approved"
    return "awaiting_board" if parts[given] == "board" else "validated" if given else "requested"


ANY: dict[str, tuple[Status, ...]] = {"any_open": OPEN, "any_ended": ENDED}


def state_diagram() -> str:
    """The table as a Mermaid state diagram. What holds for every open, or every ended, state is drawn once."""
    named = (f'    state "any of: {", ".join(states)}" as {name}' for name, states in ANY.items())
    drawn: dict[tuple[str, str], list[str]] = {}
    for after, when, befores in _grouped():
        for before in _collapsed(befores):
            drawn.setdefault((before, after), []).append(when)
    arrows = (f"    {before} --> {after}: {' / '.join(when)}" for (before, after), when in drawn.items())
    return "\n".join(("stateDiagram-v2", *named, "    [*] --> trained: retrain", *arrows))


def moves_table() -> str:
    """The table in Markdown, one row for each entry and what it comes to."""
    who = {(move.after, move.when): (move.entry, move.who) for move in MOVES}
    rows = (
        f"| {', '.join(befores)} | {after} | `{who[after, when][0]}` | {who[after, when][1]} | {when} |"
        for after, when, befores in _grouped()
    )
    return "\n".join(("| from | to | entry in the log | by | when |", "|---|---|---|---|---|", *rows))


def _grouped() -> tuple[tuple[Status, str, tuple[Status, ...]], ...]:
    found: dict[tuple[Status, str], list[Status]] = {}
    for move in MOVES:
        found.setdefault((move.after, move.when), []).append(move.before)
    return tuple((after, when, tuple(befores)) for (after, when), befores in found.items())


def _collapsed(befores: tuple[Status, ...]) -> tuple[str, ...]:
    whole = {name: states for name, states in ANY.items() if set(states) <= set(befores)}
    inside = {state for states in whole.values() for state in states}
    return (*(state for state in befores if state not in inside), *whole)
