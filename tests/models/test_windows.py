from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from explaining import Explaining
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.layers.manifests import PartRef
from infra.errors import FaultError
from infra.lake import Lake
from models.features import engines
from models.features.settings import PatternSettings
from models.windows import FEATURES, build_windows, windows_of_given

CAMERAS = {
    "hub": (53.40, -2.98, "merseyside"),
    "hub-2": (53.41, -2.97, "merseyside"),
    "road": (53.70, -2.75, "lancashire"),
    "town": (54.32, -2.74, "cumbria"),
    "lane": (54.33, -2.76, "cumbria"),
    "coast": (53.32, -3.83, "north wales"),
}
AS_OF = date(2026, 2, 1)
FIRST = datetime.fromisoformat("2026-01-05")
SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("row_no", pa.int64()),
        ("vehicle", pa.string()),
        ("plate_format", pa.string()),
        ("plate_repaired", pa.bool_()),
        ("captured_at", pa.timestamp("us")),
        ("received_at", pa.timestamp("us")),
        ("camera_id", pa.string()),
        ("site_id", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("force", pa.string()),
        ("confidence", pa.float64()),
        ("motion_toward_camera", pa.bool_()),
        ("feed_id", pa.string()),
        ("source_id", pa.string()),
        ("contract_version", pa.string()),
    ]
)


def read(vehicle, at, camera, **more):
    latitude, longitude, force = CAMERAS[camera]
    row = dict.fromkeys(SCHEMA.names)
    return row | {
        "batch_id": "b1",
        "row_no": 0,
        "vehicle": vehicle,
        "plate_format": "current",
        "plate_repaired": False,
        "captured_at": at,
        "camera_id": camera,
        "site_id": camera,
        "latitude": latitude,
        "longitude": longitude,
        "force": force,
        "confidence": 90.0,
        "contract_version": "1",
        **more,
    }


def day(number, hour=0.0):
    return FIRST + timedelta(days=number, hours=hour)


def path(vehicle, start, steps, **more):
    return [read(vehicle, start + timedelta(minutes=minute), camera, **more) for camera, minute in steps]


def run(vehicle, start, stay_minutes):
    """Hub to town in 80 minutes, a stay, and the same way back."""
    back = 80 + stay_minutes
    home = [("town", back), ("road", back + 50), ("hub", back + 80)]
    return path(vehicle, start, [("hub", 0), ("road", 30), ("town", 80), *home])


def windows(folder: Path, rows, parts=1, threads=2, as_of=AS_OF, **chosen) -> pa.Table:
    for row_no, row in enumerate(rows, start=1):
        row["row_no"] = row["row_no"] or row_no
    refs = []
    for number in range(parts if rows else 0):
        name = f"part-{len(list(folder.iterdir()))}.parquet"
        pq.write_table(pa.Table.from_pylist(rows[number::parts], schema=SCHEMA), folder / name)
        refs.append(PartRef(layer="reads", path=name, sha256="0" * 64, rows=1))
    with duckdb.connect(config={"threads": threads}) as connection:
        return build_windows(connection, Lake(folder), refs, as_of, PatternSettings(**chosen))


def row_of(folder, rows, vehicle="v", **chosen):
    return {row["vehicle"]: row for row in windows(folder, rows, **chosen).to_pylist()}[vehicle]


def weekly_runs(stay=42):
    return [row for week in range(4) for row in run("v", day(7 * week, 10), stay)]


def scenarios():
    """Vehicles with one habit each, hours apart, so that none travels beside another."""
    holiday = [*path("holiday", day(0, 1), [("hub", 0)]), *run("holiday", day(6, 1), 5 * 24 * 60)]
    return [
        *weekly_runs(),
        *holiday,
        *path("holiday", day(25, 2), [("hub", 0)]),
        *run("cuckoo", day(2, 3), 20 * 24 * 60),
        *path("cuckoo", day(23, 3), [("town", 0)]),
        *run("turn", day(3, 16), 8),
        *path("one-way", day(4, 16), [("hub", 0), ("road", 30), ("town", 80)]),
        *(row for number in (0, 1, 12, 14) for row in run("irregular", day(number, 17), 42)),
        *path("single", day(3, 12), [("coast", 0)], force=None, confidence=None),
    ]


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    found = windows(tmp_path_factory.mktemp("known"), scenarios())
    return {row["vehicle"]: row for row in found.to_pylist()}


