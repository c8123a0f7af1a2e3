"""Ingest of a region's day, beside bare DuckDB by hand and beside Great Expectations on pandas.

Also at four times the rows, and in thousands of small files. Each way runs in a process of its own, on the same files,
with two threads. Compare ratios.

    python -m benchmarks.ingest [--reads 10000000] [--small-files 3000]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reads_by_the_million import cut_small, join_days, write_cameras, write_day

DAYS = 4
TURNS = 3
SMALL_ROWS = 5_000


@dataclass(frozen=True)
class Taken:
    """What one way took for so many reads."""

    reads: int
    seconds: float
    peak_gb: float

    @property
    def rate(self) -> float:
        """Reads a second."""
        return self.reads / self.seconds


def compare(room: Path, files: Sequence[Path], reads: int) -> dict[str, Taken]:
    """The middle one of several runs of `ours` and `by_hand`, in turns: what else the machine does meets both."""
    runs: dict[str, list[Taken]] = {"by_hand": [], "ours": []}
    for _ in range(TURNS):
        for way, taken in runs.items():
            taken.append(measure(way, room, files, reads))
    return {way: sorted(taken, key=lambda one: one.seconds)[TURNS // 2] for way, taken in runs.items()}


def measure(way: str, room: Path, files: Sequence[Path], reads: int) -> Taken:
    """Run one way in a process of its own, in an empty folder."""
    sys.stderr.write(f"  {way}: {reads:,} reads in {len(files):,} files …\n")
    folder = room / "work"
    folder.mkdir()
    os.sync()  # what was written before is not written during the run
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ingest_ways", way, str(room / "cameras.csv")]
    said = subprocess.run([*command, str(folder), *map(str, files)], check=True, capture_output=True, text=True)
    shutil.rmtree(folder)
    found = json.loads(said.stdout.splitlines()[0])
    return Taken(reads, found["seconds"], found["peak_gb"])


def run(reads: int = 10_000_000, small_files: int = 3_000) -> str:
    """Measure all ways, and give a Markdown table.

    Args:
        reads: Rows of a day's delivery; four days of them show how memory grows.
        small_files: How many files of 5,000 rows.
    """
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        write_cameras(room / "cameras.csv")
        days = [room / f"day{day}.csv" for day in range(DAYS)]
        for day, path in enumerate(days):
            write_day(path, reads, day)
        beside = compare(room, days[:1], reads)
        whole, bare = beside["ours"], beside["by_hand"]
        pandas = measure("gx_pandas", room, days[:1], reads)
        four = measure("ours", room, days, DAYS * reads)
        join_days(days, room / "joined.csv")
        one_file = measure("ours", room, [room / "joined.csv"], DAYS * reads)
        (room / "joined.csv").unlink()
        (room / "small").mkdir()
        small = _cut(days, room / "small", small_files)
        # once more, for a machine has another pace a quarter of an hour later
        again = measure("ours", room, days[:1], reads)
        pieces = measure("ours", room, small, len(small) * SMALL_ROWS)
    rows = [
        ("bare DuckDB by hand, no rules", bare, "1"),
        ("ours", whole, _beside(whole.seconds / bare.seconds, "times bare DuckDB", most=3)),
        (
            "Great Expectations on pandas, 22 of the rules",
            pandas,
            _beside(pandas.seconds / whole.seconds, "times ours", least=8),
        ),
        (f"ours, {DAYS} files", four, _beside(four.peak_gb / whole.peak_gb, "times the memory of one", most=1.1)),
        (
            f"ours, the {DAYS} in one file",
            one_file,
            _beside(one_file.peak_gb / whole.peak_gb, "times the memory of one", most=1.1),
        ),
        (
            f"ours, {len(small):,} small files",
            pieces,
            _beside(pieces.rate / again.rate, "of the rate of one, run just before", least=1 / 3),
        ),
    ]
    lines = [
        f"| {name} | {taken.reads:,} | {taken.seconds:.1f} | {taken.rate:,.0f} | {taken.peak_gb:.2f} | {said} |"
        for name, taken, said in rows
    ]
    return "\n".join(
        ["| way | reads | seconds | reads/s | peak GB | beside |", "|---|---:|---:|---:|---:|---|", *lines]
    )


def _beside(ratio: float, said: str, most: float | None = None, least: float | None = None) -> str:
    limit = f"at most {most:.3g}" if most is not None else f"at least {least:.2g}"
    missed = (most is not None and ratio > most) or (least is not None and ratio < least)
    return f"{ratio:.2f} {said} ({limit}{': missed' if missed else ''})"


def _cut(days: Sequence[Path], folder: Path, wanted: int) -> list[Path]:
    files: list[Path] = []
    for day in days:
        if len(files) < wanted:
            files += cut_small(day, folder, SMALL_ROWS, len(files))
    return files[:wanted]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=10_000_000)
    parser.add_argument("--small-files", type=int, default=3_000)
    chosen = parser.parse_args()
    sys.stdout.write(run(chosen.reads, chosen.small_files) + "\n")


if __name__ == "__main__":
    main()
