"""The options that many commands share, and the session that a command opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.errors import WrongInputError

if TYPE_CHECKING:
    from flows.context import Context
    from infra.settings import Settings


HOME_PARTS = ("state.db", "keys", "lake")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


def parse_date(text: str) -> date:
    """The date that somebody wrote, far enough from the ends of the calendar to count days from it.

    Raises:
        WrongInputError: It is no date, or lies outside `FIRST_DAY` to `LAST_DAY`.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongInputError(
            f"'{text}' is not a date.", "Write dates as YYYY-MM-DD, for example 2026-05-03."
        ) from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise WrongInputError(f"{day} is no day of any read.", f"Give a date from {FIRST_DAY} to {LAST_DAY}.")
    return day


def lower(text: str) -> str:
    """A code or a name as the lake and the log spell it."""
    return text.lower()


def lower_if_given(text: str | None) -> str | None:
    """The same of an option that may be left out."""
    return lower(text) if text is not None else None


def in_order(context: typer.Context, parameter: typer.CallbackParam, day: date | None) -> date | None:
    """Refuse a span that ends before it begins; of its two options, the one that is read later sees both."""
    names = {option: one.name for one in context.command.params for option in one.opts}
    said = {**context.params, str(parameter.name): day}
    first, last = (said.get(str(names.get(option))) for option in ("--from", "--to"))
    if isinstance(first, date) and isinstance(last, date) and last < first:
        raise WrongInputError(f"--to {last} lies before --from {first}.", "Give the earlier date as --from.")
    return day


def _file_to_write(path: Path | None) -> Path | None:
    """Refuse what no file can be written to, before any work is done for it."""
    if path is None:
        return None
    from data_contracts.intake.names import path_as_given

    if path.is_dir():
        raise WrongInputError(f"{path_as_given(path)} is a folder.", "Give the path of the file to write.")
    if path.exists() and not path.is_file():
        # a file is put in its place whole, and a device would be gone
        raise WrongInputError(f"{path_as_given(path)} is no file.", "Give the path of a file; it need not be there.")
    above = next((folder for folder in path.absolute().parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise WrongInputError(f"{path_as_given(above)} is no folder.", "Give the path of a file in a folder.")
    return path


def folder_to_write(path: Path | None) -> Path | None:
    """Refuse what no folder can be made of, before any work is done for it."""
    if path is not None:
        from data_contracts.intake.names import path_as_given

        there = next((one for one in (path.absolute(), *path.absolute().parents) if one.exists()), None)
        if there is not None and not there.is_dir():
            raise WrongInputError(f"{path_as_given(there)} is no folder.", "Give the path of a folder.")
    return path


Rocu = Annotated[str, typer.Option("--rocu", help="code of the region, such as nwrocu", callback=lower)]
OfRocu = Annotated[
    str | None,
    typer.Option("--rocu", help="only this region; otherwise all that the token names", callback=lower_if_given),
]
Pattern = Annotated[str, typer.Option("--pattern", help="name of the pattern")]
AsOf = Annotated[
    date, typer.Option("--as-of", help="last day of the window, YYYY-MM-DD", parser=parse_date, metavar="DATE")
]
_FIRST = typer.Option(
    "--from", help="first day of capture, YYYY-MM-DD", parser=parse_date, metavar="DATE", callback=in_order
)
_LAST = typer.Option(
    "--to", help="last day of capture, YYYY-MM-DD", parser=parse_date, metavar="DATE", callback=in_order
)
From = Annotated[date | None, _FIRST]
To = Annotated[date | None, _LAST]
RequiredFrom = Annotated[date, _FIRST]
RequiredTo = Annotated[date, _LAST]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]
Files = Annotated[list[Path], typer.Argument(help="files to load", metavar="FILE...")]
SourceName = Annotated[str, typer.Option("--source", help="canonical, bof2, or a source file (YAML)")]
EngineName = Annotated[
    Literal["duckdb", "spark"] | None,
    typer.Option("--engine", help="what builds windows, duckdb or spark; default FINDPROFILE_ENGINE"),
]
PATTERN = "county_lines"


def file_to_write(help: str, *names: str) -> typer.models.OptionInfo:
    """An option that names a file to write; a folder is refused before any work is done."""
    return typer.Option(*names, help=help, callback=_file_to_write)  # type: ignore[no-any-return]


def settings() -> Settings:
    """The settings of this process."""
    from infra.settings import load_settings

    return load_settings()


def session(
    engine: str | None = None, *, unaccepted: bool = False, looks_at_log: bool = False, begins: bool = False
) -> Context:
    """The signed-in session of this process, with progress on standard error.

    Args:
        engine: In place of the setting.
        unaccepted: Also for who has not accepted the operating procedures.
        looks_at_log: Also for them while the audit log does not hold.
        begins: The command is one that a home can begin with; without, a folder that has none stays as it is.

    Raises:
        WrongInputError: There is no home, and the command begins none.
    """
    from flows.cli.output import say
    from flows.context import open_context

    own = settings()
    if not begins and not _has_home(own):
        raise _no_home(own)
    chosen = own.model_copy(update={"engine": engine}) if engine else own
    with said_if_new(own):
        return open_context(chosen, say, unaccepted=unaccepted, looks_at_log=looks_at_log)


@contextmanager
def said_if_new(own: Settings) -> Iterator[None]:
    """Say that a home was begun, and where, if it was: it may be another folder than people think."""
    from data_contracts.intake.names import path_as_given
    from flows.cli.output import say

    had = _has_home(own)
    try:
        yield
    finally:
        if not had and _has_home(own):
            say(f"a new home begins at {path_as_given(own.root)} (FINDPROFILE_HOME names another)")


def _has_home(own: Settings) -> bool:
    # with a database elsewhere the log is there, and the home may be a new machine's
    return own.database_url is not None or any((own.root / part).exists() for part in HOME_PARTS)


def _no_home(own: Settings) -> WrongInputError:
    """The refusal to look into a home that is not there: to open it would make one, and show it as empty."""
    from data_contracts.intake.names import path_as_given

    named = "home" in own.model_fields_set
    why = "where FINDPROFILE_HOME points" if named else "in the current folder, since FINDPROFILE_HOME is not set"
    return WrongInputError(
        f"There is no home at {path_as_given(own.root)}, {why}. Nothing was made there.",
        "Type the command in the folder where the home was made, or set FINDPROFILE_HOME to the home. "
        "To begin one: findprofile demo, or findprofile token issue and then docs/own-data.md.",
    )
