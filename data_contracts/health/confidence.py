"""Decay of confidence: a camera whose reads grow less sure than its own past, for days on end.

Dirt, a lens out of focus, a lamp that fails: volumes hold, confidence sinks. Judged by days with reads enough, beside
the median day of the camera's three months before, the last days left out, so that a slow decay does not become usual.
Belongs here: the decision from daily means. Does not: counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median

import duckdb

from data_contracts.health.results import HealthInterval
from data_contracts.registers.moves import stays_of

PAST_DAYS, RECENT_DAYS, LEAST_PAST, LEAST_READS = 90, 10, 7, 20
LEAST_DAYS, LEAST_FALL, SIGMAS, FLOOR = 3, 5.0, 4.0, 0.7


@dataclass(frozen=True)
class _Day:
    day: date
    mean: float
    reads: int


def find_confidence_decay(
    connection: duckdb.DuckDBPyConnection, sites: Mapping[str, str], until: date, tolerance_m: float
) -> list[HealthInterval]:
    """Intervals of cameras whose confidence fell, from the view `camera_hours` (bins of ten) and the table `register`.

    What a camera read at another place, farther away than `tolerance_m`, is not its past.
    """
    middles = ", ".join(str(10 * number + 5) for number in range(10))
    rows = connection.execute(
        f"""WITH days AS (
                SELECT camera_id, hour::DATE AS day, unnest(confidence_bins) AS n, unnest([{middles}]) AS middle
                FROM camera_hours WHERE hour::DATE <= ?)
            SELECT camera_id, day, sum(n * middle) / sum(n), sum(n)::BIGINT FROM days
            GROUP BY ALL HAVING sum(n) >= {LEAST_READS} ORDER BY ALL""",
        [until],
    ).fetchall()
    moves = connection.execute(
        f"""SELECT camera_id, min(valid_from)::DATE FROM {stays_of("register", tolerance_m)}
            WHERE stay > 0 GROUP BY camera_id, stay"""
    ).fetchall()
    moved: dict[str, list[date]] = defaultdict(list)
    for camera, day in moves:
        moved[camera].append(day)
    by_camera: dict[str, dict[int, list[_Day]]] = defaultdict(lambda: defaultdict(list))
    for camera, day, mean, reads in rows:
        stay = sum(since <= day for since in moved[camera])
        by_camera[camera][stay].append(_Day(day, float(mean), int(reads)))
    return [
        told
        for camera, stays in by_camera.items()
        for stay, days in stays.items()
        for told in _decays(camera, sites.get(camera, camera), days, stay == max(stays))
    ]


def _decays(camera: str, site: str, days: Sequence[_Day], still_there: bool) -> list[HealthInterval]:
    found: list[HealthInterval] = []
    healthy: list[_Day] = []
    low: list[tuple[_Day, float]] = []
    for day in days:
        past = _past(healthy, day.day)
        usual = median(past) if len(past) >= LEAST_PAST else None
        if usual is not None and day.mean < usual - _fall(past, usual):
            low.append((day, usual))
            continue
        found += _told(camera, site, low, ongoing=False)
        low = []
        healthy.append(day)
    return found + _told(camera, site, low, ongoing=still_there)


def _past(healthy: Sequence[_Day], day: date) -> list[float]:
    before = [one for one in healthy if one.day >= day - timedelta(days=PAST_DAYS)]
    older = [one.mean for one in before if one.day < day - timedelta(days=RECENT_DAYS)]
    return older if len(older) >= LEAST_PAST else [one.mean for one in before or healthy[-PAST_DAYS:]]


def _fall(past: Sequence[float], usual: float) -> float:
    spread = 1.4826 * median(abs(mean - usual) for mean in past)
    return max(LEAST_FALL, SIGMAS * max(spread, FLOOR))


def _told(camera: str, site: str, low: Sequence[tuple[_Day, float]], ongoing: bool) -> list[HealthInterval]:
    if len(low) < LEAST_DAYS:
        return []
    usual = sum(usual for _, usual in low) / len(low)
    mean = sum(day.mean * day.reads for day, _ in low) / sum(day.reads for day, _ in low)
    first, last = low[0][0].day, low[-1][0].day + timedelta(days=1)
    return [
        HealthInterval(
            camera_id=camera,
            site_id=site,
            start=datetime.combine(first, datetime.min.time(), UTC),
            end=datetime.combine(last, datetime.min.time(), UTC),
            kind="confidence_decay",
            expected=round(usual, 1),
            seen=round(mean, 1),
            ongoing=ongoing,
            says=f"Mean confidence {mean:.0f} on {len(low)} days where {usual:.0f} was usual: lens, lamp or focus.",
        )
    ]
