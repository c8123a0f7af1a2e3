"""Commands that train, score, watch and reproduce."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import (
    PATTERN,
    AsJson,
    AsOf,
    EngineName,
    Pattern,
    Rocu,
    file_to_write,
    in_order,
    parse_date,
    session,
)
from flows.cli.output import as_json, line, say, show, table, wrapped
from infra.errors import RefusedError, WrongInputError

OptionalDate = Annotated[
    date | None,
    typer.Option("--as-of", help="last day of the window, YYYY-MM-DD; one day", parser=parse_date, metavar="DATE"),
]


@app.command("retrain")
def retrain(
    rocu: Rocu, as_of: AsOf, pattern: Pattern = PATTERN, engine: EngineName = None, json: AsJson = False
) -> None:
    """Train a challenger on what was known on a date, and register it."""
    from flows.running import run_step

    show(run_step(session(engine), "retrain", rocu=rocu, pattern=pattern, as_of=as_of), json)


@app.command("tune")
def tune(
    rocu: Rocu,
    as_of: AsOf,
    pattern: Pattern = PATTERN,
    trials: Annotated[int, typer.Option(help="budget: how many settings are tried", min=2, max=500)] = 30,
    json: AsJson = False,
) -> None:
    """Search training settings within the policy's bounds; writes a proposal and changes nothing."""
    from flows.steps.tuning import tune as search

    show(search(session(), rocu, pattern, as_of, trials), json)


@app.command("score")
def score(
    rocu: Rocu,
    as_of: OptionalDate = None,
    first: Annotated[
        date | None,
        typer.Option(
            "--from",
            parser=parse_date,
            metavar="DATE",
            help="backfill: first of these days, YYYY-MM-DD",
            callback=in_order,
        ),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option("--to", parser=parse_date, metavar="DATE", help="backfill: last of these days", callback=in_order),
    ] = None,
    pattern: Pattern = PATTERN,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="only versions in shadow, of a model that has no champion yet")
    ] = False,
    engine: EngineName = None,
    json: AsJson = False,
) -> None:
    """Rank the vehicles of a window with the champion, and with versions in shadow, unseen; one date, or a backfill."""
    from flows.running import run_step

    days = _days(as_of, first, last)
    context = session(engine)
    results = []
    for number, day in enumerate(days, 1):
        if len(days) > 1:
            say(f"{day} ({number}/{len(days)})")
        results.append(run_step(context, "score", rocu=rocu, pattern=pattern, as_of=day, shadow=shadow))
    if json and as_of is None:
        as_json([result.model_dump(mode="json") for result in results])
        return
    for result in results:
        show(result, json)


def _days(as_of: date | None, first: date | None, last: date | None) -> list[date]:
    if as_of and not first and not last:
        return [as_of]
    if first and last and not as_of:
        return [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    raise WrongInputError("Which dates to score is not clear.", "Give --as-of DATE, or both --from DATE and --to DATE.")


@app.command("scores")
def scores(
    rocu: Rocu,
    as_of: AsOf,
    pattern: Pattern = PATTERN,
    top: Annotated[int, typer.Option(help="how many vehicles or pairs", min=1)] = 25,
    json: AsJson = False,
) -> None:
    """Print the list of a scores run, to analysts as its page has it; looking at it is recorded."""
    from flows.steps.ranked_list import ranked

    listing = ranked(session(), rocu, pattern, as_of, top)
    if json:
        as_json(listing)
        return
    line(f"  {listing.banner}")
    behind = f"{listing.unit.capitalize()}s behind the capacity have none."
    line(f"  Facts: ! doubts about the reads, + raises the score, - lowers it. {behind}")
    if any(row.score is None for row in listing.rows):
        wrapped(
            f"Some of the {listing.unit}s were drawn at random, and the list does not say which: only so can it be "
            f"known what the ranking finds and misses. So no score is shown. Look at every {listing.unit} with the "
            "same care."
        )
    for row in listing.rows:
        line(f"\n  {listing.unit} {row.vehicle}")
        for sign, sentences in (("!", row.cautions), ("+", row.facts), ("-", row.against)):
            for sentence in sentences:
                line(f"    {sign} {sentence}")
        place = f"number {row.rank} on this list"
        if row.score is not None:
            place = f"assessment: rank {row.rank}, score {row.score:.4f}"
        line(f"    {place} ({row.model} version {row.version})")


@app.command("monitor")
def monitor(rocu: Rocu, as_of: AsOf, pattern: Pattern = PATTERN, json: AsJson = False) -> None:
    """Compare the window with the one that the champion was trained on; recommend, never promote."""
    from flows.running import run_step

    show(run_step(session(), "monitor", rocu=rocu, pattern=pattern, as_of=as_of), json)


@app.command("drift")
def drift(
    reference: Annotated[Path, typer.Argument(help="table to compare with (CSV or Parquet)")],
    current: Annotated[Path, typer.Argument(help="table to judge (CSV or Parquet)")],
    html: Annotated[Path | None, file_to_write("also write Evidently's report here")] = None,
    json: AsJson = False,
) -> None:
    """Compare any two tables column by column, with the method and the threshold named."""
    from models.drift.tables import compare_tables

    result = compare_tables(reference, current, html=html)
    if json:
        as_json(result)
        return
    table(
        ("column", "state", "method", "threshold", "score", "by chance", "drifted"),
        (
            (c.column, c.state, c.method, c.threshold, c.score, c.noise, "yes" if c.drifted else "no")
            for c in result.columns
        ),
    )
    line("  Drifted: a score over the threshold, and over what shuffling the rows of both tables gives by chance.")


@app.command("reproduce")
def reproduce(
    model: Annotated[str, typer.Argument(help="model name, such as county_lines.nwrocu")],
    version: Annotated[int, typer.Argument(help="model version")],
    json: AsJson = False,
) -> None:
    """Make a model version again from its record and compare the SHA-256 of its text."""
    from flows.steps.training import reproduce as run

    result = run(session(), model, version)
    show(result, json)
    if not result.same:
        raise RefusedError(
            "The model made again differs from the registered one.", "Compare commit and library versions above."
        )
