"""The step that searches training settings and writes a proposal; it changes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, acting, days_watched
from flows.steps.desk import policy_of, require_brought, require_no_failure, require_register
from flows.steps.results import StepResult
from infra.lake import write_text

if TYPE_CHECKING:
    import pyarrow as pa

    from models.inputs import TrainingInputs
    from models.tuning import Fold


class Tuning(StepResult):
    """A proposal of training settings. `average_precision` figures are on not yet known vehicles, over the folds."""

    model: str
    as_of: date
    trials: int
    folds: int
    average_precision_now: float
    average_precision_proposed: float
    proposal: Path
    settings: dict[str, float | int]

    def links(self) -> dict[str, Path]:
        """The proposal."""
        return {"proposal": self.proposal}


def tune(context: Context, rocu: str, pattern: str, as_of: date, trials: int) -> Tuning:
    """Search the policy's bounds on what was known on a date, inside the training period, and write a proposal.

    Raises:
        RefusedError: No permission, a failed batch stands, or there are too few findings.
        WrongInputError: No such ROCU or pattern, or fewer than two trials.
    """
    from models.inputs import pin_inputs
    from models.patterns import get_pattern
    from models.tuning import tune as search

    chosen, policy = get_pattern(pattern), policy_of(context, rocu)
    own = policy.policy
    with acting(context, "retrain", rocu, "combination", f"{pattern}.{rocu}") as details:
        details |= {"as_of": as_of.isoformat(), "purpose": "tuning", "trials": trials}
        require_no_failure(context, rocu, as_of, as_of)
        inputs = pin_inputs(
            context.lake, rocu, pattern, as_of, own.pattern(pattern), own.training, own.rows(pattern), policy.digest
        )
        require_brought(context, "ingest", rocu, inputs.reads)
        require_brought(context, "dispositions", rocu, inputs.dispositions)
        require_register(context, rocu, inputs.register_digest)

        def told(number: int, value: float) -> None:
            context.progress(f"trial {number} of {trials}: {value:.4f}")

        folds = _folds(context, inputs)
        found = search(folds, chosen.feature_names, own.training, own.tuning, trials, told)
        folder = context.lake.folder("tuning", rocu, pattern=pattern, as_of=as_of.isoformat())
        target = folder / f"{inputs.digest[:16]}-{trials}.yaml"
        write_text(target, found.to_yaml())
        details |= {"inputs_digest": inputs.digest, "proposal": dict(found.proposal)}
    return Tuning(
        model=f"{pattern}.{rocu}",
        as_of=as_of,
        trials=found.trials,
        folds=len(found.folds),
        average_precision_now=found.present,
        average_precision_proposed=found.best,
        proposal=target,
        settings=found.proposal,
    )


def _folds(context: Context, inputs: TrainingInputs) -> tuple[Fold, ...]:
    import pyarrow as arrow

    from models.inputs import read_findings, require_unchanged, window_parts
    from models.patterns import get_pattern
    from models.tuning import time_folds
    from models.window_engines import open_windows

    require_unchanged(context.lake, inputs)
    pattern = get_pattern(inputs.pattern)
    settings: Any = pattern.settings_type.model_validate(inputs.pattern_settings)
    with open_windows(context.settings, inputs.rocu, tell=days_watched(context, inputs.rocu)) as windows_of:

        def build(window_end: date) -> pa.Table:
            context.progress(f"windows of {inputs.rocu} to {window_end}")
            parts = window_parts(inputs.reads, window_end, settings.window_days)
            windows = windows_of(context.lake, parts, window_end, pattern, settings)
            return windows.append_column("baseline", arrow.array(pattern.baseline(windows)))

        decisions = read_findings(context.lake, inputs.dispositions, pattern.unit)
        return time_folds(
            inputs.window_ends,
            build,
            decisions,
            inputs.as_of,
            pattern.feature_names,
            settings.window_days,
            inputs.training,
        )
