"""Jobs that keep the order of a table's rows through a join, and what they leave behind."""

from __future__ import annotations

import duckdb
import pytest

from infra.engine import in_order, open_engine
from infra.settings import Settings

ROWS = 1_500_000


@pytest.fixture
def engine(tmp_path):
    with open_engine(Settings(home=tmp_path, threads=2)) as connection:
        connection.execute(
            f"""CREATE TABLE reads AS
                SELECT range::INTEGER AS place, (range // 3)::INTEGER AS vehicle_no FROM range({ROWS})"""
        )
        # more of them than reads: left to itself, the database would build on the reads and stream these past
        connection.execute(
            f"""CREATE TABLE vehicles AS
                SELECT range::INTEGER AS vehicle_no, 'v' || range AS vehicle FROM range({2 * ROWS})"""
        )
        yield connection


def test_rows_written_through_a_join_lie_as_in_the_table(engine, tmp_path):
    def write(cursor, half):
        path = tmp_path / f"{half}.parquet"
        rows = f"FROM reads JOIN vehicles USING (vehicle_no) WHERE place % 2 = {half}"
        cursor.execute(f"COPY (SELECT place, vehicle {rows}) TO '{path}' (FORMAT parquet)")
        return path

    paths = in_order(engine, [lambda cursor, half=half: write(cursor, half) for half in range(2)])
    assert [path.name for path in paths] == ["0.parquet", "1.parquet"]
    for path in paths:
        beside = f"SELECT place, lag(place) OVER () AS before FROM read_parquet('{path}')"
        assert engine.execute(f"SELECT count(*), count(*) FILTER (place <> before + 2) FROM ({beside})").fetchall() == [
            (ROWS // 2, 0)
        ]


def test_the_settings_are_as_before_also_after_a_job_that_failed(engine):
    names = "SELECT current_setting('threads'), current_setting('disabled_optimizers')"
    before = engine.execute(names).fetchall()
    assert in_order(engine, [lambda cursor: cursor.execute(names).fetchall()]) != [before]
    with pytest.raises(duckdb.CatalogException):
        in_order(engine, [lambda cursor: cursor.execute("FROM nothing_of_that_name")])
    assert engine.execute(names).fetchall() == before
