"""DuckDB connections with the limits of the settings: threads, memory, spill folder, UTC, no outside extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb

from infra.settings import Settings

T = TypeVar("T")


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


def in_order(
    connection: duckdb.DuckDBPyConnection, jobs: Sequence[Callable[[duckdb.DuckDBPyConnection], T]]
) -> list[T]:
    """Run jobs side by side, each on one thread, so that the rows of each keep the order of the table on the far left.

    A query on several threads keeps it too, but not through a join. Here the left side of each join streams past the
    right one.

    Args:
        connection: Says how many threads there are; its other queries share them meanwhile.
        jobs: Called with a cursor each.

    Returns:
        What they returned, in their order.
    """
    ((threads, disabled),) = connection.execute(
        "SELECT current_setting('threads'), current_setting('disabled_optimizers')"
    ).fetchall()
    connection.execute("SET threads = 1")
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda job: _with_cursor(connection, job), jobs))
    finally:
        connection.execute(f"SET disabled_optimizers = '{disabled}'")
        connection.execute(f"SET threads = {threads}")


def _with_cursor(connection: duckdb.DuckDBPyConnection, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    with connection.cursor() as cursor:
        return job(cursor)
