"""A move that the register states is no wrong clock: what a camera read at another place says nothing of its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from data_contracts.health.examine import health_of_lake
from data_contracts.judgement.limits import IngestLimits
from infra.engine import open_engine

CAMERAS, APART_KM, DAYS, MOVE, A_DAY = 6, 8.0, 56, 28, 60
MONDAY = datetime(2026, 3, 23, tzinfo=UTC)
MOVED, SHIFT_KM = 2, 3.5
HEADER = "vrm,captured_at,camera_id,confidence,received_at"


def row(camera: int, km: float, since: datetime) -> str:
    return f"K{camera},{53 + km / 111.2:.5f},-2.98,{since:%Y-%m-%d},Merseyside,S{camera}\n"


def register() -> str:
    """Cameras along a motorway that each see the one way only; one of them is moved along it."""
    rows = [row(camera, camera * APART_KM, datetime(2025, 1, 1, tzinfo=UTC)) for camera in range(CAMERAS)]
    rows.append(row(MOVED, MOVED * APART_KM + SHIFT_KM, MONDAY + timedelta(days=MOVE)))
    return "camera_id,latitude,longitude,valid_from,force,site_id\n" + "".join(rows)


def reads(clock: Callable[[int, int], int] = lambda camera, day: 0) -> list[str]:
    """Vehicles that drive north; a camera's clock is wrong by so many seconds on a day."""
    rng, made = np.random.default_rng(1), []
    for day in range(DAYS):
        at_km = np.arange(CAMERAS) * APART_KM + np.where(np.arange(CAMERAS) == MOVED, SHIFT_KM * (day >= MOVE), 0)
        for vehicle in range(A_DAY):
            vrm = f"{'HJLW'[vehicle % 4]}{'HJLW'[vehicle // 4 % 4]}{12 + vehicle // 16}HJL"
            took = at_km / rng.normal(105, 6) * 3600
            begun = MONDAY + timedelta(days=day, seconds=int(rng.integers(6 * 3600, 20 * 3600)))
            for camera in np.flatnonzero(rng.random(CAMERAS) < 0.9):
                real = begun + timedelta(seconds=int(took[camera]))
                shown = real + timedelta(seconds=clock(int(camera), day))
                received = real + timedelta(hours=1)
                made.append(f"{vrm},{shown:%Y-%m-%dT%H:%M:%SZ},K{camera},90,{received:%Y-%m-%dT%H:%M:%SZ}")
    return made


def test_a_move_along_a_road_that_is_read_one_way_is_no_wrong_clock(bare_room: Any) -> None:
    """Ways to it take longer and ways from it less, by the same seconds, as they would by a wrong clock."""
    wrong = {MOVED: (300, 49), 4: (400, 35)}  # seconds, from a day on
    bare_room.cameras(register())
    rows = reads(lambda camera, day: wrong[camera][0] * (day >= wrong[camera][1]) if camera in wrong else 0)
    bare_room.ingest(bare_room.write("reads.csv", "\n".join([HEADER, *rows]) + "\n"))
    last = MONDAY + timedelta(days=DAYS)
    for first in (20, 40):
        span = (MONDAY + timedelta(days=first)).date(), last.date() - timedelta(days=1)
        with open_engine(bare_room.settings) as connection:
            found = health_of_lake(connection, bare_room.lake, bare_room.rocu, *span, IngestLimits(), last).report
        told = {one.camera_id: one for one in found.intervals}
        assert len(told) == len(found.intervals)
        assert {camera: one.kind for camera, one in told.items()} == {f"K{camera}": "clock_offset" for camera in wrong}
        for camera, (seconds, since) in wrong.items():
            one = told[f"K{camera}"]
            assert abs(one.seen - seconds) < 15
            assert (one.start, one.end) == (MONDAY + timedelta(days=since), last)
