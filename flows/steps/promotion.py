"""Steps of a version's life: request, approve, confirm, refuse, roll back, suspend, resume, reconcile, history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.context import Context, permit
from flows.steps.desk import open_desk, policy_of
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit.log import Row
    from governance.policy.document import LoadedPolicy
    from governance.promotion.control import Reconciled
    from governance.promotion.plan_asking import Plan
    from governance.promotion.state import ModelState


class Judged(StepResult):
    """What the gate said, line by line."""

    model: str
    version: int
    gate: str
    evidence_digest: str
    policy_digest: str
    lines: tuple[dict[str, str], ...]
    waits_for: str
    alias: str | None = None

    def summary(self) -> dict[str, str | int | float]:
        """The outcome, then a line of the gate each."""
        from governance.gate.line import limits_said

        first: dict[str, str | int | float] = {
            "model": f"{self.model} version {self.version}",
            "gate": f"{self.gate}{f', {weaker}' if (weaker := limits_said(self.lines)) else ''}",
            "evidence": self.evidence_digest,
        }
        lines = {
            f"  {line['name']}": f"{line['result']}: {line['value']} (needed: {line['limit']})" for line in self.lines
        }
        return {**first, **lines, "waits for": self.waits_for} | ({"alias": self.alias} if self.alias else {})


class Decided(StepResult):
    """Where a version or a model stands after a decision. `alias` is said if it is not where the log has it."""

    model: str
    version: int | None
    status: str
    champion: str | None
    by: str
    alias: str | None = None


def _policy(context: Context, model: str) -> LoadedPolicy:
    """The policy of a model's ROCU; `WrongInputError` of a pattern or a ROCU that there is not."""
    from governance.promotion.registry_port import known_model, split_model

    return policy_of(context, split_model(known_model(model, context.now.date()))[1])


def request_promotion(context: Context, model: str, version: int) -> Judged:
    """Gather the evidence, put it before the gate, record both.

    Raises:
        RefusedError: The gate refused, or the request may not be made; the log has it.
    """
    from flows.steps.evidence import gather_evidence
    from governance.access.permissions import require
    from governance.promotion.champion_alias import alias_astray
    from governance.promotion.registry_port import split_model
    from governance.promotion.requests import request
    from governance.promotion.state import model_state

    policy, desk = _policy(context, model), open_desk(context)
    with desk.act(context.identity, "promote.request", model, str(version), utc_now()).recorded(context.audit):
        require(context.identity, "promote.request", split_model(model)[1])
        evidence = gather_evidence(context, desk, model, version, policy)
    requested = request(desk, context.identity, evidence, policy, utc_now())
    decision = requested.decision
    if decision.outcome == "refused":
        raise RefusedError(
            f"The gate refused {model} version {version}: {'; '.join(decision.reasons)}.",
            f"The refusal is recorded; see findprofile promote history {model} {version}. Train a better version.",
        )
    return Judged(
        model=model,
        version=version,
        gate=decision.outcome,
        evidence_digest=requested.evidence_digest,
        policy_digest=policy.digest,
        lines=tuple(line.model_dump() for line in decision.lines),
        waits_for=f"{', then '.join(requested.state.gate.parts)}; neither of them trainer or requester",
        alias=alias_astray(desk, model_state(context.audit, model)),
    )


def approve_promotion(
    context: Context, model: str, version: int, reason: str, seen_digest: str | None = None
) -> Decided:
    """Approve, as the one whose turn it is; with the last approval the version can score in shadow."""
    from governance.promotion.requests import approve
    from infra.wording import counted

    desk, policy, now = open_desk(context), _policy(context, model), utc_now()
    state = approve(desk, context.identity, model, str(version), policy, now, seen_digest=seen_digest, comment=reason)
    shadow = f"to run in shadow on {counted(state.gate.shadow_runs, 'day')}"
    waits = f", waits for the {state.due_part}" if state.due_part else f", {shadow}"
    return _decided(context, model, version, f"{state.status.replace('_', ' ')}{waits}")


def confirm_promotion(context: Context, model: str, version: int, reason: str) -> Decided:
    """Make an approved version champion, on the strength of its shadow runs."""
    from governance.promotion.confirmation import confirm

    state = confirm(
        open_desk(context), context.identity, model, str(version), reason, _policy(context, model), utc_now()
    )
    return _decided(context, model, version, state.status)


