"""Steps of a version's life: request, approve, refuse, roll back, suspend, resume, reconcile, history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.context import Context, permit
from flows.steps.desk import open_desk, policy_of
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit import Row
    from governance.policy import LoadedPolicy
    from governance.promotion_state import ModelState


class Judged(StepResult):
    """What the gate said, line by line."""

    model: str
    version: int
    gate: str
    evidence_digest: str
    policy_digest: str
    lines: tuple[dict[str, str], ...]
    waits_for: str

    def summary(self) -> dict[str, str | int | float]:
        """The outcome, then a line of the gate each."""
        first: dict[str, str | int | float] = {
            "model": f"{self.model} version {self.version}",
            "gate": self.gate,
            "evidence": self.evidence_digest,
        }
        lines = {
            f"  {line['name']}": f"{line['result']}: {line['value']} (needed: {line['limit']})" for line in self.lines
        }
        return {**first, **lines, "waits for": self.waits_for}


class Decided(StepResult):
    """Where a version or a model stands after a decision."""

    model: str
    version: int | None
    status: str
    champion: str | None
    by: str


def _policy(context: Context, model: str) -> LoadedPolicy:
    from governance.registry_port import split_model

    return policy_of(context, split_model(model)[1])


def request_promotion(context: Context, model: str, version: int) -> Judged:
    """Gather the evidence, put it before the gate, record both.

    Raises:
        RefusedError: The gate refused, or the request may not be made; the log has it.
    """
    from flows.steps.evidence import gather_evidence
    from governance.permissions import require
    from governance.promotion import request
    from governance.promotion_record import Act
    from governance.registry_port import split_model

    policy, desk = _policy(context, model), open_desk(context)
    with Act(context.identity, "promote.request", model, str(version), utc_now()).recorded(context.audit):
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
        waits_for=f"{policy.policy.approvers_needed} people of governance, neither of them trainer or requester",
    )


def approve_promotion(context: Context, model: str, version: int, reason: str) -> Decided:
    """Approve; the last approval that is needed makes the version champion."""
    from governance.promotion import approve

    state = approve(
        open_desk(context), context.identity, model, str(version), _policy(context, model), utc_now(), comment=reason
    )
    given, needed = len(state.approvals), state.gate.approvers_needed
    status = f"approved by {given} of {needed}, waits for another" if state.status == "requested" else state.status
    return _decided(context, model, version, status)


def refuse_promotion(context: Context, model: str, version: int, reason: str) -> Decided:
    """Refuse a version that waits."""
    from governance.promotion import refuse

    state = refuse(
        open_desk(context), context.identity, model, str(version), reason, _policy(context, model), utc_now()
    )
    return _decided(context, model, version, state.status)


def roll_back(context: Context, model: str, reason: str) -> Decided:
    """Make the champion before this one champion again."""
    from governance.promotion_control import rollback

    state = rollback(open_desk(context), context.identity, model, reason, _policy(context, model), utc_now())
    return _standing(context, state, "rolled back")


def suspend_model(context: Context, model: str, reason: str) -> Decided:
    """Stop a model from scoring."""
    from governance.promotion_control import suspend

    state = suspend(open_desk(context), context.identity, model, reason, utc_now())
    return _standing(context, state, "suspended")


def resume_model(context: Context, model: str, reason: str) -> Decided:
    """Agree to let a suspended model score again."""
    from governance.promotion_control import resume

    state = resume(open_desk(context), context.identity, model, reason, _policy(context, model), utc_now())
    return _standing(context, state, "in force" if state.suspended is None else "suspended, one more person is needed")


def reconcile_alias(context: Context, model: str) -> Decided:
    """Put the registry's alias where the log has the champion."""
    from governance.promotion_control import reconcile
    from governance.promotion_state import model_state

    done = reconcile(open_desk(context), context.identity, model, _policy(context, model), utc_now())
    return _standing(context, model_state(context.audit, model), f"alias was {done.found}")


def promotion_history(context: Context, model: str, version: int | None) -> tuple[Row, ...]:
    """Every entry about a model's promotion, oldest first."""
    from governance.promotion import history
    from governance.registry_port import split_model

    permit(context, "history.read", split_model(model)[1], model)
    rows = history(context.audit, model)
    return tuple(row for row in rows if version is None or row.object == f"{model}/{version}")


def _decided(context: Context, model: str, version: int, status: str) -> Decided:
    from governance.promotion_state import model_state

    champion = model_state(context.audit, model).champion
    return Decided(model=model, version=version, status=status, champion=champion, by=context.identity.name)


def _standing(context: Context, state: ModelState, status: str) -> Decided:
    version = int(state.champion) if state.champion else None
    return Decided(model=state.model, version=version, status=status, champion=state.champion, by=context.identity.name)
