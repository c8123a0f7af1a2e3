"""The table at the end of the demo, from what is in the lake and the log, and where to look next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flows.cli.output import line, table
from flows.demo.chapters import BAD_DAY, FIRST_MODEL, LAST_DAY, PATTERN, record_page_of
from flows.demo.stage import AUDITOR, Stage
from flows.steps.status import read_status
from infra.lake import Lake

Row = dict[str, Any]


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


def show_outcome(stage: Stage, rows: Sequence[Row]) -> None:
    """Print the table and where to look."""
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
    for row in rows:
        line(f"    {row['rocu']}  list for analysts  {row['list']}")
        line(f"    {row['rocu']}  monitoring page    {row['monitoring']}")
        line(f"    {row['rocu']}  model record       {record_page_of(stage, row['rocu'])}")
    line(f"    everything                {stage.settings.root}")
