"""How far a healthy camera's reads lie from what is expected: more than chance alone would have it.

Counts are taken as negative binomial: variance = mean + dispersion * mean². The dispersion is each camera's own, from
quantiles, so that outages do not make it wide; its quiet hours have another than its busy ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_contracts.health.counts import Bools, Calendar, Floats
from data_contracts.health.expectation import by_slot

LEAST, MOST, UNKNOWN = 0.015, 1.5, 0.1
DAYS_LEAST, DAYS_UNKNOWN = 0.1, 0.25
_MAD = 1.4826
_CELLS = 40
WEEK = 7


@dataclass(frozen=True)
class Spread:
    """Of each camera: dispersion in its busy and its quiet bins, where these part, and the spread of days and weeks.

    Weather lasts: a week's mean varies more than seven days that have nothing to do with one another would.
    """

    busy: Floats
    quiet: Floats
    parting: Floats
    days: Floats
    weeks: Floats

    def dispersion(self, rows: slice, expected: Floats) -> Floats:
        """Of bins, by what is expected in them."""
        quiet = expected < self.parting[rows, None]
        return np.where(quiet, self.quiet[rows, None], self.busy[rows, None])

    def of_length(self, camera: int, days: float) -> float:
        """Standard deviation of the logarithm of what is seen in so many days running, beside what is expected."""
        day, week = float(self.days[camera]), float(self.weeks[camera])
        falling = np.clip(np.log(day / week) / np.log(WEEK), 0, 0.5)
        return float(day * np.clip(days, 0.25, 28) ** -falling)


def measure_spread(n: Floats, expected: Floats, usable: Bools, calendar: Calendar) -> Spread:
    """Measure the spread of cameras; `n` and `expected` are (cameras, bins)."""
    parting = 0.25 * np.quantile(expected, 0.95, axis=1)
    quiet = expected < parting[:, None]
    days, weeks = _of_days(n, expected, usable, calendar)
    return Spread(
        busy=_dispersion(n, expected, usable & ~quiet),
        quiet=_dispersion(n, expected, usable & quiet),
        parting=parting.astype(np.float32),
        days=days,
        weeks=weeks,
    )


def _dispersion(n: Floats, expected: Floats, usable: Bools) -> Floats:
    """From the middle half of (n - e)² beside e and e², which is what a quarter of a normal's tails would give."""
    found = np.full(len(n), UNKNOWN, dtype=np.float32)
    for row in range(len(n)):
        chosen = usable[row] & (expected[row] >= 2)
        if chosen.sum() < _CELLS:
            continue
        usual = expected[row, chosen]
        off = np.abs(n[row, chosen] - usual) / usual
        variance = (_MAD * np.median(off)) ** 2
        wide = (np.quantile(off, 0.9) / 1.645) ** 2
        found[row] = max(variance, 0.7 * wide) - np.median(1 / usual)
    return np.asarray(np.clip(found * 1.3, LEAST, MOST), dtype=np.float32)


def _of_days(n: Floats, expected: Floats, usable: Bools, calendar: Calendar) -> tuple[Floats, Floats]:
    seen, known = by_slot(n, usable, calendar)
    should, _ = by_slot(expected, usable, calendar)
    seen, should = np.where(known, seen, 0).sum(axis=2), np.where(known, should, 0).sum(axis=2)
    days, weeks = (np.full(len(n), DAYS_UNKNOWN, dtype=np.float32) for _ in range(2))
    for row in range(len(n)):
        big = (should[row] > 0.5 * np.median(should[row])) & (should[row] > 0) & (seen[row] > 0)
        if big.sum() < 2 * WEEK:
            continue
        off = np.log(seen[row, big] / should[row, big])
        days[row] = _wide(off)
        weeks[row] = _wide(np.convolve(off, np.full(WEEK, 1 / WEEK), mode="valid"))
    days = np.clip(days, DAYS_LEAST, 1.0)
    return days, np.clip(weeks, days / np.sqrt(WEEK), days)


def _wide(off: Floats) -> float:
    around = np.abs(off)
    return float(max(_MAD * np.median(around), 0.7 * np.quantile(around, 0.9) / 1.645))
