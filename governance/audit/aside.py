"""What the audit log could not take because it does not hold: kept in a signed file beside it until it holds again.

A log that was tampered with takes no entry, and yet somebody was refused because of it, and that has to be on record.
Each line is signed and names the line before it, and a signed head beside the file says how many there are and which
is the last, so that lines cut off the end show, or the whole file gone. Once the log takes entries again, one entry
says how many lines hold, which is the first that does not, how many are missing, and what the SHA-256 of the file is,
and the file is kept under the number of that entry; the next head names that entry, so that an older one cannot take
its place. The log's own head says whether there has to be one, and of how many entries it has to know.

A last line without an end is a write that was cut off. The next one takes up its text, signed, and goes on.
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
from typing import Any, ClassVar, Literal

from pydantic import Field
from sqlalchemy import Connection

from governance.audit.entry import Entry, Row, iso_moment
from governance.audit.head import HeadFile
from governance.audit.keys import AuditKeys
from governance.audit.plate_guard import withhold_plates
from governance.audit.queries import fetch
from governance.audit.signed import Signed
from governance.audit.tables import audit_log, rows_of_log
from infra.lake import placed, write_text

_ACTION = "audit.aside"
_NO_HEAD = "none"  # no entry has this hash
_BEGINS = "begins_head"  # entries from before heads named one do not say it


class Line(Signed):
    """One entry that was not taken, and why."""

    at: str
    why: str
    entry: dict[str, Any]
    previous: str = Field(description="SHA-256 of the line before; nothing for the first")
    cut_off: str = Field(default="", description="what stood here, an incomplete line")

    later: ClassVar[tuple[str, ...]] = ("cut_off",)


class AsideHead(Signed):
    """How many entries are set aside. The file may be ahead of it, by a kill in between, never behind."""

    kind: Literal["aside"] = "aside"
    entries: int = Field(ge=0)
    last: str = Field(description="SHA-256 of the last line; nothing if there is none")
    after: str = Field(default="", description="hash of the log's entry that took up those before")

    later: ClassVar[tuple[str, ...]] = ("after",)


@dataclass(frozen=True)
class Witness:
    """What the log and its head say of the head of what is set aside.

    Args:
        expected: Whether there has to be one.
        after: Hash of this machine's last entry that took something up; nothing if there is none.
        entries: How many entries were set aside since, at the least.
    """

    expected: bool
    after: str
    entries: int


@dataclass(frozen=True)
class _Content:
    """What is in the file: the lines that hold, the text of every line, and what follows the last without an end."""

    held: tuple[Line, ...]
    texts: list[str]
    torn: str
    ended: bool


@dataclass(frozen=True)
class AsideFile:
    """One machine's entries that the log did not take.

    Args:
        path: The file, which is there only while there are any.
        log_head: The log's own head on this machine, which learns how many there are, with the key that signs them.
    """

    path: Path
    log_head: HeadFile

    @property
    def keys(self) -> AuditKeys:
        """The key that signs them."""
        return self.log_head.keys

    @property
    def head_path(self) -> Path:
        """The signed head."""
        return self.path.with_name(f"{self.path.stem}-head.json")

    def begin(self) -> None:
        """Write the first head. The caller holds the lock, and knows that there was none to be lost."""
        if not self.head_path.exists():
            content = self._read()
            self._write_head(len(content.held), content.texts[: len(content.held)], "")

    def add(self, entries: Sequence[Entry], why: str, now: datetime) -> None:
        """Keep what the log did not take, as it was said; the log's head, if it can be read, learns how many."""
        if not entries:
            return
        with self.locked():
            head, before = self._head(), self._read()
            # what is missing stays missing, whatever is added
            counted = max(head.entries, self.log_head.aside_since(head.after), len(before.texts)) if head else 0
            previous, cut_off, texts = _digest(before.texts[-1]) if before.texts else "", before.torn, []
            for entry in entries:
                line = Line(
                    at=iso_moment(now),
                    why=withhold_plates(why),
                    entry=entry.model_dump(mode="json"),
                    previous=previous,
                    cut_off=withhold_plates(cut_off),
                )
                texts.append(json.dumps(line.signed_by(self.keys).model_dump(mode="json")))
                previous, cut_off = _digest(texts[-1]), ""
            self._append(before, texts)
            # a head that was lost is not made anew before the log has heard of it
            if head is not None:
                self._write_head(counted + len(texts), texts, head.after)
            after = head.after if head is not None else _NO_HEAD
            self.log_head.witness_aside(after, counted + len(texts), len(texts))

    def _append(self, before: _Content, texts: Sequence[str]) -> None:
        added = "".join(f"{text}\n" for text in texts).encode()
        if before.ended:
            with self.path.open("ab") as stream:
                stream.write(added)
                stream.flush()
                os.fsync(stream.fileno())
            return
        file = self.path.read_bytes()
        kept = file[: file.rfind(b"\n") + 1] if before.torn else file + b"\n"
        # whole or not at all: what was cut off stands in the file, or in the line that has taken it up
        with placed(self.path) as temporary:
            temporary.write_bytes(kept + added)

    def problem(self, witness: Witness) -> str | None:
        """What was done to the file behind this machine's back, in one sentence; `None` if nothing was.

        The caller holds the lock.
        """
        head, name = self._head(), self.head_path.name
        if head is None:
            if self.head_path.exists():
                return f"{name} is not signed by this machine's audit key."
            missing = witness.expected or witness.after
            return f"{name} is missing, and with it what it says was set aside." if missing else None
        content = self._read()
        return (
            _older(name, head, witness)
            or self._not_whole(head, content)
            or (f"{self._torn(content)} The lines before it hold." if content.torn else None)
        )

    def _not_whole(self, head: AsideHead, content: _Content) -> str | None:
        held, texts = content.held, content.texts
        if len(held) < head.entries:
            where = f" from line {len(held) + 1} on" if len(held) < len(texts) or not held else ""
            return (
                f"{head.entries} entries that the audit log could not take were set aside in {self.path.name},"
                f" but only {len(held)} are there as they were written: lines were changed or cut off{where}."
            ) + (f" {self._torn(content)}" if content.torn else "")
        if head.entries and head.last != _digest(texts[head.entries - 1]):
            return f"The lines of {self.path.name} are not those that were set aside last."
        return None

    def _torn(self, content: _Content) -> str:
        return (
            f"Line {len(content.texts) + 1} of {self.path.name} is incomplete, {len(content.torn)} characters without"
            " an end: a write was cut off, as by a power cut or a full disk."
        )

    def summary(self, witness: Witness) -> Entry | None:
        """The entry by which the log learns of them, and of what is missing; `None` if there is nothing to tell.

        The caller holds the lock.
        """
        problem = self.problem(witness)
        if not self.path.exists() and problem is None:
            return None
        head, content = self._head(), self._read()
        held, lines = content.held, content.texts
        file = self.path.read_bytes() if self.path.exists() else b""
        told: dict[str, object] = {
            "entries": len(held),
            "sha256": hashlib.sha256(file).hexdigest(),
            _BEGINS: True,
        }
        if len(held) < len(lines):
            told |= {"lines": len(lines), "first_that_does_not_hold": len(held) + 1}
        if cut_off := sum(1 for line in held if line.cut_off) + bool(content.torn):
            told["cut_off"] = cut_off
        if problem is not None:
            known = max(head.entries if head else 0, witness.entries)
            told |= {"missing": max(known - len(held), 0) if head or known else None, "problem": problem}
        return Entry(
            action=_ACTION,
            operation="decision",
            actor="audit log",
            actor_name="audit log",
            actor_roles=(),
            rocu="*",
            object="entries set aside",
            outcome="refused",
            details=told,
        )

    def taken(self, row: Row) -> None:
        """The log has them now, as this entry. The caller has held the lock since `summary`."""
        # first the heads: a file that is ahead of its own is told of twice, one that is behind would look cut off
        self.log_head.begin_aside(row.hash)
        self._write_head(0, (), row.hash)
        if self.path.exists():
            self.path.replace(self.path.with_name(f"{self.path.stem}-{row.seq}{self.path.suffix}"))

    def lines(self) -> tuple[Line, ...]:
        """The lines that hold, oldest first: signed by this machine, each after the one that it names."""
        return self._read().held

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

    def _write_head(self, entries: int, texts: Sequence[str], after: str) -> None:
        head = AsideHead(entries=entries, last=_digest(texts[-1]) if texts else "", after=after)
        write_text(self.head_path, head.signed_by(self.keys).model_dump_json(indent=1))

    def _read(self) -> _Content:
        """The lines up to the first that does not hold, all texts, and what was cut off."""
        content = self.path.read_bytes().decode("utf-8", errors="replace") if self.path.exists() else ""
        # not splitlines: a line may hold other characters that it takes for the end of one
        *texts, rest = content.split("\n")
        own, torn = self.keys.own.public_key(), rest
        if rest and Line.read(rest, own) is not None:
            # only its end is missing
            texts, torn = [*texts, rest], ""
        held, previous = [], ""
        for text in texts:
            line = Line.read(text, own)
            if line is None or line.previous != previous:
                break
            held.append(line)
            previous = _digest(text)
        return _Content(tuple(held), texts, torn, ended=not rest)


def witness_of(connection: Connection, log_head: HeadFile) -> Witness:
    """What the log and its head say of the head of what this machine set aside."""
    own = (audit_log.c.action == _ACTION, audit_log.c.signer == log_head.keys.own_id)
    query = rows_of_log().where(*own).order_by(audit_log.c.seq.desc()).limit(1)
    rows, seen = fetch(connection, query, any_version=True), log_head.believed()
    after = rows[0].hash if rows and rows[0].details.get(_BEGINS) is True else ""
    return Witness(seen is not None and seen.aside, after, log_head.aside_since(after))


def _older(name: str, head: AsideHead, witness: Witness) -> str | None:
    if head.after != witness.after:
        return (
            f"{name} is not the one that was begun when the audit log took up what was set aside before: an older one"
            " was put in its place, and what was set aside since may be gone; or a kill came right after that entry."
        )
    if head.entries < witness.entries:
        return (
            f"{name} says that {head.entries} entries are set aside, but the head of the audit log has seen"
            f" {witness.entries}: an older one was put in its place."
        )
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
