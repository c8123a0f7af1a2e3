"""The days of a profile: every read on a line for its day, reads by weekday and hour, cameras by day.

Times are local. Numbers of places stand beside their colours, and counts in their cells, so that a grey print says the
same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from markupsafe import Markup

from governance.pages.profile_map import colour
from models.profile.model import CameraCover, Journey, Read, VehicleProfile

LEFT, HOUR, ROW, TOP = 122, 39, 19, 26
CELL_WIDTH, CELL_HEIGHT = 36, 24
DAY_WIDTH, CAMERA_LEFT, CAMERA_ROW = 24, 270, 17
CAMERAS_SHOWN = 24
PLACES_TOLD = 4
AFTER_MIDNIGHT, CLUSTERS_APART = 30, 22
"""Pixels: room for numbers right of midnight, and the least gap, over half an hour, that is one between clusters."""


def draw_timeline(profile: VehicleProfile) -> Markup:
    """One line for each day: journeys as bars, reads as ticks in the colour of their place."""
    zone = ZoneInfo(profile.zone)
    reads, journeys = _by_day(profile, zone)
    days = _days(profile, reads)
    width, height = LEFT + 24 * HOUR + 60, TOP + ROW * len(days) + 6
    body = Markup("").join(
        [
            *_hours(len(days)),
            *(_day(day, row, reads[day], journeys[day]) for row, day in enumerate(days)),
        ]
    )
    return _svg("timeline", "Reads and journeys, day by day", width, height, body)


def _by_day(
    profile: VehicleProfile, zone: ZoneInfo
) -> tuple[defaultdict[date, list[tuple[float, Read]]], defaultdict[date, list[tuple[float, float, Journey]]]]:
    """Reads and journeys of each local day, at hours of that day; a journey across midnight is on both days."""
    reads: defaultdict[date, list[tuple[float, Read]]] = defaultdict(list)
    for read in profile.reads:
        at = read.at.astimezone(zone)
        reads[at.date()].append((_hour(at), read))
    journeys: defaultdict[date, list[tuple[float, float, Journey]]] = defaultdict(list)
    for journey in profile.journeys:
        start, end = journey.start_at.astimezone(zone), journey.end_at.astimezone(zone)
        day = start.date()
        while day <= end.date():
            begin = _hour(start) if day == start.date() else 0.0
            finish = _hour(end) if day == end.date() else 24.0
            journeys[day].append((begin, finish, journey))
            day += timedelta(days=1)
    return reads, journeys


def _hour(at: datetime) -> float:
    return at.hour + at.minute / 60 + at.second / 3600


def _days(profile: VehicleProfile, reads: defaultdict[date, list[tuple[float, Read]]]) -> list[date]:
    first, last = min(profile.days[0], *reads), max(profile.days[-1], *reads)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _hours(rows: int) -> list[Markup]:
    drawn = []
    for hour in range(0, 25, 3):
        x = LEFT + hour * HOUR
        drawn.append(
            Markup(
                '<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{end}"/>'
                '<text class="axis" x="{x}" y="16">{h:02}:00</text>'
            ).format(x=x, top=TOP - 4, end=TOP + rows * ROW, h=hour)
        )
    return drawn


def _day(
    day: date, row: int, reads: Sequence[tuple[float, Read]], journeys: Sequence[tuple[float, float, Journey]]
) -> Markup:
    y = TOP + row * ROW
    weekend = day.weekday() >= 5
    drawn = Markup('<text class="day{}" x="{}" y="{}">{}</text>').format(
        " weekend" if weekend else "", LEFT - 10, y + 13, f"{day:%a} {day.day} {day:%b}"
    )
    if weekend:
        shade = Markup('<rect class="weekend" x="{}" y="{}" width="{}" height="{}"/>')
        drawn = shade.format(LEFT, y, 24 * HOUR, ROW) + drawn
    drawn += Markup('<line class="rule" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        LEFT, y + ROW, LEFT + 24 * HOUR, y + ROW
    )
    for begin, end, journey in journeys:
        if end > begin:
            drawn += Markup(
                '<rect class="journey" x="{:.1f}" y="{}" width="{:.1f}" height="9"><title>{}</title></rect>'
            ).format(
                LEFT + begin * HOUR,
                y + 5,
                max(1.5, (end - begin) * HOUR),
                f"place {journey.origin} to {journey.destination}",
            )
    drawn += _ticks(reads, y)
    number = Markup('<text class="sum" x="{}" y="{}">{}</text>').format(
        LEFT + 24 * HOUR + 50, y + 13, len(reads) or "-"
    )
    return drawn + number


def _ticks(reads: Sequence[tuple[float, Read]], y: int) -> Markup:
    """One tick for each place and minute; in the gap after a cluster of ticks the numbers of its places in their order.

    Where the numbers of a cluster are wider than its gap, which is wide enough to be seen as one, the last of them.
    """
    minutes = sorted({(int(hour * 60), read.place): (hour, read) for hour, read in reversed(reads)}.items())
    ticks = [(LEFT + hour * HOUR, read) for _, (hour, read) in sorted(minutes, key=lambda one: one[1][0])]
    drawn = Markup("")
    said: list[int] = []
    for number, (x, read) in enumerate(ticks):
        drawn += Markup('<rect x="{:.1f}" y="{}" width="2.6" height="15" fill="{}"><title>{}</title></rect>').format(
            x - 1.3, y + 2, colour(read.place), f"place {read.place}, {read.camera.label}"
        )
        if not said or said[-1] != read.place:
            said.append(read.place)
        room = (ticks[number + 1][0] if number + 1 < len(ticks) else LEFT + 24 * HOUR + AFTER_MIDNIGHT) - x - 6
        text = _numbers(said, len(said))
        if _wide(text) > room >= CLUSTERS_APART:
            text = next((cut for most in (3, 2, 1) if _wide(cut := _numbers(said, most)) <= room), "")
        if text and _wide(text) <= room:
            drawn += Markup('<text class="at" x="{:.1f}" y="{}">{}</text>').format(x + 3, y + 13, text)
            said = []
    return drawn


def _numbers(places: Sequence[int], most: int) -> str:
    most = min(most, PLACES_TOLD)
    return ("…" if most < len(places) else "") + ">".join(map(str, places[-most:]))


def _wide(text: str) -> float:
    """Pixels that a text takes at the most, in the widest of the fonts of the page."""
    return sum(6.7 if sign.isdigit() else 8.5 for sign in text)


def draw_heat_map(profile: VehicleProfile) -> Markup:
    """Reads by weekday and hour, with the count in each cell and the sums at the edges."""
    zone = ZoneInfo(profile.zone)
    local = [read.at.astimezone(zone) for read in profile.reads]
    counts = Counter((at.weekday(), at.hour) for at in local)
    most = max(counts.values())
    drawn = []
    for hour in range(24):
        x = 70 + (hour + 0.5) * CELL_WIDTH
        drawn.append(Markup('<text class="axis" x="{}" y="16">{:02}</text>').format(x, hour))
        total = sum(counts[weekday, hour] for weekday in range(7))
        drawn.append(Markup('<text class="sum" x="{}" y="{}">{}</text>').format(x, 40 + 7 * CELL_HEIGHT, total or "-"))
    for weekday, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        y = 24 + weekday * CELL_HEIGHT
        drawn.append(Markup('<text class="day" x="60" y="{}">{}</text>').format(y + 16, name))
        drawn += [_heat(70 + hour * CELL_WIDTH, y, counts[weekday, hour], most) for hour in range(24)]
        total = sum(counts[weekday, hour] for hour in range(24))
        drawn.append(
            Markup('<text class="sum" x="{}" y="{}">{}</text>').format(70 + 24 * CELL_WIDTH + 26, y + 16, total or "-")
        )
    drawn.append(Markup('<text class="day" x="60" y="{}">all</text>').format(40 + 7 * CELL_HEIGHT))
    width, height = 70 + 24 * CELL_WIDTH + 60, 24 + 8 * CELL_HEIGHT + 6
    return _svg("heat", "Reads by weekday and hour", width, height, Markup("").join(drawn))


def _heat(x: int, y: int, count: int, most: int) -> Markup:
    share = count / most
    # from nearly white to dark blue, through equal steps of lightness
    fill = f"rgb({244 - 226 * share:.0f},{247 - 187 * share:.0f},{250 - 130 * share:.0f})" if count else "#fbfbfa"
    return Markup(
        '<rect class="cell" x="{}" y="{}" width="{}" height="{}" fill="{}"/>'
        '<text class="{}" x="{}" y="{}">{}</text>'
    ).format(
        x, y, CELL_WIDTH - 2, CELL_HEIGHT - 2, fill,
        "light" if share > 0.45 else "dark", x + CELL_WIDTH / 2 - 1, y + 16, count or "",
    )  # fmt: skip


def draw_cover(profile: VehicleProfile) -> Markup:
    """Cameras near its places by UTC day: with reads, silent, or not registered; those with silent days first."""
    rows = profile.coverage.cameras[:CAMERAS_SHOWN]
    wide = max(4, min(DAY_WIDTH, 800 // len(profile.days)))
    drawn = []
    for number, day in enumerate(profile.days):
        if number % 7 == 0:
            drawn.append(
                Markup('<text class="start" x="{}" y="14">{}</text>').format(
                    CAMERA_LEFT + number * wide, f"{day.day} {day:%b}"
                )
            )
    drawn += [_camera(cover, 22 + row * CAMERA_ROW, wide) for row, cover in enumerate(rows)]
    width = CAMERA_LEFT + wide * len(profile.days) + 90
    return _svg("cover", "Cameras near its places, by day", width, 26 + CAMERA_ROW * len(rows), Markup("").join(drawn))


def _camera(cover: CameraCover, y: int, wide: int) -> Markup:
    name = f"{cover.place}: {cover.camera.camera_id} ({cover.camera.label})"
    drawn = Markup('<text class="day{}" x="{}" y="{}">{}</text>').format(
        " saw" if cover.saw_it else "", CAMERA_LEFT - 8, y + 12, name if len(name) <= 40 else name[:39] + "…"
    )
    for state, group in groupby(enumerate(cover.days), key=lambda pair: pair[1]):
        run = [number for number, _ in group]
        drawn += Markup('<rect class="c-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
            state, CAMERA_LEFT + run[0] * wide, y, len(run) * wide - 1, CAMERA_ROW - 3
        )
    said = f"{cover.silent} silent" if cover.silent else ""
    x = CAMERA_LEFT + len(cover.days) * wide + 8
    return drawn + Markup('<text class="start" x="{}" y="{}">{}</text>').format(x, y + 12, said)


def _svg(name: str, title: str, width: float, height: float, body: Markup) -> Markup:
    return Markup(
        '<svg class="{n}" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{n}-title" '
        'viewBox="0 0 {w:g} {h:g}" width="{w:g}" height="{h:g}"><title id="{n}-title">{t}</title>{b}</svg>'
    ).format(n=name, t=title, w=width, h=height, b=body)
