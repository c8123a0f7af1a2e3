"""Frozen data to HTML text: the four pages. Everything is escaped; a missing field is an error, never a blank."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from governance.lineage import LineageGraph, describe
from governance.pages.estate_svg import draw_estate
from governance.pages.lineage_svg import draw_lineage
from governance.pages.models import AnalystListPage, ModelRecordPage, MonitorPage, Plot

TEMPLATES = Path(__file__).parent / "templates"


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


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The stylesheet is our own file: it goes into the page as it is
    environment.globals["stylesheet"] = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704
    environment.filters |= {
        "data_uri": _data_uri,
        "lineage_svg": draw_lineage,
        "estate_svg": draw_estate,
        "describe": describe,
        "percent": _percent,
        "number": _number,
        "words": _words,
    }
    return environment


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
