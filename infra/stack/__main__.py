"""`make stack`: the national profile on this machine, until Ctrl-C. `--check` starts, checks and stops it."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from infra.errors import FaultError, FindProfileError
from infra.settings import load_settings
from infra.stack.checks import check_stack
from infra.stack.services import running_stack

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.stack.services import Stack

WATCH_SECONDS = 2
INTERRUPTED = 130


def main() -> int:
    """Run the stack until it is stopped, or with `--check` until everything was looked at.

    Returns:
        The exit code: 0 done, 2 wrong settings, 3 a service that does not work, 130 stopped by hand.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description="The national profile on this machine.")
    parser.add_argument("--check", action="store_true", help="start everything, check each service, stop")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = load_settings()
        with running_stack(settings, _say) as stack:
            _check(stack)
            if not wanted.check:
                _tell(stack, settings)
                _watch(stack)
    except FindProfileError as error:
        _say(f"{error.reason}\n  what to do: {error.instruction}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("stopped; nothing is left running")
        return INTERRUPTED
    _say("every check passed; everything is stopped again")
    return 0


def _interrupt(_: int, __: object) -> NoReturn:
    raise KeyboardInterrupt


def _check(stack: Stack) -> None:
    checks = check_stack(stack)
    for check in checks:
        _say(f"{'ok     ' if check.passed else 'FAILED '} {check.what}")
    if not all(check.passed for check in checks):
        raise FaultError("The stack does not work as it must.", "Read the logs in the folder `stack` of home.")


def _tell(stack: Stack, settings: Settings) -> None:
    path = _write_exports(stack.exports(settings), settings.root / "stack" / "exports.sh")
    sys.stdout.write(
        f"MLflow   {stack.mlflow_url}\nPrefect  {stack.prefect_url.removesuffix('/api')}\n\n"
        f"In another terminal:\n  source {shlex.quote(str(path))}\n  findprofile schedules\n\n"
        "Ctrl-C stops everything.\n"
    )
    sys.stdout.flush()


def _write_exports(exports: dict[str, str], path: Path) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    return path


def _watch(stack: Stack) -> NoReturn:
    while True:
        time.sleep(WATCH_SECONDS)
        stack.require_alive()


def _say(message: str) -> None:
    sys.stderr.write(f"  {message}\n")
    sys.stderr.flush()


def _leave(code: int) -> NoReturn:
    """End without the exit handlers of libraries: everything is stopped, and one of them waits for other programs."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
