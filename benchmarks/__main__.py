"""Runs every benchmark, or the named ones, and rewrites their sections of `benchmarks/README.md`.

Compare ratios; seconds depend on the machine. All of them take hours, most of it for the worlds of `models`.

    python -m benchmarks [simulate ingest features engines models convoys days audit health]
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import audit, convoys, days, engines, features, health, ingest, models, simulate
from infra.errors import FindProfileError, WrongInputError

PAGE = Path(__file__).with_name("README.md")
HEAD = """# Benchmarks

`make bench` measures these and rewrites this page. Ratios are against the named alternative in the same run,
on the same machine, with two threads; seconds alone say little.
"""
MEASURED = {
    simulate: "Simulation: reads per second (at least 200,000 in a large world)",
    ingest: "Ingest: a day of a region, landing to accepted reads with all rules",
    features: "Windows: all features beside ten typed by hand in SQL and in Polars",
    engines: "Windows: a million reads on DuckDB and on Spark, the same table",
    models: "Models: what ranks lines highest, by the truth of four worlds",
    convoys: "Models: what ranks convoys highest, by the truth of a world of pairs",
    days: "Windows: what one more day costs, by the length of the window",
    audit: "Audit log: a million rows verified, beside the plainest chain",
    health: "Camera health: what is found of known faults, and how often it cries wolf",
}


def run(wanted: Sequence[str] = ()) -> None:
    """Measure, and write the page; sections that are not measured stay as they are.

    Args:
        wanted: Names of benchmarks; all without.

    Raises:
        WrongInputError: There is no benchmark of such a name.
    """
    named = {module.__name__.rpartition(".")[2]: module for module in MEASURED}
    unknown = [name for name in wanted if name not in named]
    if unknown:
        raise WrongInputError(f"There is no benchmark {', '.join(unknown)}.", f"Name some of: {', '.join(named)}.")
    when, cores = datetime.now(UTC).date().isoformat(), len(os.sched_getaffinity(0))
    stamp = f"Measured {when} on {cores} cores, Python {platform.python_version()}."
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    sections = {title: f"## {title}\n\n{body.strip()}\n" for title, body in _SECTION.findall(before)}
    for name, module in named.items():
        if wanted and name not in wanted:
            continue
        title = MEASURED[module]
        sys.stderr.write(f"{title} …\n")
        sections[title] = f"## {title}\n\n{stamp}\n\n{module.run().strip()}\n"
        kept = [sections[known] for known in MEASURED.values() if known in sections]
        PAGE.write_text("\n".join([HEAD, *kept]), encoding="utf-8")


_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)

if __name__ == "__main__":
    try:
        run(sys.argv[1:])
    except FindProfileError as error:
        sys.stderr.write(f"{error.reason} {error.instruction}\n")
        sys.exit(error.exit_code)
