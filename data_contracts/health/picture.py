"""The health of cameras as a picture: one row for each camera, time left to right, shade by seen beside expected.

Blue is fewer reads than expected, red more, grey as usual, white too few expected to say; an interval has a frame in
the colour of its kind, and one of volume shades its own cells, for together they say what one alone cannot. Cells hold
as many bins as the width needs. Belongs here: the drawing. Does not: deciding.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray

from data_contracts.health.counts import DAY, HOUR, Counts
from data_contracts.health.results import HealthInterval, with_unit
from data_contracts.health.together import in_network, told_together
from data_contracts.health.volumes import Volumes

WIDE, ROW, FOOT = 1300, 18, 26
# names take the left of the picture, time the rest but for an edge, in per cent of its width
LABEL, PLOT = 19, 80
MOST_ROWS, STEADY_ROWS = 120, 20
LEAST_EXPECTED = 8.0
# what is written above the rows keeps to this width, so that a narrow window has all of it
HEAD, LINE, LETTERS = 630, 20, 84
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
    "network_outage": "#ffb000",
    "outage": "#000000",
    "pole_failure": "#7a0177",
    "partial_outage": "#b35900",
    "flood": "#d7001a",
    "stuck": "#00695c",
    "clock_offset": "#1b7837",
    "wrong_place": "#5e3c99",
    "confidence_decay": "#8c6d00",
}


@dataclass(frozen=True)
class _Grid:
    """Where time lies across the picture: bins of the span in per cent of its width, which follows the window."""

    first: int
    last: int
    per_cell: int

    def at(self, bins: float) -> str:
        """So many bins of the span, in per cent of it."""
        return f"{100 * min(bins, self.last - self.first) / (self.last - self.first):.3f}%"


def draw_health(
    volumes: Volumes,
    intervals: Sequence[HealthInterval],
    span: tuple[datetime, datetime] | None = None,
    region: str | None = None,
) -> str:
    """Draw a span as an SVG document; cameras with intervals first, then the busiest of the others.

    It is as wide as the window that shows it, with letters of one size; what knows no styles draws it 1300 px wide.
    """
    counts = volumes.counts
    first, last = (0, counts.bins) if span is None else (counts.bin_of(span[0]), counts.bin_of(span[1]))
    first, last = max(first, 0), min(max(last, 1), counts.bins)
    if last <= first or not counts.cameras:
        return _document("No counts in this span.", 96, '<text x="12" y="56">No counts in this span.</text>')
    rows, left_out = _rows(volumes, intervals, first, last)
    grid = _Grid(first, last, _bins_per_cell(counts, last - first))
    head = headline(counts, intervals, grid.first, grid.last, region)
    above, top = _head(head, counts, grid)
    together, names, drawn = in_network(intervals), [], _axis(counts, grid, top, len(rows))
    for place, camera in enumerate(rows):
        mine, y = _of_row(counts, camera, intervals), top + FOOT + place * ROW
        names.append(_name(counts.cameras[camera], y))
        drawn += _row(volumes, camera, mine, y, grid)
        drawn += _frames(counts, mine, together, y, grid)
    height = top + FOOT + len(rows) * ROW + 24
    if left_out:
        names.append(f'<text x="12" y="{height - 6}">{left_out}</text>')
    plot = f'<svg x="{LABEL}%" width="{PLOT}%" height="{height}" overflow="visible">{"".join(drawn)}</svg>'
    return _document(head, height, "".join([*above, *names, plot]))


def headline(
    counts: Counts, intervals: Sequence[HealthInterval], first: int, last: int, region: str | None = None
) -> str:
    """Where, when, how many cameras, and how many intervals of each kind, as the table beneath has them."""
    begun, ended = counts.moment(first), counts.moment(last) - timedelta(seconds=1)
    told = told_together(intervals)
    kinds = Counter[str](one.kind for one in told)
    by_kind = ", ".join(f"{kinds[kind]} {kind.replace('_', ' ')}" for kind in FRAMES if kinds[kind])
    days = f"{begun:%d %b %Y} to {ended:%d %b %Y}".replace(" 0", " ").removeprefix("0")
    cameras = len(set(counts.cameras))
    return (
        f"{f'{region}, ' if region else ''}{days} (times in {counts.zone}). "
        f"{cameras:,} camera{'' if cameras == 1 else 's'}, "
        + (f"{len(told):,} interval{'' if len(told) == 1 else 's'}: {by_kind}." if told else "no intervals.")
    )


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
        "th,td{border-bottom:1px solid #ccc;padding:4px 10px;text-align:left;vertical-align:top}"
        ".n{text-align:right;white-space:nowrap}"
        "td:nth-child(-n+3){white-space:nowrap}div{overflow-x:auto}"
        "@media(max-width:850px){body{margin:12px}th,td{padding:3px 5px}td:nth-child(-n+3){white-space:normal}}"
    )
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style>'
        f"</head><body><h1>{escape(title)}</h1><div>{svg}</div>{minded}<div><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></body></html>\n"
    )


def _rows(volumes: Volumes, intervals: Sequence[HealthInterval], first: int, last: int) -> tuple[list[int], str]:
    """The rows to draw, and a line about those that are not."""
    busy = volumes.counts.n[:, first:last].sum(axis=1)
    names = volumes.counts.cameras
    by_name: dict[str, list[HealthInterval]] = defaultdict(list)
    for interval in intervals:
        by_name[interval.camera_id].append(interval)
    ill = {i for i, name in enumerate(names) if _of_row(volumes.counts, i, by_name[name])}
    changed = sorted(ill, key=lambda i: (volumes.counts.sites[i], names[i], i))
    steady = sorted((i for i in range(len(names)) if i not in ill), key=lambda i: (-busy[i], names[i]))
    not_drawn = [
        f"{len(more):,} further cameras {what} intervals"
        for more, what in ((changed[MOST_ROWS:], "with"), (steady[STEADY_ROWS:], "without"))
        if more
    ]
    left_out = f"{' and '.join(not_drawn)} are not drawn." if not_drawn else ""
    return changed[:MOST_ROWS] + steady[:STEADY_ROWS], left_out


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
    least = bins * counts.width / (WIDE * PLOT / 100 / 2)
    for length in (300, 900, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY):
        if length >= least and length >= counts.width and length % counts.width == 0:
            return length // counts.width
    return max(round(least / counts.width), 1)


def _head(head: str, counts: Counts, grid: _Grid) -> tuple[list[str], int]:
    """The head line and the legend in lines that a narrow window holds, and how far down they reach."""
    cell = grid.per_cell * counts.width
    unit = f"{cell // DAY} d" if cell % DAY == 0 else f"{cell // HOUR} h" if cell % HOUR == 0 else f"{cell // 60} min"
    said, y = [], 18
    for line in wrap(head, LETTERS):
        said.append(f'<text x="12" y="{y}" class="t">{escape(line)}</text>')
        y += LINE
    shades = [(f'fill="{colour}"', name) for _, colour, name in STEPS]
    shades.append(('fill="#fff" stroke="#bbb"', "too few expected to say"))
    frames = [(f'fill="none" stroke="{colour}" stroke-width="2.5"', kind) for kind, colour in FRAMES.items()]
    for title, keys in ((f"A cell ({unit}), reads beside expected:", shades), ("A frame:", frames)):
        drawn, y = _keys(title, keys, y)
        said += drawn
    return said, y - LINE


def _keys(title: str, keys: Sequence[tuple[str, str]], y: int) -> tuple[list[str], int]:
    x = 12 + 5.5 * len(title) + 12
    drawn = [f'<text x="12" y="{y}">{title}</text>']
    for look, kind in keys:
        name = kind.replace("_", " ")
        width = 18 + 6 * len(name) + 12
        if x + width > HEAD + 12:
            x, y = 12, y + LINE
        drawn.append(
            f'<rect x="{x:.0f}" y="{y - 11}" width="13" height="13" {look}/>'
            f'<text x="{x + 18:.0f}" y="{y}">{name}</text>'
        )
        x += width
    return drawn, y + LINE


def _axis(counts: Counts, grid: _Grid, top: int, rows: int) -> list[str]:
    days = (grid.last - grid.first) * counts.width / DAY
    every = next(step for step in (1, 2, 7, 14, 28, 56, 112, 400, 10_000) if step >= days / 10)
    drawn, seen = [], None
    for bin_no in range(grid.first, grid.last, max(HOUR // counts.width, 1)):
        moment = counts.moment(bin_no)
        if moment.date() == seen or (moment.date().toordinal() - 1) % every or moment.hour:
            continue
        seen = moment.date()
        x = grid.at(bin_no - grid.first)
        drawn.append(
            f'<line x1="{x}" x2="{x}" y1="{top + FOOT - 4}" y2="{top + FOOT + rows * ROW}" stroke="#999" '
            f'stroke-width="0.6"/>'
        )
        if (bin_no - grid.first) / (grid.last - grid.first) < 0.93:
            drawn.append(f'<text x="{x}" dx="2" y="{top + FOOT - 5}">{moment.day} {moment:%b}</text>')
    return drawn


def _name(name: str, y: int) -> str:
    shown = name if len(name) <= 22 else name[:21] + "…"
    return (
        f'<text x="{LABEL}%" dx="-6" y="{y + 12}" text-anchor="end">{escape(shown)}<title>{escape(name)}</title></text>'
    )


def _row(volumes: Volumes, camera: int, intervals: Sequence[HealthInterval], y: int, grid: _Grid) -> list[str]:
    drawn = []
    steps = _steps(volumes, camera, intervals, (grid.first, grid.last), grid.per_cell)
    starts = np.flatnonzero(np.diff(steps, prepend=-9))
    for start, end in zip(starts, np.append(starts[1:], len(steps)), strict=True):
        if steps[start] >= 0:
            begun, ended = int(start) * grid.per_cell, min(int(end) * grid.per_cell, grid.last - grid.first)
            drawn.append(
                f'<rect class="c" x="{grid.at(begun)}" y="{y}" width="{grid.at(ended - begun)}" height="{ROW - 3}" '
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
    counts: Counts,
    intervals: Sequence[HealthInterval],
    together: frozenset[HealthInterval],
    y: int,
    grid: _Grid,
) -> list[str]:
    drawn = []
    for interval in intervals:
        start = max(counts.bin_of(interval.start), grid.first) - grid.first
        end = min(counts.bin_of(interval.end), grid.last) - grid.first
        if end <= start:
            continue
        kind = "network_outage" if interval in together else interval.kind
        drawn.append(
            f'<rect x="{grid.at(start)}" y="{y - 1}" width="{grid.at(end - start)}" height="{ROW - 1}" fill="none" '
            f'stroke="{FRAMES[kind]}" stroke-width="2"><title>{escape(kind.replace("_", " "))}: '
            f"{escape(interval.says)}</title></rect>"
        )
    return drawn


def _document(head: str, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="health" role="img" '
        f'aria-label="{escape(f"Camera health. {head}")}" width="{WIDE}" height="{height}"><style>'
        "svg.health{width:100%;min-width:660px}.c{shape-rendering:crispEdges}"
        "svg.health text{font:11px system-ui,sans-serif;fill:#222}svg.health .t{font-size:13px;font-weight:600}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )
