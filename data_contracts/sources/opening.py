"""Opening delivered files: what is no readable file, is packed badly, or unpacks to far more than it is, is told here.

Belongs here: the file system's and gzip's ways to say no. Does not: what is in the file.
"""

from __future__ import annotations

import gzip
import io
import stat
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from data_contracts.intake.names import name_as_delivered, path_as_given
from infra.errors import FaultError, WrongInputError

# gzip packs at most about 1000 to 1; real reads pack 4 to 20 to 1
UNPACKED_TIMES = 200
UNPACKED_ALWAYS = 64 << 20
WORTH_A_THREAD = 1 << 18
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def size_of_file(path: Path) -> int:
    """The size in bytes of what must be a regular file, or a link to one.

    Raises:
        WrongInputError: There is none, it is something else, or it may not be looked at.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if path.is_symlink():
            raise WrongInputError(
                f"There is no file {path_as_given(path)}: it is a link to nothing.", "Give the file itself."
            ) from None
        raise WrongInputError(f"There is no file {path_as_given(path)}.", "Check the path.") from None
    except OSError as error:
        raise WrongInputError(
            f"There is no file {path_as_given(path)} that can be reached: {error.strerror}.",
            "Check the path, and that this user may enter its folders.",
        ) from None
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise WrongInputError(f"{path_as_given(path)} is {kind}, no file.", "Give the files themselves.")
    return found.st_size


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes as delivered.

    Raises:
        WrongInputError: It may not be read, or is gone.
        FaultError: The system could not read it.
    """
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise WrongInputError(f"There is no file {path_as_given(path)} any more.", "Check the path.") from None
    except PermissionError:
        raise WrongInputError(
            f"{name_as_delivered(path)} may not be read by this user.", "Give this user the right to read it."
        ) from None
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise FaultError(
            f"{name_as_delivered(path)} could not be read: {error.strerror or type(error).__name__}.",
            "Check the disk or share that it lies on, and run the same command again.",
        ) from None


@contextmanager
def open_plain(path: Path, gzipped: bool, digest: Digest | None = None) -> Iterator[BinaryIO]:
    """The file's content, unpacked. Read to its end, it leaves the digest of the bytes as delivered in `digest`.

    Raises:
        WrongInputError: The gzip stream is cut short, damaged, or unpacks to far more than reads ever do.
        FaultError: The system could not read it.
    """
    try:
        with opened(path) as raw:
            stream = raw if digest is None else cast(BinaryIO, io.BufferedReader(_Told(raw, digest)))
            if not gzipped:
                yield stream
                return
            with gzip.GzipFile(fileobj=stream) as packed:
                limit = max(UNPACKED_ALWAYS, UNPACKED_TIMES * path.stat().st_size)
                yield cast(BinaryIO, io.BufferedReader(_Bounded(packed, limit, path), 1 << 16))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise WrongInputError(
            f"{name_as_delivered(path)} is a gzip file that is cut short or damaged.",
            "Ask for it to be delivered again.",
        ) from None


class Digest:
    """The SHA-256 of bytes that pass by, worked out beside whatever else is done with them."""

    def __init__(self) -> None:
        self._sum = sha256()
        self._beside: ThreadPoolExecutor | None = None
        self._adding: Future[None] | None = None

    def add(self, content: memoryview) -> None:
        """Count these bytes in."""
        self._wait()
        if len(content) < WORTH_A_THREAD:
            self._sum.update(content)
            return
        self._beside = self._beside or ThreadPoolExecutor(1)
        self._adding = self._beside.submit(self._sum.update, bytes(content))

    def hex(self) -> str:
        """The digest of all that passed."""
        self._wait()
        return self._sum.hexdigest()

    def _wait(self) -> None:
        if self._adding is not None:
            self._adding.result()


class _Told(io.RawIOBase):
    """A stream whose bytes are told to a digest as they are read."""

    def __init__(self, stream: BinaryIO, digest: Digest) -> None:
        self._stream, self._digest = stream, digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        taken = cast(io.BufferedReader, self._stream).readinto(buffer)
        self._digest.add(memoryview(buffer)[:taken])
        return taken


class _Bounded(io.RawIOBase):
    """A stream that gives no more than a number of bytes."""

    def __init__(self, stream: gzip.GzipFile, left: int, path: Path) -> None:
        self._stream, self._left, self._path = stream, left, path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise WrongInputError(
                f"{name_as_delivered(self._path)} unpacks to more than {UNPACKED_TIMES} times its size, "
                "which reads never do.",
                "Ask what it is; if it really is reads, deliver it unpacked or in smaller files.",
            )
        buffer[: len(content)] = content
        return len(content)
