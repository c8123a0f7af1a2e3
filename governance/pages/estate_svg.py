"""The camera estate as a picture: one row per camera, one column per day, the colour says how much of the usual it saw.

Changed cameras come first; of the steady ones the busiest are drawn and the rest are counted. A bar says on which days
a clock or place was wrong. Colours differ in lightness too, so the picture survives a grey printer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from markupsafe import Markup

from models.drift.results import CameraDays, EstateResult

LABEL, CELL, ROW, TOP = 190, 13, 15, 34
STEADY_ROWS = 25
QUIET = 5.0
BINS = (("silent", 0.1), ("low", 0.5), ("usual", 2.0))
# a camera with few reads a day is drawn by what its days together say, where they say something
CHANGED = {"silent": "silent", "removed": "silent", "reduced": "low", "flood": "flood"}


def draw_estate(estate: EstateResult, steady_rows: int = STEADY_ROWS) -> Markup:
    """Draw the estate; at most `steady_rows` cameras that did not change."""
    changed = [camera for camera in estate.cameras if camera.camera_id in estate.changed_cameras]
    steady = [camera for camera in estate.cameras if camera.camera_id not in estate.changed_cameras]
    steady.sort(key=lambda camera: (-camera.usual_per_day, camera.camera_id))
    rows = sorted(changed, key=lambda camera: (camera.site_id, camera.camera_id)) + steady[:steady_rows]
    width, height = LABEL + CELL * len(estate.days) + 8, TOP + ROW * len(rows) + 8
    empty = set(estate.empty_days)
    body = Markup("").join(
        [
            *_dates(estate.days),
            *(_row(camera, index, estate, empty) for index, camera in enumerate(rows)),
            _border(estate, len(rows)),
        ]
    )
    text = (
        f"{len(changed)} of {len(estate.cameras)} cameras changed; drawn are these and the {len(rows) - len(changed)} "
        "busiest of the others. The table lists every change."
    )
    return Markup(
        '<svg class="estate" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="estate-title estate-desc" '
        'viewBox="0 0 {w} {h}" width="{w}" height="{h}"><title id="estate-title">Camera estate by day</title>'
        '<desc id="estate-desc">{text}</desc>{body}</svg><p class="caption">{text}</p>'
    ).format(w=width, h=height, text=text, body=body)


def level(seen: int, expected: float) -> str:
    """The colour class of one camera's day."""
    if expected < QUIET:
        return "quiet" if seen else "none"
    return next((name for name, limit in BINS if seen <= limit * expected), "flood")


def _dates(days: Sequence[date]) -> list[Markup]:
    shown = [(i, day) for i, day in enumerate(days) if i % 7 == 0]
    return [
        Markup('<text class="day" x="{}" y="{}">{}</text>').format(LABEL + i * CELL, 14, f"{day.day} {day:%b}")
        for i, day in shown
    ]


def _row(camera: CameraDays, index: int, estate: EstateResult, empty: set[date]) -> Markup:
    y = TOP + index * ROW
    bold = Markup(' class="changed"') if camera.camera_id in estate.changed_cameras else ""
    name = camera.camera_id if len(camera.camera_id) <= 26 else camera.camera_id[:25] + "…"
    cells = Markup('<text x="{}" y="{}"{}>{}</text>').format(LABEL - 8, y + ROW - 4, bold, name)
    levels = _levels(camera, estate, empty)
    for name_of_level, group in groupby(enumerate(levels), key=lambda pair: pair[1]):
        run = [i for i, _ in group]
        seen, expected = sum(camera.seen[i] for i in run), sum(camera.expected[i] for i in run)
        cells += Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            f"l-{name_of_level}",
            LABEL + run[0] * CELL,
            y,
            len(run) * CELL - 1,
            ROW - 2,
            f"{camera.camera_id}, {estate.days[run[0]]} to {estate.days[run[-1]]}: "
            f"{seen:,} reads, {expected:,.0f} expected",
        )
    return cells + _offsets(camera, y, estate)


def _offsets(camera: CameraDays, y: int, estate: EstateResult) -> Markup:
    """A bar under the days on which the camera's clock or place was wrong."""
    bars = Markup("")
    for offset in estate.offsets:
        if offset.camera_id == camera.camera_id:
            first, last = estate.days.index(offset.start), estate.days.index(offset.end)
            bars += Markup(
                '<rect class="l-offset" x="{}" y="{}" width="{}" height="4"><title>{}</title></rect>'
            ).format(
                LABEL + first * CELL,
                y + ROW - 6,
                (last - first + 1) * CELL - 1,
                f"{camera.camera_id}, {offset.start} to {offset.end}: {offset.says}",
            )
    return bars


def _levels(camera: CameraDays, estate: EstateResult, empty: set[date]) -> list[str]:
    mine = [interval for interval in estate.intervals if interval.camera_id == camera.camera_id]
    arrived = next((interval.start for interval in mine if interval.kind == "new"), None)
    found = []
    for day, seen, expected in zip(estate.days, camera.seen, camera.expected, strict=True):
        if day in empty:
            found.append("nothing")
        elif arrived and day < arrived:
            found.append("none")
        else:
            kind = next((one.kind for one in mine if one.start <= day <= one.end), None)
            by_day = level(seen, expected)
            found.append(CHANGED.get(kind or "", by_day) if by_day in ("quiet", "none") else by_day)
    return found


def _border(estate: EstateResult, rows: int) -> Markup:
    x = LABEL + CELL * estate.days.index(estate.current_from) - 0.5
    return Markup(
        '<line class="border" x1="{x}" y1="18" x2="{x}" y2="{y}"/>'
        '<text class="day span" x="{before}" y="28">reference</text>'
        '<text class="day" x="{after}" y="28">current</text>'
    ).format(x=x, y=TOP + rows * ROW, before=x - 4, after=x + 4)
