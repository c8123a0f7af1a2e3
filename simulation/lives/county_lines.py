"""County lines vehicles: who runs which line, from where to where, how, and in which vehicles.

After the published typology: commuting (there and back in a day), holidaying (days or weeks in the town), cuckooing (a
base in a taken-over home, restocked from the hub). Belongs here: the lines. Does not: their days (`running`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.lives.setting import Setting

MODES = ("commuting", "holidaying", "cuckooing")
TOWN_SIZE = (10_000, 150_000)
HUB_SIZE = 170_000
INSIDE_KM = (14.0, 75.0)
SUBURB_KM = 14.0
HIRE_DAYS = (7, 15)


@dataclass(frozen=True)
class Seat:
    """One vehicle that serves a line for some days.

    Args:
        vehicle: Index among the county lines vehicles.
        follower: Whether it drives behind the first vehicle of a convoy.
        first_day, last_day: Half-open.
    """

    vehicle: int
    follower: bool
    first_day: int
    last_day: int


@dataclass(frozen=True)
class Line:
    """One county line.

    Args:
        hub, town, second_town: Places.
        hub_inside: Another hub, in the town's own force, which the line may turn to.
        first_day, last_day: When it is active, half-open.
        runs_per_week, stay_minutes, hour: How it restocks.
    """

    line: int
    rocu: str
    mode: str
    hub: int
    town: int
    second_town: int
    hub_inside: int
    hired: bool
    convoy: bool
    regular: bool
    alternating: bool
    inside_force: bool
    first_day: int
    last_day: int
    runs_per_week: float
    stay_minutes: float
    hour: float
    seats: tuple[Seat, ...]


def plan_lines(setting: Setting, vehicles: int) -> tuple[Line, ...]:
    """Plan lines in turn for each ROCU of the world until they use this many vehicles."""
    lines: list[Line] = []
    used = 0
    while used < vehicles:
        line = _plan(setting, len(lines), used)
        lines.append(line)
        used += len({seat.vehicle for seat in line.seats})
    return tuple(lines)


def _plan(setting: Setting, number: int, used: int) -> Line:
    rng, knobs, days = setting.rng, setting.world.county_lines, setting.world.days
    rocu = setting.world.rocus[number % len(setting.world.rocus)]
    town, hub_outside = _ends(setting, rocu)
    inside = bool(rng.random() < knobs.inside_force_share)
    hub_inside = _hub_inside(setting, town)
    hub = hub_inside if inside else hub_outside
    weights = np.array([knobs.commuting, knobs.holidaying, knobs.cuckooing])
    first, last = 0, days
    if rng.random() < knobs.late_start_share:
        turn = int(rng.integers(days // 6, max(days * 2 // 3, days // 6 + 1)))
        first, last = (turn, days) if rng.random() < 0.6 else (0, turn)
    hired, convoy = bool(rng.random() < knobs.hire_share), bool(rng.random() < knobs.convoy_share)
    return Line(
        line=number,
        rocu=rocu,
        mode=str(rng.choice(MODES, p=weights / weights.sum())),
        hub=hub,
        town=town,
        second_town=_beside(setting, town),
        hub_inside=hub_inside,
        hired=hired,
        convoy=convoy,
        regular=bool(rng.random() < knobs.regular_share),
        alternating=bool(rng.random() < knobs.alternating_share),
        inside_force=inside,
        first_day=first,
        last_day=last,
        runs_per_week=float(np.clip(knobs.runs_per_week * np.exp(rng.normal(0, 0.35)), 0.8, 8)),
        stay_minutes=float(np.clip(knobs.stay_minutes * np.exp(rng.normal(0, 0.4)), 10, 400)),
        hour=float(rng.choice([9.0, 12.5, 15.5, 18.5, 21.5], p=[0.12, 0.23, 0.28, 0.25, 0.12])),
        seats=_seats(rng, used, hired, convoy, first, last, days),
    )


def _seats(
    rng: np.random.Generator, used: int, hired: bool, convoy: bool, first: int, last: int, days: int
) -> tuple[Seat, ...]:
    seats: list[Seat] = []
    vehicle = used
    for follower in (False, True) if convoy else (False,):
        if not hired:
            seats.append(Seat(vehicle, follower, 0, days))
            vehicle += 1
            continue
        day = first
        while day < last:
            until = min(day + int(rng.integers(*HIRE_DAYS)), last)
            seats.append(Seat(vehicle, follower, day, until))
            vehicle += 1
            day = until
    return tuple(seats)


def _ends(setting: Setting, rocu: str) -> tuple[int, int]:
    """A market town in the ROCU and a hub in another force, far enough apart."""
    places, knobs, rng = setting.places, setting.world.county_lines, setting.rng
    inside = places.in_rocus((rocu,))
    small = (places.population >= TOWN_SIZE[0]) & (places.population <= TOWN_SIZE[1])
    hubs = np.flatnonzero(places.population >= HUB_SIZE)
    apart = setting.roads.km[:, hubs].min(axis=1, initial=np.inf) >= SUBURB_KM
    market = inside & small & apart
    towns = np.flatnonzero(market if market.any() else inside)
    km = setting.roads.km[np.ix_(towns, hubs)]
    mass = np.where((km >= knobs.least_km) & (km <= knobs.most_km), places.population[hubs] ** 0.7 / (40 + km), 0.0)
    mass[places.force[towns][:, None] == places.force[hubs]] = 0.0
    same = inside[hubs] if rng.random() < knobs.inside_rocu_share else ~inside[hubs]
    mass = mass * same if (mass * same).any() else mass
    if not mass.any():
        # a world without cities: the longest line there is
        mass = (km == km.max()).astype(np.float64)
    # every town is as likely as another; which hub serves it goes by size and distance
    reach = mass.sum(axis=1)
    town = int(rng.choice(len(towns), p=(reach > 0) / (reach > 0).sum()))
    hub = int(rng.choice(len(hubs), p=mass[town] / reach[town]))
    return int(towns[town]), int(hubs[hub])


def _hub_inside(setting: Setting, town: int) -> int:
    places, km = setting.places, setting.roads.km[town]
    own = (places.force == places.force[town]) & (km >= INSIDE_KM[0]) & (km <= INSIDE_KM[1])
    return _weighted(setting, own if own.any() else km > 0, places.population**1.2 / (1 + km) ** 2)


def _beside(setting: Setting, town: int) -> int:
    km = setting.roads.km[town]
    return _weighted(setting, (km > 3) & (km < 30), setting.places.population**0.3)


def _weighted(setting: Setting, chosen: NDArray[np.bool_], weight: NDArray[np.float64]) -> int:
    if not chosen.any():
        return int(np.argmax(setting.places.population))
    mass = np.where(chosen, weight, 0.0)
    return int(setting.rng.choice(len(mass), p=mass / mass.sum()))
