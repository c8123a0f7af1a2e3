"""Rows of Parquet files, some thousands at a time, in the order and with the text that the file has.

Read by Arrow and not by the database: columns are told apart by their exact names, and a damaged file is an error of
this module alone. What a column's type makes of its values as text is the loading's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.intake.names import name_as_delivered
from data_contracts.sources.inspection import Delivery
from data_contracts.sources.opening import UNPACKED_TIMES, open_plain
from infra.errors import WrongInputError

ROWS_AT_ONCE = 50_000
ROWS_ALWAYS = 1_000_000


def column_names(path: Path, gzipped: bool) -> list[str]:
    """The names of the columns, in order.

    Raises:
        WrongInputError: The file is cut short, damaged, or says that it holds far more rows than it can.
    """
    with _readable(path, gzipped) as file:
        rows = file.metadata.num_rows
        if rows > max(ROWS_ALWAYS, UNPACKED_TIMES * path.stat().st_size):
            raise WrongInputError(
                f"{name_as_delivered(path)} says that it holds {rows:,} rows, which is more than its size can.",
                "Ask for it to be delivered again.",
            )
        return list(file.schema_arrow.names)


def parquet_rows(delivery: Delivery, fields: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a file: `whole`, then the fields in whatever type the file has; NULL where it has no such column.

    Raises:
        WrongInputError: The file cannot be read to its end.
    """
    names = dict(delivery.layout.names)
    with _readable(delivery.path, delivery.layout.gzipped) as file:
        for rows in file.iter_batches(ROWS_AT_ONCE, columns=sorted(set(names.values()))):
            columns = [
                _sound(rows.column(rows.schema.get_field_index(names[field])))
                if field in names
                else pa.nulls(rows.num_rows, pa.string())
                for field in fields
            ]
            whole = pa.repeat(pa.scalar(True), rows.num_rows)
            yield pa.Table.from_arrays([whole, *columns], names=["whole", *fields])


def not_understood(path: Path) -> WrongInputError:
    """The error of a file with a type of column for which there is no text form."""
    return WrongInputError(
        f"{name_as_delivered(path)} is a Parquet file with a column of a type that is not understood.",
        "Deliver its columns as text, numbers, booleans and timestamps.",
    )


def damaged(path: Path, error: Exception) -> WrongInputError:
    """The error of a file that cannot be read to its end. Only the error's kind is told: its text may quote values."""
    return WrongInputError(
        f"{name_as_delivered(path)} is a Parquet file that is cut short or damaged ({type(error).__name__}).",
        "Ask for it to be delivered again.",
    )


@contextmanager
def _readable(path: Path, gzipped: bool) -> Iterator[pq.ParquetFile]:
    with open_plain(path, gzipped) as stream:
        try:
            yield pq.ParquetFile(pa.BufferReader(stream.read()) if gzipped else stream)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise damaged(path, error) from None


def _sound(column: pa.Array) -> pa.Array:
    """The column in a type that the database knows.

    Text that is no UTF-8 becomes bytes, whose text form shows them, so that only its rows break.
    """
    values = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_float16(values.type):
        return values.cast(pa.float32())
    if pa.types.is_decimal256(values.type):
        return values.cast(pa.string())
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            raise
        return values.cast(pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary())
    return values
