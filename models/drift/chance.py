"""What a distance between two samples comes to by chance alone: the guard of small samples.

The rows of both samples are shuffled with a seed and the distance taken again; the 99th percentile is the level that
a score must pass to be more than sampling. The distances follow Evidently's definitions, so that the two can be
compared.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.drift.settings import Method

Floats = NDArray[np.float64]
SHUFFLES = 200
PERCENTILE = 99
_BLOCK = 20
_LEAST_DEVIATION = 0.001
_FEW_VALUES = 20


def chance_level(reference: pa.ChunkedArray, current: pa.ChunkedArray, method: Method, seed: int) -> float:
    """The 99th percentile of the distance under shuffling; missing values are left out.

    Args:
        reference: Double or text values.
        current: Values of the same type.
        method: Which distance.
        seed: Seed of the shuffles.
    """
    rng = np.random.default_rng(seed)
    before, after = (np.asarray(values.drop_null().to_numpy(zero_copy_only=False)) for values in (reference, current))
    if method == "wasserstein":
        return _wasserstein_chance(before.astype(np.float64), after.astype(np.float64), rng)
    return _jensenshannon_chance(before, after, rng)


def _wasserstein_chance(before: Floats, after: Floats, rng: np.random.Generator) -> float:
    pooled = np.sort(np.concatenate([before, after]))
    gaps = np.diff(pooled)
    total, chosen = len(pooled), len(before)
    ranks = np.arange(1, total)
    norm = max(float(np.std(before)), _LEAST_DEVIATION)
    levels: list[Floats] = []
    for _ in range(SHUFFLES // _BLOCK):
        labels = np.zeros((_BLOCK, total), dtype=np.int32)
        labels[:, :chosen] = 1
        below = np.cumsum(rng.permuted(labels, axis=1), axis=1)[:, :-1]
        levels.append(np.abs(below / chosen - (ranks - below) / (total - chosen)) @ gaps / norm)
    return float(np.percentile(np.concatenate(levels), PERCENTILE))


def _jensenshannon_chance(before: NDArray[np.generic], after: NDArray[np.generic], rng: np.random.Generator) -> float:
    pooled = np.concatenate([before, after])
    if np.issubdtype(pooled.dtype, np.number) and len(np.unique(before)) > _FEW_VALUES:
        counts = np.histogram(pooled.astype(np.float64), bins="sturges")[0]
    else:
        counts = np.unique(pooled.astype(str), return_counts=True)[1]
    drawn = rng.multivariate_hypergeometric(counts, len(before), size=SHUFFLES)
    p, q = drawn / len(before), (counts - drawn) / len(after)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.percentile(np.sqrt(np.maximum(divergence, 0.0)), PERCENTILE))


def _relative_entropy(p: Floats, middle: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / middle), 0.0)
    return np.asarray(terms.sum(axis=1), dtype=np.float64)
