"""What can be done to a champion: roll back to the one before, suspend, resume, and finish what a kill left undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from governance.access.deciding import require_decider, require_reason
from governance.access.permissions import require
from governance.audit.entry import iso_moment
from governance.gate.evidence_store import load_evidence
from governance.policy.document import LoadedPolicy
from governance.promotion.approvals import enough, said
from governance.promotion.champion_alias import (
    Standing,
    alias_standing,
    finish_alias,
    lacks_entry,
    moved_by_hand,
    place_alias,
    put_back,
)
from governance.promotion.details import ReasonDetails, RollbackDetails
from governance.promotion.life import OPEN
from governance.promotion.record import Desk
from governance.promotion.registry_port import known_model, require_genuine
from governance.promotion.state import ModelState, VersionState, model_state
from infra.errors import RefusedError

if TYPE_CHECKING:
    from infra.identity import Identity


@dataclass(frozen=True)
class Reconciled:
    """Where the alias was found, how that came about, and whether its place was only put on record."""

    champion: str | None
    alias: str | None
    found: Standing
    only_noted: bool = False


@dataclass(frozen=True)
class RolledBack:
    """Where the model stands, and whether this only finished an earlier rollback, which a kill had left undone."""

    state: ModelState
    only_finished: bool


def rollback(
    desk: Desk,
    identity: Identity,
    model: str,
    reason: str,
    policy: LoadedPolicy,
    now: datetime,
    *,
    to: str | None = None,
) -> RolledBack:
    """Make an earlier champion champion again, on the strength of its own approvals.

    Evidence, text, signature and the term of its approval are checked before anything moves. The version that is left
    is `rolled back` and needs a new request to return. A rollback that was killed before the alias moved is finished,
    and nothing more is rolled back.

    Args:
        desk: Log, lake and registry.
        identity: Who rolls back.
        model: `<pattern>.<rocu>`.
        reason: Why.
        policy: The policy in force.
        now: The time.
        to: The version to go back to; the newest earlier champion that can serve if not given.

    Raises:
        RefusedError: There is nothing to go back to, or it no longer holds; the log has it.
        FaultError: The registry does not answer.
    """
    act = desk.act(identity, "promote.rollback", model, to or "", now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        why = require_reason(reason)
        state = model_state(desk.audit, model)
        target = rollback_way(desk, state, to, now)
        if target is None:
            finish_alias(desk, act)
            return RolledBack(state, only_finished=True)
        act = desk.act(identity, act.action, model, target.version, now)
        evidence = load_evidence(desk.lake, act.rocu, model, target.version, target.gate.evidence_digest)
        require_genuine(desk.registry, model, target.version, evidence.model_sha256)
        with desk.audit.writing() as session:
            at, state = act.moment(), model_state(session, model)
            target = rollback_target(state, target.version, at)
            details = RollbackDetails(reason=why, replaces=state.champion or "", promoted_seq=target.promoted_seq or 0)
            session.append(act.done(details), at)
        place_alias(desk, act)
    return RolledBack(model_state(desk.audit, model), only_finished=False)


def rollback_way(desk: Desk, state: ModelState, to: str | None, now: datetime) -> VersionState | None:
    """The version that a rollback would bring back; `None` if it would only finish an earlier one.

    Raises:
        RefusedError: The alias was moved by hand, or there is nothing to go back to.
        FaultError: The registry does not answer.
    """
    standing, alias = alias_standing(desk, state)
    if standing == "by hand":
        raise moved_by_hand(state, alias)
    left = state.versions.get(alias or "")
    undone = standing == "unfinished" and left is not None and left.status == "rolled_back"
    return None if undone and to in (None, state.champion) else rollback_target(state, to, now)


def rollback_target(state: ModelState, to: str | None, now: datetime) -> VersionState:
    """The version that a rollback would bring back: the one named, or the newest earlier champion that can serve.

    Raises:
        RefusedError: There is none, or its term is over.
    """
    earlier = [state.versions[version] for version in state.before if state.versions[version].status == "superseded"]
    able = [found for found in earlier if _in_term(found, now)]
    if to is None and not earlier:
        raise RefusedError(
            f"{state.model} has no earlier champion to go back to.", "Stop it with findprofile promote suspend instead."
        )
    target = state.version(to) if to is not None else (able or earlier)[-1]
    if target not in earlier:
        raise _not_earlier(state, target, tuple(found.version for found in able))
    require_in_term(state.model, target, now)
    return target


def _not_earlier(state: ModelState, target: VersionState, able: tuple[str, ...]) -> RefusedError:
    what = f"{state.model} version {target.version}"
    if able:
        steps = [f"Go back to {' or '.join(f'version {one}' for one in able)} instead (--to)."]
    else:
        steps = [f"There is none to go back to; to stop the model: findprofile promote suspend {state.model}."]
    if target.version == state.champion:
        return RefusedError(f"{what} is the champion already.", " ".join(steps))
    if target.status not in OPEN:
        again = f"findprofile promote request {state.model} {target.version}"
        steps.append(f"Version {target.version} comes back only by a new request: {again}.")
    return RefusedError(f"{what} is {said(target.status)}, not an earlier champion.", " ".join(steps))


def require_in_term(model: str, found: VersionState, now: datetime) -> None:
    """Refuse a promotion whose term is over.

    Raises:
        RefusedError: It is over, or there was never one.
    """
    if not _in_term(found, now):
        until = found.promoted.valid_until if found.promoted else "never"
        raise RefusedError(
            f"The approval of {model} version {found.version} has lapsed (valid until {until}).",
            f"Request and approve it again: findprofile promote request {model} {found.version}.",
        )


def _in_term(found: VersionState, now: datetime) -> bool:
    return found.promoted is not None and now < datetime.fromisoformat(found.promoted.valid_until)


def suspend(desk: Desk, identity: Identity, model: str, reason: str, now: datetime) -> ModelState:
    """Stop a model at once: it scores nothing until two people resume it. One person of any role is enough.

    Raises:
        RefusedError: The token is not for this ROCU; the log has it.
        WrongInputError: There is no such pattern or ROCU, or no reason.
    """
    model = known_model(model, now.date())
    act = desk.act(identity, "promote.suspend", model, "", now)
    with act.recorded(desk.audit):
        require(identity, act.action, act.rocu)
        desk.audit.append(act.done(ReasonDetails(reason=require_reason(reason))), act.moment())
    return model_state(desk.audit, model)


def resume(desk: Desk, identity: Identity, model: str, reason: str, policy: LoadedPolicy, now: datetime) -> ModelState:
    """Agree to a model's return to service; the second person's agreement brings it back.

    An agreement that nobody joins within the policy's `request_valid_days` counts no more.

    Raises:
        RefusedError: No permission, the model is not suspended, or the same person agreed before; the log has it.
        WrongInputError: There is no reason.
    """
    act = desk.act(identity, "promote.resume", model, "", now)
    with act.recorded(desk.audit):
        require_decider(identity, act.action, act.rocu, policy, now)
        details = ReasonDetails(reason=require_reason(reason))
        with desk.audit.writing() as session:
            at, state = act.moment(), model_state(session, model)
            agreed = require_resumable(state, identity, policy, at)
            session.append(act.done(details), at)
            if enough(agreed, policy.policy.approvers_needed):
                session.append(act.done(details, "promote.resumed"), at)
    return model_state(desk.audit, model)


def require_resumable(state: ModelState, identity: Identity, policy: LoadedPolicy, now: datetime) -> tuple[str, ...]:
    """Refuse unless this person's agreement to resume would count; gives everybody's that counts, with this one.

    Raises:
        RefusedError: The model is not suspended, or the person agreed before.
    """
    if state.suspended is None:
        raise RefusedError(f"{state.model} is not suspended.", "Nothing is to be done.")
    oldest = iso_moment(now - timedelta(days=policy.policy.request_valid_days))
    agreed = tuple(vote.subject for vote in state.resume_votes if vote.at > oldest)
    if identity.subject in agreed:
        raise RefusedError(f"{identity.name} has already agreed; resuming needs two people.", "Ask another.")
    return (*agreed, identity.subject)


def reconcile(desk: Desk, identity: Identity, model: str, policy: LoadedPolicy, now: datetime) -> Reconciled:
    """Put the registry's alias where the log has the champion, and record where it was.

    An alias on a version of a model that has no champion by the log is taken away.

    Raises:
        RefusedError: No permission, or the champion's text or signature does not hold; the log has it.
        FaultError: The registry does not answer.
    """
    act = desk.act(identity, "promote.reconcile", model, "", now)
    with act.recorded(desk.audit):
        require_decider(identity, "promote.rollback", act.rocu, policy, now)
        state = model_state(desk.audit, model)
        standing, alias = alias_standing(desk, state)
        champion = state.standing
        noted = lacks_entry(state, standing)
        if standing != "in step":
            if champion is not None:
                require_genuine(desk.registry, model, champion.version, champion.gate.model_sha256)
            put_back(desk, act, state.champion, alias, standing)
        elif noted:
            place_alias(desk, act)
    return Reconciled(state.champion, alias, standing, noted)
