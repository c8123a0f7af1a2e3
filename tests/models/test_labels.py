from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labels import (
    Finding,
    Label,
    confirmed_vehicles,
    findings_before,
    label_directly,
    label_vehicle,
    sample_unreviewed,
    standing_findings,
)

MONDAY = date(2026, 2, 2)
AS_OF = date(2026, 3, 1)


def finding(days: int, said: str, decided: datetime | None = None, vehicle: str = "v") -> Finding:
    return Finding(vehicle, MONDAY + timedelta(days=days), said, decided or datetime(2026, 2, 20, tzinfo=UTC))


def test_the_latest_decision_about_a_pair_stands() -> None:
    early = finding(0, "confirmed", datetime(2026, 2, 10, tzinfo=UTC))
    late = finding(0, "eliminated", datetime(2026, 2, 12, tzinfo=UTC))
    assert standing_findings([late, early], AS_OF) == {"v": (late,)}


def test_a_decision_counts_until_the_last_moment_of_the_day_and_not_after() -> None:
    last = finding(0, "confirmed", datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC))
    after = finding(7, "confirmed", datetime(2026, 3, 2, tzinfo=UTC))
    assert standing_findings([last, after], AS_OF) == {"v": (last,)}


def test_two_decisions_at_one_moment_that_disagree_stand_as_inconclusive_in_any_order() -> None:
    pair = [finding(0, "confirmed"), finding(0, "eliminated")]
    for order in (pair, pair[::-1]):
        (standing,) = standing_findings(order, AS_OF)["v"]
        assert standing.finding == "inconclusive"


@pytest.mark.parametrize(("said", "value"), [("confirmed", 1), ("eliminated", 0)])
def test_a_finding_labels_its_own_window_with_full_weight(said: str, value: int) -> None:
    assert label_vehicle([finding(0, said)], MONDAY, 28) == Label("reviewed", value, 1.0)


@pytest.mark.parametrize("days", [-27, -7, 7, 27])
def test_a_finding_holds_for_windows_that_overlap_by_the_share_they_overlap(days: int) -> None:
    label = label_vehicle([finding(0, "confirmed")], MONDAY + timedelta(days=days), 28)
    assert label == Label("overlapping", 1, (28 - abs(days)) / 28)


@pytest.mark.parametrize("days", [-28, 28, 100])
def test_a_vehicle_with_findings_about_other_times_only_is_known(days: int) -> None:
    assert label_vehicle([finding(0, "confirmed")], MONDAY + timedelta(days=days), 28) == Label("known")


def test_a_vehicle_without_findings_is_unreviewed() -> None:
    assert label_vehicle([], MONDAY, 28).standing == "unreviewed"


def test_an_inconclusive_finding_gives_no_label_even_beside_an_overlapping_one() -> None:
    label = label_vehicle([finding(0, "inconclusive"), finding(7, "confirmed")], MONDAY, 28)
    assert label == Label("inconclusive")


@pytest.mark.parametrize("days", [-28, -7, 7])
@pytest.mark.parametrize("said", ["confirmed", "eliminated", "inconclusive"])
def test_for_a_test_a_finding_about_another_window_gives_no_label(days: int, said: str) -> None:
    assert label_directly([finding(days, said)], MONDAY) == Label("known")


@pytest.mark.parametrize(("said", "value"), [("confirmed", 1), ("eliminated", 0)])
def test_for_a_test_the_finding_about_the_very_window_decides(said: str, value: int) -> None:
    assert label_directly([finding(-7, "inconclusive"), finding(0, said)], MONDAY) == Label("reviewed", value, 1.0)
    assert label_directly([], MONDAY) == Label("unreviewed")


def test_the_nearest_overlapping_finding_decides_and_of_two_the_later_decision() -> None:
    near, far = finding(7, "eliminated"), finding(14, "confirmed")
    assert label_vehicle([near, far], MONDAY, 28).value == 0
    later = finding(-7, "confirmed", datetime(2026, 2, 25, tzinfo=UTC))
    assert label_vehicle([near, later], MONDAY, 28).value == 1


def test_findings_before_are_about_earlier_windows_and_as_they_stood_when_the_window_ended() -> None:
    end = MONDAY + timedelta(days=21)
    last = datetime(2026, 2, 23, 23, 59, tzinfo=UTC)
    about_itself, in_time = finding(21, "confirmed", last), finding(0, "confirmed", last)
    too_late = finding(7, "confirmed", datetime(2026, 2, 24, tzinfo=UTC), "w")
    put_right = finding(0, "eliminated", datetime(2026, 2, 24, tzinfo=UTC))
    assert findings_before([about_itself, in_time, too_late, put_right], end) == {"v": (in_time,)}


def test_confirmed_vehicles_are_those_of_exactly_that_window() -> None:
    findings = {"v": (finding(0, "confirmed"),), "w": (finding(0, "eliminated"),), "x": (finding(7, "confirmed"),)}
    assert confirmed_vehicles(findings, MONDAY) == {"v"}


@given(st.sets(st.text("bcdfg", min_size=1), max_size=40), st.integers(0, 50), st.randoms())
def test_the_sample_does_not_depend_on_order_and_grows_by_adding(
    vehicles: set[str], count: int, chance: object
) -> None:
    ordered, mixed = sorted(vehicles), sorted(vehicles)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    taken = sample_unreviewed(ordered, MONDAY, count, 1)
    assert taken == sample_unreviewed(mixed, MONDAY, count, 1)
    assert len(taken) == min(count, len(vehicles))
    assert taken <= sample_unreviewed(ordered, MONDAY, count + 1, 1)


def test_another_seed_or_window_draws_another_sample() -> None:
    vehicles = [f"v{number}" for number in range(200)]
    first = sample_unreviewed(vehicles, MONDAY, 20, 1)
    assert first != sample_unreviewed(vehicles, MONDAY, 20, 2)
    assert first != sample_unreviewed(vehicles, MONDAY + timedelta(days=7), 20, 1)
