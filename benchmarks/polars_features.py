"""The features of a vehicle's window typed by hand in Polars: what the product's expressions are timed beside.

Lazy, on the streaming engine, with numbers for names and one sort of the reads; places are looked up by position. It
gives the table of `models.windows` without the end of the window: the same vehicles, whole numbers and nulls.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from benchmarks.polars_arithmetic import DAY, at, code_of, packed, ratio, value_of
from benchmarks.polars_moves import Moved, moved, run
from benchmarks.polars_stays import placed_stays, runs_of, stay_features, trips_of
from benchmarks.polars_travel import run_features, travel_features, trip_features
from models.features.layers import Span, span_of
from models.features.settings import PatternSettings
from models.windows import FEATURES

_BITS = 62


def all_in_polars(paths: Sequence[Path], as_of: date, settings: PatternSettings) -> pl.DataFrame:
    """Every feature of every vehicle of the window, sorted by vehicle."""
    span = span_of(as_of, settings)
    found = moved([str(path) for path in paths], span, settings)
    stays = placed_stays(found, span, settings)
    runs = runs_of(found, settings)
    families = [
        stay_features(stays, span, settings),
        trip_features(trips_of(stays, settings), span, settings),
        travel_features(found, span, settings),
        presence_features(found.journeys.lazy(), span),
        camera_features(found, settings),
        co_travel_features(found, span, settings),
        run_features(runs, stays, found.journeys.lazy(), span, settings),
    ]
    joined = _side_by_side(found.vehicles, pl.collect_all(families, engine="streaming"))
    cells = found.places.group_by("cell").agg(cameras=pl.col("camera").n_unique()).sort("cell")
    base_cameras = pl.lit(cells["cameras"]).gather(pl.col("base_cell")).alias("base_cameras")
    typed = joined.lazy().with_columns(base_cameras)
    return run(typed.select("vehicle", *(_typed(feature.name, feature.dtype) for feature in FEATURES)))


def _side_by_side(vehicles: pl.Series, families: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Families in the order of the vehicles; where all of these are in one, to sort it costs less than to join it."""
    numbers = pl.DataFrame({"vehicle": vehicles}).with_row_index("vid")
    whole = [family.sort("vid") for family in families if family.height == numbers.height]
    rest = [
        numbers.select("vid").join(family, on="vid", how="left", maintain_order="left")
        for family in families
        if family.height < numbers.height
    ]
    return pl.concat([numbers, *(family.drop("vid") for family in (*whole, *rest))], how="horizontal")


def _typed(name: str, dtype: str) -> pl.Expr:
    return pl.col(name).fill_null(0).cast(pl.Int64) if dtype == "int64" else pl.col(name).cast(pl.Float64)


def presence_features(journeys: pl.LazyFrame, span: Span) -> pl.LazyFrame:
    """When a vehicle is seen, from what is counted by journey."""
    counted = ("reads", "night", "weekend", "office", "days_seen", "force_crossings", "impossible_hops")
    summed = journeys.group_by("vid").agg(
        pl.col(*counted, "repaired", "doubtful").sum(),
        first_day=pl.col("start_second").min() // DAY,
        last_day=pl.col("end_second").max() // DAY,
    )
    reads, days, life = pl.col("reads"), pl.col("days_seen"), pl.col("last_day") - pl.col("first_day") + 1
    return summed.select(
        "vid",
        "reads",
        "days_seen",
        "force_crossings",
        "impossible_hops",
        reads_per_day=ratio(reads, days),
        night_share=ratio(pl.col("night"), reads),
        weekend_share=ratio(pl.col("weekend"), reads),
        office_share=ratio(pl.col("office"), reads),
        life_days=life,
        first_seen_day=pl.col("first_day") - int(span.begin) // DAY,
        silent_days=int(span.end) // DAY - 1 - pl.col("last_day"),
        active_share=ratio(days, life),
        repaired_share=ratio(pl.col("repaired"), reads),
        low_confidence_share=ratio(pl.col("doubtful"), reads),
    )


