"""What ingest noted beside reads, as the profile page tells it."""

from __future__ import annotations

import re
from dataclasses import replace

from profile_page_support import OTHER, READS, SETTINGS, TOKEN, make_page, make_profile, words

from data_contracts.layers.noted import Note
from governance.pages.profile import render_profile
from models.profile.faults import faults_of


def test_suggested_plates_stand_before_the_score_with_reason_and_score() -> None:
    note = Note(
        batch_id="00aa00aa00aa00aa",
        row_no=3,
        rule="plate_format_unknown",
        cause="repair",
        confusion="8/B+I/1",
        vehicle=TOKEN,
        camera_id="<b>cam",
        other_vehicle=OTHER,
        other_batch_id=None,
        other_row_no=None,
        score=0.67,
        value=None,
        captured_at=READS[0].at,
    )
    turned = replace(note, vehicle=OTHER, other_vehicle=TOKEN, score=0.31)
    profile = make_profile(faults=faults_of(READS[2:], SETTINGS, (), (note,), (turned,)), companions=())
    html = render_profile(make_page(profile=profile))
    text = words(html)
    before = text[: text.index("The assessment")]
    assert f"{OTHER} a known plate is one confusion away; 8 read for B, I read for 1 0.67" in before
    assert "Reads of other plates that may have been this vehicle" in before
    assert "0.31" in before
    assert "may be wrong" in before
    assert "<b>cam" not in html


def test_a_read_noted_by_two_rules_is_one_row_and_a_listed_speed_is_not_told_twice() -> None:
    faults = faults_of((*READS[2:], replace(READS[3], at=READS[3].at, hop_m=90_000, gap_s=600, row_no=77)), SETTINGS)
    (hop,) = faults.hops
    note = Note(
        batch_id=hop.second.batch_id,
        row_no=77,
        rule="impossible_speed",
        cause="vehicle_clone",
        confusion=None,
        vehicle=TOKEN,
        camera_id="c1",
        other_vehicle=None,
        other_batch_id=hop.first.batch_id,
        other_row_no=hop.first.row_no,
        score=0.6,
        value=541.7,
        captured_at=hop.second.at,
    )
    others = [replace(note, row_no=row, vehicle=OTHER, cause=cause) for row, cause in ((1, "repair"), (2, "repair"),
                                                                                       (1, "undecided"))]  # fmt: skip
    elsewhere = replace(note, other_row_no=5)
    noted = replace(faults, noted=(note, elsewhere), of_others=tuple(others))
    html = render_profile(make_page(profile=make_profile(faults=noted, companions=())))
    text = words(html)
    assert text.count("540 km/h") == 1
    assert re.search("a cloned plate 0.60 as above .* a cloned plate 0.60 542 km/h", text)
    assert "one confusion away either of the two may be right 0.60 0.60" in text
    assert html.count(f"<td><code>{OTHER}</code></td>") == 2
