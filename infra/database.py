"""The SQL database of audit log and run state: SQLite in the embedded default, PostgreSQL by its URL.

Belongs here: opening it with the settings that make several processes safe, and one way to write. Does not: any table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import ArgumentError, DBAPIError

from infra.errors import FaultError, WrongInputError
from infra.settings import Settings

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
# any number will do, so long as all writers of this product use the same one
_WRITER_LOCK = 7_214_055_806
_WRITER = "findprofile_writer"
_OTHERS = 0o077
_opened: WeakSet[Engine] = WeakSet()


def open_database(settings: Settings) -> Engine:
    """Open the database of the settings and see that it answers.

    SQLite gets write-ahead logging, a busy timeout and foreign keys, and begins each transaction itself, since the
    driver's own way would begin a writer as a reader. PostgreSQL is used through psycopg.

    Raises:
        WrongInputError: The URL is not one of SQLite or PostgreSQL, or one of SQLite without a file.
        FaultError: The database does not answer, or is not a database.
    """
    url = _database_url(settings)
    if url.get_backend_name() == "sqlite":
        engine = _open_sqlite(url)
    else:
        engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
    _opened.add(engine)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError:
        engine.dispose()
        raise _silent(url) from None
    return engine


def close_databases() -> None:
    """Give back every connection that this process still holds; a database that is used again connects again."""
    for engine in tuple(_opened):
        engine.dispose()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the only writer: what it reads stays true until it commits, on both databases.

    SQLite begins with `BEGIN IMMEDIATE`; PostgreSQL takes an advisory lock that ends with the transaction. It commits
    when the block ends well and rolls back when it does not.

    Raises:
        FaultError: Another writer did not finish within the busy timeout, or the database does not answer.
    """
    with engine.connect() as connection:
        try:
            connection = connection.execution_options(**{_WRITER: True})
            transaction = connection.begin()
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITER_LOCK})
        except DBAPIError:
            raise FaultError(
                "The database is busy or does not answer.", "Wait a moment and run the same command again."
            ) from None
        with transaction:
            yield connection


class _WithHints(SQLiteCompiler):
    """What SQLAlchemy does for other databases: a hint on a table (`with_hint`) stands behind its name."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


def _database_url(settings: Settings) -> URL:
    wrong = WrongInputError(
        "The database URL is neither one of SQLite nor one of PostgreSQL.", "Correct FINDPROFILE_DATABASE_URL."
    )
    try:
        url = make_url(settings.database)
    except (ArgumentError, ValueError):
        # a port that is no number is a ValueError
        raise wrong from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise wrong
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise WrongInputError(
            "The database URL names no file: the audit log would end with the command.",
            "Give the file in FINDPROFILE_DATABASE_URL (sqlite:////path/to/state.db).",
        )
    return url


def _open_sqlite(url: URL) -> Engine:
    file = Path(url.database or "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _make_private(file)
    except OSError:
        raise _silent(url) from None
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    engine.dialect.statement_compiler = _WithHints
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """The file is readable by its owner alone: who trains as another user cannot read the audit log in it.

    SQLite gives the files that it puts beside it the same mode.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    said = path.stat()
    if said.st_mode & _OTHERS and said.st_uid == os.getuid():
        path.chmod(0o600)


def _prepare_sqlite(driver_connection: Any, _record: Any) -> None:
    driver_connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY_SECONDS * 1000}", "journal_mode = WAL", "foreign_keys = ON"):
        driver_connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get(_WRITER, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def _silent(url: URL) -> FaultError:
    where = url.database if url.get_backend_name() == "sqlite" else f"{url.host or 'localhost'}:{url.port or 5432}"
    return FaultError(
        f"The database at {where} does not answer.",
        "Check FINDPROFILE_DATABASE_URL and that the database is up, and run the same command again.",
    )
