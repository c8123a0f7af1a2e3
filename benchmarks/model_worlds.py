"""Worlds for the benchmark of models: simulated, brought to windows, findings and truth, kept as Parquet.

Reads take a short way to the layout of the reads layer: rows that the contract would refuse are dropped and repeats
within five seconds are collapsed, without quarantine, vault or records. Belongs here: getting there, and the
truth, which nothing outside `benchmarks/` may read. Does not: models and figures.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.labels import Finding
from models.patterns import Pattern, get_pattern
from simulation.simulate import simulate
from simulation.world import WORLDS, World, load_world

OWN_WORLDS = Path(__file__).parent / "worlds"
KEY = "translate(md5(vrm), '0123456789abcdef', 'bcdfghjklmnpqrst')"
_READS = """
    COPY (
        WITH good AS (
            SELECT {token} AS vehicle, try_strptime(captured_at, '%Y-%m-%dT%H:%M:%SZ') AS captured_at, camera_id,
                try_cast(confidence AS DOUBLE) AS confidence, filename, row_number() OVER () AS row_no
            FROM read_csv({files}, header = true, all_varchar = true, filename = true)
            WHERE length(vrm) >= 2 AND try_cast(confidence AS DOUBLE) BETWEEN 0 AND 100
        ), placed AS (
            SELECT good.*, site_id, latitude, longitude, force
            FROM good JOIN cameras USING (camera_id)
            WHERE good.captured_at >= valid_from AND (valid_to IS NULL OR good.captured_at < valid_to)
        ), once AS (
            SELECT *, lag(captured_at) OVER (PARTITION BY vehicle, camera_id ORDER BY captured_at, row_no) AS before
            FROM placed
        )
        SELECT 'b' AS batch_id, row_no, vehicle, 'current' AS plate_format, false AS plate_repaired, captured_at,
            NULL::TIMESTAMP AS received_at, camera_id, site_id, latitude, longitude, force, confidence,
            true AS motion_toward_camera, 'f' AS feed_id, 's' AS source_id, '1' AS contract_version,
            strftime(captured_at, '%Y-%m-%d') AS date
        FROM once WHERE before IS NULL OR captured_at - before > INTERVAL 5 SECOND
        ORDER BY date, vehicle, captured_at, row_no
    ) TO '{out}' (FORMAT parquet, PARTITION_BY (date), WRITE_PARTITION_COLUMNS false)
"""
OTHER = KEY.replace("vrm", "other_vrm")
_TRUTH = """
    active AS (
        SELECT DISTINCT {key} AS vehicle FROM read_parquet('{truth}/windows.parquet')
        WHERE rocu = '{rocu}' AND window_end::VARCHAR = '{end}'
    ), lives AS (
        SELECT {key} AS vehicle, min(life) AS life FROM read_parquet('{truth}/vehicles.parquet') GROUP BY 1
    )
"""
_TRUTH_OF_PAIRS = """
    lives AS (
        SELECT array_to_string(list_sort([{key}, {other}]), '+') AS vehicle, min(kind) AS life
        FROM read_parquet('{truth}/pairs.parquet') GROUP BY 1
    ), active AS (SELECT vehicle FROM lives WHERE life = 'convoy')
"""
_UNLIVED = {"vehicle": "misread", "pair": "by chance"}
_CAMERAS = """
    CREATE TABLE cameras AS SELECT camera_id, coalesce(site_id, camera_id) AS site_id, latitude::DOUBLE AS latitude,
        longitude::DOUBLE AS longitude, force, strptime(valid_from, '%Y-%m-%dT%H:%M:%SZ') AS valid_from,
        try_strptime(valid_to, '%Y-%m-%dT%H:%M:%SZ') AS valid_to
    FROM read_csv('{file}', header = true, all_varchar = true)
