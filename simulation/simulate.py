"""Simulate a world from its first midnight to its last, and deliver what its ROCUs would be handed.

Belongs here: the order of the stages and the report. Does not: any stage.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.errors import WrongInputError
from simulation.cameras import Cameras, place_cameras
from simulation.delivery import arrange, write_reads, write_register
from simulation.dice import dice
from simulation.faults import break_cameras, capture, make_rows
from simulation.findings import Habits, count_reads, find, no_habits, write_findings
from simulation.lives.setting import Setting
from simulation.passing import Passes, pass_cameras, watch
from simulation.places import Places, find_places
from simulation.population import Population, blocks, settle, tours_of
from simulation.roads import Roads, build_roads
from simulation.tours import DAY, Tours
from simulation.truth import Truth, decision_times, write_truth
from simulation.world import World

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SimulationReport:
    """What was delivered.

    Args:
        reads: Rows written per ROCU.
        files: Read files written.
        vehicles: Vehicles in the world, clones not counted.
        county_lines_vehicles: Those that served a line at some time.
        dispositions: Dispositions delivered per ROCU.
        faults: Rows (and missed or lost passes) per kind of fault.
        seconds: Time taken.
    """

    reads: dict[str, int]
    files: int
    vehicles: int
    county_lines_vehicles: int
    dispositions: dict[str, int]
    faults: dict[str, int]
    seconds: float


def simulate(world: World, out: Path, seed: int | None = None, on_progress: Progress | None = None) -> SimulationReport:
    """Simulate a world into a folder: `<rocu>/cameras.csv`, `<rocu>/reads/`, `<rocu>/dispositions/`, and `truth/`.

    The same world and seed give the same bytes. The folder appears whole or not at all.

    Args:
        world: What to simulate.
        out: A folder that does not exist yet, or is empty.
        seed: Where chance starts; the world's own seed if `None`.
        on_progress: Told the stage, and how many of how many of its parts are done.

    Raises:
        WrongInputError: There is something in the folder already.
    """
    begun = time.perf_counter()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongInputError(f"{out} is not an empty folder.", "Name a new folder, or remove this one first.")
    seed = world.seed if seed is None else seed
    tell = on_progress or (lambda stage, done, total: None)
    draft = out.with_name(out.name + ".unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        report = _simulate(world, draft, seed, tell, begun)
        if out.exists():
            out.rmdir()
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def _simulate(world: World, out: Path, seed: int, tell: Progress, begun: float) -> SimulationReport:
    tell("map", 0, 1)
    places = find_places(world.places.min_population)
    roads = build_roads(places, world.roads, dice(seed, "roads"))
    cameras = place_cameras(world, places, roads, dice(seed, "cameras"))
    population = settle(world, places, roads, seed)
    broken = break_cameras(world, places, cameras, seed)
    tell("map", 1, 1)
    passes, habits = _live(world, places, roads, cameras, population, seed, tell)
    captured, missed, lost = capture(world, cameras, broken, passes, seed)
    rows, vocabulary = make_rows(world, cameras, population, broken, captured, seed)
    reads = count_reads(world, cameras, population, rows)
    findings = find(world, population, habits, reads, seed)
    delivered = arrange(world, places, cameras, rows)
    write_register(world, places, cameras, out)
    write_reads(world, places, cameras, delivered, vocabulary, out, lambda done, total: tell("reads", done, total))
    times = decision_times(world, findings)
    write_findings(world, population, findings, times, out)
    setting = Setting(world, places, roads, dice(seed, "truth"))
    tell("truth", 0, 1)
    faults = write_truth(
        Truth(
            world, places, setting, cameras, population, broken, lost, missed, delivered, vocabulary, habits, reads,
            findings, times,
        ),
        out / "truth",
    )  # fmt: skip
    tell("truth", 1, 1)
    region = np.bincount(cameras.rocu[cameras.mounts.camera[delivered.rows.mount]], minlength=len(world.rocus))
    known = np.bincount(findings.rocu[findings.known], minlength=len(world.rocus))
    return SimulationReport(
        reads=dict(zip(world.rocus, map(int, region), strict=True)),
        files=len(delivered.files),
        vehicles=population.first_clone,
        county_lines_vehicles=population.first_clone - population.first_line_vehicle,
        dispositions=dict(zip(world.rocus, map(int, known), strict=True)),
        faults=faults,
        seconds=time.perf_counter() - begun,
    )


def _live(
    world: World, places: Places, roads: Roads, cameras: Cameras, population: Population, seed: int, tell: Progress
) -> tuple[Passes, Habits]:
    knobs = world.cameras
    watched = watch(cameras.mounts, roads, len(places.name), knobs.road_pass, knobs.centre_pass)
    habits = no_habits(world, population)
    parts: list[Passes] = []
    work = blocks(population)
    for part, (life, vehicle) in enumerate(work):
        tours = tours_of(world, places, roads, population, life, vehicle, seed, part)
        habits.count(world, tours, _on_line(population, tours))
        passes = pass_cameras(world, roads, cameras.mounts, watched, tours, dice(seed, "passing", part))
        begun = passes.second >= population.clone_from[passes.vehicle] * DAY
        parts.append(Passes(passes.vehicle[begun], passes.mount[begun], passes.second[begun]))
        tell("lives", part + 1, len(work))
    columns = ([getattr(part, name) for part in parts] for name in ("vehicle", "mount", "second"))
    return Passes(*(np.concatenate(column) for column in columns)), habits


def _on_line(population: Population, tours: Tours) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tours of county lines vehicles between hub and town while they serve the line."""
    on_line = np.zeros(len(tours), dtype=bool)
    mine = np.flatnonzero(tours.vehicle >= population.first_line_vehicle)
    if not len(mine) or tours.vehicle.min() >= population.first_clone:
        return on_line
    for line in population.lines:
        ends = (line.town, line.second_town) if line.mode != "cuckooing" else (line.hub, line.hub_inside)
        for seat in line.seats:
            first, last = max(seat.first_day, line.first_day) * DAY, min(seat.last_day, line.last_day) * DAY
            vehicle = population.first_line_vehicle + seat.vehicle
            own = mine[tours.vehicle[mine] == vehicle]
            serving = (tours.start[own] >= first) & (tours.start[own] < last) & np.isin(tours.goal[own], ends)
            on_line[own] = serving
    return on_line
