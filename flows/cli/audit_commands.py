"""Commands on identity, the audit log and lineage."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.frame import app, group
from flows.cli.options import (
    AsJson,
    Rocu,
    file_to_write,
    in_order,
    lower_if_given,
    parse_date,
    said_if_new,
    session,
    settings,
)
from flows.cli.output import as_json, line, reason_of, short, show, table
from governance.access.permissions import ROLES
from governance.audit.operations import Operation

audit = group("audit", "The append-only audit log.")
token = group("token", "Tokens: given out by the embedded issuer, revoked whoever issued them.")


@token.command("issue")
def token_issue(
    name: Annotated[str, typer.Option(help="the person's or worker's name")],
    role: Annotated[
        list[str], typer.Option(help=f"{', '.join(ROLES[:-1])} or {ROLES[-1]}; may be repeated", metavar="ROLE")
    ],
    rocu: Annotated[list[str], typer.Option(help="a ROCU code, or * for all; may be repeated")],
    hours: Annotated[int, typer.Option(help="how long the token holds", min=1, max=24)] = 8,
) -> None:
    """Issue a token with the embedded issuer's key; for a single machine, not for the national environment."""
    from flows.steps.identity import issue

    own = settings()
    with said_if_new(own):
        line(issue(own, name, role, rocu, hours))


@token.command("revoke")
def token_revoke(
    rocu: Rocu,
    reason: Annotated[str, typer.Option(help="why, in a sentence")],
    token_id: Annotated[str | None, typer.Option(help="the id of one token, as the audit log has it")] = None,
    person: Annotated[
        str | None,
        typer.Option(help="subject of a person, whose tokens so far all end; with the embedded issuer the name does"),
    ] = None,
    json: AsJson = False,
) -> None:
    """End a token, or all that a person was given so far, before their time; your own, or as owner or governance."""
    from flows.steps.identity import revoke_token

    revoked = revoke_token(session(unaccepted=True), rocu, token_id, person, reason)
    show(revoked, json)
    if not revoked.known and not json:
        line("  The log knows of no such token or person here: look whether it was typed as the log has it.")


@audit.command("verify")
def audit_verify(
    against: Annotated[
        list[Path] | None,
        typer.Option(help="a checkpoint that was kept elsewhere; may be repeated", metavar="FILE"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check the whole chain; any row changed, removed, added or cut off is named."""
    from flows.steps.audit import verify_audit

    report = verify_audit(session(looks_at_log=True), tuple(against or ()))
    if json:
        as_json(asdict(report))
    else:
        line(f"  {report.rows} rows, chain whole, head {report.head}")


@audit.command("checkpoint")
def audit_checkpoint(
    out: Annotated[Path, file_to_write("write the checkpoint to this file")], json: AsJson = False
) -> None:
    """Verify the log and write where it stands, signed; kept elsewhere, it shows a log that was cut off or replaced."""
    from flows.steps.audit import make_checkpoint

    checkpoint = make_checkpoint(session(), out)
    if json:
        as_json(checkpoint)
    else:
        line(f"  row {checkpoint.seq}, hash {checkpoint.hash}, in {out}; keep it where this machine cannot change it")


@audit.command("search")
def audit_search(
    model: Annotated[str | None, typer.Option(help="only about this model", callback=lower_if_given)] = None,
    rocu: Annotated[str | None, typer.Option(help="only this ROCU", callback=lower_if_given)] = None,
    action: Annotated[
        str | None, typer.Option(help="only this action, or with a final dot all that start so: promote.")
    ] = None,
    operation: Annotated[Operation | None, typer.Option(help="only this kind of processing")] = None,
    actor: Annotated[str | None, typer.Option(help="only this person")] = None,
    purpose: Annotated[str | None, typer.Option(help="only for this purpose")] = None,
    authority: Annotated[str | None, typer.Option(help="only under this authority")] = None,
    outcome: Annotated[Literal["done", "refused", "failed"] | None, typer.Option(help="only with this outcome")] = None,
    first: Annotated[
        date | None,
        typer.Option("--from", help="first day (UTC)", parser=parse_date, metavar="DATE", callback=in_order),
    ] = None,
    until: Annotated[
        date | None, typer.Option("--to", help="last day (UTC)", parser=parse_date, metavar="DATE", callback=in_order)
    ] = None,
    last: Annotated[int, typer.Option(help="at most this many, newest last", min=1)] = 50,
    json: AsJson = False,
) -> None:
    """Find entries of the audit log that meet every condition given."""
    from flows.steps.audit import SearchedFor, search_audit

    said = {"action": action, "actor": actor, "purpose": purpose, "authority": authority}
    wanted = SearchedFor(model=model, operation=operation, outcome=outcome, first=first, last_day=until, **said)
    rows = search_audit(session(looks_at_log=True), wanted, rocu, last)
    if json:
        as_json([asdict(row) for row in rows])
        return
    table(
        ("seq", "at", "action", "actor", "rocu", "object", "authority", "outcome", "reason"),
        (
            (
                r.seq,
                f"{r.at[:10]} {r.at[11:19]}Z",
                r.action,
                r.actor,
                r.rocu,
                r.object,
                r.authority or "",
                r.outcome,
                short(reason_of(r)),
            )
            for r in rows
        ),
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
