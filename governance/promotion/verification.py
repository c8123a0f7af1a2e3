"""What scoring asks before it loads a model: is this, here and now, a champion that people approved.

It believes neither the registry's alias nor a replay alone: the chain, the gate, each approval, the shadow runs, the
confirmation (see `walked`), the tokens that they were given with, the term, the alias, the signature and the digest of
the text are each looked at again.
A version that scores in shadow is looked at in the same way, as far as it has come. The caller records a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.access.revocation import revocations, used_revoked
from governance.audit.log import AuditLog, Row
from governance.gate.evidence_store import load_evidence
from governance.policy.in_force import require_judged_by_it
from governance.promotion.approvals import expiry, is_expired, said
from governance.promotion.champion_alias import alias_standing, moved_by_hand
from governance.promotion.control import require_in_term
from governance.promotion.details import ApproveDetails, ConfirmDetails, PromotedDetails, read_details
from governance.promotion.record import Desk
from governance.promotion.registry_port import require_genuine, split_model
from governance.promotion.state import ModelState, VersionState, model_state
from governance.promotion.walked import not_approved, walk_approvals, walk_confirmation
from infra.errors import RefusedError


@dataclass(frozen=True)
class Champion:
    """A model that may score, with its text and what makes it so."""

    model: str
    version: str
    sha256: str
    text: str
    approvers: tuple[str, ...]
    shadow_days: int
    confirmed_by: str
    promoted_seq: int
    promoted_at: str
    evidence_digest: str
    policy_digest: str
    valid_until: str


@dataclass(frozen=True)
class Candidate:
    """An approved version that may score in shadow, with its text."""

    model: str
    version: str
    sha256: str
    text: str
    evidence_digest: str
    shadow_days: int
    shadow_runs: int


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
        raise not_approved(model, found.version, "the evidence is not about what was promoted")
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
        shadow_days=len(promoted.shadow_seqs),
        confirmed_by=promoted.confirmed_by,
        promoted_seq=row.seq,
        promoted_at=row.at,
        evidence_digest=promoted.evidence_digest,
        policy_digest=promoted.policy_digest,
        valid_until=promoted.valid_until,
    )


def verify_candidate(desk: Desk, model: str, version: str, rocu: str, now: datetime) -> Candidate:
    """A version that may score in shadow, if every check holds. Its list is for nobody to see.

    Args:
        desk: Log, lake and registry.
        model: `<pattern>.<rocu>`.
        version: The version.
        rocu: The ROCU whose reads are to be scored.
        now: The time.

    Raises:
        RefusedError: Another ROCU's model; a changed audit log; a gate or approvals that do not hold or are lapsed; a
            suspended model; edited evidence; a text or signature that differs.
        FaultError: The log or the registry does not answer.
    """
    if split_model(model)[1] != rocu:
        raise RefusedError(f"{model} is not a model of {rocu}.", f"Use a model that was approved for {rocu}.")
    _require_intact(desk.audit, now)
    state = model_state(desk.audit, model)
    if state.suspended is not None:
        raise RefusedError(f"{model} is suspended: {state.suspended}", "Two people can resume it.")
    found = state.version(version)
    if is_expired(found, now):
        raise RefusedError(expiry(model, found), "Request the promotion again.")
    if found not in state.candidates:
        raise RefusedError(
            f"{model} version {version} is {said(found.status)}, no candidate beside this champion.",
            "See findprofile models show.",
        )
    seqs = tuple(approval.seq for approval in found.approvals)
    walked = walk_approvals(_rows(desk.audit, model), model, version, found.gate_seq, seqs)
    _require_tokens_held(desk.audit, model, version, walked.approvals)
    require_judged_by_it(desk.audit, rocu, found.gate.policy_file, found.gate.policy_digest, found.gate_seq)
    evidence = load_evidence(desk.lake, rocu, model, version, found.gate.evidence_digest)
    if evidence.model_sha256 != found.gate.model_sha256:
        raise not_approved(model, version, "the evidence is not about what was approved")
    return Candidate(
        model=model,
        version=version,
        sha256=found.gate.model_sha256,
        text=require_genuine(desk.registry, model, version, found.gate.model_sha256),
        evidence_digest=found.gate.evidence_digest,
        shadow_days=len(found.shadow_days),
        shadow_runs=found.gate.shadow_runs,
    )


def _require_intact(audit: AuditLog, now: datetime) -> None:
    audit.require_clock(now)
    audit.require_intact(now)


def _require_in_force(state: ModelState, now: datetime) -> VersionState:
    if state.suspended is not None:
        raise RefusedError(f"{state.model} is suspended: {state.suspended}", "Two people can resume it.")
    if state.standing is None:
        raise RefusedError(
            f"No version of {state.model} was ever promoted.",
            "Request a promotion, have it approved by validator and owner, and confirmed.",
        )
    require_in_term(state.model, state.standing, now)
    return state.standing


def _rows(audit: AuditLog, model: str) -> dict[int, Row]:
    return {row.seq: row for row in audit.entries(model, "promote.")}


def _require_approved(audit: AuditLog, state: ModelState, found: VersionState) -> tuple[PromotedDetails, Row]:
    """Look at the gate, each approval, the shadow runs and the confirmation again, entry by entry."""
    rows, model, version = _rows(audit, state.model), state.model, found.version
    row = rows.get(found.promoted_seq or 0)
    if row is None or row.action != "promote.promoted" or row.outcome != "done":
        raise not_approved(model, version, "there is no promotion")
    promoted = read_details(PromotedDetails, row)
    walked = walk_approvals(rows, model, version, promoted.gate_seq, promoted.approval_seqs)
    gate = walked.gate
    require_judged_by_it(audit, split_model(model)[1], gate.policy_file, gate.policy_digest, promoted.gate_seq)
    walk_confirmation(rows, model, version, walked, promoted, row)
    _require_tokens_held(audit, model, version, (*walked.approvals, rows[promoted.confirm_seq]))
    return promoted, row


def _require_tokens_held(audit: AuditLog, model: str, version: str, decisions: tuple[Row, ...]) -> None:
    """Refuse what was decided with a token after it was revoked: signing in was got past, or the two crossed."""
    revoked = revocations(audit, split_model(model)[1])
    for row in decisions:
        confirms = row.action == "promote.confirm"
        said = read_details(ConfirmDetails, row) if confirms else read_details(ApproveDetails, row)
        wrong = used_revoked(revoked, row, said.token_id, said.token_issued_at)
        if wrong is not None:
            raise not_approved(model, version, wrong)
