"""How an engine runs the expressions: keeping a step's result, putting rows in line, fetching the last one.

Expressions are unbound: they name tables, not connections. So the same expression is compiled for whichever engine is
given, and a connection is never changed by Ibis itself. Another engine is another class with the same three methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, Protocol

import duckdb
import ibis
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.operations import Relation
from ibis.expr.types import Table

from infra.errors import FaultError, WrongInputError

PIECES = 8
"""How many threads may look along one table at a time."""
ROWS_IN_PIECES = 200_000
"""From how many rows on more than one does."""
_OUT_OF_LINE = "rows do not lie in line"


@dataclass(frozen=True)
class Line:
    """Rows in order, group after group, and the windows that look along them.

    A look may end in the group before or after this one, or find nothing there: whoever looks compares the group's own
    column. A running sum may go on from group to group: differences and order within a group are what it tells.

    Args:
        rows: The table to look at, once; what it gives has to be kept.
        beside: For the row before and the row after.
        so_far: For running sums and maxima up to the row.
    """

    rows: Table
    beside: Any
    so_far: Any


Look = Callable[[Line], Table]
"""From a line to an expression with a row for each of its rows."""


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

    def line_up(self, expression: Table, group: str, order: Sequence[str]) -> Line:
        """The rows of each group in a total order."""

    def keep_along(self, expression: Table, group: str, order: Sequence[str], look: Look) -> Table:
        """Keep what is seen by a look along the rows of each group, where there are many; groups are whole numbers."""


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
        return self._do(_Step(self._next("kept"), expression, limit))

    def line_up(self, expression: Table, group: str, order: Sequence[str]) -> Line:
        """The rows of each group in a total order."""
        return _line(self._do(_Step(self._next("line"), expression, keys=(group, *order))))

    def keep_along(self, expression: Table, group: str, order: Sequence[str], look: Look) -> Table:
        """Keep what is seen by a look along the rows of each group, where there are many; groups are whole numbers."""
        line = self._do(_Sorted(self._next("line"), expression, keys=(group, *order)))
        return self._do(_Along(self._next("kept"), look(_line(line)), keys=(group, *order), line=line.get_name()))

    def fetch(self, expression: Table) -> pa.Table:
        """Compute an expression and give its rows in their order."""
        with _lines_told():
            return self._connection.sql(_select(expression)).to_arrow_table()

    def _next(self, what: str) -> str:
        self._number += 1
        return f"{what}_{self._number}"

    def _do(self, step: _Step) -> Table:
        step.run(self._connection, step.statement)
        return step.table


class Plan:
    """The statements of a chain of expressions, compiled once, for DuckDB to run over any tables of the same names."""

    def __init__(self, prefix: str = "kept") -> None:
        self._prefix = prefix
        self._steps: list[_Step] = []
        # a plan may be run by several threads, and cached properties have no lock of their own from Python 3.12 on
        self._making = Lock()
        self._last = _Step("", ibis.table({"nothing": "int64"}, name="nothing"))

    def keep(self, expression: Table, limit: AtMost | None = None) -> Table:
        """Note an expression and give the table that will hold its result."""
        return self._note(_Step(self._next(), expression, limit))

    def line_up(self, expression: Table, group: str, order: Sequence[str]) -> Line:
        """Note that the rows of each group are wanted in a total order."""
        return _line(self._note(_Step(self._next(), expression, keys=(group, *order))))

    def keep_along(self, expression: Table, group: str, order: Sequence[str], look: Look) -> Table:
        """Note what is seen by a look along the rows of each group, where there are many."""
        line = self._note(_Sorted(self._next(), expression, keys=(group, *order)))
        return self._note(_Along(self._next(), look(_line(line)), keys=(group, *order), line=line.get_name()))

    def end(self, expression: Table) -> Plan:
        """Note the expression whose rows `run` gives."""
        self._last = _Step("", expression)
        return self

    def run(self, connection: duckdb.DuckDBPyConnection, values: Mapping[str, str] | None = None) -> pa.Table:
        """Run every statement; results stay as temporary tables until the connection is closed.

        The first time, a statement is made from its expression while DuckDB runs those before it.

        Args:
            connection: Has the tables that the expressions name.
            values: SQL of the variables that they name.

        Raises:
            FaultError: DuckDB did not give rows in the order that was asked of it.
        """
        for name, value in (values or {}).items():
            connection.execute(f'SET VARIABLE "{name}" = {value}')
        # pieces looked along would wait for one another; where order matters, a statement asks for it
        connection.execute("SET SESSION preserve_insertion_order = false")
        maker = ThreadPoolExecutor(1)
        try:
            made = [maker.submit(self._statement_of, step) for step in (*self._steps, self._last)]
            with _lines_told():
                for step, statement in zip(self._steps, made[:-1], strict=True):
                    step.run(connection, statement.result())
                return connection.sql(self._last.parsed(connection, made[-1].result())).to_arrow_table()
        finally:
            # a step that failed waits for the statement that is being made and for no other
            maker.shutdown(cancel_futures=True)
            connection.execute("RESET SESSION preserve_insertion_order")

    def _statement_of(self, step: _Step) -> str:
        with self._making:
            return step.statement

    def _next(self) -> str:
        return f"{self._prefix}_{len(self._steps) + 1}"

    def _note(self, step: _Step) -> Table:
        self._steps.append(step)
        return step.table


@dataclass(frozen=True)
class _Step:
    """One statement: it makes a table, or with keys a view of rows in their order, or without a name gives rows."""

    name: str
    expression: Table
    limit: AtMost | None = None
    keys: tuple[str, ...] = ()
    _parsed: dict[str, duckdb.Statement] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def statement(self) -> str:
        select = _select(self.expression)
        if self.keys:
            ordered = f"SELECT * FROM ({select}) ORDER BY {_listed(self.keys)}"
            return f"CREATE TEMP VIEW {self.name} AS {checked(ordered, self.keys)}"
        return f"CREATE TEMP TABLE {self.name} AS {select}" if self.name else select

    @property
    def table(self) -> Table:
        return ibis.table(self.expression.schema(), name=self.name)

    def parsed(self, connection: duckdb.DuckDBPyConnection, statement: str) -> duckdb.Statement:
        """A statement as DuckDB has read it; kept, for on few rows reading it takes a fifth of running it."""
        if statement not in self._parsed:
            (self._parsed[statement],) = connection.extract_statements(statement)
        return self._parsed[statement]

    def run(self, connection: duckdb.DuckDBPyConnection, statement: str) -> None:
        with _lines_told():
            connection.execute(self.parsed(connection, statement))
        if self.limit is not None:
            ((rows,),) = connection.execute(f"SELECT count(*) FROM {self.name}").fetchall()
            self.limit.check(rows)


class _Sorted(_Step):
    """Rows in their order as a table."""

    @cached_property
    def statement(self) -> str:
        return f"CREATE TEMP TABLE {self.name} AS {_select(self.expression)} ORDER BY {_listed(self.keys)}"


@dataclass(frozen=True)
class _Along(_Step):
    """What is seen along a table of sorted rows, which then goes.

    A window without an order of its own runs on one thread, so there is one for each piece of the groups. Few rows are
    one piece: planning a piece takes longer than running it.
    """

    line: str = ""

    @cached_property
    def statement(self) -> str:
        return _select(self.expression)

    def run(self, connection: duckdb.DuckDBPyConnection, statement: str) -> None:
        counted = f'SELECT count(*), coalesce(max("{self.keys[0]}"), 0) + 1 FROM {self.line}'
        ((rows, groups),) = connection.execute(counted).fetchall()
        if rows < ROWS_IN_PIECES:
            super().run(connection, self._kept(statement, [f"FROM {self.line}"]))
        else:
            # this one is read anew: its bounds are those of these rows
            with _lines_told():
                connection.execute(self._kept(statement, [self._piece(groups, piece) for piece in range(PIECES)]))
        connection.execute(f"DROP TABLE {self.line}")

    def _kept(self, statement: str, pieces: Sequence[str]) -> str:
        looks = (statement.replace(f'"{self.line}"', f"({checked(piece, self.keys)})") for piece in pieces)
        return f"CREATE TEMP TABLE {self.name} AS {' UNION ALL '.join(looks)}"

    def _piece(self, groups: int, piece: int) -> str:
        begin, end = groups * piece // PIECES, groups * (piece + 1) // PIECES
        return f'FROM {self.line} WHERE "{self.keys[0]}" >= {begin} AND "{self.keys[0]}" < {end}'


@contextmanager
def _lines_told() -> Iterator[None]:
    try:
        yield
    except duckdb.InvalidInputException as error:
        if _OUT_OF_LINE not in str(error):
            raise
        raise FaultError(
            "DuckDB did not give rows in the order that was asked of it, so no window was built.",
            "Use the version of DuckDB that the lock file names, or --engine spark.",
        ) from error


def checked(ordered: str, keys: Sequence[str]) -> str:
    """A query's rows, with an error where one lies before another whose key is smaller.

    A window without an order of its own takes rows as they come, at a tenth of the cost of one that sorts them for
    itself. That they come in order is not written down anywhere, so each row is held against the one before. Windows
    above see the rows in the order that is held here only because DuckDB plans all of them as one pass (streaming), on
    which no row overtakes another; a test holds that of the plans of every statement.
    """
    key = f"({_listed(keys)})"
    fell = f"{key} < lag({key}) OVER ()"
    return f"SELECT * FROM ({ordered}) QUALIFY CASE WHEN {fell} THEN error('{_OUT_OF_LINE}') ELSE true END"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _line(rows: Table) -> Line:
    return Line(rows, beside=ibis.window(), so_far=ibis.cumulative_window())


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
