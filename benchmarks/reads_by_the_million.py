"""Deliveries as a region's feeds write them, by the million: reads of some days, and the cameras that made them.

About one vehicle for four reads, a few of them seen forty times a day; journeys along roads at road speed; valid plates
of several formats; one read in a hundred twice within seconds; one in two hundred misread by a letter; 1.5 % of rows
broken in eleven ways. The same numbers give the same bytes. Not for judging a model: where these vehicles go is no
one's life.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import duckdb

FIRST_DAY = date(2026, 5, 4)
CAMERAS = 1_200
HEADER = "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
READS_PER_VEHICLE = 4.25

_CAMERAS = """
    SELECT 1110000 + i AS camera_id, 53 + (i // 40) * 0.05 AS latitude, -3 + (i % 40) * 0.08 AS longitude,
        '2025-01-26T00:00:00Z' AS valid_from, NULL AS valid_to,
        ['Cheshire', 'Cumbria', 'Greater Manchester', 'Lancashire', 'Merseyside',
            'North Wales'][1 + i // 200] AS force,
        1110000 + i // 2 * 2 AS site_id, 'fixed' AS kind, 'street' AS road, NULL AS bearing
    FROM range({cameras}) t(i)
"""

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_PLATES = f"""
    CREATE TABLE plates AS
    WITH numbered AS (SELECT v, (v * 104729 + {{day}} * 7919) % 300000000 AS n,
        hash(v) % 100 AS kind FROM range({{vehicles}}) t(v)),
    lettered AS (
        SELECT *, substr('{_LETTERS}', 1 + n % 23, 1) AS a, substr('{_LETTERS}', 1 + n // 23 % 23, 1) AS b,
            substr('{_LETTERS}', 1 + n // 529 % 23, 1) AS c, n // 12167 AS rest
        FROM numbered)
    SELECT v::INTEGER AS v, CASE
        WHEN kind < 6 THEN substr('ABCDEFGHJKLMNPRSTVWXY', 1 + rest % 21, 1) || (1 + rest // 21 % 999) || b || c || a
        WHEN kind < 7 THEN a || 'IZ' || (1000 + rest % 9000)
        WHEN kind < 8 THEN a || b || '-' || (10 + rest % 90) || c || a || c || a
        ELSE replace(a, 'Z', 'Y') || replace(b, 'Z', 'Y') || lpad((2 + rest % 25 + rest // 25 % 2 * 49)::VARCHAR,
            2, '0')
            || substr('{_LETTERS}', 1 + rest // 50 % 23, 1) || c || substr('{_LETTERS}', 1 + rest // 1150 % 23,
                1) END AS vrm,
        CASE WHEN hash(v * 3) % 100 < 55 THEN 1 WHEN hash(v * 3) % 100 < 90 THEN 2 WHEN hash(v * 3) % 100 < 98 THEN 4
            ELSE 10 END::INTEGER AS journeys
    FROM lettered
"""
_PASSES = """
    CREATE TABLE passes AS
    WITH journeys AS (
        SELECT v, vrm, j, (1 + hash(v * 5 + j) % 4)::BIGINT AS steps, hash(v * 7) % 30 AS road,
            hash(v * 11) % 36 AS home,
            18000 + j * 64800 // journeys + hash(v * 13 + j) % (64800 // journeys // 2) AS starts
        FROM plates, range(journeys::BIGINT) t(j)),
    steps AS (
        SELECT *, CASE WHEN j % 2 = 0 THEN k ELSE 3 - k END AS place, hash(v * 17 + j * 31 + k) AS dice
        FROM journeys, range(steps) u(k))
    SELECT v, vrm, (road * 40 + home + place)::INTEGER AS camera,
        (starts + k * 400 + dice % 60)::INTEGER AS second, dice
    FROM steps ORDER BY dice LIMIT {passes}
"""
_READS = """
    WITH twice AS (
        SELECT *, false AS again FROM passes
        UNION ALL SELECT v, vrm, camera, second + 1 + (dice // 7) % 4, hash(dice),
            true FROM passes WHERE dice % 97 = 0
        ORDER BY dice LIMIT {reads}
    ), faulty AS (
        SELECT *, dice // 1000 % 10000 AS fault, TIMESTAMP '{day}' + to_seconds(second) AS captured,
            (1 + pow(2, dice // 100000 % 80 / 10))::INTEGER AS delay
        FROM twice
    ), written AS (
        SELECT CASE WHEN fault < 15 THEN '' WHEN fault < 30 THEN 'NOREAD' WHEN fault < 40 THEN left(vrm,
            2) || '?' || right(vrm, 2)
                WHEN fault < 90 THEN translate(vrm, 'CEFMN', 'GFENM') ELSE vrm END AS vrm,
            CASE WHEN fault BETWEEN 100 AND 109 THEN '' WHEN fault BETWEEN 110 AND 119 THEN '2026-13-45T25:00:00Z'
                WHEN fault BETWEEN 120 AND 129 THEN strftime(captured, '%Y-%m-%dT%H:%M:%S')
                WHEN fault BETWEEN 130 AND 139 THEN strftime(captured + INTERVAL 400 DAY, '%Y-%m-%dT%H:%M:%SZ')
                ELSE strftime(captured, '%Y-%m-%dT%H:%M:%SZ') END AS captured_at,
            CASE WHEN fault BETWEEN 150 AND 169 THEN 'GONE-' || camera ELSE (1110000 + camera)::VARCHAR END AS
                camera_id,
            CASE WHEN fault BETWEEN 170 AND 189 THEN 140 ELSE 55 + dice // 11 % 45 END AS confidence,
            CASE WHEN fault BETWEEN 190 AND 199 THEN 'perhaps' WHEN dice % 5 < 3 THEN 'true' ELSE 'false' END AS
                motion_toward_camera,
            1301 + camera // 200 AS feed_id, (1301 + camera // 200) * 10 + camera % 2 AS source_id,
            strftime(captured + to_seconds(CASE WHEN fault BETWEEN 200 AND 209 THEN -3600 ELSE delay END),
                '%Y-%m-%dT%H:%M:%SZ')
                || CASE WHEN fault BETWEEN 210 AND 214 THEN ',,' ELSE '' END AS received_at,
            captured, delay, dice
        FROM faulty
    )
    SELECT concat_ws(',', vrm, captured_at, camera_id, confidence, motion_toward_camera, feed_id, source_id,
        received_at)
        AS "{header}"
    FROM written ORDER BY captured + to_seconds(delay), dice
"""


def write_cameras(path: Path) -> None:
    """Write the register of the cameras."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({_CAMERAS.format(cameras=CAMERAS)}) TO '{path}' (HEADER)")


def write_day(path: Path, reads: int, day: int) -> date:
    """Write one day's delivery, in the order of receipt.

    Args:
        path: The CSV file to write.
        reads: Its rows.
        day: Which day, from 0; each has vehicles of its own.

    Returns:
        The day of capture.
    """
    captured_on = FIRST_DAY + timedelta(days=day)
    with duckdb.connect(config={"threads": 2, "memory_limit": "6GB"}) as connection:
        connection.execute(_PLATES.format(day=day, vehicles=round(reads / READS_PER_VEHICLE)))
        connection.execute(_PASSES.format(passes=round(reads * 0.991)))
        query = _READS.format(reads=reads, day=captured_on, header=HEADER)
        connection.execute(f"COPY ({query}) TO '{path}' (HEADER, DELIM '\\x01', QUOTE '', ESCAPE '')")
    return captured_on


def cut_small(whole: Path, folder: Path, rows: int, first: int = 0) -> list[Path]:
    """Cut a delivery into files of some thousand rows, as mobile units upload them."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with whole.open("rb") as stream:
        header = next(stream)
        while lines := list(islice(stream, rows)):
            written.append(folder / f"{first + len(written):05}.csv")
            written[-1].write_bytes(header + b"".join(lines))
    return written


def join_days(days: list[Path], path: Path) -> None:
    """Put the deliveries of several days into one file."""
    with path.open("wb") as joined:
        for number, day in enumerate(days):
            with day.open("rb") as stream:
                header = next(stream)
                if number == 0:
                    joined.write(header)
                while block := stream.read(1 << 24):
                    joined.write(block)
