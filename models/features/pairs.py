"""Pairs of vehicles that travel together: which pairs, where and when, and on which journeys.

A pair is a candidate when one of the two was among the next few vehicles behind the other at cameras in `convoy_areas`
different grid cells of one day, on `co_travel_days` days: one sort of the reads of each camera, and vehicles that only
stand in one queue are never listed. Only then are all sightings of the two within `co_travel_seconds` looked up.
Belongs here: finding these rows. Does not: what they say (`pair_features`), what chance makes of them (`pair_chance`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ibis
from ibis.expr.types import Table
from pydantic import Field

from models.features.engines import Keeper
from models.features.settings import PatternSettings
from models.places import PLACE_CODES, metres, value_of, with_code, with_vector

_PAIR = 1 << 31
_READS = 1 << 40


class ConvoySettings(PatternSettings):
    """What travelling together is, besides what a journey and a place are."""

    co_travel_seconds: int = Field(
        default=60,
        ge=1,
        le=1800,
        description="seconds between two vehicles at one camera to be there together; local policy",
    )
    convoy_neighbours: int = Field(
        default=3, ge=1, le=10, description="vehicles behind that are looked at at each camera; local policy"
    )
    convoy_areas: int = Field(
        default=2, ge=1, le=10_000, description="grid cells together in one day for the day to count; definition"
    )


@dataclass(frozen=True)
class Together:
    """Candidate pairs and what they did together. `pid` names a pair, `one` and `other` its vehicles, one < other.

    Args:
        pairs: pid, one, other.
        moves: The moves of the vehicles in `pairs`, with `trip`, the number of the read with which the journey began.
        sightings: pid, one, other, n (of `one`), second, place, camera, trip, other_trip (the journey of `other`), gap
            (absolute seconds), one_first (0 or 1, null when both have the same second); those of journeys of `one`
            with sightings at two cameras or more.
        trips: pid, trip, and of the joint journey: reads, begin and end (second), from_cell, to_cell, metres.
    """

    pairs: Table
    moves: Table
    sightings: Table
    trips: Table


def find_together(moves: Table, places: Table, settings: ConvoySettings, engine: Keeper) -> Together:
    """All that candidate pairs did together, from the moves of all vehicles with the number of their `camera`."""
    pairs = engine.keep(candidate_pairs(engine.keep(_neighbours(moves, places, settings)), settings))
    own = engine.keep(_moves_of(moves, pairs))
    met = engine.keep(_sightings(pairs, own, settings))
    trips = engine.keep(_trips(met, places))
    sightings = engine.keep(met.semi_join(trips, ["pid", "trip"]))
    return Together(engine.keep(pairs.semi_join(trips, "pid")), own, sightings, trips)


def _neighbours(moves: Table, places: Table, settings: ConvoySettings) -> Table:
    """Who passed the camera directly before whom, within the allowed seconds: one, other, day, cell; each once."""
    order = ibis.window(group_by=moves.camera, order_by=[moves.second, moves.vid, moves.n])
    ahead = {
        f"{name}_{back}": moves[name].lag(back).over(order)
        for back in range(1, settings.convoy_neighbours + 1)
        for name in ("vid", "second")
    }
    beside = moves.select("vid", "second", "place", **ahead)
    met = _all(_met(beside, back, settings) for back in range(1, settings.convoy_neighbours + 1))
    celled = met.join(places.select("place", "cell"), "place")
    return celled.select("one", "other", "day", "cell").distinct()


def _all(tables: Iterable[Table]) -> Table:
    first, *others = tables
    return ibis.union(first, *others) if others else first


def _met(beside: Table, back: int, settings: ConvoySettings) -> Table:
    other, ahead = beside[f"vid_{back}"], beside[f"second_{back}"]
    near = beside.filter((beside.second - ahead <= settings.co_travel_seconds) & (beside.vid != other))
    other = near[f"vid_{back}"]
    return near.select(
        "place", one=ibis.least(near.vid, other), other=ibis.greatest(near.vid, other), day=near.second // 86_400
    )


def candidate_pairs(met: Table, settings: ConvoySettings) -> Table:
    """The pairs that count: pid, one, other."""
    days = met.group_by(["one", "other", "day"]).agg(cells=met.count())
    days = days.filter(days.cells >= settings.convoy_areas)
    pairs = days.group_by(["one", "other"]).agg(days=days.count())
    pairs = pairs.filter(pairs.days >= settings.co_travel_days)
    return pairs.select("one", "other", pid=pairs.one.cast("int64") * _PAIR + pairs.other)


def _moves_of(moves: Table, pairs: Table) -> Table:
    vehicles = ibis.union(pairs.select(vid="one"), pairs.select(vid="other"), distinct=True)
    own = moves.semi_join(vehicles, "vid")
    return own.mutate(trip=value_of(own.start))


def _sightings(pairs: Table, moves: Table, settings: ConvoySettings) -> Table:
    """Each read of `one` that has one of `other` near it, with the nearest: buckets of time make it an equal join."""
    within = settings.co_travel_seconds
    mine = pairs.join(moves.select("n", "second", "place", "camera", "trip", one="vid"), "one")
    mine = mine.mutate(bucket=mine.second // within)
    near = [
        moves.select("camera", other="vid", met="second", other_trip="trip", bucket=moves.second // within + shift)
        for shift in (-1, 0, 1)
    ]
    both = mine.join(ibis.union(*near), ["other", "camera", "bucket"])
    gap = both.met - both.second
    both = both.filter(gap.abs() <= within)
    gap = both.met - both.second
    code = gap.abs() * 2 + (gap < 0).cast("int8")
    nearest = both.group_by(["pid", "one", "other", "n", "second", "place", "camera", "trip"]).agg(
        nearest=(code * _READS + both.other_trip).min()
    )
    nearest = nearest.mutate(code=nearest.nearest // _READS, other_trip=nearest.nearest % _READS)
    apart = nearest.code // 2
    return nearest.select(
        "pid",
        "one",
        "other",
        "n",
        "second",
        "place",
        "camera",
        "trip",
        "other_trip",
        gap=apart,
        one_first=ibis.ifelse(apart > 0, 1 - nearest.code % 2, ibis.null("int64")),
    )


def _trips(sightings: Table, places: Table) -> Table:
    order = ibis.window(group_by=[sightings.pid, sightings.trip], order_by=sightings.n)
    hops = sightings.mutate(before=sightings.place.lag().over(order).fill_null(sightings.place))
    ends = with_vector(with_vector(hops, places, "before", "a_"), places, "place", "b_")
    ends = ends.mutate(hop_m=metres(ends, "a_", "b_"))
    summed = ends.group_by(["pid", "trip"]).agg(
        reads=ends.count(),
        cameras=ends.camera.nunique(),
        begin=ends.second.min(),
        end=ends.second.max(),
        first=with_code(-ends.n, ends.b_cell).max(),
        last=with_code(ends.n, ends.b_cell).max(),
        metres=ends.hop_m.sum(),
    )
    # of a negative value and a number the sum still ends in the number: both engines take the sign into account
    joint = summed.filter(summed.cameras >= 2)
    return joint.select(
        "pid",
        "trip",
        "reads",
        "begin",
        "end",
        "metres",
        from_cell=((joint["first"] % PLACE_CODES) + PLACE_CODES) % PLACE_CODES,
        to_cell=joint["last"] % PLACE_CODES,
    )
