"""How fast worlds are simulated: reads written a second, all stages and all files included.

Processor seconds are given too: they say what a busy machine would do if it were quiet. Run with
`python -m benchmarks.simulate`; `run()` gives the table for the page of figures.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from simulation.simulate import SimulationReport, simulate
from simulation.world import WORLDS, load_world

MEASURED = ("small", "demo", "default")


def run() -> str:
    """Simulate each shipped world once, and give a Markdown table."""
    lines = [
        "| world | vehicles | reads | seconds | reads/s | processor seconds | reads per processor second |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in MEASURED:
        begun = time.process_time()
        report = _measure(name)
        busy = time.process_time() - begun
        reads = sum(report.reads.values())
        rate = reads / report.seconds
        lines.append(
            f"| {name} | {report.vehicles:,} | {reads:,} | {report.seconds:.1f} | {rate:,.0f}"
            f" | {busy:.1f} | {reads / busy:,.0f} |"
        )
    return "\n".join(lines)


def _measure(name: str) -> SimulationReport:
    folder = Path(tempfile.mkdtemp(prefix="simulate-"))
    try:
        return simulate(load_world(WORLDS / f"{name}.yaml"), folder / name)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.stdout.write(run() + "\n")
