"""Reads, places, journeys and trips of one vehicle: the product's own expressions, run over its reads alone.

Place numbers, cells and ties keep their order when other vehicles are left out, so what is found here is what the
windows of all vehicles hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import duckdb
import ibis

from models.features.engines import Plan
from models.features.layers import span_of
from models.features.named_span import named_span, values_of
from models.features.settings import PatternSettings
from models.features.stays import base_table, pass_table, placed_stays, reached_table, stay_table
from models.features.trips import trip_table
from models.journeys import (
    journey_table,
    journeys,
    move_table,
    number_batches,
    number_reads,
    number_vehicles,
)
from models.places import kept_places
from models.profile.coverage import place_key
from models.profile.model import Camera, Journey, Place, Read, Trip
from models.windows import READS, windows_of_given

Register = Mapping[tuple[str, float, float], Camera]


@dataclass(frozen=True)
class Travel:
    """What one vehicle's reads say of its travel; `place` is the place of a camera's position."""

    reads: tuple[Read, ...]
    places: tuple[Place, ...]
    base: int
    journeys: tuple[Journey, ...]
    trips: tuple[Trip, ...]
    window: dict[str, Any]


def moment(second: float) -> datetime:
    """An epoch second as an aware UTC time."""
    return datetime.fromtimestamp(second, UTC)


@dataclass(frozen=True)
class _Steps:
    """The statements of any one vehicle's travel, of which the last gives its trips, and the tables that they leave."""

    plan: Plan
    places: str
    moves: str
    bases: str
    journeys: str


def travel_of(
    connection: duckdb.DuckDBPyConnection, view: str, as_of: date, settings: PatternSettings, register: Register
) -> Travel:
    """Travel of the one vehicle whose reads in the window are the view, with the columns of the reads layer."""
    span = span_of(as_of, settings)
    steps = _steps(view, type(settings), settings.model_dump_json(), span.shifts)
    trips = steps.plan.run(connection, values_of(span)).to_pylist()
    places = _rows(connection, steps.places)
    cells = {(row["camera_id"], row["latitude"], row["longitude"]): row["cell"] for row in places}
    (base,) = _rows(connection, steps.bases)
    told = _reads(connection, view, _rows(connection, steps.moves, "n"), cells, register)
    named = _rows(connection, steps.journeys, "start_at")
    numbers = _numbers(told)
    (window,) = windows_of_given(connection, as_of, settings, view).to_pylist()
    return Travel(
        reads=tuple(_renumbered(read, numbers) for read in told),
        journeys=tuple(_journey(row, cells, numbers) for row in named),
        places=_places(told, named, cells, numbers, base["base_cell"], settings.place_km),
        base=numbers[base["base_cell"]],
        trips=tuple(Trip(moment(row["depart"]), moment(row["back"]), row["stay_s"], row["far_m"]) for row in trips),
        window=window,
    )


@lru_cache(maxsize=8)
def _steps(view: str, kind: type[PatternSettings], settings: str, shifts: tuple[int, ...]) -> _Steps:
    own, plan, source = kind.model_validate_json(settings), Plan("travel"), ibis.table(READS, name=view)
    vehicles = plan.keep(number_vehicles(source))
    places = kept_places(source, own.place_km, plan)
    numbered = number_reads(source, vehicles, number_batches(source), places, own.low_confidence)
    moves = move_table(numbered, own, plan)
    found = plan.keep(journeys(moves, places, plan))
    stayed = plan.keep(stay_table(found, named_span(shifts)))
    bases = plan.keep(base_table(stayed, places))
    reached = reached_table(pass_table(moves), bases, places)
    stayed = placed_stays(stayed, bases, reached, places, own, plan)
    named = plan.keep(journey_table(found, vehicles, places))
    plan.end(trip_table(stayed, own).order_by("depart"))
    return _Steps(plan, places.get_name(), moves.get_name(), bases.get_name(), named.get_name())


def _rows(connection: duckdb.DuckDBPyConnection, table: str, order: str = "ALL") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(f"FROM {table} ORDER BY {order}").to_arrow_table().to_pylist()
    return rows


