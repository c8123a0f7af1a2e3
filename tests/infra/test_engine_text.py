"""SQL text made from paths."""

from __future__ import annotations

from pathlib import Path

import duckdb

from infra.engine import literal, parquet_list


def test_paths_with_quotes_are_written_as_sql_reads_them(tmp_path: Path) -> None:
    paths = [tmp_path / "it's.parquet", tmp_path / 'a "b".parquet']
    with duckdb.connect() as connection:
        for number, path in enumerate(paths):
            connection.execute(f"COPY (SELECT {number} AS n) TO {literal(str(path))} (FORMAT parquet)")
        assert connection.execute(f"SELECT sum(n) FROM read_parquet({parquet_list(paths)})").fetchall() == [(1,)]
