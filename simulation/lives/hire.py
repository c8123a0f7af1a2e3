"""Hire cars: every few days another driver with another purpose, so that one VRM shows many short lives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulation.lives.private import stay_away
from simulation.lives.setting import Ints, Setting, column
from simulation.tours import HOUR, Tours, chain, join

LONGEST = 14


@dataclass(frozen=True)
class Bookings:
    """One row per hire.

    Args:
        car: Index into the vehicles given.
        home: Where the hirer lives.
        first: First day.
        days: Length in days.
    """

    car: Ints
    home: Ints
    first: Ints
    days: Ints


def hire(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Hires one after another: errands, business trips, a holiday, or the same trip of over 60 km day after day."""
    hires = _bookings(setting, home)
    purpose = setting.rng.choice(4, len(hires.car), p=[0.35, 0.3, 0.2, 0.15])
    parts = [_daily(setting, vehicle, hires, purpose)]
    away = np.flatnonzero(purpose == 2)
    start = setting.clock(hires.first[away], 10.5, 90)
    place = setting.near(hires.home[away], 80, 380, power=0.4)
    nights = np.maximum(hires.days[away] - 1, 1)
    parts.append(stay_away(setting, vehicle[hires.car[away]], hires.home[away], start, place, nights))
    return join(parts)


def _bookings(setting: Setting, home: Ints) -> Bookings:
    count = len(home)
    first = setting.rng.integers(-6, 3, count)
    rows: list[Bookings] = []
    while first.min(initial=setting.world.days) < setting.world.days:
        days = setting.rng.choice([1, 2, 3, 4, 7, 10, LONGEST], count, p=[0.15, 0.2, 0.2, 0.15, 0.18, 0.06, 0.06])
        begun = first < setting.world.days
        rows.append(Bookings(np.flatnonzero(begun), setting.near(home, 0, 25)[begun], first[begun], days[begun]))
        first = first + days + setting.rng.integers(0, 3, count)
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return Bookings(empty, empty, empty, empty)
    return Bookings(
        *(np.concatenate(column_) for column_ in zip(*((r.car, r.home, r.first, r.days) for r in rows), strict=True))
    )


def _daily(setting: Setting, vehicle: Ints, hires: Bookings, purpose: Ints) -> Tours:
    day = np.arange(LONGEST)
    chance = np.choose(purpose, [0.7, 0.75, 0.0, 0.7])[:, None]
    row, offset = np.nonzero((day < hires.days[:, None]) & (setting.rng.random((len(purpose), LONGEST)) < chance))
    fixed = setting.near(hires.home, 55, 200, power=0.5)
    errand = setting.near(hires.home[row], 0, 25)
    business = setting.near(hires.home[row], 20, 200, power=0.6)
    kind = purpose[row]
    goal = np.choose(kind, [errand, business, errand, fixed[row]])
    stay = np.choose(
        kind,
        [
            setting.about(HOUR, 0.8, len(row)),
            setting.about(2.2 * HOUR, 0.7, len(row)),
            np.full(len(row), HOUR),
            setting.about(HOUR, 0.8, len(row)),
        ],
    )
    start = setting.clock(hires.first[row] + offset, setting.rng.normal(12, 3.3, len(row)).clip(5, 22), 0)
    return chain(setting.roads, vehicle[hires.car[row]], hires.home[row], start, column(goal), column(stay))
