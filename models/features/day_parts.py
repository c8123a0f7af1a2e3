"""A day's share of windows, and windows from the shares of their days: the same tables as from all reads at once.

A day is reduced from its own reads alone. What joins two days is the hop from a vehicle's last read on one to its first
read on the next day that it is seen: the seam. A journey goes on over a seam that does not end it. Belongs here: the
expressions. Does not: where the shares lie and when they are renewed (`models.days`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ibis
from ibis.expr.types import Table

from models.features.co_travel import VEHICLES, leg_moves, legs_of
from models.features.engines import Keeper
from models.features.layers import Span
from models.features.presence import impossible, presence_sums
from models.features.settings import PatternSettings
from models.journeys import (
    crosses,
    ends_journey,
    journeys,
    move_table,
    number_batches,
    number_reads,
    number_vehicles,
    order_sign,
    with_ends,
)
from models.places import (
    PLACE_CODES,
    SIGN_MODULUS,
    code_of,
    kept_places,
    metres,
    on_grid,
    value_of,
    with_code,
    with_vector,
)

TABLES = ("places", "seen", "visits", "pieces", "legs")
"""The tables of a day's share."""

_COUNTED = (
    "reads",
    "night",
    "weekend",
    "office",
    "days_seen",
    "force_crossings",
    "impossible_hops",
    "repaired",
    "doubtful",
)


def day_tables(reads: Table, span: Span, settings: PatternSettings, engine: Keeper) -> dict[str, Table]:
    """Reduce the reads of one day.

    Args:
        reads: Of that UTC day alone, with the columns of the reads layer.
        span: The span of the day, for local hours.
        settings: The length of the window does not matter.
        engine: Where to.

    Returns:
        By the names of `TABLES`: places (as in the reads, to the grid), seen (a vehicle: its token, sums, first and
        last read), visits (a vehicle, piece and place: how many reads), pieces (journeys as far as they lie in the
        day), legs. Numbers hold within the day; `keys_of_day` makes them hold for all.
    """
    vehicles, batches = engine.keep(number_vehicles(reads)), engine.keep(number_batches(reads))
    places = kept_places(reads, settings.place_km, engine)
    numbered = number_reads(reads, vehicles, batches, places, settings.low_confidence)
    moves = move_table(numbered, settings, engine)
    ends = engine.keep(_ends_of_day(moves))
    passed = moves.mutate(first_n=value_of(moves.start))
    visits = passed.group_by(["vid", "first_n", "place"]).agg(reads=passed.count())
    pieces = journeys(moves, places, engine)
    pieces = pieces.mutate(first_n=value_of(pieces.start))
    pieces = pieces.drop("start", "first", "next_start", "next_origin", "next_destination")
    placed = reads.mutate(latitude=on_grid(reads.latitude), longitude=on_grid(reads.longitude))
    known = placed.group_by(list(_POSITION)).agg(site_id=placed.site_id.min(), force=placed.force.min())
    return {
        "places": known.join(places.select("camera_id", "latitude", "longitude", "place"), _POSITION),
        "seen": presence_sums(moves, span, settings).join(ends.drop("first_read"), "vid").join(vehicles, "vid"),
        "visits": _counted_from_the_first(visits, ends),
        "pieces": _counted_from_the_first(pieces, ends),
        "legs": leg_moves(moves),
    }


_POSITION = ("camera_id", "latitude", "longitude")
_PLACE_COLUMNS = frozenset({"place", "prev_place", "first_place", "last_place", "origin", "destination", "turn"})


def keys_of_day(columns: Iterable[str], day: int) -> dict[str, int]:
    """What to add to the numbers of vehicles and places so that each is one key for all days.

    A join on day and number would do as well, but may be run on the days alone.

    Args:
        columns: Of one of the tables.
        day: Number of the day, counted from 1970-01-01.
    """
    codes = dict.fromkeys(_PLACE_COLUMNS & set(columns), day * PLACE_CODES)
    return codes | ({"vid": day * VEHICLES} if "vid" in columns else {})


