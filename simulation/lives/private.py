"""Lives that travel for themselves: errands, visits, students, weekend families, tourists.

Every private car runs errands and now and then makes a visit of over 60 km, so that no such trip is remarkable alone.
"""

from __future__ import annotations

import numpy as np

from simulation.lives.setting import ALL_WEEK, Ints, Setting, column
from simulation.tours import HOUR, Tours, chain, join

ERRAND_HOURS = np.array([0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1, 3, 5, 6, 7, 7, 7, 6, 6, 7, 7, 8, 7, 5, 3, 2, 1, 0.5])
# Saturday and Sunday are for visits
VISIT_DAYS = np.array([0.5, 0.5, 0.5, 0.6, 0.9, 2.2, 1.8])
EASTER = ((3, 27), (4, 12))


def errands(setting: Setting, vehicle: Ints, home: Ints, per_day: float) -> Tours:
    """Shops, school, friends: in town or in a near place, at any hour but mostly by day."""
    usual = np.column_stack([home, setting.near(home, 0, 12), setting.near(home, 3, 30)])
    parts = []
    for chance in (min(per_day, 1.0) * 0.7, min(per_day, 1.4) * 0.3):
        who, day = setting.days_with(np.full((len(vehicle), 1), chance) * ALL_WEEK)
        hours = setting.rng.choice(24, len(who), p=ERRAND_HOURS / ERRAND_HOURS.sum())
        goal = usual[who, setting.rng.choice(3, len(who), p=[0.5, 0.3, 0.2])]
        start = setting.clock(day, hours + setting.rng.random(len(who)), 0)
        stay = setting.about(48 * 60, 0.9, len(who))
        parts.append(chain(setting.roads, vehicle[who], home[who], start, column(goal), column(stay)))
    return join(parts)


def visits(setting: Setting, vehicle: Ints, home: Ints, per_week: float) -> Tours:
    """Day trips and visits of over 60 km: half to the same relatives, some overnight, some only to fetch something."""
    relatives = setting.near(home, 60, 230)
    who, day = setting.days_with(np.full((len(vehicle), 1), per_week / 7) * VISIT_DAYS)
    elsewhere = setting.near(home[who], 60, 200, power=0.5)
    goal = np.where(setting.rng.random(len(who)) < 0.5, relatives[who], elsewhere)
    kind = setting.rng.choice(3, len(who), p=[0.55, 0.25, 0.2])
    stay = np.choose(
        kind,
        [
            setting.about(4 * HOUR, 0.4, len(who)),
            setting.about(26 * HOUR, 0.4, len(who)),
            setting.about(40 * 60, 0.5, len(who)),
        ],
    )
    start = setting.clock(day, setting.rng.normal(11.5, 3.2, len(who)).clip(5, 21), 0)
    return chain(setting.roads, vehicle[who], home[who], start, column(goal), column(stay))


def student(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Lives in a university city; some weekends and most of the Easter vacation with the parents far away."""
    parents = setting.near(home, 60, 280, power=0.5)
    chance = setting.rng.uniform(0.15, 0.6, (len(vehicle), 1))
    who, day = setting.days_with(chance * np.array([0, 0, 0, 0, 1, 0, 0]))
    start = setting.clock(day, 15.5, 90)
    weekends = stay_away(setting, vehicle[who], home[who], start, parents[who], np.full(len(who), 2))
    first, last = setting.day_of(*EASTER[0]), setting.day_of(*EASTER[1])
    if not 0 <= first < setting.world.days:
        return weekends
    goes = np.flatnonzero(setting.rng.random(len(vehicle)) < 0.8)
    leave = first + setting.rng.integers(-2, 4, len(goes))
    nights = np.full(len(goes), last - first) - setting.rng.integers(0, 6, len(goes))
    vacation = stay_away(setting, vehicle[goes], home[goes], setting.clock(leave, 12, 120), parents[goes], nights)
    return join([vacation, weekends])


def weekend_family(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """Two parents in two towns: handed over with a stop of minutes on Friday and Sunday, or kept for the weekend."""
    other = setting.near(home, 55, 210, power=0.6)
    handover = setting.rng.random(len(vehicle)) < 0.6
    every = setting.rng.choice([1, 2], len(vehicle), p=[0.3, 0.7])
    fridays = np.arange(setting.first(4), setting.world.days, 7)
    who, week = np.nonzero(
        ((np.arange(len(fridays)) + np.arange(len(vehicle))[:, None]) % every[:, None] == 0)
        & (setting.rng.random((len(vehicle), len(fridays))) < 0.92)
    )
    friday = fridays[week]
    brings = handover[who]
    parts = []
    for offset, hour in ((0, 17.2), (2, 16.4)):
        stay = setting.about(24 * 60, 0.5, int(brings.sum()))
        start = setting.clock(friday[brings] + offset, hour, 40)
        car = who[brings]
        parts.append(chain(setting.roads, vehicle[car], home[car], start, column(other[car]), column(stay)))
    keeps = who[~brings]
    start = setting.clock(friday[~brings], 17.0, 50)
    parts.append(stay_away(setting, vehicle[keeps], home[keeps], start, other[keeps], np.full(len(keeps), 2)))
    midweek, day = setting.days_with((handover * 0.25)[:, None] * np.array([0, 0, 1, 0, 0, 0, 0]))
    start = setting.clock(day, 16.8, 40)
    stay = setting.about(70 * 60, 0.5, len(midweek))
    parts.append(chain(setting.roads, vehicle[midweek], home[midweek], start, column(other[midweek]), column(stay)))
    return join(parts)


def tourist(setting: Setting, vehicle: Ints, home: Ints) -> Tours:
    """One or two holidays of days or weeks far from home, with drives there."""
    parts = []
    for share, longest in ((1.0, 15), (0.5, 6)):
        goes = np.flatnonzero(setting.rng.random(len(vehicle)) < share)
        leave = setting.rng.integers(0, max(setting.world.days - 2, 1), len(goes))
        place = setting.near(home[goes], 90, 420, power=0.2, most=120_000)
        nights = setting.rng.integers(2, longest, len(goes))
        start = setting.clock(leave, 10, 120)
        parts.append(stay_away(setting, vehicle[goes], home[goes], start, place, nights))
    return join(parts)


def stay_away(setting: Setting, vehicle: Ints, base: Ints, start: Ints, place: Ints, nights: Ints) -> Tours:
    """A stay of some nights with one drive or so a day, in the place or near it."""
    most = int(nights.max(initial=1)) + 1
    drives = np.column_stack([setting.near(place, 0, 25, power=0.4) for _ in range(min(most, 6))])
    stops = drives[:, np.arange(most) % drives.shape[1]]
    stops[setting.rng.random(stops.shape) < 0.4] = -2
    stops = np.where(stops == -2, place[:, None], stops)
    stops[:, 0] = place
    stops[np.arange(most) > nights[:, None]] = -1
    stays = setting.rng.normal(21.5 * HOUR, 3 * HOUR, stops.shape).clip(HOUR)
    return chain(setting.roads, vehicle, base, start, stops, stays)
