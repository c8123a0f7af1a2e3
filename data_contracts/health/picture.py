"""The health of cameras as a picture: one row for each camera, time left to right, shade by seen beside expected.

Blue is fewer reads than expected, red more, grey as usual, white too few expected to say; an interval has a frame in
the colour of its kind, and one of volume shades its own cells, for together they say what one alone cannot. Cells hold
as many bins as the width needs. Belongs here: the drawing. Does not: deciding.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import DAY, HOUR, Counts
from data_contracts.health.results import HealthInterval, with_unit
from data_contracts.health.volumes import Volumes

LABEL, ROW, TOP, PLOT, FOOT = 170, 18, 56, 1120, 26
MOST_ROWS, STEADY_ROWS = 120, 20
LEAST_EXPECTED = 8.0
STEPS = (
    (0.05, "#08306b", "none"),
    (0.25, "#2171b5", "under 25 %"),
    (0.5, "#6baed6", "25 to 50 %"),
    (0.75, "#c6dbef", "50 to 75 %"),
    (1.35, "#e3e3e3", "as expected"),
    (2.0, "#fcae91", "to 200 %"),
    (math.inf, "#cb181d", "over 200 %"),
)
OF_VOLUME = ("outage", "pole_failure", "partial_outage", "flood")
FRAMES = {
    "outage": "#000000",
    "pole_failure": "#7a0177",
    "partial_outage": "#b35900",
    "flood": "#d7001a",
    "stuck": "#00695c",
    "clock_offset": "#1b7837",
    "wrong_place": "#5e3c99",
    "confidence_decay": "#8c6d00",
}


def draw_health(
    volumes: Volumes, intervals: Sequence[HealthInterval], span: tuple[datetime, datetime] | None = None
) -> str:
    """Draw a span as an SVG document; cameras with intervals first, then the busiest of the others."""
    counts = volumes.counts
    first, last = (0, counts.bins) if span is None else (counts.bin_of(span[0]), counts.bin_of(span[1]))
    first, last = max(first, 0), min(max(last, 1), counts.bins)
    if last <= first or not counts.cameras:
        return _document(LABEL + PLOT, TOP + 40, f'<text x="12" y="{TOP}">No counts in this span.</text>')
    rows, left_out = _rows(volumes, intervals, first, last)
    per_cell = _bins_per_cell(counts, last - first)
    cells = -(-(last - first) // per_cell)
    wide = max(min(PLOT // cells, 12), 1)
    body = [*_head(counts, first, last, per_cell), *_axis(counts, first, last, per_cell, wide, len(rows))]
    for place, camera in enumerate(rows):
        mine = _of_row(counts, camera, intervals)
        body += _row(volumes, camera, mine, TOP + FOOT + place * ROW, (first, last), per_cell, wide)
        body += _frames(counts, mine, TOP + FOOT + place * ROW, (first, last), per_cell, wide)
    height = TOP + FOOT + len(rows) * ROW + 24
    if left_out:
        body.append(f'<text x="12" y="{height - 6}">{left_out} further cameras without intervals are not drawn.</text>')
    return _document(max(LABEL + cells * wide + 12, 900), height, "".join(body))


def draw_page(svg: str, intervals: Sequence[HealthInterval], title: str, notes: Sequence[str] = ()) -> str:
    """The picture, notes, and the table of intervals as one HTML page that needs nothing from outside."""
    head = "".join(f"<th>{name}</th>" for name in ("camera", "from", "to", "kind", "expected", "seen", "what"))
    rows = "".join(
        f"<tr><td>{escape(i.camera_id)}</td><td>{i.start:%Y-%m-%d %H:%M}</td><td>{i.end:%Y-%m-%d %H:%M}</td>"
        f"<td>{i.kind.replace('_', ' ')}</td><td class=n>{with_unit(i.kind, i.expected)}</td>"
        f"<td class=n>{with_unit(i.kind, i.seen)}</td>"
        f"<td>{escape(i.says)}</td></tr>"
        for i in intervals
    )
    told = "".join(f"<li>{escape(note)}</li>" for note in notes)
    minded = f"<h2>To bear in mind</h2><ul>{told}</ul>" if told else ""
    style = (
        "body{font:14px/1.45 system-ui,sans-serif;margin:24px;color:#111}"
        "table{border-collapse:collapse;margin-top:16px}"
        "th,td{border-bottom:1px solid #ccc;padding:4px 10px;text-align:left;vertical-align:top}.n{text-align:right}"
        "td:nth-child(-n+3){white-space:nowrap}div{overflow-x:auto}"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{style}</style>"
        f"</head><body><h1>{escape(title)}</h1>{minded}<div>{svg}</div><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        "</table></body></html>\n"
    )


def _rows(volumes: Volumes, intervals: Sequence[HealthInterval], first: int, last: int) -> tuple[list[int], int]:
    busy = volumes.counts.n[:, first:last].sum(axis=1)
    names = volumes.counts.cameras
    by_name: dict[str, list[HealthInterval]] = defaultdict(list)
    for interval in intervals:
        by_name[interval.camera_id].append(interval)
    ill = {i for i, name in enumerate(names) if _of_row(volumes.counts, i, by_name[name])}
    changed = sorted(ill, key=lambda i: (volumes.counts.sites[i], names[i], i))
    steady = sorted((i for i in range(len(names)) if i not in ill), key=lambda i: (-busy[i], names[i]))
    rows = (changed[:MOST_ROWS] + steady[: max(STEADY_ROWS, 0)])[: MOST_ROWS + STEADY_ROWS]
    return rows, len(names) - len(rows)


def _of_row(counts: Counts, row: int, intervals: Sequence[HealthInterval]) -> list[HealthInterval]:
    """The intervals of a camera, if it was moved those at the place of this row."""
    return [
        one
        for one in intervals
        if one.camera_id == counts.cameras[row]
        and counts.bin_of(one.start) < counts.last[row]
        and counts.bin_of(one.end) > counts.first[row]
    ]


def _bins_per_cell(counts: Counts, bins: int) -> int:
    """The least round length of time at which the picture fits its width with cells of two pixels."""
    least = bins * counts.width / (PLOT / 2)
    for length in (300, 900, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY):
        if length >= least and length >= counts.width and length % counts.width == 0:
            return length // counts.width
    return max(round(least / counts.width), 1)


def _head(counts: Counts, first: int, last: int, per_cell: int) -> list[str]:
    cell = per_cell * counts.width
    unit = f"{cell // DAY} d" if cell % DAY == 0 else f"{cell // HOUR} h" if cell % HOUR == 0 else f"{cell // 60} min"
    begun, ended = counts.moment(first), counts.moment(last)
    said = [
        f'<text x="12" y="18" class="t">Cameras by hour, {begun:%d %b %Y} to {ended:%d %b %Y} ({escape(counts.zone)}), '
        f"a cell is {unit}</text>"
    ]
    x = 12
    for _, colour, name in STEPS:
        said.append(
            f'<rect x="{x}" y="28" width="13" height="13" fill="{colour}"/><text x="{x + 17}" y="39">{name}</text>'
        )
        x += 17 + 7 * len(name) + 14
    said.append(
        f'<rect x="{x}" y="28" width="13" height="13" fill="#fff" stroke="#bbb"/>'
        f'<text x="{x + 17}" y="39">too few expected to say</text>'
    )
    x = 12
    for kind, colour in FRAMES.items():
        name = kind.replace("_", " ")
        said.append(
            f'<rect x="{x}" y="49" width="13" height="11" fill="none" stroke="{colour}" stroke-width="2.5"/>'
            f'<text x="{x + 18}" y="59">{name}</text>'
        )
        x += 18 + 7 * len(name) + 14
    return said


def _axis(counts: Counts, first: int, last: int, per_cell: int, wide: int, rows: int) -> list[str]:
    days = (last - first) * counts.width / DAY
    every = next(step for step in (1, 2, 7, 14, 28, 56, 112, 400, 10_000) if step >= days / 14)
    drawn, seen = [], None
    for bin_no in range(first, last, max(HOUR // counts.width, 1)):
        moment = counts.moment(bin_no)
        if moment.date() == seen or (moment.date().toordinal() - 1) % every or moment.hour:
            continue
        seen = moment.date()
        x = LABEL + (bin_no - first) / per_cell * wide
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP + FOOT - 4}" y2="{TOP + FOOT + rows * ROW}" stroke="#999" '
            f'stroke-width="0.6"/><text x="{x + 2:.1f}" y="{TOP + FOOT - 5}">{moment.day} {moment:%b}</text>'
        )
    return drawn


def _row(
    volumes: Volumes,
    camera: int,
    intervals: Sequence[HealthInterval],
    y: int,
    span: tuple[int, int],
    per_cell: int,
    wide: int,
) -> list[str]:
    name = volumes.counts.cameras[camera]
    shown = name if len(name) <= 22 else name[:21] + "…"
    drawn = [
        f'<text x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(shown)}<title>{escape(name)}</title></text>'
    ]
    steps = _steps(volumes, camera, intervals, span, per_cell)
    starts = np.flatnonzero(np.diff(steps, prepend=-9))
    for start, end in zip(starts, np.append(starts[1:], len(steps)), strict=True):
        if steps[start] >= 0:
            drawn.append(
                f'<rect x="{LABEL + start * wide}" y="{y}" width="{(end - start) * wide}" height="{ROW - 3}" '
                f'fill="{STEPS[steps[start]][1]}"/>'
            )
    return drawn


def _steps(
    volumes: Volumes, camera: int, intervals: Sequence[HealthInterval], span: tuple[int, int], per_cell: int
) -> NDArray[np.int64]:
    at = np.arange(0, span[1] - span[0], per_cell)
    seen = np.add.reduceat(volumes.counts.n[camera, span[0] : span[1]], at)
    expected = np.add.reduceat(volumes.expected[camera, span[0] : span[1]], at)
    limits = [limit for limit, _, _ in STEPS[:-1]]
    steps = np.searchsorted(limits, seen / np.maximum(expected, 1e-9))
    # of few expected reads a cell alone says little: grey if any came, white if none
    few = np.where(seen > 0, 4, -1)
    for interval in intervals:
        if interval.kind in OF_VOLUME and interval.expected > 0:
            begun, ended = (volumes.counts.bin_of(moment) - span[0] for moment in (interval.start, interval.end))
            within = (at + per_cell > begun) & (at < ended) & (expected > 0)
            few = np.where(within, np.searchsorted(limits, interval.seen / interval.expected), few)
    return np.where(expected >= LEAST_EXPECTED, steps, few)


def _frames(
    counts: Counts, intervals: Sequence[HealthInterval], y: int, span: tuple[int, int], per_cell: int, wide: int
) -> list[str]:
    drawn = []
    for interval in intervals:
        start = max(counts.bin_of(interval.start), span[0]) - span[0]
        end = min(counts.bin_of(interval.end), span[1]) - span[0]
        if end <= start:
            continue
        x, width = LABEL + start / per_cell * wide, max((end - start) / per_cell * wide, 3)
        drawn.append(
            f'<rect x="{x:.1f}" y="{y - 1}" width="{width:.1f}" height="{ROW - 1}" fill="none" '
            f'stroke="{FRAMES[interval.kind]}" stroke-width="2"><title>{escape(interval.kind.replace("_", " "))}: '
            f"{escape(interval.says)}</title></rect>"
        )
    return drawn


def _document(width: float, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Camera health" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>text{{font:11px system-ui,sans-serif;fill:#222}}'
        f".t{{font-size:14px;font-weight:600}}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )
