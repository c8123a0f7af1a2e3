"""DuckDB connections with the limits of the settings: threads, memory, spill folder, UTC, no outside extensions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from infra.settings import Settings


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def parquet_list(paths: Iterable[Path | str]) -> str:
    """Paths as SQL writes a list of them, for `read_parquet`."""
    return f"[{', '.join(literal(str(path)) for path in paths)}]"


def open_engine(settings: Settings, database: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open DuckDB, in memory or on a file.

    Args:
        settings: Gives threads, memory limit and the spill folder.
        database: A database file; `None` keeps it in memory.
    """
    spill = settings.root / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        str(database) if database else ":memory:",
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def is_disk_full(error: BaseException) -> bool:
    """Whether DuckDB stopped because the disk is full, of which it tells in words alone."""
    return "no space left" in str(error).lower()


def cursor_of(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A cursor with the database that the connection uses; cursors as such begin with the first one."""
    cursor = connection.cursor()
    ((database,),) = connection.execute("SELECT current_database()").fetchall()
    cursor.execute(f'USE "{database}"')
    return cursor
