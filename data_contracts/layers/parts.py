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
    in the order of vehicles, so that no sort outgrows memory.
    """
    days: list[tuple[date, int]] = connection.execute(
        "SELECT captured_at::DATE AS day, count(*) FROM candidates GROUP BY day ORDER BY day"
    ).fetchall()
    ((vehicles,),) = connection.execute("SELECT count(*) FROM vehicles").fetchall()
    parts: list[PartRef] = []
    for together in _days_together(days):
        relation = "accepted" if len(together) == 1 else "accepted_of_days"
        if len(together) > 1:
            listed = ", ".join(f"DATE '{day}'" for day, _ in together)
            connection.execute(
                f"""CREATE OR REPLACE TABLE accepted_of_days AS
                    FROM accepted WHERE captured_at::DATE IN ({listed}) ORDER BY captured_at::DATE, vehicle_no"""
            )
        for day, rows in together:
            number = -(-rows // ROWS_IN_A_PART)
            folder = lake.folder("reads", rocu, date=day.isoformat())
            for place in range(number):
                first, last = vehicles * place // number + 1, vehicles * (place + 1) // number
                query = _part_of_day(relation, day, first, last, contract_version)
                path = folder / f"{part_id}{f'-{place + 1}' if place else ''}.parquet"
                written = write_table(connection, lake, path, "reads", query)
                parts += (part.model_copy(update={"date": day}) for part in written)
    connection.execute("DROP TABLE IF EXISTS accepted_of_days")
    return tuple(sorted(parts, key=lambda part: part.path))


def _part_of_day(relation: str, day: date, first: int, last: int, contract_version: str) -> str:
    columns = (f"'{contract_version}' AS {name}" if name == "contract_version" else name for name in READS_COLUMNS)
    return f"""SELECT {", ".join(columns)} FROM {relation}
        WHERE captured_at >= TIMESTAMP '{day}' AND captured_at < TIMESTAMP '{day + ONE_DAY}'
            AND vehicle_no BETWEEN {first} AND {last}
        ORDER BY vehicle_no, captured_at, camera_id"""


def _days_together(days: Sequence[tuple[date, int]]) -> Iterator[list[tuple[date, int]]]:
    """Days with many of the reads alone, each worth a look at all of them; the others as many as fit into memory."""
    large = LARGE_DAY * sum(rows for _, rows in days)
    small: list[tuple[date, int]] = []
    for day, rows in days:
        if rows >= large:
            yield [(day, rows)]
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
    whole = f"SELECT * REPLACE ({coded}) FROM ({query})" if coded else query
    with placed(path) as temporary:
        target = literal(str(temporary))
        ((rows,),) = connection.execute(f"COPY ({whole}) TO {target} ({_WRITTEN})").fetchall()
    if rows == 0:
        path.unlink()
        return ()
    return (_reference(lake, path, layer, rows),)


def _reference(lake: Lake, path: Path, layer: Layer, rows: int) -> PartRef:
    return PartRef(layer=layer, path=lake.relative(path), sha256=file_sha256(path), rows=rows)
