"""Dated events happen on their dates and to those that they name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from simulation.dice import dice
from simulation.lives.running import run_lines, turns_inside
from simulation.lives.setting import Setting
from simulation.places import find_places
from simulation.population import blocks, settle, tours_of
from simulation.roads import build_roads
from simulation.tours import DAY, HOUR
from simulation.world import WORLDS, World, load_world


def test_an_outage_of_a_force_silences_its_sites_on_its_days_only(small: Any) -> None:
    event = small.world.events[0]
    daily = dict(
        small.sql.execute(
            "SELECT seen::date, count(*) FROM reads r JOIN (SELECT DISTINCT camera_id FROM cameras"
            f" WHERE force = '{event.force}') USING (camera_id) WHERE camera_id NOT IN"
            " (SELECT camera_id FROM camera_faults WHERE fault = 'clock_drift') GROUP BY 1"
        ).fetchall()
    )
    during = {event.start + timedelta(days=day) for day in range((event.end - event.start).days + 1)}
    assert all(daily.get(day, 0) == 0 for day in during)
    assert daily[event.start - timedelta(days=1)] > 20
    assert daily[event.end + timedelta(days=1)] > 20


def test_new_sites_deliver_from_their_day_and_the_register_says_so(small: Any) -> None:
    event = small.world.events[1]
    first = small.one(
        "SELECT min(seen)::date, count(DISTINCT r.camera_id) FROM reads r"
        " JOIN cameras c ON c.camera_id = r.camera_id AND c.new"
    )
    assert first[0] >= event.start
    assert first[1] > 0
    listed = small.sql.execute(
        "SELECT DISTINCT valid_from FROM register r JOIN cameras c ON c.camera_id = r.camera_id AND c.new"
    ).fetchall()
    assert listed == [(f"{event.start}T00:00:00Z",)]


def with_event(**event: object) -> World:
    content = load_world(WORLDS / "small.yaml").model_dump()
    content["county_lines"] |= {"hire_share": 0.0, "late_start_share": 0.0, "inside_force_share": 0.0}
    content["vehicles"]["count"] = 2000
    content["events"] = [{"start": date(2026, 3, 23), "end": date(2026, 4, 5), **event}]
    return World.model_validate(content)


@pytest.fixture(scope="module")
def country() -> tuple[Any, Any]:
    world = load_world(WORLDS / "small.yaml")
    places = find_places(world.places.min_population)
    return places, build_roads(places, world.roads, dice(1, "roads"))


def test_county_lines_travel_otherwise_from_the_day_of_a_change(country: tuple[Any, Any]) -> None:
    places, roads = country
    world = with_event(
        kind="behaviour", rocu="yhrocu", stay_factor=4.0, hours_later=5.0, inside_force_share=0.5, runs_factor=1.5
    )
    population = settle(world, places, roads, 1)
    setting = Setting(world, places, roads, dice(1, "check"))
    lines = [line for line in population.lines if line.mode == "commuting"]
    changed = run_lines(setting, tuple(line for line in lines if line.rocu == "yhrocu"), 0)
    others = run_lines(setting, tuple(line for line in lines if line.rocu == "nwrocu"), 0)
    turn = 21 * DAY
    for tours, factor in ((changed, 3.0), (others, 1.0)):
        before, after = tours.start < turn, tours.start >= turn
        ratio = np.median(tours.stay[after]) / np.median(tours.stay[before])
        assert ratio == pytest.approx(factor, rel=0.45)
    turned = [turns_inside(setting, line) is not None for line in population.lines if line.rocu == "yhrocu"]
    assert 0.2 < np.mean(turned) < 0.8
    assert np.mean(changed.far_km[changed.start >= turn]) < np.mean(changed.far_km[changed.start < turn])


def test_a_change_of_travel_touches_those_who_live_there(country: tuple[Any, Any]) -> None:
    places, roads = country
    quiet = with_event(kind="travel", rocu="yhrocu")
    loud = with_event(kind="travel", rocu="yhrocu", commute_share=0.3, long_visits_factor=8.0, hours_later=4.0)

    def share(world: World, life: str, rocu: str) -> tuple[int, int, float]:
        population = settle(world, places, roads, 1)
        part, vehicle = next((n, block[1]) for n, block in enumerate(blocks(population)) if block[0] == life)
        own = vehicle[places.in_rocus((rocu,))[population.home[vehicle]]]
        tours = tours_of(world, places, roads, population, life, own, 1, part)
        later = tours.start >= 21 * DAY
        hour = np.median(tours.start[later] % DAY) / HOUR
        return int((later & (tours.far_km >= 60)).sum()), int((later & (tours.stay > 7 * HOUR)).sum()), float(hour)

    assert share(loud, "commuter", "yhrocu")[1] < share(quiet, "commuter", "yhrocu")[1] * 0.6
    assert share(loud, "local", "yhrocu")[0] > share(quiet, "local", "yhrocu")[0] * 3
    assert share(loud, "local", "yhrocu")[2] > share(quiet, "local", "yhrocu")[2] + 2
    assert share(loud, "local", "nwrocu") == share(quiet, "local", "nwrocu")
