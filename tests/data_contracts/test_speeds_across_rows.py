"""Impossible speeds are put down to the camera or to the VRM that explains most, through the whole of ingest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, product
from typing import Any

import pytest
from across_rows_support import Judged

from data_contracts.across_rows.blame import Crowd, Link, blame_cameras
from data_contracts.across_rows.clock_or_place import KM_OF_DEGREE, Visit, explain, usual_slowness

START = datetime(2026, 5, 18, 6, 0)  # noqa: DTZ001 - written with a Z below
EAST = -3.0
SPACING = 0.2  # degrees of longitude, 13.3 km at this latitude: 80 km/h when driven in 10 minutes
PLACES = range(7)


class Road:
    """A road with cameras and vehicles of its own, so that many lie side by side in one call; one camera is far off."""

    made = 0

    def __init__(self, moved: dict[int, float] | None = None) -> None:
        # H, J, L and W are taken for no other letter
        area = f"{'HJLW'[Road.made // 4]}{'HJLW'[Road.made % 4]}"
        self.people = [f"{area}12{''.join(letters)}" for letters in product("HJLW", repeat=3)][:32]
        self.other = f"{area}70ZZZ"
        self.name, self.moved = area, moved or {}
        self.far = f"{area}-FAR"
        Road.made += 1

    def camera(self, place: int) -> str:
        return f"{self.name}-{place}"

    def registered(self) -> list[str]:
        cameras = [(self.camera(place), self.moved.get(place, 53.4), EAST + place * SPACING) for place in PLACES]
        cameras.append((self.far, 54.4, EAST))
        return [f"{camera},{latitude},{longitude},2025-01-01,Merseyside" for camera, latitude, longitude in cameras]

    def drive(self, start: float, places: Iterable[int]) -> list[str]:
        return [read(self.other, start + 10 * step, self.camera(place)) for step, place in enumerate(places)]

    def traffic(self, late: dict[int, float] | None = None, vehicles: int = 32) -> list[str]:
        """Everyone drives one way or the other along the road; clocks of the cameras named run fast by some minutes."""
        rows = []
        for number, vrm in enumerate(self.people[:vehicles]):
            for step, place in enumerate(PLACES if number % 2 else PLACES[::-1]):
                rows.append(read(vrm, 3 * number + 10 * step + (late or {}).get(place, 0), self.camera(place)))
        return rows

    def short_ways(self, fast: float) -> list[str]:
        """Ways past three cameras, which begin, lead through or end at the fourth; its clock runs fast by minutes."""
        rows = []
        for number, vrm in enumerate(self.people):
            first, way, pace = number % 3, 1 if number % 2 else -1, 8 + number % 5
            for step in range(3):
                place = 3 + way * (step - first)
                late = fast if place == 3 else 0
                rows.append(read(vrm, 3 * number + pace * step + late, self.camera(place)))
        return rows

    def wild(self) -> list[str]:
        """All are at either end of the country every ten minutes."""
        return [
            read(vrm, 10 * step, self.camera(0) if step % 2 == 0 else self.far)
            for vrm in self.people
            for step in range(8)
        ]


def read(vrm: str, minutes: float, camera: str, confidence: int = 90) -> str:
    moment = START + timedelta(minutes=minutes)
    return f"{vrm},{moment:%Y-%m-%dT%H:%M:%SZ},{camera},{confidence},true,feed,7,"


PLAIN, CLONE, TWICE, STRAY, ALIKE, PAIR, FEW, EARLIER, SMALL, LARGE, ENDS = (Road() for _ in range(11))
CLOCKS = {minutes: Road() for minutes in (7, -7, 25)}
MOVED, TWO = Road({3: 54.1}), Road({1: 54.1})
ROADS = [PLAIN, CLONE, TWICE, STRAY, ALIKE, PAIR, FEW, EARLIER, SMALL, LARGE, ENDS, *CLOCKS.values(), MOVED, TWO]
SHORT = ["SHORT-0,53.4,-3.0,2025-01-01,Merseyside", "SHORT-1,53.4,-2.804,2025-01-01,Merseyside"]
# VU and UU: V is taken for U at the third camera, where the vehicle with U is far away
DRIVING, MISREAD = "LV12ABC", "LU12ABC"
FILES = {
    "plain": PLAIN.traffic(),
    **{f"clock {minutes}": road.traffic({3: minutes}) for minutes, road in CLOCKS.items()},
    "ends": ENDS.short_ways(20),
    "moved": MOVED.traffic(),
    "clone": [
        *CLONE.traffic(),
        *(read(CLONE.other, 10 * visit, CLONE.camera(0) if visit % 2 else CLONE.far) for visit in range(6)),
    ],
    "twice": [
        *TWICE.traffic(),
        *TWICE.drive(0, PLACES[:4]),
        *(read(TWICE.other, minutes, TWICE.far) for minutes in (40, 46)),
    ],
    "stray": [
        *STRAY.traffic(),
        *STRAY.drive(0, PLACES[:3]),
        read(STRAY.other, 25, STRAY.far),
        *STRAY.drive(30, PLACES[3:]),
    ],
    "alike": [
        *ALIKE.traffic(),
        *(read(DRIVING, 10 * place, ALIKE.camera(place)) for place in PLACES if place != 2),
        *(read(MISREAD, minutes, ALIKE.far) for minutes in (5, 35)),
        read(MISREAD, 20, ALIKE.camera(2), confidence=60),
    ],
    # 13.27 km in 5 minutes: 159.2 km/h
    "pair": [read(PAIR.other, 0, PAIR.camera(0)), read(PAIR.other, 5, PAIR.camera(1))],
    "few": FEW.traffic({3: 7}, vehicles=4),
    "earlier": [read(EARLIER.other, minutes, EARLIER.camera(0)) for minutes in (0, 1)],
    # one read less than are judged
    "small": SMALL.wild()[:199],
}
# 13.0 km in 4.5 minutes: 173 km/h
LIMITED = {"pair": FILES["pair"], "short": [read("YX70ZZZ", 0, "SHORT-0"), read("YX70ZZZ", 4.5, "SHORT-1")]}
LIMITED["few"] = FILES["few"]
LENIENT = {"two": TWO.traffic({4: 7}), "large": LARGE.wild()}


@pytest.fixture(scope="module")
def network(room_again):
    room = room_again()
    lines = [line for road in ROADS for line in road.registered()] + SHORT
    room.cameras("\n".join(["camera_id,latitude,longitude,valid_from,force", *lines]) + "\n")
    return room


def delivered(room, files: dict[str, list[str]], **limits: Any) -> Judged:
    report = room.ingest(*(room.deliver(f"{name}.csv", *lines) for name, lines in files.items()), **limits)
    return Judged(room, {batch.delivered_as.removesuffix(".csv"): batch for batch in report.batches})


@pytest.fixture(scope="module")
def judged(network, room_again) -> Judged:
    return delivered(room_again(network), FILES)


@pytest.fixture(scope="module")
def limited(network, room_again) -> Judged:
    return delivered(room_again(network), LIMITED, max_speed_kmh=159, min_leg_km=13.2, camera_blame_min_vehicles=4)


@pytest.fixture(scope="module")
def lenient(network, room_again) -> Judged:
    return delivered(room_again(network), LENIENT, max_impossible_share=1)


def noted(judged: Judged, name: str, columns: str = "cause, camera_id") -> list[tuple[Any, ...]]:
    return judged.noted("impossible_speed", name, columns)


def test_plausible_traffic_is_not_noted(judged):
    assert judged["plain"].rules == {}
    assert judged["plain"].reasons == ()
    assert noted(judged, "plain") == []


@pytest.mark.parametrize("minutes", CLOCKS)
def test_a_wrong_clock_is_put_down_to_its_camera(judged, minutes):
    batch, camera = judged[f"clock {minutes}"], CLOCKS[minutes].camera(3)
    found = Counter(noted(judged, f"clock {minutes}"))
    assert set(found) == {("camera_clock", camera)}
    assert batch.rules["impossible_speed"] <= sum(found.values())
    assert f"the clock of camera {camera}" in batch.reasons[0]
    assert batch.verdict == "passed"


def test_a_clock_twenty_minutes_fast_is_no_wrong_place_where_journeys_begin_and_end(judged):
    found = Counter(noted(judged, "ends"))
    assert found["camera_clock", ENDS.camera(3)] >= 5
    assert not any(cause.startswith("camera_place") for cause, _ in found)


def test_a_camera_that_is_not_where_the_register_says_is_put_down_to_its_place(judged):
    assert Counter(noted(judged, "moved")) == {("camera_place", MOVED.camera(3)): 2 * len(MOVED.people)}


def test_two_wrong_cameras_are_both_found_and_none_between_them(lenient):
    assert set(noted(lenient, "two")) == {("camera_place", TWO.camera(1)), ("camera_clock", TWO.camera(4))}


def test_a_plate_that_goes_back_and_forth_is_a_clone(judged):
    assert noted(judged, "clone", "cause, vehicle") == [("vehicle_clone", judged.token(CLONE.other))] * 5


def test_two_drives_at_once_under_one_plate_are_a_clone(judged):
    assert set(noted(judged, "twice", "cause")) == {("vehicle_clone",)}


def test_a_single_stray_read_is_a_misread(judged):
    found = noted(judged, "stray", "cause, camera_id, other_vehicle, score")
    assert set(found) == {("vehicle_misread", STRAY.far, None, 0.5)}


def test_a_stray_read_of_a_plate_one_confusion_from_one_that_fits_there_names_that_vehicle(judged):
    rows = noted(judged, "alike", "cause, camera_id, vehicle, other_vehicle, score > 0.5")
    named = ("vehicle_misread", ALIKE.camera(2), judged.token(MISREAD), judged.token(DRIVING), True)
    assert rows == [named, named]
    assert judged["alike"].rules["impossible_speed"] == 1
    assert judged["alike"].accepted == judged["alike"].rows


def test_a_leg_is_judged_by_the_limits(judged, limited):
    assert judged["pair"].rules.get("impossible_speed", 0) == 0
    assert limited["pair"].rules.get("impossible_speed", 0) == 1
    assert limited["short"].rules.get("impossible_speed", 0) == 0


def test_too_few_vehicles_are_no_evidence_against_a_camera(judged, limited):
    found = {cause for cause, _ in noted(judged, "few")}
    assert found
    assert found <= {"vehicle_clone", "vehicle_misread"}
    # four of them are enough where the policy says so, but not for telling its clock from its place
    assert ("camera_clock_or_place", FEW.camera(3)) in noted(limited, "few")


def test_reads_of_earlier_calls_are_neighbours(judged, room_again):
    room = room_again(judged.room)
    later = delivered(room, {"later": [read(EARLIER.other, 8, EARLIER.camera(6))]})
    assert later["later"].rules == {"impossible_speed": 1}
    ((row_no, other_batch, other_row, value),) = noted(
        later, "later", "row_no, other_batch_id, other_row_no, round(value)"
    )
    assert (row_no, other_batch) == (1, judged["earlier"].batch_id)
    assert other_row in (1, 2)
    assert 600 < value < 800


def test_sources_with_positions_are_judged_by_them(room):
    rows = "\n".join(
        f"YX70ZZZ,2026-05-18T08:{minute:02}:00Z,CAM-1,{latitude},-3.0" for minute, latitude in ((0, 53.4), (5, 53.9))
    )
    file = room.write("moving.csv", f"vrm,captured_at,camera_id,latitude,longitude\n{rows}\n")
    source = room.write("source.yaml", "name: mobile\nposition: file\n")
    report = room.ingest(file, source=str(source))
    assert report.batches[0].rules == {"impossible_speed": 1}


def test_a_file_full_of_impossible_speeds_fails_and_every_row_is_accounted_for(network, room_again, row):
    wild = LARGE.wild()
    # the second file has a read that would be a duplicate of the first one's
    files = {"bad": [*wild, row(vrm="", camera_id=LARGE.camera(0))], "good": [*LARGE.drive(0, PLACES), wild[0]]}
    found = delivered(room_again(network), files, min_batch_reads=len(wild))
    failed, passed = found["bad"], found["good"]
    assert (failed.verdict, passed.verdict) == ("failed", "passed")
    assert failed.reasons[0].startswith(
        f"too_many_impossible_speeds: {failed.rules['impossible_speed']} of {len(wild)}"
    )
    assert (failed.rows, failed.accepted, failed.quarantined, failed.duplicates) == (len(wild) + 1, 0, len(wild) + 1, 0)
    assert (passed.accepted, passed.duplicates) == (len(PLACES) + 1, 0)
    assert "impossible_speed" not in passed.rules
    accepted = set(found.room.reads("batch_id, row_no"))
    set_apart = set(found.room.quarantine("batch_id, row_no"))
    assert len(accepted) == len(PLACES) + 1
    assert len(set_apart) == len(wild) + 1
    assert not accepted & set_apart
    assert noted(found, "bad") == []


def test_a_file_under_the_limit_of_impossible_speeds_passes(judged, lenient):
    for batch in (lenient["large"], judged["small"]):
        assert batch.verdict == "passed"
        assert batch.rules["impossible_speed"] > 0.25 * batch.rows


def links(rates: dict[tuple[int, int], tuple[int, int]]) -> Sequence[Link]:
    return [Link(a, b, legs, fast) for (a, b), (legs, fast) in rates.items()]


def test_a_neighbour_is_not_blamed_for_the_camera_beside_it():
    road = links({(1, 2): (100, 0), (2, 3): (100, 90), (3, 4): (100, 90), (4, 5): (100, 0), (5, 6): (100, 1)})
    crowds = {camera: Crowd(40, 0.1) for camera in range(1, 7)}
    assert [one.camera for one in blame_cameras(road, crowds, 5, 0.1)] == [3]


def test_a_camera_that_one_vehicle_passes_often_is_not_blamed():
    road = links({(1, 2): (100, 40), (2, 3): (100, 40), (3, 4): (100, 0), (4, 5): (100, 0)})
    assert blame_cameras(road, {2: Crowd(6, 0.9)}, 5, 0.1) == ()


EASTS = [place * SPACING for place in range(9)]
KM = SPACING * KM_OF_DEGREE  # on the equator


def visits_at(here: int, clock_s: float = 0, registered_km: float = 0, ways=(1, -1), ends: int = 9) -> list[Visit]:
    """Drives along nine cameras, each way in turn, seen from one of them; from its end on, if `ends` says so.

    Args:
        here: The camera.
        clock_s: Its clock is fast by so much.
        registered_km: It is registered so far north of the road.
        ways: Directions of the drives.
        ends: Cameras of a drive, begun or ended here or hereabouts.
    """
    visits = []
    for number in range(40):
        way, first = ways[number % len(ways)], number % ends
        passed = [here + way * (step - first) for step in range(ends)]
        passed = [place for place in passed if 0 <= place < len(EASTS)]
        slow = [500 + 500 * ((number * 37 + place * 91) % 97) / 97 for place in range(9)]
        times = dict(zip(passed, accumulate(slow[place] for place in passed), strict=True))
        others = [place for place in passed if place != here]
        after = [times[place] - times[here] - clock_s for place in others]
        order = sorted(range(len(others)), key=after.__getitem__)
        km = [((KM * (others[n] - here)) ** 2 + registered_km**2) ** 0.5 for n in order]
        if others:
            visits.append(Visit([after[n] for n in order], km, [0.0] * len(order), [EASTS[others[n]] for n in order]))
    return visits


USUAL = usual_slowness([500 + 5 * n for n in range(100)], [KM] * 100, 160, 5)


@pytest.mark.parametrize(
    ("error", "ends"),
    [(-3600, 9), (-1200, 9), (-420, 9), (420, 9), (1200, 9), (1500, 9), (3600, 9)]
    + [(error, ends) for error in (-1200, -420, 420, 1200) for ends in (2, 3)],
)
def test_a_clock_is_told_also_where_journeys_are_short_and_begin_or_end_at_the_camera(error, ends):
    found = explain(visits_at(4, clock_s=error, ends=ends), USUAL)
    assert found is not None
    assert found.what == "clock"
    assert abs(found.fast_s - error) < 240


@pytest.mark.parametrize("ends", [9, 3])
@pytest.mark.parametrize("km", [40, 80])
def test_a_place_is_told_from_a_clock(km, ends):
    found = explain(visits_at(4, registered_km=km, ends=ends), USUAL)
    assert found is not None
    assert found.what == "place"


@pytest.mark.parametrize("camera", [4, 8])
@pytest.mark.parametrize("error", [-420, 420])
def test_traffic_one_way_does_not_tell_a_clock_from_a_place(camera, error):
    """Nearer to where it comes from and farther from where it goes is the same as earlier."""
    assert explain(visits_at(camera, clock_s=error, ways=(1,)), USUAL) is None


def test_what_neither_a_clock_nor_a_place_makes_possible_is_put_down_to_neither():
    wild = [visit for n in range(20) for visit in visits_at(4, clock_s=450 * (n % 5 - 2))[n : n + 2]]
    assert explain(wild, USUAL) is None
    assert explain([], USUAL) is None
