"""The width of the bins of a file of counts: found from its rows, refused with the first row that does not fit.

Belongs here: steps from row to row, and wider bins where there are too many. Does not: times (clock_times), reading
files (counts_file).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_contracts.health.counts import DAY, Bools, Ints
from infra.errors import WrongInputError
from infra.wording import counted

FOLDED = (900, 3600)
Told = Callable[[int], str]  # a row in words, by its place among the rows


def width_of(camera: Ints, seconds: Ints, name: str, told: Told) -> int:
    """Width of the bins: the commonest step of a camera from row to row; all others must be whole numbers of it.

    Raises:
        WrongInputError: A bin comes twice, or widths are mixed or divide no day; names the first row.
    """
    start = int(seconds.min())
    span = int(seconds.max()) - start + 1
    # one sort of one key serves both the steps and the rows that repeat a bin
    key = np.sort(camera * span + (seconds - start))
    steps = np.diff(key)
    within = (key[1:] % span) >= steps
    if (steps == 0).any():
        raise _repeated(camera * span + (seconds - start), name, told)
    steps = steps[within]
    if not len(steps):
        return DAY if (seconds % DAY == 0).all() else 3600
    values, often = np.unique(steps, return_counts=True)
    width = int(values[often.argmax()])
    if DAY % width:
        raise WrongInputError(
            f"{name}: its bins are {length(width)} wide, the first of {told(_after_step(camera, seconds, width))}.",
            "Deliver bins whose width divides a day, up to one day.",
        )
    _require_even(camera, seconds, width, name, told)
    return width


def _require_even(camera: Ints, seconds: Ints, width: int, name: str, told: Told) -> None:
    """Most rows lie on whole widths from one second of the day; a row that does not is told."""
    phase = seconds % width
    values, often = np.unique(phase, return_counts=True)
    if len(values) == 1:
        return
    odd = int(np.flatnonzero(phase != values[often.argmax()])[0])
    others = seconds[camera == camera[odd]]
    step = int(np.abs(others[others != seconds[odd]] - seconds[odd]).min()) if len(others) > 1 else 0
    said = f" (a step of {length(step)})" if 0 < step < width else ""
    raise WrongInputError(
        f"{name} mixes bins of {length(width)} with others: {told(odd)} is the first that lies between them{said}.",
        "Deliver bins of one width in one file.",
    )


def _after_step(camera: Ints, seconds: Ints, width: int) -> int:
    """The first place whose row is followed by one of the same camera a width later."""
    span = int(seconds.max()) + width + 1
    key = camera * span + seconds
    return int(np.flatnonzero(np.isin(key + width, key))[0])


def _repeated(key: Ints, name: str, told: Told) -> WrongInputError:
    order = np.argsort(key, kind="stable")
    again = order[1:][np.diff(key[order]) == 0]
    first = int(again.min())
    before = int(np.flatnonzero(key == key[first])[0])
    verb = "repeats" if len(again) == 1 else "repeat"
    return WrongInputError(
        f"{name}: {counted(len(again), 'row')} {verb} a camera's bin: {told(first)} is the first, and has the bin of "
        f"{told(before).partition(' of ')[0]}.",
        "Deliver one row for each camera and bin; if the times are local, name their zone (--zone Europe/London).",
    )


def folded_width(cameras: int, seconds: Ints, width: int, most: int, name: str, told: Told) -> int:
    """The least width of bins of which there are at most so many: that of the file, a quarter of an hour, or an hour.

    Raises:
        WrongInputError: There are more even so; names the row whose time lies farthest from the others.
    """
    span = int(seconds.max()) - int(seconds.min())
    for wider in (width, *(wide for wide in FOLDED if wide > width and wide % width == 0)):
        cells = cameras * (span // wider + 1)
        if cells <= most:
            return wider
    far = int(np.abs(seconds - int(np.median(seconds))).argmax())
    raise WrongInputError(
        f"{name} spans {cells:,} bins of {length(wider)} over all cameras, more than {most:,}; {told(far)} lies "
        "farthest from the others.",
        "Check for a stray date, or deliver it in parts or with wider bins.",
    )


def whole_bins(seconds: Ints, width: int, folded: int) -> Bools:
    """Rows of folded bins that the span covers from start to end; a part of one would look short of reads."""
    start, end = int(seconds.min()), int(seconds.max()) + width
    begin = seconds // folded * folded
    return np.asarray((begin >= start) & (begin + folded <= end))


def length(seconds: int) -> str:
    """A width in words."""
    for size, unit in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return counted(seconds // size, unit)
    return counted(seconds, "second")
