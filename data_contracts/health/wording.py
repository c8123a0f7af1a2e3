"""From runs to intervals with a sentence each, for people who have not read how it is decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_contracts.health.counts import Counts
from data_contracts.health.intervals import Run
from data_contracts.health.results import HealthInterval
from data_contracts.health.volumes import Volumes

_TOGETHER = 0.6


def tell(volumes: Volumes) -> list[HealthInterval]:
    """The intervals of volumes, by camera and time."""
    return [_tell(run, volumes) for run in volumes.runs]


def _tell(run: Run, volumes: Volumes) -> HealthInterval:
    counts = volumes.counts
    ongoing = run.end >= counts.bins
    own = bool(volumes.own_past[run.camera, run.start : run.end].mean() > 0.5)
    says = _sentence(run, volumes)
    if ongoing:
        says += " Still so where the counts end."
    if not own:
        says += " Too little past: judged by the whole history."
    return HealthInterval(
        camera_id=counts.cameras[run.camera],
        site_id=counts.sites[run.camera],
        start=counts.moment(run.start),
        end=counts.moment(run.end),
        kind=run.kind,
        expected=round(run.expected, 1),
        seen=run.seen,
        ongoing=ongoing,
        basis="own_past" if own else "whole_history",
        with_network=run.kind in ("outage", "pole_failure") and _share_failing(run, volumes.runs, counts) > _TOGETHER,
        says=says,
    )


def _sentence(run: Run, volumes: Volumes) -> str:
    counts = volumes.counts
    seen, expected = f"{run.seen:,.0f}", f"{round(run.expected, 1):,.0f}"
    lasting = length((run.end - run.start) * counts.width)
    if run.kind == "flood":
        return (
            f"{seen} reads in {lasting} where {expected} were expected: {run.seen / max(run.expected, 0.1):.1f} times."
        )
    if run.kind == "stuck":
        value = int(counts.n[run.camera, run.start])
        return f"The same count, {value:,}, in {run.end - run.start} bins running."
    if run.kind == "partial_outage":
        return f"{seen} reads in {lasting} where {expected} were expected: {run.seen / run.expected:.0%} of them."
    what = "No reads" if run.seen == 0 else f"Only {seen} reads"
    said = f"{what} in {lasting} where {expected} were expected"
    if run.kind == "pole_failure":
        alive = (counts.first < run.end) & (counts.last > run.start)
        rows = np.flatnonzero(alive & (np.asarray(counts.sites) == counts.sites[run.camera]))
        said += f"; all {len({counts.cameras[row] for row in rows})} cameras of the pole failed together"
    elif _share_failing(run, volumes.runs, counts) > _TOGETHER:
        said += "; most cameras failed together, so look at the feed first"
    if volumes.zeros_are_written and not counts.present[run.camera, run.start : run.end].any():
        said += " (no rows at all)"
    return said + "."


def _share_failing(run: Run, runs: Sequence[Run], counts: Counts) -> float:
    """Share of the cameras then alive that are silent for most of the same time; of few cameras it says nothing."""
    alive = int(((counts.first < run.end) & (counts.last > run.start)).sum())
    if alive < 5:
        return 0.0
    middle = (run.start + run.end) // 2
    failing = {r.camera for r in runs if r.kind in ("outage", "pole_failure") and r.start <= middle < r.end}
    return len(failing) / alive


def length(seconds: float) -> str:
    """A time in the unit that fits: minutes, hours or days."""
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 72 * 3600:
        return f"{np.round(seconds / 3600, 1):g} h"
    return f"{np.round(seconds / 86400, 1):g} days"
