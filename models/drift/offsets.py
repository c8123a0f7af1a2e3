"""Cameras whose clock or registered place was wrong, as camera health finds them from travel times.

A wrong clock makes stays, speeds and times of day drift as if people lived otherwise.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

from data_contracts.health.travel import find_travel_faults
from infra.engine import open_engine
from infra.lake import Lake
from infra.settings import Settings
from models.drift.results import CameraOffset, OffsetKind


def find_offsets(
    settings: Settings, lake: Lake, rocu: str, first: date, last: date, tolerance_m: float | None
) -> tuple[CameraOffset, ...]:
    """Wrong clocks and places on the days from `first` to `last`, by camera and day.

    Args:
        settings: Of this process.
        lake: Where the reads are.
        rocu: Region; it has a camera register.
        first: First day (UTC) of the spans that are compared.
        last: Last day.
        tolerance_m: Metres by which the positions of one place may differ; `None`: nothing is looked at.

    Raises:
        WrongInputError: The ROCU has no camera register.
    """
    if tolerance_m is None:
        return ()
    with open_engine(settings) as connection:
        told = find_travel_faults(connection, lake, rocu, first, last, tolerance_m)
    found = (
        CameraOffset(
            camera_id=one.camera_id,
            site_id=one.site_id,
            kind=one.kind,
            start=max(one.start.date(), first),
            # an interval ends with the first moment after it
            end=min((one.end - timedelta(microseconds=1)).date(), last),
            says=one.says,
        )
        for one in told
        if one.kind in get_args(OffsetKind)
    )
    return tuple(sorted(found, key=lambda one: (one.camera_id, one.start, one.kind)))
