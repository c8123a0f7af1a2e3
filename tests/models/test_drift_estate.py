from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from models.drift.estate import count_camera_days, examine_estate
from models.drift.results import EstateResult
from models.drift.settings import EstateLimits

START = date(2026, 3, 2)
CURRENT = START + timedelta(days=28)
END = START + timedelta(days=55)
DAYS = [START + timedelta(days=i) for i in range(56)]


class World:
    """Daily Poisson counts of a few cameras, to be spoilt by a test."""

    def __init__(self, seed: int, **rates: float) -> None:
        rng = np.random.default_rng(seed)
        weekly = np.array([0.6 if day.weekday() >= 5 else 1.0 for day in DAYS])
        self.counts = {camera: rng.poisson(rate * weekly) for camera, rate in rates.items()}
        self.sites = {camera: camera for camera in rates}

    def examine(self, limits: EstateLimits | None = None) -> EstateResult:
        rows = [
            {"camera_id": camera, "site_id": self.sites[camera], "date": day, "n": int(n)}
            for camera, counts in self.counts.items()
            for day, n in zip(DAYS, counts, strict=True)
            if n
        ]
        return examine_estate(pa.Table.from_pylist(rows), START, CURRENT, END, limits)


def estate(seed: int = 1) -> World:
    return World(seed, **{f"c{i:02}": rate for i, rate in enumerate([200, 150, 120, 90, 60, 40, 20, 8, 3, 1, 0.3])})


def kinds(result: EstateResult) -> list[tuple[str, str]]:
    return [(item.camera_id, item.kind) for item in result.intervals]


@pytest.mark.parametrize("seed", range(12))
def test_an_untouched_estate_has_no_intervals(seed: int) -> None:
    assert kinds(estate(seed).examine()) == []


def test_an_outage_of_one_camera_is_found_with_its_days_and_rates() -> None:
    world = estate()
    world.counts["c01"][40:50] = 0
    (found,) = world.examine().intervals
    assert (found.camera_id, found.kind, found.scope) == ("c01", "silent", "camera")
    assert (found.start, found.end) == (DAYS[40], DAYS[49])
    assert found.seen_per_day == 0
    assert found.expected_per_day == pytest.approx(130, rel=0.2)


def test_an_outage_in_the_reference_is_found_too() -> None:
    world = estate()
    world.counts["c02"][5:15] = 0
    (found,) = world.examine().intervals
    assert (found.camera_id, found.kind, found.start, found.end) == ("c02", "silent", DAYS[5], DAYS[14])


def test_an_outage_of_a_whole_site_says_so() -> None:
    world = estate()
    world.sites |= {"c03": "bridge", "c04": "bridge"}
    for camera in ("c03", "c04"):
        world.counts[camera][45:52] = 0
    result = world.examine()
    assert kinds(result) == [("c03", "silent"), ("c04", "silent")]
    assert {item.scope for item in result.intervals} == {"site"}


def test_half_a_site_is_not_a_whole_site() -> None:
    world = estate()
    world.sites |= {"c03": "bridge", "c04": "bridge"}
    world.counts["c03"][45:52] = 0
    (found,) = world.examine().intervals
    assert found.scope == "camera"


def test_a_flood_of_reads_is_found() -> None:
    world = estate()
    world.counts["c00"][44:47] *= 3
    (found,) = world.examine().intervals
    assert (found.kind, found.start, found.end) == ("flood", DAYS[44], DAYS[46])


def test_a_camera_that_sees_a_third_is_reduced() -> None:
    world = estate()
    world.counts["c00"][44:54] //= 3
    (found,) = world.examine().intervals
    assert found.kind == "reduced"


def test_new_and_removed_cameras_are_named_so() -> None:
    world = estate()
    world.counts["c00"][:35] = 0
    world.counts["c05"][30:] = 0
    result = world.examine()
    assert kinds(result) == [("c05", "removed"), ("c00", "new")]
    new = result.intervals[1]
    assert (new.start, new.end, new.expected_per_day) == (DAYS[35], END, 0.0)
    assert new.seen_per_day > 100


def test_a_quiet_camera_is_not_condemned_by_empty_days_but_by_many() -> None:
    world = World(3, busy=100, quiet=2)
    world.counts["quiet"][40:43] = 0
    assert kinds(world.examine()) == []
    world.counts["quiet"][35:] = 0
    assert kinds(world.examine()) == [("quiet", "removed")]


def test_a_quiet_camera_in_season_is_no_flood() -> None:
    world = World(3, busy=100, quiet=0.7)
    world.counts["quiet"][30:50] += 4
    assert kinds(world.examine()) == []


def test_a_camera_with_a_single_read_is_neither_new_nor_removed() -> None:
    world = World(3, busy=100, rare=0)
    world.counts["rare"][27] = 2
    assert kinds(world.examine()) == []


def test_a_day_delivered_in_part_is_nobodys_outage() -> None:
    world = estate()
    for counts in world.counts.values():
        counts[50] = counts[50] // 5
    assert kinds(world.examine()) == []


def test_a_day_without_any_read_is_a_fault_of_delivery() -> None:
    world = estate()
    for counts in world.counts.values():
        counts[50] = 0
    result = world.examine()
    assert result.empty_days == (DAYS[50],)
    assert result.intervals == ()


def test_a_camera_that_sleeps_at_weekends_is_usual() -> None:
    world = estate()
    world.counts["c00"] = np.array([20 if day.weekday() >= 5 else 400 for day in DAYS])
    assert kinds(world.examine()) == []


def test_limits_decide() -> None:
    world = estate()
    world.counts["c01"][40:50] = 0
    assert world.examine(EstateLimits(surprise=1e6)).intervals == ()


def test_an_empty_table_is_an_estate_without_cameras() -> None:
    empty = pa.table({"camera_id": pa.array([], pa.string()), "site_id": [], "date": [], "n": []})
    result = examine_estate(empty, START, CURRENT, END)
    assert result.cameras == ()
    assert len(result.empty_days) == 56


def test_counts_come_from_the_reads() -> None:
    with duckdb.connect() as connection:
        reads = pa.table(
            {
                "camera_id": ["a", "a", "b"],
                "site_id": ["s", "s", None],
                "captured": ["2026-03-02 23:59:59.999999", "2026-03-03 00:00:00", "2026-03-03 12:00:00"],
            }
        )
        connection.register("delivered", reads)
        connection.execute(
            "CREATE VIEW reads AS SELECT camera_id, site_id, captured::TIMESTAMP AS captured_at FROM delivered"
        )
        assert count_camera_days(connection).to_pylist() == [
            {"camera_id": "a", "site_id": "s", "date": date(2026, 3, 2), "n": 1},
            {"camera_id": "a", "site_id": "s", "date": date(2026, 3, 3), "n": 1},
            {"camera_id": "b", "site_id": None, "date": date(2026, 3, 3), "n": 1},
        ]
