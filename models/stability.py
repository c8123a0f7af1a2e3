"""How much a model owes to chance: the same rows fitted again under other seeds.

A fit draws features and rows by a seed. If another seed lists other vehicles, who is listed is partly luck, and
analysts should know. Belongs here: fitting again and comparing. Does not: whether the result is stable enough (gate).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.evaluation import holdout_scores
from models.metrics import average_precision
from models.snapshot import rows_of, to_judge
from models.training import train_model
from models.training_settings import TrainingSettings


class Spread(BaseModel):
    """A figure over the seeds; `None` when the rows do not give it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float | None
    least: float | None
    most: float | None


class Stability(BaseModel):
    """The same training under several seeds.

    Args:
        seeds: Those that were used, the model's own first.
        k: Length of the lists that are compared.
        overlap_at_k: Share of one list that is on another's too, over all pairs of seeds and hold-out windows.
        average_precision: On the whole hold-out, without the vehicles confirmed before and not looked at again.
        not_yet_known_average_precision: On its vehicles that training had no finding about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: tuple[int, ...]
    k: int
    overlap_at_k: Spread
    average_precision: Spread
    not_yet_known_average_precision: Spread


def measure_stability(
    snapshot: pa.Table, features: Sequence[str], k: int, settings: TrainingSettings, seeds: int = 3
) -> Stability:
    """Fit the snapshot's training rows under `seeds` seeds and compare what the models say of the hold-out.

    Costs as many fits as there are seeds, a few seconds each.

    Args:
        snapshot: With `split`, `label`, `weight`, `known`, `already_confirmed` and the features.
        features: Of the model.
        k: Length of a list.
        settings: Of the training; only the seed is changed.
        seeds: How many, at least 2.

    Raises:
        RefusedError: The training rows carry only one label, or there is no hold-out.
    """
    train, holdout = rows_of(snapshot, "train"), rows_of(snapshot, "holdout")
    numbers = tuple(settings.seed + step for step in range(max(2, seeds)))
    scored = []
    for number in numbers:
        text, _ = train_model(train, features, settings.model_copy(update={"seed": number}))
        scored.append(holdout_scores(text, snapshot))
    labels = holdout.column("label").to_numpy().astype(np.int64)
    known = np.asarray(holdout.column("known").to_numpy(zero_copy_only=False), dtype=np.bool_)
    judged = to_judge(holdout)
    unknown = judged & ~known
    windows = holdout.column("window_end").cast(pa.int32()).to_numpy()
    tops = [_tops(scores, windows, k) for scores in scored]
    overlaps = [
        len(one & other) / len(one)
        for first, second in combinations(tops, 2)
        for one, other in zip(first, second, strict=True)
        if one
    ]
    return Stability(
        seeds=numbers,
        k=k,
        overlap_at_k=_spread(overlaps),
        average_precision=_spread([_precision(labels[judged], scores[judged]) for scores in scored]),
        not_yet_known_average_precision=_spread([_precision(labels[unknown], scores[unknown]) for scores in scored]),
    )


def _tops(scores: NDArray[np.float64], windows: NDArray[np.int32], k: int) -> list[set[int]]:
    # rows of a window are sorted by vehicle, so that equal scores rank as they do in service
    best = []
    for window in np.unique(windows):
        rows = np.flatnonzero(windows == window)
        best.append(set(rows[np.argsort(-scores[rows], kind="stable")[:k]].tolist()))
    return best


def _precision(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    order = np.argsort(-scores, kind="stable")
    return average_precision(labels[order], np.ones(len(order)))


def _spread(values: Sequence[float]) -> Spread:
    present = [value for value in values if not np.isnan(value)]
    if not present:
        return Spread(mean=None, least=None, most=None)
    return Spread(mean=float(np.mean(present)), least=float(min(present)), most=float(max(present)))
