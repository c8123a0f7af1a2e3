"""Made-up results of trials that a gate lets through, for tests that need no training."""

from __future__ import annotations

from datetime import date
from typing import Any

from models.assurance.results import (
    Attribute,
    Fairness,
    FaultTrial,
    GroupFigures,
    Leakage,
    Parity,
    Robustness,
    Thinning,
)
from models.stability import Spread, Stability

END = date(2026, 11, 9)
MODEL_SHA256 = "a" * 64
ATTRIBUTES = ("force", "camera_density", "area_group")
FAULTS = ("misreads", "clones", "outage", "clock")


def parity(**changes: Any) -> Parity:
    values = {
        "model_sha256": MODEL_SHA256,
        "window_ends": (END,),
        "features": 52,
        "train_rows": 900,
        "holdout_rows": 800,
        "differing_rows": 0,
    }
    return Parity.model_validate({**values, **changes})


def leakage(**changes: Any) -> Leakage:
    values = {
        "shuffles": 3,
        "base_rate": 0.01,
        "shuffled_average_precision": 0.02,
        "rows_on_both_sides": 0,
        "window_end": END,
        "later_reads": 7000,
        "rows_compared": 800,
        "rows_moved": 0,
        "strongest_feature": "away_places",
        "strongest_average_precision": 0.2,
    }
    return Leakage.model_validate({**values, **changes})


def group(name: str, rows: int = 400, selected: int = 10) -> GroupFigures:
    return GroupFigures(
        group=name,
        rows=rows,
        selected=selected,
        confirmed=6,
        selected_confirmed=min(selected, 4),
        expected=20 * rows / 800,
        selection_rate=selected / rows,
        precision=min(selected, 4) / selected if selected else None,
        recall=min(selected, 4) / 6,
    )


def attribute(name: str, *groups: GroupFigures) -> Attribute:
    return Attribute(
        name=name,
        groups=groups or (group("north"), group("south")),
        selection_rate_difference=0.0,
        selection_rate_ratio=1.0,
        precision_difference=0.0,
        recall_difference=0.0,
    )


def fairness(*attributes: Attribute) -> Fairness:
    given = {one.name: one for one in attributes}
    measured = tuple(given.get(name) or attribute(name) for name in ATTRIBUTES)
    return Fairness(k=20, window_ends=(END,), rows=800, attributes=measured)


def thinning(**changes: Any) -> Thinning:
    values = {
        "window_end": END,
        "k": 20,
        "rows": 800,
        "cameras": 10,
        "cameras_removed": 5,
        "reads_removed": 900,
        "rows_there": 60,
        "median_rank_change": 40.0,
        "top_k_replaced": 0.1,
        "selection_rate_before": 0.05,
        "selection_rate_after": 0.04,
    }
    return Thinning.model_validate({**values, **changes})


def fault(name: str, **changes: Any) -> FaultTrial:
    values = {
        "name": name,
        "what": f"some {name}",
        "reads_changed": 200,
        "top_k_overlap": 0.9,
        "average_precision": 0.45,
        "average_precision_loss": 0.05,
    }
    return FaultTrial.model_validate({**values, **changes})


def robustness(*trials: FaultTrial) -> Robustness:
    given = {one.name: one for one in trials}
    return Robustness(
        window_end=END,
        k=20,
        rows=800,
        confirmed=12,
        reads=7000,
        average_precision=0.5,
        trials=tuple(given.get(name) or fault(name) for name in FAULTS),
    )


def stability(overlap: float | None = 0.8) -> Stability:
    spread = Spread(mean=0.5, least=0.45, most=0.55)
    found = Spread(mean=overlap, least=overlap, most=overlap)
    return Stability(
        seeds=(1, 2, 3), k=20, overlap_at_k=found, average_precision=spread, not_yet_known_average_precision=spread
    )


def good_trials(model_sha256: str = MODEL_SHA256) -> dict[str, Any]:
    """Every trial with results that pass, as the evidence names them."""
    return {
        "parity": parity(model_sha256=model_sha256),
        "leakage": leakage(),
        "fairness": fairness(),
        "thinning": thinning(),
        "robustness": robustness(),
        "stability": stability(),
    }
