"""The health of cameras from counts: each fault found with its bins, each innocent situation left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from health_support import drawn, grid, runs_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from data_contracts.health.counts import Counts
from data_contracts.health.expectation import expected_volumes, plain_outages
from data_contracts.health.intervals import Run
from data_contracts.health.volumes import examine_volumes
from data_contracts.health.wording import tell

WEEKS = 12
HOURS = WEEKS * 168
AT = 9 * 168 + 58  # Wednesday of the tenth week, 10:00
PER_DAY = (6000, 3000, 1500, 8000, 700, 2500, 12, 4000)
QUIET = 6


def mean_reads(per_day: tuple[float, ...] = PER_DAY, hours: int = HOURS) -> NDArray[np.float64]:
    hour, weekend = np.arange(hours) % 24, np.arange(hours) // 24 % 7 >= 5
    work = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 17) / 2.5) ** 2)) + 0.02
    rest = 0.7 * np.exp(-(((hour - 14) / 4) ** 2)) + 0.03
    shape = np.where(weekend, rest, work)
    return np.asarray(per_day)[:, None] * shape * hours / 24 / shape.sum()


def test_healthy_cameras_are_left_alone() -> None:
    assert runs_of(grid(drawn(mean_reads()))) == []


@pytest.mark.parametrize("hours", [1, 5, 26, 24 * 16])
def test_an_outage_is_found_to_the_bin_and_goes_on_through_the_night(hours: int) -> None:
    n = drawn(mean_reads())
    n[1, AT : AT + hours] = 0
    assert runs_of(grid(n)) == [(1, AT, AT + hours, "outage")]


def test_the_hour_in_which_an_outage_began_belongs_to_it() -> None:
    n = drawn(mean_reads())
    n[0, AT - 2] //= 6
    n[0, AT - 1 : AT + 30] = 0
    assert runs_of(grid(n)) == [(0, AT - 2, AT + 30, "outage")]


def test_a_stray_read_does_not_cut_an_outage_in_two() -> None:
    n = drawn(mean_reads())
    n[0, AT : AT + 60] = 0
    n[0, AT + 25] = 1
    assert runs_of(grid(n)) == [(0, AT, AT + 60, "outage")]


def test_a_partial_outage() -> None:
    n = drawn(mean_reads())
    n[3, AT : AT + 72] = n[3, AT : AT + 72] * 0.3
    ((camera, start, end, kind),) = runs_of(grid(n))
    assert (camera, kind) == (3, "partial_outage")
    assert abs(start - AT) <= 2
    assert abs(end - AT - 72) <= 8


def test_a_flood() -> None:
    n = drawn(mean_reads())
    n[5, AT : AT + 30] *= 2
    ((camera, start, end, kind),) = runs_of(grid(n))
    assert (camera, kind) == (5, "flood")
    assert abs(start - AT) <= 2
    assert abs(end - AT - 30) <= 8


def test_both_directions_of_a_pole_failing_together() -> None:
    n = drawn(mean_reads())
    n[0:2, AT : AT + 20] = 0
    n[3, AT : AT + 20] = 0
    sites = ["pole-1", "pole-1", "pole-2", "pole-2", "pole-3", "pole-3", "pole-4", "pole-4"]
    found = runs_of(grid(n, sites=sites))
    assert [(camera, kind) for camera, _, _, kind in found] == [(0, "pole_failure"), (1, "pole_failure"), (3, "outage")]


def test_a_count_that_repeats_itself() -> None:
    n = drawn(mean_reads())
    n[0, AT : AT + 12] = n[0, AT]
    assert (0, AT, AT + 12, "stuck") in runs_of(grid(n))


def test_a_quiet_road_and_its_nights_are_no_outage_but_a_long_silence_is() -> None:
    n = drawn(mean_reads())
    n[QUIET, AT : AT + 12] = 0
    assert runs_of(grid(n)) == []
    n[QUIET, AT : AT + 96] = 0
    ((camera, start, end, kind),) = runs_of(grid(n))
    assert (camera, kind) == (QUIET, "outage")
    # hours in which a quiet road has no reads anyway may lie at its edges
    assert AT - 20 <= start <= AT
    assert AT + 96 <= end <= AT + 96 + 20


@pytest.mark.parametrize("share", [0.3, 0.6, 1.6])
def test_a_holiday_of_the_whole_network_is_nobodys_outage(share: float) -> None:
    mean = mean_reads()
    day = 9 * 168 + 48
    mean[:, day : day + 24] *= share
    assert runs_of(grid(drawn(mean))) == []


def test_a_camera_alone_on_a_holiday_that_is_like_a_sunday() -> None:
    mean = mean_reads((4000,))
    day = 9 * 168 + 48
    mean[:, day : day + 24] = mean[:, 8 * 168 + 144 : 9 * 168] * 0.8
    assert runs_of(grid(drawn(mean))) == []


@pytest.mark.parametrize(("per_day", "hours", "told"), [(14, 24, False), (14, 96, True), (30, 24, True)])
def test_where_few_cameras_read_much_a_silence_of_a_day_may_be_a_holiday(per_day: int, hours: int, told: bool) -> None:
    n = drawn(mean_reads((float(per_day),) * 8))
    n[2, AT : AT + hours] = 0
    assert bool(runs_of(grid(n))) is told


def test_a_new_camera_is_not_ill_before_it_came() -> None:
    n = drawn(mean_reads())
    counts = grid(n)
    present = counts.present.copy()
    present[2, : 5 * 168] = False
    n[2, : 5 * 168] = 0
    counts = replace(counts, n=n.astype(np.float32), present=present, first=np.array([0, 0, 5 * 168, 0, 0, 0, 0, 0]))
    assert runs_of(counts) == []


def test_a_camera_that_ended_in_the_register_is_not_out_and_one_that_did_not_is() -> None:
    n = drawn(mean_reads())
    n[4, AT:] = 0
    counts = grid(n)
    assert runs_of(counts) == [(4, AT, HOURS, "outage")]
    assert tell(examine_volumes(counts))[0].ongoing
    last = counts.last.copy()
    last[4] = AT
    assert runs_of(replace(counts, last=last)) == []


def test_outages_in_the_past_do_not_lower_what_is_expected() -> None:
    mean = mean_reads()
    n = drawn(mean)
    n[0, 168 : 4 * 168] = 0
    n[0, 5 * 168 : 8 * 168] = 0
    counts = grid(n)
    expected = expected_volumes(counts, plain_outages(counts)).expected
    part = slice(9 * 168, 11 * 168)
    assert expected[0, part].sum() == pytest.approx(mean[0, part].sum(), rel=0.1)
    n[0, AT : AT + 6] = 0
    n[1, AT : AT + 10] = n[1, AT : AT + 10] * 0.2
    kinds = {(camera, kind) for camera, start, _, kind in runs_of(grid(n)) if start >= AT}
    assert kinds == {(0, "outage"), (1, "partial_outage")}


def test_a_long_flood_in_the_past_does_not_make_the_time_after_it_an_outage() -> None:
    n = drawn(mean_reads())
    n[2, 3 * 168 : 6 * 168] *= 3
    assert {(camera, kind) for camera, _, _, kind in runs_of(grid(n))} == {(2, "flood")}


def test_a_feed_that_fails_altogether_is_told_for_each_camera() -> None:
    n = drawn(mean_reads())
    n[:, AT : AT + 30] = 0
    told = tell(examine_volumes(grid(n)))
    assert {one.camera_id for one in told if one.kind == "outage"} >= {f"cam-{i}" for i in range(8) if i != QUIET}
    assert all("look at the feed first" in one.says for one in told)


def shifted(start: int, weeks: int, share: float, of: int = 26) -> Counts:
    n = drawn(mean_reads(hours=of * 168))
    part = slice(start * 168, (start + weeks) * 168)
    n[3, part] = n[3, part] * share
    return grid(n)


@pytest.mark.parametrize(("start", "weeks"), [(8, 6), (8, 8), (8, 10), (5, 8), (5, 10), (4, 16)])
def test_a_long_partial_outage_is_told_whole_and_its_end_is_no_flood(start: int, weeks: int) -> None:
    ((camera, begun, ended, kind),) = runs_of(shifted(start, weeks, 0.3))
    assert (camera, kind) == (3, "partial_outage")
    assert abs(begun - start * 168) <= 12
    assert abs(ended - (start + weeks) * 168) <= 12


def test_a_lasting_change_is_told_for_six_weeks_and_usual_from_then_on() -> None:
    ((camera, begun, ended, kind),) = runs_of(shifted(8, 18, 0.3))
    assert (camera, kind) == (3, "partial_outage")
    assert abs(begun - 8 * 168) <= 12
    assert 42 <= (ended - begun) / 24 <= 63
    ((camera, begun, ended, kind),) = runs_of(shifted(8, 18, 2.5))
    assert (camera, kind) == (3, "flood")
    assert 42 <= (ended - begun) / 24 <= 63


def test_of_little_past_the_higher_level_is_usual() -> None:
    ((camera, begun, ended, kind),) = runs_of(shifted(0, 5, 0.3))
    assert (camera, kind) == (3, "partial_outage")
    assert begun <= 12
    assert abs(ended - 5 * 168) <= 12


def test_outages_again_and_again_are_told_each() -> None:
    n = drawn(mean_reads(hours=20 * 168))
    starts = [4 * 168 + turn * 2 * 168 + 10 for turn in range(7)]
    for start in starts:
        n[1, start : start + 265] = 0
    found = examine_volumes(grid(n))
    assert [(run.camera, run.kind) for run in found.runs] == [(1, "outage")] * 7
    assert found.by_turns == ()


def test_a_unit_that_works_by_the_clock_is_left_out_and_said_to_be() -> None:
    n = drawn(mean_reads(hours=20 * 168))
    away = np.arange(20 * 168) % 48 < 28
    n[1, away] = 0
    found = examine_volumes(grid(n))
    assert found.runs == ()
    ((camera, number),) = found.by_turns
    assert camera == 1
    assert number > 30


def test_one_week_of_one_camera() -> None:
    n = drawn(mean_reads((5000,), 168))
    assert runs_of(grid(n)) == []
    n[0, 58:70] = 0
    assert runs_of(grid(n)) == [(0, 58, 70, "outage")]


@pytest.mark.parametrize("width", [300, 900, 86400])
def test_other_widths(width: int) -> None:
    per = width / 3600
    mean = mean_reads()
    if width < 3600:
        fine = np.repeat(mean[:, : 6 * 168], 3600 // width, axis=1) * per
    else:
        fine = mean.reshape(len(mean), -1, 24).sum(axis=2)
    n = drawn(fine)
    at = int(AT // per) if width > 3600 else int((4 * 168 + 58) / per)
    hours = 48 if width > 3600 else 9
    n[0, at : at + int(hours / per)] = 0
    assert runs_of(grid(n, width)) == [(0, at, at + int(hours / per), "outage")]


def _kinds(runs: tuple[Run, ...]) -> list[tuple[int, str]]:
    return [(run.camera, run.kind) for run in runs]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(weeks=st.integers(1, 60), factor=st.sampled_from([2, 3]), seed=st.integers(0, 50))
def test_neither_the_date_nor_busier_roads_change_what_is_found(weeks: int, factor: int, seed: int) -> None:
    mean = mean_reads((6000, 3000, 1500, 8000, 2500, 4000))
    mean[1, AT : AT + 30] = 0
    mean[4, AT - 200 : AT - 120] *= 3
    counts = grid(drawn(mean, seed))
    found = _kinds(examine_volumes(counts).runs)
    assert found == [(1, "outage"), (4, "flood")]
    assert _kinds(examine_volumes(replace(counts, start=counts.start + weeks * 7 * 86400)).runs) == found
    assert _kinds(examine_volumes(grid(drawn(mean * factor, seed))).runs) == found


@settings(max_examples=25, deadline=None)
@given(
    n=st.tuples(st.integers(1, 7), st.integers(1, 60)).flatmap(
        lambda size: arrays(np.int64, size, elements=st.sampled_from([0, 0, 0, 1, 7, 10**6]))
    ),
    width=st.sampled_from([300, 3600, 86400]),
)
def test_no_counts_break_it(n: NDArray[np.int64], width: int) -> None:
    for interval in tell(examine_volumes(grid(n, width))):
        assert interval.start < interval.end
        assert np.isfinite(interval.expected)
