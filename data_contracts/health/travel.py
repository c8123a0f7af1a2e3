"""Wrong clocks and wrong places, from travel times that cannot be.

A clock that is fast makes every way to the camera longer and every way from it shorter, by the same seconds, whatever
the neighbour. A place that is wrong makes ways in both directions too long or too short, by what depends on the
neighbour. Both are found by likelihood: under which shift of the clock, at which place, are a camera's hops as usual?
Usual are the pair's own travel times in the past or, for a fault that was always there, the network's speeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Bools, Floats, Ints
from data_contracts.health.hour_clocks import Company, find_hour_shifts, load_company
from data_contracts.health.legs import LONGEST_S, Legs, hops_of, load_legs
from data_contracts.health.places import find_standing_faults
from data_contracts.health.rejected_clocks import rejected_batches, rejected_parts
from data_contracts.health.results import HealthInterval
from data_contracts.health.shifts import Shift, dated, tell_shifts
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import read_parts
from infra.lake import Lake

PAST_DAYS = 42
BEFORE_DAYS = 42  # a fault that began so long before the span is told from its first day
STEP_S = 15
BINS = 2 * LONGEST_S // STEP_S + 1
REACH = LONGEST_S // STEP_S  # shifts that are tried, each way
LEAST_OF_PAIR, LEAST_OF_BLOCK = 25, 20
LEAST_SHIFT_S, LEAST_GAIN, LEAST_SHARE = 60, 15.0, 0.15
LEAST_OF_SCATTER = 3.0
LEAST_NEIGHBOURS = 2
LEAST_OF_WAY = 0.03  # ways to the camera and ways from it must each gain so much a hop
NEW_PAST_DAYS, MOST_PAIRS = 14, 30_000
_FLOOR = 0.02


def travel_parts(lake: Lake, rocu: str, first: date, last: date) -> tuple[PartRef, ...]:
    """The parts that `find_travel_faults` reads: of reads, and of the quarantine where clocks were wrong."""
    since = _hops_since(first)
    return (*read_parts(lake, rocu, since, last), *rejected_parts(rejected_batches(lake, rocu, since, last)))


def find_travel_faults(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, first: date, last: date, tolerance_m: float
) -> list[HealthInterval]:
    """Intervals of wrong clocks and places that touch the days from `first` to `last`.

    Reads the hops since twelve weeks before: six in which a fault may have begun, six in which to see what is usual.
    Places of a camera that are farther apart than `tolerance_m` are judged apart, each by its own past.
    """
    legs = load_legs(connection, lake, rocu, _hops_since(first), last, tolerance_m)
    return judge_travel(legs, first, load_company(connection) if len(legs.seconds) else None)


def _hops_since(first: date) -> date:
    return first - timedelta(days=BEFORE_DAYS + PAST_DAYS)


def judge_travel(legs: Legs, first: date, company: Company | None = None) -> list[HealthInterval]:
    """Intervals of wrong clocks and places that touch the days from `first` on.

    Clocks are looked at from six weeks before: days on which a clock was wrong already are not what is usual for it.

    Args:
        legs: Hops since twelve weeks before.
        first: First day that is told.
        company: What the reads of the same days fit; without, no clock is looked at that is an hour off.
    """
    if not len(legs.seconds):
        return []
    since = (first - date(1970, 1, 1)).days
    looked_at = since - BEFORE_DAYS
    first_day, end = int(legs.day.min()), int(legs.day.max()) + 1
    hours = find_hour_shifts(company, looked_at, _past_until(looked_at, first_day, end)) if company is not None else []
    began = [*hours, *_clocks(legs, looked_at, {shift.camera for shift in hours})]
    standing = find_standing_faults(legs, since)
    always = [shift for shift in standing if _explains_more(shift, [one for one in began if one.end > since])]
    misplaced = {shift.camera for shift in always if shift.kind == "wrong_place"}
    clocks = [shift for shift in began if shift.camera not in misplaced]
    return [told for told in tell_shifts(legs, [*always, *clocks]) if told.end.date() > first]


def _explains_more(standing: Shift, began: Sequence[Shift]) -> bool:
    """Whether a fault of the whole span says more than clocks that went wrong: it has no past to show for itself."""
    return standing.gain > 2 * sum(shift.gain for shift in began if shift.camera == standing.camera)


def _clocks(legs: Legs, since: int, misplaced: set[int]) -> list[Shift]:
    """Blocks in which a camera's clock was wrong: the worst is settled first, its hops put right."""
    legs = _of_common_pairs(legs)
    if not len(legs.seconds):
        return []
    seconds = legs.seconds.copy()
    pair, pairs = _pairs(legs)
    past = _past(legs, since)
    usual = _usual(seconds, pair, len(pairs), past)
    found: list[Shift] = []
    blocks = _doubtful(legs, usual[pair, _place(seconds)], past, _blocks(legs, since, misplaced))
    gains = {block: _scan(legs, seconds, pair, usual, *block) for block in blocks}
    while True:
        sure = {block: shift for block, shift in gains.items() if shift is not None}
        if not sure:
            return found
        block, shift = max(sure.items(), key=lambda item: item[1].gain)
        if shift.end - shift.first > 1:
            shift = _dated(legs, seconds, pair, usual, shift)
        found.append(shift)
        camera, begin, end = shift.camera, shift.first, shift.end
        days = (legs.day >= begin) & (legs.day < end)
        seconds[days & (legs.far == camera)] -= round(shift.value)
        seconds[days & (legs.near == camera)] += round(shift.value)
        gains.pop(block)
        near = {camera} | set(legs.near[days & (legs.far == camera)]) | set(legs.far[days & (legs.near == camera)])
        for other in list(gains):
            if other[0] in near and other[1] < end and other[2] > begin:
                gains[other] = _scan(legs, seconds, pair, usual, *other)


