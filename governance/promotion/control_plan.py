"""What a decision about a model would do, by the very checks that the decision itself makes; nothing is done.

Belongs here: rollback, suspension, resumption and putting the alias back. Does not: plans about a version
(`version_plan`).
"""

from __future__ import annotations

from governance.access.deciding import require_decider, require_reason
from governance.promotion.approvals import enough
from governance.promotion.champion_alias import alias_standing, lacks_entry
from governance.promotion.control import require_resumable, rollback_way
from governance.promotion.plan_asking import Asking, Plan, alias_kept, alias_left
from governance.promotion.plan_words import CAUSES, PLACED, PUT_BACK, UNTOUCHED, judged, stays
from governance.promotion.record import Act
from governance.promotion.registry_port import known_model, require_genuine
from governance.promotion.requests import require_judged_model
from governance.promotion.state import ModelState, version_named
from infra.wording import counted

ROLLBACK = "promote.rollback"


def plan_rollback(asking: Asking, model: str, to: str | None = None) -> Plan:
    """Of `promote rollback`."""

    def work_out(act: Act) -> Plan:
        require_decider(asking.identity, act.action, act.rocu, asking.policy, asking.now)
        require_reason(asking.reason)
        state = asking.state(model)
        target = rollback_way(asking.desk, state, to, asking.now)
        if target is None:
            said_of = f"an earlier rollback to version {state.champion} is finished; nothing more is rolled back"
            alias = alias_kept(asking, state)
            return Plan(command="", state=said_of, entries=tuple(asking.mended), alias=alias)
        back = Act(act.identity, act.action, model, target.version, act.now)
        require_judged_model(asking.desk, back, target)
        return Plan(
            command="",
            state=f"version {target.version}: superseded → champion; version {state.champion} → rolled back",
            entries=(f"promote.rollback of version {target.version}", PLACED),
            alias=f"champion: {version_named(state.champion)} → version {target.version}",
            then=f"score the affected days again; version {state.champion} needs a new request to return",
            rests_on=judged(target),
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
            alias=UNTOUCHED,  # what stops a model waits for no registry
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
            alias=alias_left(asking, state),
            then="" if done else f"the agreement of another person, within {counted(own.request_valid_days, 'day')}",
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
            placed = (PLACED,) if lacks_entry(state, standing) else ()
            said_of = f"the alias is where the log has it: {'that is put on record' if placed else 'nothing is done'}"
            return Plan(command="", state=said_of, entries=placed, alias=stays(state))
        champion = state.standing
        if champion is not None:
            require_genuine(asking.desk.registry, model, champion.version, champion.gate.model_sha256)
        return Plan(
            command="",
            state=f"the champion stays as the log has it, {version_named(state.champion)}; the alias follows it: "
            + CAUSES[standing],
            entries=(PUT_BACK, *(() if state.alias_placed or champion is None else (PLACED,))),
            alias=f"champion: {version_named(alias)} → {version_named(state.champion)}",
        )

    return asking.plan("promote.reconcile", model, "", work_out, needs=ROLLBACK)


def _serving(state: ModelState) -> str:
    if state.suspended:
        return "suspended"
    return "in service" if state.champion else "no champion"