def plan_promotion(
    context: Context,
    what: str,
    model: str,
    version: int | None = None,
    reason: str = "",
    seen_digest: str | None = None,
    to: int | None = None,
) -> Plan:
    """What a decision would do. Nothing is done, and nothing is recorded.

    Args:
        context: Who would decide.
        what: `request`, `approve`, `confirm`, `refuse`, `rollback`, `suspend`, `resume` or `reconcile`.
        model: `<pattern>.<rocu>`.
        version: The version, if the decision is about one.
        reason: The reason that would be given.
        seen_digest: Digest of the evidence that the approver was shown, if they name it.
        to: The version to roll back to, if it is named.

    Raises:
        WrongInputError: There is no such pattern or ROCU, as the decision itself would say.
    """
    from governance.promotion import control_plan, version_plan
    from governance.promotion.plan_asking import Asking
    from governance.promotion.registry_port import known_model

    known_model(model, context.now.date())
    asking = Asking(open_desk(context), context.identity, lambda: _policy(context, model), utc_now(), reason)
    if what == "approve":
        return version_plan.plan_approve(asking, model, str(version), seen_digest)
    if version is not None:
        of_version = {
            "request": version_plan.plan_request,
            "confirm": version_plan.plan_confirm,
            "refuse": version_plan.plan_refuse,
        }
        return of_version[what](asking, model, str(version))
    if what == "rollback":
        return control_plan.plan_rollback(asking, model, str(to) if to is not None else None)
    of_model = {
        "suspend": control_plan.plan_suspend,
        "resume": control_plan.plan_resume,
        "reconcile": control_plan.plan_reconcile,
    }
    return of_model[what](asking, model)


def refuse_promotion(context: Context, model: str, version: int, reason: str) -> Decided:
    """Refuse a version on its way to champion."""
    from governance.promotion.requests import refuse

    state = refuse(
        open_desk(context), context.identity, model, str(version), reason, _policy(context, model), utc_now()
    )
    return _decided(context, model, version, state.status)


def roll_back(context: Context, model: str, reason: str, to: int | None = None) -> Decided:
    """Make an earlier champion champion again: the one named, or the newest that can serve."""
    from governance.promotion.control import rollback

    policy, target = _policy(context, model), str(to) if to is not None else None
    done = rollback(open_desk(context), context.identity, model, reason, policy, utc_now(), to=target)
    finished = "an earlier rollback was finished; nothing more was rolled back"
    return _standing(context, done.state, finished if done.only_finished else "rolled back")


def suspend_model(context: Context, model: str, reason: str) -> Decided:
    """Stop a model from scoring."""
    from governance.promotion.control import suspend

    state = suspend(open_desk(context), context.identity, model, reason, utc_now())
    return _standing(context, state, "suspended" if state.champion else "suspended, without a champion")


def resume_model(context: Context, model: str, reason: str) -> Decided:
    """Agree to let a suspended model score again."""
    from governance.promotion.control import resume

    state = resume(open_desk(context), context.identity, model, reason, _policy(context, model), utc_now())
    return _standing(context, state, "in force" if state.suspended is None else "suspended, one more person is needed")


def reconcile_alias(context: Context, model: str) -> Decided:
    """Put the registry's alias where the log has the champion."""
    from governance.promotion.control import reconcile
    from governance.promotion.state import model_state

    done = reconcile(open_desk(context), context.identity, model, _policy(context, model), utc_now())
    return _standing(context, model_state(context.audit, model), _reconciled(done))


def _reconciled(done: Reconciled) -> str:
    from governance.promotion.plan_words import CAUSES
    from governance.promotion.state import version_named

    there = f"the alias is on {version_named(done.champion)}, where the log has the champion"
    if done.found != "in step":
        gone = "taken away" if done.champion is None else f"moved to {version_named(done.champion)}"
        return f"alias {gone}; it was on {version_named(done.alias)}: {CAUSES[done.found]}"
    return f"put on record: {there}" if done.only_noted else f"nothing to do: {there}"


def promotion_history(context: Context, model: str, version: int | None) -> tuple[Row, ...]:
    """Every entry about a model's promotion, oldest first."""
    from governance.promotion.registry_port import split_model
    from governance.promotion.requests import history

    permit(context, "history.read", split_model(model)[1], model)
    rows = history(context.audit, model)
    return tuple(row for row in rows if version is None or row.object == f"{model}/{version}")


def _decided(context: Context, model: str, version: int, status: str) -> Decided:
    from governance.promotion.state import model_state

    return _told(context, model_state(context.audit, model), version, status)


def _standing(context: Context, state: ModelState, status: str) -> Decided:
    version = int(state.champion) if state.champion else None
    return _told(context, state, version, status)


def _told(context: Context, state: ModelState, version: int | None, status: str) -> Decided:
    from governance.promotion.champion_alias import alias_astray

    return Decided(
        model=state.model,
        version=version,
        status=status,
        champion=state.champion,
        by=context.identity.name,
        alias=alias_astray(open_desk(context), state),
    )
