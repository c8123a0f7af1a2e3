"""How well a model ranks the hold-out: figures with intervals, for three populations, beside the rule baseline.

A vehicle of a hold-out window counts by the finding about that window; without one it counts as not confirmed, so
precision is a lower bound. One that was confirmed before and that nobody looked at again counts as neither: called not
confirmed it would be held against a model that recognises it, called confirmed it would reward memory. Vehicles not
known at training are measured apart, for a model can recognise the others.
Two models are compared on the same rows with the same bootstrap draws, never by figures taken elsewhere. Does not
belong here: whether the figures are good enough.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from infra.errors import RefusedError
from models.metrics import Floats, bootstrap, figures, interval, rank_rows
from models.snapshot import rows_of, to_judge
from models.training import feature_matrix, load_booster, text_sha256
from models.training_settings import TrainingSettings

CONFIDENCE = 0.95
NOTE = (
    "Vehicles of the hold-out windows without a finding about that very window count as not confirmed: precision is a "
    "lower bound. Those that were confirmed before and not looked at again are left out. "
    "The score ranks; it was trained with sampled negatives and is not the probability of a confirmed finding."
)


class Frozen(BaseModel):
    """Base of the results here: frozen and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Frozen):
    """A figure and its bootstrap interval; `None` where the rows do not give it."""

    value: float | None
    low: float | None = None
    high: float | None = None


class RankFigures(Frozen):
    """What the order of a ranking is worth in one population."""

    average_precision: Estimate
    precision_at_k: Estimate
    recall_at_k: Estimate


class Figures(RankFigures):
    """The same, and how near the scores are to the share confirmed."""

    brier: Estimate
    calibration_error: Estimate


class Population(Frozen):
    """One population of hold-out rows. `positives` are confirmed vehicles.

    `lift` is the model's precision@k over the baseline's, `average_precision_lift` the same of average precision; a
    baseline below the base rate counts as the base rate, which is what picking at random gives.
    """

    rows: int
    vehicles: int
    positives: int
    base_rate: Estimate
    model: Figures
    baseline: RankFigures
    lift: Estimate
    average_precision_lift: Estimate


class Evaluation(Frozen):
    """A model on a hold-out.

    Args:
        k: Vehicles that analysts can look at per window; precision and recall at k are means over the windows.
        holdout_digest: Of the hold-out's vehicles, windows and labels; figures compare only where it is the same.
        already_confirmed: Rows that are left out of all figures: vehicles confirmed before the window ended, without a
            finding about that window.
        all_vehicles: Every other vehicle of the hold-out, as a list in service would rank them.
        reviewed: Only those with a finding about the window, confirmed or eliminated.
        not_yet_known: Only those without any finding about a training window by the time the hold-out began.
    """

    model_sha256: str
    holdout_digest: str
    k: int
    window_ends: tuple[date, ...]
    replicates: int
    confidence: float
    note: str
    already_confirmed: int
    all_vehicles: Population
    reviewed: Population
    not_yet_known: Population


class Comparison(Frozen):
    """Two models on the same hold-out, and challenger minus champion in each population, with paired intervals."""

    challenger: Evaluation
    champion: Evaluation
    all_vehicles: RankFigures
    reviewed: RankFigures
    not_yet_known: RankFigures


class _Measured:
    """Figures and replicates of some rankings of the same rows, all under the same draws."""

    def __init__(
        self, rows: pa.Table, scores: Mapping[str, Floats], keep: NDArray[np.bool_], k: int, settings: TrainingSettings
    ) -> None:
        vehicles = rows.column("vehicle").combine_chunks().dictionary_encode()
        # Codes in the order of the tokens, so that equal scores rank by token, as they do in service.
        names = np.array(vehicles.dictionary.to_pylist())
        place = np.empty(len(names), dtype=np.int64)
        place[np.argsort(names)] = np.arange(len(names))
        codes = place[vehicles.indices.to_numpy()]
        windows = rows.column("window_end").cast(pa.int32()).to_numpy().astype(np.int64)
        labels = rows.column("label").to_numpy().astype(np.int64)
        self.rows = int(keep.sum())
        self.vehicles = len(np.unique(codes[keep]))
        self.positives = len(np.unique(codes[keep & (labels == 1)]))
        self.ranked = {
            name: rank_rows(labels[keep], values[keep], codes[keep], windows[keep]) for name, values in scores.items()
        }
        self.k = k
        self.point = self._figures(np.ones(len(names)))
        self.replicates = (
            bootstrap(self._figures, len(names), settings.bootstrap_replicates, settings.seed)
            if self.positives
            else [self.point] * 2
        )

    def _figures(self, vehicle_weights: Floats) -> dict[str, float]:
        measured: dict[str, float] = {}
        for name, ranked in self.ranked.items():
            found = figures(ranked, vehicle_weights[ranked.vehicles], self.k)
            measured |= {f"{name}.{figure}": value for figure, value in found.items()}
        measured["lift"] = _lift(measured, "precision_at_k")
        measured["average_precision_lift"] = _lift(measured, "average_precision")
        return measured

    def estimate(self, figure: str, minus: str | None = None) -> Estimate:
        """The figure (or the difference of two) with its interval."""
        value = self.point[figure] - (self.point[minus] if minus else 0.0)
        drawn = [replicate[figure] - (replicate[minus] if minus else 0.0) for replicate in self.replicates]
        span = interval(drawn, CONFIDENCE)
        if math.isnan(value):
            return Estimate(value=None)
        return Estimate(value=value, low=span[0] if span else None, high=span[1] if span else None)

    def _of(self, name: str, fields: Iterable[str]) -> dict[str, Estimate]:
        return {figure: self.estimate(f"{name}.{figure}") for figure in fields}

    def difference(self, name: str, minus: str) -> RankFigures:
        """One ranking's figures minus another's."""
        return RankFigures(
            **{figure: self.estimate(f"{name}.{figure}", f"{minus}.{figure}") for figure in RankFigures.model_fields}
        )

    def population(self) -> Population:
        """The population as a result."""
        return Population(
            rows=self.rows,
            vehicles=self.vehicles,
            positives=self.positives,
            base_rate=self.estimate("model.base_rate"),
            model=Figures(**self._of("model", Figures.model_fields)),
            baseline=RankFigures(**self._of("baseline", RankFigures.model_fields)),
            lift=self.estimate("lift"),
            average_precision_lift=self.estimate("average_precision_lift"),
        )


