"""Cameras that fail together: both directions of a pole, or all cameras of a network at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from data_contracts.health.counts import Counts
from data_contracts.health.intervals import Run

TOGETHER = 0.5


def join_poles(counts: Counts, runs: Sequence[Run]) -> list[Run]:
    """Call outages that all cameras of a pole have at the same time (more than half of both) failures of the pole."""
    of_site: dict[str, list[int]] = defaultdict(list)
    for camera, site in enumerate(counts.sites):
        of_site[site].append(camera)
    silent: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        if run.kind == "outage":
            silent[run.camera].append(run)

    def fails_with_all(run: Run) -> bool:
        others = [
            other
            for other in of_site[counts.sites[run.camera]]
            if other != run.camera and counts.first[other] < run.end and counts.last[other] > run.start
        ]
        return bool(others) and all(any(_overlap(run, far) >= TOGETHER for far in silent[other]) for other in others)

    return [replace(run, kind="pole_failure") if run.kind == "outage" and fails_with_all(run) else run for run in runs]


def _overlap(one: Run, other: Run) -> float:
    common = min(one.end, other.end) - max(one.start, other.start)
    return max(common, 0) / (max(one.end, other.end) - min(one.start, other.start))
