"""Co-travellers: vehicles read at both cameras of its legs at about the same times, and how many by habit alone.

A leg is two reads in a row of one journey in different grid cells. `by_habit` asks how often the same two vehicles
would have met if each had kept its hours but on other days: a commuter of the same road and hour meets it by habit, a
vehicle that goes with it does not. Nothing here says that two vehicles belong together. Times are joined by buckets of
the allowed seconds, so that a plate which is read all the time costs no more than its reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import duckdb
import pyarrow as pa

from models.features.settings import PatternSettings
from models.profile.model import Companion, Read

SHOWN = 20

_TOGETHER = """
    WITH shifts AS (SELECT unnest([-1, 0, 1]) AS shift),
    begun AS (SELECT *, second_1 // $within + shift AS bucket FROM legs, shifts),
    near AS (
        SELECT DISTINCT begun.leg, begun.day, begun.camera_2, begun.second_2, reads.vehicle FROM begun
        JOIN seconds AS reads ON reads.camera_id = begun.camera_1 AND reads.second // $within = begun.bucket
        WHERE reads.vehicle <> $vehicle AND abs(reads.second - begun.second_1) <= $within),
    ended AS (SELECT *, second_2 // $within + shift AS bucket FROM near, shifts)
    SELECT ended.vehicle, count(DISTINCT ended.leg), count(DISTINCT ended.day) FROM ended
    JOIN seconds AS reads ON reads.vehicle = ended.vehicle AND reads.camera_id = ended.camera_2
        AND reads.second // $within = ended.bucket
    WHERE abs(reads.second - ended.second_2) <= $within
    GROUP BY ended.vehicle HAVING count(DISTINCT ended.leg) >= 2 ORDER BY 2 DESC, 3 DESC, 1"""

_BY_HABIT = """
    WITH shifts AS (SELECT unnest([-1, 0, 1]) AS shift),
    begun AS (
        SELECT leg, camera_1, camera_2, second_1 // 86400 AS own_day, second_1 % 86400 AS of_day_1,
            second_2 % 86400 AS of_day_2, second_1 % 86400 // $within + shift AS bucket FROM legs, shifts),
    theirs AS (
        SELECT vehicle, camera_id, second // 86400 AS day, second % 86400 AS of_day,
            second % 86400 // $within AS bucket FROM seconds WHERE vehicle IN (SELECT vehicle FROM chosen)),
    at_first AS (
        SELECT DISTINCT begun.leg, begun.camera_2, begun.of_day_2, reads.vehicle, reads.day FROM begun
        JOIN theirs AS reads ON reads.camera_id = begun.camera_1 AND reads.bucket = begun.bucket
        WHERE reads.day <> begun.own_day AND abs(reads.of_day - begun.of_day_1) <= $within),
    ended AS (SELECT *, of_day_2 // $within + shift AS bucket FROM at_first, shifts),
    met AS (
        SELECT DISTINCT ended.vehicle, ended.leg, ended.day FROM ended
        JOIN theirs AS reads ON reads.vehicle = ended.vehicle AND reads.camera_id = ended.camera_2
            AND reads.day = ended.day AND reads.bucket = ended.bucket
        WHERE abs(reads.of_day - ended.of_day_2) <= $within)
    SELECT vehicle, count(*) FROM met GROUP BY vehicle"""


def companions_of(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    vehicle: str,
    reads: Sequence[Read],
    days: Sequence[date],
    settings: PatternSettings,
) -> tuple[Companion, ...]:
    """Vehicles with at least `co_travel_legs` legs together on `co_travel_days` days, most legs first.

    Args:
        connection: On which the view is.
        view: Reads of all vehicles in the window.
        vehicle: Whose companions are wanted.
        reads: Of that vehicle, in their total order.
        days: The days of the window.
        settings: Seconds, legs and days that count as together.
    """
    legs = _legs(reads)
    if not legs.num_rows:
        return ()
    connection.register("legs", legs)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE seconds AS
            SELECT vehicle, camera_id, epoch(date_trunc('second', captured_at))::BIGINT AS second FROM {view}
            WHERE camera_id IN (SELECT camera_1 FROM legs UNION SELECT camera_2 FROM legs)"""
    )
    given = {"within": settings.co_travel_seconds}
    together = connection.execute(_TOGETHER, given | {"vehicle": vehicle}).fetchall()
    counted = [row for row in together if row[1] >= settings.co_travel_legs and row[2] >= settings.co_travel_days]
    chosen = counted[:SHOWN]
    connection.register("chosen", pa.table({"vehicle": pa.array([row[0] for row in chosen], pa.string())}))
    habits = dict(connection.execute(_BY_HABIT, given).fetchall())
    others = len(days) - 1
    return tuple(
        Companion(other, legs, on, habits.get(other, 0) / others if others else None) for other, legs, on in chosen
    )


def _legs(reads: Sequence[Read]) -> pa.Table:
    rows = [
        {
            "leg": number,
            "day": other.at.date().toordinal(),
            "camera_1": one.camera.camera_id,
            "camera_2": other.camera.camera_id,
            "second_1": int(one.at.timestamp()),
            "second_2": int(other.at.timestamp()),
        }
        for number, (one, other) in enumerate(pairwise(reads))
        if not other.starts and other.place != one.place
    ]
    kinds = {"camera_1": pa.string(), "camera_2": pa.string()}
    names = ("leg", "day", "camera_1", "camera_2", "second_1", "second_2")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.int64())) for name in names]))
