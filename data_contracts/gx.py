"""Great Expectations inside DuckDB: the one module that knows it. Rules in, the rows that break them out.

The rows come from GX's own index query, so a rule is written once and gives both verdict and rows. GX reads a result
after its next statement, and its DuckDB dialect has one connection for all: here each statement has its own cursor.
No failing value is ever fetched, so no VRM can get into a result.
"""

from __future__ import annotations

import logging
import secrets
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, CursorWrapper, Dialect
from sqlalchemy.dialects import registry

from data_contracts.contract import Rule

_open: dict[str, duckdb.DuckDBPyConnection] = {}


@dataclass(frozen=True)
class Verdict:
    """What one rule found over all rows of a table: whether it holds, as GX says, and the query of the failing rows."""

    rule: Rule
    holds: bool
    failing_query: str


class CursorEachConnection(ConnectionWrapper):  # type: ignore[misc]
    """A connection whose cursors are DuckDB cursors of their own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._duckdb = connection

    def cursor(self) -> CursorWrapper:
        """A new cursor, which keeps its result until it is read."""
        return CursorWrapper(self._duckdb.cursor(), self)


class OpenConnectionDialect(Dialect):  # type: ignore[misc]
    """DuckDB through a connection that is open already; the URL names which."""

    supports_statement_cache = False

    def connect(self, *_: Any, **parameters: Any) -> CursorEachConnection:
        """A cursor of the named connection, so that closing it closes nothing else."""
        return CursorEachConnection(_open[parameters["database"]].cursor())


registry.register("findprofile_duckdb", __name__, "OpenConnectionDialect")


def run_rules(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], rules: Sequence[Rule]
) -> tuple[Verdict, ...]:
    """Run rules over a table, in the order given.

    Args:
        connection: Where the table is. The table must not be a temporary one: cursors do not share those.
        table: Its name.
        keys: The columns that name a row.
        rules: Rules about this table, limits put in.

    Returns:
        One verdict per rule; its query gives `keys` and the judged column of each failing row.

    Raises:
        RuntimeError: GX could not run a rule: a fault of the contract, not of the data.
    """
    if not rules:
        return ()
    name = secrets.token_hex(8)
    gx, context = _library(), _context()
    _open[name] = connection
    try:
        source = context.data_sources.add_sql(name=name, connection_string=f"findprofile_duckdb:///{name}")
        batch = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table("all").get_batch()
        suite = gx.ExpectationSuite(name=name, expectations=[_expectation(rule) for rule in rules])
        outcome = batch.validate(suite, result_format=_result_format(keys))
        return tuple(_verdict(rule, outcome.results) for rule in rules)
    finally:
        if name in context.data_sources.all():
            source.get_execution_engine().close()
            context.data_sources.delete(name)
        del _open[name]


def _result_format(keys: Sequence[str]) -> dict[str, Any]:
    return {
        "result_format": "BOOLEAN_ONLY",
        "unexpected_index_column_names": list(keys),
        "return_unexpected_index_query": True,
    }


def _expectation(rule: Rule) -> Any:
    configuration = _library().expectations.expectation_configuration.ExpectationConfiguration
    return configuration(type=rule.expectation, kwargs=dict(rule.kwargs), meta={"rule": rule.name}).to_domain_obj()


def _verdict(rule: Rule, results: Sequence[Any]) -> Verdict:
    result = next(result for result in results if result.expectation_config.meta["rule"] == rule.name)
    query = result.result.get("unexpected_index_query")
    if query is None or result.exception_info.get("raised_exception", True):
        raise RuntimeError(f"rule {rule.name} did not run: {result.exception_info}")
    return Verdict(rule, bool(result.success), query.rstrip().rstrip(";"))


@cache
def _context() -> Any:
    # one per process, never in a thread of its own
    context = _library().get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


@cache
def _library() -> Any:
    with warnings.catch_warnings():
        # its own imports warn about the standard library
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.expectations.expectation_configuration
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return great_expectations
