"""Stays, trips and runs typed by hand in Polars: from journeys to where a vehicle was, left for and came back from.

Belongs here: what a base, an outing and a run are. Does not: what is said of them (`benchmarks.polars_travel`).
"""

from __future__ import annotations

import polars as pl

from benchmarks.polars_arithmetic import at, code_of, metres, packed, ratio, value_of
from benchmarks.polars_moves import Moved, run
from models.features.layers import Span
from models.features.settings import PatternSettings

_VECTOR = ("x", "y", "z")


def _stays(journeys: pl.DataFrame, span: Span) -> pl.LazyFrame:
    """Where a vehicle was before its first journey and after each."""
    found = journeys.lazy()
    after = found.select(
        "vid",
        at=pl.col("journey") + pl.col("vid").cast(pl.Int32) + 1,
        seq=pl.col("journey"),
        place=pl.col("destination"),
        arrived=pl.col("end_second"),
        left=pl.col("next_start").fill_null(int(span.end)),
        bounded=pl.col("next_start").is_not_null(),
        set_out=pl.col("start_second"),
    )
    before = found.filter("first").select(
        "vid",
        at=pl.col("journey") + pl.col("vid").cast(pl.Int32),
        seq=pl.lit(None, pl.Int32),
        place=pl.col("origin"),
        arrived=pl.lit(int(span.begin), pl.Int64),
        left=pl.col("start_second"),
        bounded=pl.lit(False),
        set_out=pl.lit(None, pl.Int64),
    )
    stays = run(pl.concat([before, after])).sort("at").lazy()
    return stays.drop("at").with_columns(stay_s=pl.col("left") - pl.col("arrived"))


def _bases(stays: pl.LazyFrame) -> pl.LazyFrame:
    """By vehicle the cell of the longest total stay, and in it the place of the longest single one."""
    by_cell = stays.group_by("vid", "cell").agg(
        seconds=pl.col("stay_s").sum(), top=packed(pl.col("stay_s"), pl.col("place")).max()
    )
    longest = packed(pl.col("seconds"), pl.col("cell"))
    best = by_cell.with_columns(longest=longest).group_by("vid").agg(pl.all().sort_by("longest").last())
    return best.select("vid", base=code_of(pl.col("top")), base_cell="cell", base_s="seconds")


def _reached(found: Moved, bases: pl.DataFrame) -> pl.LazyFrame:
    """By journey the farthest from the base that it passed: metres and cell as one."""
    passes = found.moves.lazy().select("journey", "place", base=pl.lit(bases["base"]).gather(pl.col("vid")))
    ends = passes.with_columns(
        **at(found.places, pl.col("base"), _VECTOR, "a_"), **at(found.places, pl.col("place"), (*_VECTOR, "cell"), "b_")
    )
    return ends.group_by("journey").agg(reached=packed(metres("a_", "b_"), pl.col("b_cell")).max())


def placed_stays(found: Moved, span: Span, settings: PatternSettings) -> pl.DataFrame:
    """Stays in order, seen from the base of their vehicle."""
    places = found.places
    stays = run(_stays(found.journeys, span).with_columns(**at(places, pl.col("place"), ("cell",), "")))
    bases = run(_bases(stays.lazy())).sort("vid")
    reached = run(_reached(found, bases)).sort("journey")["reached"]
    based = stays.lazy().with_columns(pl.lit(bases[name]).gather(pl.col("vid")) for name in bases.columns[1:])
    ends = based.with_columns(
        **at(places, pl.col("base"), _VECTOR, "a_"), **at(places, pl.col("place"), _VECTOR, "b_")
    ).with_columns(away_m=metres("a_", "b_"))
    away = pl.col("away_m")
    base_stay = (away <= settings.place_km * 1000) & (away < settings.away_km * 1000)
    far = pl.lit(reached).gather(pl.col("seq")).fill_null(packed(away, pl.col("cell")))
    before = pl.col("at_base").cast(pl.Int32).cum_sum() - pl.col("at_base")
    return run(
        ends.with_columns(at_base=base_stay, away=away >= settings.away_km * 1000, far=far)
        .with_columns(before=before)
        .with_columns(
            outing=pl.col("before")
            - pl.when(pl.col("vid").ne_missing(pl.col("vid").shift(1))).then("before").forward_fill()
        )
        .drop("a_x", "a_y", "a_z", "b_x", "b_y", "b_z", "before")
    )


