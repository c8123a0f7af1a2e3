"""What cameras and feeds do to passes: misses, outages, misreads, wrong clocks, duplicates, broken and late rows.

Belongs here: turning passes into delivered rows, and saying of each row what is wrong with it. Does not: writing files.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.cameras import KINDS, Cameras
from simulation.dice import dice
from simulation.knobs import OutageEvent
from simulation.lives.setting import Ints
from simulation.passing import Passes
from simulation.places import Places
from simulation.plates import misread
from simulation.population import Population
from simulation.tours import DAY, HOUR
from simulation.world import World

MISREAD, DUPLICATE, DRIFT, LATE, CLONE, UNREGISTERED, MOVED = (1 << bit for bit in range(7))
NO_VRM, BAD_TIME, BAD_CONFIDENCE, BAD_CAMERA = (1 << bit for bit in range(7, 11))
MALFORMED = NO_VRM | BAD_TIME | BAD_CONFIDENCE | BAD_CAMERA
FLAGS = {
    "misread": MISREAD,
    "duplicate": DUPLICATE,
    "clock_drift": DRIFT,
    "late": LATE,
    "clone": CLONE,
    "unregistered_camera": UNREGISTERED,
    "moved_camera": MOVED,
    "no_vrm": NO_VRM,
    "impossible_time": BAD_TIME,
    "confidence_140": BAD_CONFIDENCE,
    "unknown_camera": BAD_CAMERA,
}
BAD_PERCENTAGE = 140
UNSURE_SHARE = 0.04
RECENTLY = 2


@dataclass(frozen=True)
class Outages:
    """Times without reads: camera, half-open seconds of the world, and the cause (0 camera, 1 site, 2 event)."""

    camera: Ints
    start: Ints
    end: Ints
    cause: Ints


@dataclass(frozen=True)
class CameraFaults:
    """Lasting faults: outages; clock drift in seconds per day (0 for a good clock) and the day from which it drifts."""

    outages: Outages
    drift: NDArray[np.float64]
    drift_from: Ints


@dataclass(frozen=True)
class Rows:
    """Rows as they are delivered; `vrm` indexes the vocabulary of all strings that are sent.

    Args:
        second: True time of the capture, seconds of the world, UTC.
        reported: Time that the camera's clock gave.
        received: Time of arrival.
        day: Day of the world on which the row is delivered.
        flags: Faults of the row, a sum of the values in `FLAGS`.
    """

    vehicle: NDArray[np.int32]
    mount: NDArray[np.int32]
    second: NDArray[np.int32]
    reported: NDArray[np.int32]
    received: NDArray[np.int32]
    day: NDArray[np.int16]
    vrm: NDArray[np.int32]
    confidence: NDArray[np.uint8]
    flags: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: NDArray[Any]) -> Rows:
        """Some of the rows, by index or by mask."""
        return Rows(*(getattr(self, field.name)[rows] for field in fields(Rows)))


def break_cameras(world: World, places: Places, cameras: Cameras, seed: int) -> CameraFaults:
    """Draw the outages of cameras and sites, add those of the world's events, and set clocks wrong."""
    rng = dice(seed, "camera faults")
    number = len(cameras.camera_id)
    parts = [_random_outages(world, np.arange(number), world.faults.camera_outages_per_week, 0, rng)]
    sites = _random_outages(world, np.arange(int(cameras.site.max()) + 1), world.faults.site_outages_per_week, 1, rng)
    parts.append(_on_cameras(cameras, sites))
    for event in world.events:
        if isinstance(event, OutageEvent):
            parts.append(_event_outage(world, places, cameras, event, rng))
    drifting = rng.random(number) < world.faults.clock_drift_share
    drift = rng.uniform(0.3, 1.0, number) * world.faults.clock_drift_seconds_per_day * rng.choice([-1, 1], number)
    return CameraFaults(
        outages=Outages(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Outages))),
        drift=np.where(drifting, drift, 0.0),
        drift_from=rng.integers(0, max(world.days // 2, 1), number),
    )


def capture(
    world: World, cameras: Cameras, broken: CameraFaults, passes: Passes, rng: np.random.Generator
) -> tuple[Passes, Passes, Ints]:
    """Split passes into captured and missed; those during an outage are neither, but counted.

    Returns:
        Captured passes, passes that a working camera missed, number of passes lost by each outage.
    """
    camera = cameras.mounts.camera[passes.mount]
    outage = _outage_of(broken.outages, camera, passes.second)
    lost = np.bincount(outage[outage >= 0], minlength=len(broken.outages.camera))
    up = outage < 0
    seen = rng.random(len(passes), dtype=np.float32) < world.faults.capture_rate * cameras.quality[camera]
    return passes.take(up & seen), passes.take(up & ~seen), lost


def make_rows(
    world: World,
    cameras: Cameras,
    population: Population,
    broken: CameraFaults,
    passes: Passes,
    rng: np.random.Generator,
) -> tuple[Rows, NDArray[np.bytes_]]:
    """Turn captured passes into delivered rows with their faults.

    Returns:
        The rows in no particular order, and the vocabulary of VRM strings (plates, then misreads, the empty one last).
    """
    camera = cameras.mounts.camera[passes.mount]
    reported, drifted = _reported(passes.second, camera, broken)
    vrm, wrong, vocabulary = _read_plates(world, population, passes, rng)
    # rain, glare and dirt make some right reads unsure as well
    unsure = wrong | (rng.random(len(passes), dtype=np.float32) < UNSURE_SHARE)
    confidence = np.where(unsure, rng.normal(66, 13, len(passes)), rng.normal(90, 6, len(passes))).clip(20, 100)
    day = (passes.second // DAY).astype(np.int16)
    flags = wrong * MISREAD + drifted * DRIFT + (population.clone_of[passes.vehicle] >= 0) * CLONE
    flags = flags + ~cameras.registered[camera] * UNREGISTERED + _misplaced(cameras, passes, day) * MOVED
    latency = np.exp(rng.normal(2.2, 0.9, len(passes))).clip(1, 1800)
    rows = Rows(
        vehicle=passes.vehicle,
        mount=passes.mount,
        second=passes.second,
        reported=reported,
        received=(passes.second + latency).astype(np.int32),
        day=day,
        vrm=vrm,
        confidence=confidence.astype(np.uint8),
        flags=flags.astype(np.uint16),
    )
    rows = _spoil(world, rows, len(vocabulary) - 1, rng)
    return _delay(world, cameras, _duplicate(world, rows, rng), rng), vocabulary


def _random_outages(world: World, what: Ints, per_week: float, cause: int, rng: np.random.Generator) -> Outages:
    which, week = np.nonzero(rng.random((len(what), world.weeks)) < per_week)
    start = week * 7 * DAY + rng.integers(0, 7 * DAY, len(which))
    length = rng.exponential(world.faults.outage_hours, len(which)) * HOUR
    return Outages(what[which], start, start + np.maximum(length, HOUR).astype(np.int64), np.full(len(which), cause))


def _on_cameras(cameras: Cameras, sites: Outages) -> Outages:
    order = np.argsort(cameras.site, kind="stable")
    first = np.searchsorted(cameras.site[order], sites.camera)
    number = np.searchsorted(cameras.site[order], sites.camera, side="right") - first
    row = np.repeat(np.arange(len(number)), number)
    at = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + first[row]
    return Outages(order[at], sites.start[row], sites.end[row], sites.cause[row])


def _event_outage(
    world: World, places: Places, cameras: Cameras, event: OutageEvent, rng: np.random.Generator
) -> Outages:
    group = cameras.rocu == world.rocus.index(event.rocu)
    if event.force is not None:
        group &= np.array([places.forces[force] == event.force for force in cameras.force])
    if event.site_kind is not None:
        group &= cameras.kind == KINDS.index(event.site_kind)
    sites = np.unique(cameras.site[group])
    failing = sites[rng.random(len(sites)) < event.share]
    camera = np.flatnonzero(np.isin(cameras.site, failing))
    start = (event.start - world.start).days * DAY
    end = ((event.end - world.start).days + 1) * DAY
    return Outages(camera, np.full(len(camera), start), np.full(len(camera), end), np.full(len(camera), 2))


def _outage_of(outages: Outages, camera: Ints, second: NDArray[np.int32]) -> Ints:
    """The outage during which each pass falls, -1 if none; where outages of a camera overlap, the longest-lasting."""
    found = np.full(len(camera), -1, dtype=np.int64)
    if not len(outages.camera):
        return found
    horizon = int(max(outages.end.max(), second.max(initial=0))) + DAY
    order = np.lexsort((outages.start, outages.camera))
    starts = outages.camera[order] * horizon + outages.start[order]
    ends = outages.camera[order] * horizon + outages.end[order]
    latest = np.maximum.accumulate(ends)
    # the latest end so far belongs to the last outage that reached it
    owner = order[np.maximum.accumulate(np.where(ends == latest, np.arange(len(ends)), 0))]
    moment = camera * horizon + second
    before = np.searchsorted(starts, moment, side="right") - 1
    inside = (before >= 0) & (latest[np.maximum(before, 0)] > moment)
    found[inside] = owner[before[inside]]
    return found


def _reported(
    second: NDArray[np.int32], camera: Ints, broken: CameraFaults
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    running = np.maximum(second / DAY - broken.drift_from[camera], 0)
    wrong = np.round(running * broken.drift[camera]).astype(np.int32)
    return np.maximum(second + wrong, 0).astype(np.int32), wrong != 0


def _read_plates(
    world: World, population: Population, passes: Passes, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bytes_]]:
    vrm = population.plate[passes.vehicle].astype(np.int32)
    wrong = rng.random(len(passes), dtype=np.float32) < world.faults.misread_rate
    row = np.flatnonzero(wrong)
    strings = misread(population.plates[vrm[row]], rng)
    wrong[row[strings == population.plates[vrm[row]]]] = False
    vrm[row] = len(population.plates) + np.arange(len(row))
    return vrm, wrong, np.concatenate([population.plates, strings, np.array([b""], dtype=strings.dtype)])


def _misplaced(cameras: Cameras, passes: Passes, day: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Whether the register has the camera elsewhere than it stands."""
    known = cameras.mounts.known_from[passes.mount]
    return np.asarray(day < known)


def _spoil(world: World, rows: Rows, empty: int, rng: np.random.Generator) -> Rows:
    bad = np.flatnonzero(rng.random(len(rows), dtype=np.float32) < world.faults.malformed_rate)
    kind = rng.choice([NO_VRM, BAD_TIME, BAD_CONFIDENCE, BAD_CAMERA], len(bad))
    flags, vrm, confidence = rows.flags.copy(), rows.vrm.copy(), rows.confidence.copy()
    flags[bad] |= kind.astype(np.uint16)
    vrm[bad[kind == NO_VRM]] = empty
    confidence[bad[kind == BAD_CONFIDENCE]] = BAD_PERCENTAGE
    return replace(rows, flags=flags, vrm=vrm, confidence=confidence)


def _duplicate(world: World, rows: Rows, rng: np.random.Generator) -> Rows:
    fine = (rows.flags & MALFORMED) == 0
    twice = rows.take(fine & (rng.random(len(rows), dtype=np.float32) < world.faults.duplicate_rate))
    twice = replace(
        twice,
        reported=twice.reported + rng.integers(0, RECENTLY + 1, len(twice)).astype(np.int32),
        received=twice.received + rng.integers(1, 30, len(twice)).astype(np.int32),
        flags=twice.flags | np.uint16(DUPLICATE),
    )
    return Rows(*(np.concatenate([getattr(rows, f.name), getattr(twice, f.name)]) for f in fields(Rows)))


def _delay(world: World, cameras: Cameras, rows: Rows, rng: np.random.Generator) -> Rows:
    feeds, feed_of = np.unique(cameras.force, return_inverse=True)
    late = rng.random((len(feeds), world.days)) < world.faults.late_batch_rate
    wait = np.where(late, rng.integers(1, world.faults.late_days + 1, late.shape), 0)
    wait = np.minimum(wait, world.days - 1 - np.arange(world.days))
    days = wait[feed_of[cameras.mounts.camera[rows.mount]], rows.day].astype(np.int16)
    return replace(
        rows,
        day=rows.day + days,
        received=rows.received + days.astype(np.int32) * DAY,
        flags=rows.flags | ((days > 0) * LATE).astype(np.uint16),
    )
