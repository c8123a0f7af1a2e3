"""Which cameras a leg passes, and when: tours become passes.

Belongs here: routes, passing times, the chance that a site lies on the way taken, local time to UTC. Does not: whether
the camera captures the vehicle (`simulation.faults`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulation.cameras import Mounts
from simulation.lives.setting import Ints
from simulation.roads import VARIANTS, Roads, trace_paths
from simulation.tours import DAY, Tours
from simulation.world import World

LONDON = ZoneInfo("Europe/London")
# a centre site is passed this long after leaving, or before arriving
IN_TOWN_SECONDS = 100.0


@dataclass(frozen=True)
class Passes:
    """Vehicles passing cameras: vehicle, mount, and seconds since the first midnight of the world, UTC."""

    vehicle: NDArray[np.int32]
    mount: NDArray[np.int32]
    second: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, chosen: NDArray[np.bool_]) -> Passes:
        """Some of the passes."""
        return Passes(self.vehicle[chosen], self.mount[chosen], self.second[chosen])


def together(parts: list[Passes]) -> Passes:
    """Several sets of passes as one."""
    columns = ([getattr(part, name) for part in parts] for name in ("vehicle", "mount", "second"))
    return Passes(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Watch:
    """Where mounts are found: for each directed edge and for each place, the mounts on it."""

    edge_first: Ints
    edge_mount: Ints
    place_first: Ints
    place_mount: Ints
    chance: NDArray[np.float32]


def watch(mounts: Mounts, roads: Roads, places: int, road_pass: float, centre_pass: float) -> Watch:
    """Index the mounts by edge and by place; `road_pass` and `centre_pass` are chances of being passed."""
    on_edge = np.flatnonzero(mounts.edge >= 0)
    on_edge = on_edge[np.argsort(mounts.edge[on_edge], kind="stable")]
    in_place = np.flatnonzero(mounts.edge < 0)
    in_place = in_place[np.argsort(mounts.place[in_place], kind="stable")]
    return Watch(
        edge_first=np.searchsorted(mounts.edge[on_edge], np.arange(len(roads.start) + 1)),
        edge_mount=on_edge,
        place_first=np.searchsorted(mounts.place[in_place], np.arange(places + 1)),
        place_mount=in_place,
        chance=np.where(mounts.edge >= 0, road_pass, centre_pass).astype(np.float32),
    )


def pass_cameras(
    world: World, roads: Roads, mounts: Mounts, watched: Watch, tours: Tours, rng: np.random.Generator
) -> Passes:
    """Send the tours over the roads and note each camera passed while the world lasts."""
    offset = utc_offsets(world)
    span = (tours.leg_start >= -DAY) & (tours.leg_start < world.days * DAY)
    leg = np.flatnonzero(span)
    if not len(leg):
        empty = np.zeros(0, dtype=np.int32)
        return Passes(empty, empty, empty)
    size = len(roads.km)
    code = (tours.leg_variant[leg] * size + tours.leg_from[leg]) * size + tours.leg_to[leg]
    needed = np.zeros(VARIANTS * size * size, dtype=bool)
    needed[code] = True
    ways = np.flatnonzero(needed)
    first, mount, after = _mounts_on(roads, mounts, watched, ways, size)
    way = np.searchsorted(ways, code)
    number = first[way + 1] - first[way]
    row = np.repeat(np.arange(len(leg)), number)
    at = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + first[way][row]
    passed = rng.random(len(row), dtype=np.float32) < watched.chance[mount[at]]
    row, at = row[passed], at[passed]
    pace = rng.normal(1.03, 0.05, len(leg)).clip(0.9, 1.2)
    second = tours.leg_start[leg][row] + after[at] * pace[row] + rng.integers(0, 20, len(row))
    second = second.astype(np.int64)
    second -= offset[(second // DAY).clip(0, world.days - 1)]
    day = second // DAY
    there = (day >= mounts.first_day[mount[at]]) & (day < mounts.last_day[mount[at]])
    there &= (second >= 0) & (second < world.days * DAY)
    row, at, second = row[there], at[there], second[there]
    vehicle = tours.vehicle[tours.leg_tour[leg[row]]]
    return Passes(vehicle.astype(np.int32), mount[at].astype(np.int32), second.astype(np.int32))


def utc_offsets(world: World) -> Ints:
    """Seconds that London is ahead of UTC on each day of the world."""
    noons = (datetime.combine(world.start + timedelta(days=day), time(12), LONDON) for day in range(world.days))
    return np.array([int((noon.utcoffset() or timedelta()).total_seconds()) for noon in noons], dtype=np.int64)


def _mounts_on(
    roads: Roads, mounts: Mounts, watched: Watch, ways: Ints, size: int
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """For each way the mounts along it: where its mounts begin, the mounts, seconds after the start."""
    variant, rest = np.divmod(ways, size * size)
    origin, goal = np.divmod(rest, size)
    steps = trace_paths(roads, variant, origin, goal)
    number = watched.edge_first[steps.edge + 1] - watched.edge_first[steps.edge]
    row = np.repeat(np.arange(len(number)), number)
    at = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + watched.edge_first[steps.edge][row]
    on_road = watched.edge_mount[at]
    edge = steps.edge[row]
    road_after = (
        steps.total[steps.path[row]] - steps.seconds_left[row] - (1 - mounts.fraction[on_road]) * roads.seconds[edge]
    )
    start_way, start_mount = _centre(watched, origin, np.arange(len(ways)))
    end_way, end_mount = _centre(watched, goal, np.flatnonzero(origin != goal))
    way = np.concatenate([steps.path[row], start_way, end_way])
    mount = np.concatenate([on_road, start_mount, end_mount])
    after = np.concatenate(
        [
            road_after,
            np.minimum(IN_TOWN_SECONDS, steps.total[start_way] / 3),
            np.maximum(steps.total[end_way] - IN_TOWN_SECONDS, steps.total[end_way] * 2 / 3),
        ]
    )
    order = np.argsort(way, kind="stable")
    first = np.searchsorted(way[order], np.arange(len(ways) + 1))
    return first, mount[order], after[order]


def _centre(watched: Watch, place: Ints, ways: Ints) -> tuple[Ints, Ints]:
    where = place[ways]
    number = watched.place_first[where + 1] - watched.place_first[where]
    row = np.repeat(np.arange(len(ways)), number)
    at = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + watched.place_first[where][row]
    return ways[row], watched.place_mount[at]
