from __future__ import annotations

import duckdb
import ibis
import pytest

from infra.errors import FaultError
from models.features.engines import DuckDBEngine, Plan, checked

ROWS = ibis.schema({"vid": "int64", "second": "int64"})


@pytest.fixture
def connection():
    with duckdb.connect(config={"threads": 4}) as opened:
        opened.execute(
            "CREATE TABLE given AS SELECT i * 7919 % 1000 AS vid, i * 104729 % 300007 AS second FROM range(300000) t(i)"
        )
        yield opened


def hops(engine):
    line = engine.line_up(ibis.table(ROWS, name="given"), "vid", ("second",))
    same = line.rows.vid.lag().over(line.beside) == line.rows.vid
    return line.rows.mutate(hop=ibis.ifelse(same, line.rows.second - line.rows.second.lag().over(line.beside), 0))


@pytest.mark.parametrize("kind", [DuckDBEngine, Plan])
def test_a_look_along_the_line_is_a_look_at_the_row_before_of_the_group(connection, kind):
    engine = kind(connection) if kind is DuckDBEngine else kind()
    kept = engine.keep(hops(engine))
    if kind is Plan:
        engine.end(kept.limit(0)).run(connection)
    wrong = connection.execute(
        f"""SELECT count(*) FROM {kept.get_name()} JOIN (
                SELECT vid, second, second - coalesce(lag(second) OVER own, second) AS hop FROM given
                WINDOW own AS (PARTITION BY vid ORDER BY second)) AS known
            USING (vid, second) WHERE {kept.get_name()}.hop <> known.hop"""
    ).fetchall()
    assert wrong == [(0,)]


def test_rows_that_do_not_come_in_order_make_no_table(connection):
    connection.execute(f"CREATE TEMP VIEW lined AS {checked('FROM given', ('vid', 'second'))}")
    engine = DuckDBEngine(connection)
    with pytest.raises(FaultError, match="in the order that was asked of it"):
        engine.keep(ibis.table(ROWS, name="lined"))
    with pytest.raises(FaultError, match="in the order that was asked of it"):
        Plan().end(ibis.table(ROWS, name="lined")).run(connection)
