"""The authorised area of a region, as SQL: whether a position lies inside a polygon.

Belongs here: the polygon. Does not: which area a region has (its policy), what happens to reads outside (the contract).
"""

from __future__ import annotations

from collections.abc import Sequence


def inside(area: Sequence[tuple[float, float]] | None, latitude: str, longitude: str) -> str:
    """SQL for whether a position lies inside; true if there is no area, NULL if there is no position.

    Counts how often a line to the east crosses the border (even-odd rule), with straight borders in degrees: right to a
    few metres between corners that are a few kilometres apart.

    Args:
        area: Corners, (longitude, latitude), in order; the last is joined to the first.
        latitude: SQL of the position's latitude.
        longitude: SQL of its longitude.
    """
    if area is None:
        return "true"
    crossed = " + ".join(
        f"(CASE WHEN {longitude} < {x1!r} + ({x2 - x1!r}) * ({latitude} - {y1!r}) / ({y2 - y1!r}) "
        f"AND ({latitude} < {y1!r}) <> ({latitude} < {y2!r}) THEN 1 ELSE 0 END)"
        for (x1, y1), (x2, y2) in zip(area, (*area[1:], area[0]), strict=True)
        if y1 != y2
    )
    return f"CASE WHEN {latitude} IS NOT NULL AND {longitude} IS NOT NULL THEN ({crossed}) % 2 = 1 END"
