"""Clocks that went an hour off: not put forward or back, or set to another zone.

Hops do not show them. A read that is an hour early lies before its vehicle's journey, beside other reads than those
of the neighbours. So each read is held against where else its vehicle was read about then: by the clock as it
stands, and an hour either way. Belongs here: that alone. Does not: smaller errors (travel), clocks that were always so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import Ints
from data_contracts.health.shifts import HOUR_S, Shift, dated

ABOUT_S = 900
MOST_READS = 3_000_000
LEAST_MORE, LEAST_TIMES, LEAST_SHARE, LEAST_RISE = 12, 2.0, 0.5, 0.3
LEAST_OF_DAY, LEAST_PAST = 40, 20
GAIN_OF_READ = 1.4  # log(4 / 1): one read in five has company an hour away by chance
_WAYS = ((1, 2, -HOUR_S), (2, 1, HOUR_S))


@dataclass(frozen=True)
class Company:
    """How many reads of a camera on a day have reads of the same vehicle at other poles about then.

    Args:
        camera: Index into the cameras of the hops.
        day: Days since 1970 (UTC).
        either: Reads with such company by any of the three clocks.
        beside: By each: the clock as it stands, an hour put on, an hour taken off.
    """

    camera: Ints
    day: Ints
    either: Ints
    beside: NDArray[np.int64]


def load_company(connection: duckdb.DuckDBPyConnection) -> Company:
    """Count it over `travelling` and `numbered`, which hops are made from; of very many reads, of some vehicles."""
    ((reads,),) = connection.execute("SELECT count(*) FROM travelling").fetchall()
    share = min(1000, 1000 * MOST_READS // max(reads, 1))
    hour = HOUR_S // ABOUT_S
    rows = connection.execute(
        f"""WITH seen AS (
                SELECT vehicle, camera_id, stay, hash(site_id) AS site,
                    epoch(captured_at)::BIGINT // {ABOUT_S} AS about,
                    date_diff('day', DATE '1970-01-01', captured_at::DATE) AS day
                FROM travelling WHERE hash(vehicle) % 1000 < {share}),
            around AS (
                SELECT vehicle, about + step AS about, min(site) AS one, max(site) AS other
                FROM (SELECT DISTINCT vehicle, about, site FROM seen), (VALUES (-1), (0), (1)) AS steps(step)
                GROUP BY ALL),
            held AS (
                SELECT seen.camera_id, seen.stay, seen.day, stands.one <> stands.other AS as_it_is,
                    coalesce(later.one <> site OR later.other <> site, false) AS later,
                    coalesce(earlier.one <> site OR earlier.other <> site, false) AS earlier
                FROM seen JOIN around AS stands ON stands.vehicle = seen.vehicle AND stands.about = seen.about
                LEFT JOIN around AS later ON later.vehicle = seen.vehicle AND later.about = seen.about + {hour}
                LEFT JOIN around AS earlier ON earlier.vehicle = seen.vehicle AND earlier.about = seen.about - {hour})
            SELECT no, day, count(*) FILTER (as_it_is OR later OR earlier) AS either,
                count(*) FILTER (as_it_is) AS as_it_is, count(*) FILTER (later) AS later,
                count(*) FILTER (earlier) AS earlier
            FROM held JOIN numbered USING (camera_id, stay) GROUP BY ALL ORDER BY ALL"""
    ).fetchnumpy()
    return Company(
        camera=np.asarray(rows["no"], dtype=np.int64),
        day=np.asarray(rows["day"], dtype=np.int64),
        either=np.asarray(rows["either"], dtype=np.int64),
        beside=np.stack([np.asarray(rows[name], dtype=np.int64) for name in ("as_it_is", "later", "earlier")], axis=1),
    )


def find_hour_shifts(company: Company, since: int, past_until: int) -> list[Shift]:
    """Days (weeks, where a day has too few reads) on which a camera's reads fit an hour away, as they did not before.

    Args:
        company: Of the past and of the days that are judged.
        since: First day that is judged.
        past_until: Days before this one say what is usual for a camera; where it has hardly any, all days do.
    """
    if not len(company.day):
        return []
    since, last = max(since, int(company.day.min())), int(company.day.max()) + 1
    found = []
    for camera in np.unique(company.camera):
        mine = company.camera == camera
        days, either, beside = company.day[mine], company.either[mine], company.beside[mine]
        past = days < past_until
        if either[past].sum() < LEAST_PAST:
            past = days < last
        usual = beside[past].sum(axis=0) / max(int(either[past].sum()), 1)
        for begin, end in _blocks(since, last, int(either[days >= since].sum())):
            here = (days >= begin) & (days < end)
            shift = _shift(int(camera), (begin, end), int(either[here].sum()), beside[here].sum(axis=0), usual)
            if shift is not None and end - begin > 1:
                shift = dated(shift, partial(_gained, days, beside, shift.value))
            found += [shift] if shift is not None else []
    return found


def _gained(days: Ints, beside: NDArray[np.int64], seconds: float, begin: int, number: int) -> NDArray[np.float64]:
    ((way, opposite),) = ((way, opposite) for way, opposite, value in _WAYS if value == seconds)
    here = (days >= begin) & (days < begin + number)
    more = beside[here, way] - np.maximum(beside[here, 0], beside[here, opposite])
    return np.asarray(np.bincount(days[here] - begin, weights=more, minlength=number), dtype=np.float64)


def _blocks(since: int, last: int, reads: int) -> Iterator[tuple[int, int]]:
    step = 1 if reads / max(last - since, 1) >= LEAST_OF_DAY else 7
    monday = since - (since + 3) % 7
    for begin in range(since if step == 1 else monday, last, step):
        yield begin, min(begin + step, last)


def _shift(
    camera: int, days: tuple[int, int], either: int, beside: NDArray[np.int64], usual: NDArray[np.float64]
) -> Shift | None:
    for way, opposite, seconds in _WAYS:
        fits, others = int(beside[way]), int(max(beside[0], beside[opposite]))
        plain = fits - others >= LEAST_MORE and fits >= LEAST_TIMES * others
        # where the next camera is an hour away, vehicles are beside it an hour later on any day
        if plain and fits >= max(LEAST_SHARE, usual[way] + LEAST_RISE) * either:
            return Shift(camera, *days, "clock_offset", float(seconds), GAIN_OF_READ * (fits - others))
    return None
