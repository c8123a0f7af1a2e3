"""The part of the transparency record about system, model and data (tier 2, section 4)."""

from __future__ import annotations

from datetime import date

from governance.documents.model import Field
from governance.documents.source import EVIDENCE, POLICY, PRODUCT, RECORD, Source, field, figure_text
from governance.policy.transparency import TransparencyFacts


def system_fields(source: Source) -> tuple[Field, ...]:
    """What goes in, what comes out, how it is kept."""
    policy, inputs = source.policy, source.record.inputs
    maintenance = (
        f"Retrained on newer findings, judged by the same gate, approved anew; an approval holds for "
        f"{policy.approval_valid_days} days; monitored for changes of cameras, behaviour, scores and late findings."
        if policy
        else None
    )
    return (
        field(
            "system architecture",
            "Batches are checked against a contract, plates replaced by tokens, reads made into windows of movement "
            "figures, windows ranked by the approved model. All of it per region.",
            PRODUCT,
            "4.1.1",
        ),
        field(
            "system-level input",
            f"ANPR reads under contract {', '.join(inputs.contract_versions)}" if inputs.contract_versions else None,
            RECORD,
            "4.1.2",
        ),
        field("system-level output", f"{source.list_said}, with reasons", RECORD, "4.1.3"),
        field("maintenance", maintenance, POLICY, "4.1.4"),
        field("models", f"one: {source.record.model} version {source.record.version}", RECORD, "4.1.5"),
    )


def model_fields(source: Source) -> tuple[Field, ...]:
    """The model itself."""
    record, defined = source.record, source.record.definition
    found = record.evaluation.all_vehicles.model
    figures = {
        "average precision": figure_text(found.average_precision),
        f"precision at {record.evaluation.k}": figure_text(found.precision_at_k),
        f"recall at {record.evaluation.k}": figure_text(found.recall_at_k),
        "calibration error": figure_text(found.calibration_error),
    }
    performance = "; ".join(f"{name} {text}" for name, text in figures.items() if text)
    return (
        field("name", record.model, RECORD, "4.2.1"),
        field("version", record.version, RECORD, "4.2.2"),
        field("task", f"ranking by likeness to {defined.title.lower()}" if defined else None, RECORD, "4.2.3"),
        field("input", f"{len(record.training.features)} movement figures of one window", RECORD, "4.2.4"),
        field("output", "one number that ranks; not a probability of guilt", RECORD, "4.2.5"),
        field("architecture", f"{record.inputs.training.trees} gradient-boosted trees (LightGBM)", RECORD, "4.2.6"),
        field("performance", performance, RECORD, "4.2.7"),
        field("datasets and their purposes", _datasets(source), RECORD, "4.2.8"),
    )


def _datasets(source: Source) -> str:
    snapshot = source.record.snapshot
    return (
        f"{snapshot.train_rows:,} rows to train on ({_span(snapshot.train_window_ends)}), "
        f"{snapshot.holdout_rows:,} later rows to test on ({_span(snapshot.holdout_window_ends)})"
    )


def _span(ends: tuple[date, ...]) -> str:
    return f"{ends[0]} to {ends[-1]}" if ends[0] != ends[-1] else f"window to {ends[0]}"


def data_fields(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    """Development data, then operational data."""
    return (*_development(source, own), *_operational(source, own))


def _development(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    inputs, snapshot, defined = source.record.inputs, source.record.snapshot, source.record.definition
    reads, findings = (sum(part.rows for part in parts) for parts in (inputs.reads, inputs.dispositions))
    evidence = source.evidence
    judged = sum(evidence.data.batches.values()) if evidence else 0
    return (
        field(
            "description",
            f"ANPR reads of {source.region} and {defined.label_source}" if defined else None,
            RECORD,
            "4.3.1",
        ),
        field("modality", "tabular", RECORD, "4.3.2"),
        field("quantities", f"{reads:,} reads, {findings:,} findings", RECORD, "4.3.3"),
        field("sensitive attributes", _sensitive(), PRODUCT, "4.3.4"),
        field("completeness and representativeness", _representative(source), EVIDENCE, "4.3.5"),
        field("cleaning", f"{judged} batches judged by the contract" if judged else None, EVIDENCE, "4.3.6"),
        field(
            "collection",
            f"ANPR cameras; what confirmed means: {defined.confirmed_means}" if defined else None,
            RECORD,
            "4.3.7",
        ),
        field("access and storage", _storage(source), POLICY, "4.3.8"),
        field("sharing agreements", own.development_data_sharing, POLICY, "4.3.9"),
        field("rows without a finding, taken as not confirmed", f"{snapshot.train_unreviewed:,}", RECORD, "4.3.5"),
    )


def _operational(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    inputs = source.record.inputs
    contract = ", ".join(inputs.contract_versions)
    return (
        field("sources", f"ANPR reads of {source.region}, contract {contract}" if contract else None, RECORD, "4.4.1"),
        field("sensitive attributes", _sensitive(), PRODUCT, "4.4.2"),
        field("processing methods", "contract, tokens for plates, journeys, windows, ranking", PRODUCT, "4.4.3"),
        field("access and storage", _storage(source), POLICY, "4.4.4"),
        field("sharing agreements", own.operational_data_sharing, POLICY, "4.4.5"),
    )


def _sensitive() -> str:
    return (
        "No attribute of a person is in the data. Movements are personal data, and where a vehicle goes may point to "
        "one; the list is compared between groups by force, density of cameras and kind of area."
    )


def _representative(source: Source) -> str | None:
    evidence = source.evidence
    if evidence is None or evidence.fairness is None:
        return None
    judged = source.policy.gate.fairness_min_expected if source.policy else None
    if judged is None:
        return None
    said = []
    for attribute in evidence.fairness.attributes:
        ratio = attribute.largest_ratio(judged)
        text = "too few to compare" if ratio is None else f"largest selection rate {ratio:.1f} times the smallest"
        said.append(f"by {attribute.name.replace('_', ' ')}: {text}")
    return "; ".join(said)


def _storage(source: Source) -> str | None:
    if source.policy is None:
        return None
    days = source.policy.ingest.retention_days
    return (
        f"Kept for {days} days at most, by region; plates only in an encrypted vault that opens for a person with a "
        "purpose and an authority; every access logged."
    )
