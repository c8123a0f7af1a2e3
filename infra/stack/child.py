"""A server as a child process: started in a process group of its own, waited for, and stopped for certain.

Belongs here: the life of a process. Does not: which server it is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.errors import FaultError

Progress = Callable[[str], None]
GRACE_SECONDS = 15
"""How long a server may take to stop by itself before it is killed."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def child(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group for the length of the block; afterwards nothing of the group is left.

    Args:
        name: What a person calls it.
        command: Program and arguments.
        environment: Added to this process's own environment.
        log: Where its output goes; its owner alone may read it.

    Raises:
        FaultError: The program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        try:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            raise FaultError(f"{name} cannot be started: {error.strerror}.", "Install the project again.") from error
        try:
            yield process
        finally:
            stop_group(process)


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process group to end, then kill whatever of it is left."""
    _signal_group(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def wait_until(
    answers: Callable[[], bool],
    process: subprocess.Popen[bytes],
    name: str,
    log: Path,
    progress: Progress,
    seconds: float = 300,
) -> None:
    """Wait until a server answers, telling every five seconds that it is still starting.

    Raises:
        FaultError: It ended, or it did not answer in time.
    """
    started = time.monotonic()
    told = 0.0
    while not answers():
        waited = time.monotonic() - started
        if process.poll() is not None:
            raise FaultError(
                f"{name} ended with code {process.returncode} while starting.", f"Read {log} and start again."
            )
        if waited > seconds:
            raise FaultError(f"{name} did not answer within {seconds:.0f} s.", f"Read {log} and start again.")
        if waited - told >= 5:
            told = waited
            progress(f"{name} is starting ({waited:.0f} s)")
        time.sleep(0.2)
