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
from numpy.typing import NDArray

from infra.errors import WrongInputError
from simulation.cameras import Cameras, place_cameras
from simulation.delivery import arrange, write_reads, write_register
from simulation.dice import dice
from simulation.fault_truth import Handed, write_faults
from simulation.faults import CameraFaults, break_cameras, capture, make_rows
from simulation.findings import Habits, count_reads, find, no_habits, write_findings
from simulation.lives.pairs import KINDS, follow
from simulation.lives.setting import Ints, Setting
from simulation.pair_findings import find_pairs, write_pair_findings, write_pair_truth
from simulation.passing import Passes, pass_cameras, together, watch
from simulation.places import Places, find_places
from simulation.population import Population, blocks, joint_and_alone, leads_of, settle, tours_of
from simulation.roads import Roads, build_roads
from simulation.tours import DAY, Tours
from simulation.truth import Truth, decision_times, write_truth
from simulation.world import World

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Scene:
    world: World
    places: Places
    cameras: Cameras
    population: Population
    broken: CameraFaults
    seed: int
    rocu: int


@dataclass(frozen=True)
class _Given:
    rows: int
    files: int
    faults: dict[str, int]
    lost: Ints
    reads: NDArray[np.uint16]


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
    write_register(world, places, cameras, out)
    given = []
    for rocu in range(len(world.rocus)):
        scene = _Scene(world, places, cameras, population, broken, seed, rocu)
        given.append(_hand_over(scene, passes[rocu], out))
        # the passes of a region are many, and not needed again
        passes[rocu] = []
        tell("reads", rocu + 1, len(world.rocus))
    tell("findings", 0, 1)
    reads = [region.reads for region in given]
    findings = find(world, population, habits, reads, seed)
    times = decision_times(world, findings)
    write_findings(world, population, findings, times, out)
    setting = Setting(world, places, roads, dice(seed, "truth"))
    lost = np.sum([region.lost for region in given], axis=0)
    truth = Truth(world, places, setting, cameras, population, broken, lost, habits, reads, findings, times)
    write_truth(truth, out / "truth")
    pair_findings = find_pairs(world, population, reads, seed)
    write_pair_findings(world, population, pair_findings, out)
    write_pair_truth(world, places, population, pair_findings, out / "truth")
    tell("findings", 1, 1)
    known = np.bincount(findings.rocu[findings.known], minlength=len(world.rocus))
    faults = {name: sum(region.faults[name] for region in given) for name in given[0].faults}
    return SimulationReport(
        reads=dict(zip(world.rocus, (region.rows for region in given), strict=True)),
        files=sum(region.files for region in given),
        vehicles=population.first_clone,
        county_lines_vehicles=population.first_clone - population.first_line_vehicle,
        dispositions=dict(zip(world.rocus, map(int, known), strict=True)),
        faults=faults | {"outage": int(lost.sum())},
        seconds=time.perf_counter() - begun,
    )


def _hand_over(scene: _Scene, parts: list[Passes], out: Path) -> _Given:
    world, cameras, population, part = scene.world, scene.cameras, scene.population, scene.rocu
    passes = together(parts)
    captured, missed, lost = capture(world, cameras, scene.broken, passes, dice(scene.seed, "capture", part))
    rows, vocabulary = make_rows(world, cameras, population, scene.broken, captured, dice(scene.seed, "rows", part))
    reads = count_reads(world, population, rows)
    delivered = arrange(world, scene.places, cameras, rows)
    write_reads(world, scene.places, cameras, delivered, vocabulary, out)
    path = out / "truth" / "faults" / f"{world.rocus[part]}.parquet"
    faults = write_faults(world, cameras, population, Handed(delivered, vocabulary, missed), path)
    return _Given(len(rows), len(delivered.files), faults, lost, reads)


def _live(
    world: World, places: Places, roads: Roads, cameras: Cameras, population: Population, seed: int, tell: Progress
) -> tuple[list[list[Passes]], Habits]:
    knobs = world.cameras
    watched = watch(cameras.mounts, roads, len(places.name), knobs.road_pass, knobs.centre_pass)
    habits = no_habits(world, population)
    regions: list[list[Passes]] = [[] for _ in world.rocus]
    work = blocks(population)
    for part, (life, vehicle) in enumerate(work):
        tours = tours_of(world, places, roads, population, life, vehicle, seed, part)
        habits.count(world, tours, _on_line(population, tours))
        passing = dice(seed, "passing", part)
        if life in KINDS:
            joint, tours = joint_and_alone(world, places, roads, population, life, tours, seed, part)
            shared = pass_cameras(world, roads, cameras.mounts, watched, joint, passing)
            shared = follow(shared, life, *leads_of(population, life), passing)
        passes = pass_cameras(world, roads, cameras.mounts, watched, tours, passing)
        passes = together([passes, shared]) if life in KINDS else passes
        begun = passes.second >= population.clone_from[passes.vehicle] * DAY
        rocu = np.where(begun, cameras.rocu[cameras.mounts.camera[passes.mount]], -1)
        for region, found in enumerate(regions):
            found.append(passes.take(rocu == region))
        tell("lives", part + 1, len(work))
    return regions, habits


def _on_line(population: Population, tours: Tours) -> NDArray[np.bool_]:
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
