"""The options that many commands share, and the session that a command opens."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.errors import WrongInputError

if TYPE_CHECKING:
    from flows.context import Context
    from infra.settings import Settings


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongInputError(
            f"'{text}' is not a date.", "Write dates as YYYY-MM-DD, for example 2026-05-03."
        ) from None


def _lower(text: str) -> str:
    return text.lower()


Rocu = Annotated[str, typer.Option("--rocu", help="code of the region, such as nwrocu", callback=_lower)]
Pattern = Annotated[str, typer.Option("--pattern", help="name of the pattern")]
AsOf = Annotated[
    date, typer.Option("--as-of", help="last day of the window, YYYY-MM-DD", parser=_parse_date, metavar="DATE")
]
From = Annotated[
    date | None, typer.Option("--from", help="first day of capture, YYYY-MM-DD", parser=_parse_date, metavar="DATE")
]
To = Annotated[
    date | None, typer.Option("--to", help="last day of capture, YYYY-MM-DD", parser=_parse_date, metavar="DATE")
]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]
Files = Annotated[list[Path], typer.Argument(help="files to load", metavar="FILE...")]
SourceName = Annotated[str, typer.Option("--source", help="canonical, bof2, or a source file (YAML)")]
EngineName = Annotated[
    Literal["duckdb", "spark"] | None,
    typer.Option("--engine", help="what builds windows, duckdb or spark; default FINDPROFILE_ENGINE"),
]
PATTERN = "county_lines"


def settings() -> Settings:
    """The settings of this process."""
    from infra.settings import load_settings

    return load_settings()


def session(engine: str | None = None, *, unaccepted: bool = False) -> Context:
    """The signed-in session of this process, with progress on standard error.

    Args:
        engine: In place of the setting.
        unaccepted: Also for who has not accepted the operating procedures.
    """
    from flows.cli.output import say
    from flows.context import open_context

    own = settings()
    chosen = own.model_copy(update={"engine": engine}) if engine else own
    return open_context(chosen, say, unaccepted=unaccepted)
