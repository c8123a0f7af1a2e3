"""Which camera is to blame for impossible legs: one whose legs are impossible far beyond the rest, with many vehicles.

Greedy explaining-away: the camera that explains most is taken first, its legs are taken off its neighbours, and the
rest is looked at again. So a neighbour of a wrong camera is not blamed with it, nor a camera that one clone passes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from data_contracts.across_rows.clock_or_place import Usual, Visit, explain, usual_slowness
from data_contracts.across_rows.legs import distance, reach_of
from data_contracts.across_rows.scene import Scene

CLOCK, PLACE, EITHER = "camera_clock", "camera_place", "camera_clock_or_place"
TIMES_USUAL = 5  # a camera to blame has this many times the share of impossible legs that cameras usually have
BLAMED_ANYWAY = 0.5  # a share that needs no comparison: in a small network a few wrong cameras are the usual
ONE_VEHICLE = 0.5  # of its impossible legs no vehicle makes more than this share
LEAST_LEGS = 20  # cameras with fewer say nothing about what is usual
SAMPLE, MOST_READS = 60, 120  # vehicles of a camera that are looked at, and their reads there
_IN_TIME = "other.captured_at, other.read_no"


@dataclass(frozen=True)
class Link:
    """Legs between two cameras in one direction, and how many of them are too fast."""

    from_camera: int
    to_camera: int
    legs: int
    fast: int


@dataclass(frozen=True)
class Crowd:
    """Who makes a camera's impossible legs: how many vehicles, and the largest share of a single one."""

    vehicles: int
    top_share: float


@dataclass(frozen=True)
class Blamed:
    """A camera to blame, and the share of its impossible legs that is beyond what cameras usually have."""

    camera: int
    beyond_usual: float


def blame_cameras(
    links: Sequence[Link], crowds: dict[int, Crowd], least_vehicles: int, least_share: float
) -> tuple[Blamed, ...]:
    """The cameras that explain most of the impossible legs, in the order of how many.

    Args:
        links: All legs that were judged.
        crowds: Camera to the vehicles of its impossible legs.
        least_vehicles: Vehicles, and legs, that it takes.
        least_share: Share of a camera's legs that must be impossible.
    """
    legs: dict[int, int] = defaultdict(int)
    fast: dict[int, int] = defaultdict(int)
    touching: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        for camera in {link.from_camera, link.to_camera}:
            legs[camera] += link.legs
            fast[camera] += link.fast
            touching[camera].append(link)
    open_cameras = {
        camera
        for camera, crowd in crowds.items()
        if crowd.vehicles >= least_vehicles and crowd.top_share <= ONE_VEHICLE
    }
    blamed: list[Blamed] = []
    taken: set[int] = set()
    while True:
        usual = _usual_share(legs, fast)
        threshold = max(least_share, min(TIMES_USUAL * usual, BLAMED_ANYWAY))
        able = [c for c in open_cameras if fast[c] >= least_vehicles and fast[c] >= threshold * legs[c]]
        if not able:
            return tuple(blamed)
        worst = max(able, key=lambda camera: (fast[camera] ** 2 / legs[camera], -camera))
        blamed.append(Blamed(worst, max(0.0, 1 - usual * legs[worst] / fast[worst])))
        _take_off(worst, touching[worst], taken, legs, fast)
        taken.add(worst)
        open_cameras.discard(worst)


def _usual_share(legs: Mapping[int, int], fast: Mapping[int, int]) -> float:
    """The lower quartile of the cameras' shares, which a few wrong cameras do not move."""
    shares = [fast[camera] / number for camera, number in legs.items() if number >= LEAST_LEGS]
    return quantiles(shares, n=4, method="inclusive")[0] if len(shares) > 1 else 0.0


def _take_off(camera: int, links: Iterable[Link], taken: set[int], legs: dict[int, int], fast: dict[int, int]) -> None:
    for link in links:
        if link.from_camera in taken or link.to_camera in taken:
            continue
        for end in {link.from_camera, link.to_camera} - {camera}:
            legs[end] -= link.legs
            fast[end] -= link.fast


