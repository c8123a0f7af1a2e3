"""The check of explanations: for each row that would be listed, contributions add up to the score, and facts are said.

An analyst reads the sentences, not the trees. If contributions did not add up, the sentences would be about something
else than what ranked the vehicle. Does not belong here: the wording of a sentence.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from models.assurance.results import Explained
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.snapshot import rows_of
from models.training import feature_matrix, load_booster, text_sha256


def check_explanations(
    snapshot: pa.Table, model_text: str, pattern: Pattern, settings: PatternSettings, k: int
) -> Explained:
    """Explain the first k rows of each window of the hold-out, as a list would.

    Args:
        snapshot: What the model was trained and tested on.
        model_text: As registered.
        pattern: Says the sentences.
        settings: Those that the windows were built with.
        k: Rows of a list.
    """
    rows = rows_of(snapshot, "holdout")
    booster = load_booster(model_text)
    matrix = feature_matrix(rows, booster.feature_name())
    raw = np.asarray(booster.predict(matrix, raw_score=True), dtype=np.float64)
    listed = _listed(rows, raw, k)
    given = np.asarray(booster.predict(matrix[listed], pred_contrib=True), dtype=np.float64)
    silent = 0
    for row, contributions in zip(rows.take(pa.array(listed, pa.int64())).to_pylist(), given, strict=True):
        shares = dict(zip(booster.feature_name(), contributions[:-1].tolist(), strict=True))
        told = pattern.explain(row, shares, settings)
        silent += not (told.reasons or told.against)
    gap = np.abs(given.sum(axis=1) - raw[listed]).max() if len(listed) else 0.0
    return Explained(
        model_sha256=text_sha256(model_text), rows=len(listed), without_facts=silent, largest_gap=float(gap)
    )


def _listed(rows: pa.Table, scores: np.ndarray[tuple[int], np.dtype[np.float64]], k: int) -> list[int]:
    """Places of the first k rows of each window, equal scores by key."""
    ends, keys = rows.column("window_end").to_pylist(), rows.column("vehicle").to_pylist()
    by_window: dict[object, list[int]] = {}
    for place in sorted(range(len(ends)), key=lambda place: (-scores[place], keys[place])):
        by_window.setdefault(ends[place], []).append(place)
    return sorted(place for places in by_window.values() for place in places[:k])
