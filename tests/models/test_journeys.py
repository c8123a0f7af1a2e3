from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import ibis
import pyarrow as pa
import pytest

from models.features.engines import DuckDBEngine
from models.features.settings import PatternSettings, zone_offsets
from models.journeys import (
    journey_table,
    journeys,
    move_table,
    number_batches,
    number_reads,
    number_vehicles,
    reads_in_window,
)
from models.places import place_table
from models.windows import READS

CAMERAS = {
    "hub": (53.40, -2.98, "merseyside"),
    "road": (53.70, -2.75, "lancashire"),
    "town": (54.32, -2.74, "cumbria"),
}
AS_OF = date(2026, 2, 1)
START = datetime.fromisoformat("2026-01-20T10:00")


def read(vehicle, minute, camera, batch="b1", row=None, **more):
    latitude, longitude, force = CAMERAS[camera]
    return {
        "vehicle": vehicle,
        "batch_id": batch,
        "row_no": row if row is not None else int(minute * 10),
        "captured_at": START + timedelta(minutes=minute),
        "camera_id": camera,
        "site_id": camera,
        "latitude": latitude,
        "longitude": longitude,
        "force": force,
        "plate_repaired": False,
        "confidence": 90.0,
        **more,
    }


def found(rows, **settings):
    chosen = PatternSettings(**settings)
    with duckdb.connect() as connection:
        connection.register("given", pa.Table.from_pylist(rows, schema=READS.to_pyarrow().remove_metadata()))
        engine = DuckDBEngine(connection)
        reads = reads_in_window(ibis.table(READS, name="given"), AS_OF, chosen)
        vehicles, places = engine.keep(number_vehicles(reads)), engine.keep(place_table(reads, chosen.place_km))
        numbered = number_reads(reads, vehicles, number_batches(reads), places, chosen.low_confidence)
        moves = move_table(numbered, chosen, engine)
        travelled = engine.keep(journeys(moves, places, engine))
        return engine.fetch(journey_table(travelled, vehicles, places)).to_pylist()


def test_travel_without_a_long_gap_is_one_journey():
    (journey,) = found([read("v", 0, "hub"), read("v", 30, "road"), read("v", 80, "town")])
    assert (journey["origin_camera_id"], journey["destination_camera_id"]) == ("hub", "town")
    assert journey["reads"] == 3
    assert journey["start_at"].replace(tzinfo=None) == START
    assert journey["end_at"].replace(tzinfo=None) == START + timedelta(minutes=80)
    assert journey["origin_force"] == "merseyside"


def test_distances_are_great_circles_in_whole_metres():
    (journey,) = found([read("v", 0, "hub"), read("v", 30, "road"), read("v", 80, "town")])
    assert journey["distance_m"] == pytest.approx(36_660 + 68_945, rel=0.002)
    assert journey["reach_m"] == pytest.approx(103_500, rel=0.01)


def test_a_long_gap_at_one_place_ends_the_journey():
    first, second = found([read("v", 0, "hub"), read("v", 80, "town"), read("v", 122, "town"), read("v", 200, "hub")])
    assert first["destination_camera_id"] == second["origin_camera_id"] == "town"
    assert second["distance_m"] == first["distance_m"]


def test_a_long_gap_that_the_distance_explains_does_not():
    assert len(found([read("v", 0, "hub"), read("v", 200, "town")])) == 1
    assert len(found([read("v", 0, "hub"), read("v", 300, "town")])) == 2


def test_the_gap_setting_is_a_limit_that_still_belongs_to_the_journey():
    assert len(found([read("v", 0, "hub"), read("v", 15, "hub")])) == 1
    assert len(found([read("v", 0, "hub"), read("v", 15.1, "hub")])) == 2
    assert len(found([read("v", 0, "hub"), read("v", 15.1, "hub")], journey_gap_minutes=30)) == 1


def test_vehicles_are_apart_and_ids_say_which_journey():
    rows = [read("v", 0, "hub"), read("w", 1, "hub"), read("v", 60, "hub")]
    ids = [journey["journey_id"] for journey in found(rows)]
    assert len(set(ids)) == 3
    assert [one.rsplit("-", 1)[0] for one in ids] == ["v", "v", "w"]


def test_reads_of_one_instant_are_ordered_by_batch_and_row():
    tied = [read("v", 0, "hub", batch="b2", row=1), read("v", 0, "road", batch="b1", row=7)]
    for rows in (tied, tied[::-1]):
        (journey,) = found(rows)
        assert (journey["origin_camera_id"], journey["destination_camera_id"]) == ("road", "hub")
    same_batch = [read("v", 0, "hub", row=2), read("v", 0, "town", row=10)]
    (journey,) = found(same_batch[::-1])
    assert journey["origin_camera_id"] == "hub"


def test_a_journey_across_midnight_is_one():
    assert len(found([read("v", 835, "hub"), read("v", 845, "hub")])) == 1


def test_a_moved_camera_is_two_places():
    moved = {**read("v", 20, "hub"), "latitude": 53.5}
    (journey,) = found([read("v", 0, "hub"), moved])
    assert journey["distance_m"] == pytest.approx(11_120, rel=0.01)


def test_a_camera_at_the_pole_has_a_place():
    pole = {**read("v", 20, "hub"), "camera_id": "pole", "latitude": 90.0, "longitude": 0.0}
    assert len(found([read("v", 0, "hub"), pole])) == 1


def test_clock_changes_inside_the_window_are_found():
    offsets = zone_offsets("Europe/London", date(2026, 3, 20), date(2026, 4, 5))
    assert [seconds for _, seconds in offsets] == [0, 3600]
    assert offsets[1][0] == int(datetime.fromisoformat("2026-03-29T01:00:00+00:00").timestamp())
