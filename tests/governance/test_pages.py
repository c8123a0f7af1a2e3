from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from governance.lineage import LineageEdge, LineageGraph, LineageNode
from governance.pages.models import (
    AnalystListPage,
    AnalystRow,
    BatchRow,
    DecisionRow,
    Fact,
    FigureRow,
    GateRow,
    ModelRecordPage,
    MonitorPage,
    Plot,
)
from governance.pages.render import render_analyst_list, render_lineage, render_model_record, render_monitoring
from models.drift.estate import examine_estate
from models.drift.recommendation import recommend
from models.drift.results import (
    ColumnDrift,
    EstateResult,
    FeatureDrift,
    LabelDrift,
    LabelSpan,
    MonitorResult,
    ScoreDrift,
    Span,
)
from models.drift.settings import MonitorSettings

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/></svg>'
START = date(2026, 3, 2)
TOKEN = "bcdfghjklmnpqrstbcdfghjklmnpqrst"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Outline(HTMLParser):
    """What a reader's tools see: tags in balance, addresses, headings, images with their texts."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def graph(days: int = 28) -> LineageGraph:
    landing = [
        LineageNode(
            id=f"landing:{sha(f'l{i}')}",
            kind="dataset",
            label="landing",
            name=f"2026-03-{i + 1:02}.csv.gz",
            digest=sha(f"l{i}"),
        )
        for i in range(days)
    ]
    reads = [
        LineageNode(
            id=f"reads:{sha(f'r{i}')}",
            kind="dataset",
            label="reads",
            name=f"reads/{i}.parquet",
            digest=sha(f"r{i}"),
            rows=12000 + i,
            date=(START + timedelta(days=i)).isoformat(),
        )
        for i in range(days)
    ]

    def step(job: str, hour: int, **facts: str) -> LineageNode:
        return LineageNode(
            id=f"step:{job}:{job}-1",
            kind="step",
            label=job,
            run_id=f"{job}-1",
            at=f"2026-05-04T{hour:02}:00:00+00:00",
            facts=facts,
        )

    ingest, findings = step("ingest", 1, contract_version="1.0.0"), step("dispositions", 2)
    snapshot_step, train = step("snapshot", 3, commit="9a01cc3d"), step("train", 4, commit="9a01cc3d")
    labels_file = LineageNode(id="landing:f", kind="dataset", label="landing", name="findings.csv", digest=sha("f"))
    register = LineageNode(
        id="registers:c", kind="dataset", label="registers", name="cameras", digest=sha("c"), rows=120
    )
    labels = LineageNode(id="dispositions:d", kind="dataset", label="dispositions", digest=sha("d"), rows=210)
    snapshot = LineageNode(id="snapshots:s", kind="dataset", label="snapshots", digest=sha("s"), rows=4200)
    model = LineageNode(id="models:m", kind="dataset", label="models", name="county_lines.nwrocu 3", digest=sha("m"))
    pairs = [(register, ingest), (labels_file, findings), (findings, labels), (labels, snapshot_step)]
    pairs += [(node, ingest) for node in landing] + [(ingest, node) for node in reads]
    pairs += [(node, snapshot_step) for node in reads] + [(snapshot_step, snapshot), (snapshot, train), (train, model)]
    nodes = {node.id: node for pair in pairs for node in pair}
    return LineageGraph(
        rocu="nwrocu",
        root=model.id,
        nodes=tuple(nodes[name] for name in sorted(nodes)),
        edges=tuple(LineageEdge(source=a.id, target=b.id) for a, b in pairs),
    )


def model_record(**changes: object) -> ModelRecordPage:
    page = ModelRecordPage(
        rocu="nwrocu",
        region="North West",
        model="county_lines.nwrocu",
        version="3",
        status="champion",
        made_at="2026-05-04 06:10",
        purpose="Ranking vehicles whose movements have the shape of county lines activity, for an analyst to examine.",
        not_for="Stopping a vehicle, naming a person, or any decision without a person.",
        identity=(
            Fact(name="Pattern", value="County lines"),
            Fact(name="Trained by", value="Sam Carter (embedded:sam carter)"),
            Fact(name="Commit", value="9a01cc3d5b6a", code=True),
        ),
        digests=(
            Fact(name="Model text", value=sha("m"), code=True),
            Fact(name="Training inputs", value=sha("i"), code=True),
        ),
        data=(
            Fact(name="Contract", value="reads 1.0.0"),
            Fact(name="Windows", value="2026-03-29 to 2026-04-26, 5 window ends"),
        ),
        batches=tuple(
            BatchRow(
                batch_id=sha(f"l{i}")[:16],
                delivered_as=f"2026-03-{i + 1:02}.csv.gz",
                sha256=sha(f"l{i}"),
                contract_version="1.0.0",
                verdict="passed_with_quarantine" if i % 5 == 0 else "passed",
                rows=12500,
                accepted=12300,
                quarantined=80,
                duplicates=120,
            )
            for i in range(8)
        ),
        evidence_digest=sha("e"),
        figures=(
            FigureRow(
                name="Average precision",
                challenger="0.41 (0.32 to 0.52)",
                champion="0.36 (0.27 to 0.46)",
                baseline="0.18",
            ),
            FigureRow(name="Precision at 30", challenger="0.43 (0.33 to 0.53)", baseline="0.20"),
        ),
        gate_outcome="passed",
        gate=(
            GateRow(
                name="average precision",
                what="better than the floor",
                limit="at least 0.10",
                source="policy nwrocu 2026-04",
                value="0.41",
                result="passed",
            ),
            GateRow(
                name="against champion",
                what="no worse on the same hold-out",
                limit="difference at least -0.02",
                source="policy nwrocu 2026-04",
                value="0.05",
                result="passed",
            ),
        ),
        decisions=(
            DecisionRow(
                at="2026-05-04 06:20", action="promotion requested", by="Sam Carter, ml_engineer", outcome="done"
            ),
            DecisionRow(at="2026-05-04 06:20", action="gate", by="policy nwrocu 2026-04", outcome="passed"),
            DecisionRow(
                at="2026-05-04 07:00",
                action="approval",
                by="Sam Carter, ml_engineer",
                outcome="refused",
                reason="The trainer of a version may not approve it.",
            ),
            DecisionRow(at="2026-05-04 09:00", action="approval", by="Ruth Okafor, governance", outcome="approved"),
            DecisionRow(at="2026-05-04 09:30", action="approval", by="Ian Price, governance", outcome="approved"),
        ),
        plots=(
            Plot(
                title="Precision and recall",
                media_type="image/svg+xml",
                content=SVG,
                description="Precision falls from 0.8 to 0.2 as recall rises",
            ),
        ),
        lineage=graph(),
        dvc_lock="schema: '2.0'\nstages:\n  train@nwrocu:\n    cmd: python -m models.stages train\n",
    )
    return page.model_copy(update=changes)


def analyst_list(**changes: object) -> AnalystListPage:
    page = AnalystListPage(
        rocu="nwrocu",
        region="North West",
        pattern="county_lines",
        as_of="2026-05-03",
        window="2026-04-06 to 2026-05-03",
        run_id="5f2c9d81aa01b6e4",
        made_at="2026-05-04 06:30",
        vehicles_scored=20412,
        assessment=(
            Fact(name="Model", value="county_lines.nwrocu version 3"),
            Fact(name="Model text", value=sha("m"), code=True),
        ),
        data_notes=("Camera M6-014 was silent from 2026-04-28 to 2026-05-03: trips past it are missing.",),
        rows=(
            AnalystRow(
                rank=1,
                vehicle=TOKEN,
                cautions=("2 pairs of reads would need more than 160 km/h: rule out a cloned or misread plate first.",),
                facts=(
                    "7 trips of over 60 km there and back in 28 days; median stay 42 min",
                    "First seen 19 days before the end of the window",
                ),
                score="0.913",
                against=("Same 3 cameras on 20 of 28 days",),
            ),
            AnalystRow(rank=2, vehicle=TOKEN[::-1], facts=("4 nights away in 28 days, at one place",), score="0.801"),
        ),
    )
    return page.model_copy(update=changes)


def column(name: str, score: float, drifted: bool) -> ColumnDrift:
    return ColumnDrift(
        column=name,
        state="compared",
        method="wasserstein",
        threshold=0.1,
        score=score,
        noise=0.03 if drifted else None,
        drifted=drifted,
        missing_reference=0,
        missing_current=0,
        median_reference=3.0,
        median_current=2.0,
    )


def estate(cameras: int = 40) -> EstateResult:
    rng = np.random.default_rng(5)
    rows = []
    for i in range(cameras):
        rate = [320, 180, 90, 40, 12, 2][i % 6]
        for day in range(56):
            n = int(rng.poisson(rate))
            if i in (0, 1) and day >= 46:
                n = 0
            if i == 8 and 30 <= day < 34:
                n *= 4
            if i == 14 and day < 33:
                n = 0
            if n:
                site = "A49 bridge" if i in (0, 1) else f"site-{i}"
                rows.append({"camera_id": f"cam-{i:03}", "site_id": site, "date": START + timedelta(days=day), "n": n})
    return examine_estate(pa.Table.from_pylist(rows), START, START + timedelta(days=28), START + timedelta(days=55))


def monitor_page(cameras: int = 40) -> MonitorPage:
    features = tuple(
        FeatureDrift(
            feature=name,
            population=population,
            raw=column(name, raw, raw > 0.1),
            adjusted=column(name, adjusted, adjusted > 0.1),
            attribution=attribution,
        )
        for population in ("all", "ranked")
        for name, raw, adjusted, attribution in (
            ("away_trips", 0.31, 0.04, "cameras"),
            ("median_stay_minutes", 0.24, 0.22, "behaviour"),
            ("night_share", 0.02, 0.03, "none"),
        )
    )
    scores = ScoreDrift(
        raw=column("score", 0.2, True),
        adjusted=column("score", 0.02, False),
        attribution="cameras",
        quantiles=(0.5, 0.99, 1.0),
        reference=(0.001, 0.2, 0.94),
        current=(0.001, 0.16, 0.9),
    )
    span = LabelSpan(
        findings=60, confirmed=18, eliminated=36, inconclusive=6, confirmed_share=0.3333, median_delay_days=9
    )
    labels = LabelDrift(
        reference=span,
        current=span,
        confirmed_changed=False,
        ranked_due=120,
        ranked_without_finding=31,
        late_share=0.2583,
        late=False,
    )
    settings, seen = MonitorSettings(), estate(cameras)
    result = MonitorResult(
        run_id="a1b2c3d4e5f60718",
        rocu="nwrocu",
        pattern="county_lines",
        as_of=START + timedelta(days=55),
        made_at=datetime(2026, 4, 27, 6, tzinfo=UTC),
        settings=settings,
        champion_digest=sha("m"),
        reads_digest=sha("r"),
        reference=Span(start=START, end=START + timedelta(days=27), days_with_reads=28),
        current=Span(start=START + timedelta(days=28), end=START + timedelta(days=55), days_with_reads=28),
        vehicles_reference=20103,
        vehicles_current=19877,
        reads_left_share=0.93,
        estate=seen,
        features=features,
        scores=scores,
        labels=labels,
        recommendation=recommend(seen, features, scores, labels, settings),
        reports=("evidently.html",),
        folder="monitoring/x",
    )
    return MonitorPage(
        region="North West",
        champion="county_lines.nwrocu version 3",
        made_at="2026-04-27 06:00",
        result=result,
        features={"away_trips": "restocking runs"},
    )


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
    outline = Outline(html)
    assert outline.named("script") == outline.named("link") == outline.named("iframe") == []
    for tag, attributes in outline.tags:
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:", "#")) or re.fullmatch(r"[\w.]+\.html", target), (
                tag,
                target,
            )
    assert "url(" not in html
    assert "@import" not in html


def test_a_page_can_be_read_by_everybody(html: str) -> None:
    outline = Outline(html)
    assert [attributes["lang"] for attributes in outline.named("html")] == ["en-GB"]
    assert len(outline.named("h1")) == 1
    assert all(attributes.get("alt") for attributes in outline.named("img"))
    assert all("scope" in attributes for attributes in outline.named("th"))
    assert all(a.get("role") == "img" or a.get("aria-hidden") for a in outline.named("svg"))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_model_record_shows_who_approved_who_was_refused_and_why() -> None:
    html = render_model_record(model_record())
    for text in ("Ruth Okafor", "Ian Price", "may not approve it", sha("e"), sha("m"), "at least 0.10", "train@nwrocu"):
        assert text in html
    for i in range(28):
        assert sha(f"l{i}") in html


def test_a_record_of_a_version_that_nobody_judged_says_so() -> None:
    html = render_model_record(
        model_record(
            status="challenger", gate=(), figures=(), decisions=(), plots=(), lineage=None, dvc_lock="", batches=()
        )
    )
    assert "Nobody has asked for this version to be promoted." in html
    assert "The gate has not judged this version." in html


def test_dozens_of_parts_become_one_box() -> None:
    svg = render_lineage(graph(60), "m")
    assert "60 parts of reads" in svg
    assert len(Outline(svg).named("rect")) < 15


def test_facts_and_cautions_come_before_the_assessment() -> None:
    html = render_analyst_list(analyst_list())
    first = html.index("the reads may be wrong"), html.index("7 trips of over 60 km"), html.index("rank 1, score 0.913")
    assert list(first) == sorted(first)
    assert "Most vehicles that look odd are innocent" in html
    assert "suspect" not in html.lower()


def test_an_empty_list_is_a_list() -> None:
    assert "No vehicle was ranked." in render_analyst_list(analyst_list(rows=()))


def test_what_comes_in_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    row = AnalystRow(rank=1, vehicle=TOKEN, facts=(evil,), score="0.5")
    assert "<script" not in render_analyst_list(analyst_list(rows=(row,)))
    node = LineageNode(id="models:m", kind="dataset", label="models", name=evil, digest=sha("m"))
    assert "<script" not in render_lineage(LineageGraph(rocu="nwrocu", root="models:m", nodes=(node,), edges=()), evil)


def test_monitoring_shows_raw_and_adjusted_and_the_recommendation() -> None:
    html = render_monitoring(monitor_page())
    assert "Recommendation: Inspect cameras" in html
    assert "Nothing here promotes a model" in html
    for text in ("cam-000", "A49 bridge", "whole site", "0.31", "0.04", "restocking runs", "evidently.html"):
        assert text in html


def test_a_big_estate_is_drawn_in_part_and_says_so() -> None:
    html = render_monitoring(monitor_page(cameras=120))
    assert "of 120 cameras changed" in html
    assert len(html) < 600_000


def test_a_page_takes_no_unknown_field() -> None:
    with pytest.raises(ValidationError):
        AnalystRow.model_validate({"rank": 1, "vehicle": TOKEN, "facts": (), "score": "1", "vrm": "x"})


def test_pages_stay_small_enough_to_send(tmp_path: Path) -> None:
    for name, make in PAGES.items():
        path = tmp_path / f"{name}.html"
        path.write_text(make(), encoding="utf-8")
        assert path.stat().st_size < 400_000
