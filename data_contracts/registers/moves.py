"""Moves of cameras that the register states: a row whose place lies farther from that before it than positions may err.

What a camera reads at another place is another camera's past. Rows that change only the force, the pole or the end, or
the place by less, are no move. Belongs here: what a move is. Does not: a camera whose place is wrong (health).
"""

from __future__ import annotations

EARTH_RADIUS_M = 6_371_008.8


def stays_of(table: str, tolerance_m: float) -> str:
    """SQL for the rows of a register, each with `stay`: 0 at a camera's first place, 1 at its second, and so on.

    Args:
        table: A table like `register`.
        tolerance_m: Metres by which the positions of one place may differ; the policy's `position_tolerance_m`.
    """
    away = f"""2 * {EARTH_RADIUS_M} * asin(least(1, sqrt(
        pow(sin(radians(latitude - latitude_before) / 2), 2) + cos(radians(latitude)) * cos(radians(latitude_before))
            * pow(sin(radians(longitude - longitude_before) / 2), 2))))"""
    return f"""(SELECT * EXCLUDE (latitude_before, longitude_before),
            count(*) FILTER ({away} > {tolerance_m}) OVER (PARTITION BY camera_id ORDER BY valid_from) AS stay
        FROM (SELECT *, lag(latitude) OVER way AS latitude_before, lag(longitude) OVER way AS longitude_before
            FROM {table} WINDOW way AS (PARTITION BY camera_id ORDER BY valid_from)))"""