def _past(legs: Legs, since: int) -> Bools:
    """Which hops say what is usual: those before both of their cameras are looked at."""
    order, starts = legs.by_camera
    last = int(legs.day.max()) + 1
    until = np.full(len(legs.cameras), since)
    for camera in np.flatnonzero(np.diff(starts)):
        days = legs.day[order[starts[camera] : starts[camera + 1]]]
        until[camera] = _past_until(since, int(days.min()), last)
    return np.asarray(legs.day < np.maximum(until[legs.near], until[legs.far]))


def _past_until(since: int, first: int, end: int) -> int:
    """The day up to which hops are the past: `since`; with little before it two weeks from the first, at most half."""
    return since if since - first >= NEW_PAST_DAYS else first + min(NEW_PAST_DAYS, (end - first) // 2)


def _place(seconds: Ints) -> Ints:
    return np.asarray(np.clip((seconds + LONGEST_S) // STEP_S, 0, BINS - 1))


def _doubtful(
    legs: Legs, told: NDArray[np.float32], past: Bools, blocks: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Blocks whose hops are less usual than the camera's past ones were: no shift could gain more than that."""
    order, starts = legs.by_camera
    typical = np.full(len(legs.cameras), np.inf)
    for camera in {camera for camera, _, _ in blocks}:
        mine = order[starts[camera] : starts[camera + 1]]
        before = mine[past[mine]]
        if len(before) >= LEAST_OF_BLOCK:
            typical[camera] = float(told[before].mean())
    doubtful = []
    for camera, begin, end in blocks:
        mine = hops_of(legs, camera, begin, end)
        if len(mine) >= LEAST_OF_BLOCK and typical[camera] - float(told[mine].mean()) > LEAST_SHARE / 2:
            doubtful.append((camera, begin, end))
    return doubtful


def _of_common_pairs(legs: Legs) -> Legs:
    """Without the hops of pairs that say too little; of very many pairs, the commonest."""
    if not len(legs.seconds):
        return legs
    pair, pairs = _pairs(legs)
    often = np.bincount(pair, minlength=len(pairs))
    least = max(LEAST_OF_PAIR, int(np.sort(often)[-MOST_PAIRS]) if len(often) > MOST_PAIRS else 0)
    kept = often[pair] >= least
    names = ("near", "far", "seconds", "day", "km")
    return replace(legs, **{name: getattr(legs, name)[kept] for name in names})


def _pairs(legs: Legs) -> tuple[Ints, Ints]:
    pairs, pair = np.unique(legs.near * len(legs.cameras) + legs.far, return_inverse=True)
    return pair, pairs


def _usual(seconds: Ints, pair: Ints, pairs: int, past: Bools) -> NDArray[np.float32]:
    """Logarithm of how usual each difference is for each pair; 0 everywhere for a pair with too little past.

    The past before the span is taken, and the whole time of pairs (as of all, with no past) that had too few hops then.
    """
    place = _place(seconds)
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
    """Of each camera, days from a first on; where a day has too few hops weeks, which begin on Mondays."""
    last = int(legs.day.max()) + 1
    order, starts = legs.by_camera
    blocks = []
    for camera in range(len(legs.cameras)):
        days = legs.day[order[starts[camera] : starts[camera + 1]]]
        hops = int((days >= since).sum())
        if camera in misplaced or hops < LEAST_OF_BLOCK:
            continue
        lived = last - max(since, int(days.min()))
        step = 1 if hops / lived >= 2 * LEAST_OF_BLOCK else 7
        monday = since - (since + 3) % 7
        begins = range(since if step == 1 else monday, last, step)
        blocks += [(camera, begin, min(begin + step, last)) for begin in begins]
    return blocks


def _dated(legs: Legs, seconds: Ints, pair: Ints, usual: NDArray[np.float32], shift: Shift) -> Shift:
    def gained(begin: int, days: int) -> NDArray[np.float64]:
        mine = hops_of(legs, shift.camera, begin, begin + days)
        sign = np.where(legs.far[mine] == shift.camera, 1, -1)
        moved = seconds[mine] - sign * round(shift.value)
        better = usual[pair[mine], _place(moved)] - usual[pair[mine], _place(seconds[mine])]
        return np.asarray(np.bincount(legs.day[mine] - begin, weights=better, minlength=days), dtype=np.float64)

    return dated(shift, gained)


def _scan(
    legs: Legs, seconds: Ints, pair: Ints, usual: NDArray[np.float32], camera: int, begin: int, end: int
) -> Shift | None:
    """The shift of a camera's clock that makes the hops of a block most usual, if it plainly does."""
    mine = hops_of(legs, camera, begin, end)
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
    # of few past hops the usual is rough, and some shift fits it better by chance: for some hops much, for others not
    if gain < LEAST_OF_SCATTER * float(np.sqrt((better**2).sum())):
        return None
    neighbours = legs.near[mine] + legs.far[mine] - camera
    sites = np.asarray([legs.sites[other] for other in neighbours])
    agreeing = sum(better[sites == site].sum() > 2 for site in np.unique(sites))
    coming = sign * np.sign(seconds[mine] - sign * shift) > 0
    both = min(better[coming].sum(), better[~coming].sum()) > LEAST_OF_WAY * len(mine)
    if agreeing < LEAST_NEIGHBOURS or agreeing < 0.5 * len(np.unique(sites)) or not both:
        return None
    return Shift(camera, begin, end, "clock_offset", shift, gain)


def _refined(total: Floats, best: int) -> float:
    """The top of the parabola through the best shift and its neighbours, from no shift."""
    if 0 < best < len(total) - 1:
        left, top, right = (float(total[best + step]) for step in (-1, 0, 1))
        bend = left - 2 * top + right
        return best - REACH + (0.5 * (left - right) / bend if bend < 0 else 0.0)
    return float(best - REACH)
