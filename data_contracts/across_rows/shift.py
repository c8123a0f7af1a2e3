"""Whether one shift of a camera's clock makes its reads plausible: what tells a wrong clock from a wrong place.

A clock that is wrong is wrong by the same for every vehicle; a camera that is not where the register says is too far
from its neighbours before and after. A pure function of a sample of reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_S = 3 * 3600
STEP_S = 30
EXPLAINS = 0.6  # share of the sample that one shift must make plausible
GAINS = 0.5  # share of what is implausible now that it must make plausible


@dataclass(frozen=True)
class Neighbours:
    """One read at the camera, and the other reads of the vehicle around it.

    Args:
        after_s: Seconds from the camera's read to each other read; below zero for earlier ones.
        needed_s: Seconds that each way takes at the speed limit.
    """

    after_s: Sequence[float]
    needed_s: Sequence[float]


@dataclass(frozen=True)
class Shift:
    """A clock error: how many seconds the camera's times are too late, and the share of reads that it explains."""

    seconds: float
    explained: float


def find_shift(sample: Sequence[Neighbours]) -> Shift | None:
    """The clock error that makes most reads of a sample plausible, or None if none does so for most of them.

    A read is plausible under a shift if every other read of its vehicle is far enough away in time, and if it keeps its
    place in the order of the reads or lies between two of them: else any read could be shifted out of the way.
    """
    if not sample:
        return None
    shifts = np.arange(-LONGEST_S, LONGEST_S + STEP_S, STEP_S, dtype=float)
    explained = np.mean([_plausible(read, shifts) for read in sample], axis=0)
    now = float(explained[len(shifts) // 2])
    best = float(explained.max())
    if best < EXPLAINS or best - now < GAINS * (1 - now):
        return None
    # of equally good shifts the smallest, and the middle of those around it
    good = np.flatnonzero(explained >= best - 1e-9)
    nearest = good[np.abs(shifts[good]).argmin()]
    runs = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    middle = next(run for run in runs if nearest in run)
    return Shift(float(np.median(shifts[middle])), best)


def _plausible(read: Neighbours, shifts: NDArray[np.float64]) -> NDArray[np.bool_]:
    after = np.asarray(read.after_s, dtype=float)[:, None]
    # the read was truly made earlier by the shift, so that every other read lies that much later
    moved = after + shifts
    apart = (np.abs(moved) >= np.asarray(read.needed_s, dtype=float)[:, None]).all(axis=0)
    before = (moved < 0).sum(axis=0)
    same_order = before == (after < 0).sum()
    between = (before > 0) & (before < len(after))
    plausible: NDArray[np.bool_] = apart & (same_order | between)
    return plausible
