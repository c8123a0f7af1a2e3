"""The sentences that plans of decisions are made of, and what a shadow run came to in words. Nothing is asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.promotion.state import ModelState, VersionState, version_named
from infra.wording import counted

if TYPE_CHECKING:
    from governance.promotion.life import Status

PUT_BACK = "promote.reconcile, with where the alias was"
PLACED = "promote.alias, once the alias is in place"
CAUSES = {"unfinished": "a change of champion was left unfinished", "by hand": "it was moved by hand"}
UNTOUCHED = "not looked at, and not touched"


def judged(found: VersionState) -> tuple[str, ...]:
    """What the gate and the approvals of a version rest on."""
    gate = found.gate
    board = ", outside the change plan" if gate.board_needed else ""
    return (
        f"evidence {gate.evidence_digest}: {len(gate.lines)} lines of the gate, all passed{board}",
        f"policy {gate.policy_version}, digest {gate.policy_digest}",
        *(f"approved by {one.name} as {one.part}, {one.at[:16]}" for one in found.approvals),
    )


def shadow_lines(found: VersionState) -> tuple[str, ...]:
    """A line for each shadow run, or that there is none."""
    if not found.shadows:
        return ("no shadow run: the policy asks for none, which is weaker than the packaged default",)
    return tuple(
        f"shadow run of {run.details.as_of}: {shadow_figures(run.details.model_dump())}" for run in found.shadows
    )


def shadow_figures(details: dict[str, object]) -> str:
    """The figures of one shadow run in words."""
    shown = {
        "vehicles": details["vehicles"],
        "without a score": details["failures"],
        "of the champion's list": details["overlap_at_k"],
        "new": details["share_new"],
        "rank correlation": details["rank_correlation"],
    }
    said_of = {name: f"{value:.2f}" if isinstance(value, float) else value for name, value in shown.items()}
    return ", ".join(f"{name} {value}" for name, value in said_of.items() if value is not None)


def next_step(found: VersionState, after: Status, given: int) -> str:
    """What a version with so many approvals waits for."""
    if after != "approved":
        return f"waits for the approval of the {found.gate.parts[given]}, until {found.ends}"
    runs = found.gate.shadow_runs
    days = counted(runs, "day") + (f" from {found.gate.trained_as_of} on" if found.gate.trained_as_of else "")
    return f"scores in shadow on {days}, shown to nobody; then findprofile promote confirm"


def stays(state: ModelState) -> str:
    """That the alias is not touched."""
    return f"champion stays on {version_named(state.champion)}"
