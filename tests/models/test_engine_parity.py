"""One Spark session for all of it: starting one costs more than what is asked of it."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.lake import Lake
from infra.settings import Settings
from models.features.pairs import ConvoySettings
from models.features.settings import PatternSettings
from models.features.spark import java_home, open_spark
from models.pair_windows import pair_window_table, pair_windows_of_given
from models.patterns import get_pattern
from models.window_engines import open_windows
from models.windows import READS, window_table, windows_of_given

AS_OF = date(2026, 4, 5)
QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
}
"""For a few thousand rows, compiling costs more than it saves."""


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    # what Java may take it takes, and keeps until this process ends
    own = Settings(home=tmp_path_factory.mktemp("spark"), spark_config=QUICK, memory_limit="1GB")
    with open_spark(own) as engine:
        yield engine


def reads(seed: int, vehicles: int = 60) -> pa.Table:
    """Weeks across a clock change, west of Greenwich, with pairs, ties, unknown forces, runs to a far town."""
    chance = random.Random(seed)  # noqa: S311
    cameras = [
        (f"c{number}", 50.5 + chance.random() * 5, -4 + chance.random() * 4.5, chance.choice(["a", "É", "b", None]))
        for number in range(25)
    ]
    rows = []
    for vehicle in range(vehicles):
        for _ in range(chance.randrange(1, 12)):
            at = datetime(2026, 3, 9) + timedelta(seconds=chance.randrange(28 * 86_400), microseconds=500_000)  # noqa: DTZ001
            for camera in chance.sample(cameras, chance.randrange(1, 5)):
                for follower in range(1 + (vehicle % 5 == 0)):
                    rows.append((f"v{vehicle + follower * 1000}", at + timedelta(seconds=20 * follower), camera))
                at += timedelta(minutes=chance.choice([0, 4, 90, 700]))
    names = ("vehicle", "captured_at", "camera_id", "latitude", "longitude", "force", "batch_id", "row_no")
    listed = [
        dict(zip(names, (vehicle, at, *camera, f"b{number % 3}", number), strict=True))
        | {
            "site_id": camera[0],
            "plate_repaired": chance.choice([True, False, None]),
            "confidence": chance.choice([None, 30.0, 90.0]),
        }
        for number, (vehicle, at, camera) in enumerate(rows)
    ]
    return pa.Table.from_pylist(listed, schema=READS.to_pyarrow().remove_metadata())


def on_duckdb(path, build, settings):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TEMP VIEW window_reads AS SELECT * FROM read_parquet('{path}')")
        return build(connection, AS_OF, settings)


@pytest.mark.parametrize(
    ("build", "on_spark", "settings"),
    [
        (windows_of_given, window_table, PatternSettings(away_km=40)),
        (pair_windows_of_given, pair_window_table, ConvoySettings()),
    ],
    ids=["county_lines", "convoy"],
)
def test_duckdb_and_spark_give_the_same_windows(spark, tmp_path, build, on_spark, settings):
    path = tmp_path / "reads.parquet"
    pq.write_table(reads(7), path)
    expected = on_duckdb(path, build, settings)
    assert expected.num_rows
    assert on_spark(spark.read([path], READS, "given"), AS_OF, settings, spark).equals(expected)


def test_no_reads_are_no_rows_on_spark_too(spark):
    found = spark.fetch(spark.keep(spark.read([], READS, "nothing")))
    assert (found.num_rows, found.column_names) == (0, list(READS))


def test_the_setting_chooses_the_engine(tmp_path):
    pattern = get_pattern("county_lines")
    with open_windows(Settings(home=tmp_path), "nwrocu") as windows_of:
        assert windows_of(Lake(tmp_path), [], AS_OF, pattern, PatternSettings()).num_rows == 0


def test_without_a_java_of_its_own_the_machine_runs_the_one_of_the_wheel(tmp_path):
    home = java_home(tmp_path, {"PATH": str(tmp_path)})
    assert home == tmp_path / "java"
    assert (home / "bin" / "java").read_text().startswith("#!/bin/sh")
