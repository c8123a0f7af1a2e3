"""Bank holidays of a network of mixed roads: quiet for those to work, full for those to the coast, nobody's fault."""

from __future__ import annotations

import numpy as np
import pytest
from health_support import drawn, grid, runs_of
from numpy.typing import NDArray

WEEKS, DAY = 14, 24
HOLIDAYS = (67, 70, 84)  # a Friday, the Monday after it, a Monday a fortnight later
# reads a day, and those of a Saturday and of a Sunday beside a working day: to work, of lorries, to the coast
ROADS = [*[(3000, 0.6, 0.5)] * 7, *[(1500, 0.5, 0.3)] * 4, *[(1200, 1.9, 2.4)] * 4, (150, 1.8, 1.8)]
WORK, LORRIES, COAST = 0, 8, 12


def mixed(holidays: tuple[int, ...] = HOLIDAYS, level: float = 1.0) -> NDArray[np.float64]:
    """Mean reads; on holidays each road has its own Sunday, at a level."""
    hour, day = np.arange(WEEKS * 168) % DAY, np.arange(WEEKS * 168) // DAY
    rush = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 17) / 2.5) ** 2)) + 0.03
    out = np.exp(-(((hour - 14) / 4.5) ** 2)) + 0.04
    rest = np.isin(day, holidays)
    mean = np.empty((len(ROADS), len(hour)))
    for road, (per_day, saturday, sunday) in enumerate(ROADS):
        like = np.where(rest, 6, day % 7)
        share = np.choose(like, [1.0] * 5 + [saturday, sunday]) * np.where(rest, level, 1)
        shape = np.where((like < 5) & (road < COAST), rush / rush[:DAY].sum(), out / out[:DAY].sum())
        mean[road] = per_day * share * shape
    return mean


@pytest.mark.parametrize("level", [1.0, 0.7])
def test_holidays_on_which_each_road_has_its_own_sunday_are_nobodys_fault(level: float) -> None:
    assert runs_of(grid(drawn(mixed(level=level)))) == []


@pytest.mark.parametrize("road", [WORK, LORRIES, COAST])
def test_outages_on_a_holiday_are_told(road: int) -> None:
    n = drawn(mixed())
    noon = HOLIDAYS[1] * DAY + 10
    n[road, noon : noon + 5] = 0
    assert runs_of(grid(n)) == [(road, noon, noon + 5, "outage")]
    n[road, noon - 10 : noon + 14] = 0
    ((camera, start, end, kind),) = runs_of(grid(n))
    assert (camera, kind) == (road, "outage")
    assert abs(start - noon + 10) <= 8
    assert abs(end - noon - 14) <= 8


def test_what_is_too_low_or_high_even_for_its_sunday_is_told() -> None:
    n = drawn(mixed())
    day = slice(HOLIDAYS[0] * DAY, HOLIDAYS[0] * DAY + DAY)
    n[WORK, day] = n[WORK, day] * 0.3
    n[COAST, day] *= 3
    assert [(camera, kind) for camera, *_, kind in runs_of(grid(n))] == [(WORK, "partial_outage"), (COAST, "flood")]


def test_a_camera_that_alone_has_its_sunday_on_a_working_day_is_ill() -> None:
    mean = mixed(())
    mean[COAST] = mixed()[COAST]
    n = drawn(mean)
    found = runs_of(grid(n))
    assert {(camera, kind) for camera, *_, kind in found} == {(COAST, "flood")}
    assert {start // DAY for _, start, *_ in found} <= {*HOLIDAYS, *(day - 1 for day in HOLIDAYS)}
