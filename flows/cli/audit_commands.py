"""Commands on identity, the audit log and lineage."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app, group
from flows.cli.options import AsJson, file_to_write, session, settings
from flows.cli.output import as_json, line, reason_of, table

audit = group("audit", "The append-only audit log.")
token = group("token", "Identities of the embedded issuer.")


@token.command("issue")
def token_issue(
    name: Annotated[str, typer.Option(help="the person's or worker's name")],
    role: Annotated[
        list[str], typer.Option(help="ml_engineer, operator, governance, auditor or analyst; may be repeated")
    ],
    rocu: Annotated[list[str], typer.Option(help="a ROCU code, or * for all; may be repeated")],
    hours: Annotated[int, typer.Option(help="how long the token holds", min=1, max=24)] = 8,
) -> None:
    """Issue a token with the embedded issuer's key; for a single machine, not for the national environment."""
    from flows.steps.identity import issue

    line(issue(settings(), name, role, rocu, hours))


@audit.command("verify")
def audit_verify(json: AsJson = False) -> None:
    """Check the whole chain; any row changed, removed, added or cut off is named."""
    from flows.steps.audit import verify_audit

    report = verify_audit(session())
    if json:
        as_json(asdict(report))
    else:
        line(f"  {report.rows} rows, chain whole, head {report.head}")


@audit.command("search")
def audit_search(
    model: Annotated[str | None, typer.Option(help="only about this model")] = None,
    rocu: Annotated[str | None, typer.Option(help="only this ROCU")] = None,
    action: Annotated[str | None, typer.Option(help="only this action")] = None,
    actor: Annotated[str | None, typer.Option(help="only this person")] = None,
    outcome: Annotated[str | None, typer.Option(help="done, refused or failed")] = None,
    last: Annotated[int, typer.Option(help="at most this many, newest last")] = 50,
    json: AsJson = False,
) -> None:
    """Find entries of the audit log."""
    from flows.steps.audit import search_audit

    rows = search_audit(session(), model=model, rocu=rocu, action=action, actor=actor, outcome=outcome, last=last)
    if json:
        as_json([asdict(row) for row in rows])
        return
    table(
        ("seq", "at", "action", "actor", "rocu", "object", "outcome", "reason"),
        ((r.seq, r.at, r.action, r.actor, r.rocu, r.object, r.outcome, reason_of(r)) for r in rows),
    )


@app.command("lineage")
def lineage(
    model: Annotated[str | None, typer.Argument(help="model name, such as county_lines.nwrocu")] = None,
    version: Annotated[int | None, typer.Argument(help="model version")] = None,
    scores: Annotated[str | None, typer.Option(help="run id of a scores run instead of a model")] = None,
    html: Annotated[Path | None, file_to_write("write the model record page or the graph to this file")] = None,
    json: AsJson = False,
) -> None:
    """Show what a model version or a scores run was made from, down to the SHA-256 of the landing files."""
    from flows.steps.lineage import trace

    answer = trace(session(), model, version, scores, html)
    if json:
        as_json(answer.data)
    else:
        line(answer.text)
