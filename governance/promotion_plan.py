"""What a decision about a model would do, by the very checks that the decision itself makes; nothing is done.

Belongs here: for each decision, where the version or the model would stand, which entries the log would get, where the
alias would go, what is needed next, or why it would be refused. A plan reveals nothing to whoever may not decide. The
gate's verdict is never part of a plan: to see it is to ask, and asking is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from governance.approvals import (
    enough,
    expired,
    is_expired,
    require_approvable,
    require_confirmable,
    require_decider,
    said,
)
from governance.champion_alias import alias_standing, lacks_entry, moved_by_hand
from governance.life import IN_FORCE, Status, status_after
from governance.permissions import require
from governance.promotion import require_judged_model, require_refusable
from governance.promotion_control import require_resumable, rollback_way
from governance.promotion_record import Act, Desk, require_reason
from governance.promotion_state import ModelState, VersionState, model_state, version_named
from governance.registry_port import known_model, require_genuine
from infra.errors import FindProfileError, RefusedError

if TYPE_CHECKING:
    from governance.policy import LoadedPolicy
    from infra.identity import Identity


ROLLBACK = "promote.rollback"
_PUT_BACK = "promote.reconcile, with where the alias was"
_PLACED = "promote.alias, once the alias is in place"


class Plan(BaseModel):
    """What a decision would do.

    Args:
        command: The decision and who takes it.
        state: Where it leads from and to.
        entries: What the audit log would get.
        alias: Where the registry's alias would be.
        then: What is needed next.
        rests_on: What whoever decides should have looked at.
        refused: Why it would be refused; `None` if it would not.
        instruction: What to do then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    state: str = ""
    entries: tuple[str, ...] = ()
    alias: str = ""
    then: str = ""
    rests_on: tuple[str, ...] = ()
    refused: str | None = None
    instruction: str = ""

    def lines(self) -> tuple[str, ...]:
        """The plan for people to read."""
        named = (
            *(("on", one) for one in self.rests_on),
            ("state", self.state),
            *(("log", entry) for entry in self.entries),
            ("alias", self.alias),
            ("then", self.then),
            ("refused", self.refused or ""),
            ("to do", self.instruction if self.refused else ""),
        )
        return (self.command, *(f"  {name:<8} {text}" for name, text in named if text))


@dataclass(frozen=True)
class Asking:
    """Who asks, at which desk, when, and with which reason.

    `load_policy` gives the policy in force, and is asked only where it matters: a suspension does not wait for it.
    `mended` gets the entry of what is put right before the decision itself.
    """

    desk: Desk
    identity: Identity
    load_policy: Callable[[], LoadedPolicy]
    now: datetime
    reason: str = ""
    mended: list[str] = field(default_factory=list)

    @cached_property
    def policy(self) -> LoadedPolicy:
        """The policy in force."""
        return self.load_policy()

    def plan(
        self, action: str, model: str, version: str, work_out: Callable[[Act], Plan], needs: str | None = None
    ) -> Plan:
        """The plan, or the plan that says why it would be refused; `needs` names the permission of another action."""
        act = Act(self.identity, action, model, version, self.now)
        roles = ", ".join(sorted(self.identity.roles))
        what = f"{model} version {version}" if version else model
        command = f"{action.replace('.', ' ')} {what}, as {self.identity.name} ({roles}):"
        try:
            require(self.identity, needs or action, act.rocu)
            return work_out(act).model_copy(update={"command": command})
        except FindProfileError as error:
            entries = (f"{action}, refused",) if isinstance(error, RefusedError) else ()
            return Plan(
                command=command, entries=(*self.mended, *entries), refused=error.reason, instruction=error.instruction
            )

    def state(self, model: str) -> ModelState:
        """Where the model stands."""
        return model_state(self.desk.audit, model)


