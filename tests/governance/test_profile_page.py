"""The profile page as a reader's tools see it, and its opening: recorded first, refused and recorded, nothing shown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from profile_page_support import (
    HUB,
    NOW,
    OTHER,
    READS,
    SETTINGS,
    TOKEN,
    TOWN,
    WHY,
    Seen,
    make_page,
    make_profile,
    read,
    words,
)

from governance.access.justification import Asked
from governance.access.profile_opening import profile_opened
from governance.pages.profile import offsets, ranges, render_profile, span
from infra.errors import FaultError, RefusedError, WrongInputError
from models.profile.faults import faults_of


def test_facts_come_before_the_assessment_and_plate_faults_before_all_facts() -> None:
    html = render_profile(make_page())
    order = (
        "What was seen",
        "the reads may be wrong",
        "Places and journeys",
        "Day by day",
        "By weekday and hour",
        "Co-travellers",
        "Journeys",
        "Look-alikes to rule out",
        "The assessment",
        "Rank 3",
        "Where this comes from",
    )
    text = words(html)
    positions = [text.index(part) for part in order]
    assert positions == sorted(positions)
    before = text[: text.index("The assessment")]
    assert "0.4242" not in before
    assert "12 trips there" not in before


def test_a_camera_that_was_moved_is_one_camera_at_two_places() -> None:
    moved = replace(TOWN, latitude=TOWN.latitude + 0.3)
    places = make_profile().places
    there = replace(places[2], anchor=moved, cameras=(moved,))
    seen = Seen(render_profile(make_page(profile=make_profile(places=(places[0], places[1], there)))))
    assert all(said in seen.text for said in ("by 2 cameras at 3 places", "3 places, 1 journey from one place to"))


def test_impossible_hops_show_cameras_times_and_speed() -> None:
    text = words(render_profile(make_page()))
    assert "103.5 km in 600 s" in text or "103.5 km in 10 min" in text
    assert f"{103.5 * 6:,.0f} km/h" in text
    assert all(said in text for said in ("Mon 23 Mar 09:00:00", "1002 (A590, site S2)"))


def test_times_are_local_over_a_change_of_clocks() -> None:
    text = words(render_profile(make_page()))
    assert all(said in text for said in ("Mon 30 Mar 09:00:00", "Times are local (Europe/London)"))
    assert "UTC+00:00 and, after a change of clocks, UTC+01:00" in text
    autumn = tuple(replace(one, at=one.at + timedelta(days=210)) for one in READS)
    assert offsets(make_profile(reads=autumn)) == "UTC+01:00 and, after a change of clocks, UTC+00:00"


def test_nothing_is_asked_from_elsewhere_and_nothing_runs() -> None:
    html = render_profile(make_page())
    seen = Seen(html)
    assert not [tag for tag, _ in seen.tags if tag in ("script", "link", "iframe", "img", "a")] or all(
        (given.get("href") or "").startswith("#") for tag, given in seen.tags if tag == "a"
    )
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?!#)|@import""", html)
    assert not [name for _, given in seen.tags for name in given if name.startswith("on")]
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_what_comes_from_data_is_escaped() -> None:
    html = render_profile(make_page())
    assert "<b>&" not in html
    assert "&lt;b&gt;" in html


def test_each_reason_says_whether_the_reads_give_it_again() -> None:
    text = words(render_profile(make_page(words=(("trip", "there and back"),))))
    assert "What words mean here: trip trip there and back" in text
    assert "12 trips there [the reads above give the same figure]" in text
    assert "a camera that saw 3 [figure of the run; the reads of this vehicle alone do not give it]" in text
    assert "office_share ≥ 0.7" in text
    assert "county_lines.nwrocu version 7" in text


def test_changed_reads_are_said() -> None:
    page = make_page()
    assert page.assessment
    other = replace(page, assessment=replace(page.assessment, same_data=False))
    assert "The reads have changed since the run" in words(render_profile(other))
    assert "The reads have changed since the run" not in words(render_profile(page))


def test_without_an_assessment_the_facts_stand() -> None:
    text = words(render_profile(make_page(assessment=None, not_assessed="No list of this day was made.")))
    for said in ("There is no assessment of this vehicle", "No list of this day was made.", "Places and journeys"):
        assert said in text
    assert "Rank" not in text


def test_without_faults_it_says_what_that_does_not_mean() -> None:
    profile = make_profile(faults=faults_of((*READS[2:], read(7, 8, 1, TOWN, 2, 11, 4_000, 10)), SETTINGS))
    text = words(render_profile(make_page(profile=profile)))
    assert "Plate faults: none found No two reads in a row 5 km or more apart need more than 160 km/h" in text
    assert "may be wrong" not in text


def test_coverage_and_traces() -> None:
    text = words(render_profile(make_page()))
    wanted = {"1 of 2 squares", "4 silent", "00aa00aa00aa00aa 1.0.0 4 3-4, 9-10", f"{OTHER} 7 3 0.2"}
    wanted |= {"83 % of the days of 2 registered cameras", "base: where it was last read for longer than anywhere else"}
    assert {said for said in wanted if said not in text} == set()
    page = make_page(profile=make_profile(coverage=replace(make_profile().coverage, uptime=0.997, gaps=())))
    assert re.search("over 99 % of the days .* From its first read to its last", words(render_profile(page)))


