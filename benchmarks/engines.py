"""The same reads to windows on DuckDB and on Spark on this machine: the same table, and what each costs.

Belongs here what `make test` has no time for: `tests/models/test_engine_parity.py` holds the engines against each
other on some thousand reads, this on a million.

    python -m benchmarks.engines [--reads 1000000] [--threads 2] [--kind journeys]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.features import AS_OF, write_reads
from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from infra.settings import Settings
from models.patterns import get_pattern
from models.windows import READS, window_table


def run(reads: int = 1_000_000, threads: int = 2, kind: str = "journeys") -> str:
    """Build the windows twice, and give a Markdown table.

    Raises:
        RuntimeError: The two engines do not give the same table.
    """
    # Spark is an extra, and the other benchmarks do without
    from models.features.spark import open_spark

    pattern = get_pattern("county_lines")
    settings = pattern.settings_type()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reads.parquet"
        write_reads(path, reads, kind)
        part = PartRef(layer="reads", path=path.name, sha256="0" * 64, rows=0)
        begun = time.perf_counter()
        with duckdb.connect(config={"threads": threads, "memory_limit": "5GB"}) as connection:
            expected = pattern.build_windows(connection, Lake(path.parent), [part], AS_OF, settings)
        on_duckdb = time.perf_counter() - begun
        begun = time.perf_counter()
        with open_spark(Settings(home=Path(folder), threads=threads, memory_limit="5GB")) as engine:
            found = window_table(engine.read([path], READS, "given"), AS_OF, settings, engine)
        on_spark = time.perf_counter() - begun
    if not found.equals(expected):
        raise RuntimeError("DuckDB and Spark do not give the same windows")
    return "\n".join(
        [
            f"{expected.num_rows:,} windows of {reads:,} reads ({kind}) are the same table on both; load of the machine"
            f" over the minutes before: {os.getloadavg()[1]:.1f}.",
            "",
            "| engine | seconds by the clock |",
            "|---|---:|",
            f"| DuckDB | {on_duckdb:.1f} |",
            f"| Spark, local, with its start | {on_spark:.1f} |",
        ]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", choices=("journeys", "scattered"), default="journeys")
    chosen = parser.parse_args()
    sys.stdout.write(run(chosen.reads, chosen.threads, chosen.kind) + "\n")


if __name__ == "__main__":
    main()
