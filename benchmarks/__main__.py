"""Runs every benchmark and rewrites `benchmarks/README.md`. Compare ratios; seconds depend on the machine."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import audit, days, features, health, ingest, models, simulate

HEAD = """# Benchmarks

`make bench` measures these and rewrites this page. Ratios are against the named alternative in the same run,
on the same machine, with two threads; seconds alone say little.

Measured {when} on {cores} cores, Python {python}.
"""


def run() -> None:
    """Measure and write the page."""
    when, cores = datetime.now(UTC).date().isoformat(), len(os.sched_getaffinity(0))
    parts = [HEAD.format(when=when, cores=cores, python=platform.python_version())]
    for title, measure in (
        ("Simulation: reads per second (at least 200,000 in a large world)", simulate.run),
        ("Ingest: a day of a region, landing to accepted reads with all rules", ingest.run),
        ("Windows: all features beside ten typed by hand in SQL and in Polars", features.run),
        ("Models: what ranks lines highest, by the truth of four worlds at half size", models.run),
        ("Windows: what one more day costs, by the length of the window", days.run),
        ("Audit log: a million rows verified, beside the plainest chain", audit.run),
        ("Camera health: what is found of known faults, and how often it cries wolf", health.run),
    ):
        sys.stderr.write(f"{title} …\n")
        parts.append(f"## {title}\n\n{measure().strip()}\n")
    Path(__file__).with_name("README.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    run()
