"""Commands on the life of a model version: request, approve, confirm, refuse, roll back, suspend, resume, history.

Each says what it will do before it does it; with `--plan` it only says so.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, lower, session
from flows.cli.output import as_json, line, reason_of, say, short, show, table
from infra.errors import FaultError, FindProfileError, RefusedError, WrongInputError

if TYPE_CHECKING:
    from flows.context import Context
    from governance.audit.log import Row
    from governance.promotion.plan_asking import Plan

promote = group(
    "promote", "From challenger to champion: gate, two people, shadow runs, confirmation, and the way back."
)

Model = Annotated[str, typer.Argument(help="model name, such as county_lines.nwrocu", callback=lower)]
Version = Annotated[int, typer.Argument(help="model version")]
Reason = Annotated[str | None, typer.Option(help="why, in a sentence; only a plan does without")]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="say what would happen, and do nothing")]
Seen = Annotated[
    str | None,
    typer.Option("--evidence", metavar="DIGEST", help="the evidence you looked at; refused if it is another"),
]


def _given(reason: str | None, only_plan: bool) -> str:
    if reason is None and not only_plan:
        raise WrongInputError("A decision needs a reason.", 'Say why, in a sentence: --reason "…".')
    return "not given: a plan" if reason is None else reason


def _told(
    context: Context,
    what: str,
    only: bool,
    json: bool,
    model: str,
    version: int | None = None,
    reason: str = "",
    seen: str | None = None,
    to: int | None = None,
) -> bool:
    """Say what the command will do; whether that was all that was asked for."""
    from flows.steps.promotion import plan_promotion

    plan = plan_promotion(context, what, model, version, reason, seen, to)
    if only and json:
        as_json(plan)
    elif json:
        for text in plan.lines():
            say(text)
    else:
        for text in plan.lines():
            line(f"  {text}")
    if only and plan.refused:
        raise _as_the_deed(plan)
    return only


def _as_the_deed(plan: Plan) -> FindProfileError:
    """The error of a plan, which leaves as the deed would."""
    if plan.exit_code == WrongInputError.exit_code:
        return WrongInputError(f"It would not be done: {plan.refused}", plan.instruction)
    if plan.exit_code == FaultError.exit_code:
        return FaultError(f"It would fail: {plan.refused}", plan.instruction)
    return RefusedError(f"It would be refused: {plan.refused}", plan.instruction)


@promote.command("request")
def request(model: Model, version: Version, plan: OnlyPlan = False, json: AsJson = False) -> None:
    """Collect the evidence, put it before the gate, and ask for approval."""
    from flows.steps.promotion import request_promotion

    context = session()
    if not _told(context, "request", plan, json, model, version):
        show(request_promotion(context, model, version), json)


@promote.command("approve")
def approve(
    model: Model,
    version: Version,
    reason: Reason = None,
    evidence: Seen = None,
    plan: OnlyPlan = False,
    json: AsJson = False,
) -> None:
    """Approve a version as the one whose turn it is: validator, owner, then the board if it is needed."""
    from flows.steps.promotion import approve_promotion

    why = _given(reason, plan)
    context = session()
    if not _told(context, "approve", plan, json, model, version, why, evidence):
        show(approve_promotion(context, model, version, why, evidence), json)


@promote.command("confirm")
def confirm(
    model: Model, version: Version, reason: Reason = None, plan: OnlyPlan = False, json: AsJson = False
) -> None:
    """Make an approved version champion, after the shadow runs that the policy asks for."""
    from flows.steps.promotion import confirm_promotion

    why = _given(reason, plan)
    context = session()
    if not _told(context, "confirm", plan, json, model, version, why):
        show(confirm_promotion(context, model, version, why), json)


@promote.command("refuse")
def refuse(model: Model, version: Version, reason: Reason = None, plan: OnlyPlan = False, json: AsJson = False) -> None:
    """Refuse a version on its way to champion; its approvals are void."""
    from flows.steps.promotion import refuse_promotion

    why = _given(reason, plan)
    context = session()
    if not _told(context, "refuse", plan, json, model, version, why):
        show(refuse_promotion(context, model, version, why), json)


@promote.command("rollback")
def rollback(
    model: Model,
    reason: Reason = None,
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="default: the newest earlier champion that can serve")
    ] = None,
    plan: OnlyPlan = False,
    json: AsJson = False,
) -> None:
    """Make an earlier champion champion again, after checking that it still verifies."""
    from flows.steps.promotion import roll_back

    why = _given(reason, plan)
    context = session()
    if not _told(context, "rollback", plan, json, model, reason=why, to=to):
        show(roll_back(context, model, why, to), json)


@promote.command("suspend")
def suspend(model: Model, reason: Reason = None, plan: OnlyPlan = False, json: AsJson = False) -> None:
    """Stop a model from scoring, at once; one person is enough."""
    from flows.steps.promotion import suspend_model

    why = _given(reason, plan)
    context = session(unaccepted=True)
    if not _told(context, "suspend", plan, json, model, reason=why):
        show(suspend_model(context, model, why), json)


@promote.command("resume")
def resume(model: Model, reason: Reason = None, plan: OnlyPlan = False, json: AsJson = False) -> None:
    """Let a suspended model score again; it takes two people."""
    from flows.steps.promotion import resume_model

    why = _given(reason, plan)
    context = session()
    if not _told(context, "resume", plan, json, model, reason=why):
        show(resume_model(context, model, why), json)


@promote.command("reconcile")
def reconcile(model: Model, plan: OnlyPlan = False, json: AsJson = False) -> None:
    """Put the registry's alias where the audit log has the champion, after a kill or a hand; recorded."""
    from flows.steps.promotion import reconcile_alias

    context = session()
    if not _told(context, "reconcile", plan, json, model):
        show(reconcile_alias(context, model), json)


@promote.command("history")
def history(
    model: Model, version: Annotated[int | None, typer.Argument(help="only this version")] = None, json: AsJson = False
) -> None:
    """Every request, gate result, approval, shadow run, refusal and change of champion, with names and dates."""
    from flows.steps.promotion import promotion_history

    show_history(promotion_history(session(), model, version), json)


def show_history(rows: tuple[Row, ...], json: bool) -> None:
    """Print entries about a model's promotion."""
    if json:
        as_json([asdict(row) for row in rows])
        return
    table(
        ("at", "action", "version", "who", "outcome", "why"),
        (
            (
                f"{r.at[:10]} {r.at[11:19]}Z",
                r.action,
                r.object.rpartition("/")[2] if "/" in r.object else "",
                f"{r.actor_name} ({r.details.get('part') or ', '.join(r.actor_roles)})",
                r.outcome,
                short(reason_of(r)),
            )
            for r in rows
        ),
    )
