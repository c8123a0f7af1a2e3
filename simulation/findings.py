"""What analysts find: which vehicles they review, when they decide, and how often they are wrong.

Reviewed vehicles are no fair sample: most come from the top of a simple ranking (long trips there and back) or from
intelligence, so the innocent among them are the look-alikes. Belongs here: choosing and deciding. Does not: any model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from simulation.delivery import PLAIN_CSV
from simulation.dice import dice
from simulation.faults import CLONE, MALFORMED, MISREAD, Rows
from simulation.lives.setting import Ints, date_of
from simulation.population import Population
from simulation.tours import DAY, HOUR, Tours
from simulation.world import World

WINDOW_WEEKS = 4
LEAST_READS = 4
LONG_KM = 60.0
SHORT_STAY = 5 * HOUR
ANALYSTS = ("analyst-a", "analyst-b", "analyst-c", "analyst-d", "analyst-e")
REASONS = ("ranked", "random", "intelligence")


@dataclass(frozen=True)
class Habits:
    """What each vehicle did in each week that ends on a Sunday.

    Args:
        long_trips: Tours of over 60 km with a stay under five hours, shape (vehicles, weeks).
        line_runs: Tours on a county line, same shape.
    """

    long_trips: NDArray[np.uint16]
    line_runs: NDArray[np.uint16]

    def count(self, world: World, tours: Tours, on_line: NDArray[np.bool_]) -> None:
        """Add the tours of a block; `on_line` says which of them served a line."""
        week = week_of(world, (tours.start // DAY).clip(0, world.days - 1))
        # a stay of days touches every week until its end
        last = week_of(world, (tours.finish // DAY).clip(0, world.days - 1))
        long = (tours.far_km >= LONG_KM) & (tours.stay < SHORT_STAY)
        np.add.at(self.long_trips, (tours.vehicle[long], week[long]), 1)
        for extra in range(int((last - week).max(initial=0)) + 1):
            touched = on_line & (week + extra <= last)
            np.add.at(self.line_runs, (tours.vehicle[touched], week[touched] + extra), 1)


@dataclass(frozen=True)
class Findings:
    """Dispositions, one per row; `known` is whether the decision fell inside the world and so was delivered."""

    rocu: Ints
    vehicle: Ints
    week: Ints
    finding: NDArray[np.str_]
    decided: Ints
    decided_by: NDArray[np.str_]
    selected_by: NDArray[np.str_]
    active: NDArray[np.bool_]
    known: NDArray[np.bool_]


def week_of(world: World, day: NDArray[np.integer]) -> Ints:
    """Number of the week, ending on Sunday, of each day of the world."""
    return np.asarray((day + world.start.weekday()) // 7)


def sundays(world: World) -> Ints:
    """Days of the world on which reviewed windows end."""
    first = 6 - world.start.weekday()
    days = np.arange(first, world.days, 7)
    return days[days + 1 >= world.dispositions.first_window_days]


def no_habits(world: World, population: Population) -> Habits:
    """Nothing done yet."""
    weeks = int(week_of(world, np.array([world.days - 1]))[0]) + 1
    shape = (len(population), weeks)
    return Habits(np.zeros(shape, dtype=np.uint16), np.zeros(shape, dtype=np.uint16))


def count_reads(world: World, population: Population, rows: Rows) -> NDArray[np.uint16]:
    """Reads of each vehicle under its own VRM, shape (weeks, vehicles)."""
    weeks = int(week_of(world, np.array([world.days - 1]))[0]) + 1
    counts = np.zeros((weeks, population.first_clone), dtype=np.uint16)
    good = (rows.flags & (MISREAD | CLONE | MALFORMED)) == 0
    vehicle, week = rows.vehicle[good], week_of(world, rows.second[good] // DAY)
    for number in range(weeks):
        seen = np.bincount(vehicle[week == number], minlength=population.first_clone)
        counts[number] = np.minimum(seen, np.iinfo(np.uint16).max)
    return counts


def over_window(values: NDArray[np.uint16], week: int, axis: int) -> Ints:
    """Sum over the four weeks that end with this one."""
    span = np.arange(max(week - WINDOW_WEEKS + 1, 0), week + 1)
    return np.asarray(values.take(span, axis=axis).sum(axis=axis, dtype=np.int64))


def find(world: World, population: Population, habits: Habits, reads: list[NDArray[np.uint16]], seed: int) -> Findings:
    """Let the analysts of each ROCU review vehicles week by week; `reads` has the counts of each ROCU."""
    rng = dice(seed, "findings")
    parts: list[tuple[NDArray[Any], ...]] = []
    for rocu in range(len(world.rocus)):
        reviewed = np.full(population.first_clone, -100)
        for sunday in sundays(world):
            week = int(week_of(world, np.array([sunday]))[0])
            seen = over_window(reads[rocu], week, 0) >= LEAST_READS
            runs = over_window(habits.line_runs[: population.first_clone], week, 1)
            long_trips = over_window(habits.long_trips[: population.first_clone], week, 1)
            free = seen & (week - reviewed >= world.dispositions.repeat_weeks)
            chosen, reason = _choose(world, free, runs > 0, long_trips, rng)
            reviewed[chosen] = week
            parts.append((np.full(len(chosen), rocu), chosen, np.full(len(chosen), sunday), reason, runs[chosen] > 0))
    rocus, vehicle, sunday, reason, active = (
        np.concatenate(column) if parts else np.zeros(0, dtype=np.int64) for column in _columns(parts)
    )
    wait = np.exp(rng.normal(np.log(world.dispositions.delay_days), 0.6, len(rocus)))
    decided = (sunday + 1 + wait).astype(np.int64) * DAY + rng.integers(9 * HOUR, 17 * HOUR, len(rocus))
    return Findings(
        rocu=rocus,
        vehicle=vehicle,
        week=sunday,
        finding=decide(world, active.astype(bool), rng),
        decided=decided,
        decided_by=np.array(ANALYSTS)[rng.integers(0, len(ANALYSTS), len(rocus))],
        selected_by=np.array(REASONS)[reason],
        active=active.astype(bool),
        known=decided < world.days * DAY,
    )


def write_findings(world: World, population: Population, findings: Findings, times: pa.Array, out: Path) -> None:
    """Write the delivered dispositions, one file per ROCU and week of decision, named by that week's Sunday."""
    decision_week = week_of(world, findings.decided // DAY)
    order = np.lexsort((findings.vehicle, findings.decided, decision_week, findings.rocu))
    order = order[findings.known[order]]
    group = np.column_stack([findings.rocu, decision_week])[order]
    for rocu, week in sorted({(int(a), int(b)) for a, b in group}):
        rows = order[(group == (rocu, week)).all(axis=1)]
        last = min(week * 7 + 6 - world.start.weekday(), world.days - 1)
        path = out / world.rocus[rocu] / "dispositions" / f"{date_of(world, last)}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = findings_table(world, population, findings, times, rows)
        pa.csv.write_csv(table, path, PLAIN_CSV)


def findings_table(world: World, population: Population, findings: Findings, times: pa.Array, rows: Ints) -> pa.Table:
    """Some of the dispositions, with the columns that a ROCU sends."""
    return pa.table(
        {
            "vrm": population.plates[findings.vehicle[rows]].astype(str),
            "window_end": [date_of(world, day) for day in findings.week[rows]],
            "finding": findings.finding[rows],
            "decided_at": times.take(pa.array(rows)),
            "decided_by": findings.decided_by[rows],
            "selected_by": findings.selected_by[rows],
        }
    )


def _columns(parts: list[tuple[NDArray[Any], ...]]) -> Iterable[tuple[NDArray[Any], ...]]:
    return zip(*parts, strict=True) if parts else [()] * 5


def _choose(
    world: World, free: NDArray[np.bool_], active: NDArray[np.bool_], long_trips: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    knobs = world.dispositions
    weights = np.array([knobs.ranked, knobs.random, knobs.intelligence])
    number = rng.multinomial(knobs.reviews_per_week, weights / weights.sum()) if weights.sum() else np.zeros(3, int)
    hits = int(rng.binomial(number[2], knobs.intelligence_hit_share))
    left = free.copy()
    picks: list[tuple[Ints, int]] = []
    # intelligence comes first: what it asks for is looked at, whatever the ranking says
    for pool, many, reason in (
        (active, hits, 2),
        (~active & (long_trips > 0), int(number[2]) - hits, 2),
        (None, int(number[0]), 0),
        (np.ones(len(free), dtype=bool), int(number[1]), 1),
    ):
        if pool is None:
            chosen = _top(left, long_trips, many, rng)
        else:
            candidates = np.flatnonzero(left & pool)
            chosen = rng.choice(candidates, min(many, len(candidates)), replace=False)
        left[chosen] = False
        picks.append((np.sort(chosen), reason))
    reasons = np.concatenate([np.full(len(chosen), reason) for chosen, reason in picks])
    return np.concatenate([chosen for chosen, _ in picks]), reasons


def _top(left: NDArray[np.bool_], long_trips: Ints, many: int, rng: np.random.Generator) -> Ints:
    candidates = np.flatnonzero(left)
    # people weigh other things too, so the order is the ranking's only roughly
    score = np.log1p(long_trips[candidates]) + rng.gumbel(0, 0.5, len(candidates))
    return candidates[np.argsort(-score, kind="stable")[:many]]


def decide(world: World, active: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.str_]:
    """What analysts conclude of each; `active` is the truth."""
    knobs = world.dispositions
    luck = rng.random(len(active))
    wrong = luck < np.where(active, knobs.missed_share, knobs.wrong_confirmed_share)
    finding = np.where(active ^ wrong, "confirmed", "eliminated")
    return np.where(rng.random(len(active)) < knobs.inconclusive_share, "inconclusive", finding)
