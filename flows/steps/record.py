"""Fills the model record page from registry, audit log, evidence and lineage. Nothing is typed by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from governance.pages.models import (
    BatchRow,
    DecisionRow,
    Fact,
    FigureRow,
    GateRow,
    ModelRecordPage,
    Plot,
)
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.context import Context
    from governance.audit.log import Row
    from governance.gate.evidence import Evidence, Figure, NotYetKnown, Performance
    from governance.lineage.graph import LineageGraph
    from governance.promotion.details import GateDetails
    from models.evaluation import Estimate, Population
    from models.registry import Registry, VersionRecord

NEW = ", vehicles not yet known"
LEFT_OUT = ", confirmed before and not looked at again"


def record_page(context: Context, model: str, version: int, graph: LineageGraph) -> str:
    """The record of a model version as one HTML file.

    Raises:
        RefusedError: The signature over the version's record does not hold.
        WrongInputError: There is no such version.
        FaultError: The registry does not answer.
    """
    from data_contracts.registers.regions import require_rocu
    from flows.steps.desk import policy_of
    from flows.steps.record_trials import group_rows, trial_facts
    from governance.pages.render import render_model_record
    from governance.promotion.requests import history
    from models.patterns import get_pattern
    from models.registry import Registry

    registry = Registry(context.settings)
    record = registry.verified(model, str(version)).record
    rows = tuple(row for row in history(context.audit, model) if row.object == f"{model}/{version}")
    evidence, gate = _judged(context, record)
    inputs = record.inputs
    pattern = get_pattern(inputs.pattern)
    with tempfile.TemporaryDirectory() as folder:
        plots = _plots(registry, record, Path(folder))
        lock = (registry.download(model, str(version), "record", Path(folder)) / "dvc.lock").read_text("utf-8")
    return render_model_record(
        ModelRecordPage(
            rocu=inputs.rocu,
            region=require_rocu(inputs.rocu, inputs.as_of).name,
            model=model,
            version=str(version),
            status=_status(context, model, version),
            made_at=context.now.strftime("%Y-%m-%d %H:%M UTC"),
            purpose=pattern.purpose,
            not_for=pattern.not_for,
            identity=_identity(record),
            digests=_digests(record),
            data=_data(record),
            batches=_batches(context, graph, inputs.rocu),
            evidence_digest=evidence.digest if evidence else "",
            figures=_figures(record, evidence),
            trials=trial_facts(record, evidence),
            groups=group_rows(record, evidence, policy_of(context, inputs.rocu).policy.gate.fairness_min_expected),
            gate_outcome=gate.gate if gate else "",
            gate=tuple(GateRow.model_validate(line) for line in gate.lines) if gate else (),
            decisions=tuple(_decision(row) for row in rows),
            plots=plots,
            notes=(record.evaluation.note,),
            lineage=graph,
            dvc_lock=lock,
        )
    )


def _status(context: Context, model: str, version: int) -> str:
    from governance.promotion.state import model_state

    state = model_state(context.audit, model)
    found = state.versions.get(str(version))
    if found is None:
        return "trained, no promotion requested"
    suspended = ", suspended" if state.suspended and found.status == "champion" else ""
    return found.status.replace("_", " ") + suspended


def _judged(context: Context, record: VersionRecord) -> tuple[Evidence | None, GateDetails | None]:
    """The evidence of the version's latest gate, and what that gate said, as the log has it."""
    from governance.gate.evidence_store import load_evidence
    from governance.promotion.state import model_state

    found = model_state(context.audit, record.model).versions.get(record.version)
    if found is None:
        return None, None
    digest = found.gate.evidence_digest
    return load_evidence(context.lake, record.inputs.rocu, record.model, record.version, digest), found.gate


def _identity(record: VersionRecord) -> tuple[Fact, ...]:
    inputs = record.inputs
    return (
        Fact(name="pattern", value=inputs.pattern),
        Fact(name="trained as of", value=inputs.as_of.isoformat()),
        Fact(name="trained by", value=record.trained_by),
        Fact(name="registered", value=record.registered_at.strftime("%Y-%m-%d %H:%M UTC")),
        Fact(name="code", value=record.code.label, code=True),
        Fact(name="registry run", value=record.run_id, code=True),
    )


