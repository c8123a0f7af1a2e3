"""Duplicate reads: one vehicle at one camera again within seconds, collapsed onto the first and counted.

Compared are the accepted reads of the call, in their order, and the reads accepted before. Belongs here: the table
`doubled`. Does not: clones or misreads, which are different vehicles or texts.
"""

from __future__ import annotations

from datetime import timedelta

import duckdb

from data_contracts.limits import IngestLimits
from data_contracts.reads import read_parts, reads_relation
from infra.lake import Lake


def find_duplicates(connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, limits: IngestLimits) -> None:
    """Make the table `doubled` (batch_no, row_no) from `candidates` (these, vehicle_no, camera_id, captured_at).

    A candidate is a duplicate if it lies within the limit of the read before it (of the same vehicle and camera), or of
    one that was accepted by an earlier call, before or after it.
    """
    connection.execute("CREATE TABLE doubled (batch_no INTEGER, row_no BIGINT)")
    span = connection.execute("SELECT min(captured_at), max(captured_at) FROM candidates").fetchone()
    if span is None or span[0] is None:
        return
    reach = timedelta(seconds=limits.duplicate_seconds)
    earlier = read_parts(lake, rocu, (span[0] - reach).date(), (span[1] + reach).date())
    reads_relation(connection, lake, earlier, "reads_before")
    connection.execute(
        """CREATE TABLE accepted_before AS
            SELECT vehicle_no, camera_id, captured_at FROM reads_before JOIN vehicles USING (vehicle)
            WHERE captured_at BETWEEN ? AND ?""",
        [span[0] - reach, span[1] + reach],
    )
    close = f"to_microseconds({int(limits.duplicate_seconds * 1_000_000)})"
    connection.execute(
        f"""INSERT INTO doubled
            SELECT batch_no, row_no FROM (
                SELECT batch_no, row_no, captured_at, lag(captured_at) OVER (
                    PARTITION BY vehicle_no, camera_id ORDER BY captured_at, batch_no, row_no) AS previous
                FROM candidates)
            WHERE captured_at - previous <= {close}
            UNION
            SELECT batch_no, row_no FROM candidates JOIN accepted_before AS before
                ON before.vehicle_no = candidates.vehicle_no AND before.camera_id = candidates.camera_id
                AND candidates.captured_at BETWEEN before.captured_at - {close} AND before.captured_at + {close}"""
    )
