from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.in_service import InService, Listed, binomial_interval, estimate_in_service
from models.review_sample import blind_order, select_for_review

DAY = date(2026, 2, 1)
VEHICLES = [f"v{number:03d}" for number in range(400)]


def listed(
    run_id: str, confirmed: set[str], top: int, size: int, unanswered: frozenset[str] = frozenset()
) -> list[Listed]:
    selected = select_for_review(VEHICLES, top, size, run_id)
    behind = {"ranked": top, "random": len(VEHICLES) - top}
    return [
        Listed(
            run_id,
            one.vehicle,
            DAY,
            one.selected_by,
            behind[one.selected_by],
            None if one.vehicle in unanswered else "confirmed" if one.vehicle in confirmed else "eliminated",
        )
        for one in selected
    ]


def many(confirmed: set[str], top: int, size: int, runs: int) -> list[InService]:
    return [estimate_in_service(listed(f"run-{run}", confirmed, top, size)) for run in range(runs)]


def test_a_draw_is_made_again_from_the_run_and_not_from_the_order() -> None:
    first = select_for_review(VEHICLES, 20, 5, "one")
    assert first == select_for_review(VEHICLES, 20, 5, "one")
    assert {one.vehicle for one in first} != {one.vehicle for one in select_for_review(VEHICLES, 20, 5, "two")}
    other_order = VEHICLES[:20] + VEHICLES[:19:-1]
    drawn = {one.vehicle for one in first if one.selected_by == "random"}
    assert drawn == {one.vehicle for one in select_for_review(other_order, 20, 5, "one") if one.selected_by == "random"}


def test_chances_are_one_for_the_ranked_and_the_share_drawn_for_the_others() -> None:
    selected = select_for_review(VEHICLES, 20, 5, "one")
    assert [one.inclusion for one in selected] == [1.0] * 20 + [5 / 380] * 5
    assert len({one.vehicle for one in selected}) == 25


@pytest.mark.parametrize(("top", "size", "expected"), [(400, 5, 0), (398, 5, 2), (0, 5, 5), (20, 0, 0)])
def test_no_more_are_drawn_than_are_left(top: int, size: int, expected: int) -> None:
    assert sum(one.selected_by == "random" for one in select_for_review(VEHICLES, top, size, "r")) == expected


def test_every_vehicle_below_the_top_is_drawn_equally_often() -> None:
    times = dict.fromkeys(VEHICLES, 0)
    for run in range(2000):
        for one in select_for_review(VEHICLES, 20, 5, str(run))[20:]:
            times[one.vehicle] += 1
    counts = np.array([times[vehicle] for vehicle in VEHICLES[20:]])
    expected = 2000 * 5 / 380
    # 380 counts, each about Poisson: the chi-square statistic lies near the number of cells
    assert abs(((counts - expected) ** 2 / expected).sum() - 380) < 5 * np.sqrt(2 * 380)


def test_the_list_shows_the_drawn_at_any_place_and_the_ranked_in_their_order() -> None:
    places = []
    for run in range(300):
        selected = select_for_review(VEHICLES, 20, 1, str(run))
        order = blind_order(selected, str(run))
        assert [vehicle for vehicle in order if vehicle != selected[-1].vehicle] == VEHICLES[:20]
        places.append(order.index(selected[-1].vehicle))
    assert set(places) == set(range(21))


def test_over_many_draws_the_estimates_are_right_on_average() -> None:
    confirmed = {*VEHICLES[:12], *VEHICLES[100:130]}  # 12 in the top 20, 30 below
    found = many(confirmed, top=20, size=15, runs=1500)
    assert {one.precision.value for one in found} == {0.6}
    missed = np.array([one.missed.value for one in found], dtype=float)
    assert missed.mean() == pytest.approx(30, abs=4 * missed.std() / np.sqrt(len(found)))
    base = np.array([one.base_rate.value for one in found], dtype=float)
    assert base.mean() == pytest.approx(42 / 400, abs=4 * base.std() / np.sqrt(len(found)))


def test_the_interval_holds_the_truth_at_least_as_often_as_it_says() -> None:
    confirmed = {*VEHICLES[:12], *VEHICLES[100:130]}
    inside = [
        one.missed.low <= 30 <= one.missed.high and one.recall.low <= 12 / 42 <= one.recall.high
        for one in many(confirmed, top=20, size=15, runs=600)
        if one.missed.low is not None
        and one.recall.low is not None
        and one.missed.high is not None
        and one.recall.high is not None
    ]
    assert len(inside) == 600
    assert np.mean(inside) >= 0.93


