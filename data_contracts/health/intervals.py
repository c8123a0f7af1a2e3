"""From states to intervals: which runs are told, of what kind, from which bin to which.

Belongs here: the tests that a run must pass before a person hears of it. Does not: wording (wording), poles (poles), or
units that are silent by turns (by_turns).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data_contracts.health.counts import Counts, Floats
from data_contracts.health.results import Kind
from data_contracts.health.spread import Spread
from data_contracts.health.states import FLOOD, OUTAGE, PARTIAL, States

NEAR_ZERO, FEW, MANY = 0.05, 0.55, 1.75
LEAST_EVIDENCE = 9.0  # nats: one in eight thousand
LEAST_HOURS = 0.5
PARTIAL_HOURS, FLOOD_HOURS, LEAST_READS = 4.0, 6.0, 20.0
SIGMAS, SIGMAS_ALONE = 3.0, 4.0
EDGE_SHARE, EDGE_SIGMAS = 0.5, 3.0
HOLIDAY = 0.35  # where no network says that it is one, a day may be this low


@dataclass(frozen=True)
class Run:
    """A run of bins of one camera in one state; `end` is the first bin after it."""

    camera: int
    start: int
    end: int
    kind: Kind
    expected: float
    seen: float


@dataclass(frozen=True)
class Judged:
    """All that runs are judged by. `expected` has the network's factor in it; `sunday` is the week's lowest day."""

    counts: Counts
    expected: Floats
    sunday: Floats
    networked: np.ndarray
    spread: Spread


def find_runs(judged: Judged, states: States) -> list[Run]:
    """The runs that are told, by camera and time."""
    found = []
    for camera in range(len(states)):
        drawn = _drawn(states[camera])
        found += [run for part in _joined(drawn) if (run := _judge(judged, camera, *part)) is not None]
    return found


def _drawn(states: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of ill states: start, end, state."""
    ill = np.where(np.isin(states, (OUTAGE, PARTIAL, FLOOD)), states, -1)
    starts = np.flatnonzero(np.diff(ill, prepend=np.int8(-9)))
    ends = np.append(starts[1:], len(ill))
    return [(int(s), int(e), int(ill[s])) for s, e in zip(starts, ends, strict=True) if ill[s] >= 0]


def _joined(drawn: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join an outage with the bins in which it began and ended, which are partial."""
    joined: list[tuple[int, int, int]] = []
    for start, end, state in drawn:
        if joined and joined[-1][1] == start:
            first, _, before = joined[-1]
            if {state, before} == {OUTAGE, PARTIAL} and min(end - start, start - first) <= 2:
                joined[-1] = (first, end, OUTAGE)
                continue
        joined.append((start, end, state))
    return joined


def _judge(judged: Judged, camera: int, start: int, end: int, state: int) -> Run | None:
    counts = judged.counts
    # a fault neither begins before the camera's life nor after it
    start, end = max(start, int(counts.first[camera])), min(end, int(counts.last[camera]))
    if end <= start:
        return None
    if state == OUTAGE:
        start, end = _with_edges(judged, camera, start, end)
    part = slice(start, end)
    run = Run(
        camera,
        start,
        end,
        "outage",
        expected=float(judged.expected[camera, part].sum()),
        seen=float(counts.n[camera, part].sum()),
    )
    hours = (end - start) * counts.width / 3600
    if state == FLOOD:
        return replace(run, kind="flood") if _is_flood(judged, run, hours) else None
    if state == OUTAGE and _is_silence(judged, run, hours):
        return run
    if not _is_partial(judged, run, hours):
        return None
    silent = run.seen <= NEAR_ZERO * run.expected + 1
    return run if silent else replace(run, kind="partial_outage")


def _with_edges(judged: Judged, camera: int, start: int, end: int) -> tuple[int, int]:
    """Take in the bins in which an outage began and ended, where these are plainly short of reads themselves."""
    if start > judged.counts.first[camera] and _short(judged, camera, start - 1):
        start -= 1
    if end < judged.counts.last[camera] and _short(judged, camera, end):
        end += 1
    return start, end


def _short(judged: Judged, camera: int, at: int) -> bool:
    usual, seen = float(judged.expected[camera, at]), float(judged.counts.n[camera, at])
    one = slice(camera, camera + 1)
    dispersion = float(judged.spread.dispersion(one, judged.expected[one, at : at + 1])[0, 0])
    return seen < EDGE_SHARE * usual and usual - seen > EDGE_SIGMAS * np.sqrt(usual + dispersion * usual**2 + 1)


def _is_silence(judged: Judged, run: Run, hours: float) -> bool:
    if hours < LEAST_HOURS or run.seen > NEAR_ZERO * run.expected + 1:
        return False
    part, one = slice(run.start, run.end), slice(run.camera, run.camera + 1)
    alone = HOLIDAY * np.minimum(judged.expected[one, part], judged.sunday[one, part])
    usual = np.where(judged.networked[part], judged.expected[one, part], alone)
    dispersion = judged.spread.dispersion(one, judged.expected[one, part])
    return float((np.log1p(dispersion * usual) / dispersion).sum()) >= LEAST_EVIDENCE


def _is_partial(judged: Judged, run: Run, hours: float) -> bool:
    """Well below, for long, beyond how this camera's days vary; where no network tells, also below its lowest day."""
    part = slice(run.start, run.end)
    usual = judged.expected[run.camera, part]
    least = np.where(judged.networked[part], usual, np.minimum(usual, judged.sunday[run.camera, part]))
    expected = float(least.sum())
    if hours < PARTIAL_HOURS or expected < LEAST_READS or run.seen >= FEW * expected:
        return False
    return bool(np.log((run.seen + 1) / (expected + 1)) < -SIGMAS * _deviation(judged, run, expected, hours))


def _is_flood(judged: Judged, run: Run, hours: float) -> bool:
    expected = run.expected
    if hours < FLOOD_HOURS or run.seen < LEAST_READS or run.seen < MANY * expected:
        return False
    sigmas = SIGMAS if judged.networked[run.start : run.end].mean() > 0.5 else SIGMAS_ALONE
    return bool(np.log((run.seen + 1) / (expected + 1)) > sigmas * _deviation(judged, run, expected, hours))


def _deviation(judged: Judged, run: Run, expected: float, hours: float) -> float:
    """Standard deviation of the logarithm of a run's reads: of its days, which go together in part, and of chance."""
    own = judged.spread.of_length(run.camera, hours / 24)
    return float(np.hypot(own, 1 / np.sqrt(expected + 1)))
