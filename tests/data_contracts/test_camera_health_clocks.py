"""Wrong clocks and wrong places from files as delivered: ingest, the lake, the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from loop_support import log_register, run, token
from numpy.typing import NDArray
from requalify_support import requalify

from data_contracts.health.hour_clocks import Company, find_hour_shifts
from data_contracts.health.legs import load_legs
from data_contracts.health.travel import travel_parts
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import layer_parts, standing_batches
from infra.engine import open_engine
from infra.errors import FaultError

SIDE, APART_KM, DAYS, TRIPS = 6, 6.0, 30, 170
MONDAY, LATE = datetime(2026, 4, 20, tzinfo=UTC), 20
NORTH, EAST = (axis.ravel() for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))
SLOW, LITTLE, FAST, ELSEWHERE = 7, 10, 25, 28  # cameras inside the network, none beside another
FASTS = f"K{FAST:02d}"
HEADER = "vrm,captured_at,camera_id,confidence,received_at"


def register(moved_km: Mapping[int, float] | None = None) -> str:
    """Cameras where roads cross, six kilometres apart; some stand in the register farther north than they are."""
    lines = ["camera_id,latitude,longitude,valid_from,force,site_id"]
    for camera, (north, east) in enumerate(zip(NORTH * APART_KM, EAST * APART_KM, strict=True)):
        latitude = 53 + (north + (moved_km or {}).get(camera, 0)) / 111.2
        longitude = -3 + east / 111.2 / np.cos(np.radians(53))
        lines.append(f"K{camera:02d},{latitude:.5f},{longitude:.5f},2025-01-01,Merseyside,S{camera}")
    return "\n".join(lines) + "\n"


@cache
def trips() -> tuple[tuple[int, int, NDArray[np.int64], NDArray[np.int64]], ...]:
    """Day, vehicle, the three crossings that a vehicle passes on that day, and when: seconds from midnight."""
    rng = np.random.default_rng(1)
    made = []
    for day in range(DAYS):
        for vehicle in range(TRIPS):
            way = [int(rng.integers(SIDE * SIDE))]
            for _ in range(2):
                here = way[-1]
                beside = (abs(NORTH - NORTH[here]) <= 1) & (abs(EAST - EAST[here]) <= 1)
                beside[way] = False
                way.append(int(rng.choice(np.flatnonzero(beside))))
            crossed = np.asarray(way)
            km = np.hypot(np.diff(NORTH[crossed]), np.diff(EAST[crossed])) * APART_KM
            took = km * 1.2 / rng.normal(70, 4, 2) * 3600 * np.exp(np.abs(rng.normal(0, 0.15, 2)))
            at = rng.integers(6 * 3600, 22 * 3600) + np.concatenate([[0], np.cumsum(took)])
            made.append((day, vehicle, crossed, at.astype(np.int64)))
    return tuple(made)


def lines(
    clocks: Mapping[int, int] | None = None, receipts: Mapping[int, int] | None = None, since: int = LATE
) -> list[str]:
    """Reads of these trips; from a day on some cameras' clocks, or the clocks of what receives them, are wrong."""
    made = []
    for day, vehicle, way, at in trips():
        vrm = f"{'HJLW'[vehicle % 4]}{'HJLW'[vehicle // 4 % 4]}{12 + vehicle // 16}HJL"
        for camera, second in zip(way, at, strict=True):
            real = MONDAY + timedelta(days=day, seconds=int(second))
            late = day >= since
            shown = real + timedelta(seconds=(clocks or {}).get(camera, 0) * late)
            received = real + timedelta(seconds=5 + (receipts or {}).get(camera, 0) * late)
            made.append(f"{vrm},{shown:%Y-%m-%dT%H:%M:%SZ},K{camera:02d},90,{received:%Y-%m-%dT%H:%M:%SZ}")
    return made


def deliver(room: Any, name: str, rows: list[str], **limits: Any) -> Any:
    (batch,) = room.ingest(room.write(name, "\n".join([HEADER, *rows]) + "\n"), **limits).batches
    return batch


def told(room: Any) -> dict[tuple[str, str], float]:
    """Camera and kind of all intervals of the late days, and what was seen, by the command."""
    signed = token(room.settings.root, "operator")
    log_register(room.settings.root)
    span = ("--from", "2026-05-10", "--to", "2026-05-19")
    said = run(room.settings.root, "cameras", "health", "--rocu", "nwrocu", *span, "--json", token=signed)
    assert said.code == 0, said.err
    assert {one["from"][:10] for one in said.data["intervals"]} <= {"2026-05-10"}
    found = {(one["camera_id"], one["kind"]): one["seen"] for one in said.data["intervals"]}
    assert len(found) == len(said.data["intervals"])
    return found


