"""Reads to moves and journeys, typed by hand in Polars: one sort, looks at the row before, and a group-by.

Belongs here: everything that touches each read. Does not: what is said of a vehicle (`benchmarks.polars_features`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from benchmarks.polars_arithmetic import (
    DAY,
    at,
    between_hours,
    code_of,
    is_weekend,
    local,
    metres,
    packed,
    value_of,
)
from models.features.layers import Span
from models.features.settings import PatternSettings
from models.places import EARTH_RADIUS_M, STEPS_A_DEGREE

_VECTOR = ("x", "y", "z")
_POSITION = ("camera_id", "latitude", "longitude")
_SECONDS = 1 << 32
"""Upper bound of epoch seconds; lets (vehicle, second) travel as one integer."""
_APART = 0x9E3779B97F4A7C15
_MORE = 0xD1342543DE82EF95
"""Odd and large: they keep routes of other cameras, of another number of reads and of other vehicles apart."""


@dataclass(frozen=True)
class Moved:
    """What is left of the reads.

    Args:
        vehicles: Tokens; their position is their number.
        places: A camera at one position; the position of the row is its number.
        moves: One row per read, in order.
        journeys: One row per journey, in order.
    """

    vehicles: pl.Series
    places: pl.DataFrame
    moves: pl.DataFrame
    journeys: pl.DataFrame


def run(lazy: pl.LazyFrame) -> pl.DataFrame:
    """Compute on the streaming engine."""
    return lazy.collect(engine="streaming")


def _on_grid(name: str) -> pl.Expr:
    return (pl.col(name) * STEPS_A_DEGREE + 0.5).floor() / STEPS_A_DEGREE


def _window(paths: Sequence[str], span: Span) -> pl.LazyFrame:
    begin, end = (datetime.fromtimestamp(int(limit), UTC).replace(tzinfo=None) for limit in (span.begin, span.end))
    reads = pl.scan_parquet(list(paths)).filter(pl.col("captured_at") >= begin, pl.col("captured_at") < end)
    return reads.with_columns(_on_grid("latitude"), _on_grid("longitude"))


def _seen(reads: pl.LazyFrame) -> pl.LazyFrame:
    """Cameras at one position, each with its force."""
    return reads.group_by(*_POSITION).agg(pl.col("force").min().fill_null(""))


def _places(seen: pl.DataFrame, settings: PatternSettings) -> pl.DataFrame:
    """What is known of each place, in the order of their numbers."""
    latitude, longitude = pl.col("latitude").radians(), pl.col("longitude").radians()
    side = math.degrees(settings.place_km * 1000 / EARTH_RADIUS_M)
    row = (pl.col("latitude") / side).floor()
    column = (pl.col("longitude") * ((row + 0.5) * side).radians().cos() / side).floor()
    return seen.sort(*_POSITION).with_columns(
        place=pl.int_range(pl.len(), dtype=pl.Int32),
        camera=(pl.col("camera_id").rank("dense") - 1).cast(pl.Int32),
        cell=(pl.struct(row, column.alias("column")).rank("dense") - 1).cast(pl.Int32),
        force_no=pl.col("force").rank("dense").cast(pl.Int32) - 1,
        named=pl.col("force") != "",
        x=latitude.cos() * longitude.cos(),
        y=latitude.cos() * longitude.sin(),
        z=latitude.sin(),
        sign=pl.col("camera_id").hash(seed=17),
    )


def _numbered(names: pl.Series, column: str) -> pl.Expr:
    """A name as its number in the order of all names; an Enum finds it quicker than a join."""
    return pl.col(column).cast(pl.Enum(names)).to_physical()


def _ordered(
    reads: pl.LazyFrame, places: pl.DataFrame, vehicles: pl.Series, batches: pl.Series, low_confidence: int
) -> pl.DataFrame:
    """Reads in their total order, with numbers for names."""
    second = pl.col("captured_at").dt.epoch("s")
    found = reads.join(places.lazy().select(*_POSITION, "place"), on=_POSITION).select(
        "captured_at",
        "row_no",
        "place",
        # nearly without ties, so the sort seldom looks at the columns that break them
        key=_numbered(vehicles, "vehicle").cast(pl.Int64) * _SECONDS + second,
        batch=_numbered(batches, "batch_id"),
        repaired=pl.col("plate_repaired").fill_null(False),
        doubtful=(pl.col("confidence") < low_confidence).fill_null(False),
    )
    # its sort in memory takes half the time of its streaming one
    ordered = run(found).sort("key", "captured_at", "batch", "row_no")
    vid, second = (pl.col("key") // _SECONDS).cast(pl.UInt32), pl.col("key") % _SECONDS
    return ordered.select("place", "repaired", "doubtful", vid=vid, second=second)


def _moves(ordered: pl.DataFrame, places: pl.DataFrame, settings: PatternSettings) -> pl.DataFrame:
    """Each read with the hop from the one before it."""
    known = at(places, pl.col("place"), (*_VECTOR, "cell", "force_no", "named"), "b_")
    placed = ordered.lazy().with_columns(**known)
    first = pl.col("vid").ne_missing(pl.col("vid").shift(1))
    before = [pl.col(f"b_{name}").shift(1).alias(f"a_{name}") for name in (*_VECTOR, "cell", "force_no", "named")]
    hops = placed.with_columns(
        *before,
        first=first,
        n=pl.int_range(pl.len(), dtype=pl.Int64),
        prev_place=pl.col("place").shift(1),
        prev_second=pl.when(first).then("second").otherwise(pl.col("second").shift(1)),
    ).with_columns(
        gap=pl.col("second") - pl.col("prev_second"),
        hop_m=pl.when("first").then(0).otherwise(metres("a_", "b_")),
    )
    slow = pl.col("gap") * (settings.min_speed_kmh * 100_000) > pl.col("hop_m") * (3600 * settings.slack_percent)
    forces = (pl.col("a_force_no") != pl.col("b_force_no")) & pl.col("a_named") & pl.col("b_named")
    fast = pl.col("hop_m") * 3600 > pl.col("gap") * (settings.max_speed_kmh * 1000)
    moves = hops.with_columns(
        starts=pl.col("first") | ((pl.col("gap") > settings.journey_gap_minutes * 60) & slow),
        leaves=~pl.col("first") & (pl.col("a_cell") != pl.col("b_cell")),
        crossing=~pl.col("first") & forces,
        impossible=fast & (pl.col("hop_m") >= max(1, settings.max_speed_from_km * 1000)),
    ).with_columns(
        begun=pl.when("starts").then("n").forward_fill(),
        journey=pl.col("starts").cast(pl.Int32).cum_sum() - 1,
    )
    kept = ("vid", "n", "second", "place", "prev_second", "prev_place", "gap", "hop_m", "first", "starts", "leaves")
    flags = ("crossing", "impossible", "repaired", "doubtful", "begun", "journey")
    return run(moves.select(*kept, *flags))


def _journeys(moves: pl.DataFrame, places: pl.DataFrame, span: Span, settings: PatternSettings) -> pl.DataFrame:
    """Journeys, and what is counted of their reads."""
    origin = pl.lit(moves["place"]).gather(pl.col("begun"))
    signs = at(places, pl.col("place"), ("sign",), "")["sign"]
    ends = (
        moves.lazy()
        .with_columns(origin=origin)
        .with_columns(
            **at(places, pl.col("origin"), _VECTOR, "a_"), **at(places, pl.col("place"), _VECTOR, "b_"), sign=signs
        )
    )
    local_s = local(pl.col("second"), span.offsets)
    of_day, weekend = local_s % DAY, is_weekend(local_s)
    summed = ends.group_by("journey").agg(
        pl.col("vid", "origin").first(),
        reads=pl.len(),
        start_second=pl.col("second").min(),
        end_second=pl.col("second").max(),
        destination=pl.col("place").last(),
        farthest=packed(metres("a_", "b_"), pl.col("place")).max(),
        distance_m=pl.when("starts").then(0).otherwise("hop_m").sum(),
        route=(pl.col("sign") * ((pl.col("n") - pl.col("begun")).cast(pl.UInt64) + _APART) + _MORE).sum(),
        night=between_hours(of_day, settings.night_from_hour, settings.night_to_hour).sum(),
        weekend=weekend.sum(),
        office=(~weekend & (of_day >= 7 * 3600) & (of_day < 19 * 3600)).sum(),
        days_seen=(pl.col("first") | (pl.col("gap") > pl.col("second") % DAY)).sum(),
        force_crossings=pl.col("crossing").sum(),
        impossible_hops=pl.col("impossible").sum(),
        repaired=pl.col("repaired").sum(),
        doubtful=pl.col("doubtful").sum(),
    )
    goes_on = pl.col("vid") == pl.col("vid").shift(-1)
    after = [
        pl.when(goes_on).then(pl.col(name).shift(-1)).alias(f"next_{called}")
        for name, called in (("start_second", "start"), ("origin", "origin"), ("destination", "destination"))
    ]
    return run(
        run(summed)
        .sort("journey")
        .lazy()
        .with_columns(
            *after,
            first=pl.col("vid").ne_missing(pl.col("vid").shift(1)),
            route=pl.col("route") + pl.col("vid").cast(pl.UInt64) * (_APART ^ _MORE),
            reach_m=value_of(pl.col("farthest")),
            turn=code_of(pl.col("farthest")),
        )
    )


def moved(paths: Sequence[str], span: Span, settings: PatternSettings) -> Moved:
    """Reads of the window to moves and journeys."""
    reads = _window(paths, span)
    names = [reads.select(pl.col(name).unique()) for name in ("vehicle", "batch_id")]
    seen, *found = pl.collect_all([_seen(reads), *names], engine="streaming")
    vehicles, batches = (column.to_series().sort() for column in found)
    places = _places(seen, settings)
    ordered = _ordered(reads, places, vehicles, batches, settings.low_confidence)
    moves = _moves(ordered, places, settings)
    return Moved(vehicles, places, moves, _journeys(moves, places, span, settings))