def _lift(measured: Mapping[str, float], figure: str) -> float:
    reference = max(measured[f"baseline.{figure}"], measured["model.base_rate"])
    return measured[f"model.{figure}"] / reference if reference > 0 else float("nan")


def _populations(rows: pa.Table) -> dict[str, NDArray[np.bool_]]:
    return {
        "all_vehicles": to_judge(rows),
        "reviewed": _flags(rows, "reviewed"),
        "not_yet_known": to_judge(rows) & ~_flags(rows, "known"),
    }


def holdout_scores(model_text: str, snapshot: pa.Table) -> Floats:
    """The scores of the hold-out rows, in the order of the snapshot.

    Raises:
        RefusedError: The snapshot lacks features of the model.
    """
    booster = load_booster(model_text)
    matrix = feature_matrix(rows_of(snapshot, "holdout"), booster.feature_name())
    return np.asarray(booster.predict(matrix), dtype=np.float64)


def evaluate_model(model_text: str, snapshot: pa.Table, k: int, settings: TrainingSettings) -> Evaluation:
    """Measure a model on the hold-out of a snapshot.

    Args:
        model_text: LightGBM text.
        snapshot: The snapshot's table.
        k: Capacity of the analysts per window.
        settings: Replicates and seed of the bootstrap.

    Raises:
        RefusedError: The snapshot lacks features of the model, or has no hold-out.
    """
    rows = _holdout(snapshot)
    scores = {"model": holdout_scores(model_text, snapshot), "baseline": _baseline(rows)}

    return Evaluation(
        model_sha256=text_sha256(model_text),
        holdout_digest=_digest(rows),
        k=k,
        window_ends=tuple(sorted(set(rows.column("window_end").to_pylist()))),
        replicates=settings.bootstrap_replicates,
        confidence=CONFIDENCE,
        note=NOTE,
        already_confirmed=int((~to_judge(rows)).sum()),
        **{name: _Measured(rows, scores, keep, k, settings).population() for name, keep in _populations(rows).items()},
    )


def compare_models(
    challenger_text: str, champion_text: str, snapshot: pa.Table, k: int, settings: TrainingSettings
) -> Comparison:
    """Measure both on the same hold-out; differences are challenger minus champion, with paired intervals.

    Raises:
        RefusedError: The snapshot lacks features of a model, or has no hold-out.
    """
    rows = _holdout(snapshot)
    scores = {
        "model": holdout_scores(challenger_text, snapshot),
        "champion": holdout_scores(champion_text, snapshot),
        "baseline": _baseline(rows),
    }
    return Comparison(
        challenger=evaluate_model(challenger_text, snapshot, k, settings),
        champion=evaluate_model(champion_text, snapshot, k, settings),
        **{
            name: _Measured(rows, scores, keep, k, settings).difference("model", "champion")
            for name, keep in _populations(rows).items()
        },
    )


def _holdout(snapshot: pa.Table) -> pa.Table:
    rows = rows_of(snapshot, "holdout")
    if rows.num_rows == 0:
        raise RefusedError("The snapshot has no hold-out rows.", "Build the snapshot again.")
    return rows


def _digest(rows: pa.Table) -> str:
    named = ("vehicle", "window_end", "label", "reviewed", "known", "already_confirmed")
    columns = (rows.column(name).to_pylist() for name in named)
    return hashlib.sha256("\n".join(map(str, zip(*columns, strict=True))).encode()).hexdigest()


def _baseline(rows: pa.Table) -> Floats:
    points: Floats = rows.column("baseline").cast(pa.float64()).to_numpy().astype(np.float64)
    return np.nan_to_num(points)


def _flags(rows: pa.Table, column: str) -> NDArray[np.bool_]:
    return np.asarray(rows.column(column).to_numpy(), dtype=np.bool_)
