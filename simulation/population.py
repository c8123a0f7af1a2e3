"""The vehicles of a world: lives, homes, plates, clones; and the tours that they make.

Belongs here: who exists, and putting main tours, visits and errands together. Does not: the lives themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulation.dice import dice
from simulation.knobs import TravelEvent
from simulation.lives import hire, private, running, working
from simulation.lives.county_lines import Line, plan_lines
from simulation.lives.pairs import KINDS, Pairs, as_partner, joint_tours, pair_up
from simulation.lives.setting import Ints, Setting
from simulation.places import Places
from simulation.plates import make_new_plates, make_plates
from simulation.roads import Roads
from simulation.tours import DAY, HOUR, Tours, fit_between, join, keep, no_tours, without_overlap
from simulation.world import World

MAIN = {
    "commuter": working.commuter,
    "long_commuter": working.long_commuter,
    "courier": working.courier,
    "taxi": working.taxi,
    "carer": working.carer,
    "night_nurse": working.night_nurse,
    "rep": working.rep,
    "student": private.student,
    "weekend_family": private.weekend_family,
    "haulier": working.haulier,
    "contractor": working.contractor,
    "tourist": private.tourist,
    "hire": hire.hire,
}
# how much of a private car's errands and visits each life leaves room for; 1 where not named
LEISURE = {"courier": 0.3, "taxi": 0.3, "haulier": 0.0, "hire": 0.0, "rep": 0.7, "county_lines": 0.6}
COMMUTES = ("commuter", "long_commuter", "rep")
BLOCK = 20_000
CLONE_KM = 150.0


@dataclass(frozen=True)
class Population:
    """Every vehicle; arrays have one entry per vehicle: innocents, county lines vehicles, then clones.

    Args:
        life: Index into `lives`.
        home: Place where it is kept.
        plate: Index into `plates`; a clone has the index of the vehicle that it copies.
        hired: Whether it belongs to a hire company.
        clone_of: The vehicle whose plate it carries, or -1.
        clone_from: The day from which it does.
        lines: The county lines.
        pairs: Vehicles that travel two by two; their lives have the names of `pairs.KINDS`.
        first_line_vehicle: Index of the first county lines vehicle.
    """

    lives: tuple[str, ...]
    life: Ints
    home: Ints
    plate: Ints
    hired: NDArray[np.bool_]
    clone_of: Ints
    clone_from: Ints
    plates: NDArray[np.bytes_]
    formats: tuple[str, ...]
    lines: tuple[Line, ...]
    pairs: Pairs
    first_line_vehicle: int
    first_clone: int

    def __len__(self) -> int:
        return len(self.life)


def settle(world: World, places: Places, roads: Roads, seed: int) -> Population:
    """Draw the vehicles of a world: county lines first, innocents up to the number wanted, then clones of some."""
    wanted = round(world.vehicles.count * world.county_lines.prevalence)
    lines = plan_lines(Setting(world, places, roads, dice(seed, "lines")), wanted)
    line_vehicles = 1 + max((seat.vehicle for line in lines for seat in line.seats), default=-1)
    innocents = max(world.vehicles.count - line_vehicles, 0)
    shares = world.lives.model_dump()
    lives = (*shares, "county_lines")
    rng = dice(seed, "population")
    life = rng.choice(len(shares), innocents, p=np.array(list(shares.values())) / sum(shares.values()))
    home = _homes(world, places, innocents, rng)
    life = np.concatenate([life, np.full(line_vehicles, len(shares))])
    home = np.concatenate([home, _line_homes(lines, line_vehicles)])
    hired = life == list(shares).index("hire")
    for line in lines:
        for seat in line.seats:
            hired[innocents + seat.vehicle] = line.hired
    originals = np.flatnonzero(rng.random(len(life)) < world.faults.clone_share)
    plates, formats = _plates(world, hired, rng)
    others = rng.choice([0, 1, lives.index("courier")], len(originals))
    far_homes = _far_homes(places, home[originals], world, rng)
    pairs = pair_up(world, np.setdiff1d(np.flatnonzero(life[:innocents] == 0), originals), seed)
    if len(pairs):
        lives = (*lives, *KINDS)
        for members in (pairs.lead, pairs.partner):
            life[members] = len(shares) + 1 + pairs.kind
        home[pairs.partner] = home[pairs.lead]
    return Population(
        lives=lives,
        life=np.concatenate([life, others]),
        home=np.concatenate([home, far_homes]),
        plate=np.concatenate([np.arange(len(life)), originals]),
        hired=np.concatenate([hired, np.zeros(len(originals), dtype=bool)]),
        clone_of=np.concatenate([np.full(len(life), -1), originals]),
        clone_from=np.concatenate(
            [np.zeros(len(life), dtype=np.int64), rng.integers(0, max(world.days // 2, 1), len(originals))]
        ),
        plates=plates,
        formats=formats,
        lines=lines,
        pairs=pairs,
        first_line_vehicle=innocents,
        first_clone=len(life),
    )


def blocks(population: Population) -> list[tuple[str, Ints]]:
    """The vehicles in blocks of one life each, small enough to work on at once."""
    found: list[tuple[str, Ints]] = []
    for index, life in enumerate(population.lives):
        members = np.flatnonzero(population.life == index)
        # who travels together is simulated together
        size = max(len(members), 1) if life in KINDS else BLOCK
        found += [(life, members[at : at + size]) for at in range(0, len(members), size)]
    return found


def tours_of(
    world: World, places: Places, roads: Roads, population: Population, life: str, vehicle: Ints, seed: int, part: int
) -> Tours:
    """All tours of a block of vehicles of one life, none overlapping another of the same vehicle."""
    setting = Setting(world, places, roads, dice(seed, f"life {life}", part))
    # events throw their own dice, so that whom they do not touch lives as without them
    eventful = replace(setting, rng=dice(seed, f"events {life}", part))
    home = population.home[vehicle]
    if life in KINDS:
        lead, partner = leads_of(population, life)
        joint = _driven_together(setting, population, life)
        main = join([joint, as_partner(joint, lead, partner)])
    elif life == "county_lines":
        main = running.run_lines(setting, population.lines, population.first_line_vehicle)
        main = _with_other_hires(setting, population, main, vehicle)
    else:
        main = MAIN[life](setting, vehicle, home) if life in MAIN else no_tours()
    main = without_overlap(_stay_home(eventful, population, main, life))
    leisure = LEISURE.get(life, 1.0)
    if leisure == 0:
        return main
    knobs = world.vehicles
    visits = join(
        [
            private.visits(setting, vehicle, home, knobs.long_visits_per_week * leisure),
            *_more_visits(eventful, population, vehicle, leisure),
        ]
    )
    visits = without_overlap(fit_between(_later(setting, population, visits), main))
    taken = join([main, visits])
    errands = _later(setting, population, private.errands(setting, vehicle, home, knobs.errands_per_day * leisure))
    errands = without_overlap(fit_between(errands, taken))
    every = join([taken, errands])
    return keep(every, _serves(setting, population, every)) if life == "county_lines" else every


def leads_of(population: Population, kind: str) -> tuple[Ints, Ints]:
    """Leads and partners of one kind of pairs."""
    own = population.pairs.kind == KINDS.index(kind)
    return population.pairs.lead[own], population.pairs.partner[own]


def joint_and_alone(
    world: World, places: Places, roads: Roads, population: Population, kind: str, tours: Tours, seed: int, part: int
) -> tuple[Tours, Tours]:
    """The joint tours of one kind of pairs, as the leads drive them; and of all `tours` those that one drives alone."""
    # the same dice as in `tours_of`, where the joint tours are the first to be thrown
    setting = Setting(world, places, roads, dice(seed, f"life {kind}", part))
    joint = _driven_together(setting, population, kind)
    both = join([joint, as_partner(joint, *leads_of(population, kind))])
    horizon = 2 * DAY * (world.days + 1)
    shared = np.isin(tours.vehicle * horizon + tours.start, both.vehicle * horizon + both.start)
    return joint, keep(tours, ~shared)


def _driven_together(setting: Setting, population: Population, kind: str) -> Tours:
    lead, _ = leads_of(population, kind)
    return without_overlap(joint_tours(setting, kind, lead, population.home[lead]))


def _homes(world: World, places: Places, count: int, rng: np.random.Generator) -> Ints:
    inside = places.in_rocus(world.rocus)
    outside = rng.random(count) < world.vehicles.outside_share
    homes = np.empty(count, dtype=np.int64)
    for chosen, where in ((~outside, inside), (outside, ~inside if (~inside).any() else inside)):
        # large cities are one place in the gazetteer, and their people drive less
        mass = np.where(where, places.population**0.85, 0.0)
        homes[chosen] = rng.choice(len(mass), int(chosen.sum()), p=mass / mass.sum())
    return homes


def _line_homes(lines: tuple[Line, ...], count: int) -> Ints:
    homes = np.zeros(count, dtype=np.int64)
    for line in lines:
        for seat in line.seats:
            homes[seat.vehicle] = line.town if line.mode == "cuckooing" else line.hub
    return homes


def _plates(
    world: World, hired: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.bytes_], tuple[str, ...]]:
    plates, formats = make_plates(len(hired), world.vehicles.old_plate_share, world.start, rng)
    plates[hired] = make_new_plates(int(hired.sum()), world.start, plates, rng)
    return plates, tuple("current" if new else kind for new, kind in zip(hired, formats, strict=True))


def _far_homes(places: Places, homes: Ints, world: World, rng: np.random.Generator) -> Ints:
    inside = places.in_rocus(world.rocus)
    found = np.empty(len(homes), dtype=np.int64)
    for row, home in enumerate(homes):
        far = np.hypot(*(places.xy - places.xy[home]).T) >= CLONE_KM
        mass = np.where(far & inside if (far & inside).any() else far, places.population, 0.0)
        found[row] = rng.choice(len(mass), p=mass / mass.sum())
    return found


def _with_other_hires(setting: Setting, population: Population, main: Tours, vehicle: Ints) -> Tours:
    cars = vehicle[population.hired[vehicle]]
    if not len(cars):
        return main
    first, last = _service(population)
    own = cars - population.first_line_vehicle
    reserved = replace(no_tours(), vehicle=cars, start=first[own] * DAY - 6 * HOUR, finish=last[own] * DAY + 6 * HOUR)
    others = without_overlap(hire.hire(setting, cars, population.home[cars]))
    return join([main, fit_between(others, reserved)])


def _service(population: Population) -> tuple[Ints, Ints]:
    """First and last day (half-open) on which each county lines vehicle serves its line."""
    size = population.first_clone - population.first_line_vehicle
    first, last = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for line in population.lines:
        for seat in line.seats:
            first[seat.vehicle], last[seat.vehicle] = seat.first_day, seat.last_day
    return first, last


def _serves(setting: Setting, population: Population, tours: Tours) -> NDArray[np.bool_]:
    """Leave out the errands and visits of county lines vehicles at a base that they have just left."""
    fine = np.ones(len(tours), dtype=bool)
    for line in population.lines:
        event = running.turns_inside(setting, line)
        if event is None or line.mode == "cuckooing":
            continue
        first = (event.start - setting.world.start).days * DAY
        for seat in line.seats:
            own = (tours.vehicle == population.first_line_vehicle + seat.vehicle) & (tours.start >= first)
            fine &= ~(own & (tours.goal != line.town))
    return fine


def _in_event(setting: Setting, population: Population, event: TravelEvent, tours: Tours) -> NDArray[np.bool_]:
    kept_there = setting.places.in_rocus((event.rocu,))[population.home[tours.vehicle]]
    day = tours.start // DAY
    first, last = (event.start - setting.world.start).days, (event.end - setting.world.start).days
    return np.asarray(kept_there & (day >= first) & (day <= last))


def _travel_events(setting: Setting) -> list[TravelEvent]:
    return [event for event in setting.world.events if isinstance(event, TravelEvent)]


def _stay_home(setting: Setting, population: Population, main: Tours, life: str) -> Tours:
    if life not in COMMUTES:
        return main
    for event in _travel_events(setting):
        lucky = setting.rng.random(len(main)) < event.commute_share
        main = keep(main, lucky | ~_in_event(setting, population, event, main))
    return main


def _later(setting: Setting, population: Population, tours: Tours) -> Tours:
    for event in _travel_events(setting):
        shift = (_in_event(setting, population, event, tours) * event.hours_later * HOUR).astype(np.int64)
        tours = replace(
            tours,
            start=tours.start + shift,
            finish=tours.finish + shift,
            leg_start=tours.leg_start + shift[tours.leg_tour],
        )
    return tours


def _more_visits(setting: Setting, population: Population, vehicle: Ints, leisure: float) -> list[Tours]:
    parts = []
    for event in _travel_events(setting):
        per_week = setting.world.vehicles.long_visits_per_week * leisure * (event.long_visits_factor - 1)
        more = private.visits(setting, vehicle, population.home[vehicle], per_week)
        parts.append(keep(more, _in_event(setting, population, event, more)))
    return parts
