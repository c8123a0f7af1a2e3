"""What journeys say: how many, how long, how fast, and whether the same way is taken again and back.

Belongs here: features of journeys whatever the base is; they speak also for a vehicle that is seen on one day only.
"""

from __future__ import annotations

from ibis.expr.types import Table

from models.features.feature import Feature, count_where, deviation, ratio
from models.features.layers import Layers
from models.features.trips import between_hours, commonest, minutes_since
from models.journeys import local_second
from models.places import PLACE_CODES

FEATURES = (
    Feature(
        "journeys", "journeys", "int64", "how much it travels", ("{journeys:journey|journeys} in {window_days} days",)
    ),
    Feature(
        "reads_per_journey",
        "reads",
        "double",
        "thin coverage, or travel that keeps away from cameras (B6)",
        ("{reads_per_journey:read|reads} a journey over {journeys:journey|journeys}",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "distance_km",
        "km",
        "int64",
        "how far it travels in all, along the line from camera to camera",
        ("{distance_km} km from camera to camera in {window_days} days",),
        says_from=(("distance_km", 1),),
    ),
    Feature(
        "longest_reach_km",
        "km",
        "int64",
        "the longest way from the origin of one journey",
        ("one journey reached {longest_reach_km} km from where it began",),
        says_from=(("longest_reach_km", 1),),
    ),
    Feature(
        "journey_median_min",
        "minutes",
        "double",
        "length of a usual journey",
        ("median journey {journey_median_min:span}",),
        says_from=(("journey_median_min", 1),),
    ),
    Feature(
        "speed_kmh",
        "km/h",
        "double",
        "pace along the line from camera to camera while travelling",
        ("{speed_kmh} km/h on average from camera to camera while travelling",),
    ),
    Feature(
        "return_share",
        "share of journeys",
        "double",
        "there and back: journeys that end where they began, or are followed by the same one reversed (B1)",
        ("{return_share:%} of {journeys:journey|journeys} ended where they began or were reversed by the next one",),
        says_from=(("journeys", 2),),
    ),
    Feature(
        "evening_share",
        "share of journeys",
        "double",
        "a life of evenings and nights, or of days (B8)",
        (
            "{evening_share:%} of {journeys:journey|journeys} began between {evening_from_hour:clock} and "
            "{night_to_hour:clock}",
        ),
        says_from=(("journeys", 2),),
    ),
    Feature(
        "journey_hour_sd",
        "hours",
        "double",
        "spread of the time of day of its journeys: the same hours each day, or any (B3, B4)",
        (
            "{journeys:journey|journeys} began at times of day typically {journey_hour_sd:hours} from their "
            "average (standard deviation, days counted from {night_to_hour:clock})",
        ),
    ),
    Feature(
        "main_route_share",
        "share of journeys",
        "double",
        "a well-worn route: the very same cameras in the same order; low for alternated routes (B6)",
        ("{main_route_share:%} of {journeys:journey|journeys} passed the same cameras in the same order",),
        says_from=(("journeys", 2),),
    ),
    Feature(
        "main_pair_share",
        "share of journeys",
        "double",
        "one origin and destination again and again, whatever the route (B6)",
        ("the most usual pair of origin and destination makes {main_pair_share:%} of {journeys:journey|journeys}",),
        says_from=(("journeys", 2),),
    ),
)


def travel_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle."""
    found, settings = _with_pairs(layers), layers.settings
    minutes = (found.end_second - found.start_second) // 60
    second = local_second(found.start_second, layers.span.offsets) % 86_400
    since = minutes_since(second, settings.night_to_hour)
    summed = found.group_by("vid").agg(
        journeys=found.count(),
        all_reads=found.reads.sum(),
        metres=found.distance_m.sum(),
        longest_reach_km=found.reach_m.max() // 1000,
        journey_median_min=minutes.median(),
        moving_s=(found.end_second - found.start_second).sum(),
        returned=count_where(found.returned),
        evening=count_where(between_hours(second, settings.evening_from_hour, settings.night_to_hour)),
        since=since.sum(),
        since_squares=(since * since).sum(),
    )
    summed = summed.join(commonest(found, "pair", "main_pair", "pairs"), "vid")
    summed = summed.join(commonest(found, "route", "main_route", "routes"), "vid")
    return summed.mutate(
        reads_per_journey=ratio(summed.all_reads, summed.journeys),
        distance_km=summed.metres // 1000,
        speed_kmh=ratio(summed.metres * 36, summed.moving_s * 10),
        return_share=ratio(summed.returned, summed.journeys),
        main_pair_share=ratio(summed.main_pair, summed.journeys),
        main_route_share=ratio(summed.main_route, summed.journeys),
        evening_share=ratio(summed.evening, summed.journeys),
        journey_hour_sd=deviation(summed.journeys, summed.since, summed.since_squares, 60),
    ).select("vid", *(feature.name for feature in FEATURES))


def _with_pairs(layers: Layers) -> Table:
    """Journeys with their grid cells as one number (`pair`), their cameras as one (`route`), and `returned`."""
    cells, reach = layers.places.select("place", "cell"), layers.settings.place_km * 1000
    named = layers.journeys.join(cells.select(origin="place", from_cell="cell"), "origin")
    named = named.join(cells.select(destination="place", to_cell="cell"), "destination")
    named = named.left_join(cells.select(next_origin="place", then_from="cell"), "next_origin").drop(
        "next_origin_right"
    )
    named = named.left_join(cells.select(next_destination="place", then_to="cell"), "next_destination")
    apart = named.from_cell != named.to_cell
    went = apart & ((named.then_from == named.to_cell) & (named.then_to == named.from_cell)).fill_null(False)
    loop = ~apart & (named.reach_m >= reach)
    return named.select(
        "vid",
        "reads",
        "start_second",
        "end_second",
        "distance_m",
        "reach_m",
        pair=named.from_cell.cast("int64") * PLACE_CODES + named.to_cell,
        route=named.sign_order * (1 << 32) + (named.sign_sum * 31 + named.reads) % (1 << 32),
        returned=went | loop,
    )