def plan_request(asking: Asking, model: str, version: str) -> Plan:
    """Of `promote request`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        state = asking.state(model)
        found = state.versions.get(version)
        if state.champion == version:
            raise RefusedError(f"{model} version {version} is the champion already.", "Nothing is to be done.")
        own = asking.policy.policy
        void = f"; {len(found.approvals)} approvals are void then" if found and found.approvals else ""
        return Plan(
            command="",
            state=f"{said(found.status) if found else 'trained'} → requested, or gate refused{void}",
            entries=("promote.request", "promote.gate with every line, passed or refused"),
            alias=_stays(state),
            then=f"the validator's approval, within {own.request_valid_days} days",
            rests_on=(
                f"policy {own.version}, digest {asking.policy.digest}",
                f"compared with {version_named(state.champion)}, on the same hold-out",
                "the gate's verdict is no part of a plan: to see it is to ask, and that is recorded",
            ),
        )

    return asking.plan("promote.request", model, version, work_out)


def plan_approve(asking: Asking, model: str, version: str, seen_digest: str | None = None) -> Plan:
    """Of `promote approve`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        state = asking.state(model)
        alias = _alias_kept(asking, state)
        found = state.version(version)
        if is_expired(found, asking.now):
            return _term_over(asking, act, found, alias)
        require_judged_model(asking.desk, act, found)
        part = require_approvable(state, found, asking.identity, asking.policy, asking.now, seen_digest)
        after = status_after(found.gate.parts, len(found.approvals) + 1)
        return Plan(
            command="",
            state=f"{said(found.status)} → {said(after)}",
            entries=(
                *asking.mended,
                f"promote.approve as {part}, bound to this evidence and policy",
            ),
            alias=alias,
            then=_next(found, after, len(found.approvals) + 1),
            rests_on=_judged(found),
        )

    return asking.plan("promote.approve", model, version, work_out)


def plan_confirm(asking: Asking, model: str, version: str) -> Plan:
    """Of `promote confirm`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        alias = _alias_kept(asking, state)
        found = state.version(version)
        if is_expired(found, asking.now):
            return _term_over(asking, act, found, alias)
        if found.status in IN_FORCE:
            return Plan(command="", state=f"{said(found.status)}, as before", entries=tuple(asking.mended), alias=alias)
        require_judged_model(asking.desk, act, found)
        require_confirmable(state, found, asking.identity, asking.policy, asking.now)
        after: Status = "suspended" if state.suspended else "champion"
        return Plan(
            command="",
            state=f"{said(found.status)} → {after}"
            + (f"; version {state.champion} → superseded" if state.champion else ""),
            entries=(*asking.mended, "promote.confirm", "promote.promoted, in one piece with it", _PLACED),
            alias=f"champion: {version_named(state.champion)} → version {version}",
            then=f"it scores from the next run on, until {found.ends}",
            rests_on=(*_judged(found), *_shadow_lines(found)),
        )

    return asking.plan("promote.confirm", model, version, work_out)


def plan_refuse(asking: Asking, model: str, version: str) -> Plan:
    """Of `promote refuse`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        found = state.version(version)
        require_refusable(model, found)
        return Plan(
            command="",
            state=f"{said(found.status)} → refused; {len(found.approvals)} approvals are void then",
            entries=("promote.refuse",),
            alias=_stays(state),
            then="only a new request brings it back",
        )

    return asking.plan("promote.refuse", model, version, work_out)


def plan_rollback(asking: Asking, model: str, to: str | None = None) -> Plan:
    """Of `promote rollback`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        target = rollback_way(asking.desk, state, to, asking.now)
        if target is None:
            said_of = f"an earlier rollback to version {state.champion} is finished; nothing more is rolled back"
            alias = _alias_kept(asking, state)
            return Plan(command="", state=said_of, entries=tuple(asking.mended), alias=alias)
        back = Act(act.identity, act.action, model, target.version, act.now)
        require_judged_model(asking.desk, back, target)
        return Plan(
            command="",
            state=f"version {target.version}: superseded → champion; version {state.champion} → rolled back",
            entries=(f"promote.rollback of version {target.version}", _PLACED),
            alias=f"champion: {version_named(state.champion)} → version {target.version}",
            then=f"score the affected days again; version {state.champion} needs a new request to return",
            rests_on=_judged(target),
        )

    return asking.plan(ROLLBACK, model, "", work_out)


def plan_suspend(asking: Asking, model: str) -> Plan:
    """Of `promote suspend`.

    Raises:
        WrongInputError: There is no such pattern or ROCU.
    """
    model = known_model(model, asking.now.date())

    def work_out(act: Act) -> Plan:
        require_reason(asking.reason)
        state = asking.state(model)
        again = "; earlier agreement to resume is void" if state.resume_votes else ""
        return Plan(
            command="",
            state=f"{_serving(state)} → suspended: it scores nothing{again}",
            entries=("promote.suspend",),
            alias=_stays(state),
            then="two people can resume it",
        )

    return asking.plan("promote.suspend", model, "", work_out)


def plan_resume(asking: Asking, model: str) -> Plan:
    """Of `promote resume`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        own = asking.policy.policy
        done = enough(require_resumable(state, asking.identity, asking.policy, asking.now), own.approvers_needed)
        return Plan(
            command="",
            state="suspended → in service" if done else "suspended, as before: one more person is needed",
            entries=("promote.resume", *(("promote.resumed",) if done else ())),
            alias=_stays(state),
            then="" if done else f"the agreement of another person, within {own.request_valid_days} days",
            rests_on=(f"suspended because: {state.suspended}",),
        )

    return asking.plan("promote.resume", model, "", work_out)