def of_fast(clock: int = 0, receipt: int = 0, since: int = LATE) -> list[str]:
    return [line for line in lines({FAST: clock}, {FAST: receipt}, since) if FASTS in line]


@pytest.fixture(scope="module")
def others(room_again: Callable[..., Any]) -> Any:
    """All that the other cameras sent; to be copied."""
    room = room_again()
    room.cameras(register())
    deliver(room, "others.csv", [line for line in lines() if FASTS not in line])
    return room


def test_clocks_and_a_place_that_are_wrong_are_told_of_the_cameras_that_have_them(bare_room: Any) -> None:
    bare_room.cameras(register({ELSEWHERE: 25}))
    batch = deliver(bare_room, "reads.csv", lines({SLOW: -900, LITTLE: 280, FAST: 900}))
    # all that the fast camera sent from then on
    assert batch.quarantined == batch.rules["captured_after_receipt"] > 100
    found = told(bare_room)
    assert found == pytest.approx(
        {
            (f"K{SLOW:02d}", "clock_offset"): -900,
            (f"K{LITTLE:02d}", "clock_offset"): 280,
            (FASTS, "clock_offset"): 900,
            (f"K{ELSEWHERE:02d}", "wrong_place"): 25,
        },
        abs=20,
    )
    assert found[f"K{ELSEWHERE:02d}", "wrong_place"] == pytest.approx(25, abs=5)


def test_clocks_that_are_an_hour_off_are_told_as_such(bare_room: Any) -> None:
    bare_room.cameras(register())
    deliver(bare_room, "reads.csv", lines({SLOW: -3600, FAST: 3600}))
    assert told(bare_room) == {(f"K{SLOW:02d}", "clock_offset"): -3600, (FASTS, "clock_offset"): 3600}


@pytest.mark.parametrize(
    ("before", "then", "told_of"),
    [
        ((30, 3, 4), (4, 30, 5), -3600),
        ((30, 3, 4), (5, 4, 30), 3600),
        ((30, 3, 4), (30, 14, 15), None),  # busier, with chance company
        ((2, 30, 3), (2, 40, 3), None),  # the next camera is an hour down a one-way road
        ((2, 30, 29), (2, 40, 38), None),  # or both ways
        ((30, 3, 4), (3, 10, 2), None),  # too few to say
    ],
)
def test_an_hour_away_fits_only_if_it_did_not_before(
    before: tuple[int, ...], then: tuple[int, ...], told_of: int | None
) -> None:
    days = np.arange(30)
    beside = np.asarray([before if day < 20 else then for day in days])
    company = Company(np.zeros(30, dtype=np.int64), days, np.full(30, 45), beside)
    found = find_hour_shifts(company, 20, 20)
    assert [(shift.first, shift.value) for shift in found] == [(day, told_of) for day in range(20, 30) if told_of]


def test_a_fast_clock_that_fails_its_file_is_told_until_a_good_file_takes_its_place(
    others: Any, room_again: Callable[..., Any]
) -> None:
    room = room_again(others)
    failed = deliver(room, "fast.csv", of_fast(clock=900))
    assert (failed.verdict, failed.accepted) == ("failed", 0)
    assert told(room) == {(FASTS, "clock_offset"): pytest.approx(900, abs=20)}
    good = deliver(room, "good.csv", of_fast(), replaces=failed.batch_id)
    assert good.verdict == "passed"
    assert told(room) == {}


def test_a_clock_that_was_fast_all_the_time_so_that_nothing_was_ever_accepted(
    others: Any, room_again: Callable[..., Any]
) -> None:
    room = room_again(others)
    batch = deliver(room, "fast.csv", of_fast(clock=900, since=0))
    assert batch.rules["captured_after_receipt"] == batch.rows
    assert told(room) == {(FASTS, "clock_offset"): pytest.approx(900, abs=60)}


def test_reads_rejected_for_the_clock_of_what_received_them_tell_nothing_of_the_camera(
    others: Any, room_again: Callable[..., Any]
) -> None:
    room = room_again(others)
    batch = deliver(room, "early.csv", of_fast(receipt=-600))
    assert batch.rules["captured_after_receipt"] > 100
    assert told(room) == {}


def hops(room: Any, first: date = date(2026, 5, 1), last: date = date(2026, 5, 31)) -> list[int]:
    """Seconds from CAM-1 to CAM-2 of all that travel times are judged from."""
    with open_engine(room.settings) as connection:
        legs = load_legs(connection, room.lake, room.rocu, first, last, IngestLimits().position_tolerance_m)
    return sorted(int(second) for second in legs.seconds)


