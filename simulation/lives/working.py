"""Lives that travel for work: commuters, couriers, taxis, carers, nurses, reps, hauliers, contractors.

Many of these share a signal with county lines travel: long trips there and back, short stays, night hours, fixed days.
Every function takes the vehicles of one life and gives their main tours.
"""

from __future__ import annotations

import numpy as np

from simulation.lives.setting import ALL_WEEK, WEEKDAYS, Ints, Setting, column
from simulation.tours import HOUR, Tours, chain, join


def commuter(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """To a workplace 8 to 45 km away and back, most weekdays."""
    work = setting.near(home, 8, 45)
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.82) * WEEKDAYS)
    usual = setting.rng.normal(7.6, 0.7, len(vehicle))
    start = setting.clock(day, usual[who], 12)
    stay = setting.rng.normal(8.6 * HOUR, 2400, len(who))
    return chain(setting.roads, vehicle[who], home[who], start, column(work[who]), column(stay))


def long_commuter(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """60 to 170 km to work on some weekdays; a third of them only for a meeting of one to three hours."""
    work = setting.near(home, 60, 170)
    chance = setting.rng.uniform(0.3, 0.8, (len(vehicle), 1))
    who, day = setting.days_with(chance * WEEKDAYS)
    meeting = setting.rng.random(len(vehicle)) < 0.33
    usual = np.where(meeting, setting.rng.uniform(9, 16, len(vehicle)), setting.rng.normal(6.6, 0.6, len(vehicle)))
    start = setting.clock(day, usual[who], 25)
    stay = np.where(meeting[who], setting.about(1.6 * HOUR, 0.4, len(who)), setting.about(8.2 * HOUR, 0.12, len(who)))
    return chain(setting.roads, vehicle[who], home[who], start, column(work[who]), column(stay))


def courier(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Parcel rounds of many stops; or one fixed run of 60 to 200 km with a stop of minutes, by day or by night."""
    fixed = setting.rng.random(len(vehicle)) < 0.4
    rounds = _rounds(setting, vehicle[~fixed], home[~fixed])
    runs = _fixed_runs(setting, vehicle[fixed], home[fixed])
    return join([rounds, runs])


def _rounds(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.9) * np.array([1, 1, 1, 1, 1, 0.6, 0.1]))
    area = setting.near(home, 5, 90, power=0.4)
    stops = np.column_stack([setting.near(area[who], 0, 22, power=0.3) for _ in range(7)])
    stops[:, 0] = area[who]
    number = setting.rng.integers(4, 8, len(who))
    stops[np.arange(7) >= number[:, None]] = -1
    stays = setting.about(28 * 60, 0.5, stops.shape)
    return chain(setting.roads, vehicle[who], home[who], setting.clock(day, 7.7, 35), stops, stays)


def _fixed_runs(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    town = setting.near(home, 55, 190, power=0.5, most=220_000)
    chance = setting.rng.uniform(0.3, 0.9, (len(vehicle), 1))
    who, day = setting.days_with(chance * np.array([1, 1, 1, 1, 1, 0.6, 0.3]))
    usual = setting.rng.choice([5.0, 10.0, 14.0, 18.0, 21.5], len(vehicle), p=[0.2, 0.25, 0.2, 0.2, 0.15])
    stay = setting.about(34 * 60, 0.55, len(who))
    start = setting.clock(day, usual[who], 55)
    other = setting.near(home, 55, 190, power=0.5)
    goal = np.where(setting.rng.random(len(who)) < 0.2, other[who], town[who])
    variant = (setting.rng.random(len(who)) < 0.15).astype(np.int64)
    return chain(setting.roads, vehicle[who], home[who], start, column(goal), column(stay), variant)


def taxi(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """A shift of many town trips, by evening and night as often as by day; now and then a run of 60 to 150 km."""
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.75) * ALL_WEEK)
    usual = setting.rng.choice([7.0, 15.0, 19.0], len(vehicle), p=[0.35, 0.3, 0.35])
    stops = np.column_stack(
        [np.where(setting.rng.random(len(who)) < 0.55, home[who], setting.near(home[who], 1, 18)) for _ in range(8)]
    )
    stays = setting.about(30 * 60, 0.6, stops.shape)
    far = setting.rng.random(len(who)) < 0.09
    stops[far, 2] = setting.near(home[who[far]], 60, 150)
    stays[far, 2] = setting.about(14 * 60, 0.5, int(far.sum()))
    return chain(setting.roads, vehicle[who], home[who], setting.clock(day, usual[who], 50), stops, stays)


def carer(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Rounds of short visits near home, mornings and evenings, all week."""
    clients = np.column_stack([setting.near(home, 0, 16, power=0.4) for _ in range(6)])
    parts = []
    for hour, share in ((7.0, 0.65), (17.5, 0.5)):
        who, day = setting.days_with(np.full((len(vehicle), 1), share) * ALL_WEEK)
        stops = setting.rng.permuted(clients[who], axis=1)[:, :5]
        stays = setting.about(32 * 60, 0.35, stops.shape)
        parts.append(chain(setting.roads, vehicle[who], home[who], setting.clock(day, hour, 25), stops, stays))
    return join(parts)


def night_nurse(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Hospital nights, in blocks: out at seven in the evening, back at eight in the morning."""
    hospital = setting.near(home, 5, 60, power=1.0)
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.48) * ALL_WEEK)
    start = setting.clock(day, 18.9, 15)
    stay = setting.rng.normal(12.3 * HOUR, 900, len(who))
    return chain(setting.roads, vehicle[who], home[who], start, column(hospital[who]), column(stay))


def rep(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """One to three sales calls in towns 40 to 200 km away, an hour or so each, sometimes with a night away."""
    area = np.column_stack([setting.near(home, 40, 200, power=0.6) for _ in range(5)])
    chance = setting.rng.uniform(0.45, 0.8, (len(vehicle), 1))
    who, day = setting.days_with(chance * WEEKDAYS)
    first = area[who, setting.rng.integers(0, 5, len(who))]
    stops = np.column_stack([first, setting.near(first, 5, 60), setting.near(first, 0, 60)])
    number = setting.rng.integers(1, 4, len(who))
    stops[np.arange(3) >= number[:, None]] = -1
    stays = setting.about(70 * 60, 0.5, stops.shape)
    night = setting.rng.random(len(who)) < 0.15
    stays[night, 0] += 15 * HOUR
    return chain(setting.roads, vehicle[who], home[who], setting.clock(day, 8.3, 60), stops, stays)


def haulier(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Long haul: two to three drops far away, early starts, often a night out."""
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.8) * np.array([1, 1, 1, 1, 1, 0.5, 0.2]))
    first = setting.near(home[who], 80, 380)
    stops = np.column_stack([first, setting.near(first, 20, 150), setting.near(home[who], 20, 200)])
    number = setting.rng.integers(1, 4, len(who))
    stops[np.arange(3) >= number[:, None]] = -1
    stays = setting.about(62 * 60, 0.45, stops.shape)
    night = setting.rng.random(len(who)) < 0.35
    stays[night, 0] += 10 * HOUR
    start = setting.clock(day, setting.rng.choice([3.5, 5.0, 6.5, 20.0], len(who), p=[0.3, 0.35, 0.25, 0.1]), 40)
    return chain(setting.roads, vehicle[who], home[who], start, stops, stays)


def contractor(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Away from Monday to Thursday on a site 80 to 280 km off, with short drives there; home at the weekend."""
    site = setting.near(home, 80, 280, power=0.5)
    moved = setting.near(home, 80, 280, power=0.5)
    who, day = setting.days_with(np.full((len(vehicle), 1), 0.85) * np.array([1, 0, 0, 0, 0, 0, 0]))
    goal = np.where(day > setting.world.days * 0.6, moved[who], site[who])
    nights = setting.rng.integers(2, 5, len(who))
    stops = np.repeat(goal[:, None], 10, axis=1)
    stops[np.arange(10) >= (2 * nights + 1)[:, None]] = -1
    stays = np.tile([9.0 * HOUR, 14.4 * HOUR], (len(who), 5)) + setting.rng.normal(0, 1500, stops.shape)
    return chain(setting.roads, vehicle[who], home[who], setting.clock(day, 6.0, 40), stops, stays)
