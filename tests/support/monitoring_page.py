"""The page of a made-up run of monitoring."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
from record_page import sha

from governance.pages.models import MonitorPage
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

START = date(2026, 3, 2)


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


def made_features() -> tuple[FeatureDrift, ...]:
    return tuple(
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


def made_scores() -> ScoreDrift:
    return ScoreDrift(
        raw=column("score", 0.2, True),
        adjusted=column("score", 0.02, False),
        attribution="cameras",
        quantiles=(0.5, 0.99, 1.0),
        reference=(0.001, 0.2, 0.94),
        current=(0.001, 0.16, 0.9),
    )


def made_labels() -> LabelDrift:
    span = LabelSpan(
        findings=60, confirmed=18, eliminated=36, inconclusive=6, confirmed_share=0.3333, median_delay_days=9
    )
    return LabelDrift(
        reference=span,
        current=span,
        confirmed_changed=False,
        ranked_due=120,
        ranked_without_finding=31,
        late_share=0.2583,
        late=False,
    )


def monitor_page(cameras: int = 40) -> MonitorPage:
    features, scores, labels = made_features(), made_scores(), made_labels()
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
        reports={"evidently.html": "0" * 64},
        folder="monitoring/x",
    )
    return MonitorPage(
        region="North West",
        champion="county_lines.nwrocu version 3",
        made_at="2026-04-27 06:00",
        result=result,
        features={"away_trips": "restocking runs (B1, B3)"},
    )
