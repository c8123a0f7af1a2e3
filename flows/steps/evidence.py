"""Gathers the evidence about a challenger: its record, the contracts' verdicts, the champion on the same hold-out.

What cannot be had is left `None` or named as unreachable; it is the gate that refuses, never this module that fills in.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flows.context import days_watched
from flows.steps.evidence_record import about_change, with_documents
from flows.steps.trained import require_as_trained
from governance.gate.evidence import (
    Champion,
    ChampionMeasured,
    ChampionUnreachable,
    DataVerdicts,
    Document,
    Evidence,
    Figure,
    NoChampion,
    NotYetKnown,
    Performance,
)
from infra.errors import FindProfileError, RefusedError
from infra.lake import file_sha256

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.context import Context
    from governance.policy.document import LoadedPolicy
    from governance.promotion.record import Desk
    from models.evaluation import Estimate, Evaluation, Population
    from models.registry import VersionRecord
    from models.version_files import VerifiedVersion


def gather_evidence(context: Context, desk: Desk, model: str, version: int, policy: LoadedPolicy) -> Evidence:
    """Everything that the gate and the approvers are shown about one version.

    Raises:
        WrongInputError: There is no such version.
        RefusedError: The training inputs are no longer as they were, the version is not as it was registered, or its
            figures do not come out again.
        FaultError: The registry does not answer.
    """
    from models.registry import Registry

    registry = Registry(context.settings)
    genuine = registry.verified(model, str(version))
    record = genuine.record
    require_as_trained(context, genuine)
    snapshot = _snapshot_again(context, record)
    evidence = Evidence(
        model=model,
        version=str(version),
        rocu=record.inputs.rocu,
        pattern=record.inputs.pattern,
        model_sha256=record.model_sha256,
        inputs_digest=record.inputs.digest,
        snapshot_digest=record.snapshot.sha256,
        data=_verdicts(context, record),
        challenger=performance(record.evaluation),
        champion=_champion(context, desk, genuine, snapshot),
        signature_verified=True,  # or there would be no record to read
        commit=record.code.label,
        trainer=record.trained_by,
        policy_digest=policy.digest,
        trained_as_of=record.inputs.as_of,
        documents=(Document(name="dvc.lock", sha256=record.dvc_lock_sha256), *_documents(context, record)),
        **_trials(record),
        **_tried_now(context, genuine, policy, snapshot),
        **about_change(context, registry, record, policy),
    )
    return with_documents(context, record, policy, evidence)


def _trials(record: VersionRecord) -> dict[str, Any]:
    """What was tried at training, as the signed record has it; nothing if that was another model or snapshot."""
    tried = record.assurance
    if tried is None or (tried.model_sha256, tried.snapshot_sha256) != (record.model_sha256, record.snapshot.sha256):
        return {}
    return {name: getattr(tried, name) for name in ("leakage", "fairness", "thinning", "robustness", "stability")}


def _tried_now(
    context: Context, genuine: VerifiedVersion, policy: LoadedPolicy, made: _SnapshotAgain
) -> dict[str, Any]:
    """What is tried when somebody asks: rows made again as in service, the fit made again, explanations.

    Nothing of it, if the snapshot could not be made again.
    """
    from models.assurance.explained import check_explanations
    from models.assurance.parity import check_parity
    from models.assurance.refit import fit_again
    from models.patterns import get_pattern
    from models.window_engines import open_windows

    record, text = genuine.record, genuine.text
    inputs, pattern = record.inputs, get_pattern(record.inputs.pattern)
    serving: Any = policy.policy.pattern(inputs.pattern)
    snapshot = made.table
    if snapshot is None:
        context.progress(f"nothing can be made again: {made.why_not}")
        return {}
    _require_figures(record, text, snapshot)
    context.progress("training rows made again as in service, the model fitted again")
    with open_windows(context.settings, inputs.rocu, tell=days_watched(context, inputs.rocu)) as windows_of:
        parity = check_parity(windows_of, context.lake, inputs, snapshot, text, pattern, serving)
    return {
        "parity": parity,
        "refit": fit_again(inputs, snapshot, text, record.training),
        "explained": check_explanations(snapshot, text, pattern, serving, inputs.capacity),
    }


def _require_figures(record: VersionRecord, text: str, snapshot: pa.Table) -> None:
    """Refuse a record whose figures are not those of its text on its hold-out, whoever signed it."""
    from models.evaluation import evaluate_model

    found = evaluate_model(text, snapshot, record.inputs.capacity, record.inputs.training)
    if not _agree(performance(record.evaluation).model_dump(), performance(found).model_dump()):
        raise RefusedError(
            f"The figures in the record of {record.model} version {record.version} are not those that its text has on"
            " its hold-out.",
            "Do not use it; train another with findprofile retrain, and tell governance.",
        )


def _agree(one: Any, other: Any) -> bool:
    """Whether figures are the same, but for what another release of a library may do to the last digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return bool(one == other)


