"""What chance would make two vehicles do together: how often they would be at one camera within seconds of each other.

Two strangers meet the more often, the more each passes a camera and the more both do so at the same hours. At each
camera where a pair was seen together the larger of two figures counts: each vehicle keeps its own hours there, or each
passes when the traffic there passes; minute and day are left to chance in both. Sightings come in bunches, for who
queues at one camera queues at the next and may well meet again on the way back, so they are divided by the sightings of
a joint day, and only days are counted. Whole numbers throughout, but for the logarithm at the end, which is rounded.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import ibis
from ibis.expr.types import FloatingValue, IntegerValue, Table

from models.features.layers import Span
from models.features.pairs import ConvoySettings, Together
from models.features.settings import window_start
from models.journeys import local_second

MICRO = 1_000_000
_MOST_READS = 3_000
"""Reads of one vehicle at one camera that are counted, so that no product leaves 64 bits."""


def expected_table(together: Together, moves: Table, span: Span, weekend: int, settings: ConvoySettings) -> Table:
    """Per pair the joint sightings that chance would give, at the cameras where it was seen together.

    Args:
        together: The pairs.
        moves: Of all vehicles: the traffic.
        span: The window, for local hours.
        weekend: How many days of the window are of a weekend.
        settings: The settings of the pattern.

    Returns:
        pid, expected (millionths of a sighting, at least 1).
    """
    met = together.sightings.select("pid", "one", "other", "camera").distinct()
    both_ways = settings.co_travel_seconds * 2
    mine, theirs = (_profile(together.moves, span, name) for name in ("one", "other"))
    hours = met.join(mine, ["one", "camera"]).join(theirs, ["other", "camera", "slot"])
    exposure = _exposure(hours.slot, weekend, settings)
    by_habit = hours.group_by(["pid", "camera"]).agg(
        habit=(hours.one_reads * hours.other_reads * (both_ways * MICRO) // exposure).sum()
    )
    one_all, other_all = (_totals(profile, name) for profile, name in ((mine, "one"), (theirs, "other")))
    whole = met.join(one_all, ["one", "camera"]).join(other_all, ["other", "camera"])
    whole = whole.join(_traffic(moves, span, weekend, settings), "camera")
    by_traffic = whole.select(
        "pid", "camera", traffic=whole.one_all * whole.other_all * both_ways * whole.chance // MICRO
    )
    each = by_traffic.left_join(by_habit, ["pid", "camera"])
    each = each.mutate(sightings=ibis.greatest(each.traffic, each.habit.fill_null(0)))
    return each.group_by("pid").agg(expected=ibis.greatest(each.sightings.sum(), 1))


def surprise(observed: IntegerValue, expected: FloatingValue) -> FloatingValue:
    """Minus the decimal logarithm of the chance of so many joint days or more, at least, rounded to 3 decimals.

    The Chernoff bound of the Poisson tail, P(X >= k) <= exp(-m) (e m / k)^k for k > m; 0 where no more were seen than
    chance gives.
    """
    seen = observed.cast("float64")
    bound = (seen * (seen / expected).ln() - seen + expected) / math.log(10)
    return ibis.ifelse(seen > expected, (bound * 1000).round().cast("int64"), 0) / 1000


def _slot(second: IntegerValue, span: Span) -> IntegerValue:
    """Local hour of the day, and 24 more at the weekend."""
    local = local_second(second, span.offsets)
    weekend = (local + 3 * 86_400) % 604_800 >= 5 * 86_400
    return local % 86_400 // 3600 + weekend.cast("int64") * 24


def weekend_days(as_of: date, settings: ConvoySettings) -> int:
    """How many days of the window that ends on `as_of` are of a weekend."""
    first = window_start(as_of, settings)
    return sum((first + timedelta(days=offset)).weekday() >= 5 for offset in range(settings.window_days))


def _exposure(slot: IntegerValue, weekend: int, settings: ConvoySettings) -> IntegerValue:
    """Seconds of the window that lie in a slot."""
    return ibis.ifelse(slot >= 24, max(1, weekend) * 3600, max(1, settings.window_days - weekend) * 3600)


def _profile(moves: Table, span: Span, name: str) -> Table:
    slots = moves.select(**{name: moves.vid}, camera=moves.camera, slot=_slot(moves.second, span))
    counted = slots.group_by([name, "camera", "slot"]).agg(reads=slots.count())
    return counted.select(name, "camera", "slot", **{f"{name}_reads": ibis.least(counted.reads, _MOST_READS)})


def _totals(profile: Table, name: str) -> Table:
    summed = profile.group_by([name, "camera"]).agg(reads=profile[f"{name}_reads"].sum())
    return summed.select(name, "camera", **{f"{name}_all": ibis.least(summed.reads, _MOST_READS)})


def _traffic(moves: Table, span: Span, weekend: int, settings: ConvoySettings) -> Table:
    """Per camera the chance, in 10^-12, that two passes which follow the traffic fall into one and the same second."""
    passing = moves.select("camera", slot=_slot(moves.second, span))
    counted = passing.group_by(["camera", "slot"]).agg(reads=passing.count())
    totals = counted.group_by("camera").agg(total=counted.reads.sum())
    shares = counted.join(totals, "camera")
    share = shares.reads * MICRO // shares.total
    exposure = _exposure(shares.slot, weekend, settings)
    return shares.group_by("camera").agg(chance=(share * share // MICRO * MICRO // exposure).sum())
