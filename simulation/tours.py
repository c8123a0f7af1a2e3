"""Tours: a vehicle leaves its base, makes stops, and comes back; a tour is one or more legs.

Belongs here: building many tours at once, putting them together, and taking out those that overlap. Does not: why
anyone travels (`simulation.lives`). Times are seconds of local time since the first midnight of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.roads import Roads

DAY = 86400
HOUR = 3600
# a parked car is not seen again at once
PAUSE = 300


@dataclass(frozen=True)
class Tours:
    """Tours and their legs.

    Args:
        vehicle: Vehicle of each tour.
        start, finish: When the tour begins and ends.
        far_km: Greatest distance from the base, straight line.
        stay: Longest stop, seconds.
        goal: First place that is visited.
        leg_tour: Tour of each leg; legs of a tour lie together, in order.
        leg_from, leg_to: Places that a leg joins.
        leg_start: When the leg begins.
        leg_variant: Which of the driver's routes it takes.
    """

    vehicle: NDArray[np.int64]
    start: NDArray[np.int64]
    finish: NDArray[np.int64]
    far_km: NDArray[np.float32]
    stay: NDArray[np.int64]
    goal: NDArray[np.int64]
    leg_tour: NDArray[np.int64]
    leg_from: NDArray[np.int64]
    leg_to: NDArray[np.int64]
    leg_start: NDArray[np.int64]
    leg_variant: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vehicle)


def no_tours() -> Tours:
    """An empty set of tours."""
    empty = np.zeros(0, dtype=np.int64)
    return Tours(empty, empty, empty, np.zeros(0, dtype=np.float32), *([empty] * 7))


def chain(
    roads: Roads,
    vehicle: NDArray[Any],
    base: NDArray[Any],
    start: NDArray[Any],
    stops: NDArray[Any],
    stays: NDArray[Any],
    variant: NDArray[Any] | None = None,
) -> Tours:
    """From the base to each stop in turn and back.

    Args:
        roads: Gives travel times.
        vehicle: Vehicle of each tour.
        base: Place where each tour begins and ends.
        start: When each tour begins.
        stops: Places, shape (tours, most stops); -1 at a row's end where a tour has fewer.
        stays: Seconds at each stop, same shape.
        variant: Route variant of each tour; the quickest by default.
    """
    count, most = stops.shape
    variant = np.zeros(count, dtype=np.int64) if variant is None else variant.astype(np.int64)
    here, now = base.astype(np.int64), start.astype(np.float64)
    origins = np.full((count, most + 1), -1, dtype=np.int64)
    goals, starts = origins.copy(), origins.copy()
    for index in range(most + 1):
        goal = stops[:, index].astype(np.int64) if index < most else base.astype(np.int64)
        used = goal >= 0
        origins[used, index], goals[used, index] = here[used], goal[used]
        starts[used, index] = now[used].astype(np.int64)
        stay = stays[:, index] if index < most else np.zeros(count)
        now = np.where(used, now + roads.travel[here, goal] + stay, now)
        here = np.where(used, goal, here)
    exists = goals >= 0
    tour, _ = np.nonzero(exists)
    reach = np.where(stops >= 0, roads.km[base.astype(np.int64)[:, None], stops], 0)
    return Tours(
        vehicle=vehicle.astype(np.int64),
        start=start.astype(np.int64),
        finish=now.astype(np.int64) + PAUSE,
        far_km=reach.max(axis=1, initial=0).astype(np.float32),
        stay=np.where(stops >= 0, stays, 0).max(axis=1, initial=0).astype(np.int64),
        goal=stops[:, 0].astype(np.int64),
        leg_tour=tour,
        leg_from=origins[exists],
        leg_to=goals[exists],
        leg_start=starts[exists],
        leg_variant=variant[tour],
    )


def join(parts: list[Tours]) -> Tours:
    """Put sets of tours together."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return no_tours()
    before = np.cumsum([0] + [len(part) for part in parts[:-1]])
    columns = {
        field.name: np.concatenate(
            [
                getattr(part, field.name) + (offset if field.name == "leg_tour" else 0)
                for part, offset in zip(parts, before, strict=True)
            ]
        )
        for field in fields(Tours)
    }
    return Tours(**columns)


def keep(tours: Tours, chosen: NDArray[np.bool_]) -> Tours:
    """The chosen tours, with their legs."""
    leg = chosen[tours.leg_tour]
    number = np.cumsum(chosen) - 1
    columns = {
        field.name: getattr(tours, field.name)[leg if field.name.startswith("leg_") else chosen]
        for field in fields(Tours)
    }
    columns["leg_tour"] = number[columns["leg_tour"]]
    return Tours(**columns)


def without_overlap(tours: Tours) -> Tours:
    """Take out each tour that begins before an earlier one of the same vehicle has ended."""
    order = np.lexsort((tours.finish, tours.start, tours.vehicle))
    horizon = int(tours.finish.max(initial=0)) + DAY * 400
    lane = tours.vehicle[order] * horizon
    latest = np.maximum.accumulate(lane + tours.finish[order]) if len(order) else lane
    free = np.ones(len(order), dtype=bool)
    free[1:] = (lane + tours.start[order])[1:] >= latest[:-1]
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order] = free
    return keep(tours, chosen)


def fit_between(tours: Tours, fixed: Tours) -> Tours:
    """Those tours during which the vehicle is not on one of the fixed tours (which must not overlap each other)."""
    if not len(fixed) or not len(tours):
        return tours
    horizon = int(max(fixed.finish.max(), tours.finish.max())) + DAY
    order = np.lexsort((fixed.start, fixed.vehicle))
    starts = fixed.vehicle[order] * horizon + fixed.start[order]
    ends = fixed.vehicle[order] * horizon + fixed.finish[order]
    before = np.searchsorted(starts, tours.vehicle * horizon + tours.finish) - 1
    clash = (before >= 0) & (ends[np.maximum(before, 0)] > tours.vehicle * horizon + tours.start)
    return keep(tours, ~clash)
