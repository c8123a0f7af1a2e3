"""Cameras that are silent more often than not because they are meant to be: mobile units, and works by the clock.

Such silences are not told one by one, and it is said how many were left out. A fixed camera that fails again and again
is none of these: its silences are long, or come as they like. Belongs here: which silences are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from data_contracts.health.counts import HOUR, Counts
from data_contracts.health.intervals import Run

LEAST_SILENCES, LEAST_SHARE = 6, 0.5
LONG_EVEN_SO = 3.0
SHORT_HOURS, UNEVEN = 48.0, 0.1


def leave_out_turns(counts: Counts, runs: Sequence[Run]) -> tuple[list[Run], tuple[tuple[int, int], ...]]:
    """Of cameras that are silent by turns, only silences that are long even for them.

    Returns:
        The runs that are told, and for each camera of which some are not, its number and how many.
    """
    silent: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        if run.kind == "outage":
            silent[run.camera].append(run)
    dropped: set[Run] = set()
    left_out = []
    for camera, silences in sorted(silent.items()):
        if not _by_turns(counts, camera, silences):
            continue
        usual = float(np.quantile([run.end - run.start for run in silences], 0.75))
        gone = [run for run in silences if run.end - run.start <= LONG_EVEN_SO * usual]
        dropped.update(gone)
        left_out.append((camera, len(gone)))
    return [run for run in runs if run not in dropped], tuple(left_out)


def _by_turns(counts: Counts, camera: int, silences: Sequence[Run]) -> bool:
    life = counts.last[camera] - counts.first[camera]
    if len(silences) < LEAST_SILENCES or sum(run.end - run.start for run in silences) < LEAST_SHARE * life:
        return False
    if counts.mobile and counts.mobile[camera]:
        return True
    lengths = np.asarray([run.end - run.start for run in silences])
    steps = np.diff([run.start for run in silences])
    uneven = float(np.quantile(np.abs(steps - np.median(steps)), 0.75)) / float(np.median(steps))
    # the edges of silences are known to an hour or two, whatever their rhythm
    allowed = max(UNEVEN, 2 * HOUR / counts.width / float(np.median(steps)))
    return bool(np.quantile(lengths, 0.75) * counts.width <= SHORT_HOURS * HOUR and uneven <= allowed)
