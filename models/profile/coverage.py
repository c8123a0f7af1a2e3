"""Where and when cameras could not have seen a vehicle: silent cameras, long gaps, ways without cameras.

A camera is silent on a day of the window on which the register has it and no vehicle at all was read at it. That is all
that reads can say: whether it was broken, or simply nothing came by, they do not tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise

import duckdb

from models.features.settings import PatternSettings
from models.places import EARTH_RADIUS_M, STEPS_A_DEGREE
from models.profile.model import Camera, CameraCover, Cell, Coverage, Gap, Place, Read

GAPS_SHOWN = 8
LONG_GAP_S = 24 * 3600
_STEPS_PER_CELL = 4

Valid = Mapping[Camera, frozenset[date]]


def place_key(camera_id: str, latitude: float, longitude: float) -> tuple[str, float, float]:
    """What a place goes by: the camera, and its position as `models.places.on_grid` has it."""
    north, east = (math.floor(degrees * STEPS_A_DEGREE + 0.5) / STEPS_A_DEGREE for degrees in (latitude, longitude))
    return camera_id, north, east


def coverage_of(
    seen: Mapping[str, frozenset[date]],
    valid: Valid,
    reads: Sequence[Read],
    places: Sequence[Place],
    days: Sequence[date],
    settings: PatternSettings,
) -> Coverage:
    """What cameras near its places could have seen.

    Args:
        seen: By camera the days of the window with a read of any vehicle.
        valid: Cameras of the register with the days of the window on which they were registered.
        reads: Of the vehicle, in their total order.
        places: Of the vehicle.
        days: Of the window.
        settings: Side of a grid cell, which is also what counts as near.
    """
    covers = tuple(_covers(seen, valid, reads, places, days, settings.place_km))
    expected = sum(cover.expected for cover in covers)
    silent = sum(cover.silent for cover in covers)
    return Coverage(
        near_km=settings.place_km,
        cameras=covers,
        uptime=(expected - silent) / expected if expected else None,
        gaps=_gaps(reads, covers, days),
        cells=_cells(reads, valid, settings.place_km),
    )


def estate(
    connection: duckdb.DuckDBPyConnection, table: str, days: Sequence[date]
) -> tuple[dict[tuple[str, float, float], Camera], dict[Camera, frozenset[date]]]:
    """The register's cameras by `place_key`, all of them, and those valid in the window with their days.

    A day counts when the camera was registered at any time of it.
    """
    cameras: dict[tuple[str, float, float], Camera] = {}
    valid: dict[Camera, frozenset[date]] = {}
    rows = connection.execute(
        f"""SELECT camera_id, site_id, latitude, longitude, coalesce(force, ''), coalesce(kind, ''), coalesce(road, ''),
                valid_from, valid_to FROM {table} ORDER BY camera_id, valid_from"""
    ).fetchall()
    for *named, valid_from, valid_to in rows:
        camera = Camera(*named)
        cameras[place_key(camera.camera_id, camera.latitude, camera.longitude)] = camera
        held = frozenset(day for day in days if _holds(day, valid_from, valid_to))
        if held:
            valid[camera] = valid.get(camera, frozenset()) | held
    return cameras, valid


def _holds(day: date, valid_from: datetime, valid_to: datetime | None) -> bool:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None)
    return valid_from.date() <= day and (valid_to is None or valid_to > begin)


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two positions (latitude, longitude in degrees)."""
    a, b = math.radians(one[0]), math.radians(other[0])
    half = math.radians(other[1] - one[1]) / 2
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def _covers(
    seen: Mapping[str, frozenset[date]],
    valid: Valid,
    reads: Sequence[Read],
    places: Sequence[Place],
    days: Sequence[date],
    near_km: int,
) -> list[CameraCover]:
    saw = {read.camera.camera_id for read in reads}
    found = []
    for camera, held in valid.items():
        distance, place = min((_distance(camera, place.anchor), place.number) for place in places)
        if distance > near_km * 1000 and camera.camera_id not in saw:
            continue
        with_reads = seen.get(camera.camera_id, frozenset())
        states = tuple("unregistered" if day not in held else "seen" if day in with_reads else "silent" for day in days)
        found.append(CameraCover(camera, place, states, camera.camera_id in saw))
    return sorted(found, key=lambda cover: (-cover.silent, not cover.saw_it, cover.place, cover.camera.camera_id))


def _distance(one: Camera, other: Camera) -> float:
    return metres_between((one.latitude, one.longitude), (other.latitude, other.longitude))


def _gaps(reads: Sequence[Read], covers: Sequence[CameraCover], days: Sequence[date]) -> tuple[Gap, ...]:
    """The longest times of a day or more without a read, longest first."""
    found = []
    for one, other in pairwise(reads):
        if (other.at - one.at).total_seconds() < LONG_GAP_S:
            continue
        during = [number for number, day in enumerate(days) if one.at.date() <= day <= other.at.date()]
        ends = {one.place, other.place}
        silent = sum(cover.place in ends and any(cover.days[n] == "silent" for n in during) for cover in covers)
        found.append(Gap(one.at, other.at, one.place, other.place, silent))
    return tuple(sorted(found, key=lambda gap: gap.since - gap.until)[:GAPS_SHOWN])


def _cells(reads: Sequence[Read], valid: Valid, place_km: int) -> tuple[Cell, ...]:
    """The grid cells on the straight ways between reads in a row of one journey, with how many cameras each holds."""
    legs = {(one.camera, other.camera) for one, other in pairwise(reads) if not other.starts}
    crossed = {cell_of(read.camera.latitude, read.camera.longitude, place_km) for read in reads}
    for one, other in legs:
        steps = 1 + int(_distance(one, other) / (place_km * 1000)) * _STEPS_PER_CELL
        for step in range(steps + 1):
            share = step / steps
            crossed.add(
                cell_of(
                    one.latitude + share * (other.latitude - one.latitude),
                    one.longitude + share * (other.longitude - one.longitude),
                    place_km,
                )
            )
    cameras = [cell_of(camera.latitude, camera.longitude, place_km) for camera in valid]
    return tuple(Cell(*corners(*cell, place_km), cameras.count(cell)) for cell in sorted(crossed))


def cell_of(latitude: float, longitude: float, place_km: int) -> tuple[int, int]:
    """Row and column of the pattern's grid, as `models.places.place_table` lays it."""
    side = math.degrees(place_km * 1000 / EARTH_RADIUS_M)
    row = math.floor(latitude / side)
    return row, math.floor(longitude * math.cos(math.radians((row + 0.5) * side)) / side)


def corners(row: int, column: int, place_km: int) -> tuple[float, float, float, float]:
    """South, west, north, east of a grid cell, in degrees."""
    side = math.degrees(place_km * 1000 / EARTH_RADIUS_M)
    width = side / max(1e-9, abs(math.cos(math.radians((row + 0.5) * side))))
    return row * side, column * width, (row + 1) * side, (column + 1) * width
