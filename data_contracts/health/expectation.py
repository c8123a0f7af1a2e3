"""What a camera should have read: its own past, by weekday and hour, robust to outliers and to outages in that past.

Three sources, each filling in where the one before has too little: the same weekday and hour of the last weeks; the
same hour of all working days (or of Saturdays, of Sundays); the network's shape of a day at the camera's own level.
Belongs here: the expectation. Does not: how far reads may lie from it (spread) or what that means (states).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from data_contracts.health.counts import DAY, Bools, Calendar, Counts, Floats, Ints, calendar_of

WEEKS = 6
WIDE_WEEKS = 13
LEAST_WEEKS = 3
LEVEL_DAYS = 14
CAMERAS_AT_ONCE = 64
_DAYTYPE = np.array([0, 0, 0, 0, 0, 1, 2])
_SLOT_VARIES = 0.15  # how much one weekday's hour differs from the working days' together, as a share


@dataclass(frozen=True)
class Expectation:
    """Expected reads, (cameras, bins), the network's factor not yet in them.

    `own_past` says of each camera and day whether it was judged by earlier weeks alone (else by the whole history).
    """

    expected: Floats
    own_past: Bools
    calendar: Calendar


def expected_volumes(counts: Counts, left_out: Bools | None = None, hindsight: bool = False) -> Expectation:
    """Expected reads of every camera and bin.

    Call it with counts of several weeks, built by `counts_of` (or `lake_counts`, `read_counts_file`): hourly or daily,
    whole history first to last; the last columns may be the day to be judged. `plain_outages(counts)` is a first guess
    at what to leave out of the past. A camera's day beside the same weekday and hours is
    `expected_volumes(counts, plain_outages(counts)).expected[:, -24:].sum(axis=1)` and `counts.n[:, -24:].sum(axis=1)`.

    Args:
        counts: The grid.
        left_out: Bins that say nothing about what is usual: outages, floods; (cameras, bins).
        hindsight: Take the weeks before and after in equal parts, to see long faults that the past alone gets used to.
    """
    calendar = calendar_of(counts)
    expected = np.zeros(counts.n.shape, dtype=np.float32)
    own_past = np.zeros((len(counts.cameras), calendar.days), dtype=np.bool_)
    usable = counts.alive if left_out is None else counts.alive & ~left_out
    network = _network_shape(counts, usable, calendar)
    for begin in range(0, len(counts.cameras), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        by_day, known = by_slot(counts.n[rows], usable[rows], calendar)
        usual, own = _usual(by_day, known, network, hindsight)
        if not hindsight:
            usual *= _level(by_day, known, usual)[:, :, None]
        expected[rows] = _to_bins(usual, calendar, counts)
        own_past[rows] = own
    return Expectation(expected, own_past, calendar)


def by_slot(n: Floats, usable: Bools, calendar: Calendar) -> tuple[Floats, Bools]:
    """Reads per bin, averaged over the bins of each slot: (cameras, days, slots), and whether all are usable."""
    cell = calendar.day * calendar.slots + calendar.slot
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    size, shape = calendar.days * calendar.slots, (len(n), calendar.days, calendar.slots)
    total, members = np.zeros((len(n), size), dtype=np.float32), np.zeros(size, dtype=np.float32)
    bad = np.zeros((len(n), size), dtype=np.bool_)
    # where the clock goes back an hour comes twice: both are in its slot
    per_run = np.diff(np.append(starts, len(cell)))
    np.add.at(members, cell[starts], per_run)
    sums = np.add.reduceat(n, starts, axis=1)
    spoilt = np.logical_or.reduceat(~usable, starts, axis=1)
    if len(np.unique(cell[starts])) == len(starts):
        total[:, cell[starts]], bad[:, cell[starts]] = sums, spoilt
    else:
        for run, place in enumerate(cell[starts]):
            total[:, place] += sums[:, run]
            bad[:, place] |= spoilt[:, run]
    known = ~bad & (members > 0)
    return (total / np.maximum(members, 1)).reshape(shape).astype(np.float32), known.reshape(shape)


def plain_outages(counts: Counts) -> Bools:
    """Bins that are so long without reads that they cannot belong to what is usual, whatever else is known."""
    calendar = calendar_of(counts)
    found = np.zeros(counts.n.shape, dtype=np.bool_)
    for begin in range(0, len(counts.cameras), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        alive = counts.alive[rows]
        by_day, known = by_slot(counts.n[rows], alive, calendar)
        rate = _to_bins(_rough(by_day, known), calendar, counts)
        found[rows] = _long_zeros(counts.n[rows], alive, rate) & alive
    return found


def _rough(by_day: Floats, known: Bools) -> Floats:
    """A rate for each hour from those days on which anything was read: working days and the others apart."""
    total = np.where(known, by_day, 0).sum(axis=2)
    live = (total > 0)[:, :, None] & known
    rate = np.zeros_like(by_day)
    weekday = np.arange(by_day.shape[1]) % 7
    for chosen in (weekday < 5, weekday >= 5):
        values = np.where(live[:, chosen], by_day[:, chosen], 0)
        typical = values.sum(axis=1) / np.maximum(live[:, chosen].sum(axis=1), 1)
        capped = np.minimum(values, 3 * typical[:, None] + 3)
        rate[:, chosen] = (capped.sum(axis=1) / np.maximum(live[:, chosen].sum(axis=1), 1))[:, None]
    return rate


def _long_zeros(n: Floats, alive: Bools, rate: Floats) -> Bools:
    """Runs without reads in which about twenty or more should have been."""
    silent = (n == 0) | ~alive
    total = np.cumsum(np.where(alive, rate, 0), axis=1)
    at = np.broadcast_to(np.arange(n.shape[1]), n.shape)
    before = np.maximum.accumulate(np.where(~silent, at, -1), axis=1)
    after = np.flip(np.minimum.accumulate(np.flip(np.where(~silent, at, n.shape[1]), 1), axis=1), 1)
    upto = np.take_along_axis(total, np.minimum(after, n.shape[1]) - 1, axis=1)
    since = np.where(before >= 0, np.take_along_axis(total, np.maximum(before, 0), axis=1), 0)
    return np.asarray(silent & (upto - since > 20))


def _usual(by_day: Floats, known: Bools, network: Floats, hindsight: bool) -> tuple[Floats, Bools]:
    """Usual reads of each day and slot, and whether earlier weeks alone say so."""
    cameras, days, slots = by_day.shape
    weeks = days // 7
    values = by_day.reshape(cameras, weeks, 7 * slots)
    mean, number, own = _recent(values, known.reshape(values.shape), hindsight)
    mean, number = mean.reshape(cameras, weeks, 7, slots), number.reshape(cameras, weeks, 7, slots)
    pooled, pooled_number = _pool(mean, number)
    shaped = _at_own_level(by_day, known, network)[:, None]
    pooled = (pooled * pooled_number + shaped * 0.5) / (pooled_number + 0.5)
    noise = (pooled + 0.1 * pooled**2) / np.maximum(number, 1)
    trust = np.where(number > 0, (_SLOT_VARIES * pooled) ** 2 / ((_SLOT_VARIES * pooled) ** 2 + noise + 1e-9), 0)
    usual = trust * mean + (1 - trust) * pooled
    return usual.reshape(by_day.shape), np.repeat(own, 7, axis=1)


def _recent(values: Floats, known: Bools, hindsight: bool) -> tuple[Floats, Floats, Bools]:
    """Mean of the last weeks that are known, outliers cut, for each week and slot; how many they were; the basis.

    The weeks before are taken; where they are too few, the first weeks that there are, later ones among them.
    """
    order = np.argsort(~known, axis=1, kind="stable")
    packed = np.take_along_axis(np.where(known, values, np.nan), order, axis=1)
    seen: Ints = np.cumsum(known, axis=1) - known  # weeks known before this one
    total = known.sum(axis=1, keepdims=True)
    length = WIDE_WEEKS if hindsight else WEEKS
    padded = np.concatenate([np.full((len(values), length, values.shape[2]), np.nan, dtype=np.float32), packed], axis=1)
    windows = sliding_window_view(padded, length, axis=1)  # window j holds the weeks before the j-th known one
    middle = _median(windows)
    reach = 0.6 * middle + 3 * np.sqrt(middle + 1)
    cut = np.clip(windows, (middle - reach)[..., None], (middle + reach)[..., None])
    held = ~np.isnan(windows)
    number = held.sum(axis=-1).astype(np.float32)
    mean = np.where(held, cut, 0).sum(axis=-1) / np.maximum(number, 1)
    enough: Bools = seen >= LEAST_WEEKS
    if hindsight:
        place = np.minimum(np.maximum(seen + length // 2 + 1, length), total)
    else:
        place = np.where(enough, seen, np.minimum(WEEKS, total))
    return (
        np.take_along_axis(mean, place, axis=1).astype(np.float32),
        np.take_along_axis(number, place, axis=1),
        np.asarray(enough.sum(axis=2) * 2 > enough.shape[2]),
    )


def _median(windows: Floats) -> Floats:
    """Median along the last axis without what is missing; 0 of nothing."""
    ranked = np.sort(windows, axis=-1)
    number = (~np.isnan(ranked)).sum(axis=-1)
    low, high = np.maximum((number - 1) // 2, 0), np.minimum(number // 2, windows.shape[-1] - 1)
    middle = (
        np.take_along_axis(ranked, low[..., None], -1)[..., 0] + np.take_along_axis(ranked, high[..., None], -1)[..., 0]
    ) / 2
    return np.nan_to_num(middle).astype(np.float32)


def _pool(mean: Floats, number: Floats) -> tuple[Floats, Floats]:
    """The same hour on all days of a kind, outliers among the days cut: each day's, and how many observations."""
    pooled, observed = np.zeros_like(mean), np.zeros_like(number)
    for kind in range(3):
        days = np.flatnonzero(kind == _DAYTYPE)
        known = number[:, :, days] > 0
        values = np.moveaxis(np.where(known, mean[:, :, days], np.nan), 2, -1)
        middle = _median(values)
        reach = 0.6 * middle + 3 * np.sqrt(middle + 0.3)
        cut = np.clip(values, np.maximum(middle - reach, 0)[..., None], (middle + reach)[..., None])
        weight = np.moveaxis(number[:, :, days], 2, -1)
        total = weight.sum(axis=-1)
        pooled[:, :, days] = (np.nansum(cut * weight, axis=-1) / np.maximum(total, 1))[:, :, None]
        observed[:, :, days] = total[:, :, None]
    return pooled, observed


