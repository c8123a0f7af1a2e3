"""Wrong clocks and wrong places, from travel times that cannot be.

A clock that is fast makes every way to the camera longer and every way from it shorter, by the same seconds, whatever
the neighbour. A place that is wrong makes ways in both directions too long or too short, by what depends on the
neighbour. Both are found by likelihood: under which shift of the clock, at which place, are a camera's hops as usual?
Usual are the pair's own travel times in the past or, for a fault that was always there, the network's speeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Bools, Floats, Ints
from data_contracts.health.legs import LONGEST_S, Legs, load_legs
from data_contracts.health.results import HealthInterval
from infra.lake import Lake

PAST_DAYS = 42
STEP_S = 15
BINS = 2 * LONGEST_S // STEP_S + 1
REACH = LONGEST_S // STEP_S  # shifts that are tried, each way
LEAST_OF_PAIR, LEAST_OF_BLOCK, MOST_OF_BLOCK = 25, 20, 400
LEAST_SHIFT_S, LEAST_GAIN, LEAST_SHARE = 60, 15.0, 0.15
LEAST_NEIGHBOURS = 2
LEAST_OF_WAY = 0.03  # ways to the camera and ways from it must each gain so much a hop
LONE_GAIN = 40.0  # of a single day, more is asked
STANDING_SHIFT_S = 180
PLACE_GAIN, PLACE_SHARE, PLACE_KM, PLACE_LEGS, PLACE_NEIGHBOURS = 40.0, 0.5, 2.0, 60, 3
_FLOOR = 0.02
_SLOW = np.linspace(np.log(8.0), np.log(3600.0), 121)  # seconds per km, from 450 km/h to a walk with a stay


@dataclass(frozen=True)
class _Shift:
    """What explains a camera's hops of a block of days: seconds of its clock, or km of its place."""

    camera: int
    first: int
    end: int
    kind: str
    value: float
    gain: float


def find_travel_faults(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, first: date, last: date
) -> list[HealthInterval]:
    """Intervals of wrong clocks and places from `first` to `last`, on the hops since six weeks before."""
    legs = load_legs(connection, lake, rocu, first - timedelta(days=PAST_DAYS), last)
    return judge_travel(legs, first)


def judge_travel(legs: Legs, first: date) -> list[HealthInterval]:
    """Intervals of wrong clocks and places from `first` on."""
    if not len(legs.seconds):
        return []
    since = (first - date(1970, 1, 1)).days
    places = _places(legs, since)
    misplaced = {shift.camera for shift in places}
    clocks = _clocks(legs, since, misplaced)
    return _told(legs, [*places, *clocks])


def _clocks(legs: Legs, since: int, misplaced: set[int]) -> list[_Shift]:
    """Blocks in which a camera's clock was wrong: the worst is settled first, its hops put right."""
    seconds = legs.seconds.copy()
    pair, pairs = _pairs(legs)
    usual = _usual(seconds, pair, len(pairs), legs.day < since)
    found: list[_Shift] = []
    blocks = _blocks(legs, since, misplaced)
    gains = {block: _scan(legs, seconds, pair, usual, *block) for block in blocks}
    while True:
        sure = {block: shift for block, shift in gains.items() if shift is not None}
        if not sure:
            return found
        block, shift = max(sure.items(), key=lambda item: item[1].gain)
        found.append(shift)
        camera, begin, end = block
        days = (legs.day >= begin) & (legs.day < end)
        seconds[days & (legs.far == camera)] -= round(shift.value)
        seconds[days & (legs.near == camera)] += round(shift.value)
        gains.pop(block)
        near = set(legs.near[days & (legs.far == camera)]) | set(legs.far[days & (legs.near == camera)])
        for other in list(gains):
            if other[0] in near and other[1] < end and other[2] > begin:
                gains[other] = _scan(legs, seconds, pair, usual, *other)


def _pairs(legs: Legs) -> tuple[Ints, Ints]:
    pairs, pair = np.unique(legs.near * len(legs.cameras) + legs.far, return_inverse=True)
    return pair, pairs


