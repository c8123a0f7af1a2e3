"""The end of the audit log, kept outside the database and signed, so that a cut-off end or an older copy shows.

A hash chain proves that nothing between its rows was touched, but a log that simply stops earlier is also a good
chain. After every append the last seq and hash are written here, signed with this machine's audit key. With several
machines on one PostgreSQL each keeps its own head: the database may be ahead of it, never behind, and only by rows
that trusted keys signed. The head moves only past rows that were checked so; it vouches for them from then on.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from governance.audit_keys import AuditKeys, open_keys
from governance.audit_signed import Signed
from infra.errors import RefusedError
from infra.lake import write_text
from infra.settings import Settings


class Head(Signed):
    """What the log's last row was when this was written."""

    seq: int = Field(ge=0)
    hash: str
    at: str


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

    def advance(self, seq: int, row_hash: str, at: str) -> None:
        """Move the head to a later row; a head that is already further on stays."""
        with self._locked():
            current = self.read()
            if current is None or current.seq < seq or seq == 0:
                head = Head(seq=seq, hash=row_hash, at=at).signed_by(self.keys)
                write_text(self.path, head.model_dump_json(indent=1))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def open_head(settings: Settings) -> HeadFile:
    """The head file of this machine, with its key, which is made on first use.

    Raises:
        RefusedError: The key file can be read by others.
        WrongInputError: The key file, or a trusted key, does not hold an Ed25519 key.
    """
    return HeadFile(settings.root / "records" / "audit-head.json", open_keys(settings))