def _ends_of_day(moves: Table) -> Table:
    return moves.group_by("vid").agg(
        first_read=moves.n.min(),
        first_second=moves.second.min(),
        last_second=moves.second.max(),
        first_place=code_of(with_code(moves.n, moves.place).min()).cast("int32"),
        last_place=code_of(with_code(moves.n, moves.place).max()).cast("int32"),
    )


def _counted_from_the_first(table: Table, ends: Table) -> Table:
    """With reads numbered from the vehicle's first of the day, so that numbers of days can be added up."""
    known = table.join(ends.select("vid", "first_read"), "vid")
    return known.mutate(first_n=known.first_n - known.first_read).drop("first_read")


@dataclass(frozen=True)
class Joined:
    """Days put together: tables as the moves of the whole window would give them."""

    places: Table
    vehicles: Table
    journeys: Table
    passes: Table
    visits: Table
    seen: Table
    legs: Table
    camera_days: Table


def moved_forces(days: dict[str, Table], places: Table) -> Table:
    """Places whose force is not the same on all days: crossings that were counted within a day do not hold for them."""
    now = places.select(*_POSITION, now="force")
    found = days["places"].join(now, _POSITION)
    return found.filter(found.force.fill_null("") != found.now)


def join_days(days: dict[str, Table], places: Table, settings: PatternSettings, engine: Keeper) -> Joined:
    """Put the days of a window together.

    Args:
        days: The tables of all its days, by the names of `TABLES`.
        places: `place_table` of `days["places"]`, kept.
        settings: Those that the days were reduced with.
        engine: Keeps the steps.
    """
    vehicles = engine.keep(number_vehicles(days["seen"]))
    numbers = engine.keep(_numbers(days["places"], places))
    seams = engine.keep(_seams(days["seen"], vehicles, numbers, places, settings))
    pieces = engine.keep(_pieces(days["pieces"], seams, numbers))
    visits = engine.keep(_visits(days["visits"], pieces, numbers))
    return Joined(
        places=places,
        vehicles=vehicles,
        journeys=engine.keep(_journeys(pieces, visits, places, engine)),
        passes=visits.select("vid", "place", "start"),
        visits=engine.keep(visits.group_by(["vid", "place"]).agg(reads=visits.reads.sum())),
        seen=_seen(seams),
        legs=_legs(days["legs"], seams, numbers, places),
        camera_days=visits.select("place", day=visits.day.cast("int64")).distinct(),
    )


def _numbers(of_days: Table, places: Table) -> Table:
    now = places.select(*_POSITION, now="place")
    return of_days.join(now, _POSITION).select(own="place", place="now")


def _placed(table: Table, numbers: Table, *columns: str) -> Table:
    """A table of days with the window's numbers of places in these columns."""
    for column in columns:
        now = numbers.select(**{column: numbers.own, "now": numbers.place})
        table = table.join(now, column).drop(column).rename(**{column: "now"})
    return table


def _seams(seen: Table, vehicles: Table, numbers: Table, places: Table, settings: PatternSettings) -> Table:
    """Each vehicle and day with the hop to it from the day before on which it was seen.

    Returns:
        The columns of `seen` with `own` (number of the vehicle within the day), vid, offset (its reads before),
        prev_second and prev_place (its own first read's on its first day), hop_m, leaves, crossing, impossible, goes_on
        (no journey begins with the day).
    """
    known = seen.rename(own="vid").join(vehicles, "vehicle").drop("vehicle")
    known = _placed(known, numbers, "first_place", "last_place")
    order = ibis.window(group_by=known.vid, order_by=known.day)
    before = ibis.cumulative_window(group_by=known.vid, order_by=known.day)
    hops = known.mutate(
        n=ibis.row_number().over(order),
        offset=known.reads.sum().over(before) - known.reads,
        prev_second=known.last_second.lag().over(order).fill_null(known.first_second),
        prev_place=known.last_place.lag().over(order).fill_null(known.first_place),
    )
    ends = with_vector(with_vector(hops, places, "prev_place", "a_"), places, "first_place", "b_")
    hop_m = metres(ends, "a_", "b_").cast("int32")
    gap = ends.first_second - ends.prev_second
    return ends.select(
        *(column for column in hops.columns if column != "n"),
        hop_m=hop_m,
        leaves=ends.a_cell != ends.b_cell,
        crossing=crosses(ends),
        impossible=impossible(hop_m, gap, settings).cast("int8"),
        goes_on=(ends.n > 0) & ~ends_journey(gap, hop_m, settings),
    )


