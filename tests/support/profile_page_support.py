"""A made-up profile page and what a reader's tools see of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from page_support import Outline

from governance.access.justification import Asked
from governance.pages.profile import Assessment, Opened, ProfilePage, Reason
from models.features.settings import PatternSettings
from models.profile import LookAlike, VehicleProfile
from models.profile.faults import faults_of
from models.profile.model import (
    BatchRows,
    Camera,
    CameraCover,
    Cell,
    Companion,
    Coverage,
    Gap,
    Journey,
    Place,
    Read,
    Trip,
)

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TOKEN, OTHER = "bcdfghjklmnpqrstbcdfghjklmnpqrst", "tsrqpnmlkjhgfdcbtsrqpnmlkjhgfdcb"
WHY = Asked("safeguarding", "CL/2026/0042")
HUB = Camera("1001", "S1", 53.40, -2.98, "merseyside", "fixed", "A59")
TOWN = Camera("1002", "S2", 54.32, -2.74, "cumbria", "fixed", "A590")
NASTY = Camera("<b>&\"'", "<script>alert(1)</script>", 53.9, -2.8, "", "", "")
FIRST = date(2026, 3, 23)
SETTINGS = PatternSettings(window_days=14)


def read(
    day: int, hour: int, minute: int, camera: Camera, place: int, row: int, hop_m: int = 0, gap_s: int = 0
) -> Read:
    at = datetime(2026, 3, 23, hour, minute, tzinfo=UTC) + timedelta(days=day)
    return Read(at, camera, place, "00aa00aa00aa00aa", row, 95.0, False, False, gap_s == 0, hop_m, gap_s)


READS = (
    read(0, 9, 0, HUB, 1, 3),
    read(0, 9, 10, TOWN, 2, 4, hop_m=103_500, gap_s=600),
    read(5, 23, 30, NASTY, 3, 9),
    read(7, 8, 0, HUB, 1, 10),
)


def make_profile(**changes: Any) -> VehicleProfile:
    days = tuple(FIRST + timedelta(days=number) for number in range(14))
    places = tuple(
        Place(number, camera, (camera,), 1, 1, 1, 7200, 7200, READS[0].at, base=number == 1)
        for number, camera in enumerate((HUB, TOWN, NASTY), 1)
    )
    covers = (
        CameraCover(TOWN, 2, ("silent",) * 4 + ("seen",) * 10, saw_it=True),
        CameraCover(HUB, 1, ("unregistered",) * 4 + ("seen",) * 10, saw_it=True),
    )
    coverage = Coverage(
        10,
        covers,
        20 / 24,
        (Gap(READS[1].at, READS[2].at, 2, 3, 1),),
        (Cell(53.35, -3.0, 53.44, -2.85, 2), Cell(53.8, -3.0, 53.89, -2.85, 0)),
    )
    profile = VehicleProfile(
        rocu="nwrocu",
        vehicle=TOKEN,
        pattern="county_lines",
        as_of=days[-1],
        days=days,
        zone="Europe/London",
        reads=READS,
        places=places,
        base=1,
        journeys=(Journey(READS[0].at, READS[1].at, 1, 2, "1001", "1002", 2, 103_500, 103_500),),
        trips=(Trip(READS[0].at, READS[3].at, 3600, 103_500),),
        faults=faults_of(READS, SETTINGS),
        companions=(Companion(OTHER, 7, 3, 0.25),),
        coverage=coverage,
        features={},
        estate=(HUB, TOWN),
        batches=(BatchRows("00aa00aa00aa00aa", "1.0.0", (3, 4, 9, 10)),),
        register_digest="d" * 64,
        data_digest="e" * 64,
        settings=SETTINGS.model_dump(),
    )
    return replace(profile, **changes)


def make_page(**changes: Any) -> ProfilePage:
    assessment = Assessment(
        rank=3,
        vehicles=4321,
        score=0.4242,
        model="county_lines.nwrocu",
        version="7",
        model_sha256="a" * 64,
        run_id="386ddd65151af4b9",
        scored_at="2026-04-06T01:02:03+00:00",
        contract_version="1.0.0",
        data_digest="e" * 64,
        commit="c" * 40,
        cautions=(),
        reasons=(Reason("12 trips there", again=True), Reason("a camera that saw 3", again=False)),
        against=(Reason("seen on 3 days", again=True),),
        same_data=True,
    )
    alike = LookAlike("Courier", "many stops", "keeper", (("90 % of reads", "office_share ≥ 0.7"),), ())
    page = ProfilePage(
        region="North West",
        title="County lines",
        profile=make_profile(),
        look_alikes=(alike,),
        assessment=assessment,
        not_assessed="",
        opened=Opened("Ann", NOW, "safeguarding", "CL/2026/0042"),
    )
    return replace(page, **changes)


class Seen(Outline):
    """The outline, and the text without the styles."""

    def __init__(self, html: str) -> None:
        self.text = ""
        super().__init__(html)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data.strip()}"


def words(html: str) -> str:
    return re.sub(r"\s+", " ", Seen(html).text)
