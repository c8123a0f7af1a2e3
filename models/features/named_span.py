"""A window's limits under names, for DuckDB to look up: the statements of one window serve all of the same settings.

Making the statements of a window takes longer than running them on the reads of a small one. DuckDB puts a variable's
value in before it plans, so a plan is the one that the limits themselves would give.
"""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import IntegerScalar, Table, TimestampScalar

from models.features.layers import Span


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.int64))  # type: ignore[untyped-decorator]
def _number(called: str) -> IntegerScalar: ...


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.timestamp))  # type: ignore[untyped-decorator]
def _moment(called: str) -> TimestampScalar: ...


def named_span(shifts: tuple[int, ...]) -> Span:
    """The span of any window with these offsets of local time, by the names of `values_of`."""
    changes = tuple((_number(f"shift_{at}"), shift) for at, shift in enumerate(shifts))
    return Span(_number("begin"), _number("end"), changes)


def in_named_span(reads: Table) -> Table:
    """The reads of the window, as `models.journeys.reads_in_window`."""
    return reads.filter(reads.captured_at >= _moment("from"), reads.captured_at < _moment("before"))


def values_of(span: Span) -> dict[str, str]:
    """What the names stand for in one window, as SQL."""
    whole = {"begin": span.begin, "end": span.end}
    whole |= {f"shift_{at}": since for at, (since, _) in enumerate(span.offsets)}
    moments = {"from": span.begin, "before": span.end}
    return {name: f"{value}::BIGINT" for name, value in whole.items()} | {
        name: f"TIMESTAMP '{datetime.fromtimestamp(int(value), UTC):%Y-%m-%d}'" for name, value in moments.items()
    }
