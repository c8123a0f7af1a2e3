"""The parts that an ingest leaves: reads by day, one quarantine part, one part of each other layer.

Each is placed whole under a name that depends on the call's content alone, so that a call that was stopped and is run
again writes the same names. None exists for a reader until the record names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

from data_contracts.layers.manifests import Layer, PartRef
from data_contracts.layers.reads import READS_COLUMNS
from infra.engine import literal
from infra.lake import Lake, file_sha256, placed

ONE_DAY = timedelta(days=1)
ROWS_IN_A_PART = 1_250_000
LARGE_DAY = 0.05  # share of the reads of a call
LARGE_DAYS_TOGETHER = 4
# as small as the defaults, for two thirds of the work: tokens are given up on sooner as a dictionary
_WRITTEN = (
    "FORMAT parquet, PARQUET_VERSION 'V2', COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 5000, "
    "WRITE_BLOOM_FILTER false"
)
QUARANTINE_COLUMNS = {
    "batch_id": "VARCHAR",
    "row_no": "BIGINT",
    "rules": "VARCHAR[]",
    "vehicle": "VARCHAR",
    "camera_id": "VARCHAR",
    "captured_at": "TIMESTAMP",
    "feed_id": "VARCHAR",
}


def write_reads(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str, contract_version: str
) -> tuple[PartRef, ...]:
    """Write the relation `accepted` (the reads layer, but for the version), by UTC day of capture.

    Each part is in the order of vehicles, times and cameras. So is `candidates`, which it is drawn from; sorting again
    what lies in order costs little, and joins do not keep it. A day with many reads is several parts, one after another
    in the order of vehicles, so that no sort outgrows memory. Of several such days a range of vehicles is looked up
    once for all of them: what does not fit into memory would be read back for each.
    """
    days: list[tuple[date, int]] = connection.execute(
        "SELECT captured_at::DATE AS day, count(*) FROM candidates GROUP BY day ORDER BY day"
    ).fetchall()
    ((vehicles,),) = connection.execute("SELECT count(*) FROM vehicles").fetchall()
    _make_written(connection, contract_version)
    parts: list[PartRef] = []
    for together in _days_together(days):
        number = -(-max(rows for _, rows in together) // ROWS_IN_A_PART)
        for place in range(number):
            within = vehicles * place // number + 1, vehicles * (place + 1) // number
            relation = _rows_of(connection, [day for day, _ in together], within)
            for day, _ in together:
                name = f"{part_id}{f'-{place + 1}' if place else ''}.parquet"
                path = lake.folder("reads", rocu, date=day.isoformat()) / name
                written = _place(connection, lake, path, "reads", _part_of_day(relation, day, within))
                parts += (part.model_copy(update={"date": day}) for part in written)
    connection.execute("DROP TABLE IF EXISTS rows_of_days; DROP VIEW written")
    return tuple(sorted(parts, key=lambda part: part.path))


def _make_written(connection: duckdb.DuckDBPyConnection, contract_version: str) -> None:
    """Make the view `written`: the columns of the reads layer and vehicle_no.

    Texts that many rows have in common stay codes, which a Parquet file has as well: to write them as such takes a
    third of the time. The types of the call would not do: each part holds all texts of a type, and those have texts of
    rows that were not accepted.
    """
    kinds = {name: kind for name, kind, *_ in connection.execute("DESCRIBE candidates").fetchall()}
    coded = [name for name in ("camera_id", "feed_id", "source_id") if kinds[name].startswith("ENUM")]
    if coded:
        connection.execute(f"CREATE TABLE ids_written AS SELECT DISTINCT {', '.join(coded)} FROM candidates")
    for name in coded:
        texts = f"SELECT DISTINCT {name} AS code, {name}::VARCHAR AS text FROM ids_written WHERE {name} IS NOT NULL"
        connection.execute(
            f"""CREATE TYPE {name}_written AS ENUM (SELECT text FROM ({texts}) ORDER BY text);
                CREATE TABLE {name}_texts AS SELECT code, text::{name}_written AS text FROM ({texts})"""
        )
    connection.execute(f"CREATE TYPE contract_version_written AS ENUM ({literal(contract_version)})")
    columns = {name: f"accepted.{name}" for name in (*READS_COLUMNS, "vehicle_no")}
    columns |= {name: f"{name}_texts.text" for name in coded}
    columns["contract_version"] = f"{literal(contract_version)}::contract_version_written"
    joined = " ".join(f"LEFT JOIN {name}_texts ON {name}_texts.code = accepted.{name}" for name in coded)
    listed = ", ".join(f"{column} AS {name}" for name, column in columns.items())
    connection.execute(f"CREATE VIEW written AS SELECT {listed} FROM accepted {joined}")


def _rows_of(connection: duckdb.DuckDBPyConnection, days: Sequence[date], within: tuple[int, int]) -> str:
    """Where the rows of some days and of a range of vehicles are: in a table of their own, if days are several."""
    if len(days) == 1:
        return "written"
    listed = ", ".join(literal(day.isoformat()) for day in days)
    # of many days each looks at its own rows only; to sort few days costs more than it saves
    order = "ORDER BY captured_at::DATE, vehicle_no" if len(days) > LARGE_DAYS_TOGETHER else ""
    connection.execute(
        f"""CREATE OR REPLACE TABLE rows_of_days AS FROM written
            WHERE captured_at::DATE IN ({listed}) AND vehicle_no BETWEEN {within[0]} AND {within[1]} {order}"""
    )
    return "rows_of_days"


def _part_of_day(relation: str, day: date, within: tuple[int, int]) -> str:
    return f"""SELECT {", ".join(READS_COLUMNS)} FROM {relation}
        WHERE captured_at >= TIMESTAMP '{day}' AND captured_at < TIMESTAMP '{day + ONE_DAY}'
            AND vehicle_no BETWEEN {within[0]} AND {within[1]}
        ORDER BY vehicle_no, captured_at, camera_id"""


def _days_together(days: Sequence[tuple[date, int]]) -> Iterator[list[tuple[date, int]]]:
    """Days with many of the reads a few of a like size at a time, the others as many as fit into memory."""
    least = LARGE_DAY * sum(rows for _, rows in days)
    alike: list[tuple[date, int]] = []
    for day, rows in sorted(days, key=lambda one: (-one[1], one[0])):
        if rows < least:
            break
        if alike and (len(alike) == LARGE_DAYS_TOGETHER or 2 * rows < alike[0][1]):
            yield alike
            alike = []
        alike.append((day, rows))
    if alike:
        yield alike
    small: list[tuple[date, int]] = []
    for day, rows in days:
        if rows >= least:
            continue
        if small and sum(held for _, held in small) + rows > ROWS_IN_A_PART:
            yield small
            small = []
        small.append((day, rows))
    if small:
        yield small


def write_quarantine(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str, expired: str | None = None
) -> tuple[PartRef, ...]:
    """Write the relation `set_apart` (columns of the quarantine layer) as one part; none if it is empty.

    Of rows in the table `expired` (batch_no, row_no) only which they are and the rules that they broke are written.
    """
    gone = f"SELECT batch_id, row_no, true AS gone FROM {expired} JOIN named USING (batch_no)"
    if expired is None:
        gone = "SELECT NULL::VARCHAR AS batch_id, NULL::BIGINT AS row_no, NULL::BOOLEAN AS gone WHERE false"
    columns = ", ".join(
        name if name in ("batch_id", "row_no", "rules") else f"CASE WHEN gone IS NULL THEN {name} END AS {name}"
        for name in QUARANTINE_COLUMNS
    )
    query = f"""SELECT {columns} FROM set_apart
        LEFT JOIN ({gone}) USING (batch_id, row_no) ORDER BY batch_id, row_no"""
    return write_table(connection, lake, lake.folder("quarantine", rocu) / f"{part_id}.parquet", "quarantine", query)


def write_table(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    path: Path,
    layer: Layer,
    query: str,
) -> tuple[PartRef, ...]:
    """Write the answer of a query as one part; none if it is empty. What is kept as codes is written as text."""
    columns = connection.execute(f"DESCRIBE {query}").fetchall()
    coded = ", ".join(f"{name}::VARCHAR AS {name}" for name, kind, *_ in columns if kind.startswith("ENUM"))
    return _place(connection, lake, path, layer, f"SELECT * REPLACE ({coded}) FROM ({query})" if coded else query)


def _place(
    connection: duckdb.DuckDBPyConnection, lake: Lake, path: Path, layer: Layer, query: str
) -> tuple[PartRef, ...]:
    with placed(path) as temporary:
        target = literal(str(temporary))
        ((rows,),) = connection.execute(f"COPY ({query}) TO {target} ({_WRITTEN})").fetchall()
    if rows == 0:
        path.unlink()
        return ()
    return (_reference(lake, path, layer, rows),)


def _reference(lake: Lake, path: Path, layer: Layer, rows: int) -> PartRef:
    return PartRef(layer=layer, path=lake.relative(path), sha256=file_sha256(path), rows=rows)
