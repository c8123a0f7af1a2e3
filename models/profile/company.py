"""Co-travellers: vehicles read at both cameras of its legs at about the same times, and how many by habit alone.

A leg is two reads in a row of one journey in different grid cells. `by_habit` asks how often the same two vehicles
would have met if each had kept its hours but on other days: a commuter of the same road and hour meets it by habit, a
vehicle that goes with it does not. Nothing here says that two vehicles belong together.
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
    WITH near AS (
        SELECT legs.leg, legs.day, legs.second_2, reads.vehicle, reads.second FROM legs
        JOIN seconds AS reads ON reads.camera_id = legs.camera_1 AND reads.vehicle <> $vehicle
            AND reads.second BETWEEN legs.second_1 - $within AND legs.second_1 + $within)
    SELECT near.vehicle, count(DISTINCT near.leg), count(DISTINCT near.day) FROM near
    JOIN legs USING (leg)
    JOIN seconds AS reads ON reads.vehicle = near.vehicle AND reads.camera_id = legs.camera_2
        AND reads.second BETWEEN legs.second_2 - $within AND legs.second_2 + $within
    GROUP BY near.vehicle HAVING count(DISTINCT near.leg) >= 2 ORDER BY 2 DESC, 3 DESC, 1"""

_BY_HABIT = """
    WITH at_first AS (
        SELECT legs.leg, legs.camera_2, legs.second_2 % 86400 AS of_day_2, reads.vehicle,
            reads.second // 86400 AS other_day FROM legs
        JOIN seconds AS reads ON reads.camera_id = legs.camera_1 AND reads.vehicle IN (SELECT vehicle FROM chosen)
            AND reads.second // 86400 <> legs.second_1 // 86400
            AND abs(reads.second % 86400 - legs.second_1 % 86400) <= $within),
    met AS (
        SELECT DISTINCT at_first.vehicle, leg, other_day FROM at_first
        JOIN seconds AS reads ON reads.vehicle = at_first.vehicle AND reads.camera_id = at_first.camera_2
            AND reads.second // 86400 = at_first.other_day
            AND abs(reads.second % 86400 - at_first.of_day_2) <= $within)
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
