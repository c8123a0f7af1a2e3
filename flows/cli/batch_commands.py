"""Commands that look at batches and at the quality of the data across ROCUs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.frame import app, group
from flows.cli.options import AsJson, From, Rocu, To, file_to_write, session
from flows.cli.output import as_json, line, show, side_by_side, table, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flows.steps.rule_legend import Tagged
    from governance.pages.batch_models import BatchPage, JudgementRow, NoteRow
    from governance.pages.scoreboard_models import Spread

batches = group("batches", "Delivered files: verdicts, rules broken, and their pages.")

BatchId = Annotated[str, typer.Argument(help="batch id, as `batches list` prints it", metavar="BATCH")]


@batches.command("list")
def batches_list(
    rocu: Rocu,
    start: From = None,
    end: To = None,
    every: Annotated[bool, typer.Option("--all", help="also verdicts that a later one has superseded")] = False,
    json: AsJson = False,
) -> None:
    """List the batches of a ROCU with their verdicts."""
    from flows.steps.batches import list_batches

    rows = list_batches(session(), rocu, start, end, every)
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
        return
    if not rows:
        line("  no batch in these days")
        return
    table(
        (
            "batch",
            "delivered as",
            "day",
            "rows",
            "accepted",
            "quarantined",
            "duplicates",
            "verdict",
            "contract",
            "judged",
        ),
        (
            (
                row.batch_id,
                row.delivered_as,
                _days(row.days),
                f"{row.rows:,}",
                f"{row.accepted:,}",
                f"{row.quarantined:,}",
                f"{row.duplicates:,}",
                _verdict(row),
                row.contract_version,
                f"{row.judged_at:%Y-%m-%d %H:%M}",
            )
            for row in rows
        ),
    )


@batches.command("show")
def batches_show(
    rocu: Rocu,
    batch: BatchId,
    html: Annotated[
        Path | None, file_to_write("write the batch page to this file, and its Data Docs beside it")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show one batch: verdict and reasons, rules, cameras, feeds, notes beside reads, and every verdict it ever had."""
    from flows.steps.batches import show_batch

    page = show_batch(session(), rocu, batch, html)
    if json:
        as_json(page)
        return
    _print_page(page)
    if html:
        line(f"\n  drawn in {html}")


@batches.command("docs")
def batches_docs(
    rocu: Rocu,
    batch: Annotated[
        list[str] | None, typer.Argument(help="batch ids; without any, all of the span", metavar="BATCH...")
    ] = None,
    start: From = None,
    end: To = None,
    json: AsJson = False,
) -> None:
    """Draw Great Expectations' Data Docs of batches and of the ROCU; they ask for nothing from elsewhere."""
    from flows.steps.batches import make_docs

    show(make_docs(session(), rocu, batch or (), start, end), json)


def _print_page(page: BatchPage) -> None:
    now = page.standing
    line(f"  {page.sentence}")
    apart = f"{now.accepted:,} accepted + {now.quarantined:,} quarantined + {now.duplicates:,} duplicates"
    line(f"  {now.rows:,} rows = {apart}")
    line(f"  delivered as {now.delivered_as}, {_days(now.days)}, judged by reads {now.contract_version}")
    for reason in now.reasons:
        line(f"  - {reason}")
    broken = [row for row in page.rules if row.rows or not row.holds]
    if broken:
        table(
            ("DQ", "rule", "severity", "holds", "rows", "share"),
            ((r.dq_number, r.rule, r.severity, "yes" if r.holds else "no", r.rows, per_cent(r.share)) for r in broken),
        )
        _print_legend(broken)
    for what, rows in (("camera", page.cameras), ("feed", page.feeds)):
        if rows:
            table(
                (what, "rule", "rows", "of its rows", "share"),
                ((r.name or "-", r.rule, r.rows, r.of, per_cent(r.share)) for r in rows[:10]),
            )
    _print_notes(page)
    if len(page.verdicts) > 1:
        table(
            ("judged", "contract", "verdict", "accepted", "why", "counts"),
            (
                (
                    f"{row.judged_at:%Y-%m-%d %H:%M}",
                    row.contract_version,
                    row.verdict.replace("_", " "),
                    f"{row.accepted:,}",
                    row.judged_again_because or "delivered",
                    "no" if row.superseded_by else "yes",
                )
                for row in page.verdicts
            ),
        )


