"""Two vehicles that travel together: convoys, and the innocent who do the same.

Couples who leave one home at the same time, and two vans of one firm on one job, travel together more often than any
convoy does. Belongs here: who is paired with whom, their joint tours, and how the second vehicle passes the cameras
behind or before the first. Does not: what each does alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulation.dice import dice
from simulation.lives.setting import WEEKDAYS, Ints, Setting, column
from simulation.passing import Passes, together
from simulation.tours import HOUR, Tours, chain, join
from simulation.world import World

KINDS = ("convoy", "couple", "firm_van")
RUN_DAYS = np.array([0.9, 0.9, 0.9, 1.0, 1.3, 1.3, 0.9])
HOURS = np.array([9.0, 12.5, 15.5, 18.5, 21.5])


@dataclass(frozen=True)
class Pairs:
    """Who travels with whom: arrays with one entry per pair.

    Args:
        kind: Index into `KINDS`.
        lead, partner: Vehicles.
    """

    kind: Ints
    lead: Ints
    partner: Ints

    def __len__(self) -> int:
        return len(self.kind)


def pair_up(world: World, private: Ints, seed: int) -> Pairs:
    """Take vehicles two by two from those that are free to have another life.

    Args:
        world: Says how many of each kind.
        private: Vehicles with a life of no particular journeys.
        seed: Where chance starts.
    """
    shares = (world.pairs.convoys, world.pairs.couples, world.pairs.firm_vans)
    wanted = [round(world.vehicles.count * share / 2) for share in shares]
    chosen = dice(seed, "pairs").permutation(private)[: 2 * sum(wanted)]
    both = chosen[: len(chosen) // 2 * 2].reshape(-1, 2)
    kind = np.repeat(np.arange(len(KINDS)), wanted)[: len(both)]
    return Pairs(kind, both[:, 0], both[:, 1])


def joint_tours(setting: Setting, kind: str, lead: Ints, home: Ints) -> Tours:
    """The tours of one kind of pairs, as the lead drives them."""
    return _TOURS[kind](setting, lead, home)


def _convoy(setting: Setting, lead: Ints, home: Ints) -> Tours:
    # some use one place, others go where they are sent; at any hour, out and back on the same day
    usual = setting.near(home, 60, 190, power=0.5, most=200_000)
    roams = setting.rng.random(len(lead)) < 0.4
    runs = setting.rng.uniform(1.2, 3.5, (len(lead), 1))
    who, day = setting.days_with(runs / 7 * RUN_DAYS)
    other = setting.near(home[who], 60, 190, power=0.5, most=200_000)
    goal = np.where(roams[who], other, usual[who])
    start = setting.clock(day, HOURS[setting.rng.integers(0, len(HOURS), len(who))], 70)
    return chain(setting.roads, lead[who], home[who], start, column(goal), column(setting.about(2400, 0.5, len(who))))


def _couple(setting: Setting, lead: Ints, home: Ints) -> Tours:
    work = setting.near(home, 8, 45)
    who, day = setting.days_with(np.full((len(lead), 1), 0.75) * WEEKDAYS)
    usual = setting.rng.normal(7.6, 0.6, len(lead))
    start = setting.clock(day, usual[who], 10)
    stay = setting.rng.normal(8.4 * HOUR, 1500, len(who))
    daily = chain(setting.roads, lead[who], home[who], start, column(work[who]), column(stay))
    # now and then two cars go on one visit, with children and luggage
    seen, sunday = setting.days_with(np.full((len(lead), 1), 0.12) * np.array([0, 0, 0, 0, 0, 1, 1]))
    kin = setting.near(home, 50, 160)
    begin = setting.clock(sunday, 10.5, 60)
    stay = setting.about(4 * HOUR, 0.3, len(seen))
    return join([daily, chain(setting.roads, lead[seen], home[seen], begin, column(kin[seen]), column(stay))])


def _firm_van(setting: Setting, lead: Ints, home: Ints) -> Tours:
    who, day = setting.days_with(np.full((len(lead), 1), 0.85) * WEEKDAYS)
    weeks = setting.world.days // 7 + 1
    jobs = np.column_stack([setting.near(home, 10, 130, power=0.5) for _ in range(weeks)])
    start = setting.clock(day, 6.9, 15)
    stay = setting.rng.normal(7.5 * HOUR, 2400, len(who))
    goal = jobs[who, np.minimum(day // 7, weeks - 1)]
    return chain(setting.roads, lead[who], home[who], start, column(goal), column(stay))


_TOURS: dict[str, Callable[[Setting, Ints, Ints], Tours]] = {
    "convoy": _convoy,
    "couple": _couple,
    "firm_van": _firm_van,
}


def as_partner(tours: Tours, lead: Ints, partner: Ints) -> Tours:
    """The same tours, driven by the partners."""
    return replace(tours, vehicle=_partner_of(tours.vehicle, lead, partner))


def follow(passes: Passes, kind: str, lead: Ints, partner: Ints, rng: np.random.Generator) -> Passes:
    """The leads' passes, and with them those of the partners: seconds behind, or before where the order is open."""
    # a convoy keeps its order and its distance; others leave home as it comes, and now and then one stays behind
    steady = kind == "convoy"
    day = passes.second.astype(np.int64) // 43_200
    trip = (passes.vehicle.astype(np.int64) << 16) + day
    _, number = np.unique(trip, return_inverse=True)
    trips = int(number.max(initial=-1)) + 1
    distance = rng.uniform(8, 35, trips) if steady else rng.uniform(10, 90, trips)
    sign = np.where(rng.random(trips) < (0.03 if steady else 0.5), -1, 1)
    alone = rng.random(trips) < (0.05 if steady else 0.25)
    gap = distance[number] * sign[number] + rng.normal(0, 4 if steady else 14, len(passes))
    behind = Passes(
        _partner_of(passes.vehicle, lead, partner).astype(np.int32),
        passes.mount,
        np.maximum(passes.second + gap, 0).astype(np.int32),
    )
    return together([passes, behind.take(~alone[number])])


def _partner_of(vehicle: NDArray[np.integer], lead: Ints, partner: Ints) -> Ints:
    order = np.argsort(lead)
    return np.asarray(partner[order][np.searchsorted(lead[order], vehicle)])
