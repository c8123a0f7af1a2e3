"""The table at the end of the demo, from what is in the lake and the log, and where to look next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from flows.cli.output import line, table
from flows.demo.chapters import BAD_DAY, FIRST_MODEL, LAST_DAY, PATTERN, record_page_of
from flows.demo.stage import AUDITOR, Stage
from flows.steps.status import read_status
from infra.lake import Lake

Row = dict[str, Any]
SIGN_IN = (*("token", "issue", "--name", "Robin Hale", "--role", "operator", "--role", "ml_engineer"), "--rocu", "*")


def outcome_rows(stage: Stage, rocus: Sequence[str]) -> list[Row]:
    """One row per ROCU."""
    context = stage.act_as(AUDITOR, ("*",))
    status = {row.rocu: row for row in read_status(context)}
    rows = []
    for rocu in rocus:
        counted = _conservation(context.lake, rocu)
        confirmed, reviewed = _precision(context.lake, rocu, FIRST_MODEL)
        rows.append(
            {
                "rocu": rocu,
                **counted,
                "model": status[rocu].model,
                "champion": status[rocu].champion,
                "listed_and_reviewed": reviewed,
                "listed_and_confirmed": confirmed,
                "drift": _recommendation(context.lake, rocu),
                "list": str(_newest(context.lake, "scores", rocu, "list.html")),
                "monitoring": str(_newest(context.lake, "monitoring", rocu, "monitoring.html")),
            }
        )
    return rows


def _conservation(lake: Lake, rocu: str) -> Row:
    from data_contracts.layers.reads import standing_batches

    found = [batch for _, batch in standing_batches(lake, rocu)]
    return {
        name: sum(getattr(batch, name) for batch in found) for name in ("rows", "accepted", "quarantined", "duplicates")
    }


def _precision(lake: Lake, rocu: str, as_of: date) -> tuple[int, int]:
    """Of the vehicles on the list, how many analysts have decided about since, and how many of these they confirmed."""
    from data_contracts.dispositions import disposition_parts
    from models.inputs import read_findings
    from models.scoring import read_scores

    rows = read_scores(lake, rocu, PATTERN, as_of).to_pylist()
    listed = {row["vehicle"] for row in rows if row["reasons"]}
    decided = [
        finding
        for finding in read_findings(lake, disposition_parts(lake, rocu))
        if finding.vehicle in listed and finding.decided_at.date() > as_of and finding.finding != "inconclusive"
    ]
    confirmed = {finding.vehicle for finding in decided if finding.finding == "confirmed"}
    return len(confirmed), len({finding.vehicle for finding in decided})


def _recommendation(lake: Lake, rocu: str) -> str:
    from models.drift.monitor import load_result

    return str(load_result(_newest(lake, "monitoring", rocu, "result.json").parent).recommendation.action)


def _newest(lake: Lake, layer: Any, rocu: str, name: str) -> Any:
    folder = lake.folder(layer, rocu, pattern=PATTERN, as_of=LAST_DAY.isoformat())
    return max(folder.glob(f"run=*/{name}"), key=lambda path: path.stat().st_mtime)


def show_outcome(stage: Stage, rows: Sequence[Row], refused: int) -> None:
    """Print the table, where to look, and what to type next; `refused` is a version that the gate refused."""
    table(
        (
            "ROCU",
            "reads in",
            "= accepted",
            "+ quarantined",
            "+ duplicates",
            "champion",
            "confirmed of reviewed",
            "drift",
        ),
        (
            (
                row["rocu"],
                f"{row['rows']:,}",
                f"{row['accepted']:,}",
                f"{row['quarantined']:,}",
                f"{row['duplicates']:,}",
                f"{row['model']} {row['champion']}",
                f"{row['listed_and_confirmed']} of {row['listed_and_reviewed']}",
                row["drift"],
            )
            for row in rows
        ),
        title="The loop, per ROCU",
    )
    line(f"  reads in: every delivery counts, {BAD_DAY} of {rows[0]['rocu']} twice: refused, then right")
    line(f"  confirmed of reviewed: vehicles on the list of {FIRST_MODEL} that analysts decided about afterwards")
    line("  where to look:")
    longest = max(len(row["rocu"]) for row in rows)
    for row in rows:
        line(f"    {row['rocu']:<{longest}}  list for analysts  {row['list']}")
        line(f"    {row['rocu']:<{longest}}  monitoring page    {row['monitoring']}")
        line(f"    {row['rocu']:<{longest}}  model record       {record_page_of(stage, row['rocu'])}")
    line(f"    everything                {stage.settings.root}")
    line("  what next, as somebody who runs and trains (each command has --help; docs/commands.md has all):")
    activate = Path(sys.prefix) / "bin" / "activate"
    if activate.is_file():  # make demo runs in an environment that the terminal is not in
        line(f"    source {shlex.quote(str(activate))}")
    line(f"    export FINDPROFILE_HOME={shlex.quote(str(stage.settings.root))}")
    line(f"    export FINDPROFILE_TOKEN=$({_typed(SIGN_IN)})")
    commands = what_next(rows[0]["model"], int(rows[0]["champion"]), refused, LAST_DAY)
    shown = {_typed(command): why for command, why in commands.items()}
    for command, why in shown.items():
        line(f"    {command:<{max(map(len, shown))}}  {why}")


def what_next(model: str, champion: int, refused: int, day: date) -> dict[tuple[str, ...], str]:
    """What to type after the demo, and what each shows.

    Args:
        model: `<pattern>.<rocu>`.
        champion: Its version in force.
        refused: A version that the gate refused.
        day: That the champion scored.
    """
    from governance.access.syops import procedures

    rocu = model.partition(".")[2]
    return {
        ("syops", "accept", "--version", procedures().version): "nobody acts before; syops show prints them",
        ("status",): "where every ROCU stands",
        ("scores", "--rocu", rocu, "--as-of", day.isoformat(), "--top", "5"): "the head of the newest list",
        ("lineage", model, str(champion)): "what the champion was made from",
        ("models", "list"): "every version, and what it waits for",
        ("models", "compare", model, str(champion), str(refused)): "the champion beside the refused one",
        ("promote", "request", model, str(refused), "--plan"): "what asking again would do; nothing is done",
        ("promote", "history", model): "who decided what, and why",
    }


def _typed(command: Sequence[str]) -> str:
    return shlex.join(("findprofile", *command))
