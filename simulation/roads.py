"""Roads between places, and the way from any place to any other.

Three Gabriel graphs, one inside the other: local roads join neighbours, trunk roads join towns, motorways join cities.
(A Gabriel graph keeps the edge of a Delaunay triangulation whose diameter circle is empty; it is connected, since it
contains the minimum spanning tree.) Belongs here: edges, travel times, paths. Does not: who travels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay

from simulation.knobs import RoadsKnobs
from simulation.places import Places, flat

WATERS = Path(__file__).parent / "reference" / "waters.yaml"

# a road is longer than the straight line between its ends
DETOUR = (1.28, 1.18, 1.12)
CLASSES = ("local", "trunk", "motorway")
# how far a driver's second and third choice of route stray from the quickest
VARIANT_SPREAD = (0.0, 0.22, 0.38)
WITHIN_PLACE_SECONDS = 600.0
VARIANTS = len(VARIANT_SPREAD)


@dataclass(frozen=True)
class Roads:
    """Directed edges in the order (start, end), and the quickest ways over them.

    Args:
        start, end: Places that an edge joins; each road is two edges.
        seconds: Travel time of an edge.
        road_class: Index into `CLASSES`.
        edge_of: Edge from place i to place j, -1 without one; shape (places, places).
        travel: Seconds from place to place by the quickest route, 600 within a place; shape (places, places).
        km: Straight-line kilometres from place to place.
        before: For each route variant, the place before j on the way from i to j; shape (variants, places, places).
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    seconds: NDArray[np.float64]
    road_class: NDArray[np.int64]
    edge_of: NDArray[np.int32]
    travel: NDArray[np.float32]
    km: NDArray[np.float32]
    before: NDArray[np.int32]


@dataclass(frozen=True)
class Steps:
    """The edges of many paths, one row per path and edge: which path, which edge, seconds from its end to the goal."""

    path: NDArray[np.int64]
    edge: NDArray[np.int64]
    seconds_left: NDArray[np.float64]
    total: NDArray[np.float64]


def build_roads(places: Places, knobs: RoadsKnobs, rng: np.random.Generator) -> Roads:
    """Join the places by roads and work out every quickest way, for the three variants of a driver's choice."""
    km = _distances(places.xy)
    start, end, seconds, road_class = _edges(places, knobs, km)
    size = len(places.name)
    edge_of = np.full((size, size), -1, dtype=np.int32)
    edge_of[start, end] = np.arange(len(start))
    before = np.empty((VARIANTS, size, size), dtype=np.int32)
    travel = np.empty((size, size), dtype=np.float32)
    for variant, spread in enumerate(VARIANT_SPREAD):
        felt = seconds * np.exp(rng.normal(0, spread, len(seconds))) if spread else seconds
        cost, before[variant] = dijkstra(csr_matrix((felt, (start, end)), (size, size)), return_predecessors=True)
        if variant == 0:
            travel[:] = cost
    np.fill_diagonal(travel, WITHIN_PLACE_SECONDS)
    return Roads(start, end, seconds, road_class, edge_of, travel, km, before)


def trace_paths(roads: Roads, variant: NDArray[np.int64], origin: NDArray[np.int64], goal: NDArray[np.int64]) -> Steps:
    """Follow many ways at once, from the goal back to the origin."""
    path = np.arange(len(origin))
    here = goal.copy()
    left = np.zeros(len(origin))
    total = np.where(origin == goal, WITHIN_PLACE_SECONDS, 0.0)
    paths, edges, lefts = [], [], []
    while True:
        open_ = here != origin[path]
        path, here, left = path[open_], here[open_], left[open_]
        if not len(path):
            break
        previous = roads.before[variant[path], origin[path], here].astype(np.int64)
        edge = roads.edge_of[previous, here].astype(np.int64)
        paths.append(path)
        edges.append(edge)
        lefts.append(left)
        left = left + roads.seconds[edge]
        total[path] = left
        here = previous
    if not paths:
        return Steps(path, path, left, total)
    return Steps(np.concatenate(paths), np.concatenate(edges), np.concatenate(lefts), total)


def _distances(xy: NDArray[np.float64]) -> NDArray[np.float32]:
    gap = xy[:, None, :] - xy[None, :, :]
    return np.asarray(np.sqrt((gap**2).sum(axis=2)), dtype=np.float32)


def _edges(
    places: Places, knobs: RoadsKnobs, km: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    limits = (0, knobs.trunk_population, knobs.motorway_population)
    speeds = (knobs.local_kmh, knobs.trunk_kmh, knobs.motorway_kmh)
    quickest: dict[tuple[int, int], tuple[float, int]] = {}
    for road_class, (limit, speed) in enumerate(zip(limits, speeds, strict=True)):
        chosen = np.flatnonzero(places.population >= limit)
        if len(chosen) < 4:
            continue
        pairs = chosen[_gabriel(places.xy[chosen])]
        for one, other in pairs[~_wet(places.xy, pairs)]:
            seconds = max(float(km[one, other]) * DETOUR[road_class] / speed * 3600, 30.0)
            known = quickest.get((one, other))
            if known is None or seconds < known[0]:
                quickest[(int(one), int(other))] = (seconds, road_class)
    joined = np.array(sorted(quickest), dtype=np.int64)
    values = [quickest[(int(one), int(other))] for one, other in joined]
    both = np.concatenate([joined, joined[:, ::-1]])
    seconds_both = np.array([value[0] for value in values] * 2)
    class_both = np.array([value[1] for value in values] * 2, dtype=np.int64)
    order = np.lexsort((both[:, 1], both[:, 0]))
    return both[order, 0], both[order, 1], seconds_both[order], class_both[order]


def _gabriel(xy: NDArray[np.float64]) -> NDArray[np.int64]:
    triangles = Delaunay(xy).simplices
    keep: dict[tuple[int, int], bool] = {}
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        one, other, third = triangles[:, a], triangles[:, b], triangles[:, c]
        empty = ((xy[one] - xy[third]) * (xy[other] - xy[third])).sum(axis=1) >= 0
        for i, j, fine in zip(np.minimum(one, other), np.maximum(one, other), empty, strict=True):
            keep[(int(i), int(j))] = keep.get((int(i), int(j)), True) and bool(fine)
    return np.array(sorted(pair for pair, fine in keep.items() if fine), dtype=np.int64)


def _wet(xy: NDArray[np.float64], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    lines = yaml.load(WATERS.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["waters"].values()
    wet = np.zeros(len(pairs), dtype=bool)
    one, other = xy[pairs[:, 0]], xy[pairs[:, 1]]
    for line in lines:
        shore = np.array(line, dtype=np.float64)
        points = flat(shore[:, 0], shore[:, 1])
        for left, right in itertools.pairwise(points):
            wet |= (_side(one, other, left) * _side(one, other, right) < 0) & (
                _side(left, right, one) * _side(left, right, other) < 0
            )
    return wet


def _side(one: NDArray[np.float64], other: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    along, across = other - one, point - one
    return np.asarray(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0])