def assert_has(row, expected):
    assert {name: row[name] for name in expected} == expected


def test_repeated_runs_to_one_town(known):
    expected = {
        "away_trips": 4,
        "quick_trips": 4,
        "trip_stay_median_min": 42,
        "same_day_share": 1,
        "trip_interval_h": 168,
        "trip_interval_cv": 0,
        "trip_band_share": 1,
        "night_trips": 0,
        "trip_km_median": 103,
        "main_away_share": 1,
        "trip_towns": 1,
    }
    assert_has(known["v"], expected)


def test_stays_away_from_the_base(known):
    expected = {
        "away_places": 1,
        "away_stays": 4,
        "away_stay_median_min": 42,
        "away_stay_min_min": 42,
        "short_stay_share": 1,
        "multi_day_stays": 0,
        "longest_away_stay_h": 0.7,
        "farthest_km": 104,
    }
    assert_has(known["v"], expected)
    assert known["v"]["base_share"] == pytest.approx(1 - 4 * (80 + 42 + 80) / (28 * 1440), abs=1e-6)


def test_journeys_routes_and_speed(known):
    expected = {
        "journeys": 8,
        "reads_per_journey": 3,
        "journey_median_min": 80,
        "return_share": 0.875,
        "main_route_share": 0.5,
        "main_pair_share": 0.5,
        "longest_reach_km": 103,
    }
    assert_has(known["v"], expected)
    assert known["v"]["distance_km"] == pytest.approx(8 * 105.6, rel=0.01)
    assert known["v"]["speed_kmh"] == pytest.approx(105.6 / 80 * 60, rel=0.01)


def test_presence_forces_and_cameras(known):
    expected = {
        "reads": 24,
        "days_seen": 4,
        "life_days": 22,
        "first_seen_day": 0,
        "silent_days": 6,
        "reads_per_day": 6,
        "active_share": round(4 / 22, 6),
        "night_share": 0,
        "weekend_share": 0,
        "office_share": 1,
        "force_crossings": 16,
        "forces": 3,
        "cameras": 3,
        "top_camera_share": round(8 / 24, 6),
        "base_cameras": 1,
    }
    assert_has(known["v"], expected)


def test_a_stay_of_days_in_the_town(known):
    expected = {"multi_day_stays": 1, "longest_away_stay_h": 120, "away_trips": 1, "quick_trips": 0}
    assert_has(known["holiday"], expected | {"same_day_share": 0, "short_stay_share": 0})


def test_a_base_in_the_town_is_found_from_the_stays(known):
    assert known["cuckoo"]["base_share"] > 0.6
    assert known["cuckoo"]["away_trips"] == 1


def test_a_turn_too_short_for_a_stay_is_still_a_trip(known):
    expected = {"journeys": 1, "away_trips": 1, "quick_trips": 1, "away_stays": 0, "return_share": 1}
    assert_has(known["turn"], expected | {"trip_stay_median_min": 0, "longest_away_stay_h": None})


def test_one_way_travel_is_no_trip_there_and_back(known):
    assert_has(known["one-way"], {"away_trips": 0, "journeys": 1, "main_away_share": None})


def test_irregular_runs_have_a_larger_spread(known):
    waits = [24 * 60, 11 * 24 * 60, 2 * 24 * 60]
    mean = sum(waits) / 3
    spread = (sum(wait * wait for wait in waits) / 3 - mean * mean) ** 0.5 / mean
    assert known["irregular"]["trip_interval_cv"] == pytest.approx(spread, abs=1e-6)
    assert known["irregular"]["trip_interval_h"] == 48


def test_one_read_of_one_vehicle(known):
    assert_has(known["single"], {"reads": 1, "journeys": 1, "forces": 0, "base_share": 1, "trip_interval_cv": None})


def test_days_on_which_the_cameras_worked(tmp_path):
    assert row_of(tmp_path, weekly_runs())["camera_uptime"] == round(4 / 28, 6)


