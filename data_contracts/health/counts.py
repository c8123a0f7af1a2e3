"""Counts of reads: one row for each camera, one column for each bin of time, all bins of one width.

Belongs here: the grid and its calendar. Does not: reading files (counts_file) or layers of the lake (lake_counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOUR, DAY = 3600, 86400
MOST_CELLS = 60_000_000
MOBILE = ("mobile", "moveable", "movable", "portable", "redeployable")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Counts:
    """A grid of counts.

    Args:
        cameras: Camera ids, one for each row of the grid; one that was moved has a row for each of its places.
        sites: The pole that each camera hangs on; a camera of its own has its own id here.
        start: Start of the first bin, in epoch seconds; for bins of a day, of the local midnight read as UTC.
        width: Length of a bin, in seconds; divides a day, or is one.
        zone: Where weekday and hour are taken.
        n: Reads, (cameras, bins); a bin without a row counts 0.
        present: Whether the source had a row for the bin.
        first: First bin of each camera's life.
        last: First bin after each camera's life.
        notes: What reading them had to decide, in sentences.
        mobile: Whether the register calls a camera mobile or moveable; empty if none is known.
    """

    cameras: tuple[str, ...]
    sites: tuple[str, ...]
    start: int
    width: int
    zone: str
    n: Floats
    present: Bools
    first: Ints
    last: Ints
    notes: tuple[str, ...] = ()
    mobile: tuple[bool, ...] = ()

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(self.n.shape[1])

    @property
    def bins_per_day(self) -> int:
        """Number of bins in a day."""
        return DAY // self.width

    @property
    def alive(self) -> Bools:
        """Whether a bin lies in the camera's life, (cameras, bins)."""
        at = np.arange(self.bins)
        return (at >= self.first[:, None]) & (at < self.last[:, None])

    def moment(self, bin_no: int) -> datetime:
        """Start of a bin, in the zone of the counts."""
        zone = ZoneInfo(self.zone)
        at = EPOCH + timedelta(seconds=self.start + bin_no * self.width)
        return at.replace(tzinfo=zone) if self.width == DAY else at.astimezone(zone)

    def bin_of(self, moment: datetime) -> int:
        """The bin that a moment falls in; may lie outside the grid."""
        local = moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=UTC) if self.width == DAY else moment
        return int((local - EPOCH).total_seconds() - self.start) // self.width


def is_mobile(kind: str | None) -> bool:
    """Whether a register's kind is that of a unit that is moved about, and silent in between."""
    return kind is not None and any(word in kind.lower() for word in MOBILE)


def counts_of(
    cameras: Sequence[str],
    camera_no: NDArray[Any],
    bin_start: NDArray[Any],
    n: NDArray[Any],
    width: int,
    zone: str,
    sites: Sequence[str] | None = None,
    end: int | None = None,
) -> Counts:
    """Lay rows out on a grid. Rows of one camera and bin are added up.

    Args:
        cameras: Camera ids.
        camera_no: For each row, the index of its camera.
        bin_start: For each row, the start of its bin in epoch seconds (for bins of a day see `Counts.start`).
        n: For each row, the reads.
        width: Length of a bin in seconds.
        zone: Where weekday and hour are taken.
        sites: Pole of each camera; each has its own if not given.
        end: Epoch seconds up to which cameras are watched; the end of the last bin if not given.
    """
    start = int(bin_start.min()) if len(bin_start) else 0
    stop = max(end or 0, int(bin_start.max()) + width if len(bin_start) else 0)
    bins = max((stop - start) // width, 0)
    place = camera_no.astype(np.int64) * bins + (bin_start.astype(np.int64) - start) // width
    size = len(cameras) * bins
    grid = np.zeros(size, dtype=np.float32)
    np.add.at(grid, place, n.astype(np.float32))
    held = np.zeros(size, dtype=np.bool_)
    held[place] = True
    present = held.reshape(len(cameras), bins)
    # a camera's life begins with its first read; it goes on to the end of the counts unless a register says else
    reads = grid.reshape(len(cameras), bins) > 0
    first = np.where(reads.any(axis=1), reads.argmax(axis=1), bins) if bins else np.zeros(len(cameras))
    return Counts(
        cameras=tuple(cameras),
        sites=tuple(sites if sites is not None else cameras),
        start=start,
        width=width,
        zone=zone,
        n=grid.reshape(len(cameras), bins),
        present=present,
        first=first.astype(np.int64),
        last=np.full(len(cameras), bins, dtype=np.int64),
    )


@dataclass(frozen=True)
class Calendar:
    """Where each bin lies in local time: `day` counts from a Monday, `slot` is the hour (0 alone for bins of a day)."""

    day: Ints
    slot: Ints
    days: int
    slots: int

    @property
    def weekday(self) -> Ints:
        """Weekday of each bin, Monday 0."""
        return self.day % 7


def calendar_of(counts: Counts) -> Calendar:
    """The calendar of a grid, in the zone of its counts; a day has 23 or 25 hours when the clock is changed."""
    seconds = counts.start + np.arange(counts.bins, dtype=np.int64) * counts.width
    if counts.width < DAY:
        seconds = seconds + _offsets(seconds, counts.zone)
    day = (seconds // DAY) + 3  # the epoch was a Thursday
    first = int(day[0]) // 7 * 7 if len(day) else 0
    length = max(counts.width, HOUR)
    days = (int(day[-1]) - first) // 7 * 7 + 7 if len(day) else 0
    return Calendar(day - first, (seconds % DAY) // length, days, DAY // length)


def _offsets(seconds: Ints, zone: str) -> Ints:
    if zone == "UTC":
        return np.zeros(len(seconds), dtype=np.int64)
    info = ZoneInfo(zone)
    # no zone changes its clock but on a quarter of an hour
    quarters, back = np.unique(seconds // 900, return_inverse=True)
    if len(quarters) > 50_000:
        quarters, back = np.unique(seconds // HOUR, return_inverse=True)
        length = HOUR
    else:
        length = 900
    offsets = [
        int((datetime.fromtimestamp(int(q) * length, info).utcoffset() or timedelta()).total_seconds())
        for q in quarters
    ]
    return np.asarray(offsets, dtype=np.int64)[back]
