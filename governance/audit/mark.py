"""How far a full walk has vouched for the audit log, signed and kept outside the database.

Scoring asks at every run whether the log holds. Once the log is long, it walks only the rows behind the mark, with
their signatures; before the mark it counts the rows and hashes again those that decide something: approvals,
promotions, suspensions, policies, and the entries by which a list, a training or a result is believed. So nothing
that is rested on can be changed, hidden, put in or taken out unseen, whatever the mark is. What can wait for the next
full walk, a day at the most, is a change of a row that is only a record.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, func, or_

from governance.audit.chain import HASHED, holds
from governance.audit.entry import iso_moment
from governance.audit.keys import AuditKeys
from governance.audit.operations import DECIDING
from governance.audit.signed import Signed
from governance.audit.tables import audit_log, rows_of_log
from infra.lake import write_text

# A shorter log is walked in full at every question: it takes half a second.
SHORT_LOG_ROWS = 50_000
_STREAM_ROWS = 10_000
_ACTIONS = tuple(sorted(DECIDING))


class Mark(Signed):
    """What a full walk found."""

    kind: Literal["verified"] = "verified"
    seq: int = Field(gt=0)
    hash: str
    walked_at: str
    trusted: tuple[str, ...] = Field(description="ids of the keys that were trusted")
    deciding: tuple[str, ...] = Field(default=_ACTIONS, description="the actions that decide, by the program's table")
    decisions: str = Field(description="SHA-256 over seq and hash of each row that decides something")


class DecisionDigest:
    """One digest over the rows that decide, whether they are met on a walk or looked up."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, seq: int, row_hash: str) -> None:
        """The next row that decides."""
        self._sum.update(f"{seq} {row_hash}\n".encode())

    @property
    def value(self) -> str:
        """The digest so far, in hex."""
        return self._sum.hexdigest()


@dataclass(frozen=True)
class MarkFile:
    """One machine's mark.

    Args:
        path: The file. It may be deleted at any time; the next question then walks the whole log.
        keys: The key that signs it, and the keys that are trusted.
    """

    path: Path
    keys: AuditKeys

    def read(self, now: datetime, longest: timedelta) -> Mark | None:
        """The mark, if it is this machine's, not older than `longest`, and made by today's rules and keys."""
        if not self.path.exists():
            return None
        mark = Mark.read(self.path.read_text(encoding="utf-8", errors="replace"), self.keys.own.public_key())
        if mark is None or mark.deciding != _ACTIONS or not set(mark.trusted) <= set(self.keys.trusted()):
            return None
        age = now - datetime.fromisoformat(mark.walked_at)
        return mark if timedelta(0) <= age < longest else None

    def write(self, seq: int, row_hash: str, decisions: str, now: datetime) -> None:
        """Remember what a full walk found."""
        mark = Mark(
            seq=seq,
            hash=row_hash,
            walked_at=iso_moment(now),
            trusted=tuple(sorted(self.keys.trusted())),
            decisions=decisions,
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, mark.signed_by(self.keys).model_dump_json(indent=1))


def still_stands(connection: Connection, mark: Mark) -> bool:
    """Whether the rows up to a mark are all there, the decisive ones hash as they did, and the last is the mark's."""
    up_to = audit_log.c.seq <= mark.seq
    counted = connection.execute(rows_of_log(func.count(), func.min(audit_log.c.seq)).where(up_to)).one()
    if tuple(counted) != (mark.seq, 1):
        return False
    if connection.execute(rows_of_log(audit_log.c.hash).where(audit_log.c.seq == mark.seq)).scalar_one() != mark.hash:
        return False
    decisive = or_(audit_log.c.operation == "decision", audit_log.c.action.in_(_ACTIONS))
    query = rows_of_log(*(audit_log.c[name] for name in HASHED), audit_log.c.hash).where(decisive, up_to)
    found = DecisionDigest()
    seq = HASHED.index("seq")
    for values in connection.execute(query.order_by(audit_log.c.seq).execution_options(yield_per=_STREAM_ROWS)).all():
        if not holds(values, values[-1]):
            return False
        found.add(values[seq], values[-1])
    return found.value == mark.decisions
