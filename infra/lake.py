"""The lake: where each layer lies, and how a file gets there whole or not at all.

Every path below the root carries `rocu=<code>`, so one region's data is one set of folders. Belongs here: paths, atomic
placement, digests, the lock of a region. Does not: what is in the files.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Literal, get_args

from infra.clock import utc_now
from infra.errors import FaultError

Layer = Literal[
    "landing",
    "set_aside",
    "ingests",
    "reads",
    "quarantine",
    "vault",
    "registers",
    "dispositions",
    "days",
    "windows",
    "scores",
    "shadow_scores",
    "monitoring",
    "lineage",
    "policies",
    "records",
    "camera_hours",
    "rule_counts",
    "notes",
    "pages",
    "tuning",
    "authorities",
]


_LOOK_AGAIN_S = 0.1
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Lake:
    """The folder tree of all layers.

    Args:
        root: The lake's folder.
    """

    root: Path

    def folder(self, layer: Layer, rocu: str, **keys: str) -> Path:
        """The folder of a layer for one ROCU, with further `key=value` levels in the order given. Not created."""
        path = self.root / layer / f"rocu={rocu}"
        for key, value in keys.items():
            path = path / f"{key}={value}"
        return path

    def relative(self, path: Path) -> str:
        """A path below the root as it is written into manifests."""
        return path.relative_to(self.root).as_posix()


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; put it in place when the block ends well, remove it when it does not.

    Works for a file and for a folder. The file is flushed to disk before it is renamed, so a kill or a power cut leaves
    either the old state or the whole new one.

    Raises:
        FaultError: No space is left on the device.
    """
    temporary = target.parent / f".{target.name}.{secrets.token_hex(4)}{_PARTIAL}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_file():
            _flush(temporary)
        temporary.replace(target)
        _flush(target.parent)
    except OSError as error:
        if is_full(error):
            raise FaultError(
                f"No space left while writing {target.name}.", "Free some space and run the same command again."
            ) from error
        if error.filename == str(temporary):
            error.filename = str(target)  # nobody has heard of the temporary one
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def left_behind(target: Path) -> Iterator[Path]:
    """What a kill left of files that were to be placed at `target`, whole or not."""
    return target.parent.glob(f".{target.name}.*{_PARTIAL}")


def half_placed(
    lake: Lake, rocu: str, older_than: timedelta, now: datetime, held: Collection[Layer] = ()
) -> tuple[Path, ...]:
    """What a kill left of files and folders of a ROCU that were to be placed, sorted; lists in shadow apart.

    A list in shadow that is on record is finished from what was left of it when its day is scored again.

    Args:
        lake: Where to look.
        rocu: Code of the ROCU.
        older_than: What was written to since may be of a process that is at work.
        now: The time, aware.
        held: Layers whose lock the caller has: nobody else is at work there, so what is there counts at any age.
    """
    since, found = (now - older_than).timestamp(), []
    for layer in sorted({*get_args(Layer)} - {"shadow_scores"}):
        for path in lake.folder(layer, rocu).glob(f"**/.*{_PARTIAL}"):
            with suppress(FileNotFoundError):
                if layer in held or path.stat().st_mtime < since:
                    found.append(path)
    return tuple(sorted(found))


def remove_half_placed(paths: Iterable[Path]) -> None:
    """Remove what a kill left; what another process has removed meanwhile is gone as well."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_full(error: OSError) -> bool:
    """Whether the system says that no space is left."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(target: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with placed(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def exclusive(path: Path, what: str, wait_s: float = 0, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a lock file for the length of the block; the lock ends with the process, however it ends.

    Args:
        path: The lock file; it says who holds it.
        what: What is locked, in words.
        wait_s: Seconds to wait while another process holds it.
        on_wait: Told once, before waiting, who that is.

    Raises:
        FaultError: Another process holds it, and still does when the wait is over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        until = time.monotonic() + wait_s
        while not _lock(stream):
            holder = _holder(stream)
            if time.monotonic() >= until:
                waited = f", after waiting {wait_s:g} seconds" if wait_s else ""
                raise FaultError(
                    f"Another process{holder} is at work on {what}{waited}.",
                    "Wait until it has finished and run the same command again.",
                )
            if on_wait is not None:
                on_wait(f"waiting for another process{holder} at work on {what}")
                on_wait = None
            time.sleep(min(_LOOK_AGAIN_S, max(0.0, until - time.monotonic())))
        _say_who_holds_it(stream)
        yield


def _lock(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say_who_holds_it(stream: IO[str]) -> None:
    said = f"{os.getpid()} since {utc_now():%Y-%m-%d %H:%M:%S} UTC".encode()
    # a courtesy, for which a full disk must not stop anything
    with suppress(OSError):
        stream.truncate(0)
        os.write(stream.fileno(), said)


def _holder(stream: IO[str]) -> str:
    stream.seek(0)
    said = stream.read().strip()
    return f" ({said})" if said else ""