def camera_features(found: Moved, settings: PatternSettings) -> pl.LazyFrame:
    """Which cameras saw a vehicle, how rare they are, and on how many days they saw anyone."""
    places = found.places
    # many groups: to sort one integer and count what is alike costs half of a group-by
    counted = found.moves.select(packed(pl.col("vid"), pl.col("place")).sort().rle().struct.unnest())
    by_place = counted.select(
        vid=value_of(pl.col("value")).cast(pl.UInt32), place=code_of(pl.col("value")), reads=pl.col("len")
    )
    days = found.moves.lazy().select("place", day=pl.col("second") // DAY).unique()
    by_camera = by_place.lazy().select("vid", "reads", **at(places, pl.col("place"), ("camera",), ""))
    if places["camera"].n_unique() < places.height:
        by_camera = by_camera.group_by("vid", "camera").agg(pl.col("reads").sum())
    by_camera = run(by_camera).lazy()
    up = days.select("day", **at(places, pl.col("place"), ("camera",), "")).unique().group_by("camera").agg(up=pl.len())
    cameras = run(by_camera.group_by("camera").agg(vehicles=pl.len()).join(up, on="camera").sort("camera"))
    median = cameras["vehicles"].sort()[(cameras.height - 1) // 2] if cameras.height else 0
    rare = pl.col("vehicles").cast(pl.Int64) * 100 <= median * settings.rare_camera_percent
    cameras = cameras.with_columns(rare=rare.cast(pl.Int64))
    seen = by_camera.with_columns(**at(cameras, pl.col("camera"), ("vehicles", "up", "rare"), ""))
    reads = pl.col("reads").cast(pl.Int64)
    summed = seen.group_by("vid").agg(
        cameras=pl.len(),
        all_reads=reads.sum(),
        rare=(reads * pl.col("rare")).sum(),
        rarest_camera_vehicles=pl.col("vehicles").min(),
        top=reads.max(),
        up=(reads * pl.col("up")).sum(),
    )
    forces = by_place.lazy().select("vid", **_bits(places)).group_by("vid").agg(pl.all().bitwise_or())
    forces = forces.select("vid", forces=pl.sum_horizontal(pl.exclude("vid").bitwise_count_ones()))
    return summed.join(forces, on="vid").select(
        "vid",
        "cameras",
        "forces",
        "rarest_camera_vehicles",
        rare_camera_share=ratio(pl.col("rare"), pl.col("all_reads")),
        top_camera_share=ratio(pl.col("top"), pl.col("all_reads")),
        camera_uptime=ratio(pl.col("up"), pl.col("all_reads") * settings.window_days),
    )


def _bits(places: pl.DataFrame) -> dict[str, pl.Expr]:
    """The force of a place as one bit of as many words as there are forces for: cheaper than to count distinct ones."""
    words = places["force_no"].n_unique() // _BITS + 1
    bits = places.select(
        pl.when("named", pl.col("force_no") // _BITS == word)
        .then(pl.lit(2, pl.Int64) ** (pl.col("force_no") % _BITS))
        .otherwise(0)
        .alias(f"word_{word}")
        for word in range(words)
    )
    return at(bits, pl.col("place"), bits.columns, "")


def co_travel_features(found: Moved, span: Span, settings: PatternSettings) -> pl.LazyFrame:
    """Vehicles directly before or behind on the same leg, again and on other days."""
    moves = found.moves.lazy().filter(~pl.col("starts") & pl.col("leaves"))
    legs = moves.select(
        "vid",
        "second",
        "prev_second",
        **at(found.places, pl.col("prev_place"), ("camera",), "from_"),
        **at(found.places, pl.col("place"), ("camera",), "to_"),
    )
    leg = pl.col("from_camera").cast(pl.Int64) * found.places.height + pl.col("to_camera")
    # nearly without ties, so the sort seldom looks at the columns that break them
    length = int(span.end - span.begin)
    key = leg * length + pl.col("second") - int(span.begin)
    lined = run(legs.select("vid", "prev_second", key=key)).sort("key", "vid", "prev_second").lazy()
    within, before = settings.co_travel_seconds, pl.all().shift(1).name.suffix("_ahead")
    together = lined.with_columns(before).filter(
        pl.col("key") - pl.col("key_ahead") <= within,
        pl.col("key") // length == pl.col("key_ahead") // length,
        pl.col("vid") != pl.col("vid_ahead"),
        (pl.col("prev_second") - pl.col("prev_second_ahead")).abs() <= within,
    )
    by_day = (
        together.select(
            one=pl.min_horizontal("vid", "vid_ahead"),
            other=pl.max_horizontal("vid", "vid_ahead"),
            day=pl.col("key") % length // DAY,
        )
        .group_by("one", "other", "day")
        .agg(legs=pl.len())
    )
    pairs = by_day.group_by("one", "other").agg(pl.col("legs").sum(), days=pl.len())
    pairs = pairs.filter(pl.col("legs") >= settings.co_travel_legs, pl.col("days") >= settings.co_travel_days)
    both = pl.concat([pairs.select("legs", vid=pl.col(end)) for end in ("one", "other")])
    return both.group_by("vid").agg(co_travel_partners=pl.len(), co_travel_most_legs=pl.col("legs").max())


def unlike(ours: pa.Table, typed: pl.DataFrame) -> list[str]:
    """The columns in which the table typed by hand is not the product's, doubles to a billionth part; none is right."""
    expected = pl.DataFrame(pl.from_arrow(ours)).drop("window_end")
    if expected.schema != typed.schema or expected.height != typed.height:
        return ["vehicle"]
    return [column.name for column in expected if not _same(column, typed[column.name])]


def _same(one: pl.Series, other: pl.Series) -> bool:
    if one.dtype != pl.Float64:
        return one.equals(other)
    near = (one - other).abs() <= 1e-9 * one.abs()
    return one.is_null().equals(other.is_null()) and bool(near.all())
