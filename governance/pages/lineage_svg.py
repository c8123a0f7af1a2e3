"""A lineage graph as an SVG picture: columns from landing files on the left to the result on the right.

Many parts of one kind at one depth are drawn as one box that says how many and which days, so that dozens of parts stay
readable. Belongs here: layout and drawing. Does not: what is in the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from governance.lineage.graph import LAYER_NAMES, LineageGraph, LineageNode

BOX_WIDTH, BOX_HEIGHT = 164, 62
GAP_X, GAP_Y, MARGIN = 32, 18, 12
TOGETHER_FROM = 3
_CHARACTERS = 25
_LEAST_SCALE = 0.72


@dataclass(frozen=True)
class _Box:
    key: str
    column: int
    kind: str
    lines: tuple[str, ...]
    title: str
    root: bool


def draw_lineage(graph: LineageGraph) -> Markup:
    """Draw the graph; the picture carries a title and a description for who cannot see it."""
    depth = _depths(graph)
    boxes, member = _boxes(graph, depth)
    edges = sorted({(member[e.source], member[e.target]) for e in graph.edges if member[e.source] != member[e.target]})
    columns: dict[int, list[_Box]] = defaultdict(list)
    for box in boxes:
        columns[box.column].append(box)
    tallest = max(len(column) for column in columns.values())
    width = 2 * MARGIN + len(columns) * BOX_WIDTH + (len(columns) - 1) * GAP_X
    height = 2 * MARGIN + tallest * BOX_HEIGHT + (tallest - 1) * GAP_Y
    places = _places(_ordered(columns, edges), height)
    title = f"Lineage of {_name(graph.node(graph.root))}"
    drawn = [_edge(places[a], places[b]) for a, b in edges]
    drawn += [_draw_box(box, *places[box.key]) for box in boxes]
    return Markup(
        '<svg class="lineage" xmlns="http://www.w3.org/2000/svg" role="img" '
        'aria-labelledby="lineage-title lineage-desc" '
        'viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="min-width:{least}px">'
        '<title id="lineage-title">{title}</title>'
        '<desc id="lineage-desc">{count} steps and datasets, from delivered files on the left to the result on the '
        "right; the tables below list the same.</desc>{body}</svg>"
    ).format(
        width=width,
        least=round(width * _LEAST_SCALE),
        height=height,
        title=title,
        count=len(graph.nodes),
        body=Markup("").join(drawn),
    )


def _depths(graph: LineageGraph) -> dict[str, int]:
    """Longest way from each node to the root, in steps."""
    below: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    for edge in graph.edges:
        below[edge.target].append(edge.source)
        waiting[edge.source] += 1
    depth = {graph.root: 0}
    ready = [graph.root]
    while ready:
        node = ready.pop()
        for source in below[node]:
            depth[source] = max(depth.get(source, 0), depth[node] + 1)
            waiting[source] -= 1
            if waiting[source] == 0:
                ready.append(source)
    return depth


def _boxes(graph: LineageGraph, depth: Mapping[str, int]) -> tuple[list[_Box], dict[str, str]]:
    used_by: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        used_by[edge.source].add(graph.node(edge.target).label)
    groups: dict[tuple[int, str, str, str], list[LineageNode]] = defaultdict(list)
    for node in graph.nodes:
        groups[depth[node.id], node.kind, node.label, " ".join(sorted(used_by[node.id]))].append(node)
    deepest = max(depth.values())
    boxes: list[_Box] = []
    member: dict[str, str] = {}
    for (level, kind, label, _), nodes in sorted(groups.items()):
        together = [nodes] if len(nodes) >= TOGETHER_FROM else [[node] for node in nodes]
        for group in together:
            key = f"{level}/{kind}/{label}/{group[0].id}"
            member |= {node.id: key for node in group}
            title = "; ".join(_name(node) for node in group[:12]) + (" …" if len(group) > 12 else "")
            boxes.append(_Box(key, deepest - level, kind, _lines(group), title, group[0].id == graph.root))
    return boxes, member


def _lines(nodes: Sequence[LineageNode]) -> tuple[str, ...]:
    first = nodes[0]
    one, several = LAYER_NAMES.get(first.label, (first.label, first.label)) if first.kind == "dataset" else ("", "")
    if len(nodes) > 1:
        dates = sorted({node.date or node.at[:10] for node in nodes if node.date or node.at})
        rows = [node.rows for node in nodes if node.rows is not None]
        head = f"{len(nodes)} {several}" if first.kind == "dataset" else f"{first.label}: {len(nodes)} runs"
        span = "" if not dates else dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        return tuple(filter(None, (head, span, f"{sum(rows):,} rows" if rows else "")))
    if first.kind == "step":
        commit = first.facts.get("commit", "")
        return tuple(
            filter(
                None, (first.label, f"{first.at[:16].replace('T', ' ')} UTC", f"commit {commit[:10]}" if commit else "")
            )
        )
    rows_text = "" if first.rows is None else f"{first.rows:,} rows"
    return tuple(filter(None, (one, first.name.rsplit("/", 1)[-1] or rows_text, first.digest[:16])))


def _name(node: LineageNode) -> str:
    return f"{node.label} {node.run_id}" if node.kind == "step" else f"{node.label} {node.name} {node.digest[:16]}"


def _ordered(columns: dict[int, list[_Box]], edges: Sequence[tuple[str, str]]) -> list[list[_Box]]:
    """Columns from left to right, each sorted by where its neighbours on the right lie: fewer crossings."""
    rank: dict[str, float] = {}
    for column in sorted(columns, reverse=True):
        columns[column].sort(key=lambda box: (_pull(box, edges, rank), box.key))
        size = len(columns[column])
        rank |= {box.key: (position + 0.5) / size for position, box in enumerate(columns[column])}
    return [columns[column] for column in sorted(columns)]


def _pull(box: _Box, edges: Sequence[tuple[str, str]], rank: Mapping[str, float]) -> float:
    targets = [rank[target] for source, target in edges if source == box.key and target in rank]
    return sum(targets) / len(targets) if targets else 0.0


def _places(columns: Sequence[Sequence[_Box]], height: int) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    for number, column in enumerate(columns):
        used = len(column) * BOX_HEIGHT + (len(column) - 1) * GAP_Y
        for position, box in enumerate(column):
            y = (height - used) / 2 + position * (BOX_HEIGHT + GAP_Y)
            places[box.key] = (MARGIN + number * (BOX_WIDTH + GAP_X), y)
    return places


def _edge(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    x1, y1 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT / 2
    x2, y2 = end[0], end[1] + BOX_HEIGHT / 2
    bend = max(20.0, (x2 - x1) / 2)
    return Markup('<path class="edge" d="M{} {} C{} {} {} {} {} {}"/>').format(
        *(round(value, 1) for value in (x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2))
    )


def _draw_box(box: _Box, x: float, y: float) -> Markup:
    name = f"{box.kind} root" if box.root else box.kind
    corner = 12 if box.kind == "step" else 2
    body = Markup('<g class="{}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="{}"/>').format(
        name, box.title, x, round(y, 1), BOX_WIDTH, BOX_HEIGHT, corner
    )
    for position, line in enumerate(box.lines[:3]):
        shown = line if len(line) <= _CHARACTERS else line[: _CHARACTERS - 1] + "…"
        body += Markup('<text x="{}" y="{}"{}>{}</text>').format(
            x + 10, round(y + 20 + position * 16, 1), Markup(' class="head"') if position == 0 else "", escape(shown)
        )
    return body + Markup("</g>")
