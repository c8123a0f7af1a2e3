"""How a result is printed: JSON for programs on standard output, a table for people; progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flows.steps.results import StepResult
    from governance.audit import Row


def say(message: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"  {message}\n")
    sys.stderr.flush()


def line(text: str = "") -> None:
    """One line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def as_json(value: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a result as JSON."""
    if hasattr(value, "model_dump_json"):
        line(value.model_dump_json(indent=2))
    else:
        line(json.dumps(value, indent=2, default=str))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print rows as a table."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*columns, title=title, title_justify="left")
    for row in rows:
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(drawn)


def reason_of(row: Row) -> str:
    """Why, as the log has it: a reason, the approver's words, a shadow run's figures, or what the gate did not pass."""
    said = row.details.get("reason") or row.details.get("comment")
    if said:
        return str(said)
    if row.action == "promote.shadow":
        from governance.plan_words import shadow_figures

        return f"{row.details['as_of']}: {shadow_figures(row.details)}"
    from governance.gate_line import not_passed

    return "; ".join(not_passed(row.details.get("lines", ())))


def show(result: StepResult, json_wanted: bool) -> None:
    """Print a step's result: as JSON, or its summary and links."""
    if json_wanted:
        as_json(result)
        return
    width = max(len(name) for name in result.summary())
    for name, value in result.summary().items():
        line(f"  {name.replace('_', ' '):<{width}}  {value}")
    for title, path in result.links().items():
        line(f"  {title:<{width}}  {path}")