def make_blamed(scene: Scene) -> None:
    """Make `blamed` (place_in_order, camera_no, cause, score, fast_s) from `legs`, `links` and `breaking` (leg_no)."""
    connection, limits = scene.connection, scene.limits
    connection.execute(
        """CREATE OR REPLACE TABLE blamed (place_in_order INTEGER, camera_no INTEGER, cause VARCHAR, score DOUBLE,
            fast_s DOUBLE)"""
    )
    crowds = {
        camera: Crowd(vehicles, top / total)
        for camera, vehicles, top, total in connection.execute(
            f"""SELECT camera_no, count(*), max(n), sum(n) FROM (
                    SELECT camera_no, vehicle_no, count(*) AS n FROM (
                        SELECT from_camera AS camera_no, vehicle_no FROM legs SEMI JOIN breaking USING (leg_no)
                        UNION ALL SELECT to_camera, vehicle_no FROM legs SEMI JOIN breaking USING (leg_no))
                    GROUP BY ALL)
                GROUP BY camera_no HAVING count(*) >= {limits.camera_blame_min_vehicles}"""
        ).fetchall()
    }
    if not crowds:
        return
    links = [Link(*row) for row in connection.execute("FROM links ORDER BY ALL").fetchall()]
    found = blame_cameras(links, crowds, limits.camera_blame_min_vehicles, limits.camera_blame_min_share)
    if not found:
        return
    _make_passing(scene, [one.camera for one in found])
    usual, visits = _usual(scene), _visits(scene)
    for place, one in enumerate(found):
        explained = explain(visits.get(one.camera, ()), usual)
        cause = {"clock": CLOCK, "place": PLACE}[explained.what] if explained else EITHER
        row = [place, one.camera, cause, one.beyond_usual, explained.fast_s if explained else None]
        connection.execute("INSERT INTO blamed VALUES (?, ?, ?, ?, ?)", row)


def _make_passing(scene: Scene, cameras: Sequence[int]) -> None:
    """Make `chosen` (camera_no, vehicle_no), some vehicles with an impossible leg at each camera to blame.

    And `passing`, all their reads, each with its place and with whether its camera is one to blame.
    """
    blamed = ", ".join(map(str, cameras))
    scene.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE chosen AS
            WITH fast AS (SELECT * FROM legs SEMI JOIN breaking USING (leg_no))
            SELECT camera_no, vehicle_no FROM (
                SELECT from_camera AS camera_no, vehicle_no FROM fast
                UNION SELECT to_camera, vehicle_no FROM fast)
            WHERE camera_no IN ({blamed})
            QUALIFY row_number() OVER (PARTITION BY camera_no ORDER BY hash(vehicle_no), vehicle_no) <= {SAMPLE}"""
    )
    scene.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE passing AS
            SELECT read_no, vehicle_no, captured_at, camera_no, latitude, longitude, x, y, z,
                camera_no IN ({blamed}) AS to_blame
            FROM travelling SEMI JOIN chosen USING (vehicle_no) JOIN places USING (place_no)"""
    )


def _usual(scene: Scene) -> Usual:
    """How long the chosen vehicles take between cameras without blame."""
    longest = reach_of(scene).total_seconds() * 2
    ways = scene.connection.execute(
        f"""WITH beside AS (
                SELECT passing AS this, lag(passing) OVER way AS before FROM passing WHERE NOT to_blame
                WINDOW way AS (PARTITION BY vehicle_no ORDER BY captured_at, read_no))
            SELECT epoch(this.captured_at) - epoch(before.captured_at) AS seconds, {distance("this", "before")} AS km
            FROM beside WHERE this.camera_no <> before.camera_no AND seconds <= {longest} ORDER BY ALL"""
    ).fetchnumpy()
    limits = scene.limits
    return usual_slowness(ways["seconds"], ways["km"], limits.max_speed_kmh, limits.min_leg_km)


def _visits(scene: Scene) -> dict[int, list[Visit]]:
    """For each camera to blame reads of its chosen vehicles there, each with those at other cameras around it."""
    longest = reach_of(scene).total_seconds() * 2
    rows = scene.connection.execute(
        f"""WITH here AS (
                SELECT passing.* FROM passing SEMI JOIN chosen USING (camera_no, vehicle_no)
                QUALIFY row_number() OVER (PARTITION BY camera_no ORDER BY hash(read_no), read_no) <= {MOST_READS})
            SELECT here.camera_no, list(epoch(other.captured_at) - epoch(here.captured_at) ORDER BY {_IN_TIME}),
                list({distance("here", "other")} ORDER BY {_IN_TIME}), list(other.latitude ORDER BY {_IN_TIME}),
                list(other.longitude ORDER BY {_IN_TIME})
            FROM here JOIN passing AS other ON other.vehicle_no = here.vehicle_no AND NOT other.to_blame
                AND other.captured_at BETWEEN here.captured_at - to_seconds({longest})
                    AND here.captured_at + to_seconds({longest})
            GROUP BY here.camera_no, here.read_no ORDER BY here.camera_no, here.read_no"""
    ).fetchall()
    visits: dict[int, list[Visit]] = defaultdict(list)
    for camera, *around in rows:
        visits[camera].append(Visit(*around))
    return visits
