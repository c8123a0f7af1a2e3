from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import duckdb
import ibis
import pyarrow as pa
import pytest

from infra.errors import FaultError
from models.features.columns import ROWS_TOGETHER, window_of
from models.features.engines import DuckDBEngine, Plan, _compiled, checked

ROWS = ibis.schema({"vid": "int64", "second": "int64"})


@pytest.fixture
def connection():
    with duckdb.connect(config={"threads": 4}) as opened:
        opened.execute(
            "CREATE TABLE given AS SELECT i * 7919 % 1000 AS vid, i * 104729 % 300007 AS second FROM range(300000) t(i)"
        )
        yield opened


def kept_in_line(engine, rows):
    return engine.keep(hops(engine.line_up(rows, "vid", ("second",))))


def kept_along(engine, rows):
    return engine.keep_along(rows, "vid", ("second",), hops)


def hops(line):
    same = line.rows.vid.lag().over(line.beside) == line.rows.vid
    return line.rows.mutate(hop=ibis.ifelse(same, line.rows.second - line.rows.second.lag().over(line.beside), 0))


@pytest.mark.parametrize("kind", [DuckDBEngine, Plan])
@pytest.mark.parametrize("look", [kept_in_line, kept_along])
def test_a_look_along_the_line_is_a_look_at_the_row_before_of_the_group(connection, kind, look):
    engine = kind(connection) if kind is DuckDBEngine else kind()
    kept = look(engine, ibis.table(ROWS, name="given"))
    if kind is Plan:
        engine.end(kept.limit(0)).run(connection)
    wrong = connection.execute(
        f"""SELECT count(*) FROM {kept.get_name()} JOIN (
                SELECT vid, second, second - coalesce(lag(second) OVER own, second) AS hop FROM given
                WINDOW own AS (PARTITION BY vid ORDER BY second)) AS known
            USING (vid, second) WHERE {kept.get_name()}.hop <> known.hop"""
    ).fetchall()
    assert wrong == [(0,)]
    assert connection.execute(f"SELECT count(*) FROM {kept.get_name()}").fetchall() == [(300_000,)]


def test_rows_that_do_not_come_in_order_make_no_table(connection):
    connection.execute(f"CREATE TEMP VIEW lined AS {checked('FROM given', ('vid', 'second'))}")
    engine = DuckDBEngine(connection)
    with pytest.raises(FaultError, match="in the order that was asked of it"):
        engine.keep(ibis.table(ROWS, name="lined"))
    with pytest.raises(FaultError, match="in the order that was asked of it"):
        Plan().end(ibis.table(ROWS, name="lined")).run(connection)


def steps_over(table, number, first=0):
    plan = Plan()
    for size in range(first, first + number):
        plan.keep(table.limit(size))
    return plan.end(table.limit(first + number))


def test_a_step_that_fails_waits_for_no_statement_of_a_later_one(connection):
    plan = steps_over(ibis.table(ROWS, name="not_there"), 300)
    with pytest.raises(duckdb.CatalogException, match="not_there"):
        plan.run(connection)
    assert "statement" not in vars(plan._last)


def test_a_statement_is_made_once_though_several_threads_run_the_plan(connection):
    plan, before = steps_over(ibis.table(ROWS, name="given"), 5, first=100), _compiled.cache_info().misses
    cursors = [connection.cursor() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert [found.num_rows for found in threads.map(plan.run, cursors)] == [105] * 4
    assert _compiled.cache_info().misses - before == 6


@pytest.mark.parametrize("rows", [100, 300_000])
def test_statements_that_were_read_once_run_over_other_rows_on_other_connections(rows):
    plan = Plan()
    plan.end(kept_along(plan, ibis.table(ROWS, name="given")))
    for times in (1, 2):
        with duckdb.connect() as other:
            other.execute(f"CREATE TABLE given AS SELECT i // {times} AS vid, i AS second FROM range({rows}) t(i)")
            found = plan.run(other)
        assert (found.num_rows, sum(found["hop"].to_pylist())) == (rows, rows - rows // times)


@pytest.mark.parametrize("sizes", [[], [5], [ROWS_TOGETHER, 7], [3, ROWS_TOGETHER, 4], [2 * ROWS_TOGETHER + 1]])
def test_a_window_lies_in_even_pieces_however_it_was_delivered(sizes):
    numbers = iter(range(sum(sizes)))
    batches = [[str(next(numbers)) for _ in range(size)] for size in sizes]
    found = window_of(pa.table({"vehicle": pa.chunked_array(batches, pa.string())}), (), date(2026, 2, 1))
    assert [int(name) for name in found.column("vehicle").to_pylist()] == list(range(sum(sizes)))
    assert set(found.column("window_end").to_pylist()) <= {date(2026, 2, 1)}
    even, rest = divmod(sum(sizes), ROWS_TOGETHER)
    assert [batch.num_rows for batch in found.to_batches()] == [ROWS_TOGETHER] * even + [rest] * bool(rest)
