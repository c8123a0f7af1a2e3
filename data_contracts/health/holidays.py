"""Days on which the network goes by its day of rest: each camera is then expected to do what it does on its own.

On a bank holiday a road to work is quiet and a road to the coast is full; no factor that they share says both. Belongs
here: which days are such days, and what each camera is expected to read on them. Does not: the factor (network).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data_contracts.health.counts import Bools, Calendar, Counts, Floats, Ints
from data_contracts.health.expectation import Expectation, by_slot
from data_contracts.health.network import HIGHEST, LEAST_CAMERAS, LOWEST, SILENT, in_slots

SATURDAY, SUNDAY = 5, 6
LEAST_OF_DAY = 40.0  # expected reads of a camera from which on its day may tell a holiday
LEAST_APART = 0.15  # of the root of the reads, so a third of the reads: more than a healthy day varies
CHANCE = 1.5  # three standard deviations: the root of a count has one of a half
CLEARLY = 0.5  # of the distance of two ways: so much nearer to one
LEAST_KNOWN = 0.5  # with less of a day that counts, a camera's Sunday is the best guess


@dataclass(frozen=True)
class _Day:
    """How cameras went on a day, of four ways: usual by the network's factor, usual, Saturday, Sunday.

    `levels` are those of the network beside its Saturday and its Sunday.
    """

    levels: tuple[float, float]
    chosen: Ints
    of_rest: bool


def follow_days_of_rest(
    counts: Counts, expectation: Expectation, factor: Floats, left_out: Bools
) -> tuple[Expectation, Floats, Bools]:
    """The expectation and the network's factor, other on days of rest: each camera's own way there, and the factor 1.

    Third, which bins lie on such days: they say nothing of what is usual for their weekday.

    A day is one of rest if of the cameras that plainly tell the two apart most, and five at least, read what they do
    on their own Saturday or Sunday rather than their usual day by the network's factor. So no camera makes one alone.
    Which way a camera went is taken from its reads that count; one that went none of these ways is ill even so.
    """
    calendar, resting_bins = expectation.calendar, np.zeros(counts.bins, dtype=np.bool_)
    if len(counts.cameras) < LEAST_CAMERAS or calendar.days < 14:
        return expectation, factor, resting_bins
    size = (len(counts.cameras), calendar.days, calendar.slots)
    reads, usually, usable = in_slots(counts, expectation.expected, left_out, calendar)
    seen, should, known = reads.reshape(size), usually.reshape(size), usable.reshape(size)
    shared, _ = by_slot(factor[None], np.ones((1, counts.bins), dtype=np.bool_), calendar)
    per_slot = max(counts.bins_per_day // calendar.slots, 1)
    expected, factor = expectation.expected.copy(), factor.copy()
    # the first Saturday and Sunday that are whole come before the first day that can be judged by them
    for day in range(7 if calendar.day[0] < SATURDAY else 14, calendar.days):
        rests = [day // 7 * 7 - 7 + weekday for weekday in (SATURDAY, SUNDAY)]
        usual, resting = should[:, day] * per_slot, [should[:, rest] * per_slot for rest in rests]
        found = _day(seen[:, day] * per_slot, known[:, day], usual, shared[0, day], resting)
        if not found.of_rest:
            continue
        bins = np.flatnonzero(calendar.day == day)
        own = expectation.expected
        expected[:, bins] = own[:, bins] * np.where(found.chosen[:, None] == 0, factor[bins], 1)
        for way, (rest, level) in enumerate(zip(rests, found.levels, strict=True), start=2):
            rows = np.flatnonzero(found.chosen == way)
            expected[np.ix_(rows, bins)] = own[np.ix_(rows, _same_times(calendar, bins, rest))] * np.float32(level)
        factor[bins], resting_bins[bins] = 1, True
    return replace(expectation, expected=expected), factor, resting_bins


def _day(seen: Floats, known: Bools, usual: Floats, shared: Floats, resting: list[Floats]) -> _Day:
    saturday, sunday = (_level(seen, known, rest) for rest in resting)
    ways = np.stack([usual * shared, usual, resting[0] * saturday, resting[1] * sunday])
    off = _apart(ways, seen[None], known)
    rest = 2 + off[2:].argmin(axis=0)
    cameras = np.arange(len(seen))
    between = _apart(ways[0], ways[rest, cameras], known)
    roots = np.where(known, np.sqrt(np.maximum(ways[0], ways[rest, cameras])), 0).sum(axis=1)
    total = np.where(known, seen, 0).sum(axis=1)
    should = np.where(known, np.minimum(usual, resting[1]), 0).sum(axis=1)
    # ways apart no farther than chance or a day's weather tell nothing, and neither do the silent
    tells = (between > LEAST_APART * roots) & (between > CHANCE * np.sqrt(known.sum(axis=1)))
    tells &= (should >= LEAST_OF_DAY) & (total >= SILENT * should)
    gain = off[0] - off[rest, cameras]
    for_rest = int((tells & (gain > CLEARLY * between)).sum())
    against = int((tells & (gain < -CLEARLY * between)).sum())
    weight = np.sqrt(usual)
    little = np.where(known, weight, 0).sum(axis=1) < LEAST_KNOWN * weight.sum(axis=1)
    chosen = np.where(little, len(ways) - 1, off.argmin(axis=0))
    return _Day((saturday, sunday), chosen, for_rest >= LEAST_CAMERAS and for_rest > against)


def _apart(one: Floats, other: Floats, known: Bools) -> Floats:
    """Distance of days, by the roots of their reads, which vary alike on busy roads and quiet ones."""
    return np.asarray(np.where(known, np.abs(np.sqrt(one) - np.sqrt(other)), 0).sum(axis=-1))


def _level(seen: Floats, known: Bools, rest: Floats) -> float:
    """The median over cameras of what was seen beside a day of rest; 1 where too few can say."""
    total, should = (np.where(known, values, 0).sum(axis=1) for values in (seen, rest))
    big = (should >= LEAST_OF_DAY) & (total >= SILENT * should)
    if big.sum() < LEAST_CAMERAS:
        return 1.0
    return float(np.clip(np.median(total[big] / should[big]), LOWEST, HIGHEST))


def _same_times(calendar: Calendar, bins: Ints, day: int) -> Ints:
    """The bins of another day at the same times on the clock."""
    cell = calendar.day * calendar.slots + calendar.slot
    inside = bins - np.searchsorted(cell, cell[bins])
    return np.asarray(np.searchsorted(cell, day * calendar.slots + calendar.slot[bins]) + inside)
