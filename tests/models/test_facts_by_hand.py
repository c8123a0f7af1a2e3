"""The facts behind every sentence, against the same facts worked out by hand; and sentences that could be false."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from facts_by_hand import facts_by_hand, wavering

from infra.errors import WrongInputError
from models.features.pairs import ConvoySettings
from models.features.settings import PatternSettings
from models.pair_windows import pair_windows_of_given
from models.patterns import get_pattern
from models.places import PLACE_CODES
from models.profile.company import companions_of
from models.profile.model import Camera, Read
from models.windows import FEATURES, READS, windows_of_given

FIRST = datetime.fromisoformat("2026-03-22")
AS_OF = date(2026, 4, 4)
OWN = PatternSettings(window_days=14, away_km=40, rare_camera_percent=60)
WITH_COMPANY = {"co_travel_partners", "co_travel_most_legs"}
KM = 1 / 111.195


def row(number, vehicle, at, camera, **more):
    name, latitude, longitude, force = camera
    return {
        "vehicle": vehicle,
        "batch_id": f"b{number % 3}",
        "row_no": number,
        "captured_at": at,
        "camera_id": name,
        "site_id": name,
        "latitude": latitude,
        "longitude": longitude,
        "force": force,
        "plate_repaired": False,
        "confidence": 90.0,
        **more,
    }


def random_rows(chance, vehicles=40):
    """Vehicles that go to and fro between towns along a road, by chance turning, stopping and staying."""
    cameras = [
        (f"c{n:02}", round(51 + chance.random(), 3), round(-2 + chance.random() * 1.5, 3), chance.choice("ab") or None)
        for n in range(14)
    ]
    cameras[3] = (*cameras[3][:3], None)
    rows = []
    for vehicle in range(vehicles):
        usual = chance.sample(cameras, 4)
        for _ in range(chance.randrange(1, 7)):
            at = FIRST + timedelta(days=chance.randrange(13), seconds=chance.randrange(86_400))
            route = usual[: chance.randrange(1, 5)]
            route = chance.choice([route, route + route[::-1], chance.sample(cameras, 3)])
            for camera in route:
                odd = {"plate_repaired": chance.choice([True, False, None]), "confidence": chance.choice([None, 30.0])}
                if at < FIRST + timedelta(days=14):
                    rows.append(row(len(rows), f"v{vehicle:02}", at, camera, **odd))
                at += timedelta(minutes=chance.choice([5, 14, 40, 90, 300, 1500]), seconds=chance.randrange(60))
    return rows


def table_of(rows, build=windows_of_given, own=OWN, as_of=AS_OF):
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("window_reads", pa.Table.from_pylist(rows, schema=READS.to_pyarrow().remove_metadata()))
        found = build(connection, as_of, own).to_pylist()
    return {row["vehicle"]: row for row in found}


@pytest.mark.parametrize("seed", range(6))
def test_every_fact_is_the_one_worked_out_by_hand(seed):
    rows = random_rows(random.Random(seed))  # noqa: S311
    found, expected = table_of(rows), facts_by_hand(rows, FIRST, OWN)
    assert found.keys() == expected.keys()
    names = [feature.name for feature in FEATURES if feature.name not in WITH_COMPANY]
    for vehicle, facts in expected.items():
        wrong = {
            name: (found[vehicle][name], facts[name])
            for name in names
            if found[vehicle][name] != pytest.approx(facts[name], abs=2e-6)
        }
        assert wrong == {}, vehicle


def test_positions_that_waver_change_nothing():
    chance = random.Random(3)  # noqa: S311
    rows = random_rows(chance)
    assert table_of(wavering(rows, 0.0004, chance)) == table_of(rows)


def road(vehicle, start, steps, seconds=0, number=0):
    return [
        row(number + n, vehicle, start + timedelta(minutes=m, seconds=seconds), (f"c{km}", 52 + km * KM, -1.0, "f"))
        for n, (km, m) in enumerate(steps)
    ]


def day(number, hour):
    return FIRST + timedelta(days=number, hours=hour)


def test_a_camera_on_the_edge_of_two_positions_is_one_camera():
    chance = random.Random(4)  # noqa: S311
    rows = []
    for on in (1, 4, 8):
        for behind, vehicle in enumerate("vw"):
            for camera, minute in (("a", 0), ("b", 15), ("c", 30)):
                place = (camera, 52.0005 + minute / 100, -1.0005, "f")
                at = day(on, 10) + timedelta(minutes=minute, seconds=10 * behind)
                rows.append(row(len(rows), vehicle, at, place))
    rows = wavering(rows, 0.00002, chance)
    found = table_of(rows)["v"]
    assert (found["cameras"], found["main_route_share"], found["co_travel_most_legs"]) == (3, 1, 6)
    (pair,) = table_of(rows, pair_windows_of_given, ConvoySettings(window_days=14)).values()
    assert (pair["joint_cameras"], pair["joint_sightings"], pair["joint_days"]) == (3, 9, 3)


def said(found, feature, pattern="county_lines", own=OWN):
    return get_pattern(pattern).explain(found, {feature: 1.0}, own, 1).reasons


def test_a_place_beyond_a_stop_is_the_farthest():
    own = PatternSettings(window_days=14)
    rows = []
    for on in (1, 5, 9):
        rows += road("v", day(on, 10), [(0, 0), (50, 40)], number=len(rows))
        rows += road("v", day(on, 12), [(50, 0), (80, 22), (50, 44), (0, 84)], number=len(rows))
    found = table_of(rows, own=own)["v"]
    assert (found["farthest_km"], found["away_trips"], found["trip_stay_median_min"]) == (80, 3, 0)


def test_runs_share_no_journey():
    local = [step for on in (3, 5, 7) for step in road("v", day(on, 10), [(0, 0), (5, 5)], number=on * 10)]
    loop = road("v", day(0, 10), [(0, 0), (15, 13), (30, 26), (15, 39), (0, 52)])
    found = table_of([*loop, *local])["v"]
    assert (found["quick_runs"], found["quick_run_share"]) == (1, 0.25)
    ways = ([(0, 0), (15, 13), (30, 26)], [(30, 0), (15, 13), (0, 26)])
    chain = [step for n in range(4) for step in road("v", day(0, 8 + 2 * n), ways[n % 2], number=100 + 10 * n)]
    found = table_of([*chain, *local, *road("v", day(9, 10), [(0, 0), (5, 5)], number=900)])["v"]
    assert (found["quick_runs"], found["quick_run_share"]) == (2, 0.5)
    assert said(found, "quick_run_share") == ("50 % of 8 journeys belong to quick runs",)
    beyond = road("v", day(0, 8), [(0, 0), (50, 40), (100, 80), (60, 115), (30, 140)])
    found = table_of([*beyond, *road("v", day(0, 11), ways[1], number=50)])["v"]
    assert (found["quick_runs"], found["day_runs"], found["quick_run_share"]) == (1, 0, 0.5)


def test_an_hour_before_midnight_is_near_an_hour_after_it():
    def runs(*hours):
        rows = []
        for on, hour in enumerate(hours):
            rows += road("v", day(on, hour), [(0, 0), (30, 25)], number=len(rows))
            rows += road("v", day(on, hour + 1), [(30, 0), (0, 25)], number=len(rows))
        return table_of(rows)["v"]

    late = runs(23, 25, 23, 25)
    assert said(late, "quick_run_evening_share") == ("100 % of 4 quick runs set out between 18:00 and 05:00",)
    assert said(late, "quick_run_hour_sd") == (
        "4 quick runs set out at times of day typically 1 h 00 min from their average "
        "(standard deviation, days counted from 05:00)",
    )
    assert said(late, "evening_share") == ("100 % of 8 journeys began between 18:00 and 05:00",)
    assert said(late, "journey_hour_sd")[0].startswith("8 journeys began at times of day typically 1 h 07 min")
    assert said(runs(17, 19, 4, 5), "quick_run_evening_share")[0].startswith("50 % of 4 quick runs")
    assert said(runs(19), "quick_run_hour_sd") == ()


def test_one_turned_out_of_four_is_not_mostly_and_it_is_not_its_own_company():
    rows = []
    for n, km in enumerate((30, 45, 60, 75)):
        rows += road("v", day(3 * n, 10), [(0, 0), (km, km * 0.8)], number=len(rows))
        rows += road("v", day(3 * n, 12), [(km, 0), (0, km * 0.8)], number=len(rows))
    found = table_of(rows)["v"]
    assert said(found, "quick_run_town_vehicles")[0].startswith("25 % of 4 quick runs turned in one area")
    assert found["quick_run_alike"] == 0


def test_what_was_not_measured_is_not_said():
    rows = [step for on in (0, 1, 2) for n, v in enumerate("vw") for step in road(v, day(on, 9), [(0, 0), (30, 25)], n)]
    found = table_of([one | {"row_no": n} for n, one in enumerate(rows)])["v"]
    for feature in ("co_travel_most_legs", "longest_away_stay_h", "night_trips", "quick_trips"):
        assert said(found, feature) == ()
    assert said(found | {"night_share": 0.996}, "night_share")[0].startswith("over 99 % of")
    assert said(found | {"night_share": 0.004}, "night_share")[0].startswith("under 1 % of")


def test_no_vehicle_made_more_of_its_journeys_together_than_it_made():
    legs = [(0, 0), (15, 13), (30, 26), (30, 60), (45, 73), (60, 86), (60, 120), (75, 133), (90, 146)]
    stop = [(31, 36), (31, 47), (61, 96), (61, 107)]
    rows = []
    for on in range(0, 12, 2):
        rows += road("a", day(on, 10), legs, number=len(rows))
        rows += road("b", day(on, 10), sorted(legs + stop, key=lambda step: step[1]), 15, number=len(rows))
    own = ConvoySettings(window_days=14)
    (pair,) = table_of(rows, pair_windows_of_given, own).values()
    assert pair["joint_trips"] == 18
    assert pair["joint_share_least"] == pair["joint_share_most"] == 1
    assert said(pair | {"surprise": 0.0}, "surprise", "convoy", own) == ()
    assert "10^2 such" in said(pair | {"surprise": 2.996}, "surprise", "convoy", own)[0]


def test_days_together_are_days_of_the_window():
    summer = datetime.fromisoformat("2026-06-01")
    rows = []
    for on in (0, 1):
        for hour in (10, 23.2):
            for n, vehicle in enumerate("ab"):
                start = summer + timedelta(days=on, hours=hour, seconds=15 * n)
                rows += road(vehicle, start, [(0, 0), (15, 13), (30, 26)], number=len(rows))
    (pair,) = table_of(rows, pair_windows_of_given, ConvoySettings(window_days=2), date(2026, 6, 2)).values()
    assert pair["joint_days"] == 2


def test_more_places_than_can_be_numbered_are_refused():
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TEMP TABLE window_reads AS SELECT 'v' AS vehicle, 'b' AS batch_id, i AS row_no,
                TIMESTAMP '2026-03-25' AS captured_at, 'c' || i AS camera_id, 's' AS site_id, 52.0 AS latitude,
                -1.0 AS longitude, 'f' AS force, false AS plate_repaired, 90.0 AS confidence
                FROM range({PLACE_CODES + 1}) t(i)"""
        )
        with pytest.raises(WrongInputError, match="places"):
            windows_of_given(connection, AS_OF, OWN)


def test_company_of_a_plate_that_is_read_all_the_time():
    number = 30_000
    cameras = [Camera(name, name, latitude, -1.0, "f", "", "") for name, latitude in (("a", 52.0), ("b", 52.3))]
    begin, step = FIRST.replace(tzinfo=UTC), 14 * 86_400 / number
    own = [
        Read(begin + timedelta(seconds=int(n * step)), cameras[n % 2], n % 2, "b", n, None, False, False, n == 0, 33, 9)
        for n in range(number)
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"""CREATE TEMP TABLE given AS SELECT v AS vehicle, ['a', 'b'][1 + i % 2] AS camera_id,
                TIMESTAMP '{FIRST}' + to_seconds(floor(i * {step})::BIGINT + late) AS captured_at
                FROM range({number}) t(i), (VALUES ('v', 0), ('w', 20), ('x', 40)) u(v, late)"""
        )
        days = [date(2026, 3, 22) + timedelta(days=n) for n in range(14)]
        limits = PatternSettings(window_days=14, co_travel_seconds=30)
        found = companions_of(connection, "given", "v", own, days, limits)
    assert [(one.vehicle, one.legs, one.days) for one in found] == [("w", number - 1, 14)]
