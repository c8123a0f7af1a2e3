"""The append-only, hash-chained log of who did what, when, where, to what, for which purpose and by what authority.

It holds the six kinds of processing that the Data Protection Act 2018 section 62 names, and all decisions. Belongs
here: writing, reading and verifying it. Does not: deciding what is worth an entry, or the database's own rules
(audit_tables). It may be used to check lawfulness, to monitor oneself, for integrity and in criminal proceedings, and
for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, or_
from sqlalchemy.exc import DBAPIError

from governance.audit.aside import AsideFile, Witness, witness_of
from governance.audit.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from governance.audit.clock import TOLERANCE, dated, require_clock
from governance.audit.entry import Entry, Outcome, Row, iso_moment, read_row, stored_values
from governance.audit.head import HeadFile, LogBrokenError, open_head
from governance.audit.mark import SHORT_LOG_ROWS, MarkFile
from governance.audit.operations import Operation
from governance.audit.queries import about, actions_of_log, done_in, fetch, of_action, of_object
from governance.audit.tables import COLUMNS, audit_log, create_audit_tables, is_complete, rows_of_log
from governance.audit.walk import (
    VerifyReport,
    genuine,
    last_link,
    newest_time,
    require_witnessed,
    verify_from,
    verify_log,
)
from infra.database import writing
from infra.errors import FaultError, RefusedError

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "AuditLog",
    "AuditSession",
    "Entry",
    "LogBrokenError",
    "Operation",
    "Outcome",
    "Row",
    "VerifyReport",
    "open_audit",
]


class AuditSession:
    """Reading and writing while holding the writers' lock: what is read cannot change before what is written."""

    def __init__(self, connection: Connection, head: HeadFile | None, tolerance: timedelta = TOLERANCE) -> None:
        self._connection = connection
        self._seq, self._hash = last_link(connection)
        self._newest = newest_time(connection)
        self._tolerance = tolerance
        self._keys = head.keys if head is not None else None
        self.appended: list[Row] = []
        if head is not None:
            require_witnessed(connection, head, self._seq)

    def append(self, entry: Entry, now: datetime) -> Row:
        """Write the next row; it becomes visible to others when the session ends well.

        Raises:
            RefusedError: The clock lies before the newest entry.
        """
        return self.extend((entry,), now)[0]

    def extend(self, entries: tuple[Entry, ...], now: datetime) -> tuple[Row, ...]:
        """Write the next rows, in order. Raises as `append` does."""
        stored = []
        for entry in entries:
            said, at = dated(entry, self._newest, now, self._tolerance)
            stored.append(stored_values(said, at, self._seq + 1, self._hash, self._keys))
            self._seq, self._hash = stored[-1]["seq"], stored[-1]["hash"]
            self._newest = max(self._newest, stored[-1]["at"])
        if stored:
            self._connection.execute(audit_log.insert(), stored)
        rows = tuple(read_row(tuple(values[name] for name in COLUMNS)) for values in stored)
        self.appended.extend(rows)
        return rows

    def entries(self, model: str, action: str | None = None) -> tuple[Row, ...]:
        """Every row about a model or one of its versions, oldest first; of an action, as `search` takes it."""
        return fetch(self._connection, about(model).where(*of_action(action)))

    def done(self, rocu: str, action: str) -> tuple[Row, ...]:
        """Every row of what was done in a ROCU, oldest first; of an action, as `search` takes it."""
        return fetch(self._connection, done_in(rocu, action))

    def witness_of_aside(self, head: HeadFile) -> Witness:
        """What the log and its head say of the head of what is set aside."""
        return witness_of(self._connection, head)