"""


@dataclass(frozen=True)
class Region:
    """One ROCU of a simulated world.

    Args:
        windows: Features, the rule's points (`baseline`), truth (`active`) and `life`, by window end; of a pattern of
            pairs `life` is how the two travel together.
        findings: All that were delivered in the world.
    """

    world: str
    seed: int
    rocu: str
    windows: dict[date, pa.Table]
    findings: tuple[Finding, ...]


def world_named(name: str) -> World:
    """A world of this folder or one that is shipped."""
    own = OWN_WORLDS / f"{name}.yaml"
    return load_world(own if own.is_file() else WORLDS / f"{name}.yaml")


def scaled(world: World, size: float) -> World:
    """The world with a share of its vehicles and of its reviews; everything else is as it was."""
    vehicles = world.vehicles.model_copy(update={"count": max(100, round(world.vehicles.count * size))})
    reviews = max(1, round(world.dispositions.reviews_per_week * size))
    dispositions = world.dispositions.model_copy(update={"reviews_per_week": reviews})
    return world.model_copy(update={"vehicles": vehicles, "dispositions": dispositions})


def regions(
    name: str, seed: int, size: float, cache: Path, rocus: int = 0, pattern: str = "county_lines"
) -> Iterator[Region]:
    """The regions of a world, from the cache where they are there already.

    Args:
        name: Of the world.
        seed: Added to the world's own.
        size: Share of the world's vehicles.
        cache: Folder for what is built.
        rocus: How many of the world's regions to build; 0 is all.
        pattern: Whose windows and findings.
    """
    world = scaled(world_named(name), size)
    home = cache / f"{name}-{size:g}-{seed}"
    known = get_pattern(pattern)
    chosen = world.rocus[: rocus or len(world.rocus)]
    if not all((home / rocu / "done").is_file() for rocu in chosen):
        raw = home / "raw"
        if not raw.is_dir():
            simulate(world, raw, world.seed + seed)
        for rocu in chosen:
            if not (home / rocu / "done").is_file():
                _build(raw, rocu, world, home / rocu, known)
        shutil.rmtree(raw)
    for rocu in chosen:
        yield _read(name, seed, rocu, home / rocu)


def _ends(world: World) -> list[date]:
    days = [world.start + timedelta(days=back) for back in range(world.days)]
    return [day for day in days if day.weekday() == 6 and (day - world.start).days + 1 >= 28]


def _build(raw: Path, rocu: str, world: World, out: Path, pattern: Pattern) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as connection:
        connection.execute(_CAMERAS.format(file=raw / rocu / "cameras.csv"))
        files = [str(path) for path in sorted((raw / rocu / "reads").glob("*.csv*"))]
        connection.execute(_READS.format(token=KEY, files=files, out=out / "reads"))
        _write_findings(connection, raw, rocu, out, pattern)
        for end in _ends(world):
            pq.write_table(
                _window(connection, raw, rocu, out, end, pattern), out / f"{end}.parquet", compression="zstd"
            )
    shutil.rmtree(out / "reads")
    (out / "done").touch()


def _window(
    connection: duckdb.DuckDBPyConnection, raw: Path, rocu: str, out: Path, end: date, pattern: Pattern
) -> pa.Table:
    settings = pattern.settings_type()
    first = end - timedelta(days=settings.window_days - 1)
    parts = []
    for path in sorted((out / "reads").glob("date=*/*.parquet")):
        day = date.fromisoformat(path.parent.name.removeprefix("date="))
        if first <= day <= end:
            rows = pq.ParquetFile(path).metadata.num_rows
            name = str(path.relative_to(out))
            parts.append(PartRef(layer="reads", path=name, sha256="0" * 64, rows=rows, date=day))
    table = pattern.build_windows(connection, Lake(out), parts, end, settings)
    table = table.append_column("baseline", pa.array(pattern.baseline(table)))
    connection.register("window_table", table)
    truth = _TRUTH_OF_PAIRS if pattern.unit == "pair" else _TRUTH
    told: pa.Table = connection.execute(
        f"""WITH {truth.format(key=KEY, other=OTHER, truth=raw / "truth", rocu=rocu, end=end)}
            SELECT w.*, active.vehicle IS NOT NULL AS active, coalesce(life, '{_UNLIVED[pattern.unit]}') AS life
            FROM window_table w LEFT JOIN active USING (vehicle) LEFT JOIN lives USING (vehicle) ORDER BY w.vehicle"""
    ).to_arrow_table()
    connection.unregister("window_table")
    return told


def _write_findings(connection: duckdb.DuckDBPyConnection, raw: Path, rocu: str, out: Path, pattern: Pattern) -> None:
    pairs = pattern.unit == "pair"
    found = sorted((raw / rocu / "dispositions").glob("*.csv"))
    files = [str(path) for path in found if path.stem.endswith("_pairs") == pairs]
    key = f"array_to_string(list_sort([{KEY}, {OTHER}]), '+')" if pairs else KEY
    connection.execute(
        f"""COPY (
            SELECT {key} AS vehicle, window_end::DATE AS window_end, finding,
                strptime(decided_at, '%Y-%m-%dT%H:%M:%SZ') AS decided_at, selected_by
            FROM read_csv({files}, header = true, all_varchar = true) ORDER BY ALL
        ) TO '{out}/findings.parquet' (FORMAT parquet)"""
    )


def _read(name: str, seed: int, rocu: str, folder: Path) -> Region:
    rows = pq.read_table(folder / "findings.parquet").to_pylist()
    found = tuple(
        Finding(row["vehicle"], row["window_end"], row["finding"], row["decided_at"].replace(tzinfo=UTC))
        for row in rows
    )
    windows = {date.fromisoformat(path.stem): pq.read_table(path) for path in sorted(folder.glob("2*.parquet"))}
    return Region(name, seed, rocu, windows, found)
