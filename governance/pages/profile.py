"""The profile page of one vehicle: facts first, the assessment apart from them. Everything is escaped.

Belongs here: what the page is given, and what of it is listed. Does not: what is true of a vehicle (models.profile), or
who may look at it (governance.access.profile_opening).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from data_contracts.layers.noted import IMPOSSIBLE_SPEED, Note
from governance.pages.environment import make_environment, stylesheet
from governance.pages.profile_map import colour, describe_map, draw_map
from governance.pages.profile_time import CAMERAS_SHOWN, draw_cover, draw_heat_map, draw_timeline
from models.profile import Faults, LookAlike, VehicleProfile

JOURNEYS_SHOWN, HOPS_SHOWN, NOTES_SHOWN, PLACES_SHOWN, RANGES_SHOWN = 400, 40, 40, 30, 60


@dataclass(frozen=True)
class Reason:
    """A sentence of the run. `again` says whether the vehicle's reads give the same sentence now."""

    text: str
    again: bool


@dataclass(frozen=True)
class Assessment:
    """What a run said of the vehicle, and all that made it. `same_data`: the run read the same parts as this page.

    No `rank` and no `score` for somebody who reviews a list of which some vehicles were drawn at random.
    """

    rank: int | None
    vehicles: int
    score: float | None
    model: str
    version: str
    model_sha256: str
    run_id: str
    scored_at: str
    contract_version: str
    data_digest: str
    commit: str
    cautions: tuple[Reason, ...]
    reasons: tuple[Reason, ...]
    against: tuple[Reason, ...]
    same_data: bool


@dataclass(frozen=True)
class Opened:
    """Who opened the profile, when and why."""

    by: str
    at: datetime
    purpose: str
    authority: str


@dataclass(frozen=True)
class ProfilePage:
    """The page. `not_assessed` says why there is no assessment, if there is none; `words` what its sentences mean."""

    region: str
    title: str
    profile: VehicleProfile
    look_alikes: tuple[LookAlike, ...]
    assessment: Assessment | None
    not_assessed: str
    opened: Opened
    data_notes: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()


def render_profile(page: ProfilePage) -> str:
    """The profile of one vehicle, as one HTML file without scripts and without any request to elsewhere."""
    return (
        _environment()
        .get_template("profile.html.j2")
        .render(
            page=page,
            profile=page.profile,
            zone=ZoneInfo(page.profile.zone),
            limits={
                "journeys": JOURNEYS_SHOWN,
                "hops": HOPS_SHOWN,
                "notes": NOTES_SHOWN,
                "places": PLACES_SHOWN,
                "cameras": CAMERAS_SHOWN,
                "ranges": RANGES_SHOWN,
            },
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    filters: dict[str, Callable[..., Any]] = {
        "map": draw_map,
        "map_text": describe_map,
        "timeline": draw_timeline,
        "heat": draw_heat_map,
        "cover": draw_cover,
        "colour": colour,
        "local": local_time,
        "span": span,
        "ranges": ranges,
        "offsets": offsets,
        "count": count,
        "count_days": lambda days: count(len(days), "day"),
        "sum_cameras": lambda places: len({one.camera_id for place in places for one in place.cameras}),
        "exact": exact,
        "by_read": by_read,
        "told_above": told_above,
    }
    environment = make_environment(filters)
    environment.globals["profile_style"] = stylesheet("profile.css")
    return environment


def by_read(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes of the same read together, in the order of their first ones."""
    found: dict[tuple[str, int], list[Note]] = {}
    for note in notes:
        found.setdefault((note.batch_id, note.row_no), []).append(note)
    return list(found.values())


def told_above(note: Note, faults: Faults) -> bool:
    """Whether the speed that was noted is of two reads of which the page has listed the speed already."""
    pair = {(note.batch_id, note.row_no), (note.other_batch_id, note.other_row_no)}
    hops = faults.hops[:HOPS_SHOWN] if note.rule == IMPOSSIBLE_SPEED else ()
    return any({(read.batch_id, read.row_no) for read in (hop.first, hop.second)} == pair for hop in hops)


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """A time in the zone, as people write it."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %H:%M:%S}"


def span(seconds: float) -> str:
    """A length of time in the two largest units."""
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"


def exact(seconds: int) -> str:
    """A short time to the second."""
    return f"{seconds} s" if seconds < 600 else span(seconds)


def ranges(numbers: tuple[int, ...]) -> list[str]:
    """Sorted whole numbers as runs: 3, 5-8."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def offsets(profile: VehicleProfile) -> str:
    """How local time lies to UTC in the window."""
    zone = ZoneInfo(profile.zone)
    ends = profile.reads[0].at, profile.reads[-1].at
    hours = dict.fromkeys(at.astimezone(zone).strftime("%z") for at in ends)
    return " and, after a change of clocks, ".join(f"UTC{text[:3]}:{text[3:]}" for text in hours)


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