def test_findings_that_are_missing_by_chance_do_not_bend_the_estimate() -> None:
    confirmed = {*VEHICLES[:12], *VEHICLES[100:130]}
    generator = np.random.default_rng(5)
    values = []
    for run in range(1500):
        silent = frozenset(vehicle for vehicle in VEHICLES if generator.random() < 0.3)
        value = estimate_in_service(listed(f"run-{run}", confirmed, 20, 30, silent)).missed.value
        values.append(value if value is not None else np.nan)
    drawn = np.array(values)
    assert np.nanmean(drawn) == pytest.approx(30, abs=4 * np.nanstd(drawn) / np.sqrt(len(drawn)))


def test_several_runs_are_taken_together() -> None:
    confirmed = {*VEHICLES[:10]}
    both = estimate_in_service([*listed("a", confirmed, 20, 5), *listed("b", confirmed, 10, 5)])
    assert (both.runs, both.ranked, both.random) == (2, 30, 10)
    assert both.precision.value == pytest.approx(20 / 30)
    assert both.missed.value == 0


def run_of(name: str, behind: int, confirmed: int, answered: int, selected_by: str = "random") -> list[Listed]:
    return [
        Listed(name, f"{name}{row}", DAY, selected_by, behind, "confirmed" if row < confirmed else "eliminated")
        for row in range(answered)
    ]


@pytest.mark.parametrize(("behind", "confirmed", "answered"), [(30000, 1, 1), (30000, 2, 2), (50000, 3, 4)])
def test_the_estimate_lies_inside_its_interval_however_unequal_the_runs(
    behind: int, confirmed: int, answered: int
) -> None:
    runs = [*run_of("a", behind, confirmed, answered), *run_of("b", 400, 0, 60), *run_of("c", 400, 1, 60)]
    for found in (estimate_in_service(runs), estimate_in_service([*runs, *run_of("a", 20, 11, 20, "ranked")])):
        for figure in (found.missed, found.recall, found.base_rate):
            if figure.value is not None:
                assert figure.low is not None
                assert figure.high is not None
                assert figure.low <= figure.value <= figure.high
    assert estimate_in_service(runs).missed.value is not None


def test_equal_runs_give_the_interval_of_one_that_is_as_large() -> None:
    apart = estimate_in_service([*run_of("a", 400, 2, 20), *run_of("b", 400, 3, 20)])
    whole = estimate_in_service(run_of("a", 800, 5, 40))
    assert (apart.missed.low, apart.missed.high) == pytest.approx((whole.missed.low, whole.missed.high), rel=0.02)


@pytest.mark.parametrize(
    "runs",
    [
        ((3000, 10, 0.05), (300, 60, 0.05), (300, 60, 0.05)),
        ((1000, 8, 0.2), (1000, 200, 0.02)),
        ((5000, 30, 0.03), (500, 5, 0.4), (100, 20, 0.1)),
    ],
)
def test_the_interval_holds_over_runs_of_unequal_weight_and_share(runs: tuple[tuple[int, int, float], ...]) -> None:
    generator = np.random.default_rng(7)
    truth = sum(behind * share for behind, _, share in runs)
    inside = []
    for _ in range(600):
        found = estimate_in_service(
            [
                one
                for name, (behind, answered, share) in zip("abc", runs, strict=False)
                for one in run_of(name, behind, int(generator.binomial(answered, share)), answered)
            ]
        ).missed
        assert found.low is not None
        assert found.high is not None
        inside.append(found.low <= truth <= found.high)
    assert np.mean(inside) >= 0.93


def test_without_a_random_finding_nothing_is_said_of_what_was_missed() -> None:
    found = estimate_in_service(listed("a", set(VEHICLES[:5]), 20, 0))
    assert found.precision.value == 0.25
    assert found.missed.value is None
    assert found.recall.value is None
    assert "cannot be said" in found.note


def test_none_confirmed_among_the_drawn_bounds_recall_only_from_below() -> None:
    found = estimate_in_service(listed("a", set(VEHICLES[:5]), 20, 5))
    assert found.recall.value == 1.0
    assert found.recall.low is not None
    assert found.recall.low < 0.1
    assert "bounded from below" in found.note


def test_no_findings_at_all_give_no_figures() -> None:
    found = estimate_in_service([])
    assert (found.runs, found.precision.value, found.recall.value) == (0, None, None)


def test_the_binomial_interval_of_none_and_of_all() -> None:
    low, high = binomial_interval(0, 10)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert binomial_interval(10, 10) == pytest.approx((0.025 ** (1 / 10), 1.0))
