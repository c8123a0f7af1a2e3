"""How a result is printed: JSON for programs on standard output, a table for people; progress on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from flows.steps.results import StepResult
    from governance.audit.log import Row

FILE_WIDTH, TEXT_WIDTH = 200, 120
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
DIGEST, DIGEST_SHOWN = re.compile(r"\b[0-9a-f]{40,}\b"), 12


def say(message: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"  {harmless(message)}\n")
    sys.stderr.flush()


def harmless(text: str) -> str:
    """A text without what a terminal would obey: a name or a reason may hold what wipes lines or writes others."""
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def line(text: str = "") -> None:
    """One line of the result."""
    sys.stdout.write(f"{harmless(text)}\n")
    sys.stdout.flush()


def as_json(value: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a result as JSON."""
    if hasattr(value, "model_dump_json"):
        text = value.model_dump_json(indent=2)
    else:
        text = json.dumps(value, indent=2, default=str)
    # for a program it is the same text
    line(OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def short(text: str) -> str:
    """A text in which digests and commits have their first characters alone, for people; the whole is in the JSON."""
    return DIGEST.sub(lambda found: found[0][:DIGEST_SHOWN] + "…", text)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None, most: int | None = None
) -> None:
    """Print rows as a table; where not even the longest word of each column fits side by side, one below the other.

    Cells are printed as they are: Rich would take what stands in square brackets for markup.

    Args:
        columns: Their names.
        rows: What stands in them.
        title: Above it.
        most: Characters that it may be wide, however wide the terminal is.
    """
    from rich.table import Table
    from rich.text import Text

    console, cells = _console(), [["" if cell is None else harmless(str(cell)) for cell in row] for row in rows]
    longest = [
        max((len(word) for text in column for word in text.split()), default=0)
        for column in zip(columns, *cells, strict=True)
    ]
    if most is not None and most < console.width:
        console.width = most
    if sum(longest) + 3 * len(columns) + 1 > console.width:
        _one_below_the_other(columns, cells, title)
        return
    drawn = Table(title=None if title is None else Text(title), title_justify="left")
    widths = _widths(columns, cells, longest, console.width - 3 * len(columns) - 1)
    for name, width in zip(columns, widths, strict=True):
        drawn.add_column(Text(name), width=width, overflow="fold")
    for row in cells:
        drawn.add_row(*map(Text, row))
    console.print(drawn)


def _widths(columns: Sequence[str], rows: Iterable[Sequence[str]], longest: Sequence[int], room: int) -> list[int]:
    """Widths that fit: the widest gives first, none below its longest word; Rich alone may go beyond the line."""
    lines = [[part for cell in column for part in cell.split("\n")] for column in zip(columns, *rows, strict=True)]
    widths = [min(max(map(len, parts)), room) for parts in lines]
    while sum(widths) > room:
        _, place = max((width, place) for place, width in enumerate(widths) if width > longest[place])
        widths[place] -= 1
    return widths


def _one_below_the_other(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None) -> None:
    width = max(map(len, columns))
    if title:
        line(f"  {title}")
    for row in rows:
        line()
        for name, cell in zip(columns, row, strict=True):
            if cell:
                wrapped(f"{name:<{width}}  {cell}", more=width + 2)


def side_by_side(
    columns: Sequence[str], rows: Sequence[Sequence[str]], first: int = 1, most: int | None = None
) -> None:
    """Print a table of many columns: as many as fit beside the first ones, then these again with the next, and so on.

    Args:
        columns: Their names.
        rows: What stands in them.
        first: How many columns say what a row is about; they stand in each part.
        most: Characters that a part may be wide, however wide the terminal is.
    """
    widths = [max(map(len, column)) + 3 for column in zip(columns, *rows, strict=True)]
    room = min(_console().width, most or FILE_WIDTH) - 1 - sum(widths[:first])
    parts: list[list[int]] = [[]]
    for place in range(first, len(columns)):
        if parts[-1] and sum(widths[held] for held in parts[-1]) + widths[place] > room:
            parts.append([])
        parts[-1].append(place)
    for number, part in enumerate(parts):
        shown = [*range(first), *part]
        ends = " to ".join(str(place - first + 1) for place in dict.fromkeys((part[0], part[-1])))
        title = f"{'columns' if len(part) > 1 else 'column'} {ends} of {len(columns) - first}"
        table(
            [columns[place] for place in shown],
            ([row[place] for place in shown] for row in rows),
            title=title if len(parts) > 1 else None,
        )
        if number < len(parts) - 1:
            line()


def wrapped(text: str, indent: int = 2, more: int = 4) -> None:
    """Print a sentence within the width of the terminal, its further lines indented by `more` besides.

    Ids and paths are never broken, so that they can be copied: one that is longer than the line goes beyond it.
    """
    for part in textwrap.wrap(
        text,
        min(_console().width, TEXT_WIDTH),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + more),
        break_on_hyphens=False,
        break_long_words=False,
    ):
        line(part)


def _console() -> Console:
    """As wide as the terminal or `COLUMNS`; where the output goes into a file, as wide as most tables."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=FILE_WIDTH)


def reason_of(row: Row) -> str:
    """Why, as the log has it: a reason, the approver's words, a shadow run's figures, or what the gate did not pass."""
    said = row.details.get("reason") or row.details.get("comment")
    if said:
        return str(said)
    if row.action == "promote.shadow":
        from governance.promotion.plan_words import shadow_figures

        return f"{row.details['as_of']}: {shadow_figures(row.details)}"
    from governance.gate.line import not_passed

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
