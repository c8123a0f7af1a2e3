"""How an engine runs the expressions: keeping a step's result, fetching the last one.

Expressions are unbound: they name tables, not connections. So the same expression is compiled for whichever engine is
given, and a connection is never changed by Ibis itself. Another engine is another class with the same two methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import duckdb
import ibis
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.operations import Relation
from ibis.expr.types import Table

from infra.errors import WrongInputError


@dataclass(frozen=True)
class AtMost:
    """How many rows a step may have, and what is said when the reads make more."""

    rows: int
    reason: str
    instruction: str

    def check(self, rows: int) -> None:
        """Refuse a larger number.

        Raises:
            WrongInputError: There are more rows.
        """
        if rows > self.rows:
            raise WrongInputError(self.reason, self.instruction)


class Keeper(Protocol):
    """Keeps results of Ibis expressions over tables that it knows by name."""

    def keep(self, expression: Table, limit: AtMost | None = None) -> Table:
        """Compute an expression and give the table that holds the result; refuse more rows than the limit."""


class Engine(Keeper, Protocol):
    """Runs Ibis expressions over tables that it knows by name."""

    def fetch(self, expression: Table) -> pa.Table:
        """Compute an expression and give its rows in their order."""


class DuckDBEngine:
    """DuckDB; results are kept as temporary tables of one connection and go when it is closed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._number = 0

    def keep(self, expression: Table, limit: AtMost | None = None) -> Table:
        """Compute an expression now and give the table that holds the result; refuse more rows than the limit."""
        self._number += 1
        name = f"kept_{self._number}"
        _keep(self._connection, name, _select(expression), limit)
        return ibis.table(expression.schema(), name=name)

    def fetch(self, expression: Table) -> pa.Table:
        """Compute an expression and give its rows in their order."""
        return self._connection.sql(_select(expression)).to_arrow_table()


class Plan:
    """The statements of a chain of expressions, compiled once, for DuckDB to run over any tables of the same names."""

    def __init__(self, prefix: str = "kept") -> None:
        self._prefix = prefix
        self._kept: list[tuple[str, str, AtMost | None]] = []
        self._last = ""

    def keep(self, expression: Table, limit: AtMost | None = None) -> Table:
        """Note an expression and give the table that will hold its result."""
        name = f"{self._prefix}_{len(self._kept) + 1}"
        self._kept.append((name, _select(expression), limit))
        return ibis.table(expression.schema(), name=name)

    def end(self, expression: Table) -> Plan:
        """Note the expression whose rows `run` gives."""
        self._last = _select(expression)
        return self

    def run(self, connection: duckdb.DuckDBPyConnection, values: Mapping[str, str] | None = None) -> pa.Table:
        """Run every statement; results stay as temporary tables until the connection is closed.

        Args:
            connection: Has the tables that the expressions name.
            values: SQL of the variables that they name.
        """
        for name, value in (values or {}).items():
            connection.execute(f'SET VARIABLE "{name}" = {value}')
        for name, statement, limit in self._kept:
            _keep(connection, name, statement, limit)
        return connection.sql(self._last).to_arrow_table()


def _keep(connection: duckdb.DuckDBPyConnection, name: str, statement: str, limit: AtMost | None) -> None:
    connection.execute(f"CREATE TEMP TABLE {name} AS {statement}")
    if limit is not None:
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
        limit.check(rows)


def _select(expression: Table) -> str:
    return _compiled(expression.op())


@lru_cache(maxsize=256)
def _compiled(relation: Relation) -> str:
    """SQL of an expression whose columns have exactly the declared types (DuckDB widens sums of integers).

    Kept, for the next window has mostly the same expressions, and compiling one takes longer than running it on a day.
    """
    expression = relation.to_expr()
    columns = ", ".join(
        f'CAST("{name}" AS {DuckDBType.from_ibis(dtype).sql("duckdb")}) AS "{name}"'
        for name, dtype in expression.schema().items()
    )
    return f"SELECT {columns} FROM ({ibis.to_sql(expression, dialect='duckdb', pretty=False)})"
