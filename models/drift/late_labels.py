"""Labels that come late and labels that change: how long findings take, how many are missing, what share is confirmed.

Belongs here: counting over two small tables, ranked vehicles and findings. Does not: what a label means for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import sqrt
from pathlib import Path

import duckdb
import pyarrow as pa

from data_contracts.layers.manifests import PartRef
from infra.lake import Lake
from models.drift.results import LabelDrift, LabelSpan, Span
from models.drift.settings import LabelLimits
from models.units import JOINT, VEHICLES, Unit

FINDINGS = pa.schema(
    [
        ("vehicle", pa.string()),
        ("window_end", pa.date32()),
        ("finding", pa.string()),
        ("decided_at", pa.timestamp("us")),
        ("selected_by", pa.string()),
    ]
)
RANKED = pa.schema([("vehicle", pa.string()), ("window_end", pa.date32())])
_SIGNIFICANT = 2.58


def load_findings(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    parts: Sequence[PartRef],
    as_of: date,
    unit: Unit = "vehicle",
) -> pa.Table:
    """The latest finding per vehicle or pair and window decided by the end of `as_of` (UTC); columns of `FINDINGS`."""
    if not parts:
        return FINDINGS.empty_table()
    return (
        connection.sql(
            """SELECT vehicle, window_end, finding, decided_at, selected_by
        FROM read_parquet($paths, hive_partitioning = false) WHERE decided_at < $limit
            AND length(vehicle) - length(replace(vehicle, $joint, '')) = $joints
        QUALIFY row_number() OVER (
            PARTITION BY vehicle, window_end ORDER BY decided_at DESC, batch_id DESC, row_no DESC
        ) = 1 ORDER BY vehicle, window_end""",
            params={
                "paths": [str(lake.root / part.path) for part in parts],
                "limit": as_of + timedelta(days=1),
                "joint": JOINT,
                "joints": VEHICLES[unit] - 1,
            },
        )
        .to_arrow_table()
        .cast(FINDINGS)
    )


def load_ranked(connection: duckdb.DuckDBPyConnection, lists: Sequence[Path], top: int) -> pa.Table:
    """The vehicles ranked within `top` on any of these lists, with the columns of `RANKED`, sorted."""
    if not lists:
        return RANKED.empty_table()
    found = connection.sql(
        """SELECT DISTINCT vehicle, window_end FROM read_parquet($paths, hive_partitioning = false)
        WHERE rank <= $top ORDER BY vehicle, window_end""",
        params={"paths": [str(path) for path in lists], "top": top},
    )
    return found.to_arrow_table().cast(RANKED)


def examine_labels(
    ranked: pa.Table, findings: pa.Table, reference: Span, current: Span, limits: LabelLimits | None = None
) -> LabelDrift:
    """Compare the findings of both spans (by the day decided) and follow up the vehicles that were ranked.

    Args:
        ranked: vehicle, window_end of vehicles that were shown to analysts, all runs.
        findings: As `load_findings` gives them.
        reference: Earlier span.
        current: Later span; its end is the day on which lateness is judged.
        limits: When labels are late or changed.
    """
    limits = limits or LabelLimits()
    rows = findings.to_pylist()
    before, now = _span(rows, reference), _span(rows, current)
    due = _due(ranked, current.end, limits)
    answered: dict[str, date] = {}
    for row in rows:
        answered[row["vehicle"]] = max(row["window_end"], answered.get(row["vehicle"], date.min))
    without = sum(answered.get(vehicle, date.min) < window_end for vehicle, window_end in due)
    share = without / len(due) if due else None
    return LabelDrift(
        reference=before,
        current=now,
        confirmed_changed=_changed(before, now, limits),
        ranked_due=len(due),
        ranked_without_finding=without,
        late_share=None if share is None else round(share, 4),
        late=share is not None and share >= limits.late_share,
    )


def _due(ranked: pa.Table, today: date, limits: LabelLimits) -> list[tuple[str, date]]:
    """The first ranking of each vehicle within the look-back that is old enough to have a finding."""
    last = today - timedelta(days=limits.late_after_days)
    first = today - timedelta(days=limits.look_back_days)
    earliest: dict[str, date] = {}
    for row in ranked.to_pylist():
        if first <= row["window_end"] <= last:
            earliest[row["vehicle"]] = min(row["window_end"], earliest.get(row["vehicle"], date.max))
    return sorted(earliest.items())


def _span(rows: Sequence[dict[str, object]], span: Span) -> LabelSpan:
    own = [row for row in rows if span.start <= row["decided_at"].date() <= span.end]  # type: ignore[attr-defined]
    counts = {name: sum(row["finding"] == name for row in own) for name in ("confirmed", "eliminated", "inconclusive")}
    delays = sorted((row["decided_at"].date() - row["window_end"]).days for row in own)  # type: ignore[attr-defined]
    decided = counts["confirmed"] + counts["eliminated"]
    return LabelSpan(
        findings=len(own),
        **counts,
        confirmed_share=round(counts["confirmed"] / decided, 4) if decided else None,
        median_delay_days=float(delays[len(delays) // 2]) if delays else None,
    )


def _changed(before: LabelSpan, now: LabelSpan, limits: LabelLimits) -> bool:
    """Whether the confirmed share moved by more than the limit and by more than chance (two proportions, 99 %)."""
    sizes = [span.confirmed + span.eliminated for span in (before, now)]
    if min(sizes) < limits.least_findings or before.confirmed_share is None or now.confirmed_share is None:
        return False
    moved = abs(before.confirmed_share - now.confirmed_share)
    pooled = (before.confirmed + now.confirmed) / sum(sizes)
    error = sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    return moved >= limits.confirmed_change and moved > _SIGNIFICANT * error
