"""Windows with all features beside ten features typed by hand, in SQL for DuckDB and in Polars, on the same reads.

And beside all features typed by hand in Polars (`benchmarks.polars_features`), which has to give the same table,
column by column, or nothing is told. One after the other, each in a process of its own. Polars runs on its streaming
engine and sorts once; for ten features it tells vehicles apart by looking at the row before, which is its cheapest
way. The query by hand is what an engineer would type: one sort for hops, one for journeys, two group-bys. Two kinds
of reads: `journeys` (vehicles on trips of several cameras, as reads come) and `scattered` (every read somewhere else,
so that nearly each is a journey of its own: the worst case). Compare ratios; seconds depend on the machine, and where
other work runs beside it only those of the processor say something.

    python -m benchmarks.features [--reads 10000000] [--threads 2] [--kind journeys]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.polars_features import all_in_polars, unlike
from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.features.settings import PatternSettings
from models.patterns import get_pattern

AS_OF = date(2026, 2, 1)
READS_PER_JOURNEY = 6
READS_PER_VEHICLE = 20
_TOLD = (
    "Seconds and ratios by the clock / of the processor, each way in a process of its own. All in Polars is typed by "
    "hand and gives the same table."
)

_CAMERAS = """
    CREATE TABLE cameras AS SELECT i AS camera, 'c' || i AS camera_id, 's' || (i // 2) AS site_id,
        (52 + (i // 40) * 0.1)::DOUBLE AS latitude, (-3 + (i % 40) * 0.08)::DOUBLE AS longitude,
        ['one', 'two', 'three', 'four'][1 + (i // 40) // 5] AS force
    FROM range(800) t(i)
"""
_KINDS = {
    "scattered": """
        SELECT hash(i * 7) % {vehicles} AS v, hash(i * 11) % (28 * 86400) AS s, hash(i * 13) % 800 AS camera, i
        FROM range({reads}) t(i)
    """,
    "journeys": """
        SELECT hash(j * 7) % {vehicles} AS v, hash(j * 11) % (28 * 86400 - 7200) + k * 420 AS s,
            (hash(j * 13) % 740 + k * [1, 40][1 + j % 2]) % 800 AS camera, j * {steps} + k AS i
        FROM range({reads} // {steps}) t(j), range({steps}) u(k)
    """,
}
_READS = """
    COPY (
        SELECT 'b' || (i % 28) AS batch_id, i AS row_no,
            translate(md5(v::VARCHAR), '0123456789abcdef', 'bcdfghjklmnpqrst') AS vehicle, 'current' AS plate_format,
            i % 50 = 0 AS plate_repaired, TIMESTAMP '2026-01-05' + to_seconds(s::BIGINT) AS captured_at,
            NULL::TIMESTAMP AS received_at, camera_id, site_id, latitude, longitude, force, 60.0 + i % 40 AS confidence,
            true AS motion_toward_camera, 'f' AS feed_id, 's' AS source_id, '1' AS contract_version
        FROM ({kind}) JOIN cameras USING (camera) ORDER BY vehicle, captured_at, batch_id, row_no
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
_BY_HAND = """
    CREATE OR REPLACE TEMP TABLE by_hand AS
    WITH hops AS (
        SELECT *, lag(captured_at) OVER o AS before, lag(latitude) OVER o AS lat, lag(longitude) OVER o AS lon,
            lag(force) OVER o AS from_force
        FROM read_parquet('{path}') WINDOW o AS (PARTITION BY vehicle ORDER BY captured_at, batch_id, row_no)
    ), moves AS (
        SELECT *, epoch(captured_at) - epoch(before) AS gap,
            2 * 6371009 * asin(sqrt(pow(sin(radians(latitude - lat) / 2), 2)
                + cos(radians(lat)) * cos(radians(latitude)) * pow(sin(radians(longitude - lon) / 2), 2))) AS metres
        FROM hops
    ), numbered AS (
        SELECT *, sum(CASE WHEN before IS NULL OR (gap > 900 AND gap > 1.25 * 3.6 * metres / 30) THEN 1 ELSE 0 END)
            OVER (PARTITION BY vehicle ORDER BY captured_at, batch_id, row_no) AS journey
        FROM moves
    ), journeys AS (
        SELECT vehicle, journey, count(*) AS reads, min(captured_at) AS starts, max(captured_at) AS ends,
            sum(metres) AS metres, count(*) FILTER (from_force <> force) AS crossings,
            count(*) FILTER (hour(captured_at) >= 22 OR hour(captured_at) < 5) AS night
        FROM numbered GROUP BY ALL
    ), stays AS (
        SELECT *, epoch(starts) - epoch(lag(ends) OVER (PARTITION BY vehicle ORDER BY journey)) AS stay FROM journeys
    )
    SELECT vehicle, sum(reads) AS reads, count(*) AS journeys, sum(metres) / 1000 AS km, sum(crossings) AS crossings,
        sum(night) / sum(reads) AS night_share, median(stay) AS median_stay, max(stay) AS longest_stay,
        count(*) FILTER (stay < 14400) / count(*) AS short_share, date_diff('day', min(starts), max(ends)) + 1 AS life,
        avg(epoch(ends) - epoch(starts)) AS mean_journey
    FROM stays GROUP BY vehicle ORDER BY vehicle
"""


def write_reads(path: Path, reads: int, kind: str) -> None:
    """Write random reads in the layout of the reads layer."""
    with duckdb.connect() as connection:
        connection.execute(_CAMERAS)
        drawn = _KINDS[kind].format(reads=reads, vehicles=reads // READS_PER_VEHICLE, steps=READS_PER_JOURNEY)
        connection.execute(_READS.format(kind=drawn, path=path))


def ten_in_polars(path: Path) -> int:
    """The ten features of the query in Polars, streaming; gives the number of vehicles."""
    before = pl.all().shift(1)
    reads = pl.scan_parquet(path).select(
        "vehicle", "captured_at", "batch_id", "row_no", "latitude", "longitude", "force"
    )
    hops = reads.sort("vehicle", "captured_at", "batch_id", "row_no").with_columns(
        before.name.suffix("_before"), first=pl.col("vehicle").ne_missing(pl.col("vehicle").shift(1))
    )
    one, other = pl.col("latitude").radians(), pl.col("latitude_before").radians()
    across = ((pl.col("longitude") - pl.col("longitude_before")).radians() / 2).sin() ** 2
    chord = ((one - other) / 2).sin() ** 2 + other.cos() * one.cos() * across
    moves = hops.with_columns(
        gap=(pl.col("captured_at") - pl.col("captured_at_before")).dt.total_seconds(),
        metres=pl.when(~pl.col("first")).then(2 * 6371009 * chord.sqrt().arcsin()),
        crosses=~pl.col("first") & (pl.col("force") != pl.col("force_before")),
    )
    ends = pl.col("first") | ((pl.col("gap") > 900) & (pl.col("gap") > 1.25 * 3.6 * pl.col("metres") / 30))
    hour = pl.col("captured_at").dt.hour()
    journeys = (
        moves.with_columns(journey=ends.cast(pl.Int32).cum_sum())
        .group_by("vehicle", "journey")
        .agg(
            reads=pl.len(),
            starts=pl.col("captured_at").min(),
            ends=pl.col("captured_at").max(),
            metres=pl.col("metres").sum(),
            crossings=pl.col("crosses").sum(),
            night=((hour >= 22) | (hour < 5)).sum(),
        )
    )
    journeys = journeys.sort("journey").with_columns(
        stay=pl.when(pl.col("vehicle") == pl.col("vehicle").shift(1)).then(
            (pl.col("starts") - pl.col("ends").shift(1)).dt.total_seconds()
        )
    )
    found = journeys.group_by("vehicle").agg(
        reads=pl.col("reads").sum(),
        journeys=pl.len(),
        km=pl.col("metres").sum() / 1000,
        crossings=pl.col("crossings").sum(),
        night_share=pl.col("night").sum() / pl.col("reads").sum(),
        median_stay=pl.col("stay").median(),
        longest_stay=pl.col("stay").max(),
        short_share=(pl.col("stay") < 14400).sum() / pl.len(),
        life=(pl.col("ends").max().dt.date() - pl.col("starts").min().dt.date()).dt.total_days() + 1,
        mean_journey=(pl.col("ends") - pl.col("starts")).dt.total_seconds().mean(),
    )
    return found.sort("vehicle").collect(engine="streaming").height


@dataclass(frozen=True)
class _Taken:
    """What a way took: seconds by the clock and of the processor (all threads), the most memory held; and its rows."""

    clock: float
    processor: float
    peak_gb: float
    rows: int

    def beside(self, other: _Taken) -> str:
        """How many times another it takes, by the clock and by processor time."""
        return f"{self.clock / other.clock:.2f} / {self.processor / other.processor:.2f}"

    def __str__(self) -> str:
        return f"{self.clock:.2f} / {self.processor:.2f}"


def _ten_by_hand(path: Path, threads: int) -> int:
    with _connected(threads) as connection:
        connection.execute(_BY_HAND.format(path=path))
        ((vehicles,),) = connection.execute("SELECT count(*) FROM by_hand").fetchall()
    return int(vehicles)


def _ours(path: Path, threads: int) -> pa.Table:
    pattern, part = get_pattern("county_lines"), PartRef(layer="reads", path=path.name, sha256="0" * 64, rows=0)
    with _connected(threads) as connection:
        return pattern.build_windows(connection, Lake(path.parent), [part], AS_OF, PatternSettings())


def _ten_in_polars(path: Path, _: int) -> int:
    return ten_in_polars(path)


def _all_in_polars(path: Path, _: int) -> pl.DataFrame:
    return all_in_polars([path], AS_OF, PatternSettings())


def _connected(threads: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads, "memory_limit": "5GB"})


_Way = Callable[[Path, int], int | pa.Table | pl.DataFrame]


def _take(way: _Way, path: Path, threads: int) -> _Taken:
    begun = time.perf_counter(), time.process_time()
    found = way(path, threads)
    clock, processor = time.perf_counter() - begun[0], time.process_time() - begun[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if isinstance(found, int):
        return _Taken(clock, processor, peak, found)
    if isinstance(found, pl.DataFrame):
        found.write_parquet(_written(path, way))
        return _Taken(clock, processor, peak, found.height)
    pq.write_table(found, _written(path, way))
    return _Taken(clock, processor, peak, found.num_rows)


def _written(path: Path, way: _Way) -> Path:
    return path.with_name(f"{way.__name__}.parquet")


def measure(path: Path, threads: int) -> dict[str, str]:
    """By the head of its column what is told of one file of reads.

    Each way has a process of its own: memory that another held and gave back makes the next a tenth slower.
    """
    taken = []
    for way in (_ten_by_hand, _ours, _ten_in_polars, _all_in_polars):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:
            taken.append(own.submit(_take, way, path, threads).result())
    by_hand, whole, in_polars, all_polars = taken
    if len({one.rows for one in taken}) > 1:
        raise RuntimeError("they do not see the same vehicles")
    found = pq.read_table(_written(path, _ours), partitioning=None)
    if differing := unlike(found, pl.read_parquet(_written(path, _all_in_polars))):
        raise RuntimeError(f"Polars gives another {', '.join(differing)}")
    return {
        "vehicles": f"{whole.rows:,}",
        "features": str(len(get_pattern("county_lines").features)),
        "ten by hand, s": str(by_hand),
        "all features, s": str(whole),
        "ratio": whole.beside(by_hand),
        "ten in Polars, s": str(in_polars),
        "ratio to Polars": whole.beside(in_polars),
        "all in Polars, s": str(all_polars),
        "ratio of ours to it": whole.beside(all_polars),
        "peak GB": f"{whole.peak_gb:.2f}",
        "peak GB of all in Polars": f"{all_polars.peak_gb:.2f}",
    }


def run(reads: int = 10_000_000, threads: int = 2, kinds: Sequence[str] = tuple(sorted(_KINDS))) -> str:
    """Measure each kind of reads, and give a Markdown table."""
    rows = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "reads.parquet"
            write_reads(path, reads, kind)
            rows.append({"kind": kind, "reads": f"{reads:,}"} | measure(path, threads))
    table = [f"| {' | '.join(row.values())} |" for row in rows]
    head = [f"| {' | '.join(rows[0])} |", "|---|" + "---:|" * (len(rows[0]) - 1)]
    return "\n".join([_TOLD, "", *head, *table])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", choices=sorted(_KINDS), action="append")
    chosen = parser.parse_args()
    sys.stdout.write(run(chosen.reads, chosen.threads, chosen.kind or sorted(_KINDS)) + "\n")


if __name__ == "__main__":
    main()
