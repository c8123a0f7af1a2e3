"""Great Expectations inside DuckDB: the one module that knows it. Rules in, the rows that break them out.

The rows come from GX's own index query, so a rule is written once and gives both verdict and rows. GX reads a result
after its next statement, and its DuckDB dialect has one connection for all: here each statement has its own cursor.
No failing value is ever fetched, so no VRM can get into a result. GX draws its pages (Data Docs) here too.
"""

from __future__ import annotations

import logging
import secrets
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, CursorWrapper, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NULLTYPE

from data_contracts.contract.document import Rule
from infra.engine import cursor_of
from infra.errors import FaultError, FindProfileError

_open: dict[str, duckdb.DuckDBPyConnection] = {}


@dataclass(frozen=True)
class Verdict:
    """What one rule found over all rows of a table: whether it holds, as GX says, and the query of the failing rows."""

    rule: Rule
    holds: bool
    failing_query: str


@dataclass(frozen=True)
class Outcome:
    """What one rule found, as counts: how many of `rows` broke it, and whether it holds all the same."""

    rule: Rule
    rows: int
    broken: int
    holds: bool


class RuleDidNotRunError(FindProfileError):
    """GX could not run a rule. `what_stopped` may quote raw values, so it is no part of the reason."""

    what_stopped = ""


class CursorEachConnection(ConnectionWrapper):  # type: ignore[misc]
    """A connection whose cursors are DuckDB cursors of their own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._duckdb = connection

    def cursor(self) -> CursorWrapper:
        """A new cursor, which keeps its result until it is read."""
        return CursorWrapper(cursor_of(self._duckdb), self)


class OpenConnectionDialect(Dialect):  # type: ignore[misc]
    """DuckDB through a connection that is open already; the URL names which."""

    supports_statement_cache = False

    def connect(self, *_: Any, **parameters: Any) -> CursorEachConnection:
        """A cursor of the named connection, so that closing it closes nothing else."""
        return CursorEachConnection(cursor_of(_open[parameters["database"]]))

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """Columns by name alone. Rules need no more; the catalogue would take a fifth of a small ingest."""
        described = connection.exec_driver_sql(f'DESCRIBE "{table_name}"').fetchall()
        return [{"name": name, "type": NULLTYPE, "nullable": True, "default": None} for name, *_ in described]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """Tables that rules look at have no keys of their own."""
        return {"constrained_columns": [], "name": None}


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
        RuleDidNotRunError: GX could not run a rule: a fault of the contract, not of the data.
    """
    if not rules:
        return ()
    name = secrets.token_hex(8)
    gx, context = _library(), _context()
    _open[name] = connection
    try:
        # put together before it is added: each change of a source that was added writes the whole context anew
        source = gx.datasource.fluent.SQLDatasource(name=name, connection_string=f"findprofile_duckdb:///{name}")
        whole = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table("all")
        context.data_sources.add_sql(name_or_datasource=source)
        batch = whole.get_batch()
        suite = gx.ExpectationSuite(name=name, expectations=[_expectation(rule) for rule in rules])
        outcome = batch.validate(suite, result_format=_result_format(keys))
        return tuple(_verdict(rule, outcome.results) for rule in rules)
    finally:
        if name in context.data_sources.all():
            source.get_execution_engine().close()
            context.data_sources.delete(name)
        del _open[name]


def render_outcomes(
    asset: str,
    suite: str,
    run: str,
    at: datetime,
    outcomes: Sequence[Outcome],
    templates: Path,
    page: Mapping[str, object],
) -> str:
    """Draw outcomes as GX's own page of validation results.

    Args:
        asset: What was judged.
        suite: Name of the contract and its version.
        run: Name of the judgement.
        at: When it was made.
        outcomes: What each rule found.
        templates: Folder of the templates that stand in for GX's: those load scripts and styles from elsewhere.
        page: What else `page.j2` is given. GX does not escape what it prints, so whatever a supplier wrote belongs
            here, where the template does.
    """
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from jinja2 import ChoiceLoader, FileSystemLoader

    results = [_result(outcome) for outcome in outcomes]
    held = sum(outcome.holds for outcome in outcomes)
    document = ValidationResultsPageRenderer().render(
        ExpectationSuiteValidationResult(
            success=held == len(results),
            results=results,
            suite_name=suite,
            statistics={
                "evaluated_expectations": len(results),
                "successful_expectations": held,
                "unsuccessful_expectations": len(results) - held,
                "success_percent": 100 * held / len(results) if results else None,
            },
            meta={
                "run_id": {"run_name": run, "run_time": at.isoformat()},
                "batch_spec": {"data_asset_name": asset},
                "great_expectations_version": _library().__version__,
            },
        )
    )
    # GX links to a page of the suite, which is not made here
    document.sections[0].content_blocks[0].subheader.string_template["styling"]["params"].pop("expectation_suite_name")
    view = _view()
    view.env.loader = ChoiceLoader([FileSystemLoader(templates), view.env.loader])
    return str(view.render(document, **page))


