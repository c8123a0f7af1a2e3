from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from benchmarks.features import AS_OF, write_reads
from benchmarks.polars_features import all_in_polars, unlike
from models.features.settings import PatternSettings
from models.windows import FEATURES, windows_of_given

SUMMER_TIME = date(2026, 4, 10)
"""A window to this day has the change of the clocks in it."""
_HARD_READS = """
    COPY (
        WITH cameras AS (
            SELECT i AS camera, 'c' || i AS camera_id, 50.5 + i // 5 * 0.13 AS latitude, -4 + i % 5 * 0.21 AS longitude,
                [NULL, '', 'one', 'two', 'three'][1 + i // 3 % 5] AS force
            FROM range(31) t(i)
        ), drawn AS (
            SELECT CASE WHEN j < 60 THEN 100 + j ELSE hash(j * 3) % 50 END::BIGINT AS v,
                (hash(j * 7) % 300)::BIGINT AS slot, (slot * 7 + v * 3) % 800 AS hour, k,
                (hash(j * 11) % 30030)::BIGINT AS dice, j * 3 + k AS row_no,
                CASE WHEN dice % 2 = 0 THEN k ELSE k * 5 END AS step,
                CASE WHEN j % 900 = 77 THEN 30 ELSE (hash(j * 5) % 26 + step) % 30 END AS camera
            FROM range(2000) t(j), range(3) u(k) WHERE j >= 60 OR k = 0
        ), shuttles AS (
            SELECT 300 + w AS v, 100 + w + j * 2 AS hour, k, 1 AS dice, 90000 + w * 100 + j * 3 + k AS row_no,
                CASE WHEN j % 2 = 0 THEN k * 5 ELSE 10 - k * 5 END AS camera
            FROM range(5) s(w), range(12) t(j), range(3) u(k) WHERE j < 6 + w
        ), convoys AS (
            SELECT v, hour, k, dice, row_no, camera FROM drawn
            UNION ALL SELECT v + 200, hour, k, dice, row_no + 6000, camera FROM drawn WHERE v < 20
            UNION ALL SELECT v, hour, k, dice, row_no, camera FROM shuttles
        )
        SELECT 'b' || (dice % 5) AS batch_id, row_no, md5(v::VARCHAR) AS vehicle, 's' AS site_id, camera_id,
            TIMESTAMP '2026-03-10' + to_hours(hour::BIGINT)
                + to_milliseconds((k * 900000 + v // 200 * 30000 + dice % 3 * 400)::BIGINT) AS captured_at,
            latitude + CASE WHEN camera % 4 = 0 AND dice % 3 = 0 THEN 0.4 ELSE 0 END + dice % 5 * 0.00001 AS latitude,
            longitude, CASE WHEN dice % 13 > 0 THEN force END AS force,
            CASE WHEN dice % 7 > 0 THEN dice % 11 = 0 END AS plate_repaired,
            CASE WHEN dice % 17 > 0 THEN 40.0 + dice % 60 END AS confidence
        FROM convoys JOIN cameras USING (camera) ORDER BY dice, row_no
    ) TO '{path}' (FORMAT parquet)
"""


def _both(paths: Sequence[Path], as_of: date, settings: PatternSettings) -> tuple[pa.Table, pl.DataFrame]:
    with duckdb.connect() as connection:
        connection.read_parquet([str(path) for path in paths]).create_view("given")
        ours = windows_of_given(connection, as_of, settings, "given")
    return ours, all_in_polars(paths, as_of, settings)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pl.DataFrame]:
    """Windows of reads at few places and odd times, where ties, moved cameras, convoys and the clocks have a say."""
    path = tmp_path_factory.mktemp("hard") / "reads.parquet"
    duckdb.execute(_HARD_READS.format(path=path))
    return _both([path], SUMMER_TIME, PatternSettings())


@pytest.mark.parametrize("kind", ["journeys", "scattered"])
def test_polars_gives_the_same_features_of_the_reads_that_are_measured(kind: str, tmp_path: Path) -> None:
    write_reads(tmp_path / "reads.parquet", 30_000, kind)
    ours, typed = _both([tmp_path / "reads.parquet"], AS_OF, PatternSettings())
    assert typed.height > 1000
    assert unlike(ours, typed) == []


@pytest.mark.parametrize("days", [14, 28])
def test_polars_gives_the_same_features_of_lives_in_a_lake(days: int, world) -> None:  # type: ignore[no-untyped-def]
    parts = [world.lake.root / part.path for part in world.inputs.reads]
    ours, typed = _both(parts, world.inputs.window_ends[-1], PatternSettings(window_days=days))
    assert typed.height == 90
    assert unlike(ours, typed) == []


def test_polars_gives_the_same_features_where_each_of_them_has_something_to_say(
    hard: tuple[pa.Table, pl.DataFrame],
) -> None:
    ours, typed = hard
    assert [feature.name for feature in FEATURES if typed[feature.name].n_unique() == 1] == []
    assert (typed["reads"] == 1).any()
    assert unlike(ours, typed) == []


@pytest.mark.parametrize("name", [feature.name for feature in FEATURES])
def test_a_feature_that_is_altered_is_told(name: str, hard: tuple[pa.Table, pl.DataFrame]) -> None:
    ours, typed = hard
    row = pl.int_range(pl.len()) == pl.col(name).is_not_null().arg_max()
    more = typed.with_columns(pl.when(row).then(pl.col(name) + pl.lit(1)).otherwise(name).alias(name))
    less = typed.with_columns(pl.when(row).then(None).otherwise(name).alias(name))
    assert unlike(ours, more) == unlike(ours, less) == [name]


def test_other_vehicles_are_told(hard: tuple[pa.Table, pl.DataFrame]) -> None:
    ours, typed = hard
    assert unlike(ours, typed.head(-1)) == ["vehicle"]
    assert unlike(ours, typed.with_columns(pl.col("vehicle").reverse())) == ["vehicle"]
