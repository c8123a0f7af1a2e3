from __future__ import annotations

import re

import pytest

from models.explanation import facts_of, tell
from models.features.settings import PatternSettings
from models.patterns import get_pattern

SETTINGS = PatternSettings()
PATTERN = get_pattern("county_lines")
ROW = {feature.name: 3 if feature.dtype == "int64" else 0.5 for feature in PATTERN.features} | {
    "vehicle": "bcdf",
    "away_trips": 7,
    "trip_stay_median_min": 42.0,
    "away_stay_median_min": 42.5,
    "speed_kmh": 61.234567,
    "impossible_hops": 0,
    "repaired_share": 0.0,
    "low_confidence_share": 0.0,
    "camera_uptime": 1.0,
}


def explained(row=None, k=5, **contributions):
    return PATTERN.explain(ROW | (row or {}), contributions, SETTINGS, k)


def test_a_reason_is_a_sentence_of_facts():
    assert explained(away_trips=1.0).reasons == ("7 trips of over 60 km there and back in 28 days; median stay 42 min",)


def test_one_of_a_thing_is_said_as_one():
    (reason,) = explained({"away_trips": 1}, away_trips=1.0).reasons
    assert reason.startswith("1 trip of")


def test_only_what_raised_the_score_is_a_reason_the_strongest_first():
    told = explained(away_trips=0.2, night_share=0.9, weekend_share=-0.5, journeys=0.0)
    assert [text.split()[0] for text in told.reasons] == ["50", "7"]
    assert told.against == ("50 % of 3 reads on a Saturday or Sunday",)


def test_no_more_than_asked_for():
    everything = {feature.name: 1.0 for feature in PATTERN.features}
    assert len(explained(k=3, **everything).reasons) == 3
    assert explained(k=0, **everything).reasons == ()


def test_what_is_not_known_is_not_said():
    missing = {"trip_stay_median_min": None, "trip_interval_h": float("nan")}
    told = explained(missing, away_trips=1.0, trip_interval_h=0.5, trip_stay_median_min=0.4)
    assert told.reasons == ("7 trips of over 60 km there and back in 28 days",)


def test_a_feature_that_the_model_did_not_use_says_nothing():
    told = explained()
    assert (told.reasons, told.against, told.cautions) == ((), (), ())


def test_the_settings_of_the_window_are_in_the_sentence():
    near = PATTERN.explain(ROW, {"away_trips": 1.0}, PatternSettings(away_km=8, window_days=7), 5)
    assert near.reasons[0].startswith("7 trips of over 8 km there and back in 7 days")


@pytest.mark.parametrize(
    ("fact", "value", "word"),
    [
        ("impossible_hops", 2, "cloned or misread"),
        ("repaired_share", 0.2, "repaired"),
        ("low_confidence_share", 0.5, "misreads"),
        ("camera_uptime", 0.4, "camera's silence"),
    ],
)
def test_faults_of_plate_clock_and_coverage_come_first(fact, value, word):
    (caution,) = explained({fact: value}, away_trips=1.0).cautions
    assert word in caution
    assert explained({fact: None}).cautions == ()


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_every_number_of_every_sentence_is_a_fact():
    row = ROW | {"impossible_hops": 2, "repaired_share": 0.2, "low_confidence_share": 0.5, "camera_uptime": 0.4}
    facts = facts_of(row, SETTINGS)
    told = tell(PATTERN.features, PATTERN.cautions, facts, {one.name: 1.0 for one in PATTERN.features}, 99)
    values = [float(value) for value in facts.values() if isinstance(value, int | float)]
    known = set(values) | {float(round(value * 100)) for value in values} | {float(f"{value:.3g}") for value in values}
    known |= {value * 60 for value in values}  # hours told in minutes
    hours = {0.0, 1.0}
    for text in (*told.cautions, *told.reasons):
        assert [number for number in numbers(text) if number not in known | hours] == []
    assert len(told.reasons) > 30


