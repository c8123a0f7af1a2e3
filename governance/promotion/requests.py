"""How a version gets its approvals: requested with evidence, judged by the gate, approved or refused by people.

Every step is an audit entry, refusals too, and the entries are the state; which step leads where is the table in
`life`. What comes after the last approval, shadow runs and confirmation, is in `confirmation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from governance.access.deciding import require_decider, require_reason
from governance.audit.entry import iso_moment
from governance.audit.log import AuditLog, AuditSession, Row
from governance.gate.decision import Decision, decide
from governance.gate.evidence import ChampionMeasured, Evidence, NoChampion
from governance.gate.evidence_store import load_evidence, store_evidence
from governance.policy.document import LoadedPolicy
from governance.promotion.approvals import expired, expiry, is_expired, require_approvable, said
from governance.promotion.champion_alias import finish_alias
from governance.promotion.details import ApproveDetails, GateDetails, ReasonDetails
from governance.promotion.life import IN_FORCE, OPEN
from governance.promotion.record import Act, Desk
from governance.promotion.registry_port import require_genuine, split_model
from governance.promotion.state import ModelState, VersionState, model_state, version_named
from infra.errors import RefusedError

if TYPE_CHECKING:
    from infra.identity import Identity


@dataclass(frozen=True)
class Requested:
    """What a request came to. `decision.outcome` says whether the gate passed; approvals only count if it did."""

    decision: Decision
    evidence_digest: str
    state: VersionState


def history(audit: AuditLog, model: str) -> tuple[Row, ...]:
    """Every entry about a model's promotion, oldest first, refusals included."""
    split_model(model)
    return audit.entries(model, "promote.")


