"""The model card: what a version is for, made from, how it did, for whom it is worse, and what it cannot do.

About the version as it was judged; what became of it stands on the approval sheet.
"""

from __future__ import annotations

from governance.documents.figures import fairness_tables, figure_table, trial_fields
from governance.documents.model import Field, MadeFromRecord, Section
from governance.documents.source import EVIDENCE, POLICY, RECORD, Source, field


def model_card(source: Source) -> MadeFromRecord:
    """The card of one version."""
    record = source.record
    return MadeFromRecord(
        kind="model card",
        model=record.model,
        version=record.version,
        rocu=record.inputs.rocu,
        region=source.region,
        title=f"Model card: {record.model} version {record.version}",
        lede="What it is, what it is for, how it did, and what it cannot do",
        warnings=(record.evaluation.note,),
        sections=(
            Section(title="Use", fields=_use(source)),
            Section(title="Identity", fields=_identity(source)),
            Section(title="Training data", fields=_data(source)),
            Section(title="Figures", note=_window(source), tables=(figure_table(source),)),
            Section(title="Trials", fields=trial_fields(source)),
            Section(
                title="Fairness",
                note="No attribute of a person is in the data; groups are told apart by where a vehicle is based.",
                tables=fairness_tables(source),
            ),
            Section(title="Limits of use", fields=_limits(source)),
        ),
    )


def _use(source: Source) -> tuple[Field, ...]:
    defined = source.record.definition
    return (
        field("pattern", defined.title if defined else None, RECORD),
        field("what it is for", defined.purpose if defined else None, RECORD),
        field("what it is not for", defined.not_for if defined else None, RECORD),
        field("what one row is about", defined.unit if defined else None, RECORD),
        field("where it may run", f"{source.region} ({source.record.inputs.rocu}), and nowhere else", RECORD),
        field("rows that analysts can look at per window (k)", source.record.inputs.capacity, RECORD),
    )


def _identity(source: Source) -> tuple[Field, ...]:
    record = source.record
    return (
        field("trained by", record.trained_by, RECORD),
        field("registered", record.registered_at.strftime("%Y-%m-%d %H:%M UTC"), RECORD),
        field("algorithm", f"gradient-boosted decision trees (LightGBM {record.training.lightgbm_version})", RECORD),
        field("settings of the fit", _settings(source), RECORD),
        field("model text, SHA-256", record.model_sha256, RECORD, code=True),
        field("training inputs, SHA-256", record.inputs.digest, RECORD, code=True),
        field("training snapshot, SHA-256", record.snapshot.sha256, RECORD, code=True),
        field("pipeline lock, SHA-256", record.dvc_lock_sha256, RECORD, code=True),
        field("code", record.code.label, RECORD, code=True),
        field("code of rows, labels and fit, SHA-256", _defined(source, "pattern_code"), RECORD, code=True),
        field("policy at training, SHA-256", record.inputs.policy_digest, RECORD, code=True),
        field("policy that judged it", source.policy.version if source.policy else None, POLICY),
    )


def _defined(source: Source, name: str) -> str | None:
    return getattr(source.record.definition, name, None)


def _settings(source: Source) -> str:
    from models.tuning_bounds import TuningBounds

    training = source.record.inputs.training.model_dump()
    return ", ".join(f"{name} {training[name]:g}" for name in TuningBounds.model_fields)


def _data(source: Source) -> tuple[Field, ...]:
    inputs, snapshot = source.record.inputs, source.record.snapshot
    evidence = source.evidence
    data = evidence.data if evidence else None
    batches = (
        ", ".join(f"{number} {verdict.replace('_', ' ')}" for verdict, number in sorted(data.batches.items()))
        if data
        else None
    )
    failures = None if data is None or data.standing_failures is None else len(data.standing_failures)
    return (
        field(
            "windows", f"{len(inputs.window_ends)} ends, {inputs.window_ends[0]} to {inputs.window_ends[-1]}", RECORD
        ),
        field("days in a window", inputs.pattern_settings.get("window_days"), RECORD),
        field("what was known by", inputs.as_of, RECORD),
        field("reads", f"{sum(part.rows for part in inputs.reads):,}", RECORD),
        field("findings", f"{sum(part.rows for part in inputs.dispositions):,}", RECORD),
        field("who says what a label is", _defined(source, "label_source"), RECORD),
        field("what confirmed means", _defined(source, "confirmed_means"), RECORD),
        field("rows trained on", f"{snapshot.train_rows:,}, {snapshot.train_positives} vehicles confirmed", RECORD),
        field("rows held out", f"{snapshot.holdout_rows:,}, {snapshot.holdout_positives} vehicles confirmed", RECORD),
        field("rows trained on without a finding", f"{snapshot.train_unreviewed:,}", RECORD),
        field("features", ", ".join(snapshot.features), RECORD),
        field("contract of the reads", ", ".join(inputs.contract_versions), RECORD),
        field("batches by verdict", batches, EVIDENCE),
        field("failed batches that nothing replaced", failures, EVIDENCE),
        field("whose reads and findings", ", ".join((evidence.data_rocus or ()) if evidence else ()), EVIDENCE),
    )


def _window(source: Source) -> str:
    ends = source.record.evaluation.window_ends
    return (
        f"On a hold-out of {len(ends)} windows, the last to {ends[-1]}, later than everything trained on; 95 % "
        "bootstrap intervals in brackets. Vehicles not yet known are those that training had no finding about."
    )


def _limits(source: Source) -> tuple[Field, ...]:
    new = source.record.evaluation.not_yet_known
    days = source.policy.approval_valid_days if source.policy else None
    return (
        field(
            "what it sees",
            "Reads of plates by cameras, nothing else: not who drives, not why, and nothing where no camera stands.",
            RECORD,
        ),
        field("what it finds and misses", _defined(source, "finds_and_misses") or "Nobody has measured it.", RECORD),
        field(
            "vehicles not yet known",
            f"{new.positives} confirmed among {new.vehicles:,} in the hold-out: figures for them rest on these few.",
            RECORD,
        ),
        field(
            "left out of the figures",
            f"{source.record.evaluation.already_confirmed} rows of vehicles that were confirmed before a window ended "
            "and that nobody looked at again in it.",
            RECORD,
        ),
        field("an approval holds for", f"{days} days" if days else None, POLICY),
        field("before it may run elsewhere", "It must be trained and judged on that region's own data.", RECORD),
    )
