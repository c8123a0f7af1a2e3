"""A trial of rules over made-up rows, in a database that can reach nothing: whether each one can be run at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from data_contracts.contract.document import Column, Rule
from data_contracts.contract.schema import Problem

ROW = "trial_row"
_SAMPLES = {
    "string": ("VARCHAR", "'x'"),
    "number": ("DOUBLE", "1.5"),
    "integer": ("BIGINT", "1"),
    "boolean": ("BOOLEAN", "true"),
    "timestamp": ("TIMESTAMP", "TIMESTAMP '2026-01-01 00:00:00'"),
    "date": ("DATE", "DATE '2026-01-01'"),
    "array": ("VARCHAR[]", "['x']"),
}


def failed_trials(rules: Sequence[Rule], columns: Mapping[tuple[str, str], Column]) -> tuple[Problem, ...]:
    """The rules that Great Expectations cannot run row by row inside DuckDB, with its reason.

    Args:
        rules: Limits put in.
        columns: By table and name, all columns that a rule may look at.
    """
    with duckdb.connect() as connection:
        connection.execute("SET enable_external_access = false")
        tables = list(dict.fromkeys(table for table, _ in columns))
        for table in tables:
            _make_table(connection, table, [column for column in columns.values() if column.table == table])
        connection.execute("SET lock_configuration = true")
        return tuple(
            problem
            for table in tables
            for problem in _failed(connection, table, [rule for rule in rules if rule.table == table])
        )


def _failed(connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule]) -> Iterator[Problem]:
    """Halve the rules until those that fail stand alone: most pass, and a run of many costs little more than of one."""
    from data_contracts.judgement.gx import why_not_run

    reason = why_not_run(connection, table, [ROW], rules)
    if reason and len(rules) > 1:
        yield from _failed(connection, table, rules[: len(rules) // 2])
        yield from _failed(connection, table, rules[len(rules) // 2 :])
    elif reason:
        remedy = "Use an expectation about single rows, with the arguments and column types that it takes."
        said = f"{rules[0].expectation} cannot be run: {reason.rstrip('.')}."
        yield Problem(f"rule {rules[0].name}", said, remedy)


def _make_table(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]) -> None:
    samples = [_SAMPLES.get(column.logical_type, _SAMPLES["string"]) for column in columns]
    typed = ", ".join(f'"{column.name}" {kind}' for column, (kind, _) in zip(columns, samples, strict=True))
    connection.execute(f'CREATE TABLE "{table}" ("{ROW}" BIGINT, {typed})')
    values = ", ".join(value for _, value in samples)
    nothing = ", ".join("NULL" for _ in samples)
    connection.execute(f'INSERT INTO "{table}" VALUES (1, {values}), (2, {nothing})')
