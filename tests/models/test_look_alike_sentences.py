"""Sentences of look-alikes: what speaks for one and what against it never read the same."""

from __future__ import annotations

from models.profile import weigh_look_alikes

FACTS = {"reads": 100, "window_days": 28, "night_from_hour": 22, "night_to_hour": 5, "away_km": 60, "run_km": 20,
         "short_stay_minutes": 240}  # fmt: skip


def test_no_sentence_speaks_for_and_against_one_life() -> None:
    """Few days at a second place, long stays: the days speak against a commuter, the hours for one."""
    seen = {"other_place": 2, "other_place_days": 3, "other_place_hours": 10.6}
    one = next(one for one in weigh_look_alikes({**FACTS, **seen}) if one.name == "Commuter")
    assert [sentence for sentence, _ in one.speaks_for] == ["median stay at place 2: 10.6 hours"]
    assert [sentence for sentence, _ in one.against] == ["stays at place 2 on 3 days"]
