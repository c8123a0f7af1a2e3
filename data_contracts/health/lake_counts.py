"""Counts of what each camera sent, from the lake, on a grid of hours.

Belongs here: from when to when is judged, and which cameras. Does not: which rows count (sent_hours).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np

from data_contracts.health.counts import DAY, EPOCH, HOUR, MOST_CELLS, Counts, Ints, counts_of, is_mobile
from data_contracts.health.sent_hours import sent_hours
from data_contracts.judgement.limits import IngestLimits
from data_contracts.registers.cameras import RegisterRef, register_table
from data_contracts.registers.moves import stays_of
from infra.lake import Lake
from infra.wording import counted

ZONE = "Europe/London"
# files of a day come a day later or so; a lake without reads for longer than that is a failure
LATE_DAYS = 2
MOVED_NAMED = 10
_LONGER_THAN_TIME = 1 << 40  # seconds


@dataclass(frozen=True)
class _Registered:
    """What the register says of a camera at one place: since when and until when, in epoch seconds, its pole, its kind.

    `stay` counts the places it had before.
    """

    camera: str
    stay: int
    since: int
    end: float
    site: str
    mobile: bool


def lake_counts(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    register: RegisterRef,
    until: date,
    limits: IngestLimits,
    now: datetime,
) -> Counts:
    """Hourly counts of a ROCU's cameras from the first read to the end of a day (UTC).

    The last hour is that of the newest read. Where no camera has sent anything for two days, counts go on to `now` or
    the end of the day, whichever is earlier: the lake is silent, and that is told.

    A camera that the register moved has a row for each of its places, for its life begins anew there. The hour of the
    move, which has reads of both places, is in the life of neither.

    Args:
        connection: Any database.
        lake: The lake.
        rocu: The region.
        register: Says which cameras have ended, hang on one pole, or are moved about.
        until: The last day.
        limits: How old a read may be, and how far apart two positions of one place.
        now: Nobody waits for reads after it; aware.
    """
    notes = sent_hours(connection, lake, rocu, limits.retention_days)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time())
    rows = connection.execute(
        """SELECT camera_id, epoch(hour)::BIGINT AS second, sum(sent)::BIGINT AS n FROM sent_hours
            WHERE hour < ? GROUP BY ALL ORDER BY ALL""",
        [end],
    ).fetchnumpy()
    cameras, number = np.unique(np.asarray(rows["camera_id"], dtype=str), return_inverse=True)
    second, n = np.asarray(rows["second"]).astype(np.int64), np.asarray(rows["n"])
    wanted = int(min(end.replace(tzinfo=UTC), now).timestamp()) // HOUR * HOUR
    lives = _lives([str(camera) for camera in cameras], _registered(connection, lake, register, limits))
    held, number = np.unique(_life_of(lives, number, second), return_inverse=True)
    of = [lives[life][1] for life in held]
    start, stop, said = _span(second, len(of), wanted)
    kept = second >= start
    names, sites = [one.camera for one in of], [one.site for one in of]
    counts = counts_of(names, number[kept], second[kept], n[kept], HOUR, ZONE, sites, stop)
    last = [min((one.end - counts.start) // HOUR, counts.bins) for one in of]
    return replace(
        counts,
        last=np.maximum(np.asarray(last, dtype=np.float64), 0).astype(np.int64),
        mobile=tuple(one.mobile for one in of),
        notes=(*notes, *said, *_never_read([one for _, one in lives], of, wanted)),
    )


def _lives(cameras: Sequence[str], known: Mapping[str, Sequence[_Registered]]) -> list[tuple[int, _Registered]]:
    """The lives of all cameras, by camera and time: number of the camera, what the register says."""
    unknown = (_Registered("", 0, 0, 1e18, "", False),)
    return [
        (number, one if one.camera else replace(one, camera=camera, site=camera))
        for number, camera in enumerate(cameras)
        for one in known.get(camera, unknown)
    ]


def _life_of(lives: Sequence[tuple[int, _Registered]], number: Ints, second: Ints) -> Ints:
    """For each row, the life it falls in: the camera's last one that had begun; before all of them, its first."""
    begins = [number * _LONGER_THAN_TIME + (max(one.since, 0) if one.stay else 0) for number, one in lives]
    at = number * _LONGER_THAN_TIME + np.maximum(second, 0)
    return np.asarray(np.searchsorted(begins, at, side="right") - 1, dtype=np.int64)


def _never_read(lives: Sequence[_Registered], held: Sequence[_Registered], wanted: int) -> list[str]:
    """What is said of cameras that were moved and have not sent a read since."""
    sent = set(held)
    silent = [one.camera for one in lives if one.stay and one.since < wanted <= one.end and one not in sent]
    if not silent:
        return []
    named = ", ".join(silent[:MOVED_NAMED]) + (", …" if len(silent) > MOVED_NAMED else "")
    return [f"{counted(len(silent), 'camera')} never sent a read after a move; nothing is expected: {named}."]


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


def _registered(
    connection: duckdb.DuckDBPyConnection, lake: Lake, register: RegisterRef, limits: IngestLimits
) -> dict[str, list[_Registered]]:
    """What the register says of each camera, place after place."""
    register_table(connection, lake, register)
    rows = connection.execute(
        f"""SELECT camera_id, stay, epoch(min(valid_from))::BIGINT,
                epoch(max(coalesce(valid_to, TIMESTAMP '9999-01-01'))), max_by(site_id, valid_from),
                max_by(kind, valid_from)
            FROM {stays_of("register", limits.position_tolerance_m)}
            GROUP BY camera_id, stay ORDER BY camera_id, stay"""
    ).fetchall()
    found: dict[str, list[_Registered]] = defaultdict(list)
    for camera, stay, since, end, site, kind in rows:
        found[camera].append(_Registered(camera, stay, since, end, site or camera, is_mobile(kind)))
    return found
