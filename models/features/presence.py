"""When a vehicle is seen: hours, weekdays, days, life span; force boundaries; and what its reads say of the plate.

Sums over single reads, per vehicle: no order, no joins. Hours and weekdays are local, days are UTC days like those of
the window.
"""

from __future__ import annotations

from ibis.expr.types import BooleanValue, IntegerValue, Table

from models.features.feature import Feature, count_where, ratio
from models.features.layers import Layers, Span
from models.features.settings import PatternSettings
from models.features.trips import in_night
from models.journeys import local_second

FEATURES = (
    Feature("reads", "reads", "int64", "how much is known of it at all", ("{reads:read|reads} in {window_days} days",)),
    Feature(
        "reads_per_day",
        "reads a day seen",
        "double",
        "how busy a day with reads is",
        ("{reads_per_day:read|reads} a day on {days_seen:day|days}",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "night_share",
        "share of reads",
        "double",
        "travel at night (B8)",
        ("{night_share:%} of {reads:read|reads} between {night_from_hour:clock} and {night_to_hour:clock}",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "weekend_share",
        "share of reads",
        "double",
        "weekend travel, as of split families, against working days (B3)",
        ("{weekend_share:%} of {reads:read|reads} on a Saturday or Sunday",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "office_share",
        "share of reads",
        "double",
        "Monday to Friday, 07:00 to 19:00: the hours of much innocent work (B8)",
        ("{office_share:%} of {reads:read|reads} from Monday to Friday in the daytime",),
        says_from=(("reads", 2),),
    ),
    Feature(
        "days_seen",
        "days",
        "int64",
        "on how many days it was seen",
        ("seen on {days_seen:day|days} of {window_days}",),
    ),
    Feature(
        "life_days",
        "days",
        "int64",
        "from first to last day seen, both included: short-lived plates, hire vehicles (B7)",
        ("{life_days:day|days} from its first read to its last, both days counted",),
    ),
    Feature(
        "first_seen_day",
        "days",
        "int64",
        "days of the window before it was first seen: new here (B7, B10)",
        ("first read {first_seen_day:after} the first day of the window of {window_days} days",),
    ),
    Feature(
        "silent_days",
        "days",
        "int64",
        "days since it was last seen, at the window's end: gone again (B7)",
        ("last read {silent_days:before} the last day of the window",),
    ),
    Feature(
        "active_share",
        "share of its days",
        "double",
        "days seen in its life span",
        ("seen on {days_seen} of the {life_days:day|days} from first to last read",),
        says_from=(("life_days", 2),),
    ),
    Feature(
        "force_crossings",
        "crossings",
        "int64",
        "force boundaries between one read and the next (B1, B10)",
        ("{force_crossings:crossing|crossings} of a force boundary in {window_days} days",),
    ),
    Feature("impossible_hops", "hops", "int64", "one plate in two places: cloned, misread or a clock fault (B11)"),
    Feature("repaired_share", "share of reads", "double", "plate text that had to be repaired: misreads (B11)"),
    Feature("low_confidence_share", "share of reads", "double", "reads the camera was unsure of (B11)"),
)


def impossible(hop_m: IntegerValue, gap: IntegerValue, settings: PatternSettings) -> BooleanValue:
    """Whether no vehicle makes a hop of so many metres in so many seconds."""
    fast = hop_m.cast("int64") * 3600 > gap * (settings.max_speed_kmh * 1000)
    return fast & (hop_m >= max(1, settings.max_speed_from_km * 1000))


def presence_sums(moves: Table, span: Span, settings: PatternSettings) -> Table:
    """One row per vehicle: vid, first and last (day number) and what is counted of its reads."""
    local = local_second(moves.second, span.offsets)
    second = local % 86_400
    weekend = (local + 3 * 86_400) % 604_800 >= 5 * 86_400
    gap = moves.second - moves.prev_second
    return moves.group_by("vid").agg(
        reads=moves.count(),
        first=moves.second.min() // 86_400,
        last=moves.second.max() // 86_400,
        night=count_where(in_night(second, settings)),
        weekend=count_where(weekend),
        office=count_where(~weekend & (second >= 7 * 3600) & (second < 19 * 3600)),
        days_seen=count_where(moves["first"] | (gap > moves.second % 86_400)),
        force_crossings=moves.crossing.sum(),
        impossible_hops=count_where(impossible(moves.hop_m, gap, settings)),
        repaired=moves.repaired.sum(),
        doubtful=moves.doubtful.sum(),
    )


def presence_features(layers: Layers) -> Table:
    """The features of this module, one row per vehicle."""
    summed = layers.seen
    begin, end = layers.span.begin // 86_400, layers.span.end // 86_400
    life = summed.last - summed.first + 1
    return summed.mutate(
        reads_per_day=ratio(summed.reads, summed.days_seen),
        night_share=ratio(summed.night, summed.reads),
        weekend_share=ratio(summed.weekend, summed.reads),
        office_share=ratio(summed.office, summed.reads),
        life_days=life,
        first_seen_day=summed.first - begin,
        silent_days=end - 1 - summed.last,
        active_share=ratio(summed.days_seen, life),
        repaired_share=ratio(summed.repaired, summed.reads),
        low_confidence_share=ratio(summed.doubtful, summed.reads),
    ).drop("first", "last", "night", "weekend", "office", "repaired", "doubtful")
