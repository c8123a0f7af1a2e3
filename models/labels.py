"""Labels: what the findings of analysts say about the vehicles of one window.

Pure rules on values. A finding is about a vehicle and a window end. To train on, it holds as well for the vehicle's
other windows that overlap that one; to test on, it holds for its own window and no other. Does not belong here: where
findings are stored, what a window's features are.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Standing = Literal["reviewed", "overlapping", "inconclusive", "known", "unreviewed"]
VALUES = {"confirmed": 1, "eliminated": 0}


@dataclass(frozen=True)
class Finding:
    """One analyst finding about one vehicle and window. `decided_at` is UTC, zone-aware."""

    vehicle: str
    window_end: date
    finding: str
    decided_at: datetime


@dataclass(frozen=True)
class Label:
    """What is known about one vehicle in one window.

    Args:
        standing: `reviewed` by a finding about this window; `overlapping`: by one about an overlapping window;
            `inconclusive`: such a finding came to no result; `known`: findings only about other times; `unreviewed`.
        value: 1 confirmed, 0 eliminated, `None` when no finding says so.
        weight: For training, the share of the window that the finding's window covers; 1 for its own window.
    """

    standing: Standing
    value: int | None = None
    weight: float = 0.0


def standing_findings(findings: Iterable[Finding], as_of: date) -> dict[str, tuple[Finding, ...]]:
    """The finding that stands for each vehicle and window end, by vehicle.

    Only what was decided by the end of `as_of` (UTC) counts; of several about one pair the latest decision stands. Two
    decided at the same moment that disagree stand as inconclusive.
    """
    limit = datetime.combine(as_of + timedelta(days=1), time.min, UTC)
    pairs: dict[tuple[str, date], Finding] = {}
    for finding in findings:
        if finding.decided_at >= limit:
            continue
        pair = (finding.vehicle, finding.window_end)
        pairs[pair] = _later(pairs[pair], finding) if pair in pairs else finding
    by_vehicle: dict[str, list[Finding]] = defaultdict(list)
    for finding in pairs.values():
        by_vehicle[finding.vehicle].append(finding)
    return {
        vehicle: tuple(sorted(found, key=lambda finding: finding.window_end))
        for vehicle, found in sorted(by_vehicle.items())
    }


def _later(first: Finding, second: Finding) -> Finding:
    if first.decided_at == second.decided_at and first.finding != second.finding:
        return Finding(first.vehicle, first.window_end, "inconclusive", first.decided_at)
    return max(first, second, key=lambda finding: finding.decided_at)


def label_vehicle(findings: Sequence[Finding], window_end: date, window_days: int) -> Label:
    """The label of one vehicle in one window, from the vehicle's standing findings.

    The nearest finding whose window overlaps decides, for its window shares most with this one; of two equally near the
    later decision.
    """
    if not findings:
        return Label("unreviewed")
    overlapping = [finding for finding in findings if _apart(finding, window_end) < window_days]
    if not overlapping:
        return Label("known")
    nearest = min(overlapping, key=lambda finding: (_apart(finding, window_end), -finding.decided_at.timestamp()))
    if nearest.finding not in VALUES:
        return Label("inconclusive")
    apart = _apart(nearest, window_end)
    standing: Standing = "overlapping" if apart else "reviewed"
    return Label(standing, VALUES[nearest.finding], (window_days - apart) / window_days)


def label_directly(findings: Sequence[Finding], window_end: date) -> Label:
    """The label of one vehicle in a window that a model is tested on: only a finding about this very window gives one.

    A finding about an overlapping window rests on mostly the same reads. If training had it, a test on it would ask the
    model for what it was told; such a vehicle is `known` here, without a value.
    """
    if not findings:
        return Label("unreviewed")
    direct = [finding for finding in findings if finding.window_end == window_end]
    return label_vehicle(direct, window_end, 1) if direct else Label("known")


def _apart(finding: Finding, window_end: date) -> int:
    return abs((finding.window_end - window_end).days)


def findings_before(decisions: Iterable[Finding], window_end: date) -> dict[str, tuple[Finding, ...]]:
    """What was known when the window ended: findings about earlier windows as they stood at the end of that day (UTC).

    That is what training may use when the hold-out starts there. A finding decided later does not count, and does not
    replace the one that stood.
    """
    kept = {
        vehicle: tuple(finding for finding in found if finding.window_end < window_end)
        for vehicle, found in standing_findings(decisions, window_end).items()
    }
    return {vehicle: found for vehicle, found in kept.items() if found}


def confirmed_vehicles(findings: Mapping[str, tuple[Finding, ...]], window_end: date) -> set[str]:
    """The vehicles with a standing confirmed finding about exactly this window."""
    return {
        vehicle
        for vehicle, found in findings.items()
        if any(finding.window_end == window_end and finding.finding == "confirmed" for finding in found)
    }


def ever_confirmed(findings: Mapping[str, tuple[Finding, ...]]) -> set[str]:
    """The vehicles with a standing confirmed finding about any window."""
    return {vehicle for vehicle, found in findings.items() if any(one.finding == "confirmed" for one in found)}


def sample_unreviewed(vehicles: Iterable[str], window_end: date, count: int, seed: int) -> set[str]:
    """Choose `count` vehicles by the hash of vehicle, window end and seed, so neither order nor machine matters."""

    def draw(vehicle: str) -> bytes:
        return hashlib.sha256(f"{seed}|{window_end.isoformat()}|{vehicle}".encode()).digest()

    return set(sorted(vehicles, key=draw)[:count])
