"""Duplicate reads: one vehicle at one camera again within seconds, collapsed onto the first and counted.

A read is a duplicate if it lies within the limit of the last accepted read of its vehicle at its camera, in time order,
or of one that an earlier call accepted, before or after it. Belongs here: the table `doubled`. Does not: clones or
misreads, which are different vehicles or texts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

import duckdb
import pyarrow as pa

from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.neighbours import make_neighbours
from infra.engine import cursor_of
from infra.lake import Lake

ROWS_AT_ONCE = 100_000
_DOUBLED = pa.schema([("batch_no", pa.int32()), ("row_no", pa.int64())])


def find_duplicates(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    limits: IngestLimits,
    superseded: Collection[str] = (),
) -> None:
    """Move duplicates from `candidates` to the table `doubled` (batch_no, row_no, vehicle_no, camera_id, captured_at).

    `candidates` has these columns too, and lies in the order of vehicles and times. The outcome does not depend on how
    reads are split over files and calls, as long as calls come in time order. Reads of the `superseded` records count
    for nothing.
    """
    connection.execute("CREATE TABLE twice (batch_no INTEGER, row_no BIGINT)")
    limit = int(limits.duplicate_seconds * 1_000_000)
    reach = timedelta(microseconds=limit)
    if connection.execute("FROM candidates LIMIT 1").fetchone() is not None:
        make_neighbours(connection, lake, rocu, "accepted_before", "candidates", reach, superseded)
        _double_earlier(connection, reach)
        _double_first_seconds(connection, limit)
        _double_long_stays(connection, limit)
        connection.execute("DROP TABLE stays")
    connection.execute(
        """CREATE TABLE doubled AS
            SELECT batch_no, row_no, vehicle_no, camera_id, captured_at
            FROM candidates SEMI JOIN twice USING (batch_no, row_no)"""
    )
    connection.execute(
        "DELETE FROM candidates USING twice"
        " WHERE candidates.batch_no = twice.batch_no AND candidates.row_no = twice.row_no"
    )
    connection.execute("DROP TABLE twice")


def _double_earlier(connection: duckdb.DuckDBPyConnection, reach: timedelta) -> None:
    connection.execute(
        """INSERT INTO twice
            SELECT DISTINCT candidates.batch_no, candidates.row_no FROM candidates JOIN accepted_before AS before
                ON before.vehicle_no = candidates.vehicle_no AND before.camera_id = candidates.camera_id
                AND candidates.captured_at BETWEEN before.captured_at - $reach AND before.captured_at + $reach""",
        {"reach": reach},
    )


def _double_first_seconds(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    """Cut reads that follow closely into stays; double what lies within the limit of a stay's first read.

    Only reads with another of their vehicle near in time are cut, wherever that was: there are few, and they lie beside
    each other. A window without an order of its own takes the rows as they lie. Leaves in `stays` only what comes later
    than a stay's first seconds: rare, and not to be settled by comparing neighbours.
    """
    close = f"to_microseconds({limit})"
    connection.execute(
        f"""CREATE TABLE stays AS
            WITH near AS (
                SELECT batch_no, row_no, vehicle_no, camera_id, captured_at
                FROM (
                    SELECT batch_no, row_no, vehicle_no, camera_id, captured_at,
                        lag(vehicle_no) OVER () AS vehicle_before, lag(captured_at) OVER () AS at_before,
                        lead(vehicle_no) OVER () AS vehicle_after, lead(captured_at) OVER () AS at_after
                    FROM candidates)
                ANTI JOIN twice USING (batch_no, row_no)
                WHERE (vehicle_before = vehicle_no AND epoch_us(captured_at) - epoch_us(at_before) <= {limit})
                    OR (vehicle_after = vehicle_no AND epoch_us(at_after) - epoch_us(captured_at) <= {limit}))
            SELECT batch_no, row_no, vehicle_no, camera_id, captured_at,
                max(CASE WHEN starts THEN captured_at END) OVER (PARTITION BY vehicle_no, camera_id
                    ORDER BY captured_at, batch_no, row_no ROWS UNBOUNDED PRECEDING) AS first_at, starts
            FROM (
                SELECT *, coalesce(captured_at - lag(captured_at) OVER neighbours > {close}, true) AS starts,
                    coalesce(lead(captured_at) OVER neighbours - captured_at > {close}, true) AS ends
                FROM near
                WINDOW neighbours AS (PARTITION BY vehicle_no, camera_id ORDER BY captured_at, batch_no, row_no))
            WHERE NOT (starts AND ends)"""
    )
    connection.execute(
        f"INSERT INTO twice SELECT batch_no, row_no FROM stays WHERE NOT starts AND captured_at - first_at <= {close}"
    )
    connection.execute(f"DELETE FROM stays WHERE starts OR captured_at - first_at <= {close}")


def _double_long_stays(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    writing = cursor_of(connection)
    for block in _later_duplicates(connection, limit):
        writing.register("doubled_now", block)
        writing.execute("INSERT INTO twice SELECT batch_no, row_no FROM doubled_now")
        writing.unregister("doubled_now")
    writing.close()


def _later_duplicates(connection: duckdb.DuckDBPyConnection, limit: int) -> Iterator[pa.Table]:
    reading = cursor_of(connection)
    reading.execute(
        """SELECT vehicle_no, camera_id, epoch_us(captured_at), batch_no, row_no
            FROM stays ORDER BY vehicle_no, camera_id, captured_at, batch_no, row_no"""
    )
    place: tuple[int, str] | None = None
    accepted = 0
    while rows := reading.fetchmany(ROWS_AT_ONCE):
        found = []
        for vehicle, camera, moment, batch_no, row_no in rows:
            if place == (vehicle, camera) and moment - accepted <= limit:
                found.append((batch_no, row_no))
            else:
                place, accepted = (vehicle, camera), moment
        columns = list(zip(*found, strict=True)) or [(), ()]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, _DOUBLED.types, strict=True)]
        yield pa.Table.from_arrays(arrays, schema=_DOUBLED)
    reading.close()
