"""The figures that count for ranking: average precision, precision and recall at k, calibration, and their intervals.

Arrays in, numbers out; every figure takes row weights, so that a bootstrap only changes weights and never sorts again.
Rows come ranked (best first). Does not belong here: what a model or a snapshot is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = 10


def average_precision(labels: Ints, weights: Floats) -> float:
    """Mean of the precision at each positive row, rows ranked best first; NaN without positives.

    The sum over ranks of precision times the rise in recall (Manning, Raghavan and Schütze 2008, section 8.4).
    """
    hits = weights * labels
    total = hits.sum()
    if total <= 0:
        return float("nan")
    seen = np.cumsum(weights)
    precision = np.divide(np.cumsum(hits), seen, out=np.zeros_like(seen), where=seen > 0)
    return float((precision * hits).sum() / total)


def top_k(labels: Ints, weights: Floats, k: int) -> tuple[float, float]:
    """Weighted positives among the first `k` rows, and how many rows there were to take (at most `k`)."""
    near = weights[: 4 * k + 200]
    if near.sum() < k:
        near = weights
    before = np.cumsum(near) - near
    taken = np.clip(k - before, 0.0, near)
    return float((taken * labels[: near.size]).sum()), float(taken.sum())


def brier(labels: Ints, scores: Floats, weights: Floats) -> float:
    """Mean squared difference of score and label (Brier 1950)."""
    return _ratio(float((weights * (scores - labels) ** 2).sum()), float(weights.sum()))


def quantile_bins(scores: Floats, bins: int = BINS) -> Ints:
    """The bin of each score; edges are quantiles, equal scores share a bin."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1])) if scores.size else np.empty(0)
    return np.searchsorted(edges, scores, side="left").astype(np.int64)


def calibration_error(labels: Ints, scores: Floats, bins: Ints, weights: Floats) -> float:
    """Expected calibration error: mean over bins of |mean score - share confirmed|, weighted by rows."""
    gaps = np.abs(np.bincount(bins, weights * (scores - labels)))
    return _ratio(float(gaps.sum()), float(weights.sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


@dataclass(frozen=True)
class Ranked:
    """Rows of one population ranked by one score, best first, with the row positions of each window.

    Args:
        labels: 1 confirmed, 0 not.
        scores: In the order of the rank.
        vehicles: Code of each row's vehicle, the unit of the bootstrap.
        windows: For each window, its row positions, best first.
        bins: Calibration bin of each row.
    """

    labels: Ints
    scores: Floats
    vehicles: Ints
    windows: tuple[Ints, ...]
    bins: Ints


def rank_rows(labels: Ints, scores: Floats, vehicles: Ints, windows: Ints) -> Ranked:
    """Rank rows by score, highest first; equal scores by vehicle code, then by window."""
    order = np.lexsort((windows, vehicles, -scores))
    windows = windows[order]
    return Ranked(
        labels=labels[order],
        scores=scores[order],
        vehicles=vehicles[order],
        windows=tuple(np.flatnonzero(windows == window) for window in np.unique(windows)),
        bins=quantile_bins(scores[order]),
    )


def figures(ranked: Ranked, weights: Floats, k: int) -> dict[str, float]:
    """All figures of a ranking under row weights (in the order of the rank); NaN where a figure does not exist.

    Precision and recall at `k` are taken in each window and averaged over windows; recall over those with a positive.
    """
    precisions, recalls = [], []
    for rows in ranked.windows:
        labels, row_weights = ranked.labels[rows], weights[rows]
        hits, taken = top_k(labels, row_weights, k)
        precisions.append(_ratio(hits, taken))
        recalls.append(_ratio(hits, float((row_weights * labels).sum())))
    return {
        "average_precision": average_precision(ranked.labels, weights),
        "precision_at_k": _mean(precisions),
        "recall_at_k": _mean(recalls),
        "base_rate": _ratio(float((weights * ranked.labels).sum()), float(weights.sum())),
        "brier": brier(ranked.labels, ranked.scores, weights),
        "calibration_error": calibration_error(ranked.labels, ranked.scores, ranked.bins, weights),
    }


def _mean(values: list[float]) -> float:
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else float("nan")


def bootstrap(
    measure: Callable[[Floats], dict[str, float]], vehicles: int, replicates: int, seed: int
) -> list[dict[str, float]]:
    """Measure again with whole vehicles drawn anew: each vehicle's rows get one Poisson(1) weight per replicate.

    Rows of one vehicle depend on each other, so rows are never drawn singly.

    Args:
        measure: From a weight per vehicle code to figures.
        vehicles: Number of vehicle codes.
        replicates: How often.
        seed: Of the draws; the same seed gives the same weights to every model that is compared.
    """
    generator = np.random.default_rng(seed)
    return [measure(generator.poisson(1.0, vehicles).astype(np.float64)) for _ in range(replicates)]


def interval(values: list[float], confidence: float) -> tuple[float, float] | None:
    """The percentile interval of the replicates that have the figure; `None` when fewer than half have it."""
    present = [value for value in values if not np.isnan(value)]
    if len(present) * 2 < len(values) or not present:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(present, [tail, 1 - tail])
    return float(low), float(high)
