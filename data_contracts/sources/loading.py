"""Rows of delivered files into DuckDB, as text, with row numbers true to the file.

The quick way reads each line as one value and cuts it at the delimiter, so that a row of the wrong width is still a
row; it is taken only for files in which every line is one row, and the count is checked afterwards. All else goes the
careful way. A table's row ids keep the order of the files, and so give the row numbers; that is checked too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa

from data_contracts.intake.names import name_as_delivered
from data_contracts.sources.careful import careful_rows
from data_contracts.sources.inspection import LINE_MARK, Delivery, Layout
from data_contracts.sources.opening import size_of_file
from infra.engine import literal
from infra.errors import FaultError, WrongInputError

FILES_AT_ONCE = 500
LINES_OF_A_SMALL_FILE = 20_000


@dataclass(frozen=True)
class _Typed:
    values: str
    columns: str
    text: str = "{rows}"

    def over(self, rows: str) -> str:
        """The typed rows of a subquery that gives batch_no, whole and the fields."""
        rows = self.text.format(rows=rows)
        inner = f"(SELECT *, {self.values} FROM {rows})" if self.values else rows
        return f"SELECT batch_no, whole, {self.columns} FROM {inner}"


def _listed(expressions: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())


def load_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    deliveries: Sequence[Delivery],
    fields: Sequence[str],
    values: Mapping[str, str],
    projection: Mapping[str, str],
) -> None:
    """Fill a new table with every row of the files.

    Args:
        connection: Must keep insertion order (DuckDB's default).
        table: Its columns: `batch_no` INTEGER (place in `deliveries`), `row_no` BIGINT (from 1), `whole` BOOLEAN (the
            row has as many columns as it should), then those of `projection`.
        deliveries: The files, inspected.
        fields: Names of the fields that the projection may use; NULL where a file or a row has none.
        values: Name to an SQL expression over the fields, which are VARCHAR; worked out once for each row.
        projection: Column name to an SQL expression over fields and values.

    Raises:
        WrongInputError: A file cannot be read to its end, or holds no rows.
        FaultError: A file changed while it was read.
    """
    blank = ", ".join(f"NULL::VARCHAR AS {field}" for field in fields)
    typed = _Typed(_listed(values), _listed(projection))
    connection.execute(
        f"""CREATE TABLE {table}_loaded AS
            {typed.over(f"(SELECT 0::INTEGER AS batch_no, true AS whole, {blank})")} WHERE false"""
    )
    numbered = list(enumerate(deliveries))
    for layout, group in groupby(numbered, key=lambda pair: pair[1].layout):
        files = list(group)
        for together in _read_together(files):
            _load_group(connection, f"{table}_loaded", layout, together, fields, typed)
    _number_rows(connection, table)
    _require_rows(connection, table, deliveries)


def _read_together(files: Sequence[tuple[int, Delivery]]) -> Iterator[list[tuple[int, Delivery]]]:
    """Small files in groups, large ones alone: threads that read several large files at once mix their rows."""
    small: list[tuple[int, Delivery]] = []
    for file in files:
        large = file[1].lines > LINES_OF_A_SMALL_FILE
        if small and (large or len(small) == FILES_AT_ONCE):
            yield small
            small = []
        if large:
            yield [file]
        else:
            small.append(file)
    if small:
        yield small


def _load_group(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    layout: Layout,
    files: Sequence[tuple[int, Delivery]],
    fields: Sequence[str],
    typed: _Typed,
) -> None:
    if layout.kind == "text" and layout.plain and all(_is_nameable(delivery.path) for _, delivery in files):
        if _load_quickly(connection, table, layout, files, fields, typed):
            return
        if len(files) > 1:
            for one in files:
                _load_group(connection, table, layout, [one], fields, typed)
            return
    for number, delivery in files:
        if layout.kind == "parquet":
            _load_parquet(connection, table, number, delivery, fields, typed)
        else:
            _load_blocks(connection, table, number, careful_rows(delivery, fields), typed)


def _load_quickly(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    layout: Layout,
    files: Sequence[tuple[int, Delivery]],
    fields: Sequence[str],
    typed: _Typed,
) -> bool:
    connection.execute("BEGIN")
    whole = False
    try:
        connection.execute(f"INSERT INTO {table} {_quick_query(layout, files, fields, typed)}")
        whole = _has_each_line(connection, table, files)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException):
        # whatever it was, the careful way tells a row that is wrong from a file that is; of packed files it reads more
        # (several in one, zeros behind the last), and where it is the disk that fails it fails there as well
        pass
    finally:
        connection.execute("COMMIT" if whole else "ROLLBACK")
    return whole


def _quick_query(layout: Layout, files: Sequence[tuple[int, Delivery]], fields: Sequence[str], typed: _Typed) -> str:
    paths = ", ".join(literal(_no_pattern(delivery.path)) for _, delivery in files)
    positions = dict(layout.positions)
    whole = f"len(cells) BETWEEN {layout.narrowest} AND {layout.widest}"
    # trimming costs more than all the rest of the cutting
    trim = "trim" if any(delivery.padded for _, delivery in files) else ""
    cells = ", ".join(
        f"CASE WHEN whole THEN nullif({trim}(cells[{positions[field] + 1}]), '') END AS {field}"
        if field in positions
        else f"NULL::VARCHAR AS {field}"
        for field in fields
    )
    packing = "gzip" if layout.gzipped else "none"
    return typed.over(
        f"""(
            SELECT batch_no, whole, {cells} FROM (
                SELECT batch_no, cells, {whole} AS whole FROM (
                    SELECT (file_index + {files[0][0]})::INTEGER AS batch_no,
                        string_split(line, {literal(layout.delimiter)}) AS cells
                    FROM read_csv([{paths}], header = false, skip = {int(layout.header)}, auto_detect = false,
                        delim = '{LINE_MARK}', quote = '', escape = '', columns = {{'line': 'VARCHAR'}},
                        compression = '{packing}'))))"""
    )


def _has_each_line(connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[tuple[int, Delivery]]) -> bool:
    """Whether each file gave one row for each line, and they lie together, in the order of the file."""
    first, last = files[0][0], files[-1][0]
    counted = dict(
        connection.execute(
            f"""SELECT batch_no, CASE WHEN max(rowid) - min(rowid) + 1 = count(*) THEN count(*) END
                FROM {table} WHERE batch_no BETWEEN ? AND ? GROUP BY batch_no""",
            [first, last],
        ).fetchall()
    )
    return all(counted.get(number, 0) == delivery.lines - int(delivery.layout.header) for number, delivery in files)


def _load_blocks(
    connection: duckdb.DuckDBPyConnection, table: str, number: int, blocks: Iterator[pa.Table], typed: _Typed
) -> None:
    for rows in blocks:
        connection.register("rows_now", rows)
        connection.execute(f"INSERT INTO {table} {typed.over(f'(SELECT {number} AS batch_no, * FROM rows_now)')}")
        connection.unregister("rows_now")


def _load_parquet(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    number: int,
    delivery: Delivery,
    fields: Sequence[str],
    typed: _Typed,
) -> None:
    from data_contracts.sources.parquet import not_understood, parquet_rows

    cells = ", ".join(f"nullif(trim({_cell(field)}), '') AS {field}" for field in fields)
    as_text = _Typed(typed.values, typed.columns, f"(SELECT batch_no, whole, {cells} FROM {{rows}})")
    try:
        _load_blocks(connection, table, number, parquet_rows(delivery, fields), as_text)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.NotImplementedException):
        raise not_understood(delivery.path) from None


def _cell(field: str) -> str:
    """A cell as text; a time in a form for which no source needs a format."""
    text = f"{field}::VARCHAR"
    return f"CASE WHEN typeof({field}) LIKE 'TIMESTAMP%' THEN replace({text}, ' ', 'T') ELSE {text} END"


def _no_pattern(path: Path) -> str:
    """The path as the database takes it: absolute, and without a letter that it would take for a pattern's."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path.absolute()))


def _is_nameable(path: Path) -> bool:
    return str(path).isprintable()


def _number_rows(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute(
        f"""CREATE TABLE {table}_first AS
            SELECT batch_no, min(rowid) AS first_row, max(rowid) - min(rowid) + 1 = count(*) AS in_order
            FROM {table}_loaded GROUP BY batch_no"""
    )
    if connection.execute(f"SELECT count(*) FROM {table}_first WHERE NOT in_order").fetchall() != [(0,)]:
        raise FaultError("The rows of a file were not loaded in their order.", "Report this; nothing was written.")
    connection.execute(
        f"""CREATE VIEW {table} AS
            SELECT loaded.rowid - first_row + 1 AS row_no, loaded.*
            FROM {table}_loaded AS loaded JOIN {table}_first USING (batch_no)"""
    )


def _require_rows(connection: duckdb.DuckDBPyConnection, table: str, deliveries: Sequence[Delivery]) -> None:
    held = {number for (number,) in connection.execute(f"SELECT batch_no FROM {table}_first").fetchall()}
    for number, delivery in enumerate(deliveries):
        if number not in held:
            raise WrongInputError(
                f"{name_as_delivered(delivery.path)} holds no rows.", "Ask for it to be delivered again."
            )
        if size_of_file(delivery.path) != delivery.size_bytes:
            raise FaultError(
                f"{name_as_delivered(delivery.path)} changed while it was read.",
                "Run the command again once it is whole.",
            )
