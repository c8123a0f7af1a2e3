"""How well camera health finds what was done to cameras, and how often it cries wolf, on generated counts with truth.

A world has cameras from a few reads a day to twenty thousand, days with a shape of their own and Sundays, counts that
spread more than chance, holidays, weather that dips the whole network, seasons, new and ended cameras; and faults with
known bins. Hits are counted by camera-hour and by interval (a fault is found if half of its expected reads lie in
intervals of a fitting kind). Also how long 1,500 cameras over a year take.

    python -m benchmarks.health [--cameras 300] [--weeks 26] [--seed 1]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from data_contracts.health.counts import Counts, counts_of
from data_contracts.health.volumes import Volumes, examine_volumes

START = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp())
LOW = ("outage", "partial_outage", "pole_failure")
FITS = {"outage": LOW, "pole_failure": LOW, "partial_outage": LOW, "flood": ("flood",)}


@dataclass(frozen=True)
class Fault:
    """What was done to one camera; `end` is the first bin after it."""

    camera: int
    start: int
    end: int
    kind: str
    share: float
    expected: float


@dataclass(frozen=True)
class World:
    """Counts and what is true of them."""

    counts: Counts
    faults: tuple[Fault, ...]


def make_world(cameras: int, weeks: int, seed: int, bins_per_hour: int = 1, faulty: float = 0.5) -> World:
    """Generate a world; a share of the cameras has faults."""
    rng = np.random.default_rng(seed)
    bins = weeks * 7 * 24 * bins_per_hour
    per_day = np.exp(rng.uniform(np.log(5), np.log(20_000), cameras))
    mean = _healthy(rng, per_day, bins, bins_per_hour)
    faults = _faults(rng, mean, bins_per_hour, faulty)
    for fault in faults:
        mean[fault.camera, fault.start : fault.end] *= fault.share
    spread = rng.uniform(0.01, 0.12, cameras)[:, None]
    reads = rng.poisson(mean * rng.gamma(1 / spread, spread, mean.shape))
    number = np.repeat(np.arange(cameras), bins)
    begins = np.tile(START + np.arange(bins) * (3600 // bins_per_hour), cameras)
    names = [f"camera-{i:04d}" for i in range(cameras)]
    sites = [f"pole-{i // 2:04d}" for i in range(cameras)]
    counts = counts_of(names, number, begins, reads.ravel(), 3600 // bins_per_hour, "UTC", sites)
    return World(counts, tuple(faults))


def _healthy(rng: np.random.Generator, per_day: np.ndarray, bins: int, per_hour: int) -> np.ndarray:
    cameras, days = len(per_day), bins // (24 * per_hour)
    hour = (np.arange(bins) / per_hour) % 24
    day = np.arange(bins) // (24 * per_hour)
    weekend = day % 7 >= 5
    shape = np.empty((cameras, bins))
    for camera in range(cameras):
        morning, evening, noon = rng.uniform(0.2, 2), rng.uniform(0.2, 2), rng.uniform(0.5, 2)
        work = (
            morning * np.exp(-(((hour - rng.normal(8, 0.4)) / 1.5) ** 2))
            + evening * np.exp(-(((hour - rng.normal(17, 0.5)) / 2) ** 2))
            + noon * np.exp(-(((hour - 13) / 4) ** 2))
            + rng.uniform(0.01, 0.1)
        )
        rest = rng.uniform(0.3, 1.2) * 2 * np.exp(-(((hour - 13.5) / 4) ** 2)) + rng.uniform(0.02, 0.15)
        shape[camera] = np.where(weekend, rest * np.where(day % 7 == 6, 0.8, 1), work)
    shape *= (per_day / (shape.sum(axis=1) / days))[:, None]
    weather = np.exp(rng.normal(0, 0.05, days))
    weather[rng.random(days) < 0.02] *= 0.5  # storms, snow
    weather[rng.random(days) < 0.03] *= 0.55  # holidays
    own = np.exp(rng.normal(0, 1, (cameras, days)) * rng.uniform(0.03, 0.15, (cameras, 1)))
    season = 1 + rng.uniform(0, 0.35, (cameras, 1)) * np.sin(2 * np.pi * (np.arange(days) / 365 + rng.random()))
    trend = 1 + rng.uniform(-0.2, 0.3, (cameras, 1)) * np.arange(days) / 365
    return np.asarray(shape * (weather * own * season * trend)[:, day] * 1.0)


def _faults(rng: np.random.Generator, mean: np.ndarray, per_hour: int, faulty: float) -> list[Fault]:
    cameras, bins = mean.shape
    faults: list[Fault] = []
    for camera in range(cameras):
        if rng.random() > faulty:
            continue
        for _ in range(rng.integers(1, 4)):
            kind = rng.choice(["outage", "partial_outage", "flood", "pole_failure"], p=[0.45, 0.2, 0.15, 0.2])
            shortest = 1 if kind in ("outage", "pole_failure") else 12
            hours = int(np.exp(rng.uniform(np.log(shortest), np.log(504))))
            start = int(rng.integers(0, bins - hours * per_hour))
            end = start + hours * per_hour
            share = {"partial_outage": rng.uniform(0.1, 0.45), "flood": rng.uniform(2, 4)}.get(kind, 0.0)
            pole = [camera, camera ^ 1] if kind == "pole_failure" else [camera]
            if any(f.camera in pole and f.start < end + 48 and start < f.end + 48 for f in faults):
                continue
            for one in pole:
                if one < cameras:
                    faults.append(Fault(one, start, end, str(kind), share, float(mean[one, start:end].sum())))
    return faults


def score(world: World, found: Volumes) -> dict[str, float]:
    """Precision and recall by camera-hours (weighted by nothing) and by intervals, false alarms a camera-month."""
    truth, told = (np.zeros(world.counts.n.shape, dtype=np.int8) for _ in range(2))
    for fault in world.faults:
        truth[fault.camera, fault.start : fault.end] = 1 if fault.kind in LOW else 2
    for run in found.runs:
        told[run.camera, run.start : run.end] = 1 if run.kind in LOW else 2
    hits = int(((truth == told) & (truth > 0)).sum())
    wolf = [run for run in found.runs if (truth[run.camera, run.start : run.end] > 0).sum() == 0]
    months = world.counts.n.size * world.counts.width / 86400 / 30.4
    return {
        "hour_precision": hits / max(int((told > 0).sum()), 1),
        "hour_recall": hits / max(int((truth > 0).sum()), 1),
        "interval_precision": 1 - len(wolf) / max(len(found.runs), 1),
        "false_alarms_per_camera_month": len(wolf) / months,
    }


def recall_by_kind(world: World, found: Volumes) -> list[tuple[str, str, int, float, float]]:
    """Kind, expected reads in the fault, how many faults, share found, share with both ends exact to a bin."""
    groups: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for fault in world.faults:
        size = "10 to 30" if fault.expected < 30 else "30 to 300" if fault.expected < 300 else "300 and more"
        if fault.expected < 10:
            size = "under 10"
        runs = [r for r in found.runs if r.camera == fault.camera and r.kind in FITS[fault.kind]]
        common = sum(max(min(r.end, fault.end) - max(r.start, fault.start), 0) for r in runs)
        exact = any(abs(r.start - fault.start) <= 1 and abs(r.end - fault.end) <= 1 for r in runs)
        groups.setdefault((fault.kind, size), []).append((common * 2 >= fault.end - fault.start, exact))
    return [
        (kind, size, len(hits), sum(h for h, _ in hits) / len(hits), sum(e for _, e in hits) / len(hits))
        for (kind, size), hits in sorted(groups.items())
    ]


def run(cameras: int = 300, weeks: int = 26, seed: int = 1) -> str:
    """Measure, and give Markdown tables."""
    lines = [
        "| world | precision, hours | recall, hours | precision, intervals | false alarms a camera-month |",
        "|---|---:|---:|---:|---:|",
    ]
    kinds: list[str] = []
    for title, world in _worlds(cameras, weeks, seed):
        found = examine_volumes(world.counts)
        figures = score(world, found)
        lines.append(f"| {title} | " + " | ".join(_figure(world, *figure) for figure in figures.items()) + " |")
        if not kinds:
            kinds = ["", "By kind, in the first of these worlds:", ""]
            kinds += [
                "| fault | reads lost or too many | faults | found | both ends within a bin |",
                "|---|---|---:|---:|---:|",
            ]
            kinds += [
                f"| {k} | {size} | {n} | {hit:.2f} | {exact:.2f} |"
                for k, size, n, hit, exact in recall_by_kind(world, found)
            ]
    return "\n".join([*lines, *kinds, "", _cost()])


def _worlds(cameras: int, weeks: int, seed: int) -> list[tuple[str, World]]:
    return [
        (f"{cameras} cameras, {weeks} weeks, hourly", make_world(cameras, weeks, seed)),
        ("none of them faulty", make_world(cameras, weeks, seed + 1, faulty=0)),
        ("40 cameras, 5 weeks, every 15 minutes", make_world(40, 5, seed + 2, 4)),
        ("2 cameras, 20 weeks, hourly (no network)", make_world(2, 20, seed + 3, faulty=1)),
    ]


def _figure(world: World, name: str, value: float) -> str:
    """Without faults there is nothing to find, and no share of what was told can be right."""
    return f"{value:.3f}" if world.faults or name.startswith("false") else "none"


def _cost() -> str:
    child = subprocess.run(
        [sys.executable, "-c", "import benchmarks.health as b; b.measure_cost()"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak = child.stdout.split()
    cost = f"{seconds} processor seconds, peak {peak} GB"
    return f"1,500 cameras over 52 weeks, hourly (13.1 million counts), in memory: {cost}."


def measure_cost(cameras: int = 1500, weeks: int = 52) -> None:
    """Print processor seconds and peak memory (GB) of examining a year; meant for a process of its own."""
    rng = np.random.default_rng(5)
    bins = weeks * 168
    hour = np.arange(bins) % 24
    shape = (np.exp(-(((hour - 13) / 5) ** 2)) + 0.05).astype(np.float32)
    n = np.empty((cameras, bins), dtype=np.int32)
    for camera in range(cameras):
        n[camera] = rng.poisson(shape * rng.lognormal(3, 2))
    begins = np.tile(START + np.arange(bins) * 3600, cameras)
    counts = counts_of(
        [str(i) for i in range(cameras)], np.repeat(np.arange(cameras), bins), begins, n.ravel(), 3600, "UTC"
    )
    del begins, n
    begun = time.process_time()
    examine_volumes(counts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"{time.process_time() - begun:.0f} {peak:.1f}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=300)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    sys.stdout.write(run(chosen.cameras, chosen.weeks, chosen.seed) + "\n")


if __name__ == "__main__":
    main()
