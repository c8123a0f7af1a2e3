"""The form of a window's table: key, end of the window, then the declared features with exactly their types."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from models.features.feature import Feature

ROWS_TOGETHER = 122_880
"""Rows in one piece of a window: as many as DuckDB gives at once."""


def window_of(found: pa.Table, features: Sequence[Feature], as_of: date) -> pa.Table:
    """A fetched table as a window.

    Args:
        found: `vehicle` and the features, in this order, sorted by `vehicle`.
        features: Their declarations.
        as_of: Last day of the window.

    Returns:
        The same rows: vehicle, window_end, the features.
    """
    fields = [("vehicle", pa.string()), *((name.name, pa.type_for_alias(name.dtype)) for name in features)]
    typed: pa.Table = found.cast(pa.schema(fields))
    return _evenly(typed.add_column(1, pa.field("window_end", pa.date32()), _repeated(as_of, found.num_rows)))


def _repeated(day: date, rows: int) -> pa.Array:
    """One day in every row; from its bytes, for any other way makes pyarrow load pandas."""
    number = (day - date(1970, 1, 1)).days.to_bytes(4, sys.byteorder, signed=True)
    return pa.Array.from_buffers(pa.date32(), rows, [None, pa.py_buffer(number * rows)])


def _evenly(table: pa.Table) -> pa.Table:
    """In pieces of one size, whatever engine and threads delivered them; DuckDB's own are not copied."""
    *full, last = [batch.num_rows for batch in table.to_batches()] or [0]
    if any(rows != ROWS_TOGETHER for rows in full) or last > ROWS_TOGETHER:
        table = table.combine_chunks()
    return pa.Table.from_batches(table.to_batches(max_chunksize=ROWS_TOGETHER), table.schema)