def test_no_sentence_judges_a_person():
    templates = [part for feature in PATTERN.features for part in feature.sentence]
    templates += [caution.sentence for caution in PATTERN.cautions]
    assert not re.search(r"suspect|criminal|dealer|guilty|drug|offend", " ".join(templates), re.IGNORECASE)


@pytest.mark.parametrize(
    ("minutes", "told"), [(0, "0 min"), (9.5, "9.5 min"), (59.9, "59.9 min"), (108, "1 h 48 min"), (5338, "3 d 16 h")]
)
def test_long_times_are_told_in_hours_and_days(minutes, told):
    (reason,) = explained({"away_stay_min_min": float(minutes)}, away_stay_min_min=1.0).reasons
    assert reason == f"shortest stay 60 km or more from its base: {told}"


@pytest.mark.parametrize(("days", "told"), [(0, "on"), (1, "1 day after"), (12, "12 days after")])
def test_no_day_after_the_first_is_the_first(days, told):
    (reason,) = explained({"first_seen_day": days}, first_seen_day=1.0).reasons
    assert reason == f"first read {told} the first day of the window of 28 days"


@pytest.mark.parametrize(("days", "told"), [(0, "on"), (1, "1 day before"), (5, "5 days before")])
def test_no_day_before_the_last_is_the_last(days, told):
    (reason,) = explained({"silent_days": days}, silent_days=1.0).reasons
    assert reason == f"last read {told} the last day of the window"


@pytest.mark.parametrize(("hours", "told"), [(0.4, "24 min"), (2.616666, "2 h 37 min"), (167.0, "6 d 23 h")])
def test_stays_in_hours_read_as_those_in_minutes(hours, told):
    (reason,) = explained({"longest_away_stay_h": hours}, longest_away_stay_h=1.0).reasons
    assert reason == f"longest stay 60 km or more from its base: {told}"


@pytest.mark.parametrize(("hours", "told"), [(0.0, "under 1 h"), (24.0, "24 h"), (25.5, "25 h"), (167.0, "6 d 23 h")])
def test_hours_that_were_rounded_down_are_told_without_minutes(hours, told):
    """Departures 24 h 50 min apart are kept as 24 hours: "24 h 00 min" would be false."""
    (reason,) = explained({"trip_interval_h": hours, "away_trips": 4}, trip_interval_h=1.0).reasons
    assert reason == f"median time from one departure to the next: {told} over 4 trips"


@pytest.mark.parametrize(("km", "told"), [(0, "1 km"), (1, "1 km"), (80, "80 km")])
def test_who_never_left_its_base_was_not_farther_than_a_kilometre(km, told):
    (reason,) = explained({"farthest_km": km}, farthest_km=1.0).reasons
    assert reason == f"seen up to {told} from its base"


def test_a_single_read_has_no_shares_and_no_ways():
    """100 % of one read at one camera, a journey of 0 min over 0 km: true, and nothing."""
    one = {"reads": 1, "journeys": 1, "away_trips": 0, "away_stays": 0, "quick_runs": 0, "life_days": 1, "days_seen": 1}
    none = dict.fromkeys(("distance_km", "longest_reach_km", "journey_median_min"), 0)
    every = {feature.name: 1.0 for feature in PATTERN.features}
    row = {name: value for name, value in ROW.items() if not name.startswith(("trip_", "quick_run_", "co_travel"))}
    told = PATTERN.explain({**row, **one, **none}, every, SETTINGS, 99).reasons
    assert not [text for text in told if "%" in text and "base" not in text]
    nothing = ("0 km from camera", "one journey reached", "median journey", "0.5 reads a journey", "0.5 reads a day")
    assert not [text for text in told if text.startswith(nothing)]
    assert {"1 read in 28 days", "1 journey in 28 days"} <= set(told)
    two = ROW | {"reads": 2, "top_camera_share": 0.5, "reads_per_day": 1.0}
    told = PATTERN.explain(two, every, SETTINGS, 99).reasons
    assert {"50 % of 2 reads at one camera", "1 read a day on 3 days"} <= set(told)