def _print_notes(page: BatchPage) -> None:
    if not page.noted.counts:
        return
    table(
        ("noted beside reads by", "cause", "which means", "reads", "notes", "read for"),
        ((n.rule, n.cause, n.means, n.reads, n.notes, _confusions(n.confusions)) for n in page.noted.counts),
    )
    if page.noted.examples_withheld:
        line("  single notes are for operator, validator, governance or auditor")
        return
    table(
        ("row", "vehicle", "may be", "score", "why", "camera", "captured", "found against"),
        (
            (
                one.row_no,
                one.vehicle,
                one.other_vehicle,
                f"{one.score:.2f}",
                one.reason,
                one.camera_id,
                f"{one.captured_at:%Y-%m-%d %H:%M:%S}",
                _against(one),
            )
            for one in page.noted.examples
        ),
        title="the surest of each; suggestions only, the reads are as they were delivered",
    )


def _print_legend(rules: Iterable[Tagged]) -> None:
    """What the numbers of these rules stand for, in the contract's words."""
    from flows.steps.rule_legend import legend_of

    for row in legend_of(rules):
        for rule, meaning in row.rules.items():
            wrapped(f"{row.number} {rule}: {meaning}")


def _ends(spread: Spread) -> tuple[tuple[str, float], tuple[str, float]]:
    return (spread.best, spread.best_share), (spread.worst, spread.worst_share)


def _confusions(confusions: dict[str, int]) -> str:
    return ", ".join(f"{said} ({times:,})" for said, times in confusions.items())


def _against(note: NoteRow) -> str:
    read = f"row {note.other_row_no} of {note.other_batch_id}" if note.other_batch_id else ""
    return ", ".join(part for part in (read, note.measured) if part)


def _verdict(row: JudgementRow) -> str:
    said = row.verdict.replace("_", " ") + (" (superseded)" if row.superseded_by else "")
    said += f", replaced by {row.replaced_by}" if row.replaced_by else ""
    if not row.repeats:
        return said
    first, *others = row.repeats
    return f"{said}, repeats {first}" + (f" and {len(others)} more" if others else "")


def _days(days: tuple[object, ...]) -> str:
    return "no readable day" if not days else str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def per_cent(share: float | None) -> str:
    """A share for a table: none is a blank, and a tiny one is not nought."""
    from data_contracts.trend_picture import share_text

    # a terminal may not have the blank that does not break
    return "" if share is None else share_text(share).replace("\N{NO-BREAK SPACE}", " ")


@app.command("scoreboard")
def scoreboard(
    rocu: Annotated[
        list[str] | None, typer.Option(help="a ROCU code; may be repeated; without it, all that the token covers")
    ] = None,
    start: From = None,
    end: To = None,
    html: Annotated[Path | None, file_to_write("write the scoreboard to this file")] = None,
    json: AsJson = False,
) -> None:
    """Show the quality of the data across ROCUs and forces, the same rule side by side."""
    from flows.steps.scoreboard import read_scoreboard

    board = read_scoreboard(session(), tuple(rocu or ()), start, end, html)
    if json:
        as_json(board)
        return
    if not board.rocus:
        line("  no batch in these days")
        return
    columns = [column for one in board.rocus for column in (one.rocu, *one.forces)]
    broken = [rule for rule in board.rules if any(column.rules.get(rule.rule) for column in columns)]
    rows = [(rule.dq_number, rule.rule, *(per_cent(column.share(rule.rule)) for column in columns)) for rule in broken]
    rows += [
        ("", "rows", *(f"{column.rows:,}" for column in columns)),
        ("", "quarantined", *(per_cent(column.quarantine_share) for column in columns)),
        ("", "in failed batches", *(per_cent(column.failed_share) for column in columns)),
        ("", "duplicates", *(per_cent(column.duplicates_share) for column in columns)),
    ]
    side_by_side(("DQ", "rule", *(column.label for column in columns)), rows, first=2)
    for spread in board.spreads[:5]:
        best, worst = (f"{name} {per_cent(share)}" for name, share in _ends(spread))
        wrapped(f"{spread.rule}: best {best}, worst {worst}")
    if board.spreads:
        wrapped(
            f"best and worst: forces with fewer than {board.least_rows} rows are left out, and none is the worst by "
            f"fewer than {board.least_broken} rows"
        )
    _print_legend(broken)
    if html:
        line(f"  drawn in {html}")