class AuditLog:
    """The log in one database.

    Args:
        engine: SQLite or PostgreSQL; the table and its rules are made if there is no table yet.
        head: This machine's signed head and keys. Without them rows are neither signed nor checked for a signature,
            and a cut-off end cannot be seen: use `open_audit`.
        tolerance: By how much the clock may lie before the newest entry.
        full_walk: After how long a mark is no longer believed and the whole log is walked again.

    Raises:
        FaultError: The database does not answer.
    """

    def __init__(
        self,
        engine: Engine,
        head: HeadFile | None = None,
        *,
        tolerance: timedelta = TOLERANCE,
        full_walk: timedelta = timedelta(days=1),
    ) -> None:
        self._engine = engine
        self._head = head
        self._tolerance = tolerance
        self._full_walk = full_walk
        self._mark = MarkFile(head.path.with_name("audit-verified.json"), head.keys) if head else None
        self._aside = AsideFile(head.path.with_name("audit-aside.jsonl"), head) if head else None
        with _answering():
            if not is_complete(engine):
                with writing(self._engine) as connection:
                    create_audit_tables(connection)

    @contextmanager
    def writing(self) -> Iterator[AuditSession]:
        """Hold the writers' lock; the rows appended inside become visible together, or not at all.

        Raises:
            LogBrokenError: The log does not hold what the signed head witnesses, or goes on with rows that no trusted
                key signed, so nothing may be added to it.
            FaultError: The database does not answer.
        """
        # what was set aside is told to the log and put away under one lock, which lasts beyond the commit
        with ExitStack() as until_put_away:
            with _answering(), writing(self._engine) as connection:
                session = AuditSession(connection, self._head, self._tolerance)
                yield session
                taken = self._take_up(session, until_put_away) if session.appended else None
            if self._head is not None and session.appended:
                last = session.appended[-1]
                self._head.advance(last.seq, last.hash, last.at)
            if self._aside is not None and taken is not None:
                self._aside.taken(taken)

    def _take_up(self, session: AuditSession, until_put_away: ExitStack) -> Row | None:
        """Tell a log that holds again what it could not take, and what of that is missing."""
        if self._aside is None:
            return None
        until_put_away.enter_context(self._aside.locked())
        witness = session.witness_of_aside(self._aside.log_head)
        waiting = self._aside.summary(witness)
        if not witness.expected:
            self._aside.begin()
        if waiting is not None:
            return session.append(waiting, session.appended[-1].moment)
        # nothing is set aside: a log's head of an earlier release, or from a backup, counts from here on as well
        self._aside.log_head.begin_aside(witness.after)
        return None

    def append(self, entry: Entry, now: datetime) -> Row:
        """Write one row.

        Raises:
            LogBrokenError: The log does not hold what the signed head witnesses, or has rows that nobody trusted
                signed. The entry is set aside.
            RefusedError: The clock lies before the newest entry, and the entry says that something was done.
            FaultError: The database does not answer.
        """
        return self.extend((entry,), now)[0]

    def extend(self, entries: tuple[Entry, ...], now: datetime) -> tuple[Row, ...]:
        """Write several rows together. Raises as `append` does."""
        try:
            with self.writing() as session:
                return session.extend(entries, now)
        except LogBrokenError as broken:
            self.set_aside(entries, broken.reason, now)
            raise

    def set_aside(self, entries: Sequence[Entry], why: str, now: datetime) -> None:
        """Keep entries that a log that does not hold could not take."""
        if self._aside is not None:
            self._aside.add(entries, why, now)

    def waiting_aside(self) -> int:
        """How many entries are set aside until the log holds again."""
        return len(self._aside.lines()) if self._aside is not None else 0

    def aside_problem(self) -> str | None:
        """What was done behind this machine's back to what is set aside, in one sentence; `None` if nothing was."""
        if self._aside is None:
            return None
        with self._aside.locked(), _answering(), self._engine.connect() as connection:
            return self._aside.problem(witness_of(connection, self._aside.log_head))

    def require_clock(self, now: datetime) -> None:
        """Refuse a time before the newest entry.

        Raises:
            RefusedError: The clock was set back, or was once ahead.
            FaultError: The database does not answer.
        """
        with _answering(), self._engine.connect() as connection:
            require_clock(newest_time(connection), now, self._tolerance)

    def entries(self, model: str, action: str | None = None) -> tuple[Row, ...]:
        """Every row about a model or one of its versions, oldest first; of an action, as `search` takes it."""
        with _answering(), self._engine.connect() as connection:
            return fetch(connection, about(model).where(*of_action(action)))

    def done(self, rocu: str, action: str) -> tuple[Row, ...]:
        """Every row of what was done in a ROCU, oldest first; of an action, as `search` takes it."""
        with _answering(), self._engine.connect() as connection:
            return fetch(connection, done_in(rocu, action))

    def believed(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Those of these rows that hash as they did and that a trusted key signed, whatever became of the others.

        For what rests on single rows and is asked so often that the whole log cannot be walked each time.

        Raises:
            FaultError: The database does not answer.
        """
        if self._head is None:
            return tuple(rows)
        with _answering(), self._engine.connect() as connection:
            seqs = genuine(connection, self._head.keys, tuple(row.seq for row in rows))
        return tuple(row for row in rows if row.seq in seqs)

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
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
        any_version: bool = False,
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
            run_id: The run that the details name.
            since: Not before this.
            until: Before this.
            limit: At most so many rows; `None` means all.
            any_version: Rows whose details this program does not know as well, to be looked at.

        Raises:
            RefusedError: This program does not know the form of a row's details.
            FaultError: The database does not answer.
        """
        exact = {"operation": operation, "purpose": purpose, "authority": authority, "outcome": outcome}
        query = rows_of_log() if object is None else of_object(object)
        query = query.where(*(audit_log.c[name] == value for name, value in exact.items() if value is not None))
        query = query.where(*of_action(action))
        if run_id is not None:
            # details are canonical JSON, so this is how the run stands there
            query = query.where(audit_log.c.details.contains(f'"run_id":{json.dumps(run_id)}', autoescape=True))
        if actor is not None:
            query = query.where(or_(audit_log.c.actor == actor, audit_log.c.actor_name == actor))
        if rocus is not None:
            query = query.where(audit_log.c.rocu.in_(sorted(rocus)))
        if since is not None:
            query = query.where(audit_log.c.at >= iso_moment(since))
        if until is not None:
            query = query.where(audit_log.c.at < iso_moment(until))
        with _answering(), self._engine.connect() as connection:
            return fetch(connection, query.order_by(None).order_by(audit_log.c.seq.desc()).limit(limit), any_version)

    def actions(self) -> tuple[str, ...]:
        """Every action that a row has."""
        with _answering(), self._engine.connect() as connection:
            return tuple(connection.scalars(actions_of_log()))

    def verify(self, now: datetime | None = None, against: Sequence[Checkpoint] = ()) -> VerifyReport:
        """Read the whole log, newest head included, and name the first thing that is wrong.

        Args:
            now: The time; with it, `check` need not walk the rows of a long log that holds again for a while.
            against: Checkpoints that were kept elsewhere.

        Raises:
            FaultError: The database does not answer.
        """
        with _answering(), self._engine.connect() as connection:
            report, walked = verify_log(connection, self._head, against)
        if report.intact and report.rows > SHORT_LOG_ROWS and now is not None and self._mark is not None:
            self._mark.write(report.rows, report.head, walked.decisions, now)
        return report

    def check(self, now: datetime) -> VerifyReport:
        """Whether decisions may rest on the log: `verify`, at the price of what is new since it was last walked.

        A long log that was walked in full within a day is walked from there on; before, rows are counted, and those
        that decide something are hashed again. A row that nothing rests on waits for the next full walk.

        Raises:
            FaultError: The database does not answer.
        """
        mark = self._mark.read(now, self._full_walk) if self._mark is not None else None
        if mark is not None and self._head is not None and mark.seq > SHORT_LOG_ROWS:
            with _answering(), self._engine.connect() as connection:
                report = verify_from(connection, self._head, mark)
            if report is not None:
                return report
        return self.verify(now)

    def require_intact(self, now: datetime) -> None:
        """Refuse to rest anything on a log that does not hold, as `check` finds it.

        Raises:
            RefusedError: It does not hold.
            FaultError: The database does not answer.
        """
        problem = self.check(now).problem
        if problem is not None:
            raise RefusedError(
                f"The audit log does not hold: {problem.what}",
                "Tell governance; nothing is decided, shown or scored until then.",
            )

    def checkpoint(self, path: Path, now: datetime) -> Checkpoint:
        """Write where the log stands now to a file, to be kept elsewhere. The caller has verified the log.

        Raises:
            FaultError: The database does not answer, or there is nothing in the log.
        """
        newest = self.search(limit=1)
        if self._head is None or not newest:
            raise FaultError("There is nothing in the audit log yet.", "Make the checkpoint after the first entry.")
        return write_checkpoint(self._head.keys, newest[0], path, now)

    def read_checkpoint(self, path: Path) -> Checkpoint:
        """A checkpoint that was kept elsewhere.

        Raises:
            WrongInputError: The file is no checkpoint.
            RefusedError: It was changed, or its key is not trusted here.
        """
        if self._head is None:
            raise FaultError("This log has no keys to trust.", "Open it as the command line does.")
        return read_checkpoint(self._head.keys, path)


def open_audit(settings: Settings, engine: Engine) -> AuditLog:
    """The log of this installation, watched by this machine's signed head.

    Raises:
        RefusedError: The audit key can be read by others.
        WrongInputError: The audit key file, or a trusted key, does not hold the right kind of key.
        FaultError: The database does not answer.
    """
    return AuditLog(
        engine,
        open_head(settings),
        tolerance=timedelta(seconds=settings.clock_tolerance_s),
        full_walk=timedelta(hours=settings.audit_full_walk_hours),
    )


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise FaultError(
            f"The database of the audit log did not take it: {str(error.orig).splitlines()[0]}.",
            "Check the database and run the same command again; findprofile audit verify tells whether the log holds.",
        ) from error
