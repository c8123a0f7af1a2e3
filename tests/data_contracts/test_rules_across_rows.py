"""Rules about cameras, feeds, plates and vehicles across rows fire beyond their limits and not at them.

Most cases are files of one call each with cameras, feeds and plates of its own, so that none touches another.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

import duckdb
import pytest

from data_contracts.contract import load_contract
from data_contracts.manifests import BatchManifest
from data_contracts.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser

FIELDS = "vrm,captured_at,camera_id,confidence,feed_id,received_at"
MONDAY = date(2026, 5, 18)
WEEKS = [MONDAY - timedelta(days=7 * week) for week in (1, 2, 3, 4)]
REGISTER = """camera_id,latitude,longitude,valid_from,valid_to,force
CAM-1,53.40,-2.98,2025-01-01,,Merseyside
CAM-2,53.80,-3.05,2025-01-01,,Lancashire
CAM-Y,53.80,-1.50,2025-01-01,,West Yorkshire
CAM-B,53.41,-2.98,2025-01-01,,British Transport Police
CAM-N,53.42,-2.98,2025-01-01,,
"""
# no letter of these is taken for another
ENDINGS = ["".join(letters) for letters in product("HJLW", repeat=2)]
# what is delivered before; then, each to a home of its own, files by default limits, and by others
PAST: list[str] = []
FILES: dict[str, list[str]] = {}
LIMITED: dict[str, list[str]] = {}
LIMITS: dict[str, Any] = {}


def plates(number: int) -> list[str]:
    """Valid plates of which no two are one confusion apart."""
    return [f"{a}{b}12{c}HW" for a in "HJLW" for b in "HJLW" for c in "HJLWBSZVMETAPK"][:number]


def line(vrm="HJ12HJL", at="08:00:00", camera="CAM-1", confidence="90", feed="nas", received="", day=MONDAY) -> str:
    return f"{vrm},{day}T{at}Z,{camera},{confidence},{feed},{received}"


def deliver(room, name, lines, fields=FIELDS):
    return room.write(f"{name}.csv", "\n".join([fields, *lines]) + "\n")


def notes(room, rule, columns="*", batch=None):
    parts = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
    if not parts:
        return []
    only = f"AND batch_id = '{batch.batch_id}'" if batch else ""
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {columns} FROM read_parquet(?) WHERE rule = ? {only} ORDER BY batch_id, row_no", [parts, rule]
        ).fetchall()


def one(report):
    (batch,) = report.batches
    return batch


@dataclass(frozen=True)
class Judged:
    """What came of the files of one call."""

    room: Any
    batches: dict[str, BatchManifest]

    def __getitem__(self, name: str) -> BatchManifest:
        return self.batches[name]

    def noted(self, rule: str, name: str, columns: str) -> list[tuple[Any, ...]]:
        return notes(self.room, rule, columns, self[name])

    def token(self, vrm: str) -> str:
        return load_pseudonymiser(self.room.settings, self.room.rocu).token(vrm)


@pytest.fixture(scope="module")
def with_past(room_again) -> Callable[[], Any]:
    """Gives a home with all cameras to which `PAST` was delivered."""
    first = room_again()
    texts = [text for lines in (PAST, *FILES.values(), *LIMITED.values()) for text in lines]
    beside = sorted({text.split(",")[2] for text in texts if ",CAM-" not in text})
    first.cameras(REGISTER + "".join(f"{camera},53.40,-2.98,2025-01-01,,Merseyside\n" for camera in beside))
    first.ingest(deliver(first, "past", PAST))

    def make():
        again = room_again()
        shutil.rmtree(again.settings.root)
        shutil.copytree(first.settings.root, again.settings.root)
        return again

    return make


def ingested(room, files: dict[str, list[str]], **limits: Any) -> Judged:
    report = room.ingest(*(deliver(room, name, lines) for name, lines in files.items()), **limits)
    return Judged(room, {batch.delivered_as.removesuffix(".csv"): batch for batch in report.batches})


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


FILES["misread"] = [
    line("LV12ABC", "08:00:00", confidence="95"),
    line("LU12ABC", "08:01:00", confidence="70"),
    *(line("LV12ABC", f"{hour}:30:00") for hour in ("09", "10", "11")),
]


def test_a_misread_pair_is_noted_with_the_likelier_plate_and_nothing_is_merged(judged):
    batch = judged["misread"]
    assert batch.rules == {"misread_pair": 1}
    assert batch.reasons[0].startswith("misread_pair: 1 camera: 1 at CAM-1. The rule: ")
    ((row_no, cause, vehicle, other, row, score, seconds),) = judged.noted(
        "misread_pair", "misread", "row_no, cause, vehicle, other_vehicle, other_row_no, score, value"
    )
    assert (row_no, cause, vehicle) == (2, "read_more_often+higher_confidence", judged.token("LU12ABC"))
    assert (other, row, seconds) == (judged.token("LV12ABC"), 1, 60)
    assert 0.9 < score < 1
    rows = [vehicle for batch_id, vehicle in judged.room.reads("batch_id, vehicle") if batch_id == batch.batch_id]
    assert rows[1] == judged.token("LU12ABC")


def pair(second: str, ending: str) -> list[str]:
    return [line(f"LV12A{ending}", "08:00:00"), line(f"LU12A{ending}", f"08:{second}")]


FILES |= {"pair at 05:00": pair("05:00", "HH"), "pair at 05:01": pair("05:01", "HJ")}
LIMITS |= {"misread_within_s": 301}
LIMITED["pair at 05:01"] = pair("05:01", "HH")


def test_a_misread_pair_lies_within_the_limit(judged, limited):
    assert judged["pair at 05:00"].rules.get("misread_pair", 0) == 1
    assert judged["pair at 05:01"].rules.get("misread_pair", 0) == 0
    assert limited["pair at 05:01"].rules.get("misread_pair", 0) == 1


PAIRS = {
    "unknown format": ("LV12H", "LV1ZH", "CAM-1", "known_format"),
    "nothing tells": ("LV12H", "LU12H", "CAM-1", "undecided"),
    "elsewhere": ("LV12H", "LU12H", "CAM-2", None),
    "no confusion": ("LV12H", "LX12H", "CAM-1", None),
    "two places": ("BV12C", "8V12G", "CAM-1", None),
    "a chain of confusions": ("BV12H", "CV12H", "CAM-1", None),
}
for name, ending in zip(PAIRS, ENDINGS, strict=False):
    first, second, camera, _ = PAIRS[name]
    FILES[name] = [line(first + ending), line(second + ending, "08:01:00", camera)]


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_a_misread_pair_and_which_of_it_is_less_likely(judged, name):
    found = judged.noted("misread_pair", name, "cause, vehicle, score")
    expected = PAIRS[name][3]
    if expected is None:
        assert found == []
        return
    ((cause, vehicle, score),) = found
    assert cause == expected
    assert (score > 0.9) == (cause == "known_format")
    if cause == "known_format":
        assert vehicle == judged.token(FILES[name][1].split(",")[0])


def on_the_way(vrm: str, misread: str, second: str = "08:30:00") -> list[str]:
    """A drive from CAM-1 to CAM-2, 45 km, an hour each way, and one odd read at CAM-N, 2 km from CAM-1."""
    return [
        line(vrm, "08:00:00"),
        line(vrm, "09:00:00", "CAM-2"),
        line(vrm, "11:00:00"),
        line(misread, second, "CAM-N"),
    ]


LIMITS |= {"misread_route_within_s": 1799}
ON_THE_WAY = {
    "an unknown format": ("LV1ZM", "08:05:00", FILES, "known_format+read_more_often"),
    "read once": ("LU12M", "08:05:00", FILES, "read_more_often"),
    "at the limit": ("LV1ZM", "08:30:00", FILES, "known_format+read_more_often"),
    "not there in time": ("LV1ZM", "08:55:00", FILES, None),
    "nothing like it": ("LX1ZM", "08:05:00", FILES, None),
    "at another limit": ("LV1ZM", "08:30:01", LIMITED, "known_format+read_more_often"),
    "beyond it": ("LV1ZM", "08:30:00", LIMITED, None),
}
for ending, (name, (misread, second, files, _)) in zip(ENDINGS, ON_THE_WAY.items(), strict=False):
    files[name] = on_the_way(f"LV12M{ending}", misread + ending, second)


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_an_odd_read_is_held_against_a_look_alike_on_its_way_past(judged, limited, name):
    _, _, files, noted = ON_THE_WAY[name]
    found = judged if files is FILES else limited
    assert found[name].rules.get("misread_on_route", 0) == (1 if noted else 0)
    if noted:
        ((cause, vehicle, other, score),) = found.noted(
            "misread_on_route", name, "cause, vehicle, other_vehicle, score"
        )
        true, *_, misread = (text.split(",")[0] for text in files[name])
        assert (cause, vehicle, other) == (noted, found.token(misread), found.token(true))
        assert score > 0.8
        assert found[name].accepted == 4


FILES["as often"] = [*on_the_way("LV12PHH", "LU12PHH", "08:05:00"), line("LU12PHH", "10:00:00", "CAM-N")]


def test_two_vehicles_that_are_read_as_often_are_no_misreads(judged):
    assert "misread_on_route" not in judged["as often"].rules


def test_opaque_identifiers_have_no_misreads(room):
    source = room.write("opaque.yaml", "name: opaque\nplate_scheme: opaque\n")
    lines = [line("LV12ABC"), line("LU12ABC", "08:01:00")]
    assert one(room.ingest(deliver(room, "day", lines), source=str(source))).rules == {}


SAID = ["blue", " Blue", "BLUE", "red", ""]


def test_what_reads_of_one_plate_say_of_the_vehicle_disagrees(room):
    # each field says the same in other rows
    lines = [
        ",".join([line("LV12ABC", f"0{number}:00:00"), *(SAID[(number + shift) % 5] for shift in range(3))])
        for number in range(5)
    ]
    lines.append(line("HJ12HJL") + ",green" * 3)
    fields = ("make", "model", "colour")
    batch = one(room.ingest(deliver(room, "day", lines, ",".join([FIELDS, *fields]))))
    assert batch.rules == {f"{field}_disagrees": 1 for field in fields}
    for shift, field in enumerate(fields):
        assert notes(room, f"{field}_disagrees", "row_no, cause, score") == [(4 - shift, f"rarer_{field}", 0.75)]
    # what was said is not kept
    assert not [path for path, content in room.snapshot().items() if b"RED" in content and "landing" not in path]


def test_a_column_of_another_name_can_be_the_make(room):
    source = room.write("source.yaml", "name: dvla\ncolumns: {make: MANUFACTURER}\n")
    lines = [line("LV12ABC", f"0{hour}:00:00") + f",{word}" for hour, word in enumerate(["FORD", "FORD", "SEAT"])]
    report = room.ingest(deliver(room, "day", lines, f"{FIELDS},MANUFACTURER"), source=str(source))
    assert one(report).rules == {"make_disagrees": 1}


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
    from data_contracts.limits import IngestLimits

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
