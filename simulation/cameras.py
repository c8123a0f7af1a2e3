"""Camera sites on roads and in towns, the cameras on them, and what the camera register says of them.

Belongs here: where cameras stand and when, new sites, moved and unregistered cameras. Does not: outages and clocks
(`simulation.faults`) or what passes (`simulation.passing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.knobs import NewSitesEvent
from simulation.places import Places
from simulation.roads import CLASSES, Roads
from simulation.world import World

KINDS = ("centre", "entry", "road")
CENTRE, ENTRY, ROAD = range(3)
FOREVER = 10_000
# how much more traffic trunk roads and motorways carry
CLASS_WEIGHTS = np.array([1.0, 4.0, 8.0])
# registered long before the world begins
LONG_AGO = -400


@dataclass(frozen=True)
class Mounts:
    """One row per camera and place that it stands at; a moved camera has two rows.

    Args:
        camera: Index of the camera.
        site: Index of the site.
        kind: Index into `KINDS`.
        edge: Directed edge that is watched, -1 in a town's centre.
        fraction: How far along the edge.
        place: Place of a centre site, -1 on a road.
        first_day, last_day: Days of the world when it stands there (half-open).
        known_from, known_to: The same as the register believes.
    """

    camera: NDArray[np.int64]
    site: NDArray[np.int64]
    kind: NDArray[np.int64]
    edge: NDArray[np.int64]
    fraction: NDArray[np.float64]
    place: NDArray[np.int64]
    first_day: NDArray[np.int64]
    last_day: NDArray[np.int64]
    known_from: NDArray[np.int64]
    known_to: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    bearing: NDArray[np.float64]
    force: NDArray[np.int64]
    road_class: NDArray[np.int64]


@dataclass(frozen=True)
class Cameras:
    """All cameras of the world; arrays have one entry per camera.

    Args:
        mounts: Where they stand and when.
        camera_id, site_id: Digits only, so that no identifier can look like a plate.
        rocu: Index into the world's `rocus`.
        force: Index into the places' `forces`.
        registered: Whether the register lists the camera.
        quality: Its own capture rate as a factor on the world's, around 1.
        toward: Whether it looks at the front of vehicles.
        moved_site, new_site: Indices of the sites that move, or start to deliver by an event.
    """

    mounts: Mounts
    camera_id: NDArray[np.str_]
    site_id: NDArray[np.str_]
    site: NDArray[np.int64]
    kind: NDArray[np.int64]
    rocu: NDArray[np.int64]
    force: NDArray[np.int64]
    registered: NDArray[np.bool_]
    quality: NDArray[np.float64]
    toward: NDArray[np.bool_]
    moved_site: NDArray[np.int64]
    new_site: NDArray[np.int64]


@dataclass(frozen=True)
class _Stand:
    camera: int
    site: int
    edge: int
    fraction: float
    first_day: int
    last_day: int
    known_from: int
    known_to: int


@dataclass(frozen=True)
class _Sites:
    rocu: NDArray[np.int64]
    kind: NDArray[np.int64]
    edge: NDArray[np.int64]
    place: NDArray[np.int64]
    fraction: NDArray[np.float64]


def place_cameras(world: World, places: Places, roads: Roads, rng: np.random.Generator) -> Cameras:
    """Put sites on roads (busy ones first) and into towns, and cameras on the sites."""
    parts = [_sites_of(world, places, roads, rocu, rng) for rocu in range(len(world.rocus))]
    sites = _Sites(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    opened, moved, moved_on = _changes(world, sites, rng)
    rows: list[tuple[int, int, int, float]] = []
    for site in range(len(sites.rocu)):
        edges = (-1,) if sites.edge[site] < 0 else (sites.edge[site], _back(roads, sites.edge[site]))
        for edge in edges:
            fraction = sites.fraction[site] if edge == edges[0] else 1 - sites.fraction[site]
            rows.append((len(rows), site, edge, fraction))
    owner = np.array([row[1] for row in rows], dtype=np.int64)
    stands = _stands(world, roads, sites, rows, opened, moved_on, rng)
    mounts = _mounts(places, roads, sites, stands, rng)
    number = len(owner)
    direction = np.concatenate([[0], (owner[1:] == owner[:-1]).astype(int)]) + 1
    # mounts come in the order of their cameras, the first mount of each first
    force = mounts.force[np.searchsorted(mounts.camera, np.arange(number))]
    site_id = np.array([f"{10 + sites.rocu[site]}{1001 + site}" for site in owner])
    return Cameras(
        mounts=mounts,
        camera_id=np.array([f"{site}{way}" for site, way in zip(site_id, direction, strict=True)]),
        site_id=site_id,
        site=owner,
        kind=sites.kind[owner],
        rocu=sites.rocu[owner],
        force=force,
        registered=rng.random(number) >= world.faults.unregistered_share,
        quality=np.clip(rng.normal(1.0, 0.02, number), 0.9, 1.0 / max(world.faults.capture_rate, 0.01)),
        toward=rng.random(number) < 0.6,
        moved_site=moved,
        new_site=np.flatnonzero(opened > 0),
    )


def _sites_of(
    world: World, places: Places, roads: Roads, rocu: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    knobs, count = world.cameras, world.cameras.sites_per_rocu
    inside = places.in_rocus((world.rocus[rocu],))
    towns = np.flatnonzero(inside)
    centres = max(round(count * knobs.centre_share), 1)
    centre = _centres(towns, places.population[towns] ** 0.4, centres, rng)
    edges = np.flatnonzero(inside[roads.start] & inside[roads.end] & (roads.start < roads.end))
    busy = _traffic(places, roads, edges)
    on_roads = count - centres
    edge = np.sort(rng.choice(edges, on_roads, replace=on_roads > len(edges), p=busy / busy.sum()))
    at_entry = rng.random(on_roads) < knobs.entry_share
    near_start = rng.random(on_roads) < 0.5
    fraction = np.where(at_entry, np.where(near_start, 0.12, 0.88), rng.uniform(0.3, 0.7, on_roads))
    return (
        np.full(count, rocu),
        np.concatenate([np.full(centres, CENTRE), np.where(at_entry, ENTRY, ROAD)]),
        np.concatenate([np.full(centres, -1), edge]),
        np.concatenate([centre, np.full(on_roads, -1)]),
        np.concatenate([np.zeros(centres), fraction]),
    )


def _centres(
    towns: NDArray[np.int64], weight: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Towns for centre sites: different ones while there are any left."""
    chosen: list[NDArray[np.int64]] = []
    while count:
        number = min(count, len(towns))
        chosen.append(rng.choice(towns, number, replace=False, p=weight / weight.sum()))
        count -= number
    return np.sort(np.concatenate(chosen))


