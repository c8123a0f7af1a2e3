"""Legs: two successive reads of one VRM, far apart and fast (DQ08). Their causes are found by `blame`.

A leg between places at the two ends of the register takes longer at the speed limit than any other, so only reads as
near in time as that are neighbours. Reads accepted by earlier calls count, if they lie that near to this call's.
"""

from __future__ import annotations

from datetime import timedelta

from data_contracts.across_rows.scene import EARTH_KM, Scene
from data_contracts.judgement.neighbours import make_neighbours

NEARLY_ALL = 0.99  # share of the places within whose distance from the middle legs are looked for
FARTHEST = timedelta(hours=6)
LISTED_FROM = 0.5  # share of the speed limit from which a leg is listed


def make_legs(scene: Scene) -> None:
    """Make `places`, `travelling`, `links` and `legs`.

    `travelling` (view): read_no, vehicle_no, place_no, captured_at; reads of earlier calls have numbers below zero.
    `links`: from_camera, to_camera, legs, fast: how many legs there are between two cameras, and how many too fast.
    `legs`: leg_no, vehicle_no, from_read, to_read, from_camera, to_camera, from_at, to_at, km, speed_kmh.
    """
    _make_places(scene)
    reach = reach_of(scene)
    _add_reads_before(scene, reach)
    _make_successive(scene, reach)
    speed = "km / greatest(epoch(to_at) - epoch(from_at), 1) * 3600"
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE steps AS
            SELECT vehicle_no, from_read, to_read, from_at, to_at, a.camera_no AS from_camera, b.camera_no AS to_camera,
                {distance("a", "b")} AS km
            FROM successive
            JOIN places AS a ON a.place_no = from_place JOIN places AS b ON b.place_no = to_place
            WHERE {chord("a", "b")} >= {scene.limits.min_leg_km**2}"""
    )
    scene.connection.execute("DROP TABLE successive")
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE links AS
            SELECT from_camera, to_camera, count(*) AS legs,
                count(*) FILTER ({speed} > {scene.limits.max_speed_kmh}) AS fast
            FROM steps GROUP BY ALL"""
    )
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE legs AS
            SELECT row_number() OVER (ORDER BY vehicle_no, to_at, to_read) AS leg_no, *, {speed} AS speed_kmh
            FROM steps WHERE {speed} >= {LISTED_FROM * scene.limits.max_speed_kmh}"""
    )
    scene.connection.execute("DROP TABLE steps")


def _make_successive(scene: Scene, reach: timedelta) -> None:
    """Make `successive`, two reads of a vehicle at two places: vehicle_no, and from_ and to_ of read, place and at.

    Reads of this call lie in the order of vehicles and times, so that the one before is the row before. Those of
    vehicles that earlier calls met, and reads with places of their own, are put in order first.
    """
    near = f"to_at - from_at <= to_seconds({reach.total_seconds()}) AND from_place <> to_place"
    ordered = "travelling" if scene.positioned else "travelling SEMI JOIN met_before USING (vehicle_no)"
    beside = _beside("place_no", "(PARTITION BY vehicle_no ORDER BY captured_at, place_no)")
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE successive AS
            FROM (SELECT {beside} FROM {ordered}) WHERE {near} AND (from_read >= 0 OR to_read >= 0)"""
    )
    if not scene.positioned:
        scene.connection.execute(
            f"""INSERT INTO successive
                SELECT * EXCLUDE (vehicle_before)
                FROM (SELECT {_beside("register_no", "()")}, lag(vehicle_no) OVER () AS vehicle_before FROM kept)
                ANTI JOIN met_before USING (vehicle_no) WHERE vehicle_before = vehicle_no AND {near}"""
        )


def _beside(place: str, order: str) -> str:
    return f"""vehicle_no, lag(read_no) OVER {order} AS from_read, lag({place}) OVER {order} AS from_place,
        lag(captured_at) OVER {order} AS from_at, read_no AS to_read, {place} AS to_place, captured_at AS to_at"""


def distance(one: str, other: str) -> str:
    """SQL for the kilometres between two rows of `places`, along the surface."""
    return f"({2 * EARTH_KM} * asin(least(sqrt({chord(one, other)}) / {2 * EARTH_KM}, 1)))"


def chord(one: str, other: str) -> str:
    """SQL for the square of the kilometres straight through the earth, which costs less; 13 cm less at 50 km."""
    squares = (f"({one}.{axis} - {other}.{axis}) * ({one}.{axis} - {other}.{axis})" for axis in "xyz")
    return f"({' + '.join(squares)})"