def request(desk: Desk, identity: Identity, evidence: Evidence, policy: LoadedPolicy, now: datetime) -> Requested:
    """Ask for a version to be promoted: the gate judges its evidence, and both are recorded whatever it says.

    The same evidence again, while it waits for approval, changes nothing.

    Raises:
        RefusedError: No permission, the evidence is about another policy or another champion than stands, it does not
            say what changed against the champion, or the version is champion already.
    """
    act = desk.act(identity, "promote.request", evidence.model, evidence.version, now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        _require_current_policy(evidence, policy)
        board = _board_needed(evidence)
        decision = decide(evidence, policy.policy.gate)
        digest = store_evidence(desk.lake, evidence)
        with desk.audit.writing() as session:
            at, state = act.moment(), model_state(session, evidence.model)
            _require_true_champion(state, evidence)
            waiting = state.versions.get(evidence.version)
            if waiting and _still_open(waiting, at) and _same_gate(waiting, digest, policy):
                return Requested(decision, digest, waiting)
            details = _gate_details(evidence, digest, decision, policy, act, board, at)
            session.append(act.done(ReasonDetails(reason=f"evidence {digest}")), at)
            entry = act.done if decision.outcome == "passed" else act.refused
            session.append(entry(details, "promote.gate"), at)
    return Requested(decision, digest, model_state(desk.audit, evidence.model).version(evidence.version))


def _require_current_policy(evidence: Evidence, policy: LoadedPolicy) -> None:
    if evidence.policy_digest != policy.digest:
        raise RefusedError("The evidence was gathered under another policy.", "Gather it again under this policy.")


def _require_true_champion(state: ModelState, evidence: Evidence) -> None:
    """The evidence must be about the champion that the log knows: "none" is not for the evidence to say."""
    if state.champion == evidence.version:
        raise RefusedError(
            f"{state.model} version {evidence.version} is the champion already.", "Nothing is to be done."
        )
    compared = evidence.champion.version if isinstance(evidence.champion, ChampionMeasured) else None
    if isinstance(evidence.champion, NoChampion | ChampionMeasured) and compared != state.champion:
        raise RefusedError(
            f"The evidence compares with {version_named(compared, 'no champion')}, but the log's champion of"
            f" {state.model} is {version_named(state.champion, 'no champion')}.",
            "Gather the evidence again.",
        )


def _board_needed(evidence: Evidence) -> bool:
    """Whether the board must approve as well. A first version changes nothing; what is not known is for the board.

    A change that is not known is missing in the gate as well, which refuses.
    """
    if evidence.change is None:
        return not isinstance(evidence.champion, NoChampion)
    return evidence.change.board_needed


def _still_open(found: VersionState, now: datetime) -> bool:
    return found.status in OPEN and not is_expired(found, now)


def _same_gate(waiting: VersionState, digest: str, policy: LoadedPolicy) -> bool:
    return (waiting.gate.evidence_digest, waiting.gate.policy_digest) == (digest, policy.digest)


def _gate_details(
    evidence: Evidence,
    digest: str,
    decision: Decision,
    policy: LoadedPolicy,
    act: Act,
    board_needed: bool,
    at: datetime,
) -> GateDetails:
    return GateDetails(
        evidence_digest=digest,
        policy_digest=policy.digest,
        policy_version=policy.policy.version,
        model_sha256=evidence.model_sha256,
        trainer=evidence.trainer or "",
        requested_by=act.identity.subject,
        compared_with=evidence.champion.version if isinstance(evidence.champion, ChampionMeasured) else None,
        approvers_needed=policy.policy.approvers_needed,
        board_needed=board_needed,
        shadow_runs=policy.policy.shadow_runs,
        valid_until=iso_moment(at + timedelta(days=policy.policy.request_valid_days)),
        gate=decision.outcome,
        lines=tuple(line.model_dump(mode="json") for line in decision.lines),
        policy_file=policy.file_sha256,
        trained_as_of=evidence.last_day_seen.isoformat(),
    )


def approve(
    desk: Desk,
    identity: Identity,
    model: str,
    version: str,
    policy: LoadedPolicy,
    now: datetime,
    *,
    comment: str,
    seen_digest: str | None = None,
) -> VersionState:
    """Approve a version that the gate has passed, as the one whose turn it is: validator, owner, then the board.

    With the last approval it is a candidate for shadow runs; it becomes champion by `confirmation.confirm`.

    Args:
        desk: Log, lake and registry.
        identity: Who approves.
        model: `<pattern>.<rocu>`.
        version: The version.
        policy: The policy in force.
        now: The time.
        comment: Why, in the approver's words.
        seen_digest: Digest of the evidence that the approver was shown; refused if the gate judged another.

    Raises:
        RefusedError: Any rule of approval says no; the log has it.
        WrongInputError: No such version was requested, or there is no reason.
        FaultError: The registry does not answer.
    """
    act = desk.act(identity, "promote.approve", model, version, now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        why = require_reason(comment)
        finish_alias(desk, act)
        found = require_term(desk, act)
        require_judged_model(desk, act, found)
        with desk.audit.writing() as session:
            _approve(session, act, policy, seen_digest, why)
    return model_state(desk.audit, model).version(version)


def require_term(desk: Desk, act: Act) -> VersionState:
    """The version, unless its term is over; then the log has that it expired, and who found it.

    Raises:
        RefusedError: It has expired.
        WrongInputError: No such version was requested.
    """
    with desk.audit.writing() as session:
        now, found = act.moment(), model_state(session, act.model).version(act.version)
        over = is_expired(found, now)
        if over:
            session.append(act.done(ReasonDetails(reason=expiry(act.model, found)), "promote.expired"), now)
    if over:
        raise expired(act.model, found)
    return found


def require_judged_model(desk: Desk, act: Act, found: VersionState) -> None:
    """Refuse unless evidence, text and signature are what the gate saw, before anybody's decision is added to it.

    Raises:
        RefusedError: One of them is not.
        FaultError: The registry does not answer.
    """
    evidence = load_evidence(desk.lake, act.rocu, act.model, act.version, found.gate.evidence_digest)
    require_genuine(desk.registry, act.model, act.version, evidence.model_sha256)


def _approve(session: AuditSession, act: Act, policy: LoadedPolicy, seen_digest: str | None, comment: str) -> None:
    at, state = act.moment(), model_state(session, act.model)
    found = state.version(act.version)
    details = ApproveDetails(
        part=require_approvable(state, found, act.identity, policy, at, seen_digest),
        evidence_digest=found.gate.evidence_digest,
        policy_digest=found.gate.policy_digest,
        valid_until=iso_moment(at + timedelta(days=policy.policy.approval_valid_days)),
        token_id=act.identity.token_id,
        token_issued_at=iso_moment(act.identity.issued_at),
        issuer=act.identity.issuer,
        comment=comment,
    )
    session.append(act.done(details), at)


def refuse(
    desk: Desk, identity: Identity, model: str, version: str, reason: str, policy: LoadedPolicy, now: datetime
) -> VersionState:
    """Refuse a version on its way to champion; one person is enough, and earlier approvals are void.

    Raises:
        RefusedError: No permission, or the version is not on its way; the log has it.
        WrongInputError: No such version was requested, or there is no reason.
    """
    act = desk.act(identity, "promote.refuse", model, version, now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        details = ReasonDetails(reason=require_reason(reason))
        with desk.audit.writing() as session:
            require_refusable(model, model_state(session, model).version(version))
            session.append(act.done(details), act.moment())
    return model_state(desk.audit, model).version(version)


def require_refusable(model: str, found: VersionState) -> None:
    """Refuse to refuse what is not on its way to champion.

    Raises:
        RefusedError: It is not.
    """
    if found.status not in OPEN:
        raise RefusedError(
            f"{model} version {found.version} is not on its way to champion: it is {said(found.status)}.",
            _instead_of_refusing(model, found),
        )


def _instead_of_refusing(model: str, found: VersionState) -> str:
    if found.status in IN_FORCE:
        return f"To stop it: findprofile promote suspend {model}; to leave it: findprofile promote rollback {model}."
    way = "a new request or a rollback to it" if found.status == "superseded" else "a new request"
    return f"Nothing is to be done: it scores nothing, and comes back only by {way}."
