"""What the audit log could not take because it does not hold: kept in a signed file beside it until it holds again.

A log that was tampered with takes no entry, and yet somebody was refused because of it, and that has to be on record.
Each line is signed and names the line before it. Once the log takes entries again, one entry says how many lines there
are and what their SHA-256 is, and the file is kept under the number of that entry.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            before = stream.read().splitlines()
            previous = _digest(before[-1]) if before else ""
            for entry in entries:
                said = entry.model_dump(mode="json")
                line = Line(at=iso_moment(now), why=withhold_plates(why), entry=said, previous=previous)
                text = json.dumps(line.signed_by(self.keys).model_dump(mode="json"), ensure_ascii=False)
                stream.write(f"{text}\n")
                previous = _digest(text)
            stream.flush()
            os.fsync(stream.fileno())

    def summary(self) -> Entry | None:
        """The entry by which the log learns of them; `None` if there are none."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        return Entry(
            action="audit.aside",
            operation="decision",
            actor="audit log",
            actor_name="audit log",
            actor_roles=(),
            rocu="*",
            object="entries set aside",
            outcome="refused",
            details={"entries": len(content.splitlines()), "sha256": hashlib.sha256(content).hexdigest()},
        )

    def taken(self, seq: int) -> None:
        """The log has them now, as entry `seq`."""
        self.path.replace(self.path.with_name(f"{self.path.stem}-{seq}{self.path.suffix}"))

    def lines(self) -> tuple[Line, ...]:
        """Every line that is there and signed by this machine, oldest first."""
        if not self.path.exists():
            return ()
        read = (Line.read(text, self.keys.own.public_key()) for text in self.path.read_text("utf-8").splitlines())
        return tuple(line for line in read if line is not None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
