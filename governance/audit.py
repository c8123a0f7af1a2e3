"""The append-only, hash-chained log of who did what, when, where, to what, for which purpose and by what authority.

It holds the six kinds of processing that the Data Protection Act 2018 section 62 names, and all decisions. Belongs
here: writing, reading and verifying it. Does not: deciding what is worth an entry, or the database's own rules
(audit_tables). It may be used to check lawfulness, to monitor oneself, for integrity and in criminal proceedings, and
for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Select, inspect, or_, select
from sqlalchemy.exc import DBAPIError

from governance.audit_entry import Entry, Operation, Outcome, Row, iso_moment, read_row, stored_values
from governance.audit_head import HeadFile, open_head
from governance.audit_tables import CHAIN_START, COLUMNS, audit_log, create_audit_tables
from governance.audit_walk import VerifyReport, first_unsigned, last_link, require_witnessed, verify_log
from infra.database import writing
from infra.errors import FaultError

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["AuditLog", "AuditSession", "Entry", "Operation", "Outcome", "Row", "VerifyReport", "open_audit"]


class AuditSession:
    """Reading and writing while holding the writers' lock: what is read cannot change before what is written."""

    def __init__(self, connection: Connection, head: HeadFile | None) -> None:
        self._connection = connection
        self._seq, self._hash = last_link(connection)
        self._keys = head.keys if head is not None else None
        self.appended: list[Row] = []
        if head is not None:
            require_witnessed(connection, head, self._seq)

    def append(self, entry: Entry, now: datetime) -> Row:
        """Write the next row; it becomes visible to others when the session ends well."""
        return self.extend((entry,), now)[0]

    def extend(self, entries: tuple[Entry, ...], now: datetime) -> tuple[Row, ...]:
        """Write the next rows, in order."""
        stored = []
        for entry in entries:
            stored.append(stored_values(entry, now, self._seq + 1, self._hash, self._keys))
            self._seq, self._hash = stored[-1]["seq"], stored[-1]["hash"]
        if stored:
            self._connection.execute(audit_log.insert(), stored)
        rows = tuple(read_row(tuple(values[name] for name in COLUMNS)) for values in stored)
        self.appended.extend(rows)
        return rows

    def entries(self, model: str) -> tuple[Row, ...]:
        """Every row about a model or one of its versions, oldest first."""
        return _fetch(self._connection, _about(model))


