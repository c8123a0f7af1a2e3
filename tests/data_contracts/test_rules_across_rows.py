"""Rules about cameras, feeds, plates and vehicles across rows fire beyond their limits and not at them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import duckdb
import pytest

from data_contracts.contract import load_contract
from data_contracts.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser

FIELDS = "vrm,captured_at,camera_id,confidence,feed_id,received_at"
MONDAY = date(2026, 5, 18)
REGISTER = """camera_id,latitude,longitude,valid_from,valid_to,force
CAM-1,53.40,-2.98,2025-01-01,,Merseyside
CAM-2,53.80,-3.05,2025-01-01,,Lancashire
CAM-Y,53.80,-1.50,2025-01-01,,West Yorkshire
CAM-B,53.41,-2.98,2025-01-01,,British Transport Police
CAM-N,53.42,-2.98,2025-01-01,,
"""


def plates(number: int) -> list[str]:
    """Valid plates of which no two are one confusion apart."""
    return [f"{a}{b}12{c}HW" for a in "HJLW" for b in "HJLW" for c in "HJLWBSZVMETAPK"][:number]


def line(vrm="HJ12HJL", at="08:00:00", camera="CAM-1", confidence="90", feed="nas", received="", day=MONDAY) -> str:
    return f"{vrm},{day}T{at}Z,{camera},{confidence},{feed},{received}"


def deliver(room, name, lines, fields=FIELDS):
    return room.write(f"{name}.csv", "\n".join([fields, *lines]) + "\n")


def notes(room, rule, columns="*"):
    parts = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
    if not parts:
        return []
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {columns} FROM read_parquet(?) WHERE rule = ? ORDER BY batch_id, row_no", [parts, rule]
        ).fetchall()


def one(report):
    (batch,) = report.batches
    return batch


def test_every_data_quality_number_is_carried_by_a_rule():
    carried = {number for rule in load_contract("reads").written_rules for number in rule.dq_number.split()}
    assert carried == {f"DQ{number:02}" for number in range(1, 16)}


@pytest.mark.parametrize(
    ("reads", "unknown", "warned"), [(200, 7, True), (200, 6, False), (199, 100, False)], ids=["over", "at", "too few"]
)
def test_unknown_formats_of_a_camera_day(room, reads, unknown, warned):
    lines = [line(vrm) for vrm in plates(reads - unknown)] + [line(f"QQQ{n:03}") for n in range(unknown)]
    batch = one(room.ingest(deliver(room, "day", lines)))
    assert batch.rules.get("camera_day_unknown_format", 0) == (unknown if warned else 0)
    said = [reason for reason in batch.reasons if reason.startswith("camera_day_unknown_format")]
    assert [bool(re.search("CAM-1 on 2026-05-18 .*of 200 reads", text)) for text in said] == [True] * warned


@pytest.mark.parametrize(("late", "warned"), [(11, True), (10, False)])
def test_lateness_of_a_feed(room, late, warned):
    lines = [
        line(vrm, received=f"{MONDAY}T{'09:00:01' if number < late else '09:00:00'}Z")
        for number, vrm in enumerate(plates(200))
    ]
    batch = one(room.ingest(deliver(room, "day", lines)))
    # late reads are counted even where there are few enough
    assert batch.rules["received_late"] == late
    assert batch.rules.get("feed_lateness_p95", 0) == (late if warned else 0)
    assert [reason.split(":")[0] for reason in batch.reasons] == ["feed_lateness_p95", "received_late"] * warned


def test_a_feed_can_have_a_limit_of_its_own(room):
    lines = [line(vrm, feed="mobile", received=f"{MONDAY}T16:00:00Z") for vrm in plates(100)]
    lines += [line(vrm, feed="nas", received=f"{MONDAY}T08:00:05Z") for vrm in plates(200)[100:]]
    limits = {"min_batch_reads": 100, "lateness_p95_max_s_by_feed": {"mobile": 8 * 3600}}
    assert one(room.ingest(deliver(room, "day", lines), **limits)).rules == {}
    other_day = [text.replace("05-18", "05-19") for text in lines]
    batch = one(room.ingest(deliver(room, "next", other_day), min_batch_reads=100))
    assert batch.rules == {"feed_lateness_p95": 100, "received_late": 100}
    assert "feed mobile: 95 % of 100 reads came within 28800 s, the limit is 3600 s" in batch.reasons[0]


def test_a_confidence_that_shifts_is_told_by_the_cameras_own_past(room):
    room.cameras(REGISTER)
    past = [
        line(vrm, camera=camera, day=MONDAY - timedelta(days=ago), confidence=sure)
        for camera, sure in (("CAM-1", "92"), ("CAM-B", "55"))
        for ago in (3, 2, 1)
        for vrm in plates(170)
    ]
    room.ingest(deliver(room, "past", past))
    now = [line(vrm, camera=camera, confidence="55") for camera in ("CAM-1", "CAM-B") for vrm in plates(200)]
    batch = one(room.ingest(deliver(room, "now", now)))
    assert batch.rules == {"confidence_shifted": 200}
    assert "camera CAM-1 on 2026-05-18" in batch.reasons[0]


@pytest.mark.parametrize("limits", [{}, {"min_history_reads": 171}, {"confidence_history_days": 1}])
def test_a_confidence_without_enough_past_is_not_judged(room, limits):
    room.ingest(deliver(room, "past", [line(v, day=MONDAY - timedelta(days=2), confidence="92") for v in plates(170)]))
    now = [line(vrm, confidence="55") for vrm in plates(200)]
    assert one(room.ingest(deliver(room, "now", now), **limits)).rules == {}


def day_of_reads(reads: int, day: date, camera: str = "CAM-1") -> list[str]:
    step = 14 * 3600 // reads
    return [
        line(vrm, at=f"{6 + number * step // 3600:02}:{number * step // 60 % 60:02}:00", camera=camera, day=day)
        for number, vrm in enumerate(plates(reads))
    ]


@pytest.fixture
def with_past(room):
    """Four Mondays: CAM-1 reads 100 on each but one, on which it fails; CAM-2 reads 20."""
    room.cameras(REGISTER)
    weeks = [MONDAY - timedelta(days=7 * week) for week in (1, 2, 3, 4)]
    lines = [text for week, reads in zip(weeks, (100, 100, 10, 100), strict=True) for text in day_of_reads(reads, week)]
    lines += [text for week in weeks for text in day_of_reads(20, week, "CAM-2")]
    room.ingest(deliver(room, "past", lines))
    return room


@pytest.mark.parametrize(
    ("reads", "rule"),
    [(45, "camera_volume_low"), (55, None), (190, None), (215, "camera_volume_high")],
)
def test_a_cameras_volume_is_held_against_its_own_weekday(with_past, reads, rule):
    # another camera covers the whole day, so that the hours in which this one is silent count
    whole = [line("HJ12HJL", at="06:00:00", camera="CAM-2"), line("HJ12HJL", at="19:59:00", camera="CAM-2")]
    batch = one(with_past.ingest(deliver(with_past, "now", day_of_reads(reads, MONDAY) + whole)))
    assert batch.rules == ({rule: reads} if rule else {})
    if rule:
        assert re.search(rf"CAM-1 on 2026-05-18 \({reads} reads where (9\d|100) are usual\)", batch.reasons[0])


def test_a_quiet_camera_a_young_one_and_the_hours_not_delivered_are_not_judged(with_past):
    quiet = [line("HJ12HJL", at=at, camera="CAM-2") for at in ("06:00:00", "19:59:00")]
    young = day_of_reads(200, MONDAY, "CAM-B")
    assert one(with_past.ingest(deliver(with_past, "now", quiet + young))).rules == {}
    morning = [text for text in day_of_reads(100, MONDAY + timedelta(days=0)) if "T0" in text or "T10" in text]
    assert one(with_past.ingest(deliver(with_past, "morning", morning), min_expected_reads=20)).rules == {}


def test_quarters_of_an_hour_are_no_flood_beside_what_came_before_them(with_past):
    # CAM-1 reads 100 in 14 hours, as ever, in calls that each cover a part of an hour
    whole = day_of_reads(100, MONDAY)
    for number in range(0, 100, 5):
        batch = one(with_past.ingest(deliver(with_past, f"{number}", whole[number : number + 5]), min_expected_reads=1))
        assert batch.rules.get("camera_volume_high", 0) == 0


def test_a_feed_that_came_for_half_a_day_is_not_held_against_one_that_came_for_all_of_it(with_past):
    morning = [text for text in day_of_reads(100, MONDAY) if "T0" in text]
    whole = [line("HJ12HJL", at=f"{hour:02}:30:00", camera="CAM-2", feed="other") for hour in range(6, 20)]
    batch = one(with_past.ingest(deliver(with_past, "now", morning + whole), min_expected_reads=20))
    assert batch.rules == {}


def test_the_limits_of_volume_are_the_policys(with_past):
    whole = [line("HJ12HJL", at="06:00:00", camera="CAM-2"), line("HJ12HJL", at="19:59:00", camera="CAM-2")]
    file = deliver(with_past, "now", day_of_reads(45, MONDAY) + whole)
    assert one(with_past.ingest(file, min_volume_share=0.4)).rules == {}


def test_a_misread_pair_is_noted_with_the_likelier_plate_and_nothing_is_merged(room):
    lines = [
        line("LV12ABC", "08:00:00", confidence="95"),
        line("LU12ABC", "08:01:00", confidence="70"),
        *(line("LV12ABC", f"{hour}:30:00") for hour in ("09", "10", "11")),
    ]
    batch = one(room.ingest(deliver(room, "day", lines)))
    token = load_pseudonymiser(room.settings, room.rocu).token
    assert batch.rules == {"misread_pair": 1}
    assert batch.reasons[0].startswith("misread_pair: 1 camera: 1 at CAM-1. The rule: ")
    ((row_no, cause, vehicle, other, row, score, seconds),) = notes(
        room, "misread_pair", "row_no, cause, vehicle, other_vehicle, other_row_no, score, value"
    )
    assert (row_no, cause, vehicle) == (2, "read_more_often+higher_confidence", token("LU12ABC"))
    assert (other, row, seconds) == (token("LV12ABC"), 1, 60)
    assert 0.9 < score < 1
    assert room.reads("vehicle")[1] == (token("LU12ABC"),)


@pytest.mark.parametrize(("second", "within", "noted"), [("05:00", 300, 1), ("05:01", 300, 0), ("05:01", 301, 1)])
def test_a_misread_pair_lies_within_the_limit(room, second, within, noted):
    lines = [line("LV12ABC", "08:00:00"), line("LU12ABC", f"08:{second}")]
    report = room.ingest(deliver(room, "day", lines), misread_within_s=within)
    assert one(report).rules.get("misread_pair", 0) == noted


@pytest.mark.parametrize(
    ("first", "second", "camera", "expected"),
    [
        ("LV12ABC", "LV1ZABC", "CAM-1", ("known_format", "LV1ZABC")),
        ("LV12ABC", "LU12ABC", "CAM-1", ("undecided", None)),
        ("LV12ABC", "LU12ABC", "CAM-2", None),
        ("LV12ABC", "LX12ABC", "CAM-1", None),
        ("BV12ABC", "8V12ABG", "CAM-1", None),
        ("BV12ABC", "CV12ABC", "CAM-1", None),
    ],
    ids=["unknown format", "nothing tells", "elsewhere", "no confusion", "two places", "a chain of confusions"],
)
def test_what_is_a_misread_pair_and_which_of_it_is_less_likely(room, first, second, camera, expected):
    room.ingest(deliver(room, "day", [line(first), line(second, "08:01:00", camera)]), max_quarantine_share=1)
    found = notes(room, "misread_pair", "cause, vehicle, score")
    if expected is None:
        assert found == []
        return
    ((cause, vehicle, score),) = found
    assert cause == expected[0]
    assert (score > 0.9) == (cause == "known_format")
    if expected[1]:
        assert vehicle == load_pseudonymiser(room.settings, room.rocu).token(expected[1])


def on_the_way(vrm: str, misread: str, second: str = "08:30:00") -> list[str]:
    """A drive from CAM-1 to CAM-2, 45 km, an hour each way, and one odd read at CAM-N, 2 km from CAM-1."""
    return [
        line(vrm, "08:00:00"),
        line(vrm, "09:00:00", "CAM-2"),
        line(vrm, "11:00:00"),
        line(misread, second, "CAM-N"),
    ]


@pytest.mark.parametrize(
    ("misread", "second", "limits", "noted"),
    [
        ("LV1ZABC", "08:05:00", {}, "known_format+read_more_often"),
        ("LU12ABC", "08:05:00", {}, "read_more_often"),
        ("LV1ZABC", "08:30:00", {}, "known_format+read_more_often"),
        ("LV1ZABC", "08:30:01", {"misread_route_within_s": 1798}, None),
        ("LV1ZABC", "08:30:00", {"misread_route_within_s": 1799}, None),
        ("LV1ZABC", "08:55:00", {}, None),
        ("LX1ZABC", "08:05:00", {}, None),
    ],
    ids=["unknown format", "read once", "at the limit", "limit", "beyond it", "not there in time", "no confusion"],
)
def test_an_odd_read_is_held_against_a_look_alike_on_its_way_past(room, misread, second, limits, noted):
    room.cameras(REGISTER)
    batch = one(room.ingest(deliver(room, "day", on_the_way("LV12ABC", misread, second)), **limits))
    assert batch.rules.get("misread_on_route", 0) == (1 if noted else 0)
    if noted:
        token = load_pseudonymiser(room.settings, room.rocu).token
        ((cause, vehicle, other, score),) = notes(room, "misread_on_route", "cause, vehicle, other_vehicle, score")
        assert (cause, vehicle, other) == (noted, token(misread), token("LV12ABC"))
        assert score > 0.8
        assert len(room.reads()) == 4


def test_two_vehicles_that_are_read_as_often_are_no_misreads(room):
    room.cameras(REGISTER)
    lines = [*on_the_way("LV12ABC", "LU12ABC", "08:05:00"), line("LU12ABC", "10:00:00", "CAM-N")]
    assert "misread_on_route" not in one(room.ingest(deliver(room, "day", lines))).rules


def test_opaque_identifiers_have_no_misreads(room):
    source = room.write("opaque.yaml", "name: opaque\nplate_scheme: opaque\n")
    lines = [line("LV12ABC"), line("LU12ABC", "08:01:00")]
    assert one(room.ingest(deliver(room, "day", lines), source=str(source))).rules == {}


@pytest.mark.parametrize("field", ["make", "model", "colour"])
def test_what_reads_of_one_plate_say_of_the_vehicle_disagrees(room, field):
    said = ["blue", " Blue", "BLUE", "red", ""]
    lines = [line("LV12ABC", f"0{hour}:00:00") + f",{word}" for hour, word in enumerate(said)]
    lines.append(line("HJ12HJL") + ",green")
    batch = one(room.ingest(deliver(room, "day", lines, f"{FIELDS},{field}")))
    assert batch.rules == {f"{field}_disagrees": 1}
    assert notes(room, f"{field}_disagrees", "row_no, cause, score") == [(4, f"rarer_{field}", 0.75)]
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


def test_cameras_of_other_regions_are_told(room):
    room.cameras(REGISTER)
    lines = [line(camera=camera) for camera in ("CAM-1", "CAM-Y", "CAM-B", "CAM-N")]
    batch = one(room.ingest(deliver(room, "day", lines), max_speed_kmh=1e9))
    assert batch.rules == {"camera_of_another_region": 1}
    assert "camera CAM-Y on 2026-05-18 (of west-yorkshire, 1 reads)" in batch.reasons[0]


@pytest.mark.parametrize(("again", "warned"), [(23, True), (22, False)])
def test_many_duplicates_are_told(room, again, warned):
    vrms = plates(200)
    lines = [line(vrm) for vrm in vrms] + [line(vrm, "08:00:03") for vrm in vrms[:again]]
    batch = one(room.ingest(deliver(room, "day", lines)))
    assert (batch.accepted, batch.duplicates) == (200, again)
    assert batch.rules == ({"too_many_duplicates": again} if warned else {})


def test_an_older_contract_runs_without_rules_across_rows(room):
    old = load_contract("reads", "1.0.0")
    assert {rule.table for rule in old.written_rules} == {"reads", "batches"}
