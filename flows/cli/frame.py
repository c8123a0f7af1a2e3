"""The frame of the command line: the application, its groups, and how an error leaves the program."""

from __future__ import annotations

import atexit
import errno
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TextIO

import typer
from typer.main import get_command

from infra.errors import FindProfileError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
READER_LEFT = 141  # as the shell says it of a program whose output nobody reads any more

app = typer.Typer(
    name="findprofile",
    help="Find vehicles whose movements have a pattern's shape, and profile each for an analyst. It never decides.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def group(name: str, purpose: str) -> typer.Typer:
    """Add a group of commands to the application."""
    commands = typer.Typer(help=purpose, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(commands, name=name)
    return commands


def main() -> None:
    """Run the command line. Exit code: 0 done, 1 refused, 2 wrong input, 3 a fault worth a retry."""
    import flows.cli.commands  # noqa: F401  registers the commands; here, so that this module can be imported alone

    try:
        _command()()
    except FindProfileError as error:
        _tell(f"{_kind(error)}: {error.reason}\n  what to do: {error.instruction}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno in NO_SPACE:
            said, remedy = "No space is left on the device.", "Free some and run the same command again."
        else:
            said = f"The system refused: {error.strerror or type(error).__name__} ({_place(error)})."
            remedy = "Check that the path is there and may be read and written; FINDPROFILE_HOME is the home folder."
        _tell(f"fault: {said}\n  what to do: {remedy}\n")
        sys.exit(3)
    except KeyboardInterrupt:
        sys.stderr.write("stopped: nothing half-done was put in place; run the same command again to go on.\n")
        sys.exit(130)
    finally:
        # only where a database was opened; importing it for --help would cost half a second
        if "infra.database" in sys.modules:
            sys.modules["infra.database"].close_databases()


def _tell(text: str) -> None:
    from flows.cli.output import harmless

    sys.stderr.write(harmless(text))


@cache
def _command() -> Callable[[], object]:
    """The commands as they are called; a process that calls several of them puts them together once."""
    return get_command(app)


def program() -> None:
    """The installed command: `main`, and then an end without tearing the interpreter down.

    Threads of libraries still hold database objects at that point, about which DuckDB's binding would write a page.
    """
    code = 3  # unless main says otherwise: an error that nobody foresaw is no success

    def leave() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(BrokenPipeError):
                stream.flush()
        os._exit(code)

    # registered before anything else, so it runs after every library's own exit handler
    atexit.register(leave)
    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(bool(left.code))
        if _reader_left(left):
            code = READER_LEFT


def _reader_left(left: BaseException) -> bool:
    """Whether the program ended because what read its output did (`findprofile … | head -1`): no fault of anybody's."""
    cause = left.__context__
    while cause is not None and not isinstance(cause, BrokenPipeError):
        cause = cause.__context__
    return cause is not None and _is_closed(sys.__stdout__)


def _is_closed(stream: TextIO | None) -> bool:
    if stream is None:
        return False
    asked = select.poll()
    asked.register(stream.fileno(), 0)
    return any(state & select.POLLERR for _, state in asked.poll(0))


def _place(error: OSError) -> str:
    """The path of a file, without names in which a plate could be read."""
    if not isinstance(error.filename, str):
        return "no file"
    from data_contracts.intake.names import path_as_given

    return path_as_given(Path(error.filename))


def _kind(error: FindProfileError) -> str:
    return {1: "refused", 2: "wrong input", 3: "fault"}[error.exit_code]
