"""Sentences of look-alikes: what speaks for one and what against it never read the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.profile import weigh_look_alikes
from models.profile.hours import other_place_facts, way_facts
from models.profile.model import Journey

FACTS = {"reads": 100, "window_days": 28, "night_from_hour": 22, "night_to_hour": 5, "away_km": 60, "run_km": 20,
         "short_stay_minutes": 240}  # fmt: skip


def test_no_sentence_speaks_for_and_against_one_life() -> None:
    """Few days at a second place, long stays: the days speak against a commuter, the hours for one."""
    seen = {"other_place": 2, "other_place_days": 3, "other_place_hours": 10.6}
    one = next(one for one in weigh_look_alikes({**FACTS, **seen}) if one.name == "Commuter")
    assert [sentence for sentence, _ in one.speaks_for] == ["median stay at place 2: 10.6 hours"]
    assert [sentence for sentence, _ in one.against] == ["stays at place 2 began on 3 days"]


def made(*ways: tuple[int, int]) -> list[Journey]:
    begin = datetime(2026, 3, 23, 8, tzinfo=UTC)
    return [
        Journey(begin + timedelta(days=n), begin + timedelta(days=n, hours=1), one, other, "a", "b", 2, 9_000, 9_000)
        for n, (one, other) in enumerate(ways)
    ]


def test_single_reads_at_one_place_are_no_way_to_work() -> None:
    """They begin and end at one place, so most of a vehicle's journeys may have the same ends and mean nothing."""
    still = [(1, 1)] * 30
    assert way_facts(made(*still)) == {}
    seen = way_facts(made(*still, (1, 2), (2, 1), (1, 2), (3, 1)))
    assert seen == {"way_journeys": 4, "main_way_share": 0.75}
    carer = next(one for one in weigh_look_alikes({**FACTS, **seen}) if one.name.startswith("Carer"))
    assert [sentence for sentence, _ in carer.speaks_for] == [
        "75 % of 4 journeys from one place to another ran between the same two"
    ]


def test_a_stay_of_several_days_is_counted_by_the_day_on_which_it_began() -> None:
    """Out on Monday, back on Thursday: it stayed on four days, and one stay began."""
    here, there = made((1, 2), (2, 1))
    back = replace(there, start_at=there.start_at + timedelta(days=2), end_at=there.end_at + timedelta(days=2))
    seen = other_place_facts([here, back], base=1, zone=ZoneInfo("Europe/London"))
    assert seen["other_place_hours"] == 71
    assert "stays at place 2 began on 1 day" in speaking(seen)


def speaking(facts):
    return {text for one in weigh_look_alikes({**FACTS, **facts}) for text, _ in (*one.speaks_for, *one.against)}


@pytest.mark.parametrize(("trips", "told"), [(1, False), (2, True)])
def test_a_share_of_one_trip_speaks_for_no_life(trips, told):
    """One trip went to the same place as itself, at the same hours: that is no habit."""
    shares = {"main_away_share": 1.0, "trip_band_share": 1.0, "trip_weekend_share": 1.0}
    said = speaking({"away_trips": trips, "departure_band_hours": 4, **shares})
    assert any(text.startswith(f"100 % of {trips} trip") for text in said) is told


@pytest.mark.parametrize(("stays", "told"), [(1, False), (2, True)])
def test_a_share_of_one_stay_speaks_for_no_life(stays, told):
    nights = {"other_place": 2, "other_place_days": stays, "other_place_night_share": 1.0}
    said = speaking({"away_stays": stays, "short_stay_share": 1.0, **nights})
    assert (f"100 % of {stays} stays away lasted up to 240 min" in said) is told
    assert any(text.startswith("100 % of its stays at place 2") for text in said) is told


@pytest.mark.parametrize(("days", "told"), [(1, False), (2, True)])
def test_the_median_of_one_stay_speaks_for_and_against_no_life(days, told):
    """A vehicle seen on one day that paused for five hours is at no place again and again."""
    for hours in (0.5, 5.0, 10.0):
        said = speaking({"other_place": 3, "other_place_days": days, "other_place_hours": hours})
        assert any(text.startswith("median stay at place 3") for text in said) is told


def test_a_reach_that_is_rounded_down_is_not_told_as_the_most():
    """Of 60.9 km the fact is 60: a journey did reach farther than 60 km."""
    said = speaking({"longest_reach_km": 60})
    assert not any("farther than 60 km" in text for text in said)
    assert "the farthest that a journey reached is 60 km from where it began, rounded down" in said


def test_one_hour_and_one_journey_are_told_as_one():
    said = speaking({"other_place": 2, "other_place_hours": 1.0, "journeys_per_day": 1.0})
    assert {"median stay at place 2: 1 hour", "1 journey a day on days with reads"} <= said


def test_a_rule_that_needs_a_count_is_cited_with_it():
    cited = [
        rule
        for one in weigh_look_alikes({**FACTS, "away_trips": 3, "main_away_share": 1.0})
        for _, rule in (*one.speaks_for, *one.against)
    ]
    assert "main_away_share ≥ 0.8, away_trips ≥ 2" in cited


def test_a_stop_after_midnight_is_told_as_such_and_not_as_a_night():
    """Twenty minutes at half past midnight lie in the small hours and span no night."""
    said = speaking({"other_place": 2, "other_place_days": 3, "other_place_night_share": 0.6})
    assert "60 % of its stays at place 2 lie, at least in part, between 00:00 and 04:00" in said
