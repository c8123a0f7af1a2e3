"""Answers what something was made from, and draws the record of a model version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, permit
from infra.errors import WrongInputError
from infra.lake import write_text

if TYPE_CHECKING:
    from governance.lineage.graph import LineageGraph


@dataclass(frozen=True)
class Traced:
    """An answer as data and as text; `page` is where it was drawn, if it was."""

    data: dict[str, Any]
    text: str
    page: Path | None


def trace(context: Context, model: str | None, version: int | None, scores: str | None, html: Path | None) -> Traced:
    """The lineage of a model version, or of a scores run.

    Raises:
        WrongInputError: It is not clear what is asked for, or nothing of that name is recorded.
        RefusedError: No permission in its ROCU.
    """
    from governance.lineage.graph import lineage_of_model, lineage_of_scores, render_tree
    from governance.pages.render import render_lineage
    from governance.promotion.registry_port import split_model

    if scores and not model:
        graph = lineage_of_scores(context.lake, scores)
        permit(context, "lineage.read", graph.rocu, f"scores {scores}")
        page = render_lineage(graph, f"Scores run {scores}") if html else None
    elif model and version is not None and not scores:
        rocu = split_model(model)[1]
        permit(context, "lineage.read", rocu, f"{model}/{version}")
        graph = lineage_of_model(context.lake, rocu, model, version)
        page = _record_page(context, model, version, graph) if html else None
    else:
        raise WrongInputError("What to trace is not clear.", "Give MODEL VERSION, or --scores RUN.")
    if html and page:
        write_text(html, page)
    text = render_tree(graph) + (f"\n\ndrawn in {html}" if html else "")
    return Traced(graph.model_dump(mode="json"), text, html)


def _record_page(context: Context, model: str, version: int, graph: LineageGraph) -> str:
    from flows.steps.record import record_page

    return record_page(context, model, version, graph)
