"""A camera without any read is named where a file covers it, once and with that file, and nowhere else (DQ09).

Each case is a feed with cameras of its own, 1 to 5, of which some are not in what comes on the last Monday.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

import pytest
from across_rows_support import MONDAY, Judged, deliver, ingested, line, plates

from flows.steps.data import judged as batches_told

WEEKS = [MONDAY - timedelta(days=7 * week) for week in (1, 2, 3, 4, 5)]
ALL = (1, 2, 3, 4, 5)
DAYTIME = range(8, 18)
VRMS = plates(12)
PAST: dict[str, list[str]] = {}
FILES: dict[str, list[str]] = {}


def day_of(
    feed, cameras: Iterable[int] = ALL, day=MONDAY, hours: Iterable[int] = DAYTIME, an_hour: int = 6
) -> list[str]:
    return [
        line(
            VRMS[number],
            f"{hour:02}:{number * 59 // max(an_hour - 1, 1):02}:00",
            f"{feed} {camera}",
            feed=feed,
            day=day,
        )
        for camera in cameras
        for hour in hours
        for number in range(an_hour)
    ]


def came(name: str, *lines: list[str]) -> None:
    PAST.setdefault(name, []).extend(text for those in lines for text in those)


def usual(feed: str, cameras: Iterable[int] = ALL, file: str = "whole") -> None:
    for week, day in enumerate(WEEKS):
        came(f"{file} {week}", day_of(feed, cameras, day))


OTHERS = (1, 2, 3, 4)
usual("silent")
FILES["silent"] = day_of("silent", OTHERS)

usual("undelivered")  # nothing of this feed comes

usual("hours", OTHERS)
for week, day in enumerate(WEEKS):
    came(f"whole {week}", day_of("hours", [5], day, range(13, 18), 12))
FILES["hours"] = day_of("hours", OTHERS, hours=range(8, 13))

usual("young", OTHERS)
for week, day in enumerate(WEEKS[:2]):
    came(f"whole {week}", day_of("young", [5], day))
FILES["young"] = day_of("young", OTHERS)

usual("some-weeks", OTHERS)
for week, day in enumerate(WEEKS):
    came(f"whole {week}", day_of("some-weeks", [5], day) if week in (0, 2, 4) else [])
FILES["some-weeks"] = day_of("some-weeks", OTHERS)

usual("quiet", OTHERS)
for week, day in enumerate(WEEKS):
    came(f"whole {week}", day_of("quiet", [5], day, an_hour=2))
FILES["quiet"] = day_of("quiet", OTHERS)

usual("ended")
FILES["ended"] = day_of("ended", OTHERS)

usual("mobile")
FILES["mobile"] = day_of("mobile", OTHERS)

usual("alone")
for camera in OTHERS:
    FILES[f"alone {camera}"] = day_of("alone", [camera])

usual("many-missing")
FILES["many-missing"] = day_of("many-missing", (1, 2, 3))

usual("area", (1, 2, 3, 4), "first")
usual("area", (5, 6, 7, 8), "second")
FILES["area"] = day_of("area", (1, 2, 3, 4))

usual("areas", (1, 2, 3, 4), "first")
usual("areas", (5, 6, 7, 8), "second")
FILES["areas first"] = day_of("areas", (1, 2, 3, 4))
FILES["areas second"] = day_of("areas", (5, 6, 7))

usual("pieces")
FILES["pieces morning"] = day_of("pieces", OTHERS, hours=range(8, 12))
FILES["pieces afternoon"] = day_of("pieces", OTHERS, hours=range(12, 18))

usual("early")
came("early", day_of("early", [5]))  # what an earlier call brought of the camera counts
FILES["early"] = day_of("early", OTHERS)

usual("printed")
FILES["printed"] = [*day_of("printed", OTHERS), line(VRMS[0], "12:00:30", "printed 1", "140", "printed")]

FILES["bulk"] = [text for day in WEEKS for text in day_of("bulk", ALL, day)] + day_of("bulk", OTHERS)


@pytest.fixture(scope="module")
def judged(room_again) -> Judged:
    room = room_again()
    cameras = sorted({text.split(",")[2] for lines in (*PAST.values(), *FILES.values()) for text in lines})
    room.cameras(
        "camera_id,latitude,longitude,valid_from,valid_to,force,kind\n"
        + "".join(
            f"{camera},53.40,-2.98,2025-01-01,{'2026-05-18' if camera == 'ended 5' else ''},Merseyside,"
            f"{'Mobile unit' if camera == 'mobile 5' else 'fixed'}\n"
            for camera in cameras
        )
    )
    room.ingest(*(deliver(room, name, lines) for name, lines in PAST.items()))
    return ingested(room, FILES)


TOLD = {"silent": "silent 5", "areas second": "areas 8", "pieces afternoon": "pieces 5", "bulk": "bulk 5"}


@pytest.mark.parametrize(("name", "camera"), TOLD.items())
def test_a_camera_without_a_read_is_named_with_the_file_that_covers_it(judged, name, camera):
    batch = judged[name]
    (reason,) = batch.reasons
    said = f"camera_volume_low: 1 camera-day: camera {camera} on 2026-05-18 \\(0 reads where (5\\d|60) are usual\\)"
    assert re.match(said, reason)
    # no row is about it, and nothing is taken from the others
    assert (batch.rules, batch.verdict) == ({}, "passed")


@pytest.mark.parametrize("name", [name for name in FILES if name not in (*TOLD, "printed")])
def test_a_camera_of_which_a_file_says_nothing_is_not_named(judged, name):
    assert judged[name].reasons == ()


def test_a_feed_that_has_not_come_is_not_named(judged):
    assert not [reason for batch in judged.batches.values() for reason in batch.reasons if "undelivered" in reason]


def test_the_result_of_the_call_tells_the_warning_without_rows(judged):
    batch = judged["printed"]
    told = batches_told(judged.room.rocu, [batch], ()).summary()[f"batch {batch.batch_id}"]
    assert told == "passed_with_quarantine: rejected confidence_out_of_range 1; warned of camera_volume_low"


def test_reads_that_come_late_of_a_camera_that_was_named_name_nobody(judged):
    late = ingested(judged.room, {"late": day_of("silent", [5])})["late"]
    assert (late.accepted, late.reasons) == (60, ())