class AuditLog:
    """The log in one database.

    Args:
        engine: SQLite or PostgreSQL; the table and its rules are made if there is no table yet.
        head: This machine's signed head and keys. Without them rows are neither signed nor checked for a signature,
            and a cut-off end cannot be seen: use `open_audit`.

    Raises:
        FaultError: The database does not answer.
    """

    def __init__(self, engine: Engine, head: HeadFile | None = None) -> None:
        self._engine = engine
        self._head = head
        with _answering():
            if not inspect(engine).has_table(audit_log.name):
                with writing(self._engine) as connection:
                    create_audit_tables(connection)
            self._enrol()

    def _enrol(self) -> None:
        """Write the first head of this machine: at the start of a new log, or where an existing log stands now."""
        if self._head is None or self._head.path.exists():
            return
        with self._engine.connect() as connection:
            seq, last_hash = last_link(connection)
            row = _fetch(connection, select(audit_log).where(audit_log.c.seq == seq))
            believed = first_unsigned(connection, self._head.keys, 0) is None
        if seq > 0 and self._head.keys.existed:
            return
        # a head must not vouch for rows of keys that are not trusted yet: it starts before them
        start = (seq, last_hash, row[0].at) if row and believed else (0, CHAIN_START, "")
        self._head.advance(*start)

    @contextmanager
    def writing(self) -> Iterator[AuditSession]:
        """Hold the writers' lock; the rows appended inside become visible together, or not at all.

        Raises:
            RefusedError: The log does not hold what the signed head witnesses, or goes on with rows that no trusted
                key signed, so nothing may be added to it.
            FaultError: The database does not answer.
        """
        with _answering(), writing(self._engine) as connection:
            session = AuditSession(connection, self._head)
            yield session
        if self._head is not None and session.appended:
            last = session.appended[-1]
            self._head.advance(last.seq, last.hash, last.at)

    def append(self, entry: Entry, now: datetime) -> Row:
        """Write one row.

        Raises:
            RefusedError: The log does not hold what the signed head witnesses, or rows that nobody trusted signed.
            FaultError: The database does not answer.
        """
        return self.extend((entry,), now)[0]

    def extend(self, entries: tuple[Entry, ...], now: datetime) -> tuple[Row, ...]:
        """Write several rows together. Raises as `append` does."""
        with self.writing() as session:
            return session.extend(entries, now)

    def entries(self, model: str) -> tuple[Row, ...]:
        """Every row about a model or one of its versions, oldest first."""
        with _answering(), self._engine.connect() as connection:
            return _fetch(connection, _about(model))

    def search(
        self,
        *,
        rocus: frozenset[str] | None = None,
        action: str | None = None,
        operation: Operation | None = None,
        actor: str | None = None,
        object: str | None = None,
        purpose: str | None = None,
        authority: str | None = None,
        outcome: Outcome | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> tuple[Row, ...]:
        """The rows that meet every condition given, newest first.

        Args:
            rocus: Only rows of these ROCUs; `None` means all.
            action: Exactly this action, or with a final `.` every action that starts so (`promote.`).
            operation: One of the kinds of processing.
            actor: A subject or a name.
            object: An object, or a model (then its versions too).
            purpose: A purpose.
            authority: An authority reference.
            outcome: What became of it.
            since: Not before this.
            until: Before this.
            limit: At most so many rows.
        """
        exact = {"operation": operation, "purpose": purpose, "authority": authority, "outcome": outcome}
        query = select(audit_log) if object is None else _about(object)
        query = query.where(*(audit_log.c[name] == value for name, value in exact.items() if value is not None))
        if action is not None:
            column = audit_log.c.action
            query = query.where(
                column.startswith(action, autoescape=True) if action.endswith(".") else column == action
            )
        if actor is not None:
            query = query.where(or_(audit_log.c.actor == actor, audit_log.c.actor_name == actor))
        if rocus is not None:
            query = query.where(audit_log.c.rocu.in_(sorted(rocus)))
        if since is not None:
            query = query.where(audit_log.c.at >= iso_moment(since))
        if until is not None:
            query = query.where(audit_log.c.at < iso_moment(until))
        with _answering(), self._engine.connect() as connection:
            return _fetch(connection, query.order_by(None).order_by(audit_log.c.seq.desc()).limit(limit))

    def verify(self) -> VerifyReport:
        """Read the whole log, newest head included, and name the first thing that is wrong.

        Raises:
            FaultError: The database does not answer.
        """
        with _answering(), self._engine.connect() as connection:
            return verify_log(connection, self._head)


def open_audit(settings: Settings, engine: Engine) -> AuditLog:
    """The log of this installation, watched by this machine's signed head.

    Raises:
        RefusedError: The audit key can be read by others.
        WrongInputError: The audit key file, or a trusted key, does not hold the right kind of key.
        FaultError: The database does not answer.
    """
    return AuditLog(engine, open_head(settings))


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise FaultError(
            f"The database of the audit log did not take it: {str(error.orig).splitlines()[0]}.",
            "Check the database and run the same command again; findprofile audit verify tells whether the log holds.",
        ) from error


def _about(name: str) -> Select[Any]:
    column = audit_log.c.object
    return (
        select(audit_log)
        .where(or_(column == name, column.startswith(f"{name}/", autoescape=True)))
        .order_by(audit_log.c.seq)
    )


def _fetch(connection: Connection, query: Select[Any]) -> tuple[Row, ...]:
    return tuple(read_row(tuple(values)) for values in connection.execute(query))