def _seen(seams: Table) -> Table:
    own = {name: seams[name].sum() for name in _COUNTED}
    own["force_crossings"] = (seams.force_crossings + seams.crossing).sum()
    own["impossible_hops"] = (seams.impossible_hops + seams.impossible).sum()
    return seams.group_by("vid").agg(first=seams["first"].min(), last=seams["last"].max(), **own)


def _visits(visits: Table, pieces: Table, numbers: Table) -> Table:
    """vid, day, start (of the journey), goes_on (it does, from the day before), place, reads."""
    journey = pieces.select("own", "first_n", "vid", "start", "goes_on")
    known = visits.rename(own="vid").join(journey, ["own", "first_n"])
    return _placed(known.select("vid", "day", "start", "goes_on", "place", "reads"), numbers, "place")


def _pieces(pieces: Table, seams: Table, numbers: Table) -> Table:
    """Pieces with the window's numbers: also own, n (reads of the vehicle before), goes_on, start (of the journey)."""
    known = pieces.rename(own="vid").join(seams.select("own", "vid", "offset", "goes_on", "hop_m"), "own")
    known = _placed(known, numbers, "origin", "destination", "turn")
    goes_on = known.goes_on & (known.first_n == 0)
    known = known.mutate(goes_on=goes_on, n=(known.offset + known.first_n).cast("int64"))
    order = ibis.cumulative_window(group_by=known.vid, order_by=known.n)
    begun = ibis.ifelse(known.goes_on, ibis.null("int64"), with_code(known.n, known.origin))
    return known.mutate(start=begun.max().over(order))


def _journeys(known: Table, visits: Table, places: Table, engine: Keeper) -> Table:
    summed = known.group_by(["vid", "start"]).agg(
        reads=known.reads.sum(),
        start_second=known.start_second.min(),
        end_second=known.end_second.max(),
        last=with_code(known.n, known.destination).max(),
        own_farthest=with_code(known.reach_m, known.turn).max(where=~known.goes_on),
        distance_m=(known.distance_m + ibis.ifelse(known.goes_on, known.hop_m, 0)).sum(),
        sign_sum=known.sign_sum.sum(),
        sign_order=order_sign((known.sign_order + known.sign_sum % SIGN_MODULUS * known.n % SIGN_MODULUS).sum()),
    )
    later = visits.filter(visits.goes_on)
    later = later.select("vid", "start", "place", origin=code_of(later.start).cast("int32"))
    ends = with_vector(with_vector(later, places, "origin", "a_"), places, "place", "b_")
    reached = ends.group_by(["vid", "start"]).agg(then_farthest=with_code(metres(ends, "a_", "b_"), ends.place).max())
    found = summed.left_join(reached, ["vid", "start"])
    farthest = ibis.greatest(found.own_farthest, found.then_farthest.fill_null(0))
    known = found.select(*(c for c in summed.columns if c != "own_farthest"), farthest=farthest)
    return with_ends(known, engine)


def _legs(legs: Table, seams: Table, numbers: Table, places: Table) -> Table:
    within = legs.rename(own="vid").join(seams.select("own", "vid"), "own")
    within = _placed(within, numbers, "prev_place", "place")
    over = seams.filter(seams.goes_on & seams.leaves)
    over = over.select("vid", "prev_second", "prev_place", second="first_second", place="first_place")
    return legs_of(ibis.union(within.select(*over.columns), over), places)
