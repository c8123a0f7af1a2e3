"""Cameras whose registered place, or whose clock all the time, does not fit how long vehicles take to their neighbours.

Judged beside the speeds of the whole network, since such a fault has no past to differ from. Belongs here: faults that
were always there. Does not: clocks that went wrong (travel).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Floats, Ints
from data_contracts.health.legs import LONGEST_S, Legs, hops_of
from data_contracts.health.shifts import Shift

PLACE_GAIN, PLACE_SHARE, PLACE_KM, PLACE_LEGS, PLACE_NEIGHBOURS, SPEEDY_NEIGHBOURS = 40.0, 0.5, 2.0, 60, 3, 2
STANDING_SHIFT_S, STANDING_SHARE = 180, 0.8  # a clock wrong all the time: seconds, and what each hop must gain
FASTEST, FAST_SHARE = 150 / 3600, 0.1  # km a second, as the crow flies
_SLOW = np.linspace(np.log(8.0), np.log(3600.0), 121)  # seconds per km, from 450 km/h to a walk with a stay


def find_standing_faults(legs: Legs, since: int) -> list[Shift]:
    """Cameras whose registered place does not fit their travel times to neighbours, and how far off they seem to be.

    Judged by all hops from the span's first day; a clock that was wrong all the time is found here too. What is found
    is told of the days on which the camera stood there.
    """
    speeds = _speeds(legs)
    last = int(legs.day.max()) + 1
    doubtful = []
    for camera in range(len(legs.cameras)):
        mine = hops_of(legs, camera, since, last)
        if len(mine) < PLACE_LEGS:
            continue
        shift = _standing(legs, mine, camera, speeds, _stood(legs, camera, since, last))
        if shift is not None:
            doubtful.append(shift)
    doubtful.sort(key=lambda shift: -shift.gain)
    kept: list[Shift] = []
    for shift in doubtful:
        # a neighbour of a misplaced camera looks misplaced itself: judge it again without the hops between the two
        others = {one.camera for one in kept}
        mine = hops_of(legs, shift.camera, since, last)
        neighbours = legs.near[mine] + legs.far[mine] - shift.camera
        mine = mine[~np.isin(neighbours, list(others))]
        stood = shift.first, shift.end
        again = _standing(legs, mine, shift.camera, speeds, stood) if len(mine) >= PLACE_LEGS else None
        if again is not None:
            kept.append(again)
    return kept


def _stood(legs: Legs, camera: int, since: int, last: int) -> tuple[int, int]:
    """The days of a span on which a camera stood at a place: from its first hop, and to its last if it was moved on."""
    order, starts = legs.by_camera
    days = legs.day[order[starts[camera] : starts[camera + 1]]]
    moved_on = legs.cameras[camera] in legs.cameras[camera + 1 : camera + 2]
    return max(since, int(days.min())), min(last, int(days.max()) + 1) if moved_on else last


def _speeds(legs: Legs) -> Floats:
    """Logarithm of how usual each slowness (seconds per km, logarithmic bins) is in the network."""
    slow = np.log(np.clip(np.abs(legs.seconds) / legs.km, 1e-3, None))
    place = np.clip(np.searchsorted(_SLOW, slow), 0, len(_SLOW))
    number = np.bincount(place, minlength=len(_SLOW) + 1).astype(np.float32)
    kernel = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)
    smooth = np.convolve(number, kernel / kernel.sum(), mode="same")
    return np.asarray(np.log(0.98 * smooth / smooth.sum() + 0.02 / len(number)), dtype=np.float32)


def _standing(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> Shift | None:
    """What explains a camera's hops of the whole span better than its clock and place as they are, if anything."""
    place = _misplaced(legs, mine, camera, speeds, span)
    clock = _standing_clock(legs, mine, camera, speeds, span)
    if place is None or clock is None:
        return place or clock
    # a clock has one figure to fit with, a place two
    return clock if clock.gain > 0.8 * place.gain else place


