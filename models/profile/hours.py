"""Facts of one vehicle's days and hours, beside the features of its window: what look-alikes are told apart by.

All in local time, all from its own reads, journeys and trips. A fact that there is nothing to measure for is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from models.profile.model import Journey, VehicleProfile

EVENING = (18, 24)
SMALL_HOURS = (0, 4)


def travel_facts(profile: VehicleProfile) -> dict[str, Any]:
    """The facts.

    Returns:
        places_per_day (median of different places on a day seen), most_places (on one day), journeys_per_day,
        evening_reads_share (from 18:00 to 24:00; the feature evening_share is one of journeys); of journeys from one
        place to another: way_journeys (how many) and main_way_share (between the two places that most of them join,
        either way); base_held_share (of the time from its first read to its last, spent at the base between journeys);
        of trips: trip_weekend_share (set out from Friday noon to Sunday), trip_gap_days (median days from one departure
        to the next), trip_hours (median hours from leaving to coming back); of the place other than the base at which
        stays began on most days: other_place (number), other_place_days (those days), other_place_hours (median stay),
        other_place_night_share (stays of which some lies from 00:00 to 04:00).
    """
    zone = ZoneInfo(profile.zone)
    by_day: dict[Any, set[int]] = {}
    for read in profile.reads:
        by_day.setdefault(read.at.astimezone(zone).date(), set()).add(read.place)
    evening = sum(EVENING[0] <= read.at.astimezone(zone).hour < EVENING[1] for read in profile.reads)
    return {
        "places_per_day": float(median(map(len, by_day.values()))),
        "most_places": max(map(len, by_day.values())),
        "journeys_per_day": round(len(profile.journeys) / len(by_day), 2),
        "evening_reads_share": evening / len(profile.reads),
        **way_facts(profile.journeys),
        **_base_facts(profile),
        **_trip_facts(profile, zone),
        **other_place_facts(profile.journeys, profile.base, zone),
    }


def way_facts(journeys: Sequence[Journey]) -> dict[str, Any]:
    """Journeys within one place say nothing of ways: most of them are single reads."""
    ways = Counter(frozenset((one.origin, one.destination)) for one in journeys if one.origin != one.destination)
    return {"way_journeys": ways.total(), "main_way_share": max(ways.values()) / ways.total()} if ways else {}


def _base_facts(profile: VehicleProfile) -> dict[str, Any]:
    """The feature base_share counts what was before the first read too: for a vehicle new here, mostly nothing seen."""
    times = [read.at for read in profile.reads]
    seen = (max(times) - min(times)).total_seconds()
    if not seen:
        return {}
    held = sum((left - arrived).total_seconds() for place, arrived, left in stays_between(profile.journeys)
               if place == profile.base)  # fmt: skip
    return {"base_held_share": held / seen}


def _trip_facts(profile: VehicleProfile, zone: ZoneInfo) -> dict[str, Any]:
    trips = profile.trips
    if not trips:
        return {}
    departures = [trip.depart.astimezone(zone) for trip in trips]
    weekend = sum(at.weekday() >= 5 or (at.weekday() == 4 and at.hour >= 12) for at in departures)
    facts: dict[str, Any] = {
        "trip_weekend_share": weekend / len(trips),
        "trip_hours": round(median((trip.back - trip.depart).total_seconds() for trip in trips) / 3600, 1),
    }
    if len(trips) > 1:
        waits = [(later - one).total_seconds() / 86_400 for one, later in pairwise(departures)]
        facts["trip_gap_days"] = round(median(waits), 1)
    return facts


def other_place_facts(journeys: Sequence[Journey], base: int, zone: ZoneInfo) -> dict[str, Any]:
    """A stay counts for the day on which it began, however many days it took."""
    stays = [stay for stay in stays_between(journeys) if stay[0] != base]
    days: dict[int, set[Any]] = {}
    for place, arrived, _ in stays:
        days.setdefault(place, set()).add(arrived.astimezone(zone).date())
    if not days:
        return {}
    place = max(days, key=lambda number: (len(days[number]), -number))
    here = [(arrived, left) for number, arrived, left in stays if number == place]
    return {
        "other_place": place,
        "other_place_days": len(days[place]),
        "other_place_hours": round(median((left - arrived).total_seconds() for arrived, left in here) / 3600, 1),
        "other_place_night_share": sum(_spans_night(arrived, left, zone) for arrived, left in here) / len(here),
    }


def stays_between(journeys: Sequence[Journey]) -> list[tuple[int, datetime, datetime]]:
    """Stays between two journeys: place where the first ended, its end, the start of the next."""
    return [(one.destination, one.end_at, following.start_at) for one, following in pairwise(journeys)]


def _spans_night(arrived: datetime, left: datetime, zone: ZoneInfo) -> bool:
    """Whether any of the stay lies between 00:00 and 04:00 local time."""
    local, until = arrived.astimezone(zone), left.astimezone(zone)
    if SMALL_HOURS[0] <= local.hour < SMALL_HOURS[1]:
        return True
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return until > midnight
