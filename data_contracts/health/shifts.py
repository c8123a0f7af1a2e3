"""What explains a camera's hops better than its clock and place as they are; joined over days and put in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.legs import Legs
from data_contracts.health.results import HealthInterval

HOUR_S = 3600
AROUND_DAYS = 6  # before and after a week, for its first and last day
LONE_GAIN = 40.0  # of a single day, more is asked


@dataclass(frozen=True)
class Shift:
    """What explains a camera's hops of a block of days: seconds of its clock, or km of its place."""

    camera: int
    first: int
    end: int
    kind: str
    value: float
    gain: float


def dated(shift: Shift, gained: Callable[[int, int], NDArray[np.float64]]) -> Shift:
    """A week's shift, of the days in and around it in which it holds: the run of days that gain most by it.

    Args:
        shift: As the week has it.
        gained: What each day gains by it, from a day on, for a number of days.
    """
    begin, days = shift.first - AROUND_DAYS, shift.end - shift.first + 2 * AROUND_DAYS
    so_far = np.concatenate([[0.0], np.cumsum(gained(begin, days))])
    runs = np.triu(so_far[None, :] - so_far[:, None], 1)
    # some day of the week itself is in it
    runs[days - AROUND_DAYS :, :] = runs[:, : AROUND_DAYS + 1] = -np.inf
    first, last = np.unravel_index(int(runs.argmax()), runs.shape)
    return replace(shift, first=begin + int(first), end=begin + int(last))


def tell_shifts(legs: Legs, shifts: Sequence[Shift]) -> list[HealthInterval]:
    """Join blocks that follow one another, and put them in words."""
    told = []
    newest = int(legs.day.max()) + 1
    by_camera = sorted(shifts, key=lambda shift: (shift.camera, shift.kind, shift.first))
    group: list[Shift] = []
    for shift in [*by_camera, None]:
        if group and (shift is None or not _follows(group[-1], shift)):
            if len(group) > 1 or group[0].gain >= LONE_GAIN or group[0].end - group[0].first > 1:
                told.append(_interval(legs, group, newest))
            group = []
        if shift is not None:
            group.append(shift)
    return told


def _follows(one: Shift, other: Shift) -> bool:
    # a week, or a day or two, with too few hops to tell may lie between two that tell the same
    near = other.first - one.end <= max(2, one.end - one.first)
    return near and (one.camera, one.kind) == (other.camera, other.kind) and one.value * other.value > 0


def _interval(legs: Legs, group: Sequence[Shift], newest: int) -> HealthInterval:
    camera, kind = group[0].camera, group[0].kind
    value = float(np.median([shift.value for shift in group]))
    if kind == "clock_offset" and abs(value) == HOUR_S:
        says = (
            f"Others read its vehicles an hour {'before' if value > 0 else 'after'} it does: its clock is an hour "
            f"{'fast' if value > 0 else 'slow'}, as one not put forward or back, or set to another zone."
        )
    elif kind == "clock_offset":
        way = "fast" if value > 0 else "slow"
        says = (
            f"Ways to it take {abs(value):,.0f} s {'longer' if value > 0 else 'less'} than usual and ways from it "
            f"{abs(value):,.0f} s {'less' if value > 0 else 'longer'}: its clock is that much {way}."
        )
        first, last = group[0].value, group[-1].value
        if len(group) > 2 and abs(last - first) > max(60, 0.5 * abs(value)):
            says += f" It drifts: from {first:+,.0f} s to {last:+,.0f} s."
    else:
        says = f"Travel times to its neighbours, both ways, fit a place about {value:.0f} km from the registered one."
    return HealthInterval(
        camera_id=legs.cameras[camera],
        site_id=legs.sites[camera],
        start=_midnight(group[0].first),
        end=_midnight(group[-1].end),
        kind="clock_offset" if kind == "clock_offset" else "wrong_place",
        expected=0.0,
        seen=round(value, 1),
        ongoing=group[-1].end >= newest,
        says=says,
    )


def _midnight(number: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)
