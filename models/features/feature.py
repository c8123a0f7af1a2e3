"""What a feature is: a declared name, unit and type, what it is meant to see, and the sentence it may speak.

Also the whole-number arithmetic that features end in. A ratio is rounded by integers before its one division, so it has
the same bytes on every engine and with any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
from ibis.expr.types import BooleanValue, FloatingValue, IntegerValue

MICRO = 1_000_000


@dataclass(frozen=True)
class Feature:
    """One column of a window.

    Args:
        name: Column name.
        unit: Unit of its values.
        dtype: `int64`, or `double` where a value may be missing or is a ratio.
        sees: What it is meant to see, and behaviour Bn of the published typology where it has one.
        sentence: Parts of a sentence of facts, joined by "; ". A part whose facts are missing is left out, and without
            its first part there is no sentence.
        says_from: Facts and the values from which on there is anything to say; below one of them no sentence.
    """

    name: str
    unit: str
    dtype: Literal["int64", "double"]
    sees: str
    sentence: tuple[str, ...] = ()
    says_from: tuple[tuple[str, float], ...] = ()


def ratio(part: IntegerValue, whole: IntegerValue) -> FloatingValue:
    """`part / whole` rounded to 6 decimals; null where `whole` is not positive."""
    scaled = (part.cast("int64") * (2 * MICRO) + whole) // (2 * ibis.ifelse(whole > 0, whole, ibis.null("int64")))
    return scaled / MICRO


def whole_km(metres: IntegerValue) -> IntegerValue:
    """Metres in whole km, rounded up, for sentences that say "up to"."""
    return (metres + 999) // 1000


def count_where(condition: BooleanValue) -> IntegerValue:
    """How many rows of a group meet a condition, 0 rather than null."""
    return condition.cast("int8").sum().fill_null(0)


def spread(count: IntegerValue, total: IntegerValue, squares: IntegerValue) -> FloatingValue:
    """Coefficient of variation from whole-number sums, rounded to 6 decimals; null for fewer than two values.

    sqrt(count * squares - total^2) / total: one square root, one division, nothing summed in floating point.
    """
    enough = (count >= 2) & (total > 0)
    variance = (count * squares - total * total).cast("float64")
    value = (ibis.ifelse(enough, variance, ibis.null("float64")).sqrt() * MICRO / total).round().cast("int64")
    return value / MICRO


def deviation(count: IntegerValue, total: IntegerValue, squares: IntegerValue, per: int) -> FloatingValue:
    """Standard deviation in units of `per`, from whole-number sums, to 6 decimals; null for fewer than two values.

    sqrt(count * squares - total^2) / (count * per): one square root, one division, nothing summed in floating point.
    """
    variance = (count * squares - total * total).cast("float64")
    root = ibis.ifelse(count >= 2, variance, ibis.null("float64")).sqrt()
    return (root * MICRO / (count * per)).round().cast("int64") / MICRO