def _digests(record: VersionRecord) -> tuple[Fact, ...]:
    named = {
        "model text": record.model_sha256,
        "training inputs": record.inputs.digest,
        "training snapshot": record.snapshot.sha256,
        "policy": record.inputs.policy_digest,
        "camera register": record.inputs.register_digest or "none",
        "dvc.lock": record.dvc_lock_sha256,
    }
    return tuple(Fact(name=name, value=value, code=True) for name, value in named.items())


def _data(record: VersionRecord) -> tuple[Fact, ...]:
    inputs = record.inputs
    return (
        Fact(name="windows", value=f"{len(inputs.window_ends)}: {inputs.window_ends[0]} to {inputs.window_ends[-1]}"),
        Fact(name="reads parts", value=str(len(inputs.reads))),
        Fact(name="reads", value=f"{sum(part.rows for part in inputs.reads):,}"),
        Fact(name="findings", value=f"{sum(part.rows for part in inputs.dispositions):,}"),
        Fact(
            name="snapshot rows",
            value=f"{record.snapshot.train_rows:,} to train on, {record.snapshot.holdout_rows:,} held out",
        ),
        Fact(name="contract versions", value=", ".join(inputs.contract_versions)),
    )


def _batches(context: Context, graph: LineageGraph, rocu: str) -> tuple[BatchRow, ...]:
    from data_contracts.layers.reads import batches

    wanted = {node.digest for node in graph.landing}
    return tuple(
        BatchRow(
            contract_version=record.contract_version,
            **batch.model_dump(
                include={
                    "batch_id",
                    "delivered_as",
                    "sha256",
                    "verdict",
                    "rows",
                    "accepted",
                    "quarantined",
                    "duplicates",
                }
            ),
        )
        for record, batch in batches(context.lake, rocu)
        if batch.sha256 in wanted
    )


def _figures(record: VersionRecord, evidence: Evidence | None) -> tuple[FigureRow, ...]:
    from governance.gate.evidence import ChampionMeasured

    found, new = record.evaluation.all_vehicles, record.evaluation.not_yet_known
    champion = evidence.champion.performance if evidence and isinstance(evidence.champion, ChampionMeasured) else None
    k = record.evaluation.k
    titles = {
        "average_precision": "average precision",
        "precision_at_k": f"precision at {k}",
        "recall_at_k": f"recall at {k}",
    }
    return (
        *_ranked(found, champion, titles),
        FigureRow(name="calibration error", challenger=_text(found.model.calibration_error)),
        FigureRow(name="precision over the rule's", challenger=_text(found.lift)),
        FigureRow(name=f"rows left out{LEFT_OUT}", challenger=str(record.evaluation.already_confirmed)),
        FigureRow(name=f"confirmed vehicles{NEW}", challenger=str(new.positives)),
        FigureRow(name=f"share confirmed{NEW}", challenger=_text(new.base_rate)),
        *_ranked(new, champion.not_yet_known if champion else None, titles, NEW),
        FigureRow(name=f"precision over the rule's{NEW}", challenger=_text(new.lift)),
    )


def _ranked(
    found: Population, champion: Performance | NotYetKnown | None, titles: dict[str, str], who: str = ""
) -> Iterator[FigureRow]:
    for name, title in titles.items():
        yield FigureRow(
            name=f"{title}{who}",
            challenger=_text(getattr(found.model, name)),
            champion=_text(getattr(champion, name)) if champion else "",
            baseline=_text(getattr(found.baseline, name)),
        )


def _text(estimate: Estimate | Figure | None) -> str:
    if estimate is None or estimate.value is None:
        return "not measured"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _decision(row: Row) -> DecisionRow:
    reason = row.details.get("reason") or row.details.get("comment") or ""
    return DecisionRow(
        at=row.at[:19].replace("T", " "), action=row.action, by=row.actor_name, outcome=row.outcome, reason=str(reason)
    )


def _plots(registry: Registry, record: VersionRecord, folder: Path) -> tuple[Plot, ...]:
    try:
        found = registry.download(record.model, record.version, "plots", folder)
    except WrongInputError:
        return ()
    return tuple(
        Plot(
            title=path.stem.replace("_", " "),
            media_type="image/svg+xml",
            content=path.read_bytes(),
            description=f"{path.stem.replace('_', ' ')} on the hold-out",
        )
        for path in sorted(found.glob("*.svg"))
    )
