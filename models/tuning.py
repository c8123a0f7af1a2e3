"""Hyper-parameters by Optuna, within a budget and within bounds that the policy sets; a proposal, never a change.

Each trial trains and is judged inside the training period: the window ends before the hold-out are split by time again,
each fold with a hold-out of its own, so the figures that the gate sees stay unseen. What counts is the average
precision on vehicles not yet known. The draws are seeded and trials run one after another, so the same inputs give the
same proposal. Belongs here: folds, search, the proposal. Does not: whether the proposal is taken (a policy change).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from infra.errors import RefusedError, WrongInputError
from models.evaluation import holdout_scores
from models.labels import Finding
from models.metrics import average_precision
from models.snapshot import WindowBuilder, assemble, rows_of, to_judge
from models.training import train_model
from models.training_settings import TrainingSettings
from models.tuning_bounds import DECIMALS, LOGARITHMIC, WHOLE, Bounds, TuningBounds

if TYPE_CHECKING:
    import optuna

FOLDS = 3


class Tuned(BaseModel):
    """What a search found.

    Args:
        folds: Hold-out window ends of each fold.
        trials: How many were tried, the present settings among them.
        present: Mean over folds of the average precision on not yet known vehicles, with the present settings.
        best: The same with the proposed ones; at least `present`.
        proposal: Knob to value, of the best trial; empty if nothing beat the present settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: tuple[tuple[date, ...], ...]
    trials: int
    seed: int
    present: float
    best: float
    proposal: dict[str, float | int]

    def to_yaml(self) -> str:
        """The proposal as a piece of a policy file, with what it rests on as its comment."""
        ends = "; ".join(", ".join(map(str, fold)) for fold in self.folds)
        head = (
            f"# Proposed by {self.trials} trials (seed {self.seed}), judged by average precision on vehicles not yet\n"
            f"# known in time-split folds inside the training period: {ends}.\n"
            f"# {self.best:.4f} with these, {self.present:.4f} with the settings in force. The best of many trials is\n"
            "# partly luck: load it as a policy, retrain, and let the gate compare on the hold-out.\n"
        )
        if not self.proposal:
            return head + "# Nothing beat the settings in force.\n"
        return head + "training:\n" + "".join(f"  {name}: {value}\n" for name, value in self.proposal.items())


@dataclass(frozen=True)
class Fold:
    """One split by time inside the training period."""

    snapshot: pa.Table
    ends: tuple[date, ...]


def time_folds(
    window_ends: Sequence[date],
    build: WindowBuilder,
    decisions: Sequence[Finding],
    as_of: date,
    features: Sequence[str],
    window_days: int,
    settings: TrainingSettings,
    folds: int = FOLDS,
) -> tuple[Fold, ...]:
    """Split the window ends before the hold-out by time, latest fold first; each is made like a snapshot.

    Args:
        window_ends: All of the training inputs, oldest first; the hold-out is cut off here.
        build: Gives the windows of an end; each is asked for once.
        decisions: Every finding, superseded ones too. Folds get those that were known when the hold-out began, about
            windows before it, and nothing else.
        as_of: Last day (UTC) of the decisions that decide where the hold-out begins.
        features: Names of the feature columns.
        window_days: Length of a window.
        settings: Split and sampling.
        folds: At most.

    Raises:
        RefusedError: No fold has enough confirmed vehicles.
    """
    kept: dict[date, pa.Table] = {}

    def once(end: date) -> pa.Table:
        if end not in kept:
            kept[end] = build(end)
        return kept[end]

    _, whole = assemble(window_ends, once, decisions, as_of, features, window_days, settings)
    first = whole.holdout_window_ends[0]
    inside = [end for end in window_ends if end < first]
    known = [finding for finding in decisions if finding.window_end < first]
    # A fold's hold-out may be smaller than the real one: several are averaged.
    smaller = settings.model_copy(update={"min_holdout_positives": 1, "min_train_positives": 2})
    found: list[Fold] = []
    for last in range(len(inside), 1, -1):
        if len(found) == folds:
            break
        try:
            table, counts = assemble(inside[:last], once, known, first, features, window_days, smaller)
        except RefusedError:
            continue
        if _new_positives(table):
            found.append(Fold(table, counts.holdout_window_ends))
    if not found:
        raise RefusedError(
            f"None of the {len(inside)} window ends before the hold-out leaves confirmed vehicles on both sides.",
            "Tune later, when there are more findings; until then keep the settings in force.",
        )
    return tuple(found)


def _new_positives(table: pa.Table) -> int:
    rows = rows_of(table, "holdout")
    new = _not_yet_known(rows)
    return int((rows.column("label").to_numpy()[new] == 1).sum())


def _not_yet_known(rows: pa.Table) -> NDArray[np.bool_]:
    """The rows that a trial is judged by, as the evaluation has them."""
    return to_judge(rows) & ~np.asarray(rows.column("known").to_numpy(zero_copy_only=False), dtype=np.bool_)


def fold_precision(fold: Fold, features: Sequence[str], settings: TrainingSettings) -> float:
    """Average precision on the fold's not yet known vehicles."""
    text, _ = train_model(rows_of(fold.snapshot, "train"), features, settings)
    rows = rows_of(fold.snapshot, "holdout")
    new = _not_yet_known(rows)
    scores = holdout_scores(text, fold.snapshot)[new]
    labels = rows.column("label").to_numpy().astype(np.int64)[new]
    order = np.argsort(-scores, kind="stable")
    return average_precision(labels[order], np.ones(len(order)))


def tune(
    folds: Sequence[Fold],
    features: Sequence[str],
    settings: TrainingSettings,
    bounds: TuningBounds,
    trials: int,
    on_trial: Callable[[int, float], None] | None = None,
) -> Tuned:
    """Search the bounds by seeded TPE; the settings in force are the first trial.

    Args:
        folds: From `time_folds`.
        features: Names of the feature columns.
        settings: In force.
        bounds: What may be searched.
        trials: Budget, at least 2.
        on_trial: Told the number of each trial and its figure.

    Raises:
        WrongInputError: Fewer than two trials.
    """
    if trials < 2:
        raise WrongInputError(f"{trials} trials search nothing.", "Give --trials 2 or more; 30 is a fair budget.")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    present = _mean([fold_precision(fold, features, settings) for fold in folds])

    def objective(trial: optuna.Trial) -> float:
        tried = settings.model_copy(update=_suggest(trial, bounds))
        value = _mean([fold_precision(fold, features, tried) for fold in folds])
        if on_trial:
            on_trial(trial.number + 2, value)
        return value

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=settings.seed))
    study.optimize(objective, n_trials=trials - 1)
    better = study.best_value > present
    return Tuned(
        folds=tuple(fold.ends for fold in folds),
        trials=trials,
        seed=settings.seed,
        present=round(present, 6),
        best=round(max(study.best_value, present), 6),
        proposal=_rounded(study.best_params) if better else {},
    )


def _suggest(trial: optuna.Trial, bounds: TuningBounds) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name in TuningBounds.model_fields:
        one: Bounds = getattr(bounds, name)
        log = name in LOGARITHMIC
        if name in WHOLE:
            chosen[name] = trial.suggest_int(name, int(one.low), int(one.high), log=log)
        else:
            # rounded here, so that the proposal says exactly what was tried
            chosen[name] = round(trial.suggest_float(name, one.low, one.high, log=log), DECIMALS)
    return chosen


def _rounded(found: dict[str, Any]) -> dict[str, float | int]:
    return {name: value if name in WHOLE else round(value, DECIMALS) for name, value in found.items()}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