def _reads(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    moves: Sequence[Mapping[str, Any]],
    cells: Mapping[tuple[str, float, float], int],
    register: Register,
) -> tuple[Read, ...]:
    """Reads in their total order, with the cell as place."""
    rows = connection.execute(
        f"""SELECT captured_at, camera_id, latitude, longitude, batch_id, row_no, confidence, plate_repaired
            FROM {view} ORDER BY captured_at, batch_id, row_no"""
    ).fetchall()
    return tuple(
        Read(
            at=at.replace(tzinfo=UTC),
            camera=register[place_key(camera, latitude, longitude)],
            place=cells[place_key(camera, latitude, longitude)],
            batch_id=batch,
            row_no=row_no,
            confidence=confidence,
            repaired=bool(repaired),
            doubtful=bool(move["doubtful"]),
            starts=bool(move["starts"]),
            hop_m=move["hop_m"],
            gap_s=move["second"] - move["prev_second"],
        )
        for (at, camera, latitude, longitude, batch, row_no, confidence, repaired), move in zip(
            rows, moves, strict=True
        )
    )


def _numbers(reads: Sequence[Read]) -> dict[int, int]:
    """Cell to number of the place: 1 has most reads, ties by the order of cells."""
    counted = Counter(read.place for read in reads)
    ranked = sorted(counted, key=lambda cell: (-counted[cell], cell))
    return {cell: number for number, cell in enumerate(ranked, 1)}


def _renumbered(read: Read, numbers: Mapping[int, int]) -> Read:
    return Read(**{**vars(read), "place": numbers[read.place]})


def _end(row: Mapping[str, Any], end: str, cells: Mapping[tuple[str, float, float], int]) -> int:
    return cells[row[f"{end}_camera_id"], row[f"{end}_latitude"], row[f"{end}_longitude"]]


def _journey(
    row: Mapping[str, Any], cells: Mapping[tuple[str, float, float], int], numbers: Mapping[int, int]
) -> Journey:
    return Journey(
        start_at=row["start_at"].replace(tzinfo=UTC),
        end_at=row["end_at"].replace(tzinfo=UTC),
        origin=numbers[_end(row, "origin", cells)],
        destination=numbers[_end(row, "destination", cells)],
        from_camera=row["origin_camera_id"],
        to_camera=row["destination_camera_id"],
        reads=row["reads"],
        distance_m=row["distance_m"],
        reach_m=row["reach_m"],
    )


def _places(
    reads: Sequence[Read],
    named: Sequence[Mapping[str, Any]],
    cells: Mapping[tuple[str, float, float], int],
    numbers: Mapping[int, int],
    base_cell: int,
    place_km: int,
) -> tuple[Place, ...]:
    stays = _visits(named, cells, place_km)
    made = []
    for cell, number in numbers.items():
        here = [read for read in reads if read.place == cell]
        visits = stays.get(cell, [])
        counted = Counter(read.camera for read in here)
        cameras = sorted(counted, key=lambda camera: (-counted[camera], camera.camera_id))
        made.append(
            Place(
                number=number,
                anchor=cameras[0],
                cameras=tuple(cameras),
                reads=len(here),
                days=len({read.at.date() for read in here}),
                visits=len(visits),
                dwell_s=sum(map(sum, visits)),
                longest_s=max((max(visit) for visit in visits), default=0),
                last_read=max(read.at for read in here),
                base=cell == base_cell,
            )
        )
    return tuple(made)


def _visits(
    named: Sequence[Mapping[str, Any]], cells: Mapping[tuple[str, float, float], int], place_km: int
) -> dict[int, list[list[int]]]:
    """By cell its visits, each the seconds of its stays: going about within reach of the place begins no new visit."""
    found: dict[int, list[list[int]]] = {}
    before: int | None = None
    for one, following in pairwise(named):
        cell = _end(one, "destination", cells)
        seconds = int((following["start_at"] - one["end_at"]).total_seconds())
        visits = found.setdefault(cell, [])
        if cell == before and one["reach_m"] < place_km * 1000:
            visits[-1].append(seconds)
        else:
            visits.append([seconds])
        before = cell
    return found
