"""What holds for every page: it asks nobody for anything, everybody can read it, it escapes what comes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from analyst_page import TOKEN, analyst_list
from monitoring_page import monitor_page
from page_support import check_asks_nobody, check_readable
from record_page import graph, model_record, sha

from governance.lineage.graph import LineageGraph, LineageNode
from governance.pages.models import AnalystRow
from governance.pages.render import render_analyst_list, render_lineage, render_model_record, render_monitoring

PAGES = {
    "model_record": lambda: render_model_record(model_record()),
    "analyst_list": lambda: render_analyst_list(analyst_list()),
    "monitoring": lambda: render_monitoring(monitor_page()),
    "lineage": lambda: render_lineage(graph(), "county_lines.nwrocu 3"),
}


@pytest.fixture(params=sorted(PAGES))
def html(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]()


def test_a_page_asks_nobody_for_anything_and_runs_nothing(html: str) -> None:
    check_asks_nobody(html)


def test_a_page_can_be_read_by_everybody(html: str) -> None:
    check_readable(html)


def test_what_comes_in_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    row = AnalystRow(rank=1, vehicle=TOKEN, facts=(evil,), score="0.5")
    assert "<script" not in render_analyst_list(analyst_list(rows=(row,)))
    node = LineageNode(id="models:m", kind="dataset", label="models", name=evil, digest=sha("m"))
    assert "<script" not in render_lineage(LineageGraph(rocu="nwrocu", root="models:m", nodes=(node,), edges=()), evil)


def test_pages_stay_small_enough_to_send(tmp_path: Path) -> None:
    for name, make in PAGES.items():
        path = tmp_path / f"{name}.html"
        path.write_text(make(), encoding="utf-8")
        assert path.stat().st_size < 400_000