def _network_shape(counts: Counts, usable: Bools, calendar: Calendar) -> Floats:
    """Share of a camera's average bin that each weekday and slot has, over all cameras: (7, slots), mean 1."""
    total = np.zeros((7, calendar.slots), dtype=np.float64)
    for begin in range(0, len(counts.cameras), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        by_day, known = by_slot(counts.n[rows], usable[rows], calendar)
        size = (len(by_day), calendar.days // 7, 7, calendar.slots)
        sums = np.where(known, by_day, 0).reshape(size).sum(axis=1)
        total += (sums / np.maximum(known.reshape(size).sum(axis=1), 1)).sum(axis=0)
    known_days = total.sum(axis=1) > 0
    if not known_days.any():
        return np.ones((7, calendar.slots), dtype=np.float32)
    total[~known_days] = total[known_days].mean(axis=0)
    return np.asarray(total / total.mean(), dtype=np.float32)


def _at_own_level(by_day: Floats, known: Bools, network: Floats) -> Floats:
    """The network's week at each camera's own level, (cameras, 7, slots)."""
    weekly = np.tile(network, (by_day.shape[1] // 7, 1))
    level = (np.where(known, by_day, 0).sum(axis=(1, 2)) + 1e-6) / (np.where(known, weekly, 0).sum(axis=(1, 2)) + 1e-3)
    return np.asarray(level[:, None, None] * network, dtype=np.float32)


def _level(by_day: Floats, known: Bools, usual: Floats) -> Floats:
    """How the last fortnight was beside what is usual, for seasons and trends: (cameras, days), or 1."""
    seen, should = np.where(known, by_day, 0).sum(axis=2), np.where(known, usual, 0).sum(axis=2)
    whole = should > 0.5 * usual.sum(axis=2)
    ratio = np.where(whole & (should > 0), seen / np.maximum(should, 1e-6), np.nan).astype(np.float32)
    weight = np.where(whole, should, 0).astype(np.float32)
    blank = np.full((len(ratio), LEVEL_DAYS), np.nan, dtype=np.float32)
    recent = sliding_window_view(np.concatenate([blank, ratio], axis=1)[:, :-1], LEVEL_DAYS, axis=1)
    weights = sliding_window_view(np.concatenate([np.nan_to_num(blank), weight], axis=1)[:, :-1], LEVEL_DAYS, axis=1)
    held = ~np.isnan(recent)
    middle = _median(recent)
    cut = np.clip(np.nan_to_num(recent), 0.6 * middle[..., None], 1.5 * middle[..., None] + 0.3)
    slots = usual.shape[2]
    known_reads = (weights * held).sum(axis=-1) * slots
    plain = (cut * weights * held).sum(axis=-1) / np.maximum((weights * held).sum(axis=-1), 1e-6)
    # 50 reads' worth of belief that nothing has changed, and three days' worth
    belief = known_reads / (known_reads + 50) * held.sum(axis=-1) / (held.sum(axis=-1) + 3)
    return np.asarray(np.clip(1 + belief * (plain - 1), 0.4, 2.5), dtype=np.float32)


def _to_bins(usual: Floats, calendar: Calendar, counts: Counts) -> Floats:
    """Usual reads of slots, laid on the bins; within an hour a straight line from middle to middle."""
    flat = usual.reshape(len(usual), -1)
    cell = calendar.day * calendar.slots + calendar.slot
    if calendar.slots * max(counts.width, 1) >= DAY:
        return np.ascontiguousarray(flat[:, cell])
    per_slot = counts.bins_per_day // calendar.slots
    inside = (np.arange(len(cell)) + _phase(cell, per_slot)) % per_slot
    where = cell + (inside + 0.5) / per_slot - 0.5
    low = np.clip(np.floor(where).astype(np.int64), 0, flat.shape[1] - 1)
    high = np.minimum(low + 1, flat.shape[1] - 1)
    share = (where - low).astype(np.float32).clip(0, 1)
    return np.asarray(flat[:, low] * (1 - share) + flat[:, high] * share, dtype=np.float32)


def _phase(cell: NDArray[Any], per_slot: int) -> int:
    """How far into its hour the first bin lies."""
    changes = np.flatnonzero(np.diff(cell))
    return int(per_slot - 1 - changes[0]) % per_slot if len(changes) else 0
