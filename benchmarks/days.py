"""What one more day costs with windows of 7, 28 and 90 days: its share, and the windows from the shares of all days.

A steady population drives every day: four reads a vehicle and day, in one journey out and one back. The share of a day
costs the same whatever the window; what grows is putting days together. Beside it the windows from all reads at once.

    python -m benchmarks.days [--reads 200000] [--threads 2]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.day_seal import KeptDays
from models.days import build_windows_by_day, day_folder, keep_day
from models.features.settings import PatternSettings
from models.windows import build_windows

WINDOWS = (7, 28, 90)
READS_PER_VEHICLE = 4
_FIRST = date(2026, 1, 1)
_KEPT = KeptDays("nwrocu", bytes(32), print)
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


def run(reads: int = 200_000, threads: int = 2) -> str:
    """Measure, and give a Markdown table."""
    end, rows = _FIRST + timedelta(days=max(WINDOWS) - 1), []
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        parts = write_days(lake, reads)
        with duckdb.connect(config={"threads": threads, "memory_limit": "5GB"}) as connection:
            for part in parts:
                keep_day(connection, lake, _KEPT, part.date or end, [part], PatternSettings())
            for days in WINDOWS:
                rows.append(_measure(connection, lake, parts, end, PatternSettings(window_days=days)))
    first = rows[0][2]
    told = [
        f"| {days} | {share:.2f} | {whole:.2f} | {whole / first:.2f} | {at_once:.2f} |"
        for days, share, whole, at_once in rows
    ]
    head = (
        f"{reads:,} reads a day of {reads // READS_PER_VEHICLE:,} vehicles; processor seconds.\n\n"
        "| window, days | share of the new day | one more day: share and windows | beside 7 days | all reads at once |"
    )
    return "\n".join([head, "|---|---:|---:|---:|---:|", *told])


def _measure(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: list[PartRef], end: date, settings: PatternSettings
) -> tuple[int, float, float, float]:
    shutil.rmtree(day_folder(lake, "nwrocu", end, settings))
    begun = time.process_time()
    keep_day(connection, lake, _KEPT, end, [parts[-1]], settings)
    share = time.process_time() - begun
    by_day = build_windows_by_day(connection, lake, _KEPT, parts, end, settings)
    whole = time.process_time() - begun
    begun = time.process_time()
    at_once = build_windows(connection, lake, parts, end, settings)
    if not by_day.equals(at_once):
        raise RuntimeError("days put together are not the reads at once")
    return settings.window_days, share, whole, time.process_time() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    sys.stdout.write(run(chosen.reads, chosen.threads) + "\n")


if __name__ == "__main__":
    main()
