"""The end of a PostgreSQL that runs by itself, in no process group of ours.

Belongs here: finding its process and stopping it for certain. Does not: starting it. The package that starts it also
offers to stop it, but waits for a lock that it shares with every other PostgreSQL of this machine and user, and does
not stop one that a killed program has left behind.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

GRACE_SECONDS = 30
"""How long it may take to send everybody away and write a checkpoint."""
_LOOK_AGAIN_SECONDS = 0.05


def stop_postmaster(data: Path) -> None:
    """Stop the PostgreSQL whose data lie here, if it runs; nothing of it is left afterwards.

    Args:
        data: Its data folder.
    """
    process = _postmaster(data)
    if process is None:
        return
    try:
        # fast: whoever is connected is sent away
        _ask(process, signal.SIGINT)
        _wait(process, GRACE_SECONDS)
    finally:
        # at once, also if a second Ctrl-C came meanwhile; its data hold that as they hold a power cut
        for order in (signal.SIGQUIT, signal.SIGKILL):
            if _runs(process):
                _ask(process, order)
                _wait(process, GRACE_SECONDS / 3)


def _postmaster(data: Path) -> psutil.Process | None:
    """The process that the data folder names, if it is that of a PostgreSQL on this folder."""
    try:
        number = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        process = psutil.Process(number)
        return process if str(data.resolve()) in process.cmdline() else None
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        return None


def _ask(process: psutil.Process, order: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(order)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait(process: psutil.Process, seconds: float) -> None:
    until = time.monotonic() + seconds
    while _runs(process) and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_SECONDS)
