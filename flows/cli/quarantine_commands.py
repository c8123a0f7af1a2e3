"""Commands on rows that were set apart: judge days again, count and look at the quarantine, release what passes now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.cli.frame import app, group
from flows.cli.options import AsJson, From, RequiredFrom, RequiredTo, Rocu, To, session
from flows.cli.output import as_json, line, show, table
from infra.errors import RefusedError, WrongInputError
from infra.wording import counted

if TYPE_CHECKING:
    from data_contracts.quarantine import Held
    from flows.context import Context
    from flows.steps.requalify import Requalified

quarantine = group("quarantine", "Rows that broke a rule: how many, what they look like, and the way back.")
LISTED = 25

Plan = Annotated[bool, typer.Option("--plan", help="show what would change, rows and verdicts, and write nothing")]
Rule = Annotated[str | None, typer.Option("--rule", help="rows that broke this rule")]
Camera = Annotated[str | None, typer.Option("--camera", help="rows of this camera")]
Batch = Annotated[str | None, typer.Option("--batch", help="rows of this batch")]


@app.command("requalify")
def requalify(
    rocu: Rocu,
    first: RequiredFrom,
    last: RequiredTo,
    reason: Annotated[str | None, typer.Option(help="why, in a sentence")] = None,
    plan: Plan = False,
    json: AsJson = False,
) -> None:
    """Judge delivered batches again by the contract, the limits and the camera register of now; keep both verdicts."""
    from flows.running import run_step
    from flows.steps.requalify import requalify as judge_again

    context = session()
    if plan:
        result = judge_again(context, rocu, first, last, reason, plan=True)
    else:
        made = run_step(context, "requalify", rocu=rocu, first=first, last=last, reason=reason)
        result = _as_requalified(made)
    _show(result, json)


@quarantine.command("list")
def quarantine_list(
    rocu: Rocu,
    first: From = None,
    last: To = None,
    by: Annotated[
        Literal["rule", "camera", "feed", "batch"] | None, typer.Option(help="only this grouping, whole")
    ] = None,
    json: AsJson = False,
) -> None:
    """Count the rows in quarantine by rule, camera and feed; a row that broke two rules counts for both."""
    from data_contracts.quarantine import Span
    from flows.steps.quarantine import count_quarantine

    counted = count_quarantine(session(), rocu, Span(first, last), by)
    if json:
        as_json(counted)
        return
    line(f"  {counted.rows:,} rows in quarantine in {rocu}")
    for grouping, found in counted.by.items():
        if not found:
            continue
        shown = found if by else found[:LISTED]
        more = f" (the first {LISTED} of {len(found)})" if len(shown) < len(found) else ""
        # of one batch there is one
        batches = ("batches",) if grouping != "batch" else ()
        table(
            (grouping, "rows", *batches, "first day", "last day"),
            (
                (_value(held), held.rows, *(getattr(held, name) for name in batches), held.first, held.last)
                for held in shown
            ),
            title=f"by {grouping}{more}",
        )


@quarantine.command("show")
def quarantine_show(
    rocu: Rocu,
    rule: Annotated[str | None, typer.Option("--rule", help="rows that broke this rule; has to be named")] = None,
    camera: Camera = None,
    batch: Batch = None,
    limit: Annotated[int, typer.Option(help="how many rows", min=1, max=10_000)] = 20,
    json: AsJson = False,
) -> None:
    """Show single rows in quarantine, with vehicle tokens in place of plates; looking at them is recorded."""
    from data_contracts.contract.document import rules_that_warn
    from data_contracts.judgement.moved_rows import Asked
    from flows.steps.quarantine import show_quarantine

    context = session()
    if rule is None:
        raise _no_rule(context, rocu)
    found = show_quarantine(context, rocu, Asked(rule, camera, batch), limit)
    if json:
        as_json(found)
        return
    if not found.rows:
        narrowed = " and ".join(what for what, value in (("camera", camera), ("batch", batch)) if value)
        line(f"  No row in quarantine in {rocu} broke {rule}{narrowed and f' of that {narrowed}'}.")
        if rule in rules_that_warn():
            line(f"  {rule} only warns: it sets no row apart. findprofile batches show counts the rows that break it.")
        return
    table(
        ("vehicle", "camera", "captured at (UTC)", "feed", "rules broken", "batch", "row", "delivered as"),
        (
            (r.vehicle, r.camera_id, r.captured_at, r.feed_id, ", ".join(r.rules), r.batch_id, r.row_no, r.delivered_as)
            for r in found.shown
        ),
        title=f"{len(found.shown):,} of {found.rows:,} rows",
    )


def _no_rule(context: Context, rocu: str) -> WrongInputError:
    """The refusal to show all there is at once, with the rules that have rows."""
    from data_contracts.quarantine import Span
    from flows.steps.quarantine import count_quarantine

    held = count_quarantine(context, rocu, Span(None, None), "rule").by["rule"]
    named = ", ".join(f"{one.value} ({one.rows:,})" for one in held)
    return WrongInputError(
        "No rule is named. " + (f"Rows are in quarantine by {named}." if named else f"{rocu} has none in quarantine."),
        f"Name one: findprofile quarantine show --rocu {rocu} --rule RULE.",
    )


@quarantine.command("release")
def quarantine_release(
    rocu: Rocu,
    reason: Annotated[str, typer.Option(help="what was corrected, in a sentence")],
    rule: Rule = None,
    camera: Camera = None,
    batch: Batch = None,
    plan: Plan = False,
    json: AsJson = False,
) -> None:
    """After a correction, judge the records with such rows again; what passes now is released, the rest stays."""
    from data_contracts.judgement.moved_rows import Asked
    from flows.steps.requalify import release

    _show(release(session(), rocu, Asked(rule, camera, batch), reason, plan), json)


def _value(held: Held) -> str:
    from data_contracts.contract.document import rules_that_warn

    if held.value in rules_that_warn():
        return f"{held.value} (only warns; these rows broke another rule)"
    if held.codes:
        return f"{held.value} {held.codes:,} codes of failed or swapped batches"
    return held.value or "(none, or withheld)"


def _as_requalified(result: object) -> Requalified:
    from flows.steps.requalify import Requalified

    if not isinstance(result, Requalified):
        raise TypeError(f"requalify gave a {type(result).__name__}")
    return result


def _show(result: Requalified, json: bool) -> None:
    show(result, json)
    changed = [batch for batch in result.batches if batch.before != batch.after]
    if not json and changed:
        table(
            ("batch", "delivered as", "rows", "verdict", "accepted", "quarantined", "duplicates", "contract"),
            (
                (
                    batch.batch_id,
                    batch.delivered_as,
                    batch.rows,
                    *(_arrow(getattr(batch.before, name), getattr(batch.after, name)) for name in _COMPARED),
                )
                for batch in changed
            ),
            title="batches that would change, now -> then"
            if result.tried_only
            else "batches that changed, before -> after",
        )
    if result.newly_failed and not result.tried_only:
        raise RefusedError(
            f"{counted(len(result.newly_failed), 'batch', 'batches')} passed before and failed the contract now: "
            f"{', '.join(result.newly_failed)}.",
            f"Nothing is trained or scored for {result.rocu} on their days. findprofile batches show BATCH says why,"
            " and what puts it right.",
        )


_COMPARED = ("verdict", "accepted", "quarantined", "duplicates", "contract")


def _arrow(before: object, after: object) -> str:
    return str(before) if before == after else f"{before} -> {after}"