def _view() -> Any:
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _result(outcome: Outcome) -> Any:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    rule = outcome.rule
    configuration = _library().expectations.expectation_configuration.ExpectationConfiguration(
        type=rule.expectation,
        kwargs=dict(rule.kwargs),
        meta={"rule": rule.name},
        description=_described(rule),
    )
    return ExpectationValidationResult(
        success=outcome.holds,
        expectation_config=configuration,
        result={
            "element_count": outcome.rows,
            "unexpected_count": outcome.broken,
            "unexpected_percent": 100 * outcome.broken / outcome.rows if outcome.rows else 0.0,
        },
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
    )


def _described(rule: Rule) -> str:
    """The rule as the page shows it. GX prints a description as it is, and takes a dollar sign for a parameter."""
    arguments = ", ".join(
        f"{key} {value['$PARAMETER'] if isinstance(value, dict) else value}"
        for key, value in rule.kwargs.items()
        if key != "column"
    )
    said = f"<strong>{escape(rule.name)}</strong> ({escape(rule.severity)}). {escape(rule.description)}"
    return f"{said} <code>{escape(rule.expectation)} {escape(arguments)}</code>".replace("$", "")


def why_not_made(rule: Rule) -> str:
    """Why there is no such expectation with such arguments, in the words of GX; empty if there is."""
    gx = _library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _expectation(rule)
    except (gx.exceptions.GreatExpectationsError, AttributeError, LookupError, TypeError, ValueError) as error:
        return _in_short(error)
    return ""


def why_not_run(connection: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str], rules: Sequence[Rule]) -> str:
    """Why rules cannot be run over a table, in the words of GX; empty if they can. Arguments as in `run_rules`."""
    gx = _library()
    quiet = logging.getLogger("great_expectations")
    level = quiet.level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quiet.setLevel(logging.CRITICAL)
            for verdict in run_rules(connection, table, keys, rules):
                connection.execute(verdict.failing_query).fetchall()
    except (
        gx.exceptions.GreatExpectationsError,
        SQLAlchemyError,
        duckdb.Error,
        ArithmeticError,
        AttributeError,
        LookupError,
        FindProfileError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        return _in_short(error)
    finally:
        quiet.setLevel(level)
    return ""


def _in_short(error: Exception) -> str:
    """What is wrong, on one line: of a validation error each argument once, else the words of the error."""
    told = getattr(error, "errors", None)
    if callable(told):
        faults = {".".join(map(str, fault["loc"])): fault["msg"] for fault in reversed(told())}
        return "; ".join(
            words if name == "__root__" else f"{name}: {words}" for name, words in reversed(faults.items())
        )
    return " ".join((error.what_stopped if isinstance(error, RuleDidNotRunError) else str(error)).split())


def _did_not_run(rule: Rule, stopped: str) -> FindProfileError:
    if any(words in stopped.lower() for words in ("out of memory", "no space left")):
        return FaultError(
            f"Rule {rule.name} could not run: memory or disk space ran out. Nothing was recorded.",
            "Free some space, or raise FINDPROFILE_MEMORY_LIMIT, and run the same command again.",
        )
    error = RuleDidNotRunError(
        f"Rule {rule.name} of the contract could not run. Nothing was recorded.",
        "The contract or one of its limits is at fault, not the data: run findprofile contracts check.",
    )
    error.what_stopped = stopped
    return error


def _what_stopped(exception_info: Mapping[str, Any]) -> str:
    """The first message in GX's account of an expectation that did not run."""
    nested = [info for info in exception_info.values() if isinstance(info, Mapping)]
    messages = [info.get("exception_message") for info in (exception_info, *nested)]
    said = next((message for message in messages if message), "it names no rows that break it")
    return str(said).partition("LINE 1:")[0].strip()


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
        raise _did_not_run(rule, _what_stopped(result.exception_info))
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
    with warnings.catch_warnings(), _main_module():
        # its own imports warn about the standard library
        warnings.simplefilter("ignore")
        import great_expectations
        import great_expectations.expectations.expectation_configuration
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return great_expectations


@contextmanager
def _main_module() -> Iterator[None]:
    """Let the main module have a file while Great Expectations is imported.

    It imports PySpark where that is installed; PySpark takes a main module without a file (`python -c`, a worker of a
    test run) for a run of its own doctests, and would end the process as if all were well.
    """
    main = vars(sys.modules["__main__"])
    had = "__file__" in main
    main.setdefault("__file__", __file__)
    try:
        yield
    finally:
        if not had:
            del main["__file__"]
