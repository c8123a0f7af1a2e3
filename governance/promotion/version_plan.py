"""What a decision about a version would do, by the very checks that the decision itself makes; nothing is done.

Belongs here: for request, approval, confirmation and refusal, where the version would stand, which entries the log
would get, where the alias would go, what is needed next, or why it would be refused. A plan reveals nothing to whoever
may not decide. The gate's verdict is never part of a plan: to see it is to ask, and asking is recorded.
"""

from __future__ import annotations

from governance.access.deciding import require_decider, require_reason
from governance.promotion.approvals import (
    expired,
    is_expired,
    require_approvable,
    require_confirmable,
    said,
)
from governance.promotion.life import IN_FORCE, Status, status_after
from governance.promotion.plan_asking import Asking, Plan, alias_kept, alias_left
from governance.promotion.plan_words import PLACED, judged, next_step, shadow_lines
from governance.promotion.record import Act
from governance.promotion.requests import require_judged_model, require_refusable
from governance.promotion.state import VersionState, version_named
from infra.errors import RefusedError
from infra.wording import counted


def plan_request(asking: Asking, model: str, version: str) -> Plan:
    """Of `promote request`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        state = asking.state(model)
        found = state.versions.get(version)
        if state.champion == version:
            raise RefusedError(f"{model} version {version} is the champion already.", "Nothing is to be done.")
        # a version that is not in the registry cannot be asked for
        asking.desk.registry.model_text(model, version)
        own = asking.policy.policy
        void = f"; void then: {counted(len(found.approvals), 'approval')}" if found and found.approvals else ""
        return Plan(
            command="",
            state=f"{said(found.status) if found else 'trained'} → requested, or gate refused{void}",
            entries=("promote.request", "promote.gate with every line, passed or refused"),
            alias=alias_left(asking, state),
            then=f"the validator's approval, within {counted(own.request_valid_days, 'day')}",
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
        require_reason(asking.reason)
        state = asking.state(model)
        alias = alias_kept(asking, state)
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
            then=next_step(found, after, len(found.approvals) + 1),
            rests_on=judged(found),
        )

    return asking.plan("promote.approve", model, version, work_out)


def plan_confirm(asking: Asking, model: str, version: str) -> Plan:
    """Of `promote confirm`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        alias = alias_kept(asking, state)
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
            entries=(*asking.mended, "promote.confirm", "promote.promoted, in one piece with it", PLACED),
            alias=f"champion: {version_named(state.champion)} → version {version}",
            then=f"it scores from the next run on, until {found.ends}",
            rests_on=(*judged(found), *shadow_lines(found)),
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
            state=f"{said(found.status)} → refused; void then: {counted(len(found.approvals), 'approval')}",
            entries=("promote.refuse",),
            alias=alias_left(asking, state),
            then="only a new request brings it back",
        )

    return asking.plan("promote.refuse", model, version, work_out)


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
        exit_code=refusal.exit_code,
    )
