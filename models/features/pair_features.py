"""What two vehicles did together, as figures: how often, how unlikely, how close, where to, and who they are at home.

Couples, colleagues, two vans of one firm and clubs travel together for good reasons, and more of them do than convoys:
one home, working hours, one way again and again are what tells them apart.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import IntegerValue, Table

from models.features.engines import Keeper
from models.features.feature import Feature, count_where, ratio, spread, whole_km
from models.features.layers import Span
from models.features.pair_chance import expected_table, surprise
from models.features.pairs import ConvoySettings, Together
from models.features.stays import base_table, stay_table
from models.features.trips import in_night
from models.journeys import journeys, local_second
from models.places import PLACE_CODES, metres, with_vector

TYPES = {"int64": "int64", "double": "float64"}
FEATURES = (
    Feature(
        "joint_trips",
        "journeys",
        "int64",
        "how often they travelled together",
        ("{joint_trips:journey|journeys} together in {window_days} days, on {joint_days:day|days}",),
    ),
    Feature(
        "joint_days",
        "days",
        "int64",
        "on how many days",
        ("together on {joint_days:day|days} of {window_days}",),
    ),
    Feature(
        "joint_sightings",
        "sightings",
        "int64",
        "times both passed one camera within the allowed seconds",
        (
            "{joint_sightings:time|times} at one camera within {co_travel_seconds} s of each other, at "
            "{joint_cameras:camera|cameras}",
        ),
    ),
    Feature(
        "joint_cameras",
        "cameras",
        "int64",
        "at how many different cameras",
        ("together at {joint_cameras:different camera|different cameras}",),
    ),
    Feature(
        "expected_days",
        "days",
        "double",
        "joint days that the traffic at these cameras and hours, or the habits of the two, would give by chance",
        ("{joint_days:day|days} together; traffic and habits at these cameras and hours make {expected_days} likely",),
    ),
    Feature(
        "surprise",
        "decimal digits",
        "double",
        "how unlikely chance makes so many joint days: 3 is one in a thousand at most",
        ("by chance, {joint_days:day|days} together come about in one of 10^{surprise:whole} such pairs at most",),
        says_from=(("surprise", 1),),
    ),
    Feature(
        "joint_share_least",
        "share of journeys",
        "double",
        "of the vehicle that is more often without the other: the share of its journeys that were joint",
        ("for one of the two, {joint_share_least:%} of its journeys were with the other",),
    ),
    Feature(
        "joint_share_most",
        "share of journeys",
        "double",
        "of the vehicle that is less often without the other: the share of its journeys that were joint",
        ("one of the two made {joint_share_most:%} of its journeys with the other",),
    ),
    Feature(
        "gap_median_s",
        "seconds",
        "double",
        "how close behind: the median time between the two at a camera",
        ("median {gap_median_s} s between the two at {joint_sightings:sighting|sightings}",),
    ),
    Feature(
        "gap_cv",
        "ratio",
        "double",
        "steadiness of the distance: 0 is a tow rope, about 1 is chance",
        ("seconds between the two vary by {gap_cv:%} of their mean",),
    ),
    Feature(
        "lead_share",
        "share of sightings",
        "double",
        "constancy of who is in front: 1 is always the same one, 0.5 is either",
        ("the same one of the two was in front at {lead_share:%} of sightings",),
    ),
    Feature(
        "joint_km",
        "km",
        "double",
        "median length of a joint journey, from camera to camera",
        ("median {joint_km} km together over {joint_trips:journey|journeys}",),
    ),
    Feature(
        "joint_kmh",
        "km/h",
        "double",
        "pace of joint journeys: low in a queue",
        ("{joint_kmh} km/h on average from camera to camera while together",),
    ),
    Feature(
        "far_trips",
        "journeys",
        "int64",
        "joint journeys that led away from the bases of both",
        ("{far_trips} of {joint_trips:joint journey|joint journeys} led {away_km} km or more from the base of either",),
    ),
    Feature(
        "farthest_km",
        "km",
        "int64",
        "how far from the bases of both they were seen together, rounded up",
        ("together up to {farthest_km:km} from the nearer one's base",),
    ),
    Feature(
        "joint_ways",
        "pairs of grid cells",
        "int64",
        "different beginnings and ends of joint journeys: one way again and again is a commute or a fixed job",
        ("{joint_trips:joint journey|joint journeys} on {joint_ways:way|different ways}",),
    ),
    Feature(
        "return_days",
        "days",
        "int64",
        "days with two joint journeys or more: there together and back together",
        ("{return_days} of {joint_days:joint day|joint days} had two joint journeys or more",),
    ),
    Feature(
        "joint_night_share",
        "share of journeys",
        "double",
        "joint journeys at night",
        ("{joint_night_share:%} of joint journeys set out between {night_from_hour:clock} and {night_to_hour:clock}",),
    ),
    Feature(
        "joint_weekend_share",
        "share of journeys",
        "double",
        "joint journeys when most work rests",
        ("{joint_weekend_share:%} of joint journeys set out on a Saturday or Sunday",),
    ),
    Feature(
        "joint_office_share",
        "share of journeys",
        "double",
        "joint journeys in working hours, as of colleagues and two vans of one firm",
        ("{joint_office_share:%} of joint journeys set out from Monday to Friday between 05:00 and 17:00",),
    ),
    Feature(
        "flow_median",
        "reads an hour",
        "double",
        "traffic where and when they were together: many vehicles are near each other on a full motorway",
        ("median traffic where and when they were together: {flow_median} reads an hour at the camera",),
    ),
    Feature(
        "partners_most",
        "vehicles",
        "int64",
        "with how many vehicles the busier of the two travels together: a fleet, a queue, a shared way to work",
        ("one of the two travels together with {partners_most:vehicle|vehicles}",),
    ),
    Feature(
        "partners_least",
        "vehicles",
        "int64",
        "with how many vehicles the other one travels together",
        ("the other of the two travels together with {partners_least:vehicle|vehicles}",),
    ),
    Feature(
        "same_base",
        "0 or 1",
        "int64",
        "one base cell: a household, neighbours, a yard",
    ),
    Feature(
        "base_km",
        "km",
        "int64",
        "how far apart their bases are",
        ("their bases are {base_km} km apart",),
    ),
    Feature("impossible_hops", "hops", "int64", "of the two: one plate in two places, cloned or misread"),
    Feature("repaired_share", "share of reads", "double", "of the two: plate text that had to be repaired"),
)


def pair_features(
    together: Together,
    moves: Table,
    places: Table,
    span: Span,
    weekend: int,
    settings: ConvoySettings,
    engine: Keeper,
) -> Table:
    """The features of this module: one, other, then the columns of `FEATURES`; one row per pair."""
    bases = engine.keep(_bases(together.moves, places, span, engine))
    expected = engine.keep(expected_table(together, moves, span, weekend, settings))
    flow = moves.group_by(camera=moves.camera, hour=moves.second // 3600).agg(flow=moves.count())
    families = (
        _sighting_features(together, flow),
        _trip_features(together, span, settings),
        _base_features(together, bases, places, settings),
        _partner_features(together, settings),
        expected,
    )
    joined = together.pairs
    for family in families:
        joined = joined.join(engine.keep(family), "pid")
    # a journey of one may be several of the other, so each is told by its own
    one_share = ratio(joined.joint_trips, joined.one_journeys)
    other_share = ratio(joined.other_joint, joined.other_journeys)
    likely = ibis.greatest(joined.expected * joined.joint_days // joined.joint_sightings, 1) / 1_000_000
    found = joined.mutate(
        expected_days=likely,
        surprise=surprise(joined.joint_days, likely),
        joint_share_least=ibis.least(one_share, other_share),
        joint_share_most=ibis.greatest(one_share, other_share),
    )
    return found.select(
        "one", "other", *(found[feature.name].cast(TYPES[feature.dtype]).name(feature.name) for feature in FEATURES)
    )


def _sighting_features(together: Together, flow: Table) -> Table:
    seen = together.sightings.mutate(hour=together.sightings.second // 3600).join(flow, ["camera", "hour"])
    summed = seen.group_by("pid").agg(
        joint_sightings=seen.count(),
        joint_cameras=seen.camera.nunique(),
        other_joint=seen.other_trip.nunique(),
        gap_median_s=seen.gap.median(),
        gap_sum=seen.gap.sum(),
        gap_squares=(seen.gap * seen.gap).sum(),
        first=seen.one_first.sum().fill_null(0),
        ordered=seen.one_first.count(),
        flow_median=seen.flow.median(),
    )
    return summed.mutate(
        gap_cv=spread(summed.joint_sightings, summed.gap_sum, summed.gap_squares),
        lead_share=ratio(ibis.greatest(summed["first"], summed.ordered - summed["first"]), summed.ordered),
    ).drop("gap_sum", "gap_squares", "first", "ordered")


def _trip_features(together: Together, span: Span, settings: ConvoySettings) -> Table:
    local = local_second(together.trips.begin, span.offsets)
    second, weekend = local % 86_400, (local + 3 * 86_400) % 604_800 >= 5 * 86_400
    trips = together.trips.mutate(
        day=together.trips.begin // 86_400,
        night=in_night(second, settings),
        weekend=weekend,
        office=~weekend & (second >= 5 * 3600) & (second < 17 * 3600),
        way=together.trips.from_cell * PLACE_CODES + together.trips.to_cell,
    )
    days = trips.group_by(["pid", "day"]).agg(rows=trips.count())
    days = days.group_by("pid").agg(joint_days=days.count(), return_days=count_where(days.rows >= 2))
    summed = trips.group_by("pid").agg(
        joint_trips=trips.count(),
        joint_ways=trips.way.nunique(),
        joint_km=(trips.metres // 1000).median(),
        whole=trips.metres.sum(),
        seconds=(trips.end - trips.begin).sum(),
        night=count_where(trips.night),
        weekend=count_where(trips.weekend),
        office=count_where(trips.office),
    )
    summed = summed.join(days, "pid")
    return summed.mutate(
        joint_kmh=ratio(summed.whole * 36, summed.seconds * 10),
        joint_night_share=ratio(summed.night, summed.joint_trips),
        joint_weekend_share=ratio(summed.weekend, summed.joint_trips),
        joint_office_share=ratio(summed.office, summed.joint_trips),
    ).drop("whole", "seconds", "night", "weekend", "office")


def _bases(moves: Table, places: Table, span: Span, engine: Keeper) -> Table:
    travelled = engine.keep(journeys(moves.drop("trip"), places, engine))
    bases = base_table(stay_table(travelled, span), places)
    number = travelled.group_by("vid").agg(journeys=travelled.count())
    return bases.join(number, "vid").select("vid", "base", "base_cell", "journeys")


def _base_features(together: Together, bases: Table, places: Table, settings: ConvoySettings) -> Table:
    homes = together.pairs
    for name in ("one", "other"):
        own = {name: bases.vid, f"{name}_base": bases.base, f"{name}_cell": bases.base_cell}
        homes = homes.join(bases.select(**own, **{f"{name}_journeys": bases.journeys}), name)
    homes = with_vector(with_vector(homes, places, "one_base", "a_"), places, "other_base", "b_")
    far = with_vector(together.sightings.drop("one", "other").join(homes, "pid"), places, "place", "c_")
    far = far.mutate(far_m=ibis.least(metres(far, "a_", "c_"), metres(far, "b_", "c_")))
    reach = far.group_by(["pid", "trip"]).agg(far_m=far.far_m.max())
    reach = reach.group_by("pid").agg(
        far_trips=count_where(reach.far_m >= settings.away_km * 1000), farthest_km=whole_km(reach.far_m.max())
    )
    base_m: IntegerValue = metres(homes, "a_", "b_")
    named = homes.select(
        "pid",
        "one_journeys",
        "other_journeys",
        same_base=(homes.one_cell == homes.other_cell).cast("int64"),
        base_km=base_m // 1000,
    )
    return named.join(reach, "pid")


def _partner_features(together: Together, settings: ConvoySettings) -> Table:
    moves, pairs = together.moves, together.pairs
    gap = moves.second - moves.prev_second
    fast = moves.hop_m.cast("int64") * 3600 > gap * (settings.max_speed_kmh * 1000)
    own = moves.group_by("vid").agg(
        reads=moves.count(),
        hops=count_where(fast & (moves.hop_m >= max(1, settings.max_speed_from_km * 1000))),
        repaired=moves.repaired.sum(),
    )
    both = ibis.union(pairs.select(vid="one"), pairs.select(vid="other"))
    own = own.join(both.group_by("vid").agg(partners=both.count()), "vid")
    found = pairs
    for name in ("one", "other"):
        columns = {f"{name}_{column}": own[column] for column in ("reads", "hops", "repaired", "partners")}
        found = found.join(own.select(**{name: own.vid}, **columns), name)
    return found.select(
        "pid",
        partners_most=ibis.greatest(found.one_partners, found.other_partners),
        partners_least=ibis.least(found.one_partners, found.other_partners),
        impossible_hops=found.one_hops + found.other_hops,
        repaired_share=ratio(found.one_repaired + found.other_repaired, found.one_reads + found.other_reads),
    )
