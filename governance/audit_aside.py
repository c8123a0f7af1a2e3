"""What the audit log could not take because it does not hold: kept in a signed file beside it until it holds again.

A log that was tampered with takes no entry, and yet somebody was refused because of it, and that has to be on record.
Each line is signed and names the line before it. Once the log takes entries again, one entry says how many lines hold,
which is the first that does not, and what the SHA-256 of the file is, and the file is kept under the number of that
entry. Lines that were cut off at the end do not show.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from governance.audit_entry import Entry, iso_moment
from governance.audit_keys import AuditKeys
from governance.audit_signed import Signed
from governance.plate_guard import withhold_plates


class Line(Signed):
    """One entry that was not taken, and why."""

    at: str
    why: str
    entry: dict[str, Any]
    previous: str = Field(description="SHA-256 of the line before; nothing for the first")


@dataclass(frozen=True)
class AsideFile:
    """One machine's entries that the log did not take.

    Args:
        path: The file, which is there only while there are any.
        keys: The key that signs them.
    """

    path: Path
    keys: AuditKeys

    def add(self, entries: Sequence[Entry], why: str, now: datetime) -> None:
        """Keep what the log did not take, as it was said."""
        with self.locked(), self.path.open("a", encoding="utf-8") as stream:
            before = self._texts()
            previous = _digest(before[-1]) if before else ""
            for entry in entries:
                said = entry.model_dump(mode="json")
                line = Line(at=iso_moment(now), why=withhold_plates(why), entry=said, previous=previous)
                text = json.dumps(line.signed_by(self.keys).model_dump(mode="json"))
                stream.write(f"{text}\n")
                previous = _digest(text)
            stream.flush()
            os.fsync(stream.fileno())

    def summary(self) -> Entry | None:
        """The entry by which the log learns of them; `None` if there are none. The caller holds the lock."""
        if not self.path.exists():
            return None
        held, lines = self._read()
        told: dict[str, object] = {
            "entries": len(held),
            "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest(),
        }
        if len(held) < len(lines):
            told |= {"lines": len(lines), "first_that_does_not_hold": len(held) + 1}
        return Entry(
            action="audit.aside",
            operation="decision",
            actor="audit log",
            actor_name="audit log",
            actor_roles=(),
            rocu="*",
            object="entries set aside",
            outcome="refused",
            details=told,
        )

    def taken(self, seq: int) -> None:
        """The log has them now, as entry `seq`. The caller has held the lock since `summary`."""
        self.path.replace(self.path.with_name(f"{self.path.stem}-{seq}{self.path.suffix}"))

    def lines(self) -> tuple[Line, ...]:
        """The lines that hold, oldest first: signed by this machine, each after the one that it names."""
        return self._read()[0]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else adds to the file, or tells the log of it, inside the block."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _read(self) -> tuple[tuple[Line, ...], list[str]]:
        """The lines up to the first that does not hold, and all texts."""
        texts, held, previous = self._texts(), [], ""
        for text in texts:
            line = Line.read(text, self.keys.own.public_key())
            if line is None or line.previous != previous:
                break
            held.append(line)
            previous = _digest(text)
        return tuple(held), texts

    def _texts(self) -> list[str]:
        content = self.path.read_bytes().decode("utf-8", errors="replace") if self.path.exists() else ""
        # not splitlines: a line may hold other characters that it takes for the end of one
        return content.removesuffix("\n").split("\n") if content else []


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
