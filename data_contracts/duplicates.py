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

from data_contracts.limits import IngestLimits
from data_contracts.neighbours import make_neighbours
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
    """Make the table `doubled` (batch_no, row_no) from `candidates` (these, vehicle_no, camera_id, captured_at).

    The outcome does not depend on how reads are split over files and calls, as long as calls come in time order.
    Reads of the `superseded` records count for nothing.
    """
    connection.execute("CREATE TABLE doubled (batch_no INTEGER, row_no BIGINT)")
    if connection.execute("FROM candidates LIMIT 1").fetchone() is None:
        return
    limit = int(limits.duplicate_seconds * 1_000_000)
    reach = timedelta(microseconds=limit)
    make_neighbours(connection, lake, rocu, "accepted_before", "candidates", reach, superseded)
    _double_earlier(connection, reach)
    _double_first_seconds(connection, limit)
    _double_long_stays(connection, limit)
    connection.execute("DROP TABLE stays")


def _double_earlier(connection: duckdb.DuckDBPyConnection, reach: timedelta) -> None:
    connection.execute(
        """INSERT INTO doubled
            SELECT DISTINCT candidates.batch_no, candidates.row_no FROM candidates JOIN accepted_before AS before
                ON before.vehicle_no = candidates.vehicle_no AND before.camera_id = candidates.camera_id
                AND candidates.captured_at BETWEEN before.captured_at - $reach AND before.captured_at + $reach""",
        {"reach": reach},
    )


def _double_first_seconds(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    """Cut reads that follow closely into stays; double what lies within the limit of a stay's first read.

    Only reads with another of their vehicle near in time are cut, wherever that was: there are few, and to find them
    costs less than to order all reads by camera too. Leaves in `stays` only what comes later than a stay's first
    seconds: rare, and not to be settled by comparing neighbours.
    """
    close = f"to_microseconds({limit})"
    connection.execute(
        f"""CREATE TABLE stays AS
            WITH near AS (
                SELECT batch_no, row_no, vehicle_no, camera_id, captured_at
                FROM candidates ANTI JOIN doubled USING (batch_no, row_no)
                WINDOW beside AS (PARTITION BY vehicle_no ORDER BY captured_at)
                QUALIFY epoch_us(captured_at) - epoch_us(lag(captured_at) OVER beside) <= {limit}
                    OR epoch_us(lead(captured_at) OVER beside) - epoch_us(captured_at) <= {limit})
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
        f"INSERT INTO doubled SELECT batch_no, row_no FROM stays WHERE NOT starts AND captured_at - first_at <= {close}"
    )
    connection.execute(f"DELETE FROM stays WHERE starts OR captured_at - first_at <= {close}")


def _double_long_stays(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    writing = connection.cursor()
    for block in _later_duplicates(connection, limit):
        writing.register("doubled_now", block)
        writing.execute("INSERT INTO doubled SELECT batch_no, row_no FROM doubled_now")
        writing.unregister("doubled_now")
    writing.close()


def _later_duplicates(connection: duckdb.DuckDBPyConnection, limit: int) -> Iterator[pa.Table]:
    reading = connection.cursor()
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
