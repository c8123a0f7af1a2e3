"""Impossible speeds are put down to the camera or to the VRM that explains most, through the whole of ingest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, product

import duckdb
import pytest

from data_contracts.across_rows.blame import Crowd, Link, blame_cameras
from data_contracts.across_rows.shift import Neighbours, find_shift
from data_contracts.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser

START = datetime(2026, 5, 18, 6, 0)  # noqa: DTZ001 - written with a Z below
CAMERAS = [f"C{number}" for number in range(7)]
EAST = -3.0
SPACING = 0.2  # degrees of longitude, 13.3 km at this latitude: 80 km/h when driven in 10 minutes
# H, J, L and W are taken for no other letter
PEOPLE = [f"AB12{''.join(letters)}" for letters in product("HJLW", repeat=3)][:32]


def register(moved: dict[str, float] | None = None) -> str:
    rows = ["camera_id,latitude,longitude,valid_from,force"]
    for number, camera in enumerate(CAMERAS):
        rows.append(f"{camera},{(moved or {}).get(camera, 53.4)},{EAST + number * SPACING},2025-01-01,Merseyside")
    return "\n".join([*rows, "FAR,54.4,-3.0,2025-01-01,Merseyside"]) + "\n"


def read(vrm: str, minutes: float, camera: str, confidence: int = 90) -> str:
    moment = START + timedelta(minutes=minutes)
    return f"{vrm},{moment:%Y-%m-%dT%H:%M:%SZ},{camera},{confidence},true,feed,7,"


def drive(vrm: str, start: float, cameras: Iterable[str]) -> list[str]:
    return [read(vrm, start + 10 * place, camera) for place, camera in enumerate(cameras)]


def traffic(late: dict[str, float] | None = None) -> list[str]:
    """Everyone drives one way or the other along the road; clocks of the cameras named run fast by some minutes."""
    rows = []
    for number, vrm in enumerate(PEOPLE):
        way = CAMERAS if number % 2 else CAMERAS[::-1]
        rows += [
            read(vrm, 3 * number + 10 * place + (late or {}).get(camera, 0), camera) for place, camera in enumerate(way)
        ]
    return rows


def notes(room, columns: str = "cause, camera_id", rule: str = "impossible_speed") -> list[tuple]:
    parts = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
    if not parts:
        return []
    with duckdb.connect() as connection:
        query = f"SELECT {columns} FROM read_parquet(?) WHERE rule = ? ORDER BY ALL"
        return connection.execute(query, [parts, rule]).fetchall()


@pytest.fixture
def road(room):
    room.cameras(register())
    return room


def test_plausible_traffic_is_not_noted(road):
    report = road.ingest(road.deliver("day.csv", *traffic()))
    assert report.batches[0].rules == {}
    assert report.batches[0].reasons == ()
    assert notes(road) == []


@pytest.mark.parametrize("minutes", [7, -7, 25])
def test_a_wrong_clock_is_put_down_to_its_camera(road, minutes):
    report = road.ingest(road.deliver("day.csv", *traffic({"C3": minutes})))
    found = Counter(notes(road))
    assert set(found) == {("camera_clock", "C3")}
    assert report.batches[0].rules["impossible_speed"] <= sum(found.values())
    assert "the clock of camera C3" in report.batches[0].reasons[0]
    assert report.batches[0].verdict == "passed"


def test_a_camera_that_is_not_where_the_register_says_is_put_down_to_its_place(room):
    room.cameras(register(moved={"C3": 54.1}))
    room.ingest(room.deliver("day.csv", *traffic()))
    assert set(notes(room)) == {("camera_place", "C3")}
    assert len(notes(room)) == 2 * len(PEOPLE)


def test_two_wrong_cameras_are_both_found_and_none_between_them(room):
    room.cameras(register(moved={"C1": 54.1}))
    room.ingest(room.deliver("day.csv", *traffic({"C4": 7})), max_impossible_share=1)
    assert set(notes(room)) == {("camera_place", "C1"), ("camera_clock", "C4")}


def test_a_plate_that_goes_back_and_forth_is_a_clone(road):
    clone = [read("YX70ZZZ", 10 * visit, "C0" if visit % 2 else "FAR") for visit in range(6)]
    road.ingest(road.deliver("day.csv", *traffic(), *clone))
    token = load_pseudonymiser(road.settings, road.rocu).token("YX70ZZZ")
    assert set(notes(road, "cause, vehicle")) == {("vehicle_clone", token)}
    assert len(notes(road)) == 5


def test_two_drives_at_once_under_one_plate_are_a_clone(road):
    rows = [*drive("YX70ZZZ", 0, CAMERAS[:4]), read("YX70ZZZ", 40, "FAR"), read("YX70ZZZ", 46, "FAR")]
    road.ingest(road.deliver("day.csv", *traffic(), *rows))
    assert set(notes(road, "cause")) == {("vehicle_clone",)}


def test_a_single_stray_read_is_a_misread(road):
    rows = [*drive("YX70ZZZ", 0, CAMERAS[:3]), read("YX70ZZZ", 25, "FAR"), *drive("YX70ZZZ", 30, CAMERAS[3:])]
    road.ingest(road.deliver("day.csv", *traffic(), *rows))
    assert set(notes(road, "cause, camera_id, other_vehicle, score")) == {("vehicle_misread", "FAR", None, 0.5)}


def test_a_stray_read_of_a_plate_one_confusion_from_one_that_fits_there_names_that_vehicle(road):
    # VU and UU: V is taken for U at C2, where the vehicle with U is far away
    driving = [row for row in drive("LV12ABC", 0, CAMERAS) if ",C2," not in row]
    elsewhere = [read("LU12ABC", minutes, "FAR") for minutes in (5, 35)]
    stray = read("LU12ABC", 20, "C2", confidence=60)
    report = road.ingest(road.deliver("day.csv", *traffic(), *driving, *elsewhere, stray))
    pseudonymiser = load_pseudonymiser(road.settings, road.rocu)
    rows = notes(road, "cause, camera_id, vehicle, other_vehicle, score > 0.5")
    named = ("vehicle_misread", "C2", pseudonymiser.token("LU12ABC"), pseudonymiser.token("LV12ABC"), True)
    assert rows == [named, named]
    assert report.batches[0].rules["impossible_speed"] == 1
    assert len(road.reads("vehicle")) == report.batches[0].rows


@pytest.mark.parametrize(
    ("limits", "noted"),
    [({}, 0), ({"max_speed_kmh": 159}, 1), ({"max_speed_kmh": 159, "min_leg_km": 14}, 0)],
)
def test_a_leg_is_judged_by_the_limits(road, limits, noted):
    # 13.27 km in 5 minutes: 159.2 km/h
    file = road.deliver("pair.csv", read("YX70ZZZ", 0, "C0"), read("YX70ZZZ", 5, "C1"))
    report = road.ingest(file, **limits)
    assert report.batches[0].rules.get("impossible_speed", 0) == noted


def test_too_few_vehicles_are_no_evidence_against_a_camera(road):
    rows = traffic({"C3": 7})[: 7 * 4]
    road.ingest(road.deliver("few.csv", *rows))
    assert {cause for cause, _ in notes(road)} <= {"vehicle_clone", "vehicle_misread"}
    road.ingest(
        road.deliver("again.csv", *(row.replace("2026-05-18", "2026-05-19") for row in rows)),
        camera_blame_min_vehicles=4,
    )
    assert ("camera_clock", "C3") in notes(road)


def test_reads_of_earlier_calls_are_neighbours(road):
    road.ingest(road.deliver("one.csv", read("YX70ZZZ", 0, "C0"), read("YX70ZZZ", 1, "C0")))
    report = road.ingest(road.deliver("two.csv", read("YX70ZZZ", 8, "C6")))
    first = road.reads("batch_id, row_no")
    assert report.batches[0].rules == {"impossible_speed": 1}
    ((row_no, other_batch, other_row, value),) = notes(road, "row_no, other_batch_id, other_row_no, round(value)")
    assert row_no == 1
    assert (other_batch, other_row) in first
    assert 600 < value < 800


def test_sources_with_positions_are_judged_by_them(road):
    rows = "\n".join(
        f"YX70ZZZ,2026-05-18T08:{minute:02}:00Z,C0,{latitude},-3.0" for minute, latitude in ((0, 53.4), (5, 53.9))
    )
    file = road.write("moving.csv", f"vrm,captured_at,camera_id,latitude,longitude\n{rows}\n")
    source = road.write("source.yaml", "name: mobile\nposition: file\n")
    report = road.ingest(file, source=str(source))
    assert report.batches[0].rules == {"impossible_speed": 1}


def test_a_file_full_of_impossible_speeds_fails_and_every_row_is_accounted_for(road, row):
    wild = [read(vrm, 10 * place, camera) for vrm in PEOPLE for place, camera in enumerate(["C0", "FAR"] * 4)]
    bad = road.deliver("bad.csv", *wild, row(vrm="", camera_id="C0"))
    # the second file has a read that would be a duplicate of the first one's
    good = road.deliver("good.csv", *drive("YX70ZZZ", 0, CAMERAS), wild[0])
    report = road.ingest(bad, good, min_batch_reads=len(wild))
    failed, passed = report.batches
    assert (failed.verdict, passed.verdict) == ("failed", "passed")
    assert failed.reasons[0].startswith(
        f"too_many_impossible_speeds: {failed.rules['impossible_speed']} of {len(wild)}"
    )
    assert (failed.rows, failed.accepted, failed.quarantined, failed.duplicates) == (len(wild) + 1, 0, len(wild) + 1, 0)
    assert (passed.accepted, passed.duplicates) == (len(CAMERAS) + 1, 0)
    assert "impossible_speed" not in passed.rules
    accepted = set(road.reads("batch_id, row_no"))
    set_apart = set(road.quarantine("batch_id, row_no"))
    assert len(accepted) == len(CAMERAS) + 1
    assert len(set_apart) == len(wild) + 1
    assert not accepted & set_apart
    assert {batch for batch, *_ in notes(road, "batch_id")} <= {passed.batch_id}


def test_a_file_under_the_limit_of_impossible_speeds_passes(road):
    wild = [read(vrm, 10 * place, camera) for vrm in PEOPLE for place, camera in enumerate(["C0", "FAR"] * 4)]
    report = road.ingest(road.deliver("bad.csv", *wild), min_batch_reads=len(wild), max_impossible_share=1)
    assert report.batches[0].verdict == "passed"
    report = road.ingest(
        road.deliver("small.csv", *(line.replace("05-18", "05-19") for line in wild)), min_batch_reads=len(wild) + 1
    )
    assert report.batches[0].verdict == "passed"


def links(rates: dict[tuple[int, int], tuple[int, int]]) -> Sequence[Link]:
    return [Link(a, b, legs, fast) for (a, b), (legs, fast) in rates.items()]


def test_a_neighbour_is_not_blamed_for_the_camera_beside_it():
    road = links({(1, 2): (100, 0), (2, 3): (100, 90), (3, 4): (100, 90), (4, 5): (100, 0), (5, 6): (100, 1)})
    crowds = {camera: Crowd(40, 0.1) for camera in range(1, 7)}
    assert [one.camera for one in blame_cameras(road, crowds, 5, 0.1)] == [3]


def test_a_camera_that_one_vehicle_passes_often_is_not_blamed():
    road = links({(1, 2): (100, 40), (2, 3): (100, 40), (3, 4): (100, 0), (4, 5): (100, 0)})
    assert blame_cameras(road, {2: Crowd(6, 0.9)}, 5, 0.1) == ()


@pytest.mark.parametrize("error", [-3600, -420, 420, 1500, 3600])
def test_the_error_of_a_clock_is_found_to_a_few_minutes(error):
    sample = []
    for journey in range(40):
        times = list(accumulate(650 + 450 * ((journey * 37 + place * 91) % 97) / 97 for place in range(9)))
        others = [place for place in range(9) if place != 4]
        after = [times[place] - times[4] - error for place in others]
        sample.append(Neighbours(after, [600 * abs(place - 4) for place in others]))
    found = find_shift(sample)
    assert found is not None
    assert found.explained > 0.95
    assert abs(found.seconds - error) < 240


def test_a_place_that_is_too_far_both_ways_is_no_shift():
    sample = [Neighbours([-600 - n, 600 + n], [1500, 1500]) for n in range(20)]
    assert find_shift(sample) is None
    assert find_shift([]) is None
