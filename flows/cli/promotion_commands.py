"""Commands on the life of a model version: request, approve, refuse, roll back, suspend, resume, history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, session
from flows.cli.output import as_json, reason_of, show, table

promote = group("promote", "From challenger to champion: gate, two people, and the way back.")

Model = Annotated[str, typer.Argument(help="model name, such as county_lines.nwrocu")]
Version = Annotated[int, typer.Argument(help="model version")]
Reason = Annotated[str, typer.Option(help="why, in a sentence")]


@promote.command("request")
def request(model: Model, version: Version, json: AsJson = False) -> None:
    """Collect the evidence, put it before the gate, and ask for approval."""
    from flows.steps.promotion import request_promotion

    show(request_promotion(session(), model, version), json)


@promote.command("approve")
def approve(model: Model, version: Version, reason: Reason, json: AsJson = False) -> None:
    """Approve a requested version; the last approval that is needed makes it champion."""
    from flows.steps.promotion import approve_promotion

    show(approve_promotion(session(), model, version, reason), json)


@promote.command("refuse")
def refuse(model: Model, version: Version, reason: Reason, json: AsJson = False) -> None:
    """Refuse a requested version."""
    from flows.steps.promotion import refuse_promotion

    show(refuse_promotion(session(), model, version, reason), json)


@promote.command("rollback")
def rollback(model: Model, reason: Reason, json: AsJson = False) -> None:
    """Make the champion before the present one champion again, after checking that it still verifies."""
    from flows.steps.promotion import roll_back

    show(roll_back(session(), model, reason), json)


@promote.command("suspend")
def suspend(model: Model, reason: Reason, json: AsJson = False) -> None:
    """Stop a model from scoring, at once; one person is enough."""
    from flows.steps.promotion import suspend_model

    show(suspend_model(session(unaccepted=True), model, reason), json)


@promote.command("resume")
def resume(model: Model, reason: Reason, json: AsJson = False) -> None:
    """Let a suspended model score again; it takes two people."""
    from flows.steps.promotion import resume_model

    show(resume_model(session(), model, reason), json)


@promote.command("reconcile")
def reconcile(model: Model, json: AsJson = False) -> None:
    """Put the registry's alias where the audit log has the champion, after a kill or a hand; recorded."""
    from flows.steps.promotion import reconcile_alias

    show(reconcile_alias(session(), model), json)


@promote.command("history")
def history(
    model: Model, version: Annotated[int | None, typer.Argument(help="only this version")] = None, json: AsJson = False
) -> None:
    """Every request, gate result, approval, refusal and change of champion, with names and dates."""
    from flows.steps.promotion import promotion_history

    rows = promotion_history(session(), model, version)
    if json:
        as_json([asdict(row) for row in rows])
        return
    table(
        ("at", "action", "version", "who", "outcome", "why"),
        (
            (
                r.at,
                r.action,
                r.object.rpartition("/")[2] if "/" in r.object else "",
                r.actor_name,
                r.outcome,
                reason_of(r),
            )
            for r in rows
        ),
    )
