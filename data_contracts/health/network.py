"""How busy each hour was for the whole network beside what is usual: holidays, weather and matches are nobody's outage.

Belongs here: the factor that all cameras share. Does not: what one camera does beside it.
"""

from __future__ import annotations

import numpy as np

from data_contracts.health.counts import Bools, Calendar, Counts, Floats
from data_contracts.health.expectation import CAMERAS_AT_ONCE, by_slot

LEAST_CAMERAS = 5
LEAST_OF_HOUR, LEAST_OF_DAY = 20.0, 40.0
LOWEST, HIGHEST = 0.15, 3.0
_SILENT = 0.05


def network_factor(counts: Counts, expected: Floats, left_out: Bools, calendar: Calendar) -> tuple[Floats, Bools]:
    """The median over cameras of seen beside expected, for each bin, and whether enough cameras say so.

    Cameras without reads at the time say nothing about traffic; where all are silent it is the feed, and the factor 1.
    An hour's own factor needs five cameras that expect twenty reads, or it is the day's; without those it is 1.
    """
    bins = counts.bins
    if len(counts.cameras) < LEAST_CAMERAS:
        return np.ones(bins, dtype=np.float32), np.zeros(bins, dtype=np.bool_)
    seen, should, known = _slots(counts, expected, left_out, calendar)
    per_slot = max(counts.bins_per_day // calendar.slots, 1)
    hours = _medians(seen * per_slot, should * per_slot, known, LEAST_OF_HOUR)
    size = (len(seen), calendar.days, calendar.slots)
    in_day = [np.where(known, values, 0).reshape(size).sum(axis=2) * per_slot for values in (seen, should)]
    days = np.repeat(_medians(in_day[0], in_day[1], in_day[1] > 0, LEAST_OF_DAY), calendar.slots)
    factor = np.where(np.isnan(hours), days, hours)
    at = factor[calendar.day * calendar.slots + calendar.slot]
    return np.nan_to_num(at.clip(LOWEST, HIGHEST), nan=1.0).astype(np.float32), ~np.isnan(at)


def _slots(counts: Counts, expected: Floats, left_out: Bools, calendar: Calendar) -> tuple[Floats, Floats, Bools]:
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


def _medians(seen: Floats, should: Floats, known: Bools, least: float) -> Floats:
    factors = np.full(seen.shape[1], np.nan, dtype=np.float32)
    for begin in range(0, seen.shape[1], 512):
        part = slice(begin, begin + 512)
        big = known[:, part] & (should[:, part] >= least)
        ratio = np.where(big, seen[:, part] / np.maximum(should[:, part], 1e-6), np.nan)
        ratio[ratio < _SILENT] = np.nan
        ranked = np.sort(ratio, axis=0)
        number = (~np.isnan(ranked)).sum(axis=0)
        at = np.arange(ranked.shape[1])
        middle = (
            ranked[np.maximum((number - 1) // 2, 0), at] + ranked[np.minimum(number // 2, len(ranked) - 1), at]
        ) / 2
        factors[part] = np.where(number >= LEAST_CAMERAS, middle, np.nan)
    return factors
