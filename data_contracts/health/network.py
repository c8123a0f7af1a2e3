"""How busy each hour was for the whole network beside what is usual: holidays, weather and matches are nobody's outage.

Belongs here: the factor that all cameras share. Does not: what one camera does beside it.
"""

from __future__ import annotations

import numpy as np

from data_contracts.health.counts import Bools, Calendar, Counts, Floats, Ints
from data_contracts.health.expectation import CAMERAS_AT_ONCE, by_slot

LEAST_CAMERAS = 5
LEAST_EXPECTED = 20.0
LOWEST, HIGHEST = 0.15, 3.0
CERTAINTY, LEAST_SPREAD = 1.5, 0.05
SILENT = 0.05


def network_factor(counts: Counts, expected: Floats, left_out: Bools, calendar: Calendar) -> tuple[Floats, Bools]:
    """The median over cameras of seen beside expected, for each bin, and whether enough cameras say so.

    Cameras without reads at the time say nothing about traffic; where all are silent it is the feed, and the factor 1.
    An hour goes its own way, away from its day, only as far as five cameras or more agree that it does; so does a day.
    """
    bins = counts.bins
    if len(counts.cameras) < LEAST_CAMERAS:
        return np.ones(bins, dtype=np.float32), np.zeros(bins, dtype=np.bool_)
    seen, should, known = in_slots(counts, expected, left_out, calendar)
    per_slot = max(counts.bins_per_day // calendar.slots, 1)
    size = (len(seen), calendar.days, calendar.slots)
    in_day = [np.where(known, values, 0).reshape(size).sum(axis=2) * per_slot for values in (seen, should)]
    day = _agreed(*_medians(in_day[0], in_day[1], in_day[1] > 0), np.float32(0))
    days = np.repeat(day, calendar.slots)
    hours = _agreed(*_medians(seen * per_slot, should * per_slot, known), np.nan_to_num(days))
    factor = np.exp(np.where(np.isnan(hours), days, hours))
    at = factor[calendar.day * calendar.slots + calendar.slot]
    return np.nan_to_num(at.clip(LOWEST, HIGHEST), nan=1.0).astype(np.float32), ~np.isnan(at)


def _agreed(middle: Floats, error: Floats, usual: Floats | np.float32) -> Floats:
    """What is left of a departure from what is usual when its uncertainty is taken off; NaN where nothing is known."""
    away = middle - usual
    return np.asarray(usual + np.sign(away) * np.maximum(np.abs(away) - CERTAINTY * error, 0), dtype=np.float32)


def in_slots(counts: Counts, expected: Floats, left_out: Bools, calendar: Calendar) -> tuple[Floats, Floats, Bools]:
    """Reads and expected reads per bin of each day's slots, and whether they count: (cameras, slots of all days)."""
    size = (len(counts.cameras), calendar.days * calendar.slots)
    seen, should = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
    known = np.zeros(size, dtype=np.bool_)
    for begin in range(0, len(counts.cameras), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        usable = counts.alive[rows] & ~left_out[rows]
        reads, held = by_slot(counts.n[rows], usable, calendar)
        usual, _ = by_slot(expected[rows], usable, calendar)
        seen[rows], should[rows] = reads.reshape(len(reads), -1), usual.reshape(len(reads), -1)
        known[rows] = held.reshape(len(reads), -1)
    return seen, should, known


def _medians(seen: Floats, should: Floats, known: Bools) -> tuple[Floats, Floats]:
    """Median over cameras of log(seen / should) in each column, and its standard error; NaN with too few cameras."""
    middles, errors = (np.full(seen.shape[1], np.nan, dtype=np.float32) for _ in range(2))
    for begin in range(0, seen.shape[1], 512):
        part = slice(begin, begin + 512)
        ratio = seen[:, part] / np.maximum(should[:, part], 1e-6)
        big = known[:, part] & (should[:, part] >= LEAST_EXPECTED) & (ratio >= SILENT)
        off = np.where(big, np.log(np.maximum(ratio, 1e-6)), np.nan)
        number = big.sum(axis=0)
        middle = _column_median(off, number)
        spread = 1.4826 * _column_median(np.abs(off - middle), number)
        enough = number >= LEAST_CAMERAS
        middles[part] = np.where(enough, middle, np.nan)
        errors[part] = 1.25 * np.maximum(spread, LEAST_SPREAD) / np.sqrt(np.maximum(number, 1))
    return middles, errors


def _column_median(values: Floats, number: Ints) -> Floats:
    ranked = np.sort(values, axis=0)
    at = np.arange(ranked.shape[1])
    low, high = np.maximum((number - 1) // 2, 0), np.minimum(number // 2, len(ranked) - 1)
    return np.asarray((ranked[low, at] + ranked[high, at]) / 2)
