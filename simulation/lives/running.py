"""The days of a county line: runs, stays and restocking, and how dated events change them.

Belongs here: tours of county lines vehicles. Does not: which lines exist (`county_lines`). Lines are few, so each is
walked through day by day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulation.knobs import BehaviourEvent
from simulation.lives.county_lines import Line
from simulation.lives.setting import Setting
from simulation.tours import DAY, HOUR, Tours, chain, join, keep

WEEK_OFF = 0.07


@dataclass(frozen=True)
class _Mood:
    """How a line travels on one day."""

    base: int
    hub: int
    runs_per_week: float
    stay_minutes: float
    hour: float


@dataclass
class _Diary:
    """Tours of one line while they are being collected."""

    base: list[int]
    start: list[float]
    stops: list[list[int]]
    stays: list[list[float]]
    variant: list[int]

    def add(self, base: int, start: float, stops: list[int], stays: list[float], variant: int) -> None:
        self.base.append(base)
        self.start.append(start)
        self.stops.append(stops)
        self.stays.append(stays)
        self.variant.append(variant)


def run_lines(setting: Setting, lines: tuple[Line, ...], first_vehicle: int) -> Tours:
    """The tours of all lines, by the vehicles that serve them; `first_vehicle` is the index of the first of these."""
    parts = []
    for line in lines:
        lead = _tours(setting, line)
        parts += [_driven(setting, line, lead, seat.follower, first_vehicle) for seat in line.seats[:1]]
        if line.convoy:
            parts.append(_driven(setting, line, lead, True, first_vehicle))
    return join(parts)


def turns_inside(setting: Setting, line: Line) -> BehaviourEvent | None:
    """The event by which this line turns to a hub inside the town's force, if there is one."""
    for event in setting.world.events:
        if isinstance(event, BehaviourEvent) and event.rocu == line.rocu:
            # a line's own number spreads the choice evenly over the region's lines
            turn = (line.line // len(setting.world.rocus) * 0.618) % 1.0
            if turn < event.inside_force_share:
                return event
    return None


def _driven(setting: Setting, line: Line, lead: Tours, follower: bool, first_vehicle: int) -> Tours:
    vehicle = np.full(len(lead), -1, dtype=np.int64)
    for seat in line.seats:
        if seat.follower == follower:
            inside = (lead.start >= seat.first_day * DAY) & (lead.start < seat.last_day * DAY)
            vehicle[inside] = first_vehicle + seat.vehicle
    delay = setting.rng.integers(40, 260, len(lead)) if follower else np.zeros(len(lead), dtype=np.int64)
    driven = replace(
        lead,
        vehicle=vehicle,
        start=lead.start + delay,
        finish=lead.finish + delay,
        leg_start=lead.leg_start + delay[lead.leg_tour],
    )
    return keep(driven, vehicle >= 0)


def _tours(setting: Setting, line: Line) -> Tours:
    diary = _Diary([], [], [], [], [])
    {"commuting": _commute, "holidaying": _holiday, "cuckooing": _cuckoo}[line.mode](setting, line, diary)
    if not diary.base:
        diary.add(line.hub, line.first_day * DAY + 12 * HOUR, [line.town], [HOUR], 0)
    most = max(len(stops) for stops in diary.stops)
    stops = np.full((len(diary.base), most), -1, dtype=np.int64)
    stays = np.zeros(stops.shape)
    for row, (places, seconds) in enumerate(zip(diary.stops, diary.stays, strict=True)):
        stops[row, : len(places)] = places
        stays[row, : len(places)] = seconds
    base = np.array(diary.base, dtype=np.int64)
    start = np.array(diary.start).astype(np.int64)
    return chain(setting.roads, np.zeros(len(base)), base, start, stops, stays, np.array(diary.variant))


def _mood(setting: Setting, line: Line, day: int) -> _Mood:
    runs, stay, hour, hub = line.runs_per_week, line.stay_minutes, line.hour, line.hub
    for event in setting.world.events:
        if not isinstance(event, BehaviourEvent) or event.rocu != line.rocu:
            continue
        if (event.start - setting.world.start).days <= day <= (event.end - setting.world.start).days:
            runs, stay, hour = runs * event.runs_factor, stay * event.stay_factor, hour + event.hours_later
            hub = line.hub_inside if turns_inside(setting, line) is event else hub
    return _Mood(line.town if line.mode == "cuckooing" else hub, hub, runs, stay, hour)


def _run_days(setting: Setting, line: Line) -> list[int]:
    """Days with a run: fixed weekdays for a regular line, otherwise as chance will."""
    rng, days = setting.rng, []
    order = [int(day) for day in rng.permutation(7)]
    resting = False
    for day in range(line.first_day, line.last_day):
        if day % 7 == 0:
            resting = rng.random() < WEEK_OFF
        runs = _mood(setting, line, day).runs_per_week
        chance = min(max(runs - order.index(day % 7), 0.0), 1.0) * 0.94 if line.regular else min(runs / 7, 0.97)
        if not resting and rng.random() < chance:
            days.append(day)
    return days


def _start(setting: Setting, line: Line, day: int, hour: float) -> float:
    return day * DAY + hour * HOUR + float(setting.rng.normal(0, 45 if line.regular else 140)) * 60


def _route(setting: Setting, line: Line) -> int:
    return int(setting.rng.integers(0, 3)) if line.alternating else 0


def _commute(setting: Setting, line: Line, diary: _Diary) -> None:
    for day in _run_days(setting, line):
        mood = _mood(setting, line, day)
        stops = [line.town, line.second_town] if setting.rng.random() < 0.25 else [line.town]
        stays = [float(value) * 60 for value in setting.about(mood.stay_minutes, 0.5, len(stops))]
        diary.add(mood.base, _start(setting, line, day, mood.hour), stops, stays, _route(setting, line))


def _holiday(setting: Setting, line: Line, diary: _Diary) -> None:
    rng = setting.rng
    day = line.first_day + int(rng.integers(0, 4))
    usual = int(rng.integers(2, 11))
    while day < line.last_day - 2:
        mood = _mood(setting, line, day)
        # more runs in a week are shorter stays
        scale = line.runs_per_week / mood.runs_per_week
        nights = usual if line.regular else int(rng.integers(1, 14))
        nights = int(np.clip(round(nights * scale), 1, 20))
        drives = 1 + nights * int(rng.integers(2, 4))
        stops = [line.second_town if rng.random() < 0.12 else line.town for _ in range(drives)]
        stops[0] = line.town
        stays = rng.dirichlet(np.full(drives, 2.0)) * nights * DAY
        diary.add(mood.base, _start(setting, line, day, mood.hour), stops, stays.tolist(), _route(setting, line))
        day += nights + 1 + int(rng.integers(0, 5))


def _cuckoo(setting: Setting, line: Line, diary: _Diary) -> None:
    rng = setting.rng
    runs = set(_run_days(setting, line)[::2])
    for day in range(line.first_day, line.last_day):
        mood = _mood(setting, line, day)
        if day in runs:
            stay = float(setting.about(mood.stay_minutes, 0.5, 1)[0]) * 60
            diary.add(line.town, _start(setting, line, day, mood.hour), [mood.hub], [stay], _route(setting, line))
        for _ in range(int(rng.poisson(1.6))):
            goal = line.second_town if rng.random() < 0.15 else line.town
            start = day * DAY + float(rng.normal(18.5, 4.0)) * HOUR
            diary.add(line.town, start, [goal], [float(rng.exponential(0.4)) * HOUR + 300], 0)
