"""Times of counts as a clock on the wall told them, and the hours that it told twice or not at all.

Belongs here: from such times to UTC. Does not: what a row must hold (counts_file).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from data_contracts.health.counts import DAY, EPOCH, Counts, Ints

BRITAIN = "Europe/London"


def as_local_days(seconds: Ints, zone: str) -> Ints:
    """Midnights of the zone as midnights read as UTC; all else as it is."""
    if zone == "UTC":
        return seconds
    values, back = np.unique(seconds, return_inverse=True)
    if len(values) > 20_000:
        return seconds
    info = ZoneInfo(zone)
    local = [datetime.fromtimestamp(int(value), info) for value in values]
    if any((moment.hour, moment.minute, moment.second) != (0, 0, 0) for moment in local):
        return seconds
    days = [int((moment.replace(tzinfo=UTC) - EPOCH).total_seconds()) for moment in local]
    return np.asarray(days, dtype=np.int64)[back]


def local_to_utc(seconds: Ints, camera: np.ndarray, n: np.ndarray, zone: str) -> tuple[Ints, Ints]:
    """Local clock times to UTC, and the rows with reads at times that the zone's clock leaves out.

    Of an hour that comes twice, a camera's first row is the earlier one. Reads of an hour that the clock leaves out
    are taken as of the hour after, as on a clock that nobody set; without reads such a row is none.
    """
    info, values = ZoneInfo(zone), np.unique(seconds)
    early, late, real = np.empty_like(values), np.empty_like(values), np.empty(len(values), dtype=np.bool_)
    for place, value in enumerate(values):
        local = (EPOCH + timedelta(seconds=int(value))).replace(tzinfo=info)
        early[place], late[place] = int(local.timestamp()), int(local.replace(fold=1).timestamp())
        real[place] = datetime.fromtimestamp(int(early[place]), info).replace(tzinfo=None) == local.replace(tzinfo=None)
    at = np.searchsorted(values, seconds)
    skipped = np.flatnonzero(~real[at] & (n > 0))
    order = np.lexsort((np.arange(len(seconds)), seconds, camera))
    again = np.zeros(len(seconds), dtype=np.bool_)
    again[order[1:]] = (np.diff(camera[order]) == 0) & (np.diff(seconds[order]) == 0)
    found = np.where(again & (early[at] != late[at]), late[at], early[at])
    return np.where(real[at] | (n > 0), found, -1), skipped


def skipped_hour(connection: duckdb.DuckDBPyConnection, skipped: Ints, zone: str) -> tuple[str, ...]:
    """Tell of the rows that `local_to_utc` gave: how many, and the first with its row and time, from `counted`."""
    if not len(skipped):
        return ()
    row, moment = connection.execute(
        "SELECT row_no, make_timestamp(moment) FROM counted ORDER BY row_no LIMIT 1 OFFSET ?", [int(skipped[0])]
    ).fetchone() or (0, EPOCH)
    return (
        f"{len(skipped)} rows, the first row {row} of {moment:%Y-%m-%d %H:%M}, have reads at a time that {zone} leaves "
        "out when its clock goes forward; they are counted an hour later, as on a clock that nobody set. If many rows "
        "are so, the file is in another zone, such as --zone UTC.",
    )


def added_up(camera: Ints, seconds: Ints, n: np.ndarray, skipped: Ints) -> tuple[Ints, np.ndarray]:
    """Add the reads of skipped rows to the row of the same camera and bin, where there is one; the row is then none."""
    if not len(skipped):
        return seconds, n
    seconds, n = seconds.copy(), n.copy()
    there = np.setdiff1d(np.flatnonzero(np.isin(seconds, seconds[skipped])), skipped)
    row_of = {(int(camera[row]), int(seconds[row])): int(row) for row in there}
    for row in skipped:
        other = row_of.get((int(camera[row]), int(seconds[row])))
        if other is not None:
            n[other] += n[row]
            seconds[row] = -1
    return seconds, n


def change_unheeded(counts: Counts) -> tuple[str, ...]:
    """Tell where clocks in Great Britain changed within counts whose weekday and hour are taken in UTC.

    Traffic keeps to the clock on the wall: from that day on an hour is compared with another one's past.
    """
    if counts.zone != "UTC" or counts.width == DAY or not counts.bins:
        return ()
    first, last = (counts.moment(place) for place in (0, counts.bins - 1))
    noons = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    offsets = [noon.astimezone(ZoneInfo(BRITAIN)).utcoffset() for noon in noons]
    changes = [noon for noon, one, next_ in zip(noons[1:], offsets, offsets[1:], strict=False) if one != next_]
    if not changes:
        return ()
    return (
        f"Weekday and hour are those of UTC; clocks in Great Britain changed by {changes[0]:%Y-%m-%d}, and traffic "
        f"goes by them. If the cameras stand there, give --zone {BRITAIN}: else floods and lows may be told that are "
        "none.",
    )
