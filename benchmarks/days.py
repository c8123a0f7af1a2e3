"""What one more day costs with windows of 7, 28 and 90 days: its share, the windows from all shares, and their scores.

A steady population drives every day: four reads a vehicle and day, in one journey out and one back; ten million reads
in 90 days. The share of a day costs the same whatever the window; what grows is putting days together. Each length has
a process of its own, as each day's run has. Beside it the windows from all reads at once.

    python -m benchmarks.days [--reads 111000] [--threads 2]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.day_seal import KeptDays
from models.days import build_windows_by_day, day_folder, keep_day
from models.features.settings import PatternSettings
from models.patterns import get_pattern
from models.scoring import score_windows
from models.training import train_model
from models.training_settings import TrainingSettings
from models.windows import build_windows

WINDOWS = (7, 28, 90)
READS_PER_VEHICLE = 4
_FIRST = date(2026, 1, 1)
_LISTED = 25
_CAMERAS = """
    CREATE TABLE cameras AS SELECT i AS camera, 'c' || i AS camera_id, 's' || (i // 2) AS site_id,
        (52 + (i // 40) * 0.1)::DOUBLE AS latitude, (-3 + (i % 40) * 0.08)::DOUBLE AS longitude,
        ['one', 'two', 'three', 'four'][1 + (i // 40) // 5] AS force
    FROM range(800) t(i)
"""
_DAY = """
    COPY (
        SELECT 'b{number}' AS batch_id, v * 4 + k AS row_no,
            translate(md5(v::VARCHAR), '0123456789abcdef', 'bcdfghjklmnpqrst') AS vehicle, 'current' AS plate_format,
            v % 50 = 0 AS plate_repaired,
            TIMESTAMP '{day}' + to_seconds((20000 + hash(v + {number}) % 20000 + k * 420 + k // 2 * 20000)::BIGINT)
                AS captured_at,
            NULL::TIMESTAMP AS received_at, camera_id, site_id, latitude, longitude, force, 60.0 + v % 40 AS confidence,
            true AS motion_toward_camera, 'f' AS feed_id, 's' AS source_id, '1' AS contract_version
        FROM (
            SELECT v, k, (hash(v) % 700 + CASE WHEN hash(v * 31 + {number}) % 5 = 0 THEN hash(v + {number} * 7) % 60
                ELSE 0 END + CASE WHEN k IN (1, 2) THEN 40 ELSE 0 END) % 800 AS camera
            FROM range({vehicles}) t(v), range(4) u(k)
        ) JOIN cameras USING (camera) ORDER BY vehicle, captured_at, row_no
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def write_days(lake: Lake, reads: int) -> list[PartRef]:
    """One part a day for the longest window."""
    parts = []
    with duckdb.connect() as connection:
        connection.execute(_CAMERAS)
        for number in range(max(WINDOWS)):
            day = _FIRST + timedelta(days=number)
            path = lake.folder("reads", "nwrocu", date=day.isoformat()) / "part.parquet"
            path.parent.mkdir(parents=True)
            vehicles = reads // READS_PER_VEHICLE
            connection.execute(_DAY.format(number=number, day=day, vehicles=vehicles, path=path))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            parts.append(PartRef(layer="reads", path=lake.relative(path), sha256=digest, rows=reads, date=day))
    return parts


def run(reads: int = 111_000, threads: int = 2) -> str:
    """Measure, and give a Markdown table."""
    end, rows = _FIRST + timedelta(days=max(WINDOWS) - 1), []
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        parts = write_days(lake, reads)
        with _connected(threads) as connection:
            for part in parts:
                keep_day(connection, lake, _kept(), part.date or end, [part], PatternSettings())
            model = _model(build_windows(connection, lake, parts, end, PatternSettings(window_days=min(WINDOWS))))
        for days in WINDOWS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:
                rows.append(own.submit(_measure, Path(folder), parts, end, days, model, threads).result())
    first = sum(rows[0][:3])
    told = [
        f"| {days} | {share:.2f} | {windows:.2f} | {scores:.2f} | {share + windows + scores:.2f} |"
        f" {(share + windows + scores) / first:.2f} | {at_once:.2f} |"
        for days, (share, windows, scores, at_once) in zip(WINDOWS, rows, strict=True)
    ]
    head = (
        f"{reads:,} reads a day of {reads // READS_PER_VEHICLE:,} vehicles; processor seconds, each length in a "
        "process of its own.\n\nTargets: 28 days at most 1.3 times, 90 days at most 1.6 times what 7 days cost.\n\n"
        "| window, days | share of the new day | windows from shares | scores | one more day | beside 7 days |"
        " windows from all reads at once |"
    )
    return "\n".join([head, "|---|---:|---:|---:|---:|---:|---:|", *told])


def _model(windows: pa.Table) -> str:
    """A model of the usual size; what it has learned does not matter to what it costs."""
    chance = np.random.default_rng(1)
    labels = (chance.random(windows.num_rows) < 0.02).astype(np.int8)
    table = windows.append_column("label", pa.array(labels))
    table = table.append_column("weight", pa.array(np.ones(windows.num_rows)))
    features = [feature.name for feature in get_pattern("county_lines").features]
    return train_model(table, features, TrainingSettings())[0]


def _measure(
    folder: Path, parts: Sequence[PartRef], end: date, days: int, model: str, threads: int
) -> tuple[float, float, float, float]:
    """Processor seconds of the new day's share, of the windows from shares, of their scores; of all reads at once."""
    lake, settings, kept = Lake(folder), PatternSettings(window_days=days), _kept()
    shutil.rmtree(day_folder(lake, "nwrocu", end, settings))
    with _connected(threads) as connection:
        begun = time.process_time()
        keep_day(connection, lake, kept, end, [parts[-1]], settings)
        share = time.process_time()
        by_day = build_windows_by_day(connection, lake, kept, parts, end, settings)
        windows = time.process_time()
        score_windows(model, by_day, get_pattern("county_lines"), settings, _LISTED)
        scores = time.process_time()
        at_once = build_windows(connection, lake, parts, end, settings)
        done = time.process_time()
    if not by_day.equals(at_once):
        raise RuntimeError("days put together are not the reads at once")
    return share - begun, windows - share, scores - windows, done - scores


def _kept() -> KeptDays:
    return KeptDays("nwrocu", bytes(32), print)


def _connected(threads: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads, "memory_limit": "5GB"})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=111_000)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    sys.stdout.write(run(chosen.reads, chosen.threads) + "\n")


if __name__ == "__main__":
    main()
