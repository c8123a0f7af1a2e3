"""Two tables compared column by column: what can be compared goes to Evidently, what cannot is named for what it is.

Belongs here: the method of each column by its type, missing shares, and what chance alone would give. The score
itself is always Evidently's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.drift.chance import chance_level
from models.drift.results import ColumnDrift, ColumnState
from models.drift.settings import ColumnMethod, MonitorSettings

_IDENTIFIER_VALUES = 50


def sample(table: pa.Table, rows: int, seed: int) -> pa.Table:
    """A seeded sample of fixed size, in the table's own order; the whole table where it is no bigger."""
    if table.num_rows <= rows:
        return table
    chosen = np.random.default_rng(seed).choice(table.num_rows, size=rows, replace=False)
    return table.take(pa.array(np.sort(chosen)))


def method_of(column: str, kind: pa.DataType, settings: MonitorSettings) -> ColumnMethod:
    """The method and threshold for a column: the settings' own for that name, or by type."""
    if column in settings.columns:
        return settings.columns[column]
    return settings.numeric if _as_number(kind) else settings.categorical


def compare_columns(
    reference: pa.Table,
    current: pa.Table,
    methods: Mapping[str, ColumnMethod],
    settings: MonitorSettings,
    html: Path | None = None,
) -> tuple[ColumnDrift, ...]:
    """Compare the columns that `methods` names, in its order.

    Args:
        reference: Holds every column named.
        current: Holds every column named, with the same types.
        methods: Method and threshold per column.
        settings: Gives the seed and the change of the missing share that is drift.
        html: Where Evidently's own report is kept, if it is wanted and there is anything to report.
    """
    from models.drift.evidently_report import compare

    prepared = {name: (_plain(reference[name]), _plain(current[name])) for name in methods}
    states = {name: _state(*pair) for name, pair in prepared.items()}
    comparable = [name for name, state in states.items() if state == "compared"]
    scores = {}
    if comparable:
        scores = compare(
            pa.table({name: prepared[name][0] for name in comparable}),
            pa.table({name: prepared[name][1] for name in comparable}),
            {name: methods[name] for name in comparable},
            html,
        )
    return tuple(
        _column(name, *prepared[name], states[name], methods[name], scores.get(name), settings) for name in methods
    )


def _as_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers and times as double with non-finite as missing; everything else that has a text as text."""
    kind = values.type
    if pa.types.is_date(kind):
        values, kind = values.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    elif pa.types.is_time(kind) or pa.types.is_duration(kind):
        values = values.cast(pa.int64() if kind.bit_width == 64 else pa.int32())
    if _as_number(kind):
        numbers = values.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    if pa.types.is_boolean(kind) or pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return values.cast(pa.string())
    return values


def _state(reference: pa.ChunkedArray, current: pa.ChunkedArray) -> ColumnState:
    if not (pa.types.is_floating(reference.type) or pa.types.is_string(reference.type)):
        return "unsupported"
    present = (len(reference) - reference.null_count, len(current) - current.null_count)
    if present == (0, 0):
        return "all_missing"
    if 0 in present:
        return "missing_on_one_side"
    both = pc.unique(pa.chunked_array([*reference.chunks, *current.chunks]).drop_null())
    if len(both) == 1:
        return "constant"
    if pa.types.is_string(reference.type) and len(both) > max(_IDENTIFIER_VALUES, sum(present) // 2):
        return "identifier"
    return "compared"


def _column(
    name: str,
    reference: pa.ChunkedArray,
    current: pa.ChunkedArray,
    state: ColumnState,
    method: ColumnMethod,
    score: float | None,
    settings: MonitorSettings,
) -> ColumnDrift:
    missing = (_missing(reference), _missing(current))
    above = score is not None and score >= method.threshold
    noise = chance_level(reference, current, method.method, settings.seed) if above else None
    drifted = state == "missing_on_one_side" or abs(missing[0] - missing[1]) >= settings.missing_change
    if score is not None and noise is not None:
        drifted = drifted or score > noise
    return ColumnDrift(
        column=name,
        state=state,
        method=method.method,
        threshold=method.threshold,
        score=None if score is None else round(score, 6),
        noise=None if noise is None else round(noise, 6),
        drifted=drifted,
        missing_reference=round(missing[0], 6),
        missing_current=round(missing[1], 6),
        median_reference=_median(reference),
        median_current=_median(current),
    )


def _missing(values: pa.ChunkedArray) -> float:
    return float(values.null_count / len(values)) if len(values) else 0.0


def _median(values: pa.ChunkedArray) -> float | None:
    if not pa.types.is_floating(values.type) or values.null_count == len(values):
        return None
    return float(np.median(values.drop_null().to_numpy()))
