"""The rows of one hold-out window and their ranks under other scores. Arrays only; no reads, no model.

A row that other windows do not have any more ranks last. Equal scores rank by key, as they do in service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.metrics import Floats, Ints, average_precision


@dataclass(frozen=True)
class WindowRows:
    """Hold-out rows of one window: keys (vehicle or pair), labels, and the scores that the snapshot gives them.

    `judged` are those that precision is about; all are in the list.
    """

    keys: NDArray[np.str_]
    labels: Ints
    judged: NDArray[np.bool_]
    scores: Floats
    k: int

    def to_decide(self) -> WindowRows:
        """Only the rows that precision is about: a list without the vehicles that are confirmed already."""
        kept = self.judged
        return WindowRows(self.keys[kept], self.labels[kept], kept[kept], self.scores[kept], self.k)

    def other_scores(self, scored: pa.Table) -> Floats:
        """The scores of these rows in another list (`vehicle`, `score`); minus infinity for a row that is not in it."""
        found: Mapping[str, float] = dict(
            zip(scored.column("vehicle").to_pylist(), scored.column("score").to_pylist(), strict=True)
        )
        return np.array([found.get(key, -np.inf) for key in self.keys.tolist()], dtype=np.float64)

    def ranks(self, scores: Floats) -> Ints:
        """The rank of each row, 1 the highest score."""
        ranks = np.empty(len(self.keys), dtype=np.int64)
        ranks[np.lexsort((self.keys, -scores))] = np.arange(1, len(self.keys) + 1)
        return ranks

    def selected(self, scores: Floats) -> NDArray[np.bool_]:
        """Which rows are among the first k."""
        return self.ranks(scores) <= self.k

    def precision(self, scores: Floats) -> float | None:
        """The average precision of these scores; `None` without a confirmed row."""
        if not self.labels.any():
            return None
        order = np.lexsort((self.keys, -scores))
        ordered = self.labels[order][self.judged[order]]
        return average_precision(ordered, np.ones(len(ordered)))

    def overlap(self, scores: Floats) -> float | None:
        """Share of the first k rows that are among the first k under other scores; `None` without rows."""
        before, after = self.selected(self.scores), self.selected(scores)
        return float((before & after).sum() / before.sum()) if before.any() else None