def reach_of(scene: Scene) -> timedelta:
    """The longest time that a leg can take and still be too fast, for nearly all places and never beyond `FARTHEST`.

    A slip in the register puts a camera anywhere on earth, and must not make all its reads neighbours.
    """
    ((diagonal, usual),) = scene.connection.execute(
        f"""WITH middle AS (SELECT median(x) AS x, median(y) AS y, median(z) AS z FROM places)
            SELECT sqrt(pow(max(places.x) - min(places.x), 2) + pow(max(places.y) - min(places.y), 2)
                    + pow(max(places.z) - min(places.z), 2)),
                2 * quantile_cont(sqrt({chord("places", "middle")}), {NEARLY_ALL})
            FROM places CROSS JOIN middle"""
    ).fetchall()
    return min(timedelta(hours=1.01 * min(diagonal or 0, usual or 0) / scene.limits.max_speed_kmh), FARTHEST)


def _make_places(scene: Scene) -> None:
    """Make `places`: place_no, camera_no, camera_id, latitude, longitude and x, y, z in kilometres from the centre."""
    own = "UNION SELECT DISTINCT camera_id, latitude, longitude FROM kept WHERE latitude IS NOT NULL"
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE places AS
            WITH listed AS (
                SELECT register_no AS place_no, camera_id, latitude, longitude FROM registered
                UNION ALL
                SELECT (SELECT count(*) FROM registered) + row_number() OVER (ORDER BY camera_id, latitude, longitude),
                    camera_id, latitude, longitude
                FROM (SELECT NULL AS camera_id, NULL AS latitude, NULL AS longitude WHERE false
                    {own if scene.positioned else ""}))
            SELECT place_no::INTEGER AS place_no, dense_rank() OVER (ORDER BY camera_id)::INTEGER AS camera_no,
                camera_id, latitude, longitude, {_XYZ} FROM listed"""
    )
    if scene.positioned:
        place, join = "places.place_no", "JOIN places ON places.camera_id = kept.camera_id"
        join = f"""{join} AND places.latitude = kept.latitude AND places.longitude = kept.longitude
            AND places.place_no > (SELECT count(*) FROM registered) WHERE kept.latitude IS NOT NULL
            UNION ALL SELECT read_no, vehicle_no, register_no, captured_at FROM kept WHERE kept.latitude IS NULL"""
    else:
        place, join = "register_no", ""
    scene.connection.execute(
        f"""CREATE OR REPLACE VIEW travelling_now AS
            SELECT read_no, vehicle_no, {place} AS place_no, captured_at FROM kept {join}"""
    )


_XYZ = f"""{EARTH_KM} * cos(radians(latitude)) * cos(radians(longitude)) AS x,
    {EARTH_KM} * cos(radians(latitude)) * sin(radians(longitude)) AS y, {EARTH_KM} * sin(radians(latitude)) AS z"""


def _add_reads_before(scene: Scene, reach: timedelta) -> None:
    make_neighbours(scene.connection, scene.lake, scene.rocu, "reads_before", "candidates", reach, scene.superseded)
    scene.connection.execute(
        """CREATE OR REPLACE TABLE met_before AS
            SELECT -row_number() OVER (ORDER BY batch_id, row_no) AS read_no, * FROM reads_before"""
    )
    scene.connection.execute("DROP TABLE reads_before")
    scene.connection.execute(
        f"""INSERT INTO places
            WITH numbered AS (
                SELECT (SELECT max(place_no) FROM places) + row_number() OVER (ORDER BY camera_id, latitude, longitude)
                        AS place_no, camera_id, latitude, longitude
                FROM (SELECT DISTINCT camera_id, latitude, longitude FROM met_before
                    ANTI JOIN places USING (camera_id, latitude, longitude)))
            SELECT place_no, coalesce(
                    (SELECT any_value(camera_no) FROM places WHERE places.camera_id = numbered.camera_id),
                    -place_no), camera_id, latitude, longitude, {_XYZ}
            FROM numbered"""
    )
    scene.connection.execute(
        """CREATE OR REPLACE VIEW travelling AS
            FROM travelling_now
            UNION ALL
            SELECT read_no, vehicle_no, place_no, captured_at FROM met_before
            JOIN (SELECT camera_id, latitude, longitude, min(place_no) AS place_no FROM places GROUP BY ALL)
                USING (camera_id, latitude, longitude)"""
    )