def test_two_towns_share_the_trips(tmp_path):
    west = [("hub", 0), ("coast", 60), ("coast", 120), ("hub", 180)]
    rows = [*run("v", day(0, 10), 42), *run("v", day(7, 10), 42), *path("v", day(14, 10), west)]
    row = row_of(tmp_path, rows, away_km=50)
    assert (row["away_trips"], row["trip_towns"], row["main_away_share"]) == (3, 2, round(2 / 3, 6))


def test_night_and_weekend_are_local(tmp_path):
    times = [("v", "2026-07-04T21:30"), ("v", "2026-07-05T04:30"), ("w", "2026-07-03T23:30")]
    summer = [read(vehicle, datetime.fromisoformat(at), "hub") for vehicle, at in times]
    local, utc = (
        {row["vehicle"]: row for row in windows(tmp_path, summer, as_of=date(2026, 7, 10), zone=zone).to_pylist()}
        for zone in ("Europe/London", "UTC")
    )
    assert (local["v"]["night_share"], local["v"]["weekend_share"], local["w"]["weekend_share"]) == (0.5, 1, 1)
    assert (utc["v"]["night_share"], utc["w"]["weekend_share"]) == (0.5, 0)


def test_a_camera_that_few_vehicles_pass(tmp_path):
    crowd = [read(f"w{number}", day(number % 20, 9), camera) for camera in ("hub", "road") for number in range(30)]
    rows = [*crowd, read("v", day(1, 3), "lane"), read("v", day(1, 3.2), "hub")]
    row = row_of(tmp_path, rows)
    assert (row["rare_camera_share"], row["rarest_camera_vehicles"]) == (0.5, 1)
    assert row_of(tmp_path, crowd, "w1")["rare_camera_share"] == 0


def test_two_vehicles_that_travel_together_on_two_days(tmp_path):
    pair = [row for number in (2, 9) for row in run("v", day(number, 10), 42)]
    pair += [row for number in (2, 9) for row in run("w", day(number, 10) + timedelta(seconds=20), 42)]
    found = {row["vehicle"]: row for row in windows(tmp_path, pair).to_pylist()}
    for vehicle in "vw":
        assert (found[vehicle]["co_travel_partners"], found[vehicle]["co_travel_most_legs"]) == (1, 8)
    once = [row for row in pair if row["captured_at"] < day(5)]
    assert row_of(tmp_path, once)["co_travel_partners"] == 0
    assert row_of(tmp_path, pair, co_travel_seconds=10)["co_travel_partners"] == 0


def test_faults_of_plate_and_clock(tmp_path):
    rows = [
        read("v", day(1, 10), "hub"),
        read("v", day(1, 10.1), "town", plate_repaired=True),
        read("v", day(1, 12), "hub", confidence=20.0),
        read("v", day(1, 13.9), "town", confidence=None),
    ]
    row = row_of(tmp_path, rows)
    assert (row["impossible_hops"], row["repaired_share"], row["low_confidence_share"]) == (1, 0.25, 0.25)
    assert row_of(tmp_path, rows, max_speed_from_km=200)["impossible_hops"] == 0
    assert row_of(tmp_path, rows, low_confidence=10)["low_confidence_share"] == 0


def test_both_ends_of_the_window_belong_to_it(tmp_path):
    last = datetime.fromisoformat("2026-02-01T23:59:59.999999")
    inside = [read("v", FIRST, "hub"), read("v", last, "hub")]
    outside = [read("v", FIRST - timedelta(microseconds=1), "town"), read("v", FIRST + timedelta(days=28), "town")]
    row = row_of(tmp_path, inside)
    assert (row["reads"], row["life_days"], row["first_seen_day"], row["silent_days"]) == (2, 28, 0, 0)
    assert windows(tmp_path, [*inside, *outside]).equals(windows(tmp_path, inside))
    assert windows(tmp_path, outside).num_rows == 0


def test_a_shorter_window_sees_less(tmp_path):
    assert row_of(tmp_path, weekly_runs(), window_days=14)["away_trips"] == 2
    assert row_of(tmp_path, weekly_runs(), window_days=14)["window_end"] == AS_OF


