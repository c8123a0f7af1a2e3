"""What came from what: the lineage events read back as a graph, from a model version or a scores run to landing files.

Belongs here: reading the events, walking them upstream, the tree for a terminal. Does not: writing events, pages.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from infra.errors import FaultError, WrongInputError
from infra.lake import Lake

RUN_FACET = "findprofile_run"
DATASET_FACET = "findprofile_dataset"
DIGEST = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{24,}\b")
WIDTH = 100
BROUGHT = {"ingest": "reads", "requalify": "reads", "dispositions": "findings", "cameras-load": "camera registers"}
LAYER_NAMES = {
    "landing": ("landing file", "landing files"),
    "registers": ("camera register", "camera registers"),
    "reads": ("part of reads", "parts of reads"),
    "quarantine": ("part of quarantine", "parts of quarantine"),
    "rule_counts": ("table of rule counts", "tables of rule counts"),
    "dispositions": ("part of dispositions", "parts of dispositions"),
    "snapshots": ("training snapshot", "training snapshots"),
    "models": ("model", "models"),
    "scores": ("scores", "sets of scores"),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineageNode(_Frozen):
    """A dataset or a step. `label` is the layer of a dataset, the job of a step; `name` how people know it.

    `digest` is the SHA-256 of a dataset, `run_id` the run of a step, `at` the time that a step was complete.
    """

    id: str
    kind: Literal["dataset", "step"]
    label: str
    name: str = ""
    digest: str = ""
    run_id: str = ""
    at: str = ""
    rows: int | None = None
    date: str | None = None
    facts: dict[str, str] = {}


class LineageEdge(_Frozen):
    """`source` went into `target`, or `target` came out of `source`."""

    source: str
    target: str


class LineageGraph(_Frozen):
    """Everything upstream of `root`, for one ROCU. Nodes are sorted by id; there is no cycle."""

    rocu: str
    root: str
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]

    def node(self, name: str) -> LineageNode:
        """The node of an id."""
        return self._by_id[name]

    @cached_property
    def _by_id(self) -> dict[str, LineageNode]:
        return {node.id: node for node in self.nodes}

    @property
    def landing(self) -> tuple[LineageNode, ...]:
        """The files as delivered that everything came from, by date and digest."""
        found = (node for node in self.nodes if node.kind == "dataset" and node.label == "landing")
        return tuple(sorted(found, key=lambda node: (node.date or "", node.name, node.digest)))


@dataclass(frozen=True)
class _Step:
    node: LineageNode
    inputs: tuple[LineageNode, ...]
    outputs: tuple[LineageNode, ...]
    made_from: dict[str, frozenset[str]]


def lineage_of_model(lake: Lake, rocu: str, model: str, version: str | int) -> LineageGraph:
    """Everything that a model version came from.

    Args:
        lake: Holds the events.
        rocu: Region of the model.
        model: `<pattern>.<rocu>`.
        version: As registered.

    Raises:
        WrongInputError: No step recorded that it made this version.
        FaultError: An event cannot be read.
    """
    steps = _read_steps(lake, rocu)
    for step in steps:
        facts = step.node.facts
        if facts.get("model") == model and facts.get("model_version") == str(version):
            made = [output for output in step.outputs if output.label == "models"]
            if made:
                return _upstream(rocu, made[0], steps)
    known = sorted(
        {f"{s.node.facts['model']} {s.node.facts.get('model_version', '?')}" for s in steps if "model" in s.node.facts}
    )
    raise WrongInputError(
        f"No lineage is recorded for {model} version {version}.",
        f"Known here: {', '.join(known)}." if known else f"{rocu} has no model yet: retrain first.",
    )


def lineage_of_scores(lake: Lake, run_id: str, rocu: str | None = None) -> LineageGraph:
    """Everything that a scores run came from.

    Args:
        lake: Holds the events.
        run_id: Of the scores run.
        rocu: Where to look; every ROCU of the lake unless given.

    Raises:
        WrongInputError: No step recorded scores under this run id.
        FaultError: An event cannot be read.
    """
    regions = [rocu] if rocu else sorted(path.name[5:] for path in (lake.root / "lineage").glob("rocu=*"))
    for region in regions:
        steps = _read_steps(lake, region)
        for step in steps:
            made = [output for output in step.outputs if output.label == "scores"]
            if made and step.node.run_id == run_id:
                return _upstream(region, made[0], steps)
    raise WrongInputError(
        f"No lineage is recorded for a scores run {run_id}.",
        "Give the run id that score printed and every score row carries.",
    )


def _read_steps(lake: Lake, rocu: str) -> tuple[_Step, ...]:
    """The completed steps of a ROCU, oldest first."""
    steps = []
    for path in lake.folder("lineage", rocu).glob("*-COMPLETE.json"):
        try:
            steps.append(_step(json.loads(path.read_bytes())))
        except (ValueError, KeyError, TypeError):
            raise FaultError(
                f"The lineage event {path.name} of {rocu} is damaged.",
                "Restore the lake's lineage folder from a backup.",
            ) from None
    return tuple(sorted(steps, key=lambda step: (step.node.at, step.node.id)))


def _step(event: dict[str, Any]) -> _Step:
    facet = event["run"]["facets"][RUN_FACET]
    named = ("contract_version", "model", "model_version", "commit", "pattern", "as_of")
    facts = {name: str(facet[name]) for name in named if facet.get(name) is not None}
    node = LineageNode(
        id=f"step:{facet['job']}:{facet['run_id']}",
        kind="step",
        label=facet["job"],
        run_id=facet["run_id"],
        at=event["eventTime"],
        facts=facts | {str(key): str(value) for key, value in facet.get("more", {}).items()},
    )
    inputs, outputs = (
        [item["facets"][DATASET_FACET] for item in event.get(side, [])] for side in ("inputs", "outputs")
    )
    return _Step(
        node,
        tuple(_dataset(item) for item in inputs),
        tuple(_dataset(item) for item in outputs),
        {_dataset(item).id: frozenset(item["made_from"]) for item in outputs if item.get("made_from")},
    )


def _dataset(facet: dict[str, Any]) -> LineageNode:
    return LineageNode(
        id=f"{facet['layer']}:{facet['sha256']}",
        kind="dataset",
        label=facet["layer"],
        name=facet.get("name", ""),
        digest=facet["sha256"],
        rows=facet.get("rows"),
        date=facet.get("date"),
    )


def _upstream(rocu: str, root: LineageNode, steps: Sequence[_Step]) -> LineageGraph:
    """Walk from the root to everything it came from; of several steps that made the same content the first counts."""
    maker: dict[str, _Step] = {}
    for step in steps:
        for output in step.outputs:
            maker.setdefault(output.id, step)
    nodes, edges, waiting = {root.id: root}, set(), [root.id]
    while waiting:
        dataset = waiting.pop()
        made_by = maker.get(dataset)
        if made_by is None:
            continue
        nodes[made_by.node.id] = made_by.node
        edges.add((made_by.node.id, dataset))
        for source in _sources(made_by, dataset):
            edges.add((source.id, made_by.node.id))
            if source.id not in nodes:
                nodes[source.id] = source
                waiting.append(source.id)
    return LineageGraph(
        rocu=rocu,
        root=root.id,
        nodes=tuple(nodes[name] for name in sorted(nodes)),
        edges=tuple(LineageEdge(source=a, target=b) for a, b in sorted(edges)),
    )


def _sources(step: _Step, dataset: str) -> Iterable[LineageNode]:
    kept = step.made_from.get(dataset)
    return (item for item in step.inputs if item.id != dataset and (kept is None or item.digest in kept))


def render_tree(graph: LineageGraph) -> str:
    """The graph as an indented tree for a terminal, ending with every landing file by its whole SHA-256.

    Its lines are at most `WIDTH` wide, but for a file whose name is very long.
    """
    above: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        above[edge.target].append(edge.source)
    lines = [describe([graph.node(graph.root)])]
    _branches([graph.root], graph, above, "", {graph.root}, lines)
    lines += ["", "In brackets: where the SHA-256 of a dataset begins. A step has its run id and when it was complete."]
    lines += ["", f"{_count('landing', len(graph.landing))}, each by the SHA-256 of the file as delivered:"]
    for brought, nodes in _by_what_they_brought(graph).items():
        lines += [f"  {brought}: {len(nodes)}", *(f"    {node.digest}  {node.name}".rstrip() for node in nodes)]
    return "\n".join(lines)


def _by_what_they_brought(graph: LineageGraph) -> dict[str, list[LineageNode]]:
    """The landing files, by the step that took each."""
    takers = {edge.source: graph.node(edge.target).label for edge in graph.edges}
    found: dict[str, list[LineageNode]] = defaultdict(list)
    for node in graph.landing:
        taker = takers.get(node.id, "taken by no step")
        found[BROUGHT.get(taker, taker)].append(node)
    return dict(sorted(found.items()))


def _branches(
    members: Sequence[str],
    graph: LineageGraph,
    above: dict[str, list[str]],
    indent: str,
    shown: set[str],
    lines: list[str],
) -> None:
    groups: dict[tuple[str, str], list[LineageNode]] = defaultdict(list)
    for name in sorted({source for member in members for source in above[member]}):
        node = graph.node(name)
        groups[node.kind, node.label].append(node)
    for position, key in enumerate(sorted(groups)):
        last = position == len(groups) - 1
        fresh = [node.id for node in groups[key] if node.id not in shown]
        note = "" if fresh or not any(above[node.id] for node in groups[key]) else "  (see above)"
        below = indent + ("   " if last else "│  ")
        lines += _fitted(f"{indent}{'└─' if last else '├─'} ", f"{describe(groups[key])}{note}", f"{below}    ")
        shown.update(fresh)
        if fresh:
            _branches(fresh, graph, above, below, shown, lines)


def _fitted(first: str, text: str, more: str) -> list[str]:
    """A line of the tree; what does not fit goes on below it."""
    room = max(WIDTH - len(more), WIDTH // 2)
    parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return [f"{more if number else first}{part}" for number, part in enumerate(parts)]


def describe(nodes: Sequence[LineageNode]) -> str:
    """One line for one node, or for several of a kind: how many, which dates, how many rows."""
    if len(nodes) == 1:
        return _describe_one(nodes[0])
    dates = sorted({node.date for node in nodes if node.date} | {node.at[:10] for node in nodes if node.at})
    parts = [f"{nodes[0].label}: {len(nodes)} {'runs' if nodes[0].kind == 'step' else 'parts'}"]
    if nodes[0].kind == "dataset":
        parts = [_count(nodes[0].label, len(nodes))]
    if dates:
        parts.append(dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}")
    rows = [node.rows for node in nodes if node.rows is not None]
    if rows:
        parts.append(f"{sum(rows):,} rows")
    return ", ".join(parts)


def _describe_one(node: LineageNode) -> str:
    if node.kind == "step":
        told = ((key, DIGEST.sub(r"\1…", value)) for key, value in sorted(node.facts.items()))
        facts = "".join(f", {key.replace('_', ' ')} {value}" for key, value in told)
        return f"{node.label} (run {node.run_id}, {node.at[:19].replace('T', ' ')}{facts})"
    rows = "" if node.rows is None else f", {node.rows:,} rows"
    day = "" if node.date is None else f", {node.date}"
    return f"{_count(node.label, 1)} {node.name}".rstrip() + f" [{node.digest[:16]}]{day}{rows}"


def _count(layer: str, number: int) -> str:
    one, several = LAYER_NAMES.get(layer, (f"{layer} part", f"{layer} parts"))
    return one if number == 1 and layer != "landing" else f"{number} {one if number == 1 else several}"
