"""Innocent explanations that share the pattern's shape, and what in this window speaks for and against each.

Written-down rules over facts of the window, each printed with the fact and the limit that it rests on. Their limits are
of this product, for a window of four weeks; they were not fitted, they weigh nothing up, and none of them decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models.explanation import worded

Facts = Mapping[str, Any]
# what a fact is a share or a median of, and from how many of them on it says anything
_COUNTED = {
    "trip_band_share": ("away_trips", 2),
    "main_away_share": ("away_trips", 2),
    "trip_weekend_share": ("away_trips", 2),
    "trip_gap_days": ("away_trips", 3),
    "quick_run_work_share": ("quick_runs", 2),
    "quick_run_main_share": ("quick_runs", 2),
    "quick_run_stop_min": ("quick_runs", 2),
    "main_way_share": ("way_journeys", 2),
    "short_stay_share": ("away_stays", 2),
    "away_stay_median_min": ("away_stays", 2),
    "other_place_night_share": ("other_place_days", 2),
    "other_place_hours": ("other_place_days", 2),
}


@dataclass(frozen=True)
class Sign:
    """One rule: it speaks when the fact is known and lies from `low` to `high`.

    A share or a median of journeys, trips, runs or stays speaks from two of them on: a single one always resembles
    itself. So do the times between departures, from two of those on, and the median stay at a place, from two days on.
    """

    speaks: Literal["for", "against"]
    fact: str
    sentence: str
    low: float | None = None
    high: float | None = None

    @property
    def rule(self) -> str:
        """The rule as it is cited."""
        if self.low is not None and self.high is not None:
            limits = f"{self.low:g} ≤ {self.fact} ≤ {self.high:g}"
        else:
            limits = f"{self.fact} ≥ {self.low:g}" if self.low is not None else f"{self.fact} ≤ {self.high:g}"
        if self.fact not in _COUNTED:
            return limits
        counted, least = _COUNTED[self.fact]
        return f"{limits}, {counted} ≥ {least}"

    def said(self, facts: Facts) -> str | None:
        """Its sentence, or None when it does not speak."""
        counted, least = _COUNTED.get(self.fact, ("", 0))
        if facts.get(counted, least) < least:
            return None
        value = facts.get(self.fact)
        if (
            value is None
            or (self.low is not None and value < self.low)
            or (self.high is not None and value > self.high)
        ):
            return None
        return worded(self.sentence, facts)


@dataclass(frozen=True)
class Explanation:
    """An innocent life: what it is, how a person can rule it out, and its signs."""

    name: str
    what: str
    check: str
    signs: tuple[Sign, ...]


@dataclass(frozen=True)
class LookAlike:
    """What speaks for and against one explanation here: sentences, each with its rule."""

    name: str
    what: str
    check: str
    speaks_for: tuple[tuple[str, str], ...]
    against: tuple[tuple[str, str], ...]


def weigh_look_alikes(facts: Facts) -> tuple[LookAlike, ...]:
    """Every explanation, those with most for and least against it first; ties in the order written down.

    Args:
        facts: `VehicleProfile.features` with the settings of the pattern; unknown facts are left out or None.
    """
    known = {name: value for name, value in facts.items() if value is not None and value == value}
    found = [
        LookAlike(one.name, one.what, one.check, _said(one, "for", known), _said(one, "against", known))
        for one in EXPLANATIONS
    ]
    return tuple(sorted(found, key=lambda one: len(one.against) - len(one.speaks_for)))


def _said(explanation: Explanation, speaks: str, facts: Facts) -> tuple[tuple[str, str], ...]:
    told = ((sign, sign.said(facts)) for sign in explanation.signs if sign.speaks == speaks)
    return tuple((text, sign.rule) for sign, text in told if text)


_OFFICE = "{office_share:%} of {reads:read|reads} from Monday to Friday in the daytime"
_NIGHT = "{night_share:%} of {reads:read|reads} between {night_from_hour:clock} and {night_to_hour:clock}"
_EVENING = "{evening_reads_share:%} of {reads:read|reads} from 18:00 to midnight"
_WEEKEND = "{weekend_share:%} of {reads:read|reads} on a Saturday or Sunday"
_DAY = "read at {places_per_day:place|places} on a usual day, at {most_places} on the busiest"
_JOURNEYS = "{journeys_per_day:journey|journeys} a day on days with reads"
_SAME = "{main_away_share:%} of {away_trips:trip|trips} of over {away_km} km went to the same place"
_TOWNS = "{away_trips:trip|trips} of over {away_km} km, to {trip_towns:place|places}"
_TRIPS = "{away_trips:trip|trips} of over {away_km} km there and back in {window_days} days"
_BAND = "{trip_band_share:%} of {away_trips:trip|trips} set out in the same {departure_band_hours} hours of the day"
_SECOND_DAYS = "stays at place {other_place} began on {other_place_days:day|days}"
_SECOND_HOURS = "median stay at place {other_place}: {other_place_hours:hour|hours}"
_SPAN = "seen over {life_days:day|days} of {window_days}, first and last counted"
_SHORT = "median stay {away_stay_median_min:span} over {away_stays:stay|stays} {away_km} km or more from its base"
_SET_OUT = "{trip_weekend_share:%} of {away_trips:trip|trips} set out from Friday noon to Sunday"
_LONG = "{multi_day_stays:stay|stays} of {long_stay_hours} hours or more, {away_km} km or more from its base"
_RUNS = "{quick_runs:run|runs} of over {run_km} km out and back with a stop of up to {short_stay_minutes} min"
_STOP = "median stop on {quick_runs:run|runs} of over {run_km} km out and back: {quick_run_stop_min:span}"
_WORK = "{quick_run_work_share:%} of {quick_runs:run|runs} out and back set out on working days in working hours"
_NIGHT_TRIPS = (
    "{night_trips} of {away_trips:trip|trips} set out between {night_from_hour:clock} and {night_to_hour:clock}"
)


def _for(fact: str, sentence: str, low: float | None = None, high: float | None = None) -> Sign:
    return Sign("for", fact, sentence, low, high)


def _against(fact: str, sentence: str, low: float | None = None, high: float | None = None) -> Sign:
    return Sign("against", fact, sentence, low, high)


EXPLANATIONS = (
    Explanation(
        "Courier or parcel round",
        "many stops a day in working hours, or one fixed run with a short stop at its end",
        "keeper and insurance class (goods in transit, hire and reward); livery; the firm's round",
        (
            _for("office_share", _OFFICE, low=0.7),
            _for("places_per_day", _DAY, low=4),
            _for("journeys_per_day", _JOURNEYS, low=6),
            _for("trip_band_share", _BAND, low=0.8),
            _for("quick_run_work_share", _WORK, low=0.8),
            _for("trip_interval_cv", "times between departures vary by {trip_interval_cv:%} of their mean", high=0.35),
            _against("places_per_day", _DAY, high=2),
            _against("night_share", _NIGHT, low=0.2),
            _against("weekend_share", _WEEKEND, low=0.25),
            _against("quick_run_work_share", _WORK, high=0.3),
        ),
    ),
    Explanation(
        "Carer or nurse on nights",
        "out in the evening, home in the morning, the same few places near home",
        "keeper's employer; shift pattern of a hospital or care home at the place; whether it stays near home",
        (
            _for("night_share", _NIGHT, low=0.2),
            _for("farthest_km", "seen no farther than {farthest_km:km} from its base", high=40),
            _for("other_place_night_share", "{other_place_night_share:%} of its stays at place {other_place} lie, at "
                 "least in part, between 00:00 and 04:00", low=0.5),
            _for("main_way_share", "{main_way_share:%} of {way_journeys:journey|journeys} from one place to another "
                 "ran between the same two", low=0.4),
            _against("night_share", _NIGHT, high=0.1),
            _against("away_trips", _TRIPS, low=2),
            _against("quick_runs", _RUNS, low=3),
            _against("multi_day_stays", _LONG, low=1),
        ),
    ),
    Explanation(
        "Taxi or private hire",
        "many journeys a day, each to a different place, evenings and weekends, some to airports and far towns",
        "taxi and private hire licence registers; plate and livery on the image",
        (
            _for("journeys_per_day", _JOURNEYS, low=6),
            _for("reads_per_day", "{reads_per_day} reads a day on {days_seen:day|days}", low=15),
            _for("evening_reads_share", _EVENING, low=0.3),
            _for("places_per_day", _DAY, low=4),
            _for("trip_towns", _TOWNS, low=3),
            _against("journeys_per_day", _JOURNEYS, high=3),
            _against("main_away_share", _SAME, low=0.8),
            _against("multi_day_stays", _LONG, low=1),
        ),
    ),
    Explanation(
        "Commuter",
        "the same two places on working days, out in the morning and back in the evening",
        "keeper's address and employer; whether it also comes on holidays",
        (
            _for("other_place_days", _SECOND_DAYS, low=8),
            _for("other_place_hours", _SECOND_HOURS, low=6, high=12),
            _for("weekend_share", _WEEKEND, high=0.1),
            _for("trip_band_share", _BAND, low=0.8),
            _against("weekend_share", _WEEKEND, low=0.25),
            _against("away_stay_median_min", _SHORT, high=180),
            _against("quick_run_stop_min", _STOP, high=120),
            _against("other_place_days", _SECOND_DAYS, high=4),
            _against("trip_towns", _TOWNS, low=3),
            _against("multi_day_stays", _LONG, low=1),
        ),
    ),
    Explanation(
        "Split family",
        "children driven between two homes, on Fridays and Sundays, each or every other weekend",
        "keeper's family address at the place; school terms and holidays",
        (
            _for("trip_weekend_share", _SET_OUT, low=0.7),
            _for("trip_gap_days", "median {trip_gap_days} days from one departure to the next", low=6, high=8),
            _for("trip_gap_days", "median {trip_gap_days} days from one departure to the next", low=13, high=15),
            _for("main_away_share", _SAME, low=0.8),
            _against("trip_weekend_share", _SET_OUT, high=0.4),
            _against("away_trips", _TRIPS, low=9),
            _against("night_trips", _NIGHT_TRIPS, low=1),
            _against("away_trips", _TRIPS, high=0),
        ),
    ),
    Explanation(
        "Partner, family or friends elsewhere",
        "evenings or nights at one place, again and again, on no fixed days",
        "whom the keeper visits there; whether the visits last an evening or a night",
        (
            _for("other_place_days", _SECOND_DAYS, low=4),
            _for("other_place_hours", _SECOND_HOURS, low=1.5, high=16),
            _for("evening_reads_share", _EVENING, low=0.3),
            _against("other_place_hours", _SECOND_HOURS, high=1),
            _against("quick_run_main_share", "{quick_run_main_share:%} of {quick_runs:run|runs} out and back turned in "
                     "the same area", high=0.5),
        ),
    ),
    Explanation(
        "Haulier or long-distance driver",
        "long ways through the region at any hour, to customers far apart",
        "vehicle class and operator's licence; the firm's jobs; livery or trailer on the image",
        (
            _for("longest_reach_km", "one journey reached {longest_reach_km} km from where it began", low=100),
            _for("away_places", "stays at {away_places:place|places} {away_km} km or more from its base", low=3),
            _for("forces", "read in {forces:force|forces}", low=4),
            _against("longest_reach_km", "the farthest that a journey reached is {longest_reach_km} km from where it "
                     "began, rounded down", high=60),
            _against("quick_runs", _RUNS, low=3),
        ),
    ),
    Explanation(
        "Hire car",
        "a new driver with a new purpose every few days; what was seen is then of several people",
        "keeper class hire or leasing; the hire firm's record of drivers and days",
        (
            _for("life_days", _SPAN, high=14),
            _for("first_seen_day", "first seen {first_seen_day:day|days} into the window", low=7),
            _for("silent_days", "not seen in the last {silent_days:day|days} of the window", low=7),
            _for("trip_towns", _TOWNS, low=3),
            _against("life_days", _SPAN, low=25),
            _against("base_held_share", "last read around its base for {base_held_share:%} of the time from its first "
                     "read to its last", low=0.8),
        ),
    ),
    Explanation(
        "Trades, working away",
        "out on Monday, back on Thursday or Friday, weeks at one site, then another",
        "keeper or firm; building site or client at the place; tools or trailer on the image",
        (
            _for("multi_day_stays", _LONG, low=1),
            _for("office_share", _OFFICE, low=0.6),
            _for("trip_weekend_share", _SET_OUT, high=0.2),
            _for("main_away_share", _SAME, low=0.8),
            _against("weekend_share", _WEEKEND, low=0.25),
            _against("short_stay_share", "{short_stay_share:%} of {away_stays:stay|stays} away lasted up to "
                     "{short_stay_minutes} min", low=0.6),
            _against("night_trips", _NIGHT_TRIPS, low=2),
            _against("away_trips", _TRIPS, high=0),
        ),
    ),
)  # fmt: skip
