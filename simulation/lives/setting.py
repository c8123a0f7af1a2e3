"""What every life is drawn from: the calendar, the map, and a few ways to throw dice on them.

Belongs here: choosing places by distance and days by weekday. Does not: any one life.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.places import Places
from simulation.roads import Roads
from simulation.tours import DAY, HOUR
from simulation.world import World

Ints = NDArray[np.int64]
WEEKDAYS = np.array([1, 1, 1, 1, 1, 0, 0], dtype=np.float64)
ALL_WEEK = np.ones(7)


@dataclass(frozen=True)
class Setting:
    """The world that a life is led in, and the dice of this life."""

    world: World
    places: Places
    roads: Roads
    rng: np.random.Generator

    @property
    def weekday(self) -> Ints:
        """Weekday of each day of the world, Monday is 0."""
        return np.asarray((self.world.start.weekday() + np.arange(self.world.days)) % 7)

    def day_of(self, month: int, day: int) -> int:
        """Index of a date in the world's first year; may lie outside the world."""
        return (self.world.start.replace(month=month, day=day) - self.world.start).days

    def first(self, weekday: int) -> int:
        """The first day of the world with this weekday."""
        return (weekday - self.world.start.weekday()) % 7

    def days_with(self, chance: NDArray[Any]) -> tuple[Ints, Ints]:
        """Throw for each vehicle and day.

        Args:
            chance: Chance by vehicle and weekday, shape (vehicles, 7).

        Returns:
            Which vehicle, which day.
        """
        daily = chance[:, self.weekday]
        who, day = np.nonzero(self.rng.random(daily.shape) < daily)
        return who, day

    def clock(self, day: Ints, hour: NDArray[Any] | float, spread_minutes: float) -> Ints:
        """Seconds of local time at about this hour of these days."""
        jitter = self.rng.normal(0, spread_minutes * 60, len(day))
        return np.asarray(day * DAY + np.asarray(hour) * HOUR + jitter, dtype=np.int64)

    def about(self, median: float, spread: float, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Log-normal values around a median; `spread` is the standard deviation of their logarithm."""
        return np.asarray(median * np.exp(self.rng.normal(0, spread, size)))

    def near(self, homes: Ints, low: float, high: float, power: float = 0.8, most: float = np.inf) -> Ints:
        """For each home a place between two distances (km), larger places more often.

        Args:
            homes: Place of each vehicle.
            low: Least distance in km, straight line.
            high: Greatest distance.
            power: Exponent of the population in the weight.
            most: Places with more inhabitants than this are left out.
        """
        if not len(homes):
            return homes
        known, row = np.unique(homes, return_inverse=True)
        km = self.roads.km[known]
        weight = np.where(self.places.population <= most, self.places.population**power, 0.0)
        mass = np.where((km >= low) & (km <= high), weight, 0.0)
        lonely = ~mass.any(axis=1)
        mass[lonely] = 1.0 / (1.0 + np.abs(km[lonely] - low)) ** 4
        total = np.cumsum(mass, axis=1)
        # one rising line for all homes: home n lies between n and n + 1
        line = (total / total[:, -1:] + np.arange(len(known))[:, None]).ravel()
        found = np.searchsorted(line, row + self.rng.random(len(homes)), side="right")
        return np.asarray(np.minimum(found - row * km.shape[1], km.shape[1] - 1))


def column(values: NDArray[Any]) -> NDArray[Any]:
    """One stop per tour, as `chain` wants it."""
    return values.reshape(-1, 1)


def date_of(world: World, day: int) -> str:
    """A day of the world as an ISO date."""
    return (world.start + timedelta(days=int(day))).isoformat()
