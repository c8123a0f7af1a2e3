"""Drift of behaviour, told apart from drift of the camera estate.

Every feature is compared twice: as it is, and computed anew for both spans without the reads of cameras that changed.
What vanishes in the second comparison was the cameras; what stays is behaviour. The vehicles ranked highest are
compared on their own too: a change in how one vehicle in two thousand travels is invisible among all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.drift.columns import compare_columns, method_of, sample
from models.drift.results import Attribution, ColumnDrift, FeatureDrift, Population, ScoreDrift
from models.drift.settings import ColumnMethod, MonitorSettings

SCORE = "score"
Columns = tuple[ColumnDrift | None, ...]
_SHARE_OF_CAMERAS = 0.25
QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)


@dataclass(frozen=True)
class Spans:
    """Windows of the reference and of the current span: one row per vehicle and window, same columns.

    The column `score` holds the champion's score, where there is a champion.
    """

    reference: pa.Table
    current: pa.Table

    @property
    def scored(self) -> bool:
        """Whether a champion has scored the windows."""
        return SCORE in self.reference.column_names


def compare_behaviour(
    raw: Spans,
    adjusted: Spans | None,
    features: Sequence[str],
    settings: MonitorSettings,
    reports: Mapping[str, Path] | None = None,
) -> tuple[tuple[FeatureDrift, ...], ScoreDrift | None]:
    """Compare features and scores, raw and adjusted, among all vehicles and among those ranked highest.

    Args:
        raw: Windows made of all reads.
        adjusted: Windows made without the changed cameras; the very same object when no camera changed; `None` when
            too few reads are left to make them.
        features: Feature columns to compare.
        settings: Methods, thresholds, sample sizes, seed.
        reports: Where to keep Evidently's HTML: keys `raw` and `adjusted`, each optional.
    """
    reports = reports or {}
    methods = {name: method_of(name, raw.reference.schema.field(name).type, settings) for name in features}
    if raw.scored:
        methods[SCORE] = settings.score
    before = _compare_all(raw, methods, settings, reports.get("raw"))
    after = _again(raw, adjusted, before, lambda spans: _compare_all(spans, methods, settings, reports.get("adjusted")))
    found = _join("all", before, after)
    scores = _scores(raw, before, after) if raw.scored else None
    if raw.scored:
        wider = {name: _wider(method, settings) for name, method in methods.items() if name != SCORE}
        before = _compare_ranked(raw, wider, settings)
        after = _again(raw, adjusted, before, lambda spans: _compare_ranked(spans, wider, settings))
        found += _join("ranked", before, after)
    return tuple(item for item in found if item.feature != SCORE), scores


def attribute(raw: ColumnDrift, adjusted: ColumnDrift | None) -> Attribution:
    """Who moved a column.

    `cameras` if it stands still without them; `both` if it moves without them too, but they account for a threshold or
    more of the score and for a quarter of it.
    """
    if adjusted is None or not adjusted.drifted:
        return "cameras" if raw.drifted else "none"
    if raw.drifted and raw.score is not None and adjusted.score is not None:
        least = max(raw.threshold, _SHARE_OF_CAMERAS * max(raw.score, adjusted.score))
        return "both" if abs(raw.score - adjusted.score) >= least else "behaviour"
    return "behaviour"


def _again(
    raw: Spans, adjusted: Spans | None, before: Columns, compare: Callable[[Spans], tuple[ColumnDrift, ...]]
) -> Columns:
    if adjusted is None:
        return (None,) * len(before)
    return before if adjusted is raw else compare(adjusted)


def _compare_all(
    spans: Spans, methods: Mapping[str, ColumnMethod], settings: MonitorSettings, html: Path | None
) -> tuple[ColumnDrift, ...]:
    return compare_columns(
        sample(spans.reference, settings.sample_rows, settings.seed),
        sample(spans.current, settings.sample_rows, settings.seed + 1),
        methods,
        settings,
        html,
    )


def _compare_ranked(
    spans: Spans, methods: Mapping[str, ColumnMethod], settings: MonitorSettings
) -> tuple[ColumnDrift, ...]:
    return compare_columns(
        _highest(spans.reference, settings.ranked_rows),
        _highest(spans.current, settings.ranked_rows),
        methods,
        settings,
    )


def _highest(windows: pa.Table, rows: int) -> pa.Table:
    """The vehicles scored highest: at most `rows`, at most a fifth of all; ties by vehicle."""
    order = [(SCORE, "descending"), ("vehicle", "ascending")]
    return windows.sort_by(order).slice(0, min(rows, max(1, windows.num_rows // 5)))


def _wider(method: ColumnMethod, settings: MonitorSettings) -> ColumnMethod:
    return ColumnMethod(method=method.method, threshold=method.threshold * settings.ranked_factor)


def _join(population: Population, raw: Sequence[ColumnDrift], adjusted: Columns) -> list[FeatureDrift]:
    return [
        FeatureDrift(
            feature=before.column,
            population=population,
            raw=before,
            adjusted=after,
            attribution=attribute(before, after),
        )
        for before, after in zip(raw, adjusted, strict=True)
    ]


def _scores(raw: Spans, before: Sequence[ColumnDrift], after: Columns) -> ScoreDrift:
    return ScoreDrift(
        raw=before[-1],
        adjusted=after[-1],
        attribution=attribute(before[-1], after[-1]),
        quantiles=QUANTILES,
        reference=_quantiles(raw.reference),
        current=_quantiles(raw.current),
    )


def _quantiles(windows: pa.Table) -> tuple[float, ...]:
    scores: NDArray[np.float64] = windows[SCORE].to_numpy()
    return tuple(round(float(value), 6) for value in np.quantile(scores, QUANTILES))
