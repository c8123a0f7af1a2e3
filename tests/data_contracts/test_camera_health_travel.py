"""Wrong clocks and wrong places, from vehicles that drive along a made network of roads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.legs import Legs
from data_contracts.health.travel import judge_travel

SIDE, A_DAY = 4, 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = date(1970, 1, 1 + 20)
STRANGE = 5  # the camera that has the fault: one inside the network


def legs(
    clock: NDArray[np.float64] | None = None,
    since: int = 20,
    moved_km: float = 0.0,
    seed: int = 1,
    noise: float = 0.15,
    days: int = 30,
) -> Legs:
    """Cameras on a grid of roads 6 km apart; each hop goes to a neighbour or to the one behind it."""
    rng = np.random.default_rng(seed)
    north, east = (axis.ravel() * 6.0 for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))
    cameras, hops = len(north), A_DAY * days
    here, there = rng.integers(0, cameras, hops * 6), rng.integers(0, cameras, hops * 6)
    km = np.hypot(north[here] - north[there], east[here] - east[there])
    chosen = np.flatnonzero((km > 0) & (km < 13))[:hops]
    here, there, km = here[chosen], there[chosen], km[chosen]
    day = rng.integers(0, days, len(here))
    took = km * 1.2 / rng.normal(70, 4, len(km)) * 3600 * np.exp(np.abs(rng.normal(0, noise, len(km))))
    wrong = np.zeros(cameras) if clock is None else clock
    late = day >= since
    difference = took + late * (wrong[there] - wrong[here])  # clock there minus clock here
    forth = here < there
    shown = np.where(np.arange(cameras) == STRANGE, moved_km, 0.0)
    seen_km = np.hypot(north[here] + shown[here] - north[there] - shown[there], east[here] - east[there])
    return Legs(
        cameras=tuple(f"cam-{i:02d}" for i in range(cameras)),
        sites=tuple(f"site-{i:02d}" for i in range(cameras)),
        near=np.minimum(here, there),
        far=np.maximum(here, there),
        seconds=np.round(np.where(forth, difference, -difference)).astype(np.int64),
        day=day,
        km=seen_km.astype(np.float32),
        latitude=53 + (north + shown) / 111.2,
        longitude=-2 + east / 111.2 / np.cos(np.radians(53)),
    )


def clock(seconds: float) -> NDArray[np.float64]:
    return np.where(np.arange(SIDE * SIDE) == STRANGE, seconds, 0.0)


def test_good_clocks_and_places_are_left_alone() -> None:
    assert judge_travel(legs(), FIRST) == []


def test_a_clock_that_is_fast_or_slow_from_a_day_on() -> None:
    for seconds in (120, -300, 900, -1500):
        (found,) = judge_travel(legs(clock(seconds)), FIRST)
        assert (found.kind, found.camera_id) == ("clock_offset", f"cam-{STRANGE:02d}")
        assert abs(found.seen - seconds) < 20
        assert (found.start.day, found.end.day) == (21, 31)
        assert ("fast" if seconds > 0 else "slow") in found.says
        assert found.ongoing


def test_a_clock_that_went_wrong_weeks_before_the_span_is_told_from_then_on() -> None:
    """On roads so uneven that only a past without the fault tells it."""
    for weeks in (2, 4):
        begun = 70 - 7 * weeks
        hops = legs(clock(300), since=begun, noise=0.6, days=84)
        (found,) = judge_travel(hops, date(1970, 1, 1) + timedelta(days=70))
        assert (found.kind, found.camera_id) == ("clock_offset", f"cam-{STRANGE:02d}")
        assert abs(found.seen - 300) < 20
        assert abs((found.start - EPOCH).days - begun) <= 6
        assert (found.end - EPOCH).days == 84
    assert judge_travel(legs(noise=0.6, days=84), date(1970, 1, 1) + timedelta(days=70)) == []


def test_what_is_told_of_a_clock_does_not_hang_on_where_the_span_begins() -> None:
    hops = legs(clock(300), since=52, days=84)
    for first in range(58, 72):
        (told,) = judge_travel(hops, date(1970, 1, 1) + timedelta(days=first))
        assert abs((told.start - EPOCH).days - 52) <= 2
        assert (told.end - EPOCH).days == 84
        assert abs(told.seen - 300) < 10


def test_a_clock_that_went_wrong_before_a_short_span_is_no_wrong_place() -> None:
    hops = legs(clock(420), since=66, days=70)
    for first in (66, 68, 69):
        (found,) = judge_travel(hops, date(1970, 1, 1) + timedelta(days=first))
        assert (found.kind, found.camera_id) == ("clock_offset", f"cam-{STRANGE:02d}")


def test_a_clock_that_was_put_right_before_the_span_is_not_told() -> None:
    mended = legs(clock(300), since=50, days=84)
    right = legs(days=84)
    seconds = np.where(mended.day < 64, mended.seconds, right.seconds)
    hops = Legs(**{**{name: getattr(mended, name) for name in Legs.__dataclass_fields__}, "seconds": seconds})
    assert judge_travel(hops, date(1970, 1, 1) + timedelta(days=70)) == []
    (found,) = judge_travel(hops, date(1970, 1, 1) + timedelta(days=50))
    assert ((found.start - EPOCH).days, (found.end - EPOCH).days, found.ongoing) == (50, 64, False)


def test_a_clock_that_was_wrong_all_the_time() -> None:
    for seconds in (600, -1200):
        (found,) = judge_travel(legs(clock(seconds), since=0), FIRST)
        assert (found.kind, found.camera_id) == ("clock_offset", f"cam-{STRANGE:02d}")
        assert abs(found.seen - seconds) < 60


def test_two_wrong_clocks_beside_each_other() -> None:
    wrong = clock(400)
    wrong[6] = -200
    found = judge_travel(legs(wrong), FIRST)
    assert {(one.camera_id, round(one.seen, -2)) for one in found} == {("cam-05", 400), ("cam-06", -200)}


def test_a_place_that_contradicts_travel_times_in_both_directions() -> None:
    (found,) = judge_travel(legs(moved_km=25), FIRST)
    assert (found.kind, found.camera_id) == ("wrong_place", f"cam-{STRANGE:02d}")
    assert 20 <= found.seen <= 30


def moved_on(before: Legs, after: Legs, on: int) -> Legs:
    """The hops of the one until a day and of the other from then on, at a second place of the strange camera."""
    early, late = before.day < on, after.day >= on

    def at_both(of_before: Any, of_after: Any) -> Any:
        return [*of_before[: STRANGE + 1], *of_after[STRANGE:]]

    def ends(hops: Legs, first: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        near, far = (end + (end > STRANGE) + (end == STRANGE) * (not first) for end in (hops.near, hops.far))
        return near, far

    (near, far), (later_near, later_far) = ends(before, True), ends(after, False)
    return Legs(
        cameras=tuple(at_both(before.cameras, after.cameras)),
        sites=tuple(at_both(before.sites, after.sites)),
        near=np.concatenate([near[early], later_near[late]]),
        far=np.concatenate([far[early], later_far[late]]),
        seconds=np.concatenate([before.seconds[early], after.seconds[late]]),
        day=np.concatenate([before.day[early], after.day[late]]),
        km=np.concatenate([before.km[early], after.km[late]]),
        latitude=np.asarray(at_both(before.latitude, after.latitude)),
        longitude=np.asarray(at_both(before.longitude, after.longitude)),
    )


def test_a_fault_of_one_place_of_a_moved_camera_is_told_of_the_days_that_it_stood_there() -> None:
    good, wrong = legs(days=60), legs(moved_km=25, days=60)
    (first,) = judge_travel(moved_on(wrong, good, 40), FIRST)
    (second,) = judge_travel(moved_on(good, wrong, 40), FIRST)
    assert {(one.kind, one.camera_id) for one in (first, second)} == {("wrong_place", f"cam-{STRANGE:02d}")}
    assert ((first.start - EPOCH).days, (first.end - EPOCH).days, first.ongoing) == (20, 40, False)
    assert ((second.start - EPOCH).days, (second.end - EPOCH).days, second.ongoing) == (40, 60, True)


def test_slow_traffic_everywhere_is_no_wrong_clock() -> None:
    plain = legs()
    late = plain.day >= 20
    slow = plain.seconds + np.where(late, np.round(plain.seconds * 0.25), 0).astype(np.int64)
    jammed = Legs(**{**{name: getattr(plain, name) for name in Legs.__dataclass_fields__}, "seconds": slow})
    assert judge_travel(jammed, FIRST) == []


def test_no_hops_at_all() -> None:
    plain = legs()
    none = {name: getattr(plain, name)[:0] for name in ("near", "far", "seconds", "day", "km")}
    empty = Legs(**{**{name: getattr(plain, name) for name in Legs.__dataclass_fields__}, **none})
    assert judge_travel(empty, FIRST) == []
