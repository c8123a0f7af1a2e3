"""Who is in a world, and what they do there: valid plates, shared signals, lines as the typology has them, findings."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pytest

from simulation.cameras import place_cameras
from simulation.dice import dice
from simulation.places import find_places
from simulation.plates import age_identifiers, make_plates, misread
from simulation.population import MAIN, blocks, settle, tours_of
from simulation.roads import build_roads
from simulation.world import WORLDS, load_world

CURRENT = re.compile(r"^[A-HJ-PR-Y]{2}([0-9]{2})[A-HJ-PR-Z]{3}$")
FORMATS = {
    "current": CURRENT,
    "prefix": re.compile(r"^[A-HJ-NPR-TV-Y][0-9]{1,3}[A-HJ-PR-Y]{3}$"),
    "suffix": re.compile(r"^[A-HJ-PR-Y]{3}[0-9]{1,3}[A-HJ-NPR-TV-Y]$"),
    "dateless": re.compile(r"^[A-HJ-PR-Y]{1,3}[0-9]{1,4}$"),
    "ni": re.compile(r"^(?=.*[IZ])[A-Z]{1,3}[0-9]{1,4}$"),
}


@pytest.fixture(scope="module")
def britain() -> tuple[Any, ...]:
    world = load_world(WORLDS / "small.yaml")
    places = find_places(world.places.min_population)
    roads = build_roads(places, world.roads, dice(3, "roads"))
    return world, places, roads, settle(world, places, roads, 3)


def test_plates_are_different_and_of_the_format_that_they_claim() -> None:
    plates, formats = make_plates(3000, 0.3, date(2026, 3, 2), np.random.default_rng(1))
    assert len(set(plates.tolist())) == 3000
    assert set(formats) == set(FORMATS)
    for plate, kind in zip(plates.astype(str), formats, strict=True):
        assert FORMATS[kind].match(plate), (plate, kind)
    assert formats.count("current") / 3000 == pytest.approx(0.7, abs=0.04)


def test_no_plate_is_newer_than_the_world() -> None:
    assert age_identifiers(date(2026, 3, 2))[0][-1] == "26"
    assert "76" not in age_identifiers(date(2026, 8, 31))[0]
    assert age_identifiers(date(2026, 9, 1))[0][-1] == "76"
    assert age_identifiers(date(2001, 12, 1))[0] == ["51"]


def test_a_misread_stays_inside_the_confusion_classes() -> None:
    seen = misread(np.array([b"AB12CDE"] * 500, dtype="S8"), np.random.default_rng(1)).astype(str)
    allowed = {"A": "4", "B": "8", "1": "I7", "2": "Z", "C": "G", "D": "0O", "E": "F"}
    for plate in seen:
        changes = [(old, new) for old, new in zip("AB12CDE", plate, strict=True) if old != new]
        assert len(changes) == 1
        assert changes[0][1] in allowed[changes[0][0]]


def test_every_place_can_be_reached_and_roads_keep_to_land(britain: tuple[Any, ...]) -> None:
    _, places, roads, _ = britain
    assert np.isfinite(roads.travel).all()
    names = {name: index for index, name in enumerate(places.name)}
    cardiff, weston = names["Cardiff"], names["Weston-super-Mare"]
    assert roads.km[cardiff, weston] < 25
    assert roads.travel[cardiff, weston] > 3600


@pytest.mark.parametrize(
    ("place", "force", "rocu"),
    [
        ("Liverpool", "Merseyside", "nwrocu"),
        ("Wrexham", "North Wales", "nwrocu"),
        ("Canterbury", "Kent", "ersou"),
        ("Leeds", "West Yorkshire", "yhrocu"),
        ("Plymouth", "Devon and Cornwall", "swrocu"),
        ("Edinburgh", "Police Scotland", None),
    ],
)
def test_places_belong_to_their_force(britain: tuple[Any, ...], place: str, force: str, rocu: str | None) -> None:
    places = britain[1]
    found = int(places.force[list(places.name).index(place)])
    assert (places.forces[found], places.rocus[found]) == (force, rocu)


def test_every_life_is_led_and_its_tours_do_not_overlap(britain: tuple[Any, ...]) -> None:
    world, places, roads, population = britain
    for part, (life, vehicle) in enumerate(blocks(population)):
        tours = tours_of(world, places, roads, population, life, vehicle, 3, part)
        assert len(tours)
        order = np.lexsort((tours.start, tours.vehicle))
        same = tours.vehicle[order][1:] == tours.vehicle[order][:-1]
        gaps = (tours.start[order][1:] - tours.finish[order][:-1])[same]
        assert (gaps >= 0).all(), life


def test_innocent_lives_share_the_long_trip_with_a_short_stay(britain: tuple[Any, ...]) -> None:
    world, places, roads, population = britain
    long_and_short = {}
    for part, (life, vehicle) in enumerate(blocks(population)):
        tours = tours_of(world, places, roads, population, life, vehicle, 3, part)
        quick = (tours.far_km >= 60) & (tours.stay <= 4 * 3600)
        long_and_short[life] = quick.sum() / len(vehicle) / world.weeks
    for life in ("courier", "long_commuter", "weekend_family", "rep", "hire", "taxi"):
        assert long_and_short[life] > 0.2, life
    assert long_and_short["courier"] > long_and_short["county_lines"] * 0.5


def test_stays_of_days_are_no_privilege_of_county_lines(britain: tuple[Any, ...]) -> None:
    world, places, roads, population = britain
    for part, (life, vehicle) in enumerate(blocks(population)):
        if life in ("contractor", "student", "tourist", "hire"):
            tours = tours_of(world, places, roads, population, life, vehicle, 3, part)
            assert ((tours.far_km >= 60) & (tours.finish - tours.start > 36 * 3600)).any(), life


def test_lines_are_of_every_kind_in_a_larger_world() -> None:
    world = load_world(WORLDS / "demo.yaml")
    places = find_places(world.places.min_population)
    roads = build_roads(places, world.roads, dice(1, "roads"))
    population = settle(world, places, roads, 1)
    lines = population.lines
    assert {line.mode for line in lines} == {"commuting", "holidaying", "cuckooing"}
    for trait in ("hired", "convoy", "regular", "alternating", "inside_force"):
        assert {getattr(line, trait) for line in lines} == {True, False}, trait
    used = {seat.vehicle for line in lines for seat in line.seats}
    assert len(used) == pytest.approx(world.vehicles.count * world.county_lines.prevalence, rel=0.15)
    across = [line for line in lines if not line.inside_force]
    assert all(places.force[line.hub] != places.force[line.town] for line in across)
    assert np.mean([roads.km[line.hub, line.town] >= 60 for line in across]) == 1.0


def test_a_hired_car_s_vrm_serves_for_one_to_two_weeks(small: Any) -> None:
    spans = small.sql.execute(
        "SELECT last_day::date - first_day::date + 1 FROM vrm_history"
        " WHERE hired AND last_day::date < DATE '2026-04-05'"
    ).fetchall()
    assert spans
    assert all(1 <= days <= 14 for (days,) in spans)
    assert max(days for (days,) in spans) >= 7


def test_every_main_life_has_a_share_in_the_world() -> None:
    lives = load_world(WORLDS / "default.yaml").lives.model_dump()
    assert set(MAIN) | {"local"} == set(lives)


def test_cameras_of_a_world_stand_in_its_regions(britain: tuple[Any, ...]) -> None:
    world, places, roads, _ = britain
    cameras = place_cameras(world, places, roads, dice(3, "cameras"))
    assert len(np.unique(cameras.site)) == world.cameras.sites_per_rocu * len(world.rocus)
    assert all(identifier.isdigit() for identifier in cameras.camera_id)


def test_findings_are_about_reviewed_vehicles_on_sundays(small: Any) -> None:
    rows = small.sql.execute("SELECT vrm, window_end::date, finding, decided_at, selected_by FROM found").fetchall()
    assert {end.weekday() for _, end, *_ in rows} == {6}
    assert {finding for _, _, finding, *_ in rows} == {"confirmed", "eliminated", "inconclusive"}
    assert {how for *_, how in rows} == {"ranked", "random", "intelligence"}
    assert all(decided[:10] > str(end) for _, end, _, decided, _ in rows)
    reviewed = len({vrm for vrm, *_ in rows})
    assert reviewed < small.world.vehicles.count * 0.2


def test_findings_are_mostly_right_and_the_ranked_innocents_are_look_alikes(small: Any) -> None:
    right, total = small.one(
        "SELECT count(*) FILTER ((finding = 'confirmed') = active), count(*) FROM dispositions"
        " WHERE finding <> 'inconclusive'"
    )
    assert right / total > 0.85
    share = small.one(
        "SELECT avg((life IN ('courier', 'rep', 'haulier', 'long_commuter', 'weekend_family', 'hire', 'taxi'))::int)"
        " FROM dispositions WHERE NOT active AND selected_by = 'ranked'"
    )[0]
    population = sum(
        getattr(small.world.lives, life)
        for life in ("courier", "rep", "haulier", "long_commuter", "weekend_family", "hire", "taxi")
    )
    assert share > population * 1.5
