"""The truth about a world, written to `truth/`, which no other room may read.

Belongs here: lives, lines, VRM histories, faults, events as tables. Does not: anything that is delivered to a ROCU.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from simulation.cameras import KINDS, Cameras
from simulation.delivery import iso_times
from simulation.fault_truth import texts, times_of, vrms
from simulation.faults import CameraFaults
from simulation.findings import Findings, Habits, findings_table, over_window, week_of
from simulation.lives.running import turns_inside
from simulation.lives.setting import Ints, Setting, date_of
from simulation.places import Places
from simulation.population import Population
from simulation.tours import DAY
from simulation.world import World

CAUSES = ("camera_outage", "site_outage", "event_outage")


@dataclass(frozen=True)
class Truth:
    """Everything that is known of a world and not delivered."""

    world: World
    places: Places
    setting: Setting
    cameras: Cameras
    population: Population
    broken: CameraFaults
    lost: Ints
    habits: Habits
    reads: list[NDArray[np.uint16]]
    findings: Findings
    times: pa.Array


def write_truth(truth: Truth, folder: Path) -> None:
    """Write all tables of truth but the faults of rows, which are written ROCU by ROCU (`fault_truth`)."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "vehicles": _vehicles(truth),
        "lines": _lines(truth),
        "vrm_history": _vrm_history(truth),
        "clones": _clones(truth),
        "windows": _windows(truth),
        "cameras": _cameras(truth),
        "camera_faults": _camera_faults(truth),
        "dispositions": _dispositions(truth),
    }
    for name, table in tables.items():
        pa.parquet.write_table(table, folder / f"{name}.parquet", compression="zstd")
    events = [event.model_dump(mode="json") for event in truth.world.events]
    (folder / "events.json").write_text(json.dumps(events, indent=2) + "\n", encoding="utf-8")
    (folder / "world.json").write_text(truth.world.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _names(truth: Truth, place: Any) -> pa.Array:
    return pa.array(truth.places.name.astype(str)).take(pa.array(np.asarray(place)))


def _vehicles(truth: Truth) -> pa.Table:
    people, every = truth.population, np.arange(len(truth.population))
    force = truth.places.force[people.home]
    return pa.table(
        {
            "vehicle_id": every,
            "vrm": vrms(truth.population, every),
            "plate_format": texts(people.formats, people.plate),
            "life": texts(people.lives, people.life),
            "home": _names(truth, people.home),
            "home_force": texts(truth.places.forces, force),
            "home_rocu": texts(truth.places.rocus, force),
            "hired": people.hired,
            "county_lines": people.life == people.lives.index("county_lines"),
            "clone_of": pa.array(people.clone_of, mask=people.clone_of < 0),
        }
    )


def _lines(truth: Truth) -> pa.Table:
    world, lines = truth.world, truth.population.lines
    turned = [turns_inside(truth.setting, line) for line in lines]
    force = [int(truth.places.force[line.town]) for line in lines]
    columns = {
        name: [getattr(line, name) for line in lines]
        for name in ("line", "rocu", "mode", "hired", "convoy", "regular", "alternating", "inside_force")
    }
    return pa.table(
        columns
        | {
            "hub": [str(truth.places.name[line.hub]) for line in lines],
            "town": [str(truth.places.name[line.town]) for line in lines],
            "town_force": [truth.places.forces[number] for number in force],
            "second_town": [str(truth.places.name[line.second_town]) for line in lines],
            "km": [float(truth.setting.roads.km[line.hub, line.town]) for line in lines],
            "runs_per_week": [line.runs_per_week for line in lines],
            "stay_minutes": [line.stay_minutes for line in lines],
            "first_day": [date_of(world, line.first_day) for line in lines],
            "last_day": [date_of(world, line.last_day - 1) for line in lines],
            "turned_inside": [None if event is None else event.start.isoformat() for event in turned],
        }
    )


def _vrm_history(truth: Truth) -> pa.Table:
    first = truth.population.first_line_vehicle
    seats = [(line, seat) for line in truth.population.lines for seat in line.seats]
    vehicle = np.array([first + seat.vehicle for _, seat in seats], dtype=np.int64)
    return pa.table(
        {
            "line": [line.line for line, _ in seats],
            "vehicle_id": vehicle,
            "vrm": vrms(truth.population, vehicle),
            "follower": [seat.follower for _, seat in seats],
            "hired": [line.hired for line, _ in seats],
            "first_day": [date_of(truth.world, max(seat.first_day, line.first_day)) for line, seat in seats],
            "last_day": [date_of(truth.world, min(seat.last_day, line.last_day) - 1) for line, seat in seats],
        }
    )


def _clones(truth: Truth) -> pa.Table:
    people = truth.population
    clone = np.flatnonzero(people.clone_of >= 0)
    return pa.table(
        {
            "vehicle_id": clone,
            "clone_of": people.clone_of[clone],
            "vrm": vrms(truth.population, clone),
            "from": [date_of(truth.world, day) for day in people.clone_from[clone]],
            "home": _names(truth, people.home[clone]),
            "copied_home": _names(truth, people.home[people.clone_of[clone]]),
        }
    )


def _windows(truth: Truth) -> pa.Table:
    """County lines vehicles that were active in a window and read in a ROCU: the right answers of a ranking."""
    people, world = truth.population, truth.world
    members = np.arange(people.first_line_vehicle, people.first_clone)
    first = 6 - world.start.weekday()
    rows: list[tuple[str, int, str, int, int]] = []
    for sunday in range(first, world.days, 7):
        week = int(week_of(world, np.array([sunday]))[0])
        runs = over_window(truth.habits.line_runs[members], week, 1)
        for rocu, code in enumerate(world.rocus):
            reads = over_window(truth.reads[rocu][:, members], week, 0)
            for number in np.flatnonzero((runs > 0) & (reads > 0)):
                rows.append((code, int(members[number]), date_of(world, sunday), int(runs[number]), int(reads[number])))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    names = ("rocu", "vehicle_id", "window_end", "runs", "reads")
    table = pa.table(dict(zip(names, (list(column) for column in columns), strict=True)))
    return table.append_column("vrm", vrms(truth.population, np.array(columns[1], dtype=np.int64)))


def _cameras(truth: Truth) -> pa.Table:
    cameras, mounts = truth.cameras, truth.cameras.mounts
    camera = mounts.camera
    return pa.table(
        {
            "camera_id": texts(cameras.camera_id, camera),
            "site_id": texts(cameras.site_id, camera),
            "rocu": texts(truth.world.rocus, cameras.rocu[camera]),
            "force": texts(truth.places.forces, mounts.force),
            "site_kind": texts(KINDS, mounts.kind),
            "latitude": mounts.latitude,
            "longitude": mounts.longitude,
            "first_day": mounts.first_day,
            "last_day": mounts.last_day,
            "registered": cameras.registered[camera],
            "moved": np.isin(mounts.site, cameras.moved_site),
            "new": np.isin(mounts.site, cameras.new_site),
            "capture_factor": cameras.quality[camera],
        }
    )


def _camera_faults(truth: Truth) -> pa.Table:
    outages, broken = truth.broken.outages, truth.broken
    drifting = np.flatnonzero(broken.drift != 0)
    end = truth.world.days * DAY
    camera = np.concatenate([outages.camera, drifting])
    cause = np.concatenate([outages.cause, np.full(len(drifting), len(CAUSES))])
    return pa.table(
        {
            "fault": texts((*CAUSES, "clock_drift"), cause),
            "camera_id": texts(truth.cameras.camera_id, camera),
            "rocu": texts(truth.world.rocus, truth.cameras.rocu[camera]),
            "start": times_of(truth.world, np.concatenate([outages.start, broken.drift_from[drifting] * DAY])),
            "end": times_of(truth.world, np.concatenate([outages.end, np.full(len(drifting), end)]).clip(0, end)),
            "seconds_per_day": np.concatenate([np.zeros(len(outages.camera)), broken.drift[drifting]]),
            "passes_lost": np.concatenate([truth.lost, np.zeros(len(drifting), dtype=np.int64)]),
        }
    )


def _dispositions(truth: Truth) -> pa.Table:
    rows = np.arange(len(truth.findings.vehicle))
    table = findings_table(truth.world, truth.population, truth.findings, truth.times, rows)
    life = truth.population.life[truth.findings.vehicle]
    return (
        table.append_column("rocu", texts(truth.world.rocus, truth.findings.rocu))
        .append_column("vehicle_id", pa.array(truth.findings.vehicle))
        .append_column("life", texts(truth.population.lives, life))
        .append_column("active", pa.array(truth.findings.active))
        .append_column("delivered", pa.array(truth.findings.known))
    )


def decision_times(world: World, findings: Findings) -> pa.Array:
    """When each disposition was decided, as text."""
    return iso_times(world, findings.decided)
