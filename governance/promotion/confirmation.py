"""From the last approval to champion: shadow runs, which nobody sees, and the confirmation that rests on them.

The promotion is in the log before the registry's alias is touched; what a kill leaves undone in between,
`promotion_control.reconcile` or the same command again finishes. Does not belong here: scoring (flows).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from governance.access.deciding import require_decider, require_reason
from governance.audit.entry import iso_moment
from governance.audit.log import AuditSession
from governance.policy.document import LoadedPolicy
from governance.promotion.approvals import require_confirmable
from governance.promotion.champion_alias import finish_alias, place_alias
from governance.promotion.details import ConfirmDetails, PromotedDetails, ShadowDetails, is_past
from governance.promotion.life import IN_FORCE
from governance.promotion.record import Act, Desk
from governance.promotion.requests import require_judged_model, require_term
from governance.promotion.state import VersionState, model_state
from infra.errors import RefusedError

if TYPE_CHECKING:
    from infra.identity import Identity


def record_shadow_run(desk: Desk, act: Act, details: ShadowDetails) -> VersionState:
    """Write a shadow run into the log; the same run again changes nothing.

    Args:
        desk: Log, lake and registry.
        act: Who scored which version, as `promote.shadow`.
        details: What came of it.

    Raises:
        RefusedError: The version is no candidate any more, the champion is another one, the version was requested anew
            on another record or text, or the day is a past one.
    """
    with desk.audit.writing() as session:
        state = model_state(session, act.model)
        found = state.version(act.version)
        if found not in state.candidates or details.champion != state.champion:
            raise RefusedError(
                f"{act.model} version {act.version} stopped being a candidate while it was scored in shadow.",
                "See findprofile models show.",
            )
        if (details.model_sha256, details.evidence_digest) != (found.gate.model_sha256, found.gate.evidence_digest):
            raise RefusedError(
                f"{act.model} version {act.version} was requested anew while it was scored in shadow.",
                "Score it in shadow again.",
            )
        require_day_to_come(found, details.as_of)
        known = {(run.details.run_id, run.details.scores_sha256, run.details.champion_run) for run in found.shadows}
        if (details.run_id, details.scores_sha256, details.champion_run) not in known:
            session.append(act.done(details), act.moment())
    return model_state(desk.audit, act.model).version(act.version)


def require_day_to_come(found: VersionState, as_of: str) -> None:
    """Refuse a shadow run on a day before the one as of which the version was trained: it shows nothing new.

    Raises:
        RefusedError: It is such a day.
    """
    if is_past(as_of, found.gate):
        raise RefusedError(
            f"Version {found.version} was trained as of {found.gate.trained_as_of}, so a shadow run of {as_of} shows"
            " nothing that it has not seen.",
            f"Score it on {found.gate.trained_as_of} or later days.",
        )


def confirm(
    desk: Desk, identity: Identity, model: str, version: str, reason: str, policy: LoadedPolicy, now: datetime
) -> VersionState:
    """Make an approved version champion, on the strength of its shadow runs.

    If the version is champion already (a confirmation that was killed before the alias moved), the alias is finished.

    Raises:
        RefusedError: Any rule of confirmation says no; the log has it.
        WrongInputError: No such version was requested, or there is no reason.
        FaultError: The registry does not answer. If the log has the promotion, the same command finishes it.
    """
    act = desk.act(identity, "promote.confirm", model, version, now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        why = require_reason(reason)
        finish_alias(desk, act)
        found = require_term(desk, act)
        if found.status not in IN_FORCE:
            require_judged_model(desk, act, found)
            with desk.audit.writing() as session:
                _confirm(session, act, policy, why)
            place_alias(desk, act)
    return model_state(desk.audit, model).version(version)


def _confirm(session: AuditSession, act: Act, policy: LoadedPolicy, why: str) -> None:
    """Add the confirmation and the promotion: together in the log, or neither."""
    at, state = act.moment(), model_state(session, act.model)
    found = state.version(act.version)
    runs = require_confirmable(state, found, act.identity, policy, at)
    gate, seqs = found.gate, tuple(run.seq for run in runs)
    details = ConfirmDetails(
        reason=why,
        evidence_digest=gate.evidence_digest,
        policy_digest=gate.policy_digest,
        shadow_seqs=seqs,
        token_id=act.identity.token_id,
        token_issued_at=iso_moment(act.identity.issued_at),
    )
    confirmed = session.append(act.done(details), at)
    promoted = PromotedDetails(
        model_sha256=gate.model_sha256,
        evidence_digest=gate.evidence_digest,
        policy_digest=gate.policy_digest,
        gate_seq=found.gate_seq,
        approval_seqs=tuple(approval.seq for approval in found.approvals),
        approvers=tuple(approval.subject for approval in found.approvals),
        shadow_seqs=seqs,
        confirm_seq=confirmed.seq,
        confirmed_by=act.identity.subject,
        valid_until=min(approval.valid_until for approval in found.approvals),
        replaces=state.champion,
    )
    session.append(act.done(promoted, "promote.promoted"), at)
