"""The map of a profile: places and journeys of one vehicle among the cameras of the register, as one inline SVG.

No background map: positions come from the register, north is up, the scale holds at the middle of the map. Arcs join
the ends of journeys and say nothing of the road between them. Numbers stand beside every colour.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from infra.wording import counted
from models.places import EARTH_RADIUS_M
from models.profile.model import Camera, Place, VehicleProfile

WIDTH, HEIGHT, PAD = 1080, 640, 70
ARCS, LABELS = 60, 14
MIN_KM = 12
COLOURS = ("#1d70b8", "#a84300", "#005a30", "#7d2181", "#7a5c00", "#0b6e75")
OTHER = "#505a5f"
KM = math.radians(1) * EARTH_RADIUS_M / 1000

Point = tuple[float, float]


def colour(place: int) -> str:
    """The colour of a place; from the seventh on all have one."""
    return COLOURS[place - 1] if place <= len(COLOURS) else OTHER


@dataclass(frozen=True)
class Projection:
    """Degrees to pixels, equirectangular about the middle of the map. `scale` is pixels in a kilometre."""

    latitude: float
    longitude: float
    scale: float

    @classmethod
    def around(cls, cameras: Sequence[Camera]) -> Projection:
        """The projection that shows these cameras and no less than `MIN_KM`."""
        south, north = min(c.latitude for c in cameras), max(c.latitude for c in cameras)
        west, east = min(c.longitude for c in cameras), max(c.longitude for c in cameras)
        middle = (south + north) / 2
        across = max(MIN_KM, (east - west) * KM * _shrink(middle))
        up = max(MIN_KM, (north - south) * KM)
        return cls(middle, (west + east) / 2, min((WIDTH - 2 * PAD) / across, (HEIGHT - 2 * PAD) / up))

    def __call__(self, latitude: float, longitude: float) -> Point:
        """Position in the picture."""
        x = (longitude - self.longitude) * KM * _shrink(self.latitude) * self.scale
        return WIDTH / 2 + x, HEIGHT / 2 - (latitude - self.latitude) * KM * self.scale


def _shrink(latitude: float) -> float:
    return max(0.01, math.cos(math.radians(latitude)))


def draw_map(profile: VehicleProfile) -> Markup:
    """The map with its scale, its north and its labels."""
    project = Projection.around([camera for place in profile.places for camera in place.cameras])
    at = _apart({place.number: project(place.anchor.latitude, place.anchor.longitude) for place in profile.places})
    travelled = Counter((j.origin, j.destination) for j in profile.journeys if j.origin != j.destination)
    arcs = travelled.most_common(ARCS)
    body = Markup("").join(
        [
            *_cells(profile, project),
            *_estate(profile, project),
            *(_arc(at[origin], at[end], count, arcs[0][1]) for (origin, end), count in reversed(arcs)),
            *_counts(arcs, at),
            *(_marker(place, at[place.number]) for place in reversed(profile.places)),
            *_labels(profile.places, at),
            _scale(project.scale),
            _north(),
        ]
    )
    return Markup(
        '<svg class="map" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="map-title map-desc" '
        'viewBox="0 0 {w} {h}" width="{w}" height="{h}"><title id="map-title">Places and journeys</title>'
        '<desc id="map-desc">{text}</desc><defs>{defs}</defs><rect class="sea" width="{w}" height="{h}"/>{body}</svg>'
    ).format(w=WIDTH, h=HEIGHT, text=describe_map(profile), defs=_DEFS, body=body)


def _apart(wanted: dict[int, Point]) -> dict[int, Point]:
    """Markers moved as little as it takes for none to hide another; the places with most reads stay where they are."""
    found: dict[int, Point] = {}
    for number, (x, y) in wanted.items():
        around = [
            (x + reach * math.cos(turn * math.pi / 6), y + reach * math.sin(turn * math.pi / 6))
            for reach in (0, 14, 26, 38)
            for turn in range(12)
        ]
        free = (point for point in around if all(math.dist(point, other) > 25 for other in found.values()))
        found[number] = next(free, (x, y))
    return found


def describe_map(profile: VehicleProfile) -> str:
    """What the map shows, in words."""
    apart = [journey for journey in profile.journeys if journey.origin != journey.destination]
    pairs = len({(journey.origin, journey.destination) for journey in apart})
    hidden = f" Drawn are the {ARCS} commonest." if pairs > ARCS else ""
    local = len(profile.journeys) - len(apart)
    return (
        f"{counted(len(profile.places), 'place')}, {counted(len(apart), 'journey')} from one place to another over "
        f"{counted(pairs, 'pair')} of origin and destination; {local} that began and ended in one place "
        f"{'is' if local == 1 else 'are'} not drawn.{hidden}"
    )


_DEFS = Markup(
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="11" markerHeight="11" orient="auto" '
    'markerUnits="userSpaceOnUse"><path d="M0 1 L10 5 L0 9 z" fill="#2b3a67"/></marker>'
    '<pattern id="blind" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="7" height="7" fill="#f6e9d9"/><line x1="0" y1="0" x2="0" y2="7" stroke="#c9a36a" '
    'stroke-width="1.6"/></pattern>'
)


def _cells(profile: VehicleProfile, project: Projection) -> list[Markup]:
    drawn = []
    for cell in profile.coverage.cells:
        if cell.cameras:
            continue
        x, y = project(cell.north, cell.west)
        right, bottom = project(cell.south, cell.east)
        drawn.append(
            Markup('<rect class="blind" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                x, y, right - x, bottom - y
            )
        )
    return drawn


def _estate(profile: VehicleProfile, project: Projection) -> list[Markup]:
    saw = {camera for place in profile.places for camera in place.cameras}
    drawn = []
    for camera in {(c.latitude, c.longitude): c for c in (*profile.estate, *saw)}.values():
        x, y = project(camera.latitude, camera.longitude)
        if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
            drawn.append(
                Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
                    "saw" if camera in saw else "camera", x, y, 3.4 if camera in saw else 2.2, camera.label
                )
            )
    return drawn


def _control(start: Point, end: Point) -> Point:
    """Where an arc bends to: to the left of its way, so that there and back are two arcs."""
    (x, y), (u, v) = start, end
    return (x + u) / 2 + (v - y) * 0.16, (y + v) / 2 - (u - x) * 0.16


def _arc(start: Point, end: Point, count: int, most: int) -> Markup:
    bend = _control(start, end)
    width = 1.2 + 6.3 * math.sqrt((count - 1) / max(1, most - 1)) if most > 1 else 1.6
    near = math.dist(bend, end) or 1.0
    # stop short of the marker, so that the arrow's head is seen
    tip = end[0] + (bend[0] - end[0]) * 13 / near, end[1] + (bend[1] - end[1]) * 13 / near
    return Markup(
        '<path class="arc" d="M{:.1f} {:.1f} Q{:.1f} {:.1f} {:.1f} {:.1f}" stroke-width="{:.1f}" '
        'marker-end="url(#head)"/>'
    ).format(*start, *bend, *tip, width)


def _counts(arcs: Sequence[tuple[tuple[int, int], int]], at: dict[int, Point]) -> list[Markup]:
    """How many journeys an arc stands for, at its middle; only where the arc is long enough to carry it."""
    drawn, taken = [], list(at.values())
    for (origin, destination), count in arcs:
        start, end = at[origin], at[destination]
        bend = _control(start, end)
        x, y = (start[0] + 2 * bend[0] + end[0]) / 4, (start[1] + 2 * bend[1] + end[1]) / 4
        if count > 1 and all(math.dist((x, y), other) > 20 for other in taken):
            taken.append((x, y))
            drawn.append(Markup('<text class="count" x="{:.1f}" y="{:.1f}">{} x</text>').format(x, y + 4, count))
    return drawn


def _marker(place: Place, at: Point) -> Markup:
    x, y = at
    shape = (
        Markup('<rect x="{:.1f}" y="{:.1f}" width="24" height="24"/>').format(x - 12, y - 12)
        if place.base
        else Markup('<circle cx="{:.1f}" cy="{:.1f}" r="10.5"/>').format(x, y)
    )
    return Markup('<g class="place{}" fill="{}">{}<text x="{:.1f}" y="{:.1f}">{}</text><title>{}</title></g>').format(
        " base" if place.base else "",
        colour(place.number),
        shape,
        x,
        y + 4,
        place.number,
        f"Place {place.number}: {place.anchor.label}; {counted(place.reads, 'read')} on {counted(place.days, 'day')}",
    )


def _labels(places: Sequence[Place], at: dict[int, Point]) -> list[Markup]:
    """Names beside the markers: right, left, below, above, wherever nothing stands; a place without room has none."""
    taken = [(x - 13, y - 13, x + 13, y + 13) for x, y in at.values()]
    drawn = []
    for place in places[:LABELS]:
        text = ("base: " if place.base else "") + place.anchor.label
        wide = 7.1 * len(text)
        x, y = at[place.number]
        for left, top in ((x + 16, y - 8), (x - 16 - wide, y - 8), (x - wide / 2, y + 14), (x - wide / 2, y - 31)):
            box = (left, top, left + wide, top + 17)
            inside = left > 4 and top > 4 and box[2] < WIDTH - 4 and box[3] < HEIGHT - 40
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                drawn.append(Markup('<text class="name" x="{:.1f}" y="{:.1f}">{}</text>').format(left, top + 13, text))
                break
    return drawn


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _scale(pixels_per_km: float) -> Markup:
    """A bar of 1, 2 or 5 times a power of ten kilometres, at most a quarter of the map."""
    most = WIDTH / 4 / pixels_per_km
    power = 10.0 ** math.floor(math.log10(most))
    length = next(step * power for step in (5, 2, 1) if step * power <= most)
    end, y = 24 + length * pixels_per_km, HEIGHT - 22
    return Markup(
        '<g class="scale"><path d="M24 {a} V{y} H{end:.1f} V{a}"/><text x="24" y="{above}">{length:g} km</text></g>'
    ).format(a=y - 7, y=y, end=end, above=y - 12, length=length)


def _north() -> Markup:
    x = WIDTH - 34
    return Markup('<g class="north"><path d="M{x} 22 l9 26 l-9 -7 l-9 7 z"/><text x="{x}" y="64">N</text></g>').format(
        x=x
    )