def test_colour_never_stands_alone() -> None:
    html = render_profile(make_page())
    for number in (1, 2, 3):
        assert re.search(rf'<span class="num[^>]*>{number}</span>', html)
        assert re.search(rf'<g class="place[^>]*>.*?<text[^>]*>{number}</text><title>.*; 1 read on 1 day</title>', html)


def test_numbers_of_places_stand_in_the_gaps_between_reads_and_over_none() -> None:
    cameras = (HUB, TOWN, HUB, TOWN, HUB)
    out = [read(0, 11 + (30 + 8 * n) // 60, (30 + 8 * n) % 60, cameras[n], n + 1, n) for n in range(5)]
    back = [read(0, 13, 8 * n, cameras[n], 5 - n, 5 + n) for n in range(5)]
    late = [read(0, 23, 58, HUB, 1, 20), read(1, 10, 0, HUB, 12, 21), read(1, 10, 12, TOWN, 13, 22)]
    page = render_profile(replace(make_page(), profile=make_profile(reads=(*out, *back, *late))))
    ticks = [(float(x), int(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="(\d+)" width="2.6" height="15"', page)]
    numbers = re.findall(r'<text class="at" x="([\d.]+)" y="(\d+)">([^<]+)</text>', page)
    assert [text.replace("&gt;", ">") for *_, text in numbers] == ["…4>5", "…4>3>2>1", "1", "12>13"]
    for x, y, text in numbers:
        end = float(x) + 6.6 * len(text.replace("&gt;", ">"))
        assert not [tick for tick, top in ticks if top == int(y) - 11 and float(x) < tick < end]


def test_ranges_and_spans() -> None:
    assert ranges((1, 2, 3, 7, 9, 10)) == ["1-3", "7", "9-10"]
    assert [span(seconds) for seconds in (40, 3600, 5400, 90_000)] == ["1 min", "1 h 00 min", "1 h 30 min", "1 d 1 h"]


def opening(world: Any, **changes: Any) -> Any:
    given = {
        "audit": world.audit,
        "identity": world.person("Ann", "analyst"),
        "rocu": "nwrocu",
        "vehicle": TOKEN,
        "asked": WHY,
        "policy": world.policy,
        "now": NOW,
        "about": {"as_of": "2026-04-05"},
    }
    return profile_opened(**{**given, **changes})


def test_the_entry_is_there_before_the_profile_is_made(world: Any) -> None:
    with opening(world):
        (row,) = world.audit.search(action="profile.read")
        assert (row.object, row.operation, row.outcome, row.actor) == (TOKEN, "consultation", "done", "embedded:ann")
        assert (row.purpose, row.authority) == (WHY.purpose, WHY.authority)
        assert row.details["as_of"] == "2026-04-05"
    assert len(world.audit.search()) == 1


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Asked("curiosity", WHY.authority), "purpose"),
        (Asked("AB12CDE", WHY.authority), "purpose"),
        (Asked(WHY.purpose, "the boss said so"), "authority"),
        (Asked(WHY.purpose, "AB12CDE"), "authority"),
    ],
)
def test_without_a_good_purpose_and_authority_nothing_is_made_and_it_is_recorded(
    world: Any, asked: Asked, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason), opening(world, asked=asked):
        pytest.fail("the profile was made")
    (row,) = world.audit.search(action="profile.read")
    assert (row.object, row.outcome, row.purpose, row.authority) == (TOKEN, "refused", None, None)


@pytest.mark.parametrize("role", ["ml_engineer", "operator", "auditor"])
def test_other_roles_are_refused_and_recorded(world: Any, role: str) -> None:
    with (
        pytest.raises(RefusedError, match="governance or analyst"),
        opening(world, identity=world.person("Olga", role)),
    ):
        pytest.fail("the profile was made")
    assert [row.outcome for row in world.audit.search(action="profile.read")] == ["refused"]


def test_a_token_of_another_rocu_is_refused_and_recorded(world: Any) -> None:
    stranger = world.person("Nell", "analyst", rocu="nerocu")
    with pytest.raises(RefusedError, match="not for nwrocu"), opening(world, identity=stranger):
        pytest.fail("the profile was made")
    assert [row.outcome for row in world.audit.search(action="profile.read")] == ["refused"]


def test_an_old_token_opens_nothing(world: Any) -> None:
    early = world.person("Ann", "analyst", hours=24, at=NOW - timedelta(hours=13))
    with pytest.raises(RefusedError, match="older than"), opening(world, identity=early):
        pytest.fail("the profile was made")


def test_what_is_no_token_is_not_written_down(world: Any) -> None:
    with pytest.raises(WrongInputError), opening(world, vehicle="AB12CDE"):
        pytest.fail("the profile was made")
    assert world.audit.search() == ()


def test_a_profile_that_fails_is_recorded_as_opened_and_as_failed(world: Any) -> None:
    with pytest.raises(FaultError), opening(world):
        raise FaultError("A part of AB12CDE is missing.", "Restore it.")
    rows = sorted(world.audit.search(action="profile.read"), key=lambda row: row.seq)
    assert [row.outcome for row in rows] == ["done", "failed"]
    assert "AB12CDE" not in rows[1].details["reason"]