def journeys(row: Callable[..., str]) -> list[str]:
    """Vehicles that leave CAM-1 and come to CAM-2, where their reads break one rule or another."""
    way = {"camera_id": "CAM-2", "received_at": "2026-05-18T08:20:00Z"}
    come = [
        row(vrm="AB12CDE", captured_at="2026-05-18T08:26:00Z", **way),  # after receipt
        row(vrm="AB12CDF", captured_at="2026-05-18T08:27:00Z", **way, confidence="140"),  # and another fault
        row(vrm="QQ1QQQQ", captured_at="2026-05-18T08:28:00Z", **way),  # and a warning
    ]
    left = [row(vrm=line.split(",")[0], received_at="2026-05-18T08:00:02Z") for line in come]
    now = row(vrm="AB12CDG", captured_at="2026-05-20T11:50:00Z", received_at="")
    then = row(vrm="AB12CDG", captured_at="2026-05-20T12:19:00Z", received_at="", camera_id="CAM-2")  # in future
    return [*left, *come, now, then]


@pytest.fixture(scope="module")
def rejected(room_again: Callable[..., Any], row: Callable[..., str]) -> Any:
    """A lake of such journeys, delivered twice: as they are, and with a row more; to be copied."""
    room = room_again()
    files = (room.deliver("one.csv", *journeys(row)), room.deliver("two.csv", *journeys(row), row(vrm="AB12CDH")))
    batch, _ = room.ingest(*files, max_quarantine_share=1).batches
    assert set(batch.rules) >= {"captured_in_future", "confidence_out_of_range", "plate_format_unknown"}
    assert (batch.rules["captured_after_receipt"], batch.quarantined) == (3, 4)
    return room


def test_rejected_reads_count_once_and_only_if_nothing_but_the_clock_is_wrong(
    rejected: Any, room_again: Callable[..., Any]
) -> None:
    room = room_again(rejected)
    wanted = [26 * 60, 28 * 60, 29 * 60]
    assert hops(room) == wanted
    assert hops(room, last=date(2026, 5, 19)) == wanted[:2]
    # who judges by them can hold all of them against the log
    named = travel_parts(room.lake, room.rocu, date(2026, 5, 17), date(2026, 5, 20))
    assert set(named) == {
        part for layer in ("reads", "quarantine") for part in layer_parts(room.lake, room.rocu, layer)
    }
    assert {part.layer for part in named} == {"reads", "quarantine"}
    requalify(room, max_quarantine_share=0)
    assert {batch.verdict for _, batch in standing_batches(room.lake, room.rocu)} == {"failed"}
    assert hops(room) == wanted
    # let in by a wider limit: those of the clock are accepted now, the records of before count for nothing
    requalify(room, max_quarantine_share=1, clock_skew_max_s=1200)
    assert ("CAM-2",) in room.reads("camera_id")
    assert hops(room) == wanted


def test_a_failed_file_counts_until_another_takes_its_place(room: Any, row: Callable[..., str]) -> None:
    def there_and_back(minute: int) -> list[str]:
        at = {"camera_id": "CAM-2", "captured_at": f"2026-05-18T08:{minute}:00Z", "received_at": "2026-05-18T08:11:09Z"}
        return [row(), row(**at), row(captured_at="2026-05-18T08:50:00Z", received_at="")]

    (failed,) = room.ingest(room.deliver("fast.csv", *there_and_back(26))).batches
    assert failed.verdict == "failed"
    assert hops(room) == [(26 - 50) * 60, 26 * 60]
    room.ingest(room.deliver("good.csv", *there_and_back(11)), replaces=failed.batch_id)
    assert hops(room) == [(11 - 50) * 60, 11 * 60]


def test_rows_that_may_not_be_kept_any_more_count_for_nothing(rejected: Any, room_again: Callable[..., Any]) -> None:
    room = room_again(rejected)
    requalify(replace(room, now=room.now + timedelta(days=400)), max_quarantine_share=1, retention_days=364)
    assert room.reads() == []
    assert hops(room) == []


def test_a_part_of_the_quarantine_that_is_gone_is_said(rejected: Any, room_again: Callable[..., Any]) -> None:
    room = room_again(rejected)
    (part,) = layer_parts(room.lake, room.rocu, "quarantine")
    (room.lake.root / part.path).unlink()
    with pytest.raises(FaultError, match=r"^1 parts of the quarantine layer are missing"):
        hops(room)
