"""Frozen data to HTML text: the pages. Everything is escaped; a missing field is an error, never a blank."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment

from data_contracts.layers.batch_counts import LATENESS_BINS
from data_contracts.trend_picture import draw_trend, share_text
from governance.documents.model import MadeFromRecord
from governance.lineage.graph import LineageGraph, describe
from governance.pages.bar_svg import draw_bar
from governance.pages.batch_models import BatchPage
from governance.pages.behaviours import named_behaviours
from governance.pages.contract_models import EFFECTS, ContractPage
from governance.pages.environment import make_environment
from governance.pages.estate_svg import draw_estate
from governance.pages.lineage_svg import draw_lineage
from governance.pages.models import AnalystListPage, ModelRecordPage, MonitorPage, Plot
from governance.pages.scoreboard_models import Scoreboard

VERDICTS = {
    **dict.fromkeys(("passed", "done", "inside", "stricter", "same"), "good"),
    **dict.fromkeys(("refused", "failed", "missing", "outside", "weaker", "changed"), "bad"),
    "other": "look",
}
# shares up to which each shade of the scoreboard goes
SHADES = (0.0, 0.001, 0.01, 0.03, 0.1)
# the last step of lateness has no end
LONGEST_STEP = 2.0**LATENESS_BINS


def render_model_record(page: ModelRecordPage) -> str:
    """The record of one model version, as one HTML file."""
    return _render("model_record.html.j2", page=page)


def render_analyst_list(page: AnalystListPage) -> str:
    """The ranked list for analysts, as one HTML file: cautions and facts first, the assessment apart."""
    return _render("analyst_list.html.j2", page=page)


def render_monitoring(page: MonitorPage) -> str:
    """One run of monitoring, as one HTML file."""
    return _render("monitoring.html.j2", page=page, result=page.result)


def render_lineage(graph: LineageGraph, title: str) -> str:
    """A lineage graph on a page of its own."""
    return _render("lineage.html.j2", graph=graph, title=title)


def render_batch(page: BatchPage) -> str:
    """One batch, as one HTML file."""
    return _render("batch.html.j2", page=page)


def render_scoreboard(board: Scoreboard) -> str:
    """The quality of the data across ROCUs and forces, as one HTML file."""
    return _render("scoreboard.html.j2", board=board)


def render_contract(page: ContractPage) -> str:
    """One version of a contract, as one HTML file."""
    return _render("contract.html.j2", page=page, effects=EFFECTS)


def render_document(document: MadeFromRecord) -> str:
    """A document made from the record, as one HTML file."""
    return _render("document.html.j2", page=document)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    filters: dict[str, Callable[..., Any]] = {
        "data_uri": _data_uri,
        "lineage_svg": draw_lineage,
        "estate_svg": draw_estate,
        "describe": describe,
        "percent": _percent,
        "number": _number,
        "words": _words,
        "named_behaviours": named_behaviours,
        "share_text": share_text,
        "bar": draw_bar,
        "trend": draw_trend,
        "trend_here": lambda points, rule: next(point.shares[rule] for point in points if point.here),
        "trend_most": lambda points, rule: max(point.shares[rule] for point in points),
        "parted": lambda reason: reason.partition(": "),
        "shade": shade,
        "verdict": lambda word: VERDICTS.get(word, "calm"),
        "step_of": step_text,
    }
    return make_environment(filters)


def _data_uri(plot: Plot) -> str:
    return f"data:{plot.media_type};base64,{b64encode(plot.content).decode()}"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0%}"


def _number(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "not known"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}".rstrip("0").rstrip(".") or "0"


def _words(name: str) -> str:
    return name.replace("_", " ")


def shade(share: float | None) -> str:
    """The class of a share's shade on the scoreboard."""
    if share is None:
        return "s-none"
    return f"s-{next((number for number, limit in enumerate(SHADES) if share <= limit), len(SHADES))}"


def step_text(seconds: float | None) -> str:
    """The doubling step that ends at so many seconds: all that is known of a time counted in such steps."""
    if seconds is None:
        return "not counted"
    if seconds <= 2:
        return "under 2 s"
    size, name = next(
        (size, name)
        for size, name in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))
        if seconds >= 2 * size or size == 1
    )
    if seconds >= LONGEST_STEP:
        return f"over {_number(seconds / 2 / size, 1)} {name}"
    return f"{_number(seconds / 2 / size, 1)} to {_number(seconds / size, 1)} {name}"