def _misplaced(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> Shift | None:
    neighbours = legs.near[mine] + legs.far[mine] - camera
    latitude, longitude = legs.latitude[neighbours], legs.longitude[neighbours]
    took = np.maximum(np.abs(legs.seconds[mine]), 1)

    def usual_at(north: NDArray[np.float64], east: NDArray[np.float64]) -> NDArray[np.float64]:
        km = np.maximum(_km(north[:, None], east[:, None], latitude, longitude), 0.3)
        return np.asarray(speeds[np.searchsorted(_SLOW, np.log(took / km))], dtype=np.float64)

    here = usual_at(legs.latitude[[camera]], legs.longitude[[camera]])[0]
    north, east = _best_place(usual_at, latitude, longitude)
    there = usual_at(np.asarray([north]), np.asarray([east]))[0]
    gain = float(there.sum() - here.sum())
    km = float(_km(np.asarray(north), np.asarray(east), legs.latitude[camera], legs.longitude[camera]))
    if gain < PLACE_GAIN or gain < PLACE_SHARE * len(mine) or km < PLACE_KM:
        return None
    sites = np.asarray([legs.sites[other] for other in neighbours])
    sign = np.where(legs.far[mine] == camera, 1, -1) * np.sign(legs.seconds[mine])
    agreeing = sum((there - here)[sites == site].sum() > 2 for site in np.unique(sites))
    both = all((there - here)[sign == way].sum() > 5 for way in (1, -1))
    if agreeing < PLACE_NEIGHBOURS or agreeing < 0.5 * len(np.unique(sites)) or not both:
        return None
    km_there = _km(np.asarray(north), np.asarray(east), latitude, longitude)
    fast, still = legs.km[mine] / took > FASTEST, km_there / took > FASTEST
    # slow ways have many reasons; ways too fast to drive, both ways and to several neighbours, have one
    if min(fast[sign == way].mean() for way in (1, -1)) < FAST_SHARE or still.mean() > 0.3 * fast.mean():
        return None
    if sum(fast[sites == site].mean() > FAST_SHARE for site in np.unique(sites)) < SPEEDY_NEIGHBOURS:
        return None
    return Shift(camera, *span, "wrong_place", km, gain)


def _standing_clock(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> Shift | None:
    """The shift of a clock, wrong all the time, that makes the hops most usual by the network's speeds."""
    signed = np.where(legs.far[mine] == camera, 1, -1)
    shifts = np.arange(-LONGEST_S, LONGEST_S + 1, 30)
    moved = np.abs(legs.seconds[mine][:, None] - signed[:, None] * shifts)
    told = speeds[np.searchsorted(_SLOW, np.log(np.maximum(moved, 1) / legs.km[mine][:, None]))]
    total = told.sum(axis=0)
    none = len(shifts) // 2
    best = int(total.argmax())
    gain = float(total[best] - total[none])
    if abs(shifts[best]) < STANDING_SHIFT_S or gain < PLACE_GAIN or gain < STANDING_SHARE * len(mine):
        return None
    better = told[:, best] - told[:, none]
    sites = np.asarray([legs.sites[other] for other in legs.near[mine] + legs.far[mine] - camera])
    agreeing = sum(better[sites == site].sum() > 2 for site in np.unique(sites))
    coming = signed * np.sign(legs.seconds[mine] - signed * shifts[best]) > 0
    both = min(better[coming].sum(), better[~coming].sum()) > 0.2 * gain
    if agreeing < PLACE_NEIGHBOURS or agreeing < 0.7 * len(np.unique(sites)) or not both:
        return None
    return Shift(camera, *span, "clock_offset", float(shifts[best]), gain)


def _best_place(
    usual_at: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
) -> tuple[float, float]:
    """The place at which travel times to all neighbours are most usual: a grid around them, then finer ones."""
    north, east = float(np.median(latitude)), float(np.median(longitude))
    reach = max(float(np.ptp(latitude)), float(np.ptp(longitude)) * 0.6, 0.1)
    for _ in range(4):
        grid_north, grid_east = np.meshgrid(
            north + np.linspace(-reach, reach, 15), east + np.linspace(-reach, reach, 15) * 1.6
        )
        total = usual_at(grid_north.ravel(), grid_east.ravel()).sum(axis=1)
        at = int(total.argmax())
        north, east = float(grid_north.ravel()[at]), float(grid_east.ravel()[at])
        reach /= 5
    return north, east


def _km(
    north: NDArray[np.float64] | np.float64,
    east: NDArray[np.float64] | np.float64,
    latitude: NDArray[np.float64] | np.float64,
    longitude: NDArray[np.float64] | np.float64,
) -> NDArray[np.float64]:
    return np.asarray(
        111.2 * np.sqrt((north - latitude) ** 2 + ((east - longitude) * np.cos(np.radians(latitude))) ** 2)
    )
