"""The volumes of a network of cameras, examined: expectation, network, spread, states, runs; twice.

The first pass finds what must not count as usual; the second judges by what is left. Belongs here: the order of things.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_contracts.health.by_turns import leave_out_turns
from data_contracts.health.counts import DAY, Bools, Counts, Floats, calendar_of
from data_contracts.health.expectation import CAMERAS_AT_ONCE, Expectation, expected_volumes, plain_outages
from data_contracts.health.holidays import follow_days_of_rest
from data_contracts.health.intervals import Judged, Run, find_runs
from data_contracts.health.levels import USUAL_AFTER_DAYS, long_shifts
from data_contracts.health.network import network_factor
from data_contracts.health.poles import join_poles
from data_contracts.health.spread import Spread, measure_spread
from data_contracts.health.states import FLOOD, OUTAGE, PARTIAL, States, find_states
from data_contracts.health.stuck import find_stuck

_ROWS = 256


@dataclass(frozen=True)
class Volumes:
    """What was expected of every camera and bin (the network's factor in it), and the runs that are told.

    `by_turns` has cameras whose silences are a rhythm of their own, and how many are not told for it.
    """

    counts: Counts
    expected: Floats
    own_past: Bools
    runs: tuple[Run, ...]
    by_turns: tuple[tuple[int, int], ...] = ()

    @property
    def zeros_are_written(self) -> bool:
        """Whether the source has rows that count nothing; if not, a missing row is nothing remarkable."""
        return bool((self.counts.present & (self.counts.n == 0)).any())


def examine_volumes(counts: Counts) -> Volumes:
    """Find outages, partial outages, floods, failing poles and stuck counters in a grid of counts."""
    if not counts.bins or not counts.cameras:
        return Volumes(counts, counts.n, np.zeros((len(counts.cameras), 0), dtype=np.bool_), ())
    left_out = plain_outages(counts)
    shifts = long_shifts(counts, left_out, calendar_of(counts))
    left_out |= shifts
    of_rest = np.zeros(counts.bins, dtype=np.bool_)
    for hindsight in (True, False):
        expectation = expected_volumes(counts, left_out | of_rest, hindsight)
        factor, networked = network_factor(counts, expectation.expected, left_out, expectation.calendar)
        expectation, factor, of_rest = follow_days_of_rest(counts, expectation, factor, left_out)
        spread = _spread(counts, expectation, factor, left_out)
        states = _states(counts, expectation.expected, factor, spread)
        left_out = _unusual(states, counts) | shifts
    expected = expectation.expected * factor
    judged = Judged(counts, expected, _lowest_weekday(expectation) * factor, networked, spread)
    told, by_turns = leave_out_turns(counts, find_runs(judged, states))
    runs = join_poles(counts, told)
    runs += find_stuck(counts, expected, _dispersion(spread, expected))
    runs.sort(key=lambda run: (run.camera, run.start))
    own = expectation.own_past[:, expectation.calendar.day]
    return Volumes(counts, expected, own, tuple(runs), by_turns)


def _spread(counts: Counts, expectation: Expectation, factor: Floats, left_out: Bools) -> Spread:
    usable = counts.alive & ~left_out
    return measure_spread(counts.n, expectation.expected * factor, usable, expectation.calendar)


def _dispersion(spread: Spread, expected: Floats) -> Floats:
    return spread.dispersion(slice(None), expected)


def _states(counts: Counts, expected: Floats, factor: Floats, spread: Spread) -> States:
    states = np.empty(counts.n.shape, dtype=np.int8)
    alive = counts.alive
    for begin in range(0, len(counts.cameras), _ROWS):
        rows = slice(begin, begin + _ROWS)
        dispersion = spread.dispersion(rows, expected[rows])
        states[rows] = find_states(
            counts.n[rows], expected[rows], factor, dispersion, alive[rows], min(counts.width, DAY) / 3600
        )
    return states


def _unusual(states: States, counts: Counts) -> Bools:
    """Bins that say nothing of what is usual. What is low or high for six weeks is the new usual from then on."""
    ill = np.isin(states, (OUTAGE, PARTIAL, FLOOD))
    moved = np.isin(states, (PARTIAL, FLOOD))
    at = np.broadcast_to(np.arange(counts.bins), states.shape)
    since = at - np.maximum.accumulate(np.where(~moved, at, -1), axis=1)
    return ill & ~(moved & (since * counts.width > USUAL_AFTER_DAYS * DAY))


def _lowest_weekday(expectation: Expectation) -> Floats:
    """The least that any weekday of the same week has at the same time of day, for holidays that no network tells."""
    calendar, expected = expectation.calendar, expectation.expected
    lowest = np.empty_like(expected)
    per_day = np.bincount(calendar.day, minlength=1).max(initial=1)
    first = np.searchsorted(calendar.day, np.arange(calendar.days))
    inside = np.arange(len(calendar.day)) - first[calendar.day]
    for begin in range(0, len(expected), CAMERAS_AT_ONCE):
        rows = slice(begin, begin + CAMERAS_AT_ONCE)
        grid = np.full((len(expected[rows]), calendar.days, per_day), np.inf, dtype=np.float32)
        grid[:, calendar.day, inside] = expected[rows]
        weekly = grid.reshape(len(grid), -1, 7, per_day).min(axis=2)
        lowest[rows] = weekly[:, calendar.day // 7, inside]
    return lowest