def _traffic(places: Places, roads: Roads, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    ends = np.sqrt(places.population[roads.start[edges]] * places.population[roads.end[edges]])
    return np.asarray(ends**0.5 * CLASS_WEIGHTS[roads.road_class[edges]])


def _changes(
    world: World, sites: _Sites, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    opened = np.zeros(len(sites.rocu), dtype=np.int64)
    for event in world.events:
        if isinstance(event, NewSitesEvent):
            own = np.flatnonzero((sites.rocu == world.rocus.index(event.rocu)) & (opened == 0))
            chosen = rng.choice(own, min(event.sites, len(own)), replace=False)
            opened[chosen] = (event.start - world.start).days
    movable = (opened == 0) & (sites.edge >= 0)
    moved = np.flatnonzero(movable & (rng.random(len(opened)) < world.faults.moved_share))
    moved_on = np.full(len(opened), FOREVER)
    moved_on[moved] = rng.integers(world.days // 4, max(world.days * 3 // 4, world.days // 4 + 1), len(moved))
    return opened, moved, moved_on


def _stands(
    world: World,
    roads: Roads,
    sites: _Sites,
    rows: list[tuple[int, int, int, float]],
    opened: NDArray[np.int64],
    moved_on: NDArray[np.int64],
    rng: np.random.Generator,
) -> list[_Stand]:
    lag = world.faults.moved_register_lag_days
    new_edge: dict[int, int] = {}
    stands: list[_Stand] = []
    for camera, site, edge, fraction in rows:
        first, moves = int(opened[site]), int(moved_on[site])
        known = first or LONG_AGO
        if moves == FOREVER:
            stands.append(_Stand(camera, site, edge, fraction, first, FOREVER, known, FOREVER))
            continue
        if site not in new_edge:
            new_edge[site] = _other_edge(roads, int(sites.edge[site]), rng)
        later = new_edge[site] if edge == sites.edge[site] else _back(roads, new_edge[site])
        stands.append(_Stand(camera, site, edge, fraction, first, moves, known, moves + lag))
        stands.append(_Stand(camera, site, later, fraction, moves, FOREVER, moves + lag, FOREVER))
    return stands


def _mounts(places: Places, roads: Roads, sites: _Sites, stands: list[_Stand], rng: np.random.Generator) -> Mounts:
    site = np.array([stand.site for stand in stands], dtype=np.int64)
    edge = np.array([stand.edge for stand in stands], dtype=np.int64)
    fraction = np.array([stand.fraction for stand in stands], dtype=np.float64)
    place = sites.place[site]
    # a site's cameras stand together, a little beside the line between the two places
    shift = rng.normal(0, 0.002, (len(sites.rocu), 2))[site]
    start = np.where(edge >= 0, roads.start[edge], place)
    end = np.where(edge >= 0, roads.end[edge], place)
    latitude = places.latitude[start] * (1 - fraction) + places.latitude[end] * fraction
    longitude = places.longitude[start] * (1 - fraction) + places.longitude[end] * fraction
    gap = places.xy[end] - places.xy[start]
    return Mounts(
        camera=np.array([stand.camera for stand in stands], dtype=np.int64),
        site=site,
        kind=sites.kind[site],
        edge=edge,
        fraction=fraction,
        place=place,
        first_day=np.array([stand.first_day for stand in stands], dtype=np.int64),
        last_day=np.array([stand.last_day for stand in stands], dtype=np.int64),
        known_from=np.array([stand.known_from for stand in stands], dtype=np.int64),
        known_to=np.array([stand.known_to for stand in stands], dtype=np.int64),
        latitude=np.round(latitude + shift[:, 0], 5),
        longitude=np.round(longitude + shift[:, 1], 5),
        bearing=np.round(np.degrees(np.arctan2(gap[:, 0], gap[:, 1])) % 360),
        force=places.force[np.where(fraction < 0.5, start, end)],
        road_class=np.where(edge >= 0, roads.road_class[edge], -1),
    )


def _other_edge(roads: Roads, edge: int, rng: np.random.Generator) -> int:
    near = np.flatnonzero((roads.start == roads.start[edge]) | (roads.end == roads.end[edge]))
    others = near[(near != edge) & (near != _back(roads, edge))]
    weight = CLASS_WEIGHTS[roads.road_class[others]]
    return int(rng.choice(others, p=weight / weight.sum())) if len(others) else edge


def _back(roads: Roads, edge: int) -> int:
    return int(roads.edge_of[roads.end[edge], roads.start[edge]])


def road_name(road_class: int) -> str:
    """What the register calls a road of this class; -1 is a street in a town."""
    return "street" if road_class < 0 else CLASSES[road_class]
