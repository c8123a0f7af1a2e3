"""The pages of a ROCU filled from what the other rooms have written down, and put in their places.

Belongs here: which record goes into which field of a page. Does not: HTML (governance/pages), judging anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from data_contracts.manifests import BatchManifest, IngestRecord
from governance.audit_entry import Row
from governance.evidence import ChampionMeasured, Evidence, Figure, Performance, present
from governance.gate import Decision
from governance.lineage import LineageGraph
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
from governance.pages.render import render_analyst_list, render_model_record, render_monitoring
from infra.lake import Lake, write_text
from models.drift.results import MonitorResult
from models.registry import VersionRecord

PURPOSE = (
    "Ranking vehicles whose movements have the shape of the pattern, so that an analyst examines the first of them."
)
NOT_FOR = "Stopping a vehicle, naming a person, evidence, or any decision without a person who has looked at the reads."
FIGURES = ("average_precision", "precision_at_k", "recall_at_k", "lift_over_baseline", "calibration_error")
ACTIONS = {"promote.gate": "gate", "promote.promoted": "promoted"}
PLOT_TEXTS = {
    "precision_recall": "Precision and recall on the hold-out, at every threshold",
    "calibration": "Share confirmed against score, on the hold-out",
    "precision_at_k": "Precision among the first k of each window, against k",
    "importance": "What the model looks at: gain per feature",
}
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def model_record_path(lake: Lake, rocu: str, model: str, version: str) -> Path:
    """Where the record page of a version lies."""
    return lake.folder("records", rocu, model=model, version=version) / "model_record.html"


def write_model_record(lake: Lake, page: ModelRecordPage) -> Path:
    """Put the record page of a version in its place; a later one replaces it."""
    target = model_record_path(lake, page.rocu, page.model, page.version)
    write_text(target, render_model_record(page))
    return target


def write_analyst_list(page: AnalystListPage, scores: Path) -> Path:
    """Put the list for analysts beside the scores file that it shows."""
    target = scores.parent / "list.html"
    write_text(target, render_analyst_list(page))
    return target


def write_monitoring(lake: Lake, page: MonitorPage) -> Path:
    """Put the monitoring page beside the result that it shows."""
    target = lake.root / page.result.folder / "monitoring.html"
    write_text(target, render_monitoring(page))
    return target


def model_record(
    record: VersionRecord,
    region: str,
    status: str,
    now: datetime,
    *,
    evidence: Evidence | None = None,
    decision: Decision | None = None,
    rows: Sequence[Row] = (),
    batches: Sequence[tuple[IngestRecord, BatchManifest]] = (),
    lineage: LineageGraph | None = None,
    plots: Iterable[Path] = (),
    dvc_lock: str = "",
    notes: Sequence[str] = (),
) -> ModelRecordPage:
    """The record of one version from what is written down about it.

    Args:
        record: From the registry.
        region: The ROCU's name for people.
        status: `challenger`, `suspended`, or a status of the promotion state.
        now: The time, UTC.
        evidence: What the gate was shown, if it was.
        decision: What the gate said to it.
        rows: Audit entries of the model; those about this version are shown.
        batches: The batches behind the training data.
        lineage: Upstream of the version.
        plots: SVG or PNG files.
        dvc_lock: Its text.
        notes: Warnings to stand at the top: few positives, a policy of its own.
    """
    inputs = record.inputs
    return ModelRecordPage(
        rocu=inputs.rocu,
        region=region,
        model=record.model,
        version=record.version,
        status=status,
        made_at=_minute(now),
        purpose=PURPOSE,
        not_for=NOT_FOR,
        identity=(
            Fact(name="Pattern", value=inputs.pattern),
            Fact(name="Registered", value=_minute(record.registered_at)),
            Fact(name="Trained by", value=record.trained_by),
            Fact(name="Trained as of", value=inputs.as_of.isoformat()),
            Fact(name="Code", value=record.code.label, code=True),
            Fact(name="MLflow run", value=record.run_id, code=True),
        ),
        digests=(
            Fact(name="Model text", value=record.model_sha256, code=True),
            Fact(name="Training inputs", value=inputs.digest, code=True),
            Fact(name="Policy", value=inputs.policy_digest, code=True),
            Fact(name="Camera register", value=inputs.register_digest or "none was loaded", code=True),
            Fact(name="dvc.lock", value=record.dvc_lock_sha256, code=True),
        ),
        data=(
            Fact(name="Contracts", value=", ".join(inputs.contract_versions) or "none recorded"),
            Fact(
                name="Windows",
                value=f"{len(inputs.window_ends)}, ending {inputs.window_ends[0]} to {inputs.window_ends[-1]}",
            ),
            Fact(name="Reads", value=f"{sum(part.rows for part in inputs.reads):,} in {len(inputs.reads)} parts"),
            Fact(
                name="Findings",
                value=f"{sum(part.rows for part in inputs.dispositions):,} in {len(inputs.dispositions)} parts",
            ),
            Fact(name="Note on the figures", value=record.evaluation.note),
        ),
        batches=tuple(batch_row(*pair) for pair in batches),
        evidence_digest=evidence.digest if evidence else "",
        figures=figure_rows(evidence) if evidence else (),
        gate_outcome=decision.outcome if decision else "",
        gate=tuple(GateRow(**line.model_dump()) for line in decision.lines) if decision else (),
        decisions=decision_rows(rows, record.version),
        plots=tuple(plot(path) for path in plots),
        notes=tuple(notes),
        lineage=lineage,
        dvc_lock=dvc_lock,
    )


def batch_row(record: IngestRecord, batch: BatchManifest) -> BatchRow:
    """One batch as the record page shows it."""
    shown = ("batch_id", "delivered_as", "sha256", "verdict", "rows", "accepted", "quarantined", "duplicates")
    return BatchRow(contract_version=record.contract_version, **{name: getattr(batch, name) for name in shown})


def figure_rows(evidence: Evidence) -> tuple[FigureRow, ...]:
    """The figures of the challenger beside the champion's on the same hold-out, with what they were measured on."""
    champion = evidence.champion.performance if isinstance(evidence.champion, ChampionMeasured) else None
    own = evidence.challenger
    counts = [
        FigureRow(name="Confirmed vehicles in the hold-out", challenger=_count(own.positives)),
        FigureRow(name="Reviewed vehicles in the hold-out", challenger=_count(own.reviewed)),
    ]
    return (*(_figure_row(name, own, champion) for name in FIGURES), *counts)


