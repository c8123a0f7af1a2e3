"""Reads that earlier calls accepted, near in time to reads of this call of the same vehicle.

Only the days and hours that this call touches are looked at, so that one read that comes late, or with a clock gone
wrong, does not bring in all that lies between. Belongs here: which reads are near. Does not: what follows from it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import duckdb

from data_contracts.layers.reads import read_parts_of_days, reads_relation
from infra.lake import Lake

_LEAST_REACH = timedelta(seconds=1)


def make_neighbours(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    table: str,
    own: str,
    reach: timedelta,
    superseded: Collection[str] = (),
) -> None:
    """Make a table of accepted reads; needs `vehicles`.

    Args:
        connection: Where the tables are.
        lake: Where the accepted reads are.
        rocu: Code of the ROCU, lower case.
        table: The new table: batch_id, row_no, vehicle_no, captured_at, camera_id, latitude, longitude. It holds every
            read within `reach` of a read of `own` of the same vehicle, and none that is twice as far from all of them.
        own: A relation, or a query in brackets, with the columns vehicle_no and captured_at.
        reach: How near is near.
        superseded: Ids of records whose reads count for nothing.
    """
    reach = max(reach, _LEAST_REACH)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE hours_near AS
            SELECT DISTINCT unnest(generate_series(
                date_trunc('hour', min(captured_at) - $reach), max(captured_at) + $reach, INTERVAL 1 HOUR)) AS hour
            FROM {own} WHERE captured_at IS NOT NULL GROUP BY date_trunc('hour', captured_at)""",
        {"reach": reach},
    )
    days = {day for (day,) in connection.execute("SELECT DISTINCT hour::DATE FROM hours_near").fetchall()}
    reads_relation(connection, lake, read_parts_of_days(lake, rocu, days, superseded), "reads_of_days")
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE reads_of_hours AS
            SELECT batch_id, row_no, vehicle_no, captured_at, camera_id, latitude, longitude
            FROM reads_of_days SEMI JOIN hours_near ON hour = date_trunc('hour', captured_at)
            JOIN vehicles USING (vehicle)"""
    )
    # intervals as long as the reach: what is near lies in the same one or in the next
    interval = f"(epoch_us(captured_at) // {int(reach.total_seconds() * 1_000_000)})"
    connection.execute(
        f"""CREATE OR REPLACE TABLE {table} AS
            WITH touched AS (
                SELECT DISTINCT vehicle_no, {interval} AS place FROM {own} SEMI JOIN reads_of_hours USING (vehicle_no)),
            around AS (SELECT DISTINCT vehicle_no, place + unnest([-1, 0, 1]) AS place FROM touched)
            FROM reads_of_hours SEMI JOIN around
                ON around.vehicle_no = reads_of_hours.vehicle_no AND around.place = {interval}"""
    )
    connection.execute("DROP VIEW reads_of_days; DROP TABLE reads_of_hours; DROP TABLE hours_near")
