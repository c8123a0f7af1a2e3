"""Trips there and back: leaving the base, reaching `away_km` or more, coming back to it.

A trip may hold one journey (a turn too short to be a stay) or several with stays between. Belongs here: what a trip is,
how often, how regular and to where. Does not: stays as such.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import IntegerValue, Table

from models.features.feature import Feature, count_where, ratio, spread
from models.features.layers import Layers
from models.features.settings import PatternSettings
from models.journeys import local_second
from models.places import code_of, value_of, with_code

FEATURES = (
    Feature(
        "away_trips",
        "trips",
        "int64",
        "repeated runs out of the hub and back (B1, B3)",
        (
            "{away_trips:trip|trips} of over {away_km} km there and back in {window_days} days",
            "median stay {trip_stay_median_min:span}",
        ),
    ),
    Feature(
        "trip_stay_median_min",
        "minutes",
        "double",
        "turnaround between there and back; 0 where it turned without a stay (B2)",
        ("median stay on {away_trips:trip|trips} there and back: {trip_stay_median_min:span}",),
    ),
    Feature(
        "quick_trips",
        "trips",
        "int64",
        "there and back on the same day with a short stay (commuting supply: B2, B4)",
        (
            "{quick_trips} of {away_trips:trip|trips} there and back within {same_day_hours} h, with a stay of up to "
            "{short_stay_minutes} min",
        ),
        says_from=(("away_trips", 1),),
    ),
    Feature(
        "same_day_share",
        "share of trips",
        "double",
        "commuting as against holidaying (B2, B5)",
        ("{same_day_share:%} of {away_trips:trip|trips} there and back within {same_day_hours} h",),
        says_from=(("away_trips", 2),),
    ),
    Feature(
        "trip_interval_h",
        "hours",
        "double",
        "median time from one departure to the next (B3, B4)",
        ("median time from one departure to the next: {trip_interval_h:full_hours} over {away_trips:trip|trips}",),
    ),
    Feature(
        "trip_interval_cv",
        "ratio",
        "double",
        "regularity of departures: 0 is a timetable, about 1 is chance (B3)",
        ("times between {away_trips:departure|departures} vary by {trip_interval_cv:%} of their mean",),
    ),
    Feature(
        "trip_band_share",
        "share of trips",
        "double",
        "the same hour band each time, as in a daily restock (B4)",
        ("{trip_band_share:%} of {away_trips:trip|trips} set out in the same {departure_band_hours} hours of the day",),
        says_from=(("away_trips", 2),),
    ),
    Feature(
        "night_trips",
        "trips",
        "int64",
        "setting out at night (B8)",
        ("{night_trips} of {away_trips:trip|trips} set out between {night_from_hour:clock} and {night_to_hour:clock}",),
        says_from=(("away_trips", 1),),
    ),
    Feature(
        "trip_km_median",
        "km",
        "double",
        "distance of the place that is supplied (B1)",
        ("median distance of {away_trips:trip|trips} from the base: {trip_km_median} km",),
    ),
    Feature(
        "main_away_share",
        "share of trips",
        "double",
        "one town, again and again, as against a delivery round (B1, B6)",
        ("{main_away_share:%} of {away_trips:trip|trips} went to the same place",),
        says_from=(("away_trips", 2),),
    ),
    Feature(
        "trip_towns",
        "grid cells",
        "int64",
        "distinct towns of its trips (B1)",
        ("{away_trips:trip|trips} to {trip_towns:place|places}",),
    ),
)


def trip_table(stays: Table, settings: PatternSettings) -> Table:
    """Trips there and back.

    Returns:
        vid, outing, depart (first read after leaving, epoch seconds), back (last read of the return), stay_s (seconds
        at places `away_km` or more from the base; 0 when it turned without a stay), far_m, cell (where it stayed
        longest, or turned).
    """
    stay = ibis.ifelse(stays.away, with_code(stays.stay_s, stays.cell), ibis.null("int64"))
    outings = stays.group_by(["vid", "outing"]).agg(
        depart=stays.set_out.min(),
        back=stays.arrived.max(where=stays.at_base == 1),
        stay_s=stays.stay_s.sum(where=stays.away).fill_null(0),
        stay=stay.max(),
        far=with_code(stays.far_m, stays.far_cell).max(),
    )
    far_m = value_of(outings.far)
    closed = (outings.outing >= 1) & outings.back.notnull() & outings.depart.notnull()
    return outings.filter(closed & (far_m >= settings.away_km * 1000)).select(
        "vid",
        "outing",
        "depart",
        "back",
        "stay_s",
        far_m=far_m,
        cell=code_of(outings.stay.fill_null(outings.far)),
    )


def in_night(second_of_day: IntegerValue, settings: PatternSettings) -> ibis.expr.types.BooleanValue:
    """Whether a local second of the day lies in the night band, which may pass midnight."""
    return between_hours(second_of_day, settings.night_from_hour, settings.night_to_hour)


def between_hours(second_of_day: IntegerValue, begins: int, ends: int) -> ibis.expr.types.BooleanValue:
    """Whether a local second of the day lies between two hours; a band that ends before it begins passes midnight."""
    begin, end = begins * 3600, ends * 3600
    after, before = second_of_day >= begin, second_of_day < end
    return after & before if begin <= end else after | before


def minutes_since(second_of_day: IntegerValue, hour: int) -> IntegerValue:
    """Whole minutes since a local hour, under a day; counted from the end of the night, one evening is one stretch."""
    return (second_of_day - hour * 3600 + 86_400) % 86_400 // 60


def trip_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle with at least one trip."""
    trips, settings = layers.trips, layers.settings
    second = local_second(trips.depart, layers.span.offsets) % 86_400
    previous = trips.depart.lag().over(ibis.window(group_by=trips.vid, order_by=trips.outing))
    trips = trips.mutate(
        second=second, band=second // (settings.departure_band_hours * 3600), wait=(trips.depart - previous) // 60
    )
    same_day = trips.back - trips.depart <= settings.same_day_hours * 3600
    found = trips.group_by("vid").agg(
        away_trips=trips.count(),
        trip_stay_median_min=(trips.stay_s // 60).median(),
        quick_trips=count_where(same_day & (trips.stay_s <= settings.short_stay_minutes * 60)),
        same_day=count_where(same_day),
        night_trips=count_where(in_night(trips.second, settings)),
        trip_km_median=(trips.far_m // 1000).median(),
        trip_interval_h=(trips.wait // 60).median(),
        waits=trips.wait.count(),
        wait_sum=trips.wait.sum().fill_null(0),
        wait_squares=(trips.wait * trips.wait).sum().fill_null(0),
    )
    found = found.join(commonest(trips, "cell", "main", "trip_towns"), "vid")
    found = found.join(commonest(trips, "band", "same_band", "bands"), "vid")
    return found.mutate(
        same_day_share=ratio(found.same_day, found.away_trips),
        trip_interval_cv=spread(found.waits, found.wait_sum, found.wait_squares),
        main_away_share=ratio(found.main, found.away_trips),
        trip_band_share=ratio(found.same_band, found.away_trips),
    ).drop("same_day", "waits", "wait_sum", "wait_squares", "main", "same_band", "bands")


def commonest(rows: Table, column: str, most: str, distinct: str) -> Table:
    """Per vehicle, how many rows have the commonest value of a column (`most`) and how many values there are."""
    counted = rows.group_by(["vid", column]).agg(rows=rows.count())
    return counted.group_by("vid").agg(**{most: counted.rows.max(), distinct: counted.count()})
