"""Sentences of look-alikes: what speaks for one and what against it never read the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.profile import weigh_look_alikes
from models.profile.hours import way_facts
from models.profile.model import Journey

FACTS = {"reads": 100, "window_days": 28, "night_from_hour": 22, "night_to_hour": 5, "away_km": 60, "run_km": 20,
         "short_stay_minutes": 240}  # fmt: skip


def test_no_sentence_speaks_for_and_against_one_life() -> None:
    """Few days at a second place, long stays: the days speak against a commuter, the hours for one."""
    seen = {"other_place": 2, "other_place_days": 3, "other_place_hours": 10.6}
    one = next(one for one in weigh_look_alikes({**FACTS, **seen}) if one.name == "Commuter")
    assert [sentence for sentence, _ in one.speaks_for] == ["median stay at place 2: 10.6 hours"]
    assert [sentence for sentence, _ in one.against] == ["stays at place 2 on 3 days"]


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


def speaking(facts):
    return {text for one in weigh_look_alikes({**FACTS, **facts}) for text, _ in (*one.speaks_for, *one.against)}


@pytest.mark.parametrize(("trips", "told"), [(1, False), (2, True)])
def test_a_share_of_one_trip_speaks_for_no_life(trips, told):
    """One trip went to the same place as itself, at the same hours: that is no habit."""
    shares = {"main_away_share": 1.0, "trip_band_share": 1.0, "trip_weekend_share": 1.0}
    said = speaking({"away_trips": trips, "departure_band_hours": 4, **shares})
    assert any(text.startswith(f"100 % of {trips} trip") for text in said) is told


def test_a_rule_that_needs_a_count_is_cited_with_it():
    cited = [
        rule
        for one in weigh_look_alikes({**FACTS, "away_trips": 3, "main_away_share": 1.0})
        for _, rule in (*one.speaks_for, *one.against)
    ]
    assert "main_away_share ≥ 0.8, away_trips ≥ 2" in cited
