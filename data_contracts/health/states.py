"""The state of each camera in each bin, by evidence that adds up: the likeliest run of states (Viterbi).

To call a camera ill has a price that a few empty hours at night do not pay, but a long silence on a quiet road does,
and a night without evidence does not end an outage. Belongs here: states, prices, the search. Does not: which are told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Bools, Floats

OUTAGE, PARTIAL, LOW, USUAL, HIGH, FLOOD = range(6)
States = NDArray[np.int8]
# share of the expected reads in each state; between neighbours the border lies near their geometric mean
_SHARE = np.array([0.003, 0.33, 0.72, 1.0, 1.35, 2.2], dtype=np.float32)
_STRAY = 0.02  # reads that a dead camera shows in a bin
_ENTER = {OUTAGE: 10.0, PARTIAL: 14.0, FLOOD: 14.0}
_LEAVE, _SWAY, _TURN = 3.0, 2.5, 8.0
_CAP = 24.0  # no single hour counts for more
BLOCK = 256


def find_states(n: Floats, expected: Floats, factor: Floats, dispersion: Floats, alive: Bools, hours: float) -> States:
    """The likeliest states.

    Args:
        n: Reads, (cameras, bins).
        expected: Expected reads before the network's factor.
        factor: The network's factor, for each bin. Few reads must be few, and many many, with it and without it: a road
            to the coast does not follow the network on a holiday.
        dispersion: Of the counts, (cameras, bins).
        alive: Bins within the camera's life.
        hours: Length of a bin.
    """
    cameras, bins = n.shape
    prices = _prices()
    back = np.zeros((bins, cameras, len(_SHARE)), dtype=np.int8)
    score = np.tile(-prices[USUAL], (cameras, 1)).astype(np.float32)
    for begin in range(0, bins, BLOCK):
        part = slice(begin, begin + BLOCK)
        told = _evidence(n[:, part], expected[:, part], factor[part], dispersion[:, part], hours)
        told *= alive[:, part, None]
        for offset in range(told.shape[1]):
            score = _step(score, told[:, offset], prices, back[begin + offset])
    return _trace(score, back)


def _prices() -> Floats:
    price = np.zeros((len(_SHARE), len(_SHARE)), dtype=np.float32)
    for before in range(len(_SHARE)):
        for after in range(len(_SHARE)):
            if before == after:
                continue
            if after in _ENTER:
                price[before, after] = _TURN if before in _ENTER else _ENTER[after]
            else:
                price[before, after] = _LEAVE if before in _ENTER else _SWAY
    return price


def _step(score: Floats, told: Floats, prices: Floats, back: States) -> Floats:
    # few states: a loop over those before is faster than one array with all pairs
    best = score[:, :1] - prices[0]
    back[:] = 0
    for before in range(1, len(prices)):
        ways = score[:, before, None] - prices[before]
        better = ways > best
        np.copyto(best, ways, where=better)
        back[better] = before
    best += told
    return np.asarray(best - best.max(axis=1, keepdims=True), dtype=np.float32)


def _trace(score: Floats, back: States) -> States:
    bins, cameras, _ = back.shape
    states = np.empty((cameras, bins), dtype=np.int8)
    rows = np.arange(cameras)
    state = score.argmax(axis=1).astype(np.int8)
    for at in range(bins - 1, -1, -1):
        states[:, at] = state
        state = back[at, rows, state]
    return states


def _evidence(n: Floats, expected: Floats, factor: Floats, dispersion: Floats, hours: float) -> Floats:
    """Log likelihood of each state in each bin, up to a constant of the bin, capped: (cameras, bins, states)."""
    low, high = expected * np.minimum(factor, 1), expected * np.maximum(factor, 1)
    size = (1 / dispersion).astype(np.float32)
    told = np.empty((*n.shape, len(_SHARE)), dtype=np.float32)
    for state, share in enumerate(_SHARE):
        base = low if state < USUAL else high if state > USUAL else expected * factor
        told[..., state] = _likelihood(n, base * share + _STRAY, size)
    told -= told.max(axis=-1, keepdims=True)
    return np.maximum(told, -_CAP * min(max(hours, 0.25), 1.0))


def _likelihood(n: Floats, mean: Floats, size: Floats) -> Floats:
    return np.asarray(n * np.log(mean / (size + mean)) - size * np.log1p(mean / size), dtype=np.float32)
