"""Commands on the authority that a run over all vehicles of a region needs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from flows.cli.frame import group
from flows.cli.options import AsJson, Rocu, in_order, parse_date, session
from flows.cli.output import as_json, show, table

authority = group("authority", "The authority for runs: who let which reads be ranked, for what, until when.")

Reference = Annotated[str, typer.Argument(help="reference of the authority, in the policy's format")]


@authority.command("grant")
def grant(
    reference: Reference,
    rocu: Rocu,
    pattern: Annotated[str, typer.Option("--pattern", help="the one pattern that may be looked for")],
    purpose: Annotated[
        str, typer.Option(help="what the runs are for: one of the purposes in runs.age_bands of the policy")
    ],
    first: Annotated[
        date,
        typer.Option(
            "--from", parser=parse_date, metavar="DATE", callback=in_order, help="earliest last day of a window"
        ),
    ],
    last: Annotated[
        date,
        typer.Option("--to", parser=parse_date, metavar="DATE", callback=in_order, help="latest last day of a window"),
    ],
    area: Annotated[str, typer.Option(help="whole region, or forces separated by commas")] = "whole region",
    valid_from: Annotated[
        date | None, typer.Option(parser=parse_date, metavar="DATE", help="no run before this day (UTC); default now")
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            parser=parse_date,
            metavar="DATE",
            help="the last day (UTC) of runs; default: the policy's longest",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Grant an authority for runs of one pattern in one ROCU. Who grants it may not run under it."""
    from flows.steps.authority import grant_authority
    from governance.access.run_authority_log import Terms

    terms = Terms(
        reference=reference,
        pattern=pattern,
        purpose=purpose,
        first_window_end=first,
        last_window_end=last,
        area=area,
        valid_from=_midnight(valid_from) if valid_from else None,
        expires_at=_midnight(until) + timedelta(days=1) if until else None,
    )
    show(grant_authority(session(begins=True), rocu, terms), json)


@authority.command("withdraw")
def withdraw(
    reference: Reference,
    rocu: Rocu,
    reason: Annotated[str, typer.Option(help="why, in a sentence")],
    json: AsJson = False,
) -> None:
    """Take an authority back, at once; one person is enough. Its reference is never used again."""
    from flows.steps.authority import withdraw_authority

    show(withdraw_authority(session(), rocu, reference, reason), json)


@authority.command("list")
def list_(rocu: Rocu, json: AsJson = False) -> None:
    """Every authority of a ROCU as the audit log has it, with what became of it."""
    from flows.steps.authority import list_authorities

    found = list_authorities(session(), rocu)
    if json:
        as_json([one.model_dump(mode="json") for one in found])
        return
    columns = ("reference", "state", "pattern", "purpose", "area", "window_ends", "expires_at", "granted_by")
    table([column.replace("_", " ") for column in columns], ([getattr(one, name) for name in columns] for one in found))


@authority.command("show")
def show_(reference: Reference, rocu: Rocu, json: AsJson = False) -> None:
    """One authority: terms, state, who granted it, who withdrew it and why."""
    from flows.steps.authority import show_authority

    show(show_authority(session(), rocu, reference), json)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