def performance(evaluation: Evaluation) -> Performance:
    """The figures of an evaluation that the gate looks at: on all vehicles to judge, and on those new to training."""
    found = evaluation.all_vehicles
    return Performance(
        holdout_digest=evaluation.holdout_digest,
        window_ends=evaluation.window_ends,
        k=evaluation.k,
        positives=found.positives,
        reviewed=evaluation.reviewed.vehicles,
        average_precision=_figure(found.model.average_precision),
        precision_at_k=_figure(found.model.precision_at_k),
        recall_at_k=_figure(found.model.recall_at_k),
        lift_over_baseline=_figure(found.lift),
        calibration_error=_figure(found.model.calibration_error),
        not_yet_known=_not_yet_known(evaluation.not_yet_known),
    )


def _not_yet_known(found: Population) -> NotYetKnown:
    return NotYetKnown(
        vehicles=found.vehicles,
        positives=found.positives,
        base_rate=_figure(found.base_rate),
        average_precision=_figure(found.model.average_precision),
        precision_at_k=_figure(found.model.precision_at_k),
        recall_at_k=_figure(found.model.recall_at_k),
        lift_over_baseline=_figure(found.lift),
    )


def _figure(estimate: Estimate) -> Figure:
    return Figure(value=estimate.value, low=estimate.low, high=estimate.high)


def _verdicts(context: Context, record: VersionRecord) -> DataVerdicts:
    from data_contracts.layers.reads import standing_batches, standing_failures

    inputs = record.inputs
    days = int(inputs.pattern_settings["window_days"])
    first, last = inputs.window_ends[0] - timedelta(days=days - 1), inputs.window_ends[-1]
    counted: dict[str, int] = {}
    for _, batch in standing_batches(context.lake, inputs.rocu):
        if any(first <= day <= last for day in batch.dates):
            counted[batch.verdict] = counted.get(batch.verdict, 0) + 1
    standing = standing_failures(context.lake, inputs.rocu, first, last)
    return DataVerdicts(
        batches=counted,
        standing_failures=tuple(batch.batch_id for batch in standing),
        contract_versions=inputs.contract_versions,
    )


def _champion(context: Context, desk: Desk, challenger: VerifiedVersion, made: _SnapshotAgain) -> Champion:
    """The champion that the log names, measured on the challenger's own hold-out."""
    from governance.promotion.registry_port import require_genuine
    from governance.promotion.state import model_state

    record = challenger.record
    standing = model_state(context.audit, record.model).standing
    if standing is None:
        return NoChampion()
    try:
        sha256 = standing.gate.model_sha256
        text = require_genuine(desk.registry, record.model, standing.version, sha256)
    except FindProfileError as error:
        return ChampionUnreachable(reason=error.reason)
    if made.table is None:
        return ChampionUnreachable(reason=f"it is there, but the challenger's hold-out is not: {made.why_not}")
    try:
        return _measured(challenger, made.table, standing.version, sha256, text)
    except FindProfileError as error:
        return ChampionUnreachable(reason=f"it cannot be measured on the challenger's hold-out: {error.reason}")


def _measured(
    challenger: VerifiedVersion, snapshot: pa.Table, version: str, sha256: str, text: str
) -> ChampionMeasured:
    from models.evaluation import compare_models

    inputs = challenger.record.inputs
    compared = compare_models(challenger.text, text, snapshot, inputs.capacity, inputs.training)
    return ChampionMeasured(
        version=version,
        model_sha256=sha256,
        performance=performance(compared.champion),
        difference=_figure(compared.all_vehicles.average_precision),
    )


@dataclass(frozen=True)
class _SnapshotAgain:
    """The challenger's snapshot, or why there is none."""

    table: pa.Table | None
    why_not: str = ""


def _snapshot_again(context: Context, record: VersionRecord) -> _SnapshotAgain:
    """The challenger's snapshot, made again from its pinned inputs in the lake and from nothing of its workspace.

    Whoever trains can write there; a snapshot that somebody altered before the training registered is told by this.
    """
    import pyarrow as arrow
    import pyarrow.parquet as pq

    from models.pipeline import workspace_for
    from models.stages import SNAPSHOT, make_snapshot

    watch, progress = days_watched(context, record.inputs.rocu), context.progress
    beside = workspace_for(context.settings, record.inputs, record.code).parent
    beside.mkdir(parents=True, exist_ok=True)
    # rows about vehicles go where those of a training are
    with TemporaryDirectory(prefix="gate-", dir=beside) as folder:
        target = Path(folder) / SNAPSHOT
        try:
            make_snapshot(context.settings, context.lake, record.inputs, target, progress, watch)
        except FindProfileError as error:
            return _SnapshotAgain(None, error.reason)
        content = target.read_bytes()
    if hashlib.sha256(content).hexdigest() != record.snapshot.sha256:
        return _SnapshotAgain(
            None,
            f"the snapshot of {record.model} version {record.version}, made again from the lake, is another than it was"
            " trained on",
        )
    return _SnapshotAgain(pq.ParquetFile(arrow.BufferReader(content)).read())


def _documents(context: Context, record: VersionRecord) -> tuple[Document, ...]:
    """Documents that people have put beside the version's record."""
    folder = context.lake.folder("records", record.inputs.rocu, model=record.model, version=record.version)
    return tuple(
        Document(name=path.name, sha256=file_sha256(path))
        for path in sorted(folder.glob("documents/*"))
        if path.is_file()
    )
