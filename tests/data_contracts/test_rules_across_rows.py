"""Rules about cameras, feeds and batches across rows fire beyond their limits and not at them.

Most cases are files of one call each with cameras, feeds and plates of its own, so that none touches another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from across_rows_support import ENDINGS, MONDAY, REGISTER, Judged, deliver, ingested, line, one, plates

from data_contracts.contract.document import load_contract

WEEKS = [MONDAY - timedelta(days=7 * week) for week in (1, 2, 3, 4)]
# what is delivered before; then, each to a home of its own, files by default limits, and by others
PAST: list[str] = []
FILES: dict[str, list[str]] = {}
LIMITED: dict[str, list[str]] = {}
LIMITS: dict[str, Any] = {}


@pytest.fixture(scope="module")
def with_past(room_again) -> Callable[[], Any]:
    """Gives a home with all cameras to which `PAST` was delivered."""
    first = room_again()
    texts = [text for lines in (PAST, *FILES.values(), *LIMITED.values()) for text in lines]
    beside = sorted({text.split(",")[2] for text in texts if ",CAM-" not in text})
    first.cameras(REGISTER + "".join(f"{camera},53.40,-2.98,2025-01-01,,Merseyside\n" for camera in beside))
    first.ingest(deliver(first, "past", PAST))
    return lambda: room_again(first)


@pytest.fixture(scope="module")
def judged(with_past) -> Judged:
    return ingested(with_past(), FILES)


@pytest.fixture(scope="module")
def limited(with_past) -> Judged:
    return ingested(with_past(), LIMITED, **LIMITS)


def test_every_data_quality_number_is_carried_by_a_rule():
    carried = {number for rule in load_contract("reads").written_rules for number in rule.dq_number.split()}
    assert carried == {f"DQ{number:02}" for number in range(1, 16)}


UNKNOWN = {"over": (200, 7, True), "at": (200, 6, False), "too few": (199, 100, False)}
for name, (reads, unknown, _) in UNKNOWN.items():
    FILES[f"unknown {name}"] = [
        line(vrm, camera=f"UNKNOWN {name}")
        for vrm in [*plates(reads - unknown), *(f"QQQ{n:03}" for n in range(unknown))]
    ]


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_formats_of_a_camera_day(judged, name):
    reads, unknown, warned = UNKNOWN[name]
    batch = judged[f"unknown {name}"]
    assert batch.rules.get("camera_day_unknown_format", 0) == (unknown if warned else 0)
    said = [reason for reason in batch.reasons if reason.startswith("camera_day_unknown_format")]
    assert [bool(re.search(f"UNKNOWN {name} on 2026-05-18 .*of {reads} reads", text)) for text in said] == [
        True
    ] * warned


for late in (10, 11):
    FILES[f"late {late}"] = [
        line(
            vrm,
            camera=f"LATE-{late}",
            feed=f"late-{late}",
            received=f"{MONDAY}T{'09:00:01' if number < late else '09:00:00'}Z",
        )
        for number, vrm in enumerate(plates(200))
    ]


@pytest.mark.parametrize(("late", "warned"), [(11, True), (10, False)])
def test_lateness_of_a_feed(judged, late, warned):
    batch = judged[f"late {late}"]
    # late reads are counted even where there are few enough
    assert batch.rules["received_late"] == late
    assert batch.rules.get("feed_lateness_p95", 0) == (late if warned else 0)
    assert [reason.split(":")[0] for reason in batch.reasons] == ["feed_lateness_p95", "received_late"] * warned


LIMITS |= {"min_batch_reads": 100, "lateness_p95_max_s_by_feed": {"mobile": 8 * 3600}}
for feed in ("mobile", "as-late"):
    LIMITED[f"feed {feed}"] = [
        *(line(vrm, camera=f"F-{feed}", feed=feed, received=f"{MONDAY}T16:00:00Z") for vrm in plates(100)),
        *(line(vrm, camera="F-on-time", feed="on-time", received=f"{MONDAY}T08:00:05Z") for vrm in plates(200)[100:]),
    ]
LIMITED["feed as-late"] = [text for text in LIMITED["feed as-late"] if "on-time" not in text]


def test_a_feed_can_have_a_limit_of_its_own(limited):
    assert limited["feed mobile"].rules == {}
    batch = limited["feed as-late"]
    assert batch.rules == {"feed_lateness_p95": 100, "received_late": 100}
    assert "feed as-late: 95 % of 100 reads came within 28800 s, the limit is 3600 s" in batch.reasons[0]


for camera, sure in (("SURE", "92"), ("UNSURE", "55")):
    PAST += [
        line(vrm, camera=camera, day=MONDAY - timedelta(days=ago), confidence=sure)
        for ago in (3, 2, 1)
        for vrm in plates(170)
    ]
FILES["shifted"] = [line(vrm, camera=camera, confidence="55") for camera in ("SURE", "UNSURE") for vrm in plates(200)]


def test_a_confidence_that_shifts_is_told_by_the_cameras_own_past(judged):
    batch = judged["shifted"]
    assert batch.rules == {"confidence_shifted": 200}
    assert "camera SURE on 2026-05-18" in batch.reasons[0]


LIMITS |= {"min_history_reads": 171, "confidence_history_days": 2}
# what it read before, and how many days ago
HISTORY = {"ENOUGH": (171, 2), "TOO-LITTLE": (170, 2), "TOO-LONG-AGO": (171, 3)}
for camera, (reads, ago) in HISTORY.items():
    PAST += [line(v, camera=camera, day=MONDAY - timedelta(days=ago), confidence="92") for v in plates(reads)]
    FILES[camera] = LIMITED[camera] = [line(vrm, camera=camera, confidence="55") for vrm in plates(200)]


@pytest.mark.parametrize("camera", HISTORY)
def test_a_confidence_without_enough_past_is_not_judged(judged, limited, camera):
    assert judged[camera].rules == {}
    assert limited[camera].rules == ({"confidence_shifted": 200} if camera == "ENOUGH" else {})


def day_of_reads(reads: int, day: date, camera: str, feed: str = "nas") -> list[str]:
    step = 14 * 3600 // reads
    return [
        line(vrm, f"{6 + number * step // 3600:02}:{number * step // 60 % 60:02}:00", camera, feed=feed, day=day)
        for number, vrm in enumerate(plates(reads))
    ]


def usually_a_hundred(camera: str) -> list[str]:
    """Four Mondays with 100 reads, but for one on which the camera fails."""
    reads = (100, 100, 10, 100)
    return [text for week, number in zip(WEEKS, reads, strict=True) for text in day_of_reads(number, week, camera)]


def all_day(camera: str, feed: str) -> list[str]:
    """Another camera covers the whole day, so that the hours in which one is silent count."""
    return [line("HJ12HJL", at, camera, feed=feed) for at in ("06:00:00", "19:59:00")]


VOLUMES = {45: "camera_volume_low", 55: None, 190: None, 215: "camera_volume_high"}
for reads in VOLUMES:
    PAST += usually_a_hundred(f"V-{reads}")
    FILES[f"volume {reads}"] = day_of_reads(reads, MONDAY, f"V-{reads}", f"v{reads}") + all_day(
        f"W-{reads}", f"v{reads}"
    )


@pytest.mark.parametrize(("reads", "rule"), VOLUMES.items())
def test_a_cameras_volume_is_held_against_its_own_weekday(judged, reads, rule):
    batch = judged[f"volume {reads}"]
    assert batch.rules == ({rule: reads} if rule else {})
    if rule:
        assert re.search(rf"V-{reads} on 2026-05-18 \({reads} reads where (9\d|100) are usual\)", batch.reasons[0])


PAST += [text for week in WEEKS for text in day_of_reads(20, week, "QUIET")]
FILES["quiet and young"] = all_day("QUIET", "quiet") + day_of_reads(200, MONDAY, "YOUNG", "quiet")
PAST += usually_a_hundred("MORNING")
LIMITS |= {"min_expected_reads": 20}
LIMITED["morning"] = [text for text in day_of_reads(100, MONDAY, "MORNING", "morning") if "T0" in text or "T10" in text]


def test_a_quiet_camera_a_young_one_and_the_hours_not_delivered_are_not_judged(judged, limited):
    assert judged["quiet and young"].rules == {}
    assert limited["morning"].rules == {}


PAST += usually_a_hundred("OFTEN")


def test_quarters_of_an_hour_are_no_flood_beside_what_came_before_them(with_past):
    # as many reads in 14 hours as ever, in calls that each cover a part of an hour
    room, whole = with_past(), day_of_reads(100, MONDAY, "OFTEN")
    for number in range(0, 20, 5):
        batch = one(room.ingest(deliver(room, f"{number}", whole[number : number + 5]), min_expected_reads=1))
        assert batch.rules.get("camera_volume_high", 0) == 0


PAST += usually_a_hundred("HALF") + [text for week in WEEKS for text in day_of_reads(20, week, "WHOLE")]
LIMITED["half"] = [text for text in day_of_reads(100, MONDAY, "HALF", "half") if "T0" in text] + [
    line("HJ12HJL", f"{hour:02}:30:00", "WHOLE", feed="other") for hour in range(6, 20)
]


def test_a_feed_that_came_for_half_a_day_is_not_held_against_one_that_came_for_all_of_it(limited):
    assert limited["half"].rules == {}


LIMITS |= {"min_volume_share": 0.44}
LIMITED["volume 45"] = FILES["volume 45"]


def test_the_limits_of_volume_are_the_policys(limited):
    assert limited["volume 45"].rules == {}


AREA = ((-3.5, 53.0), (-2.0, 53.0), (-2.0, 53.6), (-3.5, 53.6))


def test_reads_outside_the_authorised_area_are_rejected_by_the_place_of_their_camera(room):
    lines = [line(), line("HJ12HJW", camera="CAM-2")]
    report = room.ingest(deliver(room, "day", lines), authorised_area=AREA, max_quarantine_share=1)
    assert one(report).rules == {"outside_authorised_area": 1}
    assert room.quarantine() == [(2, ["outside_authorised_area"])]
    assert [camera for (camera,) in room.reads("camera_id")] == ["CAM-1"]


def test_reads_with_positions_are_held_against_the_area_by_them(room):
    source = room.write("source.yaml", "name: mobile\nposition: file\n")
    rows = [
        f"HJ12HJ{last},2026-05-18T08:00:00Z,{camera},{place}"
        for last, camera, place in (
            ("H", "CAM-1", "53.5,-3.0"),
            ("J", "CAM-1", "53.7,-3.0"),
            ("L", "CAM-1", "53.5,-1.9"),
            ("W", "CAM-1", ","),
            ("B", "CAM-2", ","),
        )
    ]
    file = deliver(room, "day", rows, "vrm,captured_at,camera_id,latitude,longitude")
    room.ingest(file, source=str(source), authorised_area=AREA, max_quarantine_share=1)
    assert [row for row, _ in room.quarantine()] == [2, 3, 5]


def test_an_area_that_is_none_is_refused():
    from data_contracts.judgement.limits import IngestLimits

    with pytest.raises(ValueError, match="three different corners"):
        IngestLimits(authorised_area=((0.0, 1.0), (1.0, 1.0), (0.0, 1.0)))


REGIONS = ("CAM-1", "CAM-Y", "CAM-B", "CAM-N")
FILES["regions"] = [line(f"WJ12{ending}L", camera=camera) for camera, ending in zip(REGIONS, ENDINGS, strict=False)]


def test_cameras_of_other_regions_are_told(judged):
    batch = judged["regions"]
    assert batch.rules == {"camera_of_another_region": 1}
    assert "camera CAM-Y on 2026-05-18 (of west-yorkshire, 1 reads)" in batch.reasons[0]


for again in (22, 23):
    FILES[f"again {again}"] = [line(vrm, camera=f"AGAIN-{again}") for vrm in plates(200)] + [
        line(vrm, "08:00:03", f"AGAIN-{again}") for vrm in plates(again)
    ]


@pytest.mark.parametrize(("again", "warned"), [(23, True), (22, False)])
def test_many_duplicates_are_told(judged, again, warned):
    batch = judged[f"again {again}"]
    assert (batch.accepted, batch.duplicates) == (200, again)
    assert batch.rules == ({"too_many_duplicates": again} if warned else {})


def test_an_older_contract_runs_without_rules_across_rows(room):
    old = load_contract("reads", "1.0.0")
    assert {rule.table for rule in old.written_rules} == {"reads", "batches"}