def decision_rows(rows: Iterable[Row], version: str) -> tuple[DecisionRow, ...]:
    """What people and the gate did about a version, from audit entries in their order; model-wide acts included."""
    return tuple(
        DecisionRow(
            at=row.at[:16].replace("T", " "),
            action=ACTIONS.get(row.action, row.action.removeprefix("promote.")),
            by=f"{row.actor_name} ({', '.join(role.replace('_', ' ') for role in row.actor_roles)})",
            outcome=str(row.details.get("gate") or row.outcome),
            reason=str(row.details.get("reason") or row.details.get("comment") or ""),
        )
        for row in rows
        if row.action.startswith("promote.") and row.object.partition("/")[2] in ("", version)
    )


def plot(path: Path) -> Plot:
    """A picture file, SVG or PNG."""
    text = PLOT_TEXTS.get(path.stem, path.stem.replace("_", " "))
    return Plot.model_validate(
        {"title": text, "media_type": MEDIA_TYPES[path.suffix], "content": path.read_bytes(), "description": text}
    )


def analyst_list(
    scores: pa.Table,
    region: str,
    window_days: int,
    top: int,
    now: datetime,
    data_notes: Sequence[str] = (),
) -> AnalystListPage:
    """The list for analysts from a scores table.

    Args:
        scores: As `models.scoring` writes it: best first, provenance in every row; at least one row.
        region: The ROCU's name for people.
        window_days: Days in the window, the last included.
        top: How many vehicles are shown.
        now: The time, UTC.
        data_notes: What concerns all rows, such as silent cameras.
    """
    first = scores.slice(0, 1).to_pylist()[0]
    end = first["window_end"]
    named = (("Model", "model"), ("Version", "version"), ("Contract", "contract_version"))
    digests = (("Model text", "model_sha256"), ("Reads", "data_digest"), ("Code", "commit"))
    return AnalystListPage(
        rocu=first["rocu"],
        region=region,
        pattern=first["pattern"],
        as_of=end.isoformat(),
        window=f"{end - timedelta(days=window_days - 1)} to {end}, {window_days} days",
        run_id=first["run_id"],
        made_at=_minute(now),
        vehicles_scored=scores.num_rows,
        assessment=(
            *(Fact(name=name, value=str(first[column])) for name, column in named),
            *(Fact(name=name, value=str(first[column]), code=True) for name, column in digests),
        ),
        data_notes=tuple(data_notes),
        rows=tuple(
            AnalystRow(
                rank=row["rank"],
                vehicle=row["vehicle"],
                cautions=tuple(row["cautions"] or ()),
                facts=tuple(row["reasons"] or ()),
                against=tuple(row["against"] or ()),
                score=f"{row['score']:.3f}",
            )
            for row in scores.slice(0, top).to_pylist()
        ),
    )


def monitor_page(result: MonitorResult, region: str, champion: str, features: Mapping[str, str]) -> MonitorPage:
    """The monitoring page of a result.

    Args:
        result: From `models.drift.monitor`.
        region: The ROCU's name for people.
        champion: Model and version that stood, or that there was none.
        features: Feature name to what it is meant to see.
    """
    return MonitorPage(
        region=region, champion=champion, made_at=_minute(result.made_at), result=result, features=dict(features)
    )


def data_notes(result: MonitorResult) -> tuple[str, ...]:
    """Sentences about the current span's cameras, for the list that analysts see."""
    estate = result.estate
    return tuple(
        f"Camera {item.camera_id}: {item.kind} from {item.start} to {item.end} "
        f"({item.seen_per_day:.0f} reads a day, {item.expected_per_day:.0f} expected)."
        for item in estate.intervals
        if item.end >= estate.current_from
    )


def _figure_row(name: str, own: Performance, champion: Performance | None) -> FigureRow:
    label = name.replace("_at_k", f" at {own.k}").replace("_", " ").capitalize()
    against = _figure(getattr(champion, name)) if champion else ""
    return FigureRow(name=label, challenger=_figure(getattr(own, name)), champion=against)


def _figure(figure: Figure | None) -> str:
    if figure is None or not present(figure.value):
        return "missing"
    bounds = f" ({figure.low:.3f} to {figure.high:.3f})" if present(figure.low) and present(figure.high) else ""
    return f"{figure.value:.3f}{bounds}"


def _count(value: int | None) -> str:
    return "missing" if value is None else f"{value:,}"


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
