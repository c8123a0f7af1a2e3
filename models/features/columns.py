"""The form of a window's table: key, end of the window, then the declared features with exactly their types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from models.features.feature import Feature


def window_of(found: pa.Table, features: Sequence[Feature], as_of: date) -> pa.Table:
    """A fetched table as a window.

    Args:
        found: `vehicle` and the features, in this order, sorted by `vehicle`.
        features: Their declarations.
        as_of: Last day of the window.

    Returns:
        The same rows: vehicle, window_end, the features.
    """
    end = pa.repeat(pa.scalar(as_of, pa.date32()), found.num_rows)
    fields = [("vehicle", pa.string()), *((name.name, pa.type_for_alias(name.dtype)) for name in features)]
    typed: pa.Table = found.cast(pa.schema(fields))
    return typed.add_column(1, pa.field("window_end", pa.date32()), end).combine_chunks()
