"""Failures that most cameras have together, told once for the network instead of once for each camera.

Belongs here: which intervals are one failure. Does not: which cameras failed together (wording).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from data_contracts.health.results import HealthInterval

ALL = "(all)"
_OVERLAP = 0.5


def told_together(intervals: Sequence[HealthInterval]) -> tuple[HealthInterval, ...]:
    """The intervals for people: one of kind `network_outage` in place of those that most cameras have together.

    Cameras that were silent for much shorter or longer than the others keep a line of their own.
    """
    together = in_network(intervals)
    told = [one for one in intervals if one not in together]
    told += [_one_failure(alike, start, end) for alike, start, end in _failures(intervals)]
    return tuple(sorted(told, key=lambda one: (one.camera_id, one.start, one.kind)))


def in_network(intervals: Sequence[HealthInterval]) -> frozenset[HealthInterval]:
    """The intervals in whose place people are told of a `network_outage`."""
    return frozenset(one for alike, _, _ in _failures(intervals) for one in alike)


def _failures(intervals: Sequence[HealthInterval]) -> list[tuple[list[HealthInterval], datetime, datetime]]:
    """Each failure of the network: the intervals that are it, and its start and end in the middle of theirs."""
    found = []
    for group in _groups([one for one in intervals if one.with_network]):
        middle = len(group) // 2
        start, end = sorted(one.start for one in group)[middle], sorted(one.end for one in group)[middle]
        alike = [one for one in group if _overlap(one, start, end) >= _OVERLAP]
        if alike:
            found.append((alike, start, end))
    return found


def _groups(intervals: Sequence[HealthInterval]) -> list[list[HealthInterval]]:
    groups: list[list[HealthInterval]] = []
    for one in sorted(intervals, key=lambda one: one.start):
        if groups and _overlap(one, groups[-1][0].start, groups[-1][0].end) > 0:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _overlap(one: HealthInterval, start: datetime, end: datetime) -> float:
    common = min(one.end, end) - max(one.start, start)
    return max(common / (max(one.end, end) - min(one.start, start)), 0.0)


def _one_failure(alike: Sequence[HealthInterval], start: datetime, end: datetime) -> HealthInterval:
    cameras = len({one.camera_id for one in alike})
    expected, seen = sum(one.expected for one in alike), sum(one.seen for one in alike)
    what = "no reads" if seen == 0 else f"only {seen:,.0f} reads"
    return HealthInterval(
        camera_id=ALL,
        site_id=ALL,
        start=start,
        end=end,
        kind="network_outage",
        expected=round(expected, 1),
        seen=seen,
        ongoing=any(one.ongoing for one in alike),
        basis="own_past" if all(one.basis == "own_past" for one in alike) else "whole_history",
        says=f"{cameras} cameras failed together: {what} where {expected:,.0f} were expected. Look at the feed first; "
        "--json names the cameras.",
    )