def test_settings_change_what_it_says(tmp_path):
    rows = weekly_runs()
    changed = {
        "away_km": 110,
        "short_stay_minutes": 30,
        "same_day_hours": 2,
        "night_to_hour": 11,
        "long_stay_hours": 10_000,
    }
    row = row_of(tmp_path, rows, **changed | {"away_km": 100})
    assert_has(row, {"away_trips": 4, "quick_trips": 0, "same_day_share": 0, "night_trips": 4, "short_stay_share": 0})
    far = row_of(tmp_path, rows, away_km=110, journey_gap_minutes=60, place_km=200)
    assert_has(far, {"away_trips": 0, "journeys": 4, "base_cameras": 2, "away_stays": 0})


def test_no_reads_give_no_rows_and_all_columns(tmp_path):
    found = windows(tmp_path, [])
    assert found.num_rows == 0
    assert found.column_names == ["vehicle", "window_end", *(feature.name for feature in FEATURES)]


def test_many_reads_of_one_plate(tmp_path):
    rows = [read("v", day(0) + timedelta(seconds=20 * number), "hub") for number in range(100_000)]
    row = row_of(tmp_path, rows)
    assert (row["reads"], row["journeys"], row["main_route_share"]) == (100_000, 1, 1)


def test_a_missing_part_is_a_fault(tmp_path):
    missing = PartRef(layer="reads", path="gone.parquet", sha256="0" * 64, rows=1)
    with duckdb.connect() as connection, pytest.raises(FaultError):
        build_windows(connection, Lake(tmp_path), [missing], AS_OF, PatternSettings())


def test_the_callers_connection_is_left_as_it_was(tmp_path):
    pq.write_table(pa.Table.from_pylist(weekly_runs(), schema=SCHEMA), tmp_path / "p.parquet")
    part = PartRef(layer="reads", path="p.parquet", sha256="0" * 64, rows=1)
    with duckdb.connect() as connection:
        before = connection.execute("FROM duckdb_settings() ORDER BY name").fetchall()
        build_windows(connection, Lake(tmp_path), [part], AS_OF, PatternSettings())
        assert connection.execute("FROM duckdb_settings() ORDER BY name").fetchall() == before
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_rows_are_sorted_and_types_are_as_declared(tmp_path):
    found = windows(tmp_path, [read(name, day(1), "hub") for name in "zbmac"])
    assert found.column("vehicle").to_pylist() == sorted("zbmac")
    assert [str(found.schema.field(feature.name).type) for feature in FEATURES] == [one.dtype for one in FEATURES]
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert all(feature.unit and feature.sees for feature in FEATURES)


def as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_threads_parts_and_order_of_reads_do_not_matter(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311
    rows = [
        read(
            f"v{chance.randrange(60)}",
            FIRST + timedelta(seconds=chance.randrange(28 * 24 * 360) * 10),
            chance.choice(list(CAMERAS)),
            row_no=number + 1,
            confidence=chance.choice([None, 40.0, 90.0]),
        )
        for number in range(2500)
    ]
    rows += [row | {"row_no": 90_000 + number} for number, row in enumerate(rows[:200])]
    one = as_bytes(windows(tmp_path, rows, threads=1))
    chance.shuffle(rows)
    with pytest.MonkeyPatch.context() as many:
        many.setattr(engines, "ROWS_IN_PIECES", 0)
        assert as_bytes(windows(tmp_path, rows, parts=5, threads=4)) == one


def test_whoever_looks_at_rows_as_they_lie_sees_them_in_one_pass(monkeypatch):
    """A plain window may lay rows anew, so that the order that was checked were not the one that was seen."""
    monkeypatch.setattr(engines, "ROWS_IN_PIECES", 0)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("given", pa.Table.from_pylist(weekly_runs(), schema=SCHEMA))
        explaining = Explaining(connection)
        windows_of_given(explaining, AS_OF, PatternSettings(), "given")
        own = explaining.operators("SELECT lag(row_no) OVER (PARTITION BY vehicle ORDER BY row_no) FROM given")
    assert "WINDOW" in own
    # moves, journeys, legs of company, stays
    assert len(explaining.plans) >= 4
    for operators in explaining.plans:
        assert "STREAMING_WINDOW" in operators
        assert "WINDOW" not in operators
    assert "UNION" in explaining.plans[0]