def _usual(seconds: Ints, pair: Ints, pairs: int, past: Bools) -> NDArray[np.float32]:
    """Logarithm of how usual each difference is for each pair; 0 everywhere for a pair with too little past.

    The past before the span is taken, and the whole time of pairs (as of all, with no past) that had too few hops then.
    """
    place = np.clip((seconds + LONGEST_S) // STEP_S, 0, BINS - 1)
    before = np.zeros((pairs, BINS), dtype=np.float32)
    np.add.at(before, (pair[past], place[past]), 1)
    whole = np.zeros_like(before)
    np.add.at(whole, (pair, place), 1)
    enough = before.sum(axis=1) >= LEAST_OF_PAIR
    chosen = np.where(enough[:, None], before, whole)
    kernel = np.exp(-0.5 * (np.arange(-5, 6) / 1.6) ** 2)
    smooth = np.apply_along_axis(lambda row: np.convolve(row, kernel / kernel.sum(), mode="same"), 1, chosen)
    number = chosen.sum(axis=1, keepdims=True)
    density = (1 - _FLOOR) * smooth / np.maximum(number, 1) + _FLOOR / BINS
    density = (density * number + 3 / BINS) / (number + 3)
    return np.where(number >= LEAST_OF_PAIR, np.log(density), 0).astype(np.float32)


def _blocks(legs: Legs, since: int, misplaced: set[int]) -> list[tuple[int, int, int]]:
    """Of each camera, days from the span's first on; weeks where a day has too few hops."""
    last = int(legs.day.max()) + 1
    here = legs.day >= since
    each = np.bincount(legs.near[here], minlength=len(legs.cameras))
    each = each + np.bincount(legs.far[here], minlength=len(legs.cameras))
    blocks = []
    for camera, hops in enumerate(each):
        if camera in misplaced or hops < LEAST_OF_BLOCK:
            continue
        step = 1 if hops / max(last - since, 1) >= 2 * LEAST_OF_BLOCK else 7
        blocks += [(camera, begin, min(begin + step, last)) for begin in range(since, last, step)]
    return blocks


def _of_block(legs: Legs, camera: int, begin: int, end: int) -> Ints:
    order, starts = legs.by_camera
    mine = order[starts[camera] : starts[camera + 1]]
    mine = mine[(legs.day[mine] >= begin) & (legs.day[mine] < end)]
    return mine if len(mine) <= MOST_OF_BLOCK else mine[:: -(-len(mine) // MOST_OF_BLOCK)]


def _scan(
    legs: Legs, seconds: Ints, pair: Ints, usual: NDArray[np.float32], camera: int, begin: int, end: int
) -> _Shift | None:
    """The shift of a camera's clock that makes the hops of a block most usual, if it plainly does."""
    mine = _of_block(legs, camera, begin, end)
    mine = mine[usual[pair[mine]].any(axis=1)] if len(mine) else mine
    if len(mine) < LEAST_OF_BLOCK:
        return None
    sign = np.where(legs.far[mine] == camera, 1, -1)
    place = (seconds[mine] + LONGEST_S) // STEP_S
    shifts = np.arange(-REACH, REACH + 1)
    moved = place[:, None] - sign[:, None] * shifts
    inside = (moved >= 0) & (moved < BINS)
    nothing = np.float32(np.log(_FLOOR / BINS))
    told = np.where(inside, usual[pair[mine][:, None], np.clip(moved, 0, BINS - 1)], nothing)
    total = told.sum(axis=0)
    best = int(total.argmax())
    gain = float(total[best] - total[REACH])
    shift = _refined(total, best) * STEP_S
    if abs(shift) < LEAST_SHIFT_S or gain < LEAST_GAIN or gain < LEAST_SHARE * len(mine):
        return None
    better = told[:, best] - told[:, REACH]
    neighbours = legs.near[mine] + legs.far[mine] - camera
    sites = np.asarray([legs.sites[other] for other in neighbours])
    agreeing = sum(better[sites == site].sum() > 2 for site in np.unique(sites))
    coming = sign * np.sign(seconds[mine] - sign * shift) > 0
    both = min(better[coming].sum(), better[~coming].sum()) > LEAST_OF_WAY * len(mine)
    if agreeing < LEAST_NEIGHBOURS or agreeing < 0.5 * len(np.unique(sites)) or not both:
        return None
    return _Shift(camera, begin, end, "clock_offset", shift, gain)


def _refined(total: Floats, best: int) -> float:
    """The top of the parabola through the best shift and its neighbours, from no shift."""
    if 0 < best < len(total) - 1:
        left, top, right = (float(total[best + step]) for step in (-1, 0, 1))
        bend = left - 2 * top + right
        return best - REACH + (0.5 * (left - right) / bend if bend < 0 else 0.0)
    return float(best - REACH)


def _places(legs: Legs, since: int) -> list[_Shift]:
    """Cameras whose registered place does not fit their travel times to neighbours, and how far off they seem to be.

    Judged by all hops from the span's first day; a clock that was wrong all the time is found here too.
    """
    speeds = _speeds(legs)
    last = int(legs.day.max()) + 1
    doubtful = []
    for camera in range(len(legs.cameras)):
        mine = _of_block(legs, camera, since, last)
        if len(mine) < PLACE_LEGS:
            continue
        shift = _standing(legs, mine, camera, speeds, (since, last))
        if shift is not None:
            doubtful.append(shift)
    doubtful.sort(key=lambda shift: -shift.gain)
    kept: list[_Shift] = []
    for shift in doubtful:
        # a neighbour of a misplaced camera looks misplaced itself: judge it again without the hops between the two
        others = {one.camera for one in kept}
        mine = _of_block(legs, shift.camera, since, last)
        neighbours = legs.near[mine] + legs.far[mine] - shift.camera
        mine = mine[~np.isin(neighbours, list(others))]
        again = _standing(legs, mine, shift.camera, speeds, (since, last)) if len(mine) >= PLACE_LEGS else None
        if again is not None:
            kept.append(again)
    return kept


def _speeds(legs: Legs) -> Floats:
    """Logarithm of how usual each slowness (seconds per km, logarithmic bins) is in the network."""
    slow = np.log(np.clip(np.abs(legs.seconds) / legs.km, 1e-3, None))
    place = np.clip(np.searchsorted(_SLOW, slow), 0, len(_SLOW))
    number = np.bincount(place, minlength=len(_SLOW) + 1).astype(np.float32)
    kernel = np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2)
    smooth = np.convolve(number, kernel / kernel.sum(), mode="same")
    return np.asarray(np.log(0.98 * smooth / smooth.sum() + 0.02 / len(number)), dtype=np.float32)


def _standing(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> _Shift | None:
    """What explains a camera's hops of the whole span better than its clock and place as they are, if anything."""
    place = _misplaced(legs, mine, camera, speeds, span)
    clock = _standing_clock(legs, mine, camera, speeds, span)
    if place is None or clock is None:
        return place or clock
    # a clock has one figure to fit with, a place two
    return clock if clock.gain > 0.8 * place.gain else place


def _misplaced(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> _Shift | None:
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
    if agreeing < PLACE_NEIGHBOURS or agreeing < 0.6 * len(np.unique(sites)) or not both:
        return None
    return _Shift(camera, *span, "wrong_place", km, gain)


def _standing_clock(legs: Legs, mine: Ints, camera: int, speeds: Floats, span: tuple[int, int]) -> _Shift | None:
    """The shift of a clock, wrong all the time, that makes the hops most usual by the network's speeds."""
    signed = np.where(legs.far[mine] == camera, 1, -1)
    shifts = np.arange(-LONGEST_S, LONGEST_S + 1, 30)
    moved = np.abs(legs.seconds[mine][:, None] - signed[:, None] * shifts)
    told = speeds[np.searchsorted(_SLOW, np.log(np.maximum(moved, 1) / legs.km[mine][:, None]))]
    total = told.sum(axis=0)
    none = len(shifts) // 2
    best = int(total.argmax())
    gain = float(total[best] - total[none])
    if abs(shifts[best]) < STANDING_SHIFT_S or gain < PLACE_GAIN or gain < PLACE_SHARE * len(mine):
        return None
    better = told[:, best] - told[:, none]
    sites = np.asarray([legs.sites[other] for other in legs.near[mine] + legs.far[mine] - camera])
    agreeing = sum(better[sites == site].sum() > 2 for site in np.unique(sites))
    if agreeing < LEAST_NEIGHBOURS or agreeing < 0.5 * len(np.unique(sites)):
        return None
    return _Shift(camera, *span, "clock_offset", float(shifts[best]), gain)


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


def _told(legs: Legs, shifts: Sequence[_Shift]) -> list[HealthInterval]:
    """Join blocks that follow one another, and put them in words."""
    told = []
    newest = int(legs.day.max()) + 1
    by_camera = sorted(shifts, key=lambda shift: (shift.camera, shift.kind, shift.first))
    group: list[_Shift] = []
    for shift in [*by_camera, None]:
        if group and (shift is None or not _follows(group[-1], shift)):
            if len(group) > 1 or group[0].gain >= LONE_GAIN or group[0].end - group[0].first > 1:
                told.append(_interval(legs, group, newest))
            group = []
        if shift is not None:
            group.append(shift)
    return told


def _follows(one: _Shift, other: _Shift) -> bool:
    together = (one.camera, one.kind) == (other.camera, other.kind) and other.first - one.end <= 2
    return together and one.value * other.value > 0


def _interval(legs: Legs, group: Sequence[_Shift], newest: int) -> HealthInterval:
    camera, kind = group[0].camera, group[0].kind
    value = float(np.median([shift.value for shift in group]))
    if kind == "clock_offset":
        way = "fast" if value > 0 else "slow"
        says = (
            f"Ways to it take {abs(value):,.0f} s {'longer' if value > 0 else 'less'} than usual and ways from it "
            f"{abs(value):,.0f} s {'less' if value > 0 else 'longer'}: its clock is that much {way}."
        )
        first, last = group[0].value, group[-1].value
        if len(group) > 2 and abs(last - first) > max(60, 0.5 * abs(value)):
            says += f" It drifts: from {first:+,.0f} s to {last:+,.0f} s."
    else:
        says = f"Travel times to its neighbours, both ways, fit a place about {value:.0f} km from the registered one."
    return HealthInterval(
        camera_id=legs.cameras[camera],
        site_id=legs.sites[camera],
        start=_day(group[0].first),
        end=_day(group[-1].end),
        kind="clock_offset" if kind == "clock_offset" else "wrong_place",
        expected=0.0,
        seen=round(value, 1),
        ongoing=group[-1].end >= newest,
        says=says,
    )


def _day(number: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)
