"""Counts of what each camera sent, from the lake, on a grid of hours.

Belongs here: from when to when is judged, and which cameras. Does not: which rows count (sent_hours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np

from data_contracts.health.counts import DAY, EPOCH, HOUR, MOST_CELLS, Counts, Ints, counts_of, is_mobile
from data_contracts.health.sent_hours import sent_hours
from data_contracts.registers.cameras import RegisterRef, register_table
from infra.lake import Lake

ZONE = "Europe/London"
# files of a day come a day later or so; a lake without reads for longer than that is a failure
LATE_DAYS = 2


@dataclass(frozen=True)
class _Registered:
    """What the register says of a camera: its pole, its end in epoch seconds, whether it is moved about."""

    site: str
    end: float
    mobile: bool


def lake_counts(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    register: RegisterRef,
    until: date,
    retention_days: int,
    now: datetime,
) -> Counts:
    """Hourly counts of a ROCU's cameras from the first read to the end of a day (UTC).

    The last hour is that of the newest read. Where no camera has sent anything for two days, counts go on to `now` or
    the end of the day, whichever is earlier: the lake is silent, and that is told.

    Args:
        connection: Any database.
        lake: The lake.
        rocu: The region.
        register: Says which cameras have ended, hang on one pole, or are moved about.
        until: The last day.
        retention_days: How old a read may be.
        now: Nobody waits for reads after it; aware.
    """
    notes = sent_hours(connection, lake, rocu, retention_days)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time())
    rows = connection.execute(
        """SELECT camera_id, epoch(hour)::BIGINT AS second, sum(sent)::BIGINT AS n FROM sent_hours
            WHERE hour < ? GROUP BY ALL ORDER BY ALL""",
        [end],
    ).fetchnumpy()
    cameras, number = np.unique(np.asarray(rows["camera_id"], dtype=str), return_inverse=True)
    second, n = np.asarray(rows["second"]).astype(np.int64), np.asarray(rows["n"])
    wanted = int(min(end.replace(tzinfo=UTC), now).timestamp()) // HOUR * HOUR
    start, stop, said = _span(second, len(cameras), wanted)
    kept = second >= start
    known = _registered(connection, lake, register)
    names = [str(camera) for camera in cameras]
    of = [known.get(name, _Registered(name, 1e18, False)) for name in names]
    sites = [one.site for one in of]
    counts = counts_of(names, number[kept], second[kept], n[kept], HOUR, ZONE, sites, stop)
    last = [min((one.end - counts.start) // HOUR, counts.bins) for one in of]
    return replace(
        counts,
        last=np.maximum(np.asarray(last, dtype=np.float64), 0).astype(np.int64),
        mobile=tuple(one.mobile for one in of),
        notes=(*notes, *said),
    )


def _span(second: Ints, cameras: int, wanted: int) -> tuple[int, int, Sequence[str]]:
    """First and last second of the grid: as wanted, as far as the memory goes."""
    if not len(second):
        return 0, 0, ()
    start, newest = int(second.min()), int(second.max()) + HOUR
    most = max(MOST_CELLS // cameras, 1) * HOUR
    stop = newest
    if wanted - newest >= LATE_DAYS * DAY:
        stop = max(newest, min(wanted, start + most))
    said = []
    if wanted - stop >= 2 * HOUR:
        said.append(f"No reads at all after {_at(stop)} UTC; not judged from then on.")
    if stop - start > most:
        start = stop - most
        said.append(f"More hours than can be judged at once: those before {_at(start)} UTC are left out.")
    return start, stop, said


def _at(second: int) -> str:
    return f"{EPOCH + timedelta(seconds=second):%Y-%m-%d %H:%M}"


def _registered(connection: duckdb.DuckDBPyConnection, lake: Lake, register: RegisterRef) -> dict[str, _Registered]:
    register_table(connection, lake, register)
    rows = connection.execute(
        """SELECT camera_id, max_by(site_id, valid_from), epoch(max(coalesce(valid_to, TIMESTAMP '9999-01-01'))),
                max_by(kind, valid_from)
            FROM register GROUP BY camera_id"""
    ).fetchall()
    return {camera: _Registered(site or camera, end, is_mobile(kind)) for camera, site, end, kind in rows}
