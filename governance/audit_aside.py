"""What the audit log could not take because it does not hold: kept in a signed file beside it until it holds again.

A log that was tampered with takes no entry, and yet somebody was refused because of it, and that has to be on record.
Each line is signed and names the line before it, and a signed head beside the file says how many there are and which
is the last, so that lines cut off the end show, or the whole file gone; the log's own head says whether there has to be
one. Once the log takes entries again, one entry says how many lines hold, which is the first that does not, how many
are missing, and what the SHA-256 of the file is, and the file is kept under the number of that entry.
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
from typing import Any, Literal

from pydantic import Field

from governance.audit_entry import Entry, iso_moment
from governance.audit_keys import AuditKeys
from governance.audit_signed import Signed
from governance.plate_guard import withhold_plates
from infra.lake import write_text


class Line(Signed):
    """One entry that was not taken, and why."""

    at: str
    why: str
    entry: dict[str, Any]
    previous: str = Field(description="SHA-256 of the line before; nothing for the first")


class AsideHead(Signed):
    """How many entries are set aside. The file may be ahead of it, by a kill in between, never behind."""

    kind: Literal["aside"] = "aside"
    entries: int = Field(ge=0)
    last: str = Field(description="SHA-256 of the last line; nothing if there is none")


@dataclass(frozen=True)
class AsideFile:
    """One machine's entries that the log did not take.

    Args:
        path: The file, which is there only while there are any.
        keys: The key that signs them.
    """

    path: Path
    keys: AuditKeys

    @property
    def head_path(self) -> Path:
        """The signed head."""
        return self.path.with_name(f"{self.path.stem}-head.json")

    def begin(self) -> None:
        """Write the first head. The caller holds the lock, and knows that there was none to be lost."""
        if not self.head_path.exists():
            held, texts = self._read()
            self._write_head(len(held), texts[: len(held)])

    def add(self, entries: Sequence[Entry], why: str, now: datetime) -> None:
        """Keep what the log did not take, as it was said."""
        with self.locked():
            head, before = self._head(), self._texts()
            # what is missing stays missing, whatever is added
            counted = max(head.entries if head else 0, len(before))
            previous, texts = _digest(before[-1]) if before else "", []
            for entry in entries:
                said = entry.model_dump(mode="json")
                line = Line(at=iso_moment(now), why=withhold_plates(why), entry=said, previous=previous)
                texts.append(json.dumps(line.signed_by(self.keys).model_dump(mode="json")))
                previous = _digest(texts[-1])
            with self.path.open("a", encoding="utf-8") as stream:
                stream.writelines(f"{text}\n" for text in texts)
                stream.flush()
                os.fsync(stream.fileno())
            # a head that was lost is not made anew before the log has heard of it
            if head is not None:
                self._write_head(counted + len(texts), texts)

    def problem(self, expected: bool) -> str | None:
        """What was done to the file behind this machine's back, in one sentence; `None` if nothing was.

        Args:
            expected: Whether there has to be a head. The caller holds the lock.
        """
        head = self._head()
        if head is None:
            if self.head_path.exists():
                return f"{self.head_path.name} is not signed by this machine's audit key."
            return f"{self.head_path.name} is missing, and with it what it says was set aside." if expected else None
        held, texts = self._read()
        if len(held) < head.entries:
            where = f" from line {len(held) + 1} on" if len(held) < len(texts) or not held else ""
            return (
                f"{head.entries} entries that the audit log could not take were set aside in {self.path.name},"
                f" but only {len(held)} are there as they were written: lines were changed or cut off{where}."
            )
        if head.entries and head.last != _digest(texts[head.entries - 1]):
            return f"The lines of {self.path.name} are not those that were set aside last."
        return None

    def summary(self, expected: bool = False) -> Entry | None:
        """The entry by which the log learns of them, and of what is missing; `None` if there is nothing to tell.

        Args:
            expected: Whether there has to be a head. The caller holds the lock.
        """
        problem = self.problem(expected)
        if not self.path.exists() and problem is None:
            return None
        head, (held, lines) = self._head(), self._read()
        content = self.path.read_bytes() if self.path.exists() else b""
        told: dict[str, object] = {"entries": len(held), "sha256": hashlib.sha256(content).hexdigest()}
        if len(held) < len(lines):
            told |= {"lines": len(lines), "first_that_does_not_hold": len(held) + 1}
        if problem is not None:
            told |= {"missing": max(head.entries - len(held), 0) if head else None, "problem": problem}
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
        # first the head: a file that is ahead of it is told of twice, one that is behind would look cut off
        self._write_head(0, ())
        if self.path.exists():
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

    def _head(self) -> AsideHead | None:
        if not self.head_path.exists():
            return None
        said = self.head_path.read_text(encoding="utf-8", errors="replace")
        return AsideHead.read(said, self.keys.own.public_key())

    def _write_head(self, entries: int, texts: Sequence[str]) -> None:
        head = AsideHead(entries=entries, last=_digest(texts[-1]) if texts else "")
        write_text(self.head_path, head.signed_by(self.keys).model_dump_json(indent=1))

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
