"""Runs: out over `run_km` or more and back, wherever the base is; and what sets a supply run apart from work.

A region's cameras see only the part of a line that lies in it: a vehicle from elsewhere has no base here, and the way
from the border to the town may be short. So a run is two journeys in a row, out and back (or one that turns), of which
the second leads at least half of the way back; each journey belongs to one quick run at most. The commonest wrong
alarms are couriers, reps and carers, who turn round quickly as well: theirs are working days and hours, many places,
ways that others take too. Places are compared by how many vehicles of the window have their base there, so no list of
towns is needed.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from models.features.feature import Feature, count_where, deviation, ratio, spread
from models.features.layers import Layers
from models.features.settings import PatternSettings
from models.features.trips import between_hours, minutes_since
from models.journeys import local_second
from models.places import PLACE_CODES, code_of, metres, with_code, with_vector

_WAYS = PLACE_CODES * PLACE_CODES
"""Upper bound of ways (two grid cells as one number); lets (runs, way) travel as one integer."""

FEATURES = (
    Feature(
        "quick_runs",
        "runs",
        "int64",
        "out over a shorter distance and back after a short stop, also by vehicles from elsewhere (B1, B2)",
        (
            "{quick_runs:quick run|quick runs} of over {run_km} km out and back with a stop of up to "
            "{short_stay_minutes} min",
        ),
    ),
    Feature(
        "day_runs",
        "runs",
        "int64",
        "out and back with a stay of a working day, as commuters do",
        ("{day_runs:stay|stays} of more than {short_stay_minutes} min and under {long_stay_hours} h between two runs",),
    ),
    Feature(
        "long_runs",
        "runs",
        "int64",
        "out and back after a day or more, at either end (B5)",
        ("{long_runs:stay|stays} of {long_stay_hours} h or more between a way out and the way back",),
    ),
    Feature(
        "quick_run_share",
        "share of journeys",
        "double",
        "seen for its runs and little else, as against a life lived here (B1)",
        ("{quick_run_share:%} of {journeys:journey|journeys} belong to quick runs",),
        says_from=(("journeys", 2),),
    ),
    Feature(
        "quick_run_stop_min",
        "minutes",
        "double",
        "turnaround of a run: minutes for a delivery, longer for a call (B2)",
        ("median stop on {quick_runs:quick run|quick runs}: {quick_run_stop_min:span}",),
    ),
    Feature(
        "quick_run_km",
        "km",
        "double",
        "how far a run leads within sight of the cameras (B1)",
        ("median distance of {quick_runs:quick run|quick runs}: {quick_run_km} km",),
    ),
    Feature(
        "quick_run_interval_cv",
        "ratio",
        "double",
        "regularity of runs: 0 is a timetable, about 1 is chance (B3)",
        ("times between {quick_runs:quick run|quick runs} vary by {quick_run_interval_cv:%} of their mean",),
    ),
    Feature(
        "quick_run_main_share",
        "share of runs",
        "double",
        "one place again and again, as against a round of deliveries or calls (B1, B6)",
        ("{quick_run_main_share:%} of {quick_runs:quick run|quick runs} turned in the same area",),
        says_from=(("quick_runs", 2),),
    ),
    Feature(
        "quick_run_work_share",
        "share of runs",
        "double",
        "runs from Monday to Friday, 05:00 to 17:00, as of deliveries, calls and meetings (B8)",
        ("{quick_run_work_share:%} of {quick_runs:quick run|quick runs} set out on working days in working hours",),
        says_from=(("quick_runs", 2),),
    ),
    Feature(
        "quick_run_evening_share",
        "share of runs",
        "double",
        "runs in the evening and at night, when deliveries, calls and meetings are over (B8)",
        (
            "{quick_run_evening_share:%} of {quick_runs:quick run|quick runs} set out between "
            "{evening_from_hour:clock} and {night_to_hour:clock}",
        ),
        says_from=(("quick_runs", 2),),
    ),
    Feature(
        "quick_run_hour_sd",
        "hours",
        "double",
        "spread of the time of day at which runs set out: the same hour each time, or at any (B3, B4)",
        (
            "{quick_runs:quick run|quick runs} set out at times of day typically {quick_run_hour_sd:hours} from "
            "their average (standard deviation, days counted from {night_to_hour:clock})",
        ),
    ),
    Feature(
        "quick_run_town_vehicles",
        "vehicles",
        "double",
        "vehicles with their base where most of its runs turn: a market town, or a city (B1)",
        (
            "{quick_run_main_share:%} of {quick_runs:quick run|quick runs} turned in one area, where "
            "{quick_run_town_vehicles:vehicle has|vehicles have} a base",
        ),
        says_from=(("quick_runs", 2),),
    ),
    Feature(
        "quick_run_alike",
        "vehicles",
        "double",
        "other vehicles whose commonest run leads the same way: a way that many take, or few (B1, B6)",
        (
            "its commonest quick run, from one area to another, is that of "
            "{quick_run_alike:other vehicle|other vehicles}",
        ),
    ),
)


def run_table(journeys: Table, places: Table, settings: PatternSettings) -> Table:
    """Runs out and back: journeys that turned, and two journeys in a row of which neither did.

    Of quick runs that would share a journey, the earlier counts. Longer stays are told whichever end of the way they
    are at, so one journey may lead to one and away from another.

    Returns:
        vid, depart (epoch seconds), stop_s (seconds between the way out and the way back; 0 when one journey turned),
        far_m, out_cell and turn_cell (grid cells where it began and turned), journeys (1 or 2).
    """
    least = settings.run_km * 1000
    far = journeys.filter(journeys.reach_m >= least)
    ends = with_vector(with_vector(far, places, "origin", "a_"), places, "destination", "b_")
    out_m = metres(ends, "a_", "b_")
    ends = ends.mutate(out_m=out_m, turned=out_m * 2 <= ends.reach_m)
    turned = with_vector(ends.filter(ends.turned), places, "turn", "t_")
    loops = turned.select(
        "vid",
        depart=turned.start_second,
        stop_s=ibis.literal(0, "int64"),
        far_m=turned.reach_m,
        out_cell=turned.a_cell,
        turn_cell=turned.t_cell,
        journeys=ibis.literal(1, "int64"),
    )
    paired = ends.filter(~ends.turned & (ends.out_m >= least) & ends.next_start.notnull())
    paired = paired.anti_join(loops.select("vid", next_start="depart"), ["vid", "next_start"])
    paired = with_vector(with_vector(paired, places, "next_origin", "c_"), places, "next_destination", "d_")
    back = (metres(paired, "a_", "d_") * 2 <= paired.out_m) & (metres(paired, "b_", "c_") * 2 <= paired.out_m)
    paired = paired.filter(back)
    pairs = paired.select(
        "vid",
        "next_start",
        depart=paired.start_second,
        stop_s=paired.next_start - paired.end_second,
        far_m=paired.out_m,
        out_cell=paired.a_cell,
        turn_cell=paired.b_cell,
        journeys=ibis.literal(2, "int64"),
    )
    short = pairs.stop_s <= settings.short_stay_minutes * 60
    longer = pairs.filter(~short).drop("next_start")
    return ibis.union(loops, _apart(pairs.filter(short)), longer.select(*loops.columns))


def _apart(pairs: Table) -> Table:
    """Of pairs of journeys in a row, those that have no journey in common: every other one of an unbroken row."""
    order = ibis.window(group_by=pairs.vid, order_by=pairs.depart)
    goes_on = pairs.next_start.lag().over(order) == pairs.depart
    rows = pairs.mutate(n=ibis.row_number().over(order), begins=~goes_on.fill_null(False))
    before = ibis.cumulative_window(group_by=rows.vid, order_by=rows.n)
    rows = rows.mutate(first=ibis.ifelse(rows.begins, rows.n, ibis.null("int64")).max().over(before))
    return rows.filter((rows.n - rows["first"]) % 2 == 0).drop("next_start", "n", "begins", "first")


def run_features(layers: Layers, runs: Table) -> Table:
    """The features of this module, one row per vehicle; what is said of runs is null without one.

    Args:
        layers: The tables that features are made from.
        runs: `run_table`, kept.
    """
    settings = layers.settings
    quick = runs.filter(runs.stop_s <= settings.short_stay_minutes * 60)
    counted = runs.group_by("vid").agg(
        quick_runs=count_where(runs.stop_s <= settings.short_stay_minutes * 60),
        long_runs=count_where(runs.stop_s >= settings.long_stay_hours * 3600),
        run_journeys=runs.journeys.sum(where=runs.stop_s <= settings.short_stay_minutes * 60),
        every=runs.count(),
    )
    counted = counted.mutate(day_runs=counted.every - counted.quick_runs - counted.long_runs)
    bases = layers.stays.group_by("vid").agg(base_cell=layers.stays.base_cell.max())
    based = bases.group_by("base_cell").agg(base_vehicles=bases.count())
    travelled = layers.journeys.group_by("vid").agg(travelled=layers.journeys.count())
    found = bases.join(travelled, "vid")
    for family in (counted, _quick(quick, layers), _ways(quick, based)):
        found = found.left_join(family, "vid").drop("vid_right")
    found = found.mutate(quick_run_share=ratio(found.run_journeys.fill_null(0), found.travelled))
    return found.select("vid", *(feature.name for feature in FEATURES))


def _quick(quick: Table, layers: Layers) -> Table:
    settings = layers.settings
    local = local_second(quick.depart, layers.span.offsets)
    second, weekend = local % 86_400, (local + 3 * 86_400) % 604_800 >= 5 * 86_400
    order = ibis.window(group_by=quick.vid, order_by=[quick.depart, quick.stop_s, quick.turn_cell])
    quick = quick.mutate(
        working=~weekend & (second >= 5 * 3600) & (second < 17 * 3600),
        evening=between_hours(second, settings.evening_from_hour, settings.night_to_hour),
        minute=minutes_since(second, settings.night_to_hour),
        wait=(quick.depart - quick.depart.lag().over(order)) // 60,
    )
    summed = quick.group_by("vid").agg(
        runs=quick.count(),
        quick_run_stop_min=(quick.stop_s // 60).median(),
        quick_run_km=(quick.far_m // 1000).median(),
        working=count_where(quick.working),
        evening=count_where(quick.evening),
        minutes=quick.minute.sum(),
        minute_squares=(quick.minute * quick.minute).sum(),
        waits=quick.wait.count(),
        wait_sum=quick.wait.sum().fill_null(0),
        wait_squares=(quick.wait * quick.wait).sum().fill_null(0),
    )
    return summed.select(
        "vid",
        "quick_run_stop_min",
        "quick_run_km",
        quick_run_work_share=ratio(summed.working, summed.runs),
        quick_run_evening_share=ratio(summed.evening, summed.runs),
        quick_run_hour_sd=deviation(summed.runs, summed.minutes, summed.minute_squares, 60),
        quick_run_interval_cv=spread(summed.waits, summed.wait_sum, summed.wait_squares),
    )


def _ways(quick: Table, based: Table) -> Table:
    """What is known of the way that most quick runs of a vehicle take; of several the one with the higher number."""
    counted = quick.group_by(["vid", "out_cell", "turn_cell"]).agg(runs=quick.count())
    turns = counted.group_by(["vid", "turn_cell"]).agg(runs=counted.runs.sum())
    main = turns.group_by("vid").agg(best=with_code(turns.runs, turns.turn_cell).max(), runs=turns.runs.sum())
    main = main.mutate(main_cell=code_of(main.best).cast("int32"), most=main.best // PLACE_CODES)
    way = counted.mutate(way=counted.out_cell.cast("int64") * PLACE_CODES + counted.turn_cell)
    mine = way.group_by("vid").agg(way=(way.runs * _WAYS + way.way).max() % _WAYS)
    alike = mine.group_by("way").agg(alike=mine.count())
    led = main.join(mine.join(alike, "way"), "vid")
    led = led.left_join(based.select(main_cell="base_cell", there="base_vehicles"), "main_cell")
    return led.select(
        "vid",
        quick_run_main_share=ratio(led.most, led.runs),
        quick_run_town_vehicles=led.there.fill_null(0).cast("float64"),
        quick_run_alike=(led.alike - 1).cast("float64"),
    )