def plan_reconcile(asking: Asking, model: str) -> Plan:
    """Of `promote reconcile`. It takes the permission of a rollback."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, ROLLBACK, act.rocu, asking.policy, asking.now)
        state = asking.state(model)
        standing, alias = alias_standing(asking.desk, state)
        if standing == "in step":
            placed = (_PLACED,) if lacks_entry(state, standing) else ()
            said_of = f"the alias is where the log has it: {'that is put on record' if placed else 'nothing is done'}"
            return Plan(command="", state=said_of, entries=placed, alias=_stays(state))
        champion = state.standing
        if champion is not None:
            require_genuine(asking.desk.registry, model, champion.version, champion.gate.model_sha256)
        return Plan(
            command="",
            state=f"as the log has it: {version_named(state.champion)}; the alias was left {standing}",
            entries=(_PUT_BACK, *(() if state.alias_placed or champion is None else (_PLACED,))),
            alias=f"champion: {version_named(alias)} → {version_named(state.champion)}",
        )

    return asking.plan("promote.reconcile", model, "", work_out, needs=ROLLBACK)


def _alias_kept(asking: Asking, state: ModelState) -> str:
    """That the alias stays, or is brought to the log's champion first and put on record; refused if moved by hand."""
    standing, alias = alias_standing(asking.desk, state)
    if standing == "by hand":
        raise moved_by_hand(state, alias)
    if standing == "unfinished":
        asking.mended.extend((_PUT_BACK, _PLACED))
        return f"champion: {version_named(alias)} → {version_named(state.champion)}, which a change left undone"
    if lacks_entry(state, standing):
        asking.mended.append(_PLACED)
    return _stays(state)


def _term_over(asking: Asking, act: Act, found: VersionState, alias: str) -> Plan:
    """Of a decision that only finds that the term is over: the log gets that as well."""
    refusal = expired(act.model, found)
    return Plan(
        command="",
        state=f"{said(found.status)} → expired",
        entries=(*asking.mended, "promote.expired", f"{act.action}, refused"),
        alias=alias,
        refused=refusal.reason,
        instruction=refusal.instruction,
    )


def _serving(state: ModelState) -> str:
    if state.suspended:
        return "suspended"
    return "in service" if state.champion else "no champion"


def _judged(found: VersionState) -> tuple[str, ...]:
    gate = found.gate
    board = ", outside the change plan" if gate.board_needed else ""
    return (
        f"evidence {gate.evidence_digest}: {len(gate.lines)} lines of the gate, all passed{board}",
        f"policy {gate.policy_version}, digest {gate.policy_digest}",
        *(f"approved by {one.name} as {one.part}, {one.at[:16]}" for one in found.approvals),
    )


def _shadow_lines(found: VersionState) -> tuple[str, ...]:
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


def _next(found: VersionState, after: Status, given: int) -> str:
    if after != "approved":
        return f"waits for the approval of the {found.gate.parts[given]}, until {found.ends}"
    runs = found.gate.shadow_runs
    days = f"{runs} days from {found.gate.trained_as_of} on" if found.gate.trained_as_of else f"{runs} days"
    return f"scores in shadow on {days}, shown to nobody; then findprofile promote confirm"


def _stays(state: ModelState) -> str:
    return f"champion stays on {version_named(state.champion)}"
