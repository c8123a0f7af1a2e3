"""The camera estate seen from the reads alone: which cameras fell silent, came, went, or saw too much.

Pure functions over a small table of daily counts. A camera is judged against its own usual rate times a factor of the
day that all cameras share, so a quiet Sunday or a day delivered in part is nobody's outage; a run of days counts only
when it is far outside what that camera's own irregularity would give, so a quiet camera is not condemned by two empty
days.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import mean, median, pvariance, quantiles

import duckdb
import pyarrow as pa

from models.drift.results import CameraDays, CameraInterval, CameraKind, EstateResult
from models.drift.settings import EstateLimits

_RELIABLE_RATE = 5.0
_LEAST_DAYS = 7
_IQR_OF_NORMAL = 1.349


def count_camera_days(connection: duckdb.DuckDBPyConnection, relation: str = "reads") -> pa.Table:
    """Daily reads per camera: camera_id, site_id, date, n; one row per camera and UTC day with reads, sorted."""
    return connection.sql(
        f"""SELECT camera_id, max(site_id) AS site_id, captured_at::DATE AS date, count(*) AS n
        FROM {relation} GROUP BY camera_id, captured_at::DATE ORDER BY camera_id, date"""
    ).to_arrow_table()


@dataclass(frozen=True)
class _Camera:
    """What is usual for one camera: `expected` reads for each day, `spread` = variance over mean, at least 1."""

    camera_id: str
    site_id: str
    seen: tuple[int, ...]
    rate: float
    expected: tuple[float, ...]
    spread: float


def examine_estate(
    counts: pa.Table, start: date, current_from: date, end: date, limits: EstateLimits | None = None
) -> EstateResult:
    """Find every camera interval between `start` and `end` inclusive.

    Args:
        counts: Columns camera_id, site_id, date, n (reads on that UTC day); days without reads are absent.
        start: First day of the reference span.
        current_from: First day of the current span; the days before it are the reference.
        end: Last day of the current span.
        limits: When a camera counts as changed.
    """
    limits = limits or EstateLimits()
    days = tuple(start + timedelta(days=offset) for offset in range((end - start).days + 1))
    seen, sites = _by_camera(counts, days)
    totals = [sum(row[i] for row in seen.values()) for i in range(len(days))]
    live = [i for i, total in enumerate(totals) if total > 0]
    reference = [i for i in live if days[i] < current_from]
    factors = _day_factors(seen, reference, live, len(days))
    cameras = [_fit(name, sites[name], row, days, reference, live, factors) for name, row in sorted(seen.items())]
    found = [item for camera in cameras for item in _intervals(camera, days, live, limits)]
    return EstateResult(
        days=days,
        current_from=current_from,
        empty_days=tuple(day for i, day in enumerate(days) if totals[i] == 0),
        day_factors=tuple(round(factor, 4) for factor in factors),
        cameras=tuple(
            CameraDays(
                camera_id=c.camera_id,
                site_id=c.site_id,
                usual_per_day=round(c.rate, 3),
                seen=c.seen,
                expected=tuple(round(value, 1) for value in c.expected),
            )
            for c in cameras
        ),
        intervals=_with_scope(found, sites),
    )


def _by_camera(counts: pa.Table, days: Sequence[date]) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    position = {day: i for i, day in enumerate(days)}
    rows: dict[str, list[int]] = defaultdict(lambda: [0] * len(days))
    sites: dict[str, str] = {}
    for row in counts.to_pylist():
        if row["date"] in position:
            rows[row["camera_id"]][position[row["date"]]] += row["n"]
            sites[row["camera_id"]] = row["site_id"] or row["camera_id"]
    return {name: tuple(row) for name, row in rows.items()}, sites


def _day_factors(
    seen: Mapping[str, Sequence[int]], reference: Sequence[int], live: Sequence[int], length: int
) -> list[float]:
    """How busy each day was for the whole estate, 1.0 being usual: a weighted median over the steady cameras."""
    rates = {name: median([row[i] for i in reference]) for name, row in seen.items()} if reference else {}
    steady = {name: rate for name, rate in rates.items() if rate >= _RELIABLE_RATE}
    factors = [1.0] * length
    if not steady:
        return factors
    for i in live:
        factor = _weighted_median([(seen[name][i] / rate, rate) for name, rate in steady.items()])
        factors[i] = factor if factor > 0 else 1.0
    return factors


def _weighted_median(pairs: list[tuple[float, float]]) -> float:
    half = sum(weight for _, weight in pairs) / 2
    total = 0.0
    for value, weight in sorted(pairs):
        total += weight
        if total >= half:
            return value
    return 0.0


def _fit(
    name: str,
    site: str,
    row: Sequence[int],
    days: Sequence[date],
    reference: Sequence[int],
    live: Sequence[int],
    factors: Sequence[float],
) -> _Camera:
    """What is usual for a camera, from the reference, or from its own life when it is newer than that.

    Weekdays and weekends are fitted apart where both have enough days: a business park and a beach differ there.
    """
    first = next(i for i in live if row[i] > 0)
    last = max(i for i in live if row[i] > 0)
    base = [i for i in reference if i >= first]
    if len(base) < _LEAST_DAYS:
        base = [i for i in live if i >= first and (i <= last or i < first + _LEAST_DAYS)]
    rate, spread = _rate_and_spread([row[i] / factors[i] for i in base])
    rates = [rate] * len(days)
    for weekend in (False, True):
        own = [row[i] / factors[i] for i in base if (days[i].weekday() >= 5) is weekend]
        if rate >= _RELIABLE_RATE and sum(value > 0 for value in own) >= 3:
            class_rate, class_spread = _rate_and_spread(own)
            spread = max(spread if weekend else 1.0, class_spread)
            rates = [class_rate if (day.weekday() >= 5) is weekend else rates[i] for i, day in enumerate(days)]
    expected = tuple(usual * factor for usual, factor in zip(rates, factors, strict=True))
    return _Camera(name, site, tuple(row), rate, expected, max(1.0, spread))


def _rate_and_spread(values: Sequence[float]) -> tuple[float, float]:
    positive = [value for value in values if value > 0]
    if len(positive) >= 3 and median(positive) >= _RELIABLE_RATE:
        return median(positive), _robust_variance(positive) / median(positive)
    rate = mean(values)
    return rate, pvariance(values) / rate


def _robust_variance(values: Sequence[float]) -> float:
    low, _, high = quantiles(values, n=4, method="inclusive")
    return ((high - low) / _IQR_OF_NORMAL) ** 2


def _intervals(
    camera: _Camera, days: Sequence[date], live: Sequence[int], limits: EstateLimits
) -> list[CameraInterval]:
    def mark(i: int) -> str:
        if camera.seen[i] <= limits.low_share * camera.expected[i]:
            return "low"
        return "flood" if camera.seen[i] >= limits.flood_share * camera.expected[i] else ""

    found = []
    for kind, group in groupby(live, key=mark):
        run = list(group)
        expected = sum(camera.expected[i] for i in run)
        seen = sum(camera.seen[i] for i in run)
        if kind == "flood" and seen < limits.flood_least * len(run):
            continue
        if kind and _surprise(seen, expected) / camera.spread >= limits.surprise:
            found.append(_interval(camera, _kind(kind, camera, run, live, days, limits), run, live, days))
    return found


def _interval(
    camera: _Camera, kind: CameraKind, run: Sequence[int], live: Sequence[int], days: Sequence[date]
) -> CameraInterval:
    expected = sum(camera.expected[i] for i in run)
    if kind == "new":
        run, expected = [i for i in live if i > run[-1]], 0.0
    return CameraInterval(
        camera_id=camera.camera_id,
        site_id=camera.site_id,
        kind=kind,
        scope="camera",
        start=days[run[0]],
        end=days[run[-1]],
        expected_per_day=round(expected / len(run), 2),
        seen_per_day=round(sum(camera.seen[i] for i in run) / len(run), 2),
    )


def _surprise(seen: float, expected: float) -> float:
    """Chernoff bound on the log-probability of a Poisson count this far from what was expected, in nats."""
    return expected - seen + (seen * math.log(seen / expected) if seen > 0 and expected > 0 else 0.0)


def _kind(
    mark: str,
    camera: _Camera,
    run: Sequence[int],
    live: Sequence[int],
    days: Sequence[date],
    limits: EstateLimits,
) -> CameraKind:
    if mark == "flood":
        return "flood"
    silent = sum(camera.seen[i] <= limits.silent_share * camera.expected[i] for i in run)
    if silent * 2 < len(run):
        return "reduced"
    if run[0] == live[0] and not any(camera.seen[i] for i in run):
        return "new"
    if run[-1] == live[-1] and (days[run[-1]] - days[run[0]]).days + 1 >= limits.gone_days:
        return "removed"
    return "silent"


def _with_scope(found: Sequence[CameraInterval], sites: Mapping[str, str]) -> tuple[CameraInterval, ...]:
    members: dict[str, set[str]] = defaultdict(set)
    for camera, site in sites.items():
        members[site].add(camera)

    def whole(interval: CameraInterval) -> bool:
        same = {
            other.camera_id
            for other in found
            if other.site_id == interval.site_id
            and other.kind == interval.kind
            and other.start <= interval.end
            and interval.start <= other.end
        }
        return len(members[interval.site_id]) > 1 and same == members[interval.site_id]

    scoped = (item.model_copy(update={"scope": "site" if whole(item) else "camera"}) for item in found)
    return tuple(sorted(scoped, key=lambda item: (item.start, item.site_id, item.camera_id)))
