"""From rules to rows and batches: which rows broke what, and what that means for each batch.

Belongs here: the tables `failing` and `rejected`, the counts and the verdict. Does not: what a rule is (contract),
how it is run (gx).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from data_contracts.contract.document import Rule
from data_contracts.judgement.gx import run_rules
from data_contracts.layers.manifests import Verdict

BATCH_FAILED = "batch_failed"


@dataclass(frozen=True)
class Judgement:
    """What the rules found in one batch. `rules` counts the rows that broke each, warnings included."""

    rows: int
    rejected: int
    rules: Mapping[str, int]
    verdict: Verdict
    reasons: tuple[str, ...]


def judge(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], row_table: str, expired: str | None = None
) -> tuple[Judgement, ...]:
    """Run all rules over all batches of a call at once.

    Args:
        connection: Holds the table `judged` with `batch_no` (0, 1, …) and `row_no`.
        rules: The contract's rules, limits put in; those about `batches` follow, all others are left alone.
        row_table: The name that the contract has for the rows.
        expired: A table (batch_no, row_no) of rows that were young enough when their file came: they are set apart,
            but say nothing of the file, whose share of rejected rows is that of the other rows.

    Returns:
        One judgement for each batch, in order. Leaves the tables `failing` (rule_no, batch_no, row_no), `rules_named`
        (rule_no, rule, severity) and `rejected` (batch_no, row_no, rules).
    """
    row_rules = [rule for rule in rules if rule.table == row_table]
    _find_failing(connection, row_rules)
    _set_apart(connection)
    counted = _count(connection, row_rules)
    _make_batches(connection, expired)
    refused = _refused_batches(connection, [rule for rule in rules if rule.table == "batches"])
    sizes = connection.execute("SELECT batch_no, rows, rejected FROM batches ORDER BY batch_no").fetchall()
    return tuple(
        _judgement(rows, rejected, counted.get(batch, {}), refused.get(batch, []), row_rules)
        for batch, rows, rejected in sizes
    )


def _find_failing(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    connection.execute("CREATE TABLE rules_named (rule_no UTINYINT, rule VARCHAR, severity VARCHAR)")
    connection.execute("CREATE TABLE failing (rule_no UTINYINT, batch_no INTEGER, row_no BIGINT)")
    for number, verdict in enumerate(run_rules(connection, "judged", ["batch_no", "row_no"], rules)):
        connection.execute(
            "INSERT INTO rules_named VALUES (?, ?, ?)", [number, verdict.rule.name, verdict.rule.severity]
        )
        if verdict.holds and verdict.rule.tolerated_share == 0:
            continue  # no row breaks it: to look for them costs a pass over all rows
        connection.execute(f"INSERT INTO failing SELECT {number}, batch_no, row_no FROM ({verdict.failing_query})")


def _set_apart(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TABLE rejected AS
            SELECT batch_no, row_no, list(rule ORDER BY rule_no) AS rules
            FROM failing JOIN rules_named USING (rule_no)
            GROUP BY batch_no, row_no HAVING bool_or(severity <> 'warn')"""
    )


def _make_batches(connection: duckdb.DuckDBPyConnection, expired: str | None) -> None:
    old = expired or "(SELECT NULL::INTEGER AS batch_no, NULL::BIGINT AS row_no WHERE false)"
    connection.execute(
        f"""CREATE TABLE batches AS
            WITH sizes AS (SELECT batch_no, count(*) AS rows FROM judged GROUP BY batch_no),
            apart AS (SELECT batch_no, count(*) AS rejected FROM rejected GROUP BY batch_no),
            gone AS (SELECT batch_no, count(*) AS expired FROM {old} GROUP BY batch_no)
            SELECT batch_no, rows, coalesce(rejected, 0) AS rejected,
                coalesce((rejected - coalesce(expired, 0)) / nullif(rows - coalesce(expired, 0), 0), 0)
                    AS rejected_share
            FROM sizes LEFT JOIN apart USING (batch_no) LEFT JOIN gone USING (batch_no)"""
    )


def _count(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[int, dict[str, int]]:
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    for batch, number, rows in connection.execute(
        "SELECT batch_no, rule_no, count(*) FROM failing GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        counted[batch][rules[number].name] = rows
    return counted


def _refused_batches(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[int, list[Rule]]:
    refused: dict[int, list[Rule]] = defaultdict(list)
    for verdict in run_rules(connection, "batches", ["batch_no"], rules):
        for (batch,) in connection.execute(f"SELECT batch_no FROM ({verdict.failing_query})").fetchall():
            refused[batch].append(verdict.rule)
    return refused


def _judgement(
    rows: int, rejected: int, counted: Mapping[str, int], refused: Sequence[Rule], rules: Sequence[Rule]
) -> Judgement:
    reasons = [
        f"{rule.name}: {rejected} of {rows} rows were rejected. The rule: {rule.description}" for rule in refused
    ]
    failed = list(refused)
    for rule in rules:
        broken = counted.get(rule.name, 0)
        if broken > rule.tolerated_share * rows:
            reasons.append(f"{rule.name}: {broken} of {rows} rows do not keep it. The rule: {rule.description}")
            if rule.severity == "fail":
                failed.append(rule)
    verdict: Verdict = "failed" if failed else "passed_with_quarantine" if rejected else "passed"
    return Judgement(rows, rejected, counted, verdict, tuple(reasons))
