"""Travelling together: another vehicle directly before or behind on the same leg, again and on other days.

One leg together is traffic. A pair counts after `co_travel_legs` legs on `co_travel_days` days. Only legs from one grid
cell to another count, which leaves out queues in a town; only the vehicle directly before on the same leg is compared,
so the cost is one sort and no pair of strangers is ever listed.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from models.features.engines import Keeper
from models.features.feature import Feature
from models.features.layers import Layers
from models.features.settings import PatternSettings
from models.places import value_of, with_code

VEHICLES = 1 << 31
"""Upper bound of vehicle numbers; lets (second, vehicle) travel as one integer: one key to sort by."""

FEATURES = (
    Feature(
        "co_travel_partners",
        "vehicles",
        "int64",
        "vehicles it repeatedly travels with: convoy, lead and follow (B9)",
        ("travelled repeatedly within {co_travel_seconds} s of {co_travel_partners:other vehicle|other vehicles}",),
    ),
    Feature(
        "co_travel_most_legs",
        "legs",
        "int64",
        "legs between two cameras together with the commonest partner (B9)",
        ("{co_travel_most_legs:leg|legs} between two cameras within {co_travel_seconds} s of one other vehicle",),
        says_from=(("co_travel_partners", 1),),
    ),
)


def leg_moves(moves: Table) -> Table:
    """The moves that are legs from one grid cell to another: vid, second, prev_second, prev_place, place."""
    legs = moves.filter(~moves.starts & moves.leaves)
    return legs.select("vid", "second", "prev_second", "prev_place", "place")


def legs_of(moves: Table, places: Table) -> Table:
    """Legs by their cameras.

    Args:
        moves: With the columns of `leg_moves`.
        places: `models.places.place_table`.

    Returns:
        leg (its two cameras as one number), passing (second and vehicle as one number), prev_second.
    """
    ends = moves.join(places.select(prev_place="place", before="camera"), "prev_place")
    ends = ends.join(places.select("place", "camera"), "place")
    return ends.select(
        "prev_second", leg=with_code(ends.before, ends.camera), passing=ends.second * VEHICLES + ends.vid
    )


def pair_table(legs: Table, settings: PatternSettings, engine: Keeper) -> Table:
    """Pairs that repeatedly travel together: one, other (vehicles, one < other), legs, days."""
    line = engine.line_up(legs, "leg", ("passing", "prev_second"))
    ahead = {name: line.rows[name].lag().over(line.beside) for name in line.rows.columns}
    beside = line.rows.select(
        "passing",
        "prev_second",
        ahead=ahead["passing"],
        ahead_before=ahead["prev_second"],
        same_leg=ahead["leg"] == line.rows.leg,
    )
    within = settings.co_travel_seconds
    beside = beside.filter(
        beside.same_leg
        & (beside.passing - beside.ahead < (within + 1) * VEHICLES)
        & ((beside.prev_second - beside.ahead_before).abs() <= within)
    )
    beside = beside.select(
        vid=(beside.passing % VEHICLES).cast("int32"),
        second=value_of(beside.passing, VEHICLES),
        other=(beside.ahead % VEHICLES).cast("int32"),
        ahead=value_of(beside.ahead, VEHICLES),
    )
    together = beside.filter((beside.vid != beside.other) & (beside.second - beside.ahead <= within))
    together = together.select(
        one=ibis.least(together.vid, together.other),
        other=ibis.greatest(together.vid, together.other),
        day=together.second // 86_400,
    )
    by_day = together.group_by(["one", "other", "day"]).agg(legs=together.count())
    pairs = by_day.group_by(["one", "other"]).agg(legs=by_day.legs.sum(), days=by_day.count())
    return pairs.filter((pairs.legs >= settings.co_travel_legs) & (pairs.days >= settings.co_travel_days))


def co_travel_features(layers: Layers, engine: Keeper) -> Table:
    """The features of this module, one row per vehicle that has a partner."""
    pairs = pair_table(layers.legs, layers.settings, engine)
    both = ibis.union(pairs.select(vid="one", legs="legs"), pairs.select(vid="other", legs="legs"))
    return both.group_by("vid").agg(co_travel_partners=both.count(), co_travel_most_legs=both.legs.max())
