"""What scoring asks before it loads a model: is this, here and now, a champion that people approved.

It believes neither the registry's alias nor a replay alone: the chain, the gate, each approval, the term, the alias,
the signature and the digest of the text are each looked at again. The caller records a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.approvals import enough
from governance.audit import AuditLog, Row
from governance.champion_alias import alias_standing, moved_by_hand
from governance.evidence_store import load_evidence
from governance.permissions import allowed
from governance.promotion_control import require_in_term
from governance.promotion_record import Desk
from governance.promotion_state import (
    ApproveDetails,
    GateDetails,
    ModelState,
    PromotedDetails,
    VersionState,
    model_state,
    read_details,
)
from governance.registry_port import require_genuine, split_model
from infra.errors import RefusedError


@dataclass(frozen=True)
class Champion:
    """A model that may score, with its text and what makes it so."""

    model: str
    version: str
    sha256: str
    text: str
    approvers: tuple[str, ...]
    promoted_seq: int
    promoted_at: str
    evidence_digest: str
    policy_digest: str
    valid_until: str


def verify_champion(desk: Desk, model: str, rocu: str, now: datetime) -> Champion:
    """The champion of a model, if every check holds.

    Args:
        desk: Log, lake and registry.
        model: `<pattern>.<rocu>`.
        rocu: The ROCU whose reads are to be scored.
        now: The time.

    Raises:
        RefusedError: Another ROCU's model; a clock set back; a changed audit log; no promotion; suspended; a lapsed
            term; a gate or approvals that do not hold; edited evidence; an alias moved by hand; a text or signature
            that differs.
        FaultError: The log or the registry does not answer.
    """
    if split_model(model)[1] != rocu:
        raise RefusedError(f"{model} is not a model of {rocu}.", f"Use a model that was approved for {rocu}.")
    _require_intact(desk.audit, now)
    state = model_state(desk.audit, model)
    found = _require_in_force(state, now)
    promoted, row = _require_approved(desk.audit, state, found)
    evidence = load_evidence(desk.lake, rocu, model, found.version, promoted.evidence_digest)
    if evidence.model_sha256 != promoted.model_sha256 or evidence.trainer in promoted.approvers:
        raise _not_approved(model, found.version, "the evidence is not about what was promoted")
    standing, alias = alias_standing(desk, state)
    if standing == "unfinished":
        raise RefusedError(
            f"A change of champion of {model} was not finished: the alias is not yet on version {found.version}.",
            "Run findprofile promote reconcile, or the command that was interrupted, again.",
        )
    if standing == "by hand":
        raise moved_by_hand(state, alias)
    return Champion(
        model=model,
        version=found.version,
        sha256=promoted.model_sha256,
        text=require_genuine(desk.registry, model, found.version, promoted.model_sha256),
        approvers=promoted.approvers,
        promoted_seq=row.seq,
        promoted_at=row.at,
        evidence_digest=promoted.evidence_digest,
        policy_digest=promoted.policy_digest,
        valid_until=promoted.valid_until,
    )


def _require_intact(audit: AuditLog, now: datetime) -> None:
    audit.require_clock(now)
    report = audit.check(now)
    if report.problem is not None:
        raise RefusedError(
            f"The audit log does not hold: {report.problem.what}",
            "Tell governance; nothing scores until then.",
        )


def _require_in_force(state: ModelState, now: datetime) -> VersionState:
    if state.suspended is not None:
        raise RefusedError(f"{state.model} is suspended: {state.suspended}", "Two people of governance can resume it.")
    if state.standing is None:
        raise RefusedError(
            f"No version of {state.model} was ever promoted.", "Request a promotion and have it approved by two people."
        )
    require_in_term(state.model, state.standing, now)
    return state.standing


def _require_approved(audit: AuditLog, state: ModelState, found: VersionState) -> tuple[PromotedDetails, Row]:
    """Look at the gate and at each approval again, entry by entry."""
    rows = {row.seq: row for row in audit.entries(state.model)}
    row = rows.get(found.promoted_seq or 0)
    if row is None or row.action != "promote.promoted" or row.outcome != "done":
        raise _not_approved(state.model, found.version, "there is no promotion")
    promoted = read_details(PromotedDetails, row)
    gate_row = rows.get(promoted.gate_seq)
    if gate_row is None or gate_row.action != "promote.gate" or gate_row.outcome != "done":
        raise _not_approved(state.model, found.version, "there is no passed gate")
    gate = read_details(GateDetails, gate_row)
    if gate.gate != "passed" or (gate.evidence_digest, gate.policy_digest, gate.model_sha256) != (
        promoted.evidence_digest,
        promoted.policy_digest,
        promoted.model_sha256,
    ):
        raise _not_approved(state.model, found.version, "the gate judged something else")
    approvals = [rows[seq] for seq in promoted.approval_seqs if seq in rows]
    counting = {one.actor for one in approvals if _counts(one, row, gate_row, gate)}
    if not enough(counting, max(promoted.approvers_needed, gate.approvers_needed)):
        raise _not_approved(state.model, found.version, f"{len(counting)} valid approvals")
    return promoted, row


def _counts(approval: Row, promoted: Row, gate_row: Row, gate: GateDetails) -> bool:
    if approval.action != "promote.approve" or approval.outcome != "done":
        return False
    details = read_details(ApproveDetails, approval)
    return (
        approval.object == promoted.object == gate_row.object
        and approval.rocu == promoted.rocu
        and gate_row.seq < approval.seq < promoted.seq
        and (details.evidence_digest, details.policy_digest) == (gate.evidence_digest, gate.policy_digest)
        and approval.actor not in (gate.trainer, gate.requested_by)
        and allowed(frozenset(approval.actor_roles), "promote.approve")
    )


def _not_approved(model: str, version: str, why: str) -> RefusedError:
    return RefusedError(
        f"The audit log does not show that {model} version {version} was promoted by the rules: {why}.",
        "See findprofile promote history; request and approve it again.",
    )
