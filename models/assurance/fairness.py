"""Fairness: which groups of vehicles the first k of a list are taken from. The only module that knows Fairlearn.

The list is one of vehicles to decide about, without those confirmed before. Groups are those of places, for of people
nothing is known: the force, the density of cameras and the kind of area where a vehicle is based. Does not belong here:
where a vehicle is based, how unequal is too unequal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.assurance.results import UNKNOWN, Attribute, Fairness, GroupFigures

Flags = NDArray[np.bool_]


def measure_fairness(
    confirmed: Flags, selected: Flags, groups: Mapping[str, Sequence[str | None]], k: int, window_ends: Sequence[date]
) -> Fairness:
    """Selection rate, precision and recall of each group.

    Args:
        confirmed: Whether each row is a confirmed one. A row that nobody reviewed counts as not confirmed.
        selected: Whether it is among the first k of its window.
        groups: Attribute to the group of each row; `None` when it is not known. An attribute of which nothing is known
            at all is left out.
        k: Capacity of the analysts per window.
        window_ends: The windows of the rows.
    """
    return Fairness(
        k=k,
        window_ends=tuple(sorted(window_ends)),
        rows=len(confirmed),
        attributes=tuple(
            _attribute(name, confirmed, selected, [UNKNOWN if one is None else one for one in found])
            for name, found in groups.items()
            if any(one is not None for one in found)
        ),
    )


def density_bands(cameras: Sequence[int | None]) -> list[str | None]:
    """Three bands of as many rows each, by the cameras around a row's base; equal numbers are never parted."""
    known = np.array([number for number in cameras if number is not None])
    if not known.size:
        return [None] * len(cameras)
    low, high = (int(edge) for edge in np.quantile(known, [1 / 3, 2 / 3], method="lower"))

    def band(number: int) -> str:
        if number <= low:
            return f"sparse: up to {low} cameras"
        return f"middle: {low + 1} to {high} cameras" if number <= high else f"dense: over {high} cameras"

    return [None if number is None else band(number) for number in cameras]


def _attribute(name: str, confirmed: Flags, selected: Flags, groups: list[str]) -> Attribute:
    from fairlearn.metrics import MetricFrame, count, selection_rate

    frame = MetricFrame(
        metrics={
            "rows": count,
            "selection_rate": selection_rate,
            "selected": _selected,
            "confirmed": _confirmed,
            "both": _both,
            "precision": _precision,
            "recall": _recall,
        },
        y_true=confirmed.astype(np.int64),
        y_pred=selected.astype(np.int64),
        sensitive_features=np.array(groups, dtype=object),
    )
    apart, ratio = frame.difference(errors="coerce"), frame.ratio(errors="coerce")
    overall = float(selected.mean()) if selected.size else 0.0
    return Attribute(
        name=name,
        groups=tuple(
            GroupFigures(
                group=str(group),
                rows=int(row["rows"]),
                selected=int(row["selected"]),
                confirmed=int(row["confirmed"]),
                selected_confirmed=int(row["both"]),
                expected=overall * int(row["rows"]),
                selection_rate=float(row["selection_rate"]),
                precision=_figure(row["precision"]),
                recall=_figure(row["recall"]),
            )
            for group, row in frame.by_group.sort_index().iterrows()
        ),
        selection_rate_difference=_figure(apart["selection_rate"]),
        selection_rate_ratio=_figure(ratio["selection_rate"]),
        precision_difference=_figure(apart["precision"]),
        recall_difference=_figure(apart["recall"]),
    )


Counts = NDArray[np.int64]


def _selected(truth: Counts, chosen: Counts) -> int:
    return int(np.sum(chosen))


def _confirmed(truth: Counts, chosen: Counts) -> int:
    return int(np.sum(truth))


def _both(truth: Counts, chosen: Counts) -> int:
    return int(np.sum(np.asarray(truth) * np.asarray(chosen)))


def _precision(truth: Counts, chosen: Counts) -> float:
    number = _selected(truth, chosen)
    return _both(truth, chosen) / number if number else math.nan


def _recall(truth: Counts, chosen: Counts) -> float:
    number = _confirmed(truth, chosen)
    return _both(truth, chosen) / number if number else math.nan


def _figure(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
