"""The end of the audit log, kept outside the database and signed, so that a cut-off end or an older copy shows.

A hash chain proves that nothing between its rows was touched, but a log that simply stops earlier is also a good
chain. After every append the last seq and hash are written here, signed with this machine's audit key. With several
machines on one PostgreSQL each keeps its own head: the database may be ahead of it, never behind, and only by rows
that trusted keys signed. The head moves only past rows that were checked so; it vouches for them from then on.

The first head, of a log of which nothing was seen yet, is there before the machine's key is. So a machine with a key
and without a head has lost its head, whatever its database says. To start anew is to put key and head away by hand.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from governance.audit.keys import AuditKeys, has_key, open_keys
from governance.audit.signed import Signed
from governance.audit.tables import CHAIN_START
from infra.errors import RefusedError
from infra.lake import write_text
from infra.settings import Settings


class Head(Signed):
    """What the log's last row was when this was written."""

    seq: int = Field(ge=0)
    hash: str
    at: str
    aside: bool = Field(default=False, description="whether what is set aside has a head of its own")
    aside_after: str = Field(default="", description="hash of the log's entry after which that one was begun")
    aside_entries: int = Field(default=0, ge=0, description="how many entries were set aside since")

    later: ClassVar[tuple[str, ...]] = ("aside", "aside_after", "aside_entries")


class LogBrokenError(RefusedError):
    """The log does not hold what it should, so nothing may be added to it; what was to be added is set aside."""


@dataclass(frozen=True)
class HeadFile:
    """One machine's signed head.

    Args:
        path: The file.
        keys: The key that signs it and the machine's rows, and the keys that are trusted.
    """

    path: Path
    keys: AuditKeys

    def read(self) -> Head | None:
        """The head as it stands; `None` if there is no file.

        Raises:
            RefusedError: It is not readable, or not signed with this machine's audit key.
        """
        if not self.path.exists():
            return None
        head = Head.read(self.path.read_text(encoding="utf-8", errors="replace"), self.keys.own.public_key())
        if head is None:
            raise LogBrokenError(
                f"The audit head {self.path.name} is not signed by this machine's audit key.",
                "Put back the head from the last backup and run findprofile audit verify.",
            )
        return head

    def believed(self) -> Head | None:
        """The head, if it says anything that can be believed; that it cannot be read is told for itself."""
        try:
            return self.read()
        except LogBrokenError:
            return None

    def aside_since(self, after: str) -> int:
        """How many entries were set aside since this entry of the log, as far as it knows."""
        head = self.believed()
        return head.aside_entries if head is not None and head.aside_after == after else 0

    def advance(self, seq: int, row_hash: str, at: str) -> None:
        """Move the head to a later row; a head that is already further on stays.

        What is set aside has a head of its own by now.
        """
        with _locked(self.path):
            current = self.read()
            if current is None or current.seq < seq or seq == 0:
                last = {"seq": seq, "hash": row_hash, "at": at, "aside": True}
                moved = current.model_copy(update=last) if current is not None else Head.model_validate(last)
                _write(self.path, self.keys, moved)

    def witness_aside(self, after: str, entries: int, added: int) -> None:
        """Remember how many entries were set aside since an entry of the log, so that fewer show.

        What was added to a head of another time, or to none, counts since the entry that this one knows: only
        `begin_aside` moves that, or an older head in the place of another would take what was witnessed away.

        Args:
            after: Hash of the entry after which the head of what is set aside was begun.
            entries: How many were set aside since.
            added: How many of these just now.
        """

        def counted(current: Head) -> Head:
            seen = current.aside_entries
            now = max(seen, entries) if current.aside_after == after else seen + added
            return current.model_copy(update={"aside_entries": now})

        self._change(counted)

    def begin_aside(self, after: str) -> None:
        """Count what is set aside from an entry of the log on, which has just taken up what was before."""
        self._change(lambda current: current.model_copy(update={"aside_after": after, "aside_entries": 0}))

    def _change(self, changed: Callable[[Head], Head]) -> None:
        """A head that cannot be read is left as it is: it is why entries are set aside."""
        with _locked(self.path):
            current = self.believed()
            if current is not None and (moved := changed(current)) != current:
                _write(self.path, self.keys, moved)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _begin(path: Path, keys: AuditKeys) -> None:
    """Write the first head, unless there is one that has seen something: it must not be lost with its key."""
    try:
        seen = Head.model_validate_json(path.read_bytes()).seq if path.exists() else 0
    except ValueError:
        return
    if seen == 0:
        _write(path, keys, Head(seq=0, hash=CHAIN_START, at=""))


def _write(path: Path, keys: AuditKeys, head: Head) -> None:
    write_text(path, head.signed_by(keys).model_dump_json(indent=1))


def open_head(settings: Settings) -> HeadFile:
    """The head file of this machine, with its key; on first use both are made.

    Raises:
        RefusedError: The key file can be read by others.
        WrongInputError: The key file, or a trusted key, does not hold an Ed25519 key.
    """
    path = settings.root / "records" / "audit-head.json"
    if has_key(settings):
        return HeadFile(path, open_keys(settings))
    with _locked(path):
        return HeadFile(path, open_keys(settings, lambda keys: _begin(path, keys)))
