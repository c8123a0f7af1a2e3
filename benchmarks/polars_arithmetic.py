"""What the features typed in Polars have in common: distances, ratios, local time, and ties broken by packing.

Belongs here: arithmetic of one row. Does not: which rows there are. Everything is whole numbers until the one division
in which a feature ends, as the product has it, so that both tables can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from models.places import EARTH_RADIUS_M

CODES = 1 << 20
"""Upper bound of place and cell numbers; a value and such a number travel as one integer, whose maximum has no ties."""
MICRO = 1_000_000
DAY = 86_400


def number(name: str) -> pl.Expr:
    """A column as whole numbers that have room for products."""
    return pl.col(name).cast(pl.Int64)


def packed(value: pl.Expr, code: pl.Expr) -> pl.Expr:
    """A value and a number below `CODES` as one integer."""
    return value.cast(pl.Int64) * CODES + code.cast(pl.Int64)


def value_of(both: pl.Expr) -> pl.Expr:
    """The value that was packed; not negative, so a shift will do."""
    return both // CODES


def code_of(both: pl.Expr) -> pl.Expr:
    """The number that was packed."""
    return (both % CODES).cast(pl.Int32)


def metres(one: str, other: str) -> pl.Expr:
    """Whole metres between two unit vectors of a row, columns `<prefix>x`, `y` and `z`."""
    dx, dy, dz = (pl.col(one + axis) - pl.col(other + axis) for axis in "xyz")
    half_chord = (dx * dx + dy * dy + dz * dz).sqrt() * 0.5
    arc = half_chord.clip(upper_bound=1.0).arcsin() * (2 * EARTH_RADIUS_M)
    return (arc + 0.5).floor().cast(pl.Int64)


def at(places: pl.DataFrame, place: pl.Expr, names: Sequence[str], prefix: str) -> dict[str, pl.Expr]:
    """What is known of the place whose number a row has: looked up by position, which is cheaper than a join."""
    return {prefix + name: pl.lit(places[name]).gather(place) for name in names}


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """A share to six decimals; null where the whole is not positive."""
    part, whole = part.cast(pl.Int64), whole.cast(pl.Int64)
    return pl.when(whole > 0).then((part * (2 * MICRO) + whole) // (2 * whole) / MICRO)


def spread(count: pl.Expr, total: pl.Expr, squares: pl.Expr) -> pl.Expr:
    """Coefficient of variation to six decimals; null for fewer than two values."""
    count, total, squares = (sums.cast(pl.Int64) for sums in (count, total, squares))
    root = (count * squares - total * total).cast(pl.Float64).sqrt()
    return pl.when((count >= 2) & (total > 0)).then((root * MICRO / total + 0.5).floor() / MICRO)


def deviation(count: pl.Expr, total: pl.Expr, squares: pl.Expr, per: int) -> pl.Expr:
    """Standard deviation in units of `per` to six decimals; null for fewer than two values."""
    count, total, squares = (sums.cast(pl.Int64) for sums in (count, total, squares))
    root = (count * squares - total * total).cast(pl.Float64).sqrt()
    return pl.when(count >= 2).then((root * MICRO / (count * per) + 0.5).floor() / MICRO)


def local(second: pl.Expr, offsets: Sequence[tuple[int, int]]) -> pl.Expr:
    """Epoch seconds as local ones, by the offsets and the seconds from which they hold."""
    shift = pl.lit(offsets[0][1], pl.Int64)
    for since, offset in offsets[1:]:
        shift = pl.when(second >= since).then(pl.lit(offset, pl.Int64)).otherwise(shift)
    return second + shift


def between_hours(second_of_day: pl.Expr, begins: int, ends: int) -> pl.Expr:
    """Whether a second of the day lies between two hours; a band that ends before it begins passes midnight."""
    after, before = second_of_day >= begins * 3600, second_of_day < ends * 3600
    return after & before if begins <= ends else after | before


def is_weekend(local_second: pl.Expr) -> pl.Expr:
    """Whether local epoch seconds lie on a Saturday or Sunday."""
    return (local_second + 3 * DAY) % (7 * DAY) >= 5 * DAY


def minutes_since(second_of_day: pl.Expr, hour: int) -> pl.Expr:
    """Whole minutes since an hour of the day."""
    return (second_of_day - hour * 3600 + DAY) % DAY // 60


def commonest(rows: pl.LazyFrame, column: str, most: str, distinct: str) -> pl.LazyFrame:
    """By vehicle, how many rows have the commonest value of a column, and how many values there are.

    No two vehicles may share a value: one integer costs half of what two columns cost to group by.
    """
    counted = rows.group_by(column).agg(pl.col("vid").first(), rows=pl.len())
    return counted.group_by("vid").agg(pl.col("rows").max().alias(most), pl.len().alias(distinct))
