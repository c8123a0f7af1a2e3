"""What journeys, trips and runs say of a vehicle, typed by hand in Polars: group-bys, one row per vehicle.

Belongs here: sums, medians and shares. Does not: what a trip or a run is (`benchmarks.polars_stays`).
"""

from __future__ import annotations

import polars as pl

from benchmarks.polars_arithmetic import (
    CODES,
    DAY,
    at,
    between_hours,
    code_of,
    commonest,
    deviation,
    is_weekend,
    local,
    minutes_since,
    packed,
    ratio,
    spread,
)
from benchmarks.polars_moves import Moved
from models.features.layers import Span
from models.features.settings import PatternSettings


def travel_features(found: Moved, span: Span, settings: PatternSettings) -> pl.LazyFrame:
    """What journeys say, whatever the base is."""
    ends = (("origin", "a_"), ("destination", "b_"), ("next_origin", "c_"), ("next_destination", "d_"))
    cells = {name: value for end, p in ends for name, value in at(found.places, pl.col(end), ("cell",), p).items()}
    seconds, second = pl.col("end_second") - pl.col("start_second"), local(pl.col("start_second"), span.offsets) % DAY
    apart = pl.col("a_cell") != pl.col("b_cell")
    back = (pl.col("c_cell") == pl.col("b_cell")) & (pl.col("d_cell") == pl.col("a_cell"))
    loop = ~apart & (pl.col("reach_m") >= settings.place_km * 1000)
    named = found.journeys.lazy().with_columns(
        **cells, seconds=seconds, since=minutes_since(second, settings.night_to_hour)
    )
    number = found.places["cell"].n_unique()
    of_vehicle = pl.col("vid").cast(pl.Int64) * number + pl.col("a_cell")
    named = named.with_columns(
        pair=of_vehicle * number + pl.col("b_cell"), returned=(apart & back.fill_null(False)) | loop
    )
    summed = named.group_by("vid").agg(
        journeys=pl.len(),
        all_reads=pl.col("reads").sum(),
        metres=pl.col("distance_m").sum(),
        longest_reach_km=pl.col("reach_m").max() // 1000,
        journey_median_min=(pl.col("seconds") // 60).median(),
        moving_s=pl.col("seconds").sum(),
        returned=pl.col("returned").sum(),
        evening=between_hours(second, settings.evening_from_hour, settings.night_to_hour).sum(),
        since=pl.col("since").sum(),
        squares=(pl.col("since") ** 2).sum(),
    )
    summed = summed.join(commonest(named, "pair", "main_pair", "pairs"), on="vid")
    summed = summed.join(commonest(named, "route", "main_route", "routes"), on="vid")
    journeys = pl.col("journeys")
    return summed.select(
        "vid",
        "journeys",
        "longest_reach_km",
        "journey_median_min",
        reads_per_journey=ratio(pl.col("all_reads"), journeys),
        distance_km=pl.col("metres") // 1000,
        speed_kmh=ratio(pl.col("metres") * 36, pl.col("moving_s") * 10),
        return_share=ratio(pl.col("returned"), journeys),
        evening_share=ratio(pl.col("evening"), journeys),
        journey_hour_sd=deviation(journeys, pl.col("since"), pl.col("squares"), 60),
        main_route_share=ratio(pl.col("main_route"), journeys),
        main_pair_share=ratio(pl.col("main_pair"), journeys),
    )


def _waits() -> pl.Expr:
    """Minutes since the departure before, of rows in order."""
    return pl.when(pl.col("vid") == pl.col("vid").shift(1)).then((pl.col("depart") - pl.col("depart").shift(1)) // 60)


def trip_features(trips: pl.LazyFrame, span: Span, settings: PatternSettings) -> pl.LazyFrame:
    """What trips there and back say; no row without one."""
    second = local(pl.col("depart"), span.offsets) % DAY
    trips = trips.sort("vid", "outing").with_columns(
        second=second,
        band=pl.col("vid").cast(pl.Int64) * 24 + second // (settings.departure_band_hours * 3600),
        town=packed(pl.col("vid"), pl.col("cell")),
        wait=_waits(),
    )
    same_day = pl.col("back") - pl.col("depart") <= settings.same_day_hours * 3600
    found = trips.group_by("vid").agg(
        away_trips=pl.len(),
        trip_stay_median_min=(pl.col("stay_s") // 60).median(),
        quick_trips=(same_day & (pl.col("stay_s") <= settings.short_stay_minutes * 60)).sum(),
        same_day=same_day.sum(),
        night_trips=between_hours(pl.col("second"), settings.night_from_hour, settings.night_to_hour).sum(),
        trip_km_median=(pl.col("far_m") // 1000).median(),
        trip_interval_h=(pl.col("wait") // 60).median(),
        waits=pl.col("wait").count(),
        wait_sum=pl.col("wait").sum(),
        wait_squares=(pl.col("wait") ** 2).sum(),
    )
    found = found.join(commonest(trips, "town", "main", "trip_towns"), on="vid")
    found = found.join(commonest(trips, "band", "same_band", "bands"), on="vid")
    number = pl.col("away_trips")
    return found.with_columns(
        same_day_share=ratio(pl.col("same_day"), number),
        trip_interval_cv=spread(pl.col("waits"), pl.col("wait_sum"), pl.col("wait_squares")),
        main_away_share=ratio(pl.col("main"), number),
        trip_band_share=ratio(pl.col("same_band"), number),
    ).drop("same_day", "waits", "wait_sum", "wait_squares", "main", "same_band", "bands")


def run_features(
    runs: pl.DataFrame, stays: pl.DataFrame, journeys: pl.LazyFrame, span: Span, settings: PatternSettings
) -> pl.LazyFrame:
    """What runs say; a row for every vehicle."""
    bases = stays.lazy().group_by("vid").agg(pl.col("base_cell").first())
    based = bases.group_by("base_cell").agg(there=pl.len())
    quick, every = pl.col("quick"), runs.lazy()
    counted = every.group_by("vid").agg(
        quick_runs=quick.sum(),
        long_runs=(pl.col("stop_s") >= settings.long_stay_hours * 3600).sum(),
        run_journeys=pl.col("journeys").filter(quick).sum(),
        every=pl.len(),
    )
    counted = counted.with_columns(day_runs=pl.col("every").cast(pl.Int64) - pl.col("quick_runs") - pl.col("long_runs"))
    found = journeys.group_by("vid").agg(travelled=pl.len())
    for family in (counted, _quick(every.filter(quick), span, settings), _ways(every.filter(quick), based)):
        found = found.join(family, on="vid", how="left")
    share = ratio(pl.col("run_journeys").fill_null(0), pl.col("travelled"))
    return found.with_columns(quick_run_share=share).drop("travelled", "run_journeys", "every")


def _quick(quick: pl.LazyFrame, span: Span, settings: PatternSettings) -> pl.LazyFrame:
    local_s = local(pl.col("depart"), span.offsets)
    second = local_s % DAY
    rows = quick.sort("vid", "depart").with_columns(
        working=~is_weekend(local_s) & (second >= 5 * 3600) & (second < 17 * 3600),
        evening=between_hours(second, settings.evening_from_hour, settings.night_to_hour),
        minute=minutes_since(second, settings.night_to_hour),
        wait=_waits(),
    )
    summed = rows.group_by("vid").agg(
        pl.col("working", "evening").sum(),
        runs=pl.len(),
        quick_run_stop_min=(pl.col("stop_s") // 60).median(),
        quick_run_km=(pl.col("far_m") // 1000).median(),
        minutes=pl.col("minute").sum(),
        squares=(pl.col("minute") ** 2).sum(),
        waits=pl.col("wait").count(),
        wait_sum=pl.col("wait").sum(),
        wait_squares=(pl.col("wait") ** 2).sum(),
    )
    runs = pl.col("runs")
    return summed.select(
        "vid",
        "quick_run_stop_min",
        "quick_run_km",
        quick_run_work_share=ratio(pl.col("working"), runs),
        quick_run_evening_share=ratio(pl.col("evening"), runs),
        quick_run_hour_sd=deviation(runs, pl.col("minutes"), pl.col("squares"), 60),
        quick_run_interval_cv=spread(pl.col("waits"), pl.col("wait_sum"), pl.col("wait_squares")),
    )


def _ways(quick: pl.LazyFrame, based: pl.LazyFrame) -> pl.LazyFrame:
    """What is known of the way that most quick runs of a vehicle take; of several the one with the higher number."""
    counted = quick.group_by("vid", "out_cell", "turn_cell").agg(runs=pl.len())
    turns = counted.group_by("vid", "turn_cell").agg(pl.col("runs").sum())
    main = turns.group_by("vid").agg(
        best=packed(pl.col("runs"), pl.col("turn_cell")).max(), all_runs=pl.col("runs").sum()
    )
    main = main.with_columns(base_cell=code_of(pl.col("best")), most=pl.col("best") // CODES)
    way = packed(pl.col("out_cell"), pl.col("turn_cell"))
    taken = pl.col("runs").cast(pl.Int64) * CODES**2 + way
    mine = counted.group_by("vid").agg(way=taken.max() % CODES**2)
    alike = mine.group_by("way").agg(alike=pl.len())
    led = main.join(mine.join(alike, on="way"), on="vid").join(based, on="base_cell", how="left")
    return led.select(
        "vid",
        quick_run_main_share=ratio(pl.col("most"), pl.col("all_runs")),
        quick_run_town_vehicles=pl.col("there").fill_null(0),
        quick_run_alike=pl.col("alike").cast(pl.Int64) - 1,
    )
