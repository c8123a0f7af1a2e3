"""Hops of vehicles from one camera to the next, as differences of the two clocks: what travel times are judged from.

A difference keeps its sign, so a clock that is wrong by more than the way takes shows as itself and not as a vehicle
that drove back. A camera at another place is another camera, for the ways to it are others. Belongs here: getting hops
out of the lake. Does not: what they say (travel), which rejected reads count (rejected_clocks).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Floats, Ints
from data_contracts.health.rejected_clocks import make_rejected_clocks, rejected_batches, rejected_rows
from data_contracts.layers.reads import read_parts, reads_relation
from data_contracts.registers.cameras import current_register, register_table
from data_contracts.registers.moves import stays_of
from infra.lake import Lake

LONGEST_S = 3600
MOST_READS = 12_000_000
LEAST_KM = 0.5
MOST_OF_BLOCK = 400


@dataclass(frozen=True)
class Legs:
    """Hops between cameras of different poles.

    Args:
        cameras: Camera ids; `near` and `far` index them, `near` < `far`. One that was moved has an entry for each of
            its places, one after another.
        seconds: Clock of `far` minus clock of `near`; negative when the vehicle came the other way.
        day: Days since 1970 (UTC) of the earlier read.
        latitude: Of each camera, as its reads have it, in degrees; its last position.
        longitude: The same.
        km: Distance of the two cameras as registered at the time of the hop.
    """

    cameras: tuple[str, ...]
    sites: tuple[str, ...]
    near: Ints
    far: Ints
    seconds: Ints
    day: Ints
    km: Floats
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]

    @cached_property
    def by_camera(self) -> tuple[Ints, Ints]:
        """Hops ordered by camera (each hop under both of its cameras), and where each camera's begin."""
        both = np.concatenate([self.near, self.far])
        order = np.argsort(both, kind="stable")
        return order % len(self.near), np.searchsorted(both[order], np.arange(len(self.cameras) + 1))


def load_legs(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, first: date, last: date, tolerance_m: float
) -> Legs:
    """Hops of up to an hour between cameras half a kilometre apart or more; of very many reads a sample of vehicles.

    Rejected reads count beside the accepted ones if nothing but their clock is wrong. Leaves the view `travelling`, the
    reads with the `stay` of their camera, and the table `numbered`, which has the index of each camera at each stay.

    Args:
        connection: Any database.
        lake: The lake.
        rocu: The region; it has a register.
        first: First day (UTC) of capture.
        last: Last day.
        tolerance_m: Metres by which the positions of one place may differ.
    """
    sampled = _make_travelling(connection, lake, rocu, first, last, tolerance_m)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE hops AS
            WITH ordered AS (
                SELECT camera_id, stay, site_id, latitude, longitude, captured_at,
                    lag(camera_id) OVER way AS camera_before, lag(stay) OVER way AS stay_before,
                    lag(site_id) OVER way AS site_before,
                    lag(captured_at) OVER way AS before, lag(latitude) OVER way AS latitude_before,
                    lag(longitude) OVER way AS longitude_before
                FROM travelling WHERE {sampled}
                WINDOW way AS (PARTITION BY vehicle ORDER BY captured_at, batch_id, row_no))
            SELECT camera_id, stay, camera_before, stay_before, date_diff('second', before, captured_at) AS seconds,
                date_diff('day', DATE '1970-01-01', before::DATE) AS day,
                111.2 * sqrt(pow(latitude - latitude_before, 2)
                    + pow((longitude - longitude_before) * cos(radians(latitude)), 2)) AS km
            FROM ordered WHERE site_id <> site_before AND captured_at - before <= to_seconds({LONGEST_S})"""
    )
    connection.execute(f"DELETE FROM hops WHERE km < {LEAST_KM} OR km > 150")
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE numbered AS
            SELECT camera_id, stay, row_number() OVER (ORDER BY camera_id, stay) - 1 AS no, site_id, latitude, longitude
            FROM (SELECT camera_id, stay, arg_max(site_id, captured_at) AS site_id,
                    arg_max(latitude, captured_at) AS latitude, arg_max(longitude, captured_at) AS longitude
                FROM travelling GROUP BY ALL)"""
    )
    placed = connection.execute("SELECT camera_id, site_id, latitude, longitude FROM numbered ORDER BY no").fetchnumpy()
    rows: dict[str, Any] = connection.execute(
        """SELECT here.no AS here, there.no AS there, seconds, day, km FROM hops
            JOIN numbered AS here USING (camera_id, stay)
            JOIN numbered AS there ON there.camera_id = camera_before AND there.stay = stay_before"""
    ).fetchnumpy()
    here, there = np.asarray(rows["here"], dtype=np.int64), np.asarray(rows["there"], dtype=np.int64)
    forth = there < here
    return Legs(
        cameras=tuple(str(camera) for camera in placed["camera_id"]),
        sites=tuple(str(site) for site in placed["site_id"]),
        near=np.minimum(here, there),
        far=np.maximum(here, there),
        seconds=np.where(forth, 1, -1) * np.asarray(rows["seconds"], dtype=np.int64),
        day=np.asarray(rows["day"], dtype=np.int64),
        km=np.asarray(rows["km"], dtype=np.float32),
        latitude=np.asarray(placed["latitude"], dtype=np.float64),
        longitude=np.asarray(placed["longitude"], dtype=np.float64),
    )


def _make_travelling(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, first: date, last: date, tolerance_m: float
) -> str:
    """Make the view `travelling`, all reads that hops are made of; gives SQL for the sample of vehicles."""
    parts, held = read_parts(lake, rocu, first, last), rejected_batches(lake, rocu, first, last)
    share = min(1.0, MOST_READS / max(sum(part.rows for part in parts) + rejected_rows(held), 1))
    sampled = f"hash(vehicle) % 1000 < {int(1000 * share)}"
    reads_relation(connection, lake, parts, "travelling_accepted")
    make_rejected_clocks(connection, lake, rocu, first, last, held, sampled)
    register_table(connection, lake, current_register(lake, rocu))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE moves AS
            SELECT camera_id, list(since) AS moved FROM (
                SELECT camera_id, min(valid_from) AS since FROM {stays_of("register", tolerance_m)}
                WHERE stay > 0 GROUP BY camera_id, stay)
            GROUP BY camera_id"""
    )
    columns = "batch_id, row_no, vehicle, captured_at, camera_id, site_id, latitude, longitude"
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW travelling AS
            SELECT * EXCLUDE (moved), coalesce(len(list_filter(moved, lambda since: since <= captured_at)), 0) AS stay
            FROM (SELECT {columns} FROM travelling_accepted UNION ALL SELECT {columns} FROM rejected_clocks)
            LEFT JOIN moves USING (camera_id)"""
    )
    return sampled


def hops_of(legs: Legs, camera: int, begin: int, end: int) -> Ints:
    """Hops to and from a camera on some days; of very many, every so many-th."""
    order, starts = legs.by_camera
    mine = order[starts[camera] : starts[camera + 1]]
    mine = mine[(legs.day[mine] >= begin) & (legs.day[mine] < end)]
    return mine if len(mine) <= MOST_OF_BLOCK else mine[:: -(-len(mine) // MOST_OF_BLOCK)]
