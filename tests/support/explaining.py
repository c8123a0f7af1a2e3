"""How DuckDB goes about the statements of a plan: the operators of each, noted as it runs. No judgement of them."""

from __future__ import annotations

import re
from typing import Any

import duckdb


class Explaining:
    """A connection that notes the plan of each statement that looks at rows as they lie, before it runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.lines: list[str] = []
        self.plans: list[set[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str | duckdb.Statement) -> duckdb.DuckDBPyConnection:
        sql = statement if isinstance(statement, str) else statement.query
        if sql.startswith("CREATE TEMP VIEW"):
            self.lines.append(sql.split()[3])
        elif "OVER ()" in sql or any(f'"{line}"' in sql for line in self.lines):
            self.plans.append(self.operators(sql))
        return self.connection.execute(statement)

    def operators(self, sql: str) -> set[str]:
        ((_, plan),) = self.connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
        return set(re.findall('"name": *"([^"]*)"', plan))