def stay_features(stays: pl.DataFrame, span: Span, settings: PatternSettings) -> pl.LazyFrame:
    """What stays away from the base say."""
    known, seconds = pl.col("away") & pl.col("bounded"), pl.col("stay_s")
    found = (
        stays.lazy()
        .group_by("vid")
        .agg(
            pl.col("base_cell", "base_s").first(),
            away_stays=known.sum(),
            away_stay_median_min=(seconds // 60).filter(known).median(),
            away_stay_min_min=(seconds // 60).filter(known).min(),
            short=(known & (seconds <= settings.short_stay_minutes * 60)).sum(),
            multi_day_stays=(known & (seconds >= settings.long_stay_hours * 3600)).sum(),
            longest_s=seconds.filter(known).max(),
            farthest_km=(value_of(pl.col("far")).max() + 999) // 1000,
            away_places=pl.col("cell").filter("away").n_unique(),
        )
    )
    return found.select(
        "vid",
        "base_cell",
        "away_stays",
        "away_stay_median_min",
        "away_stay_min_min",
        "multi_day_stays",
        "farthest_km",
        "away_places",
        base_share=ratio(pl.col("base_s"), pl.lit(int(span.end) - int(span.begin))),
        short_stay_share=ratio(pl.col("short"), pl.col("away_stays")),
        longest_away_stay_h=ratio(pl.col("longest_s"), pl.lit(3600)),
    )


def trips_of(stays: pl.DataFrame, settings: PatternSettings) -> pl.LazyFrame:
    """Out from the base, `away_km` or more from it, and back; in order."""
    outings = (
        stays.lazy()
        .group_by("vid", "outing")
        .agg(
            depart=pl.col("set_out").min(),
            back=pl.col("arrived").filter("at_base").max(),
            stay_s=pl.col("stay_s").filter("away").sum(),
            stay=packed(pl.col("stay_s"), pl.col("cell")).filter("away").max(),
            far=pl.col("far").max(),
        )
    )
    closed = outings.filter(
        pl.col("outing") >= 1,
        pl.col("back").is_not_null(),
        pl.col("depart").is_not_null(),
        value_of(pl.col("far")) >= settings.away_km * 1000,
    )
    cell = code_of(pl.col("stay").fill_null(pl.col("far")))
    return closed.select("vid", "outing", "depart", "back", "stay_s", far_m=value_of(pl.col("far")), cell=cell)


def runs_of(found: Moved, settings: PatternSettings) -> pl.DataFrame:
    """Out over `run_km` or more and back, in order of their departure; of quick ones that share a journey the first."""
    places, least = found.places, settings.run_km * 1000
    ends = found.journeys.lazy().with_columns(
        **at(places, pl.col("origin"), (*_VECTOR, "cell"), "a_"),
        **at(places, pl.col("destination"), (*_VECTOR, "cell"), "b_"),
        **at(places, pl.col("turn"), ("cell",), "t_"),
        **at(places, pl.col("next_origin"), _VECTOR, "c_"),
        **at(places, pl.col("next_destination"), _VECTOR, "d_"),
    )
    far = pl.col("reach_m") >= least
    known = ends.with_columns(out_m=metres("a_", "b_"), back_m=metres("a_", "d_"), on_m=metres("b_", "c_"))
    known = known.with_columns(turned=far & (pl.col("out_m") * 2 <= pl.col("reach_m")))
    known = known.with_columns(then_turned=pl.col("turned").shift(-1).fill_null(False))
    there = (pl.col("back_m") * 2 <= pl.col("out_m")) & (pl.col("on_m") * 2 <= pl.col("out_m"))
    goes_on = pl.col("next_start").is_not_null() & ~pl.col("then_turned")
    paired = known.with_columns(paired=~pl.col("turned") & far & (pl.col("out_m") >= least) & goes_on & there)
    runs = paired.filter(pl.col("turned") | pl.col("paired")).select(
        "vid",
        "journey",
        "paired",
        depart="start_second",
        stop_s=pl.when("turned").then(0).otherwise(pl.col("next_start") - pl.col("end_second")),
        far_m=pl.when("turned").then("reach_m").otherwise("out_m"),
        out_cell="a_cell",
        turn_cell=pl.when("turned").then("t_cell").otherwise("b_cell"),
        journeys=pl.when("turned").then(1).otherwise(2),
    )
    quick = runs.with_columns(quick=pl.col("stop_s") <= settings.short_stay_minutes * 60)
    pairs = pl.col("quick") & pl.col("paired")
    apart = quick.filter(pairs).with_columns(n=pl.int_range(pl.len()))
    begins = (pl.col("journey") != pl.col("journey").shift(1) + 1).fill_null(True)
    apart = apart.filter((pl.col("n") - pl.when(begins).then("n").forward_fill()) % 2 == 0).drop("n")
    return run(pl.concat([apart, quick.filter(~pairs)]).drop("paired"))
