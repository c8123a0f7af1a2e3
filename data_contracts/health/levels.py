"""Long shifts of a camera's level: months at a third or at the double of what it had before, and whether it came back.

Weeks of a long partial outage look usual to whoever looks at these weeks alone. So each camera's level, a week's reads
beside the network's, is followed from day to day beside what it was before the shift. Belongs here: which days of long
shifts say nothing of what is usual. Does not: faults of up to three weeks, or what is told (states, intervals).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from data_contracts.health.counts import Bools, Calendar, Counts, Floats
from data_contracts.health.expectation import CAMERAS_AT_ONCE, by_slot
from data_contracts.health.network import LEAST_CAMERAS

USUAL_AFTER_DAYS = 42
LONG_DAYS = 21  # a shift, a return and a past must each last as long
WEEK = 7
LEAST_READS = 20.0  # of a week, to speak of a level
LOW, HIGH = np.log(0.55), np.log(1.75)
BACK = np.log(0.75), np.log(1.35)


def long_shifts(counts: Counts, left_out: Bools, calendar: Calendar) -> Bools:
    """Bins of long shifts that say nothing of what is usual, (cameras, bins).

    A shift from which the camera comes back is one fault from its start to its end. One that lasts is the new usual
    after six weeks; and if there were less than six weeks before it and it went up, what was before is the fault.
    """
    found = np.zeros(counts.n.shape, dtype=np.bool_)
    levels = _levels(counts, left_out, calendar)
    for camera in np.flatnonzero(_moves(levels)):
        for first, end in _shifts(levels[camera]):
            found[camera] |= (calendar.day >= first) & (calendar.day < end)
    return found & counts.alive


def _levels(counts: Counts, left_out: Bools, calendar: Calendar) -> Floats:
    """Logarithm of each day's level, the mean of the week around it, without the network's; NaN where unknown."""
    levels = np.full((len(counts.cameras), calendar.days), np.nan, dtype=np.float32)
    for begin in range(0, len(counts.cameras), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        by_day, known = by_slot(counts.n[rows], counts.alive[rows] & ~left_out[rows], calendar)
        whole = known.mean(axis=2) > 0.75
        reads = np.where(whole, np.where(known, by_day, 0).sum(axis=2), np.nan)
        padded = np.pad(reads, ((0, 0), (WEEK // 2, WEEK // 2)), constant_values=np.nan)
        weeks = sliding_window_view(padded, WEEK, axis=1)
        number = (~np.isnan(weeks)).sum(axis=2)
        mean = np.nansum(weeks, axis=2) / np.maximum(number, 1) * max(counts.bins_per_day // calendar.slots, 1)
        levels[rows] = np.where(whole & (number > WEEK // 2), np.log(np.maximum(mean, 0.1)), np.nan)
    usual = np.array([np.median(one[~np.isnan(one)]) if (~np.isnan(one)).any() else np.nan for one in levels])
    levels = np.where((usual >= np.log(LEAST_READS / WEEK))[:, None], levels, np.nan)
    return np.asarray(levels - _network(levels - usual[:, None]), dtype=np.float32)


def _network(off: Floats) -> Floats:
    """The median over cameras of each day; 0 where too few say something."""
    middle = np.zeros(off.shape[1], dtype=np.float32)
    for day in range(off.shape[1]):
        told = off[~np.isnan(off[:, day]), day]
        if len(told) >= LEAST_CAMERAS:
            middle[day] = np.median(told)
    return middle


def _moves(levels: Floats) -> Bools:
    """Cameras with three weeks on either side of a gap as wide as a shift; the others need no second look."""
    ranked = np.sort(levels, axis=1)
    number = (~np.isnan(levels)).sum(axis=1)
    at = np.arange(len(levels))
    enough = number >= 2 * LONG_DAYS
    low = ranked[at, np.where(enough, LONG_DAYS - 1, 0)]
    high = ranked[at, np.where(enough, number - LONG_DAYS, 0)]
    return np.asarray(enough & (high - low > min(-LOW, HIGH)))


def _shifts(level: Floats) -> list[tuple[int, int]]:
    """First and end day of what says nothing of what is usual."""
    days = np.flatnonzero(~np.isnan(level))
    found: list[tuple[int, int]] = []
    begin = 0  # where the past begins, as an index into the days
    while (shift := _next_shift(level[days], begin)) is not None:
        start, end, comes_back = shift
        up = level[days[start]] > np.median(level[days[begin:start]])
        past, lasts = days[start] - days[begin], days[end - 1] + 1 - days[start]
        if up and past < USUAL_AFTER_DAYS <= lasts:
            found.append((int(days[begin]), int(days[start])))
            begin = start
        elif comes_back:
            found.append((int(days[start]), int(days[end - 1]) + 1))
            # the past goes on without the fault
            days = np.delete(days, np.s_[start:end])
        elif lasts > USUAL_AFTER_DAYS:
            found.append((int(days[start]), int(days[start]) + USUAL_AFTER_DAYS))
            begin = int(np.searchsorted(days, days[start] + USUAL_AFTER_DAYS))
        else:
            break
    return found


def _next_shift(level: Floats, begin: int) -> tuple[int, int, bool] | None:
    """Start and end of the next long shift, as indices, and whether the camera comes back from it."""
    at = begin + LONG_DAYS
    while at < len(level):
        usual = float(np.median(level[max(begin, at - USUAL_AFTER_DAYS) : at]))
        if LOW <= level[at] - usual <= HIGH:
            at += 1
            continue
        back = level[at:] - usual > BACK[0] if level[at] < usual else level[at:] - usual < BACK[1]
        end = at + _first_lasting(back)
        if end - at >= LONG_DAYS:
            return at, end, end < len(level)
        at = end + 1
    return None


def _first_lasting(back: Bools) -> int:
    """Where it is back for three weeks, or to the end of what is known; the length if nowhere."""
    starts = np.flatnonzero(np.diff(back, prepend=False) & back)
    for start in starts:
        away = np.flatnonzero(~back[start:])
        if not len(away) or away[0] >= LONG_DAYS:
            return int(start)
    return len(back)
