"""What a camera read at another place is not its past: a move that the register states begins its life anew.

Neither a rule of one file nor the health of weeks may call it a fault that two places are not alike, and what fails at
the new place is told as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from across_rows_support import MONDAY, Judged, deliver, ingested, line, plates

from data_contracts.health.examine import health_of_lake
from data_contracts.health.results import HealthReport
from data_contracts.judgement.limits import IngestLimits
from infra.engine import open_engine

FIRST, WEEKS = datetime(2026, 3, 9, tzinfo=UTC), 10
MOVED = FIRST + timedelta(weeks=2)
ENDED = FIRST + timedelta(weeks=WEEKS)
OUT = MOVED + timedelta(weeks=6), MOVED + timedelta(weeks=6, days=3)
HEAD = "camera_id,latitude,longitude,valid_from,valid_to,force,site_id\n"
NEAR, FAR = 53.401, 53.48  # 111 m and some 9 km from where they were
STOOD = "".join(f"CAM-{i},53.40,-2.98,2025-01-01,,Merseyside,{'POLE' if i < 2 else f'SITE-{i}'}\n" for i in range(6))


def again(latitude: float, force: str = "Merseyside", site: str = "POLE", cameras: tuple[int, ...] = (0, 1)) -> str:
    """The second rows of the two cameras of a pole."""
    return "".join(f"CAM-{i},{latitude},-2.98,{MOVED:%Y-%m-%d},,{force},{site}\n" for i in cameras)


def reads(before: float, after: float, dark: bool = False) -> list[str]:
    """Reads a day of the pole's two cameras before and after the move; CAM-0 fails for three days weeks after it."""
    rng, vrms, made = np.random.default_rng(5), plates(40), []
    for hour in range(WEEKS * 168):
        at = FIRST + timedelta(hours=hour)
        shape = np.exp(-(((at.hour - 13) / 4) ** 2)) / 7.1
        for camera in range(6):
            daily = 60 if camera > 1 else before if at < MOVED else after
            if (camera == 0 and OUT[0] <= at < OUT[1]) or (dark and camera == 0 and at >= MOVED):
                continue
            for second in np.sort(rng.choice(3500, rng.poisson(daily * shape), replace=False)):
                moment = at + timedelta(seconds=int(second))
                made.append(line(rng.choice(vrms), f"{moment:%H:%M:%S}", f"CAM-{camera}", day=moment.date()))
    return made


@pytest.fixture(scope="module")
def busier(room_again: Callable[..., Any]) -> Any:
    """A lake in which a pole reads hardly anything, and from one day on twenty a day; to be given a register."""
    room = room_again()
    room.cameras(HEAD + STOOD)
    room.ingest(deliver(room, "reads", reads(before=0.3, after=20)))
    return room


def report(room: Any) -> HealthReport:
    with open_engine(room.settings) as connection:
        return health_of_lake(
            connection, room.lake, room.rocu, FIRST.date(), ENDED.date() - timedelta(days=1), IngestLimits(), ENDED
        ).report


def told(room: Any) -> list[tuple[str, str]]:
    return [(one.camera_id, one.kind) for one in report(room).intervals]


def test_a_move_is_no_fault_and_an_outage_after_it_is_one(busier: Any, room_again: Callable[..., Any]) -> None:
    room = room_again(busier)
    room.cameras(HEAD + again(FAR))
    found = report(room)
    (one,) = found.intervals
    assert (one.camera_id, one.kind, one.seen) == ("CAM-0", "outage", 0)
    assert one.start <= OUT[0] < OUT[1] <= one.end
    assert found.cameras == 6


@pytest.mark.parametrize(
    "rows",
    [STOOD, again(NEAR), again(53.40, force="Cheshire"), again(53.40, site="POLE-B")],
    ids=["same row", "near", "force", "site"],
)
def test_what_is_no_move_begins_no_life(busier: Any, room_again: Callable[..., Any], rows: str) -> None:
    room = room_again(busier)
    room.cameras(HEAD + rows)
    faults = set(told(room))
    assert faults > {("CAM-0", "outage")}


def test_a_camera_that_reads_nothing_at_its_new_place_is_noted(room: Any) -> None:
    room.cameras(HEAD + STOOD + again(FAR))
    room.ingest(deliver(room, "reads", reads(before=60, after=60, dark=True)))
    found = report(room)
    assert found.intervals == ()
    assert any("1 camera never sent a read after a move" in note for note in found.notes)


PAST_DAYS = [MONDAY - timedelta(days=7 * week) for week in (1, 2, 3, 4, 5)]
PLACES = {"stays": "", "nudged": f"{NEAR}", "moved": f"{FAR}"}
OTHERS = (1, 2, 3, 4)


def day_of(camera: str, day: date = MONDAY, an_hour: int = 6, sure: int = 90) -> list[str]:
    return [
        line(vrm, f"{hour:02}:{number * 9:02}:00", camera, f"{sure}", camera.split()[0], day=day)
        for hour in range(8, 18)
        for number, vrm in enumerate(plates(an_hour))
    ]


@pytest.fixture(scope="module")
def judged(room_again: Callable[..., Any]) -> Judged:
    """For each kind of place: a camera that reads a third of what it did, less surely, and one that reads nothing."""
    room = room_again()
    since = PAST_DAYS[0] + timedelta(days=2)
    rows, past, files = [], [], {}
    for name, latitude in PLACES.items():
        cameras = [f"{name} {kind}" for kind in ("less", "silent", *OTHERS)]
        rows += [f"{camera},53.40,-2.98,2025-01-01,,Merseyside,{camera}" for camera in cameras]
        rows += [f"{camera},{latitude},-2.98,{since},,Merseyside,{camera}" for camera in cameras[:2] if latitude]
        past += [text for camera in cameras for day in PAST_DAYS for text in day_of(camera, day)]
        files[name] = day_of(cameras[0], an_hour=2, sure=50)
        files[name] += [text for camera in cameras[2:] for text in day_of(camera)]
    room.cameras(HEAD + "\n".join(rows) + "\n")
    room.ingest(deliver(room, "past", past))
    return ingested(room, files, min_camera_day_reads=10, min_history_reads=100)


@pytest.mark.parametrize("name", PLACES)
def test_a_day_is_held_against_what_was_read_at_the_same_place(judged: Judged, name: str) -> None:
    reasons = " ".join(judged[name].reasons)
    same = name != "moved"
    assert (f"{name} less on {MONDAY} (20 reads where 5" in reasons) == same
    assert (f"{name} silent on {MONDAY} (0 reads where" in reasons) == same
    assert ("confidence_shifted" in judged[name].rules) == same
