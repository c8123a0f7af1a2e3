"""Steps that train a challenger and make a version again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import Context, acting, days_watched
from flows.steps.desk import part_datasets, policy_of, require_brought, require_no_failure, require_register
from flows.steps.results import StepResult
from flows.steps.trained import is_as_logged, signature_for_the_log
from infra.clock import utc_now
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from models.assurance.results import Assurance
    from models.pipeline import TrainingOutputs
    from models.registry import RegisteredVersion, Registry


class Retrained(StepResult):
    """A challenger in the registry."""

    model: str
    version: int
    already_registered: bool
    as_of: date
    windows: int
    training_rows: int
    positives_in_holdout: int
    average_precision: float | None
    precision_at_k: float | None
    recall_at_k: float | None
    k: int
    lift_over_rule: float | None
    model_sha256: str
    snapshot_sha256: str
    inputs_digest: str
    commit: str
    workspace: Path

    def links(self) -> dict[str, Path]:
        """Where the stages worked."""
        return {"workspace": self.workspace}


class Reproduced(StepResult):
    """A version made again, beside what is registered."""

    model: str
    version: int
    same: bool
    expected_sha256: str
    actual_sha256: str
    snapshot_same: bool
    code_same: bool
    commit_then: str
    commit_now: str
    lightgbm_then: str
    lightgbm_now: str


def retrain(context: Context, rocu: str, pattern: str, as_of: date) -> Retrained:
    """Train on what was known on a date, in a workspace of its own, and register the challenger.

    Raises:
        RefusedError: No permission, a failed batch stands, there are too few findings, or the version that these inputs
            gave before was signed anew since.
        WrongInputError: No such ROCU or pattern.
        FaultError: A stage or the registry broke off.
    """
    from governance.lineage.events import RunFacts
    from models.code_state import code_state
    from models.inputs import pin_inputs
    from models.patterns import get_pattern
    from models.pipeline import run_training, workspace_for
    from models.registry import Registry

    get_pattern(pattern)
    policy = policy_of(context, rocu)
    if as_of > utc_now().date():
        raise WrongInputError(f"{as_of} has not come yet.", "Give a date up to today.")
    with (
        acting(context, "retrain", rocu, "combination", f"{pattern}.{rocu}") as details,
        context.lineage.attempt("train", rocu, tuple, utc_now) as attempt,
    ):
        details["as_of"] = as_of.isoformat()
        attempt.facts = RunFacts(model=f"{pattern}.{rocu}", pattern=pattern, as_of=as_of.isoformat())
        require_no_failure(context, rocu, as_of, as_of)
        own = policy.policy
        inputs = pin_inputs(
            context.lake, rocu, pattern, as_of, own.pattern(pattern), own.training, own.rows(pattern), policy.digest
        )
        require_brought(context, "ingest", rocu, inputs.reads)
        require_brought(context, "dispositions", rocu, inputs.dispositions)
        require_register(context, rocu, inputs.register_digest)
        attempt.inputs += (*part_datasets(inputs.reads), *part_datasets(inputs.dispositions))
        workspace = workspace_for(context.settings, inputs, code_state())
        watch = days_watched(context, rocu)
        outputs = run_training(context.settings, context.lake, inputs, workspace, context.progress, watch)
        registry = Registry(context.settings)
        tried = _tried(context, registry, outputs)
        version = registry.register(outputs, context.identity.subject, utc_now(), assurance=tried)
        details["signature_sha256"] = signature_for_the_log(context, registry, version, outputs, tried)
        details["version"] = version.version
        details["model_sha256"] = version.model_sha256
        details["inputs_digest"] = inputs.digest
        _record_lineage(context, outputs, version)
    return _retrained(outputs, version, workspace)


def _tried(context: Context, registry: Registry, outputs: TrainingOutputs) -> Assurance | None:
    """What is tried on the run now, and never what lies in its workspace: whoever trains can write there.

    `None` for a version that the log has as it is registered: nothing of it is written again.
    """
    from models.assurance.trials import run_trials

    known = registry.find(outputs.inputs.model, outputs.inputs.digest, outputs.code.label)
    if known is not None and is_as_logged(context, registry, known):
        return None
    watch = days_watched(context, outputs.inputs.rocu)
    return run_trials(context.settings, context.lake, outputs, context.progress, watch)


def _retrained(outputs: TrainingOutputs, version: RegisteredVersion, workspace: Path) -> Retrained:
    found = outputs.evaluation.all_vehicles
    return Retrained(
        model=version.model,
        version=int(version.version),
        already_registered=not version.created,
        as_of=outputs.inputs.as_of,
        windows=len(outputs.inputs.window_ends),
        training_rows=outputs.snapshot.train_rows + outputs.snapshot.holdout_rows,
        positives_in_holdout=found.positives,
        average_precision=found.model.average_precision.value,
        precision_at_k=found.model.precision_at_k.value,
        recall_at_k=found.model.recall_at_k.value,
        k=outputs.evaluation.k,
        lift_over_rule=found.lift.value,
        model_sha256=version.model_sha256,
        snapshot_sha256=outputs.snapshot.sha256,
        inputs_digest=outputs.inputs.digest,
        commit=outputs.code.label,
        workspace=workspace,
    )


def _record_lineage(context: Context, outputs: TrainingOutputs, version: RegisteredVersion) -> None:
    from governance.lineage.events import DatasetRef, RunFacts

    inputs = outputs.inputs
    facts = RunFacts(
        contract_version=", ".join(inputs.contract_versions),
        model=version.model,
        model_version=version.version,
        commit=outputs.code.label,
        pattern=inputs.pattern,
        as_of=inputs.as_of.isoformat(),
        more={"inputs_digest": inputs.digest, "policy_digest": inputs.policy_digest},
    )
    register = (DatasetRef("registers", inputs.register_digest),) if inputs.register_digest else ()
    snapshot = DatasetRef(
        "snapshots",
        outputs.snapshot.sha256,
        rows=outputs.snapshot.train_rows + outputs.snapshot.holdout_rows,
    )
    model = DatasetRef("models", version.model_sha256, name=f"{version.model} version {version.version}")
    sources = (*part_datasets(inputs.reads), *part_datasets(inputs.dispositions), *register)
    run_id = f"{inputs.digest[:16]}-{version.version}"
    now = utc_now()
    context.lineage.record("snapshot", inputs.rocu, run_id, sources, (snapshot,), facts, now)
    context.lineage.record("train", inputs.rocu, run_id, (snapshot,), (model,), facts, now)


def reproduce(context: Context, model: str, version: int) -> Reproduced:
    """Make a version again from its record and compare.

    Raises:
        WrongInputError: There is no such version.
        RefusedError: No permission, or the version or its inputs are not as they were.
    """
    from governance.promotion.registry_port import split_model
    from models.registry import Registry
    from models.reproduction import reproduce as run

    _, rocu = split_model(model)
    with acting(context, "reproduce", rocu, "combination", f"{model}/{version}") as details:
        registry, watch = Registry(context.settings), days_watched(context, rocu)
        made = run(context.settings, context.lake, registry, model, str(version), context.progress, watch)
        details |= {"same": made.same, "model_sha256": made.expected_sha256}
    return Reproduced(
        model=model,
        version=version,
        same=made.same,
        expected_sha256=made.expected_sha256,
        actual_sha256=made.actual_sha256,
        snapshot_same=made.snapshot_same,
        code_same=made.code_same,
        commit_then=made.code_then.label,
        commit_now=made.code_now.label,
        lightgbm_then=made.lightgbm_then,
        lightgbm_now=made.lightgbm_now,
    )
