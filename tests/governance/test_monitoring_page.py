from __future__ import annotations

import re

from monitoring_page import estate, monitor_page

from governance.pages.estate_svg import CELL, draw_estate
from governance.pages.render import render_monitoring
from models.drift.results import CameraInterval, CameraOffset


def test_monitoring_shows_raw_and_adjusted_and_the_recommendation() -> None:
    html = render_monitoring(monitor_page())
    assert "Recommendation: Inspect cameras" in html
    assert "Nothing here promotes a model" in html
    assert re.search(r"findprofile cameras health --rocu \w+ --from \S+ --to \S+<", html)
    for text in ("cam-000", "A49 bridge", "whole site", "0.31", "0.04", "restocking runs", "evidently.html"):
        assert text in html


def test_wrong_clocks_and_places_are_listed_with_why() -> None:
    page = monitor_page()
    seen = page.result.estate
    says = "Ways to it take 600 s longer than usual: its clock is <fast>."
    offset = CameraOffset(
        camera_id="cam-007", site_id="A17", kind="clock_offset", start=seen.days[0], end=seen.days[9], says=says
    )
    told = page.result.model_copy(update={"estate": seen.model_copy(update={"intervals": (), "offsets": (offset,)})})
    html = render_monitoring(page.model_copy(update={"result": told}))
    for text in ("Cameras with a wrong clock or in a wrong place", "clock offset", "its clock is &lt;fast&gt;."):
        assert text in html
    assert "No camera changed." not in html
    (bar,) = re.findall(r'<rect class="l-offset"[^>]*width="(\d+)"[^>]*><title>cam-007, ([\d-]+ to [\d-]+)', html)
    assert bar == (str(10 * CELL - 1), f"{seen.days[0]} to {seen.days[9]}")
    still = told.model_copy(update={"estate": told.estate.model_copy(update={"offsets": ()})})
    html = render_monitoring(page.model_copy(update={"result": still}))
    assert ("No camera changed." in html, "in a wrong place<" in html) == (True, False)


def test_a_big_estate_is_drawn_in_part_and_says_so() -> None:
    html = render_monitoring(monitor_page(cameras=120))
    assert "of 120 cameras changed" in html
    assert len(html) < 600_000


def test_a_camera_of_few_reads_that_fell_silent_is_drawn_as_silent() -> None:
    seen = estate()
    quiet = next(camera for camera in seen.cameras if camera.usual_per_day < 5)
    silent = CameraInterval(
        camera_id=quiet.camera_id,
        site_id=quiet.site_id,
        kind="silent",
        scope="camera",
        start=seen.days[-10],
        end=seen.days[-1],
        expected_per_day=quiet.usual_per_day,
        seen_per_day=0,
    )
    nothing = quiet.model_copy(update={"seen": (*quiet.seen[:-10], *[0] * 10)})
    cameras = tuple(nothing if camera is quiet else camera for camera in seen.cameras)
    told = seen.model_copy(update={"cameras": cameras, "intervals": (*seen.intervals, silent)})
    last = re.findall(rf'class="l-(\w+)"[^>]*><title>{quiet.camera_id}, [\d-]+ to {seen.days[-1]}', draw_estate(told))
    assert last == ["silent"]


def test_codes_of_behaviours_have_a_legend() -> None:
    html = render_monitoring(monitor_page())
    assert "<strong>B1</strong> runs from a hub to another town" in html
    assert "<strong>B3</strong>" in html
    assert "<strong>B2</strong>" not in html


def test_the_page_says_why_evidently_may_say_otherwise() -> None:
    assert "Where the two differ, this page decides." in render_monitoring(monitor_page())
