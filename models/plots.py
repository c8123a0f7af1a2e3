"""Pictures of an evaluation: precision and recall, calibration, precision at k against k, what the model looks at.

SVG without dates, so that the same evaluation gives the same file. Belongs here: drawing. Does not: measuring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from models.evaluation import holdout_scores
from models.metrics import Floats, Ints, Ranked, quantile_bins, rank_rows, top_k
from models.snapshot import rows_of, to_judge
from models.training import load_booster

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS = ("precision_recall", "calibration", "precision_at_k", "importance")


def draw_plots(model_text: str, snapshot: pa.Table, k: int, folder: Path) -> tuple[Path, ...]:
    """Draw all pictures of a model on the hold-out of a snapshot.

    Args:
        model_text: LightGBM text.
        snapshot: The snapshot's table.
        k: Capacity of the analysts, marked in the picture.
        folder: Where to put them; made when it is not there.

    Returns:
        The files, in the order of `PLOTS`.
    """
    rows = rows_of(snapshot, "holdout")
    judged = to_judge(rows)
    rows, scores = rows.filter(pa.array(judged)), holdout_scores(model_text, snapshot)[judged]
    model = _ranked(rows, scores)
    baseline = _ranked(rows, np.nan_to_num(rows.column("baseline").cast(pa.float64()).to_numpy()))
    folder.mkdir(parents=True, exist_ok=True)
    booster = load_booster(model_text)
    gains = booster.feature_importance(importance_type="gain")
    drawings: dict[str, Callable[[Axes], None]] = {
        "precision_recall": lambda axes: _precision_recall(axes, model, baseline),
        "calibration": lambda axes: _calibration(axes, model),
        "precision_at_k": lambda axes: _precision_at_k(axes, model, baseline, k),
        "importance": lambda axes: _importance(axes, booster.feature_name(), gains),
    }
    return tuple(_draw(folder / f"{name}.svg", drawings[name]) for name in PLOTS)


def _draw(path: Path, drawing: Callable[[Axes], None]) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        drawing(figure.subplots())
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _ranked(rows: pa.Table, scores: Floats) -> Ranked:
    vehicles = np.unique(np.array(rows.column("vehicle").to_pylist()), return_inverse=True)[1].astype(np.int64)
    windows = rows.column("window_end").cast(pa.int32()).to_numpy().astype(np.int64)
    return rank_rows(rows.column("label").to_numpy().astype(np.int64), scores, vehicles, windows)


def _precision_recall(axes: Axes, model: Ranked, baseline: Ranked) -> None:
    for name, ranked in (("model", model), ("rule baseline", baseline)):
        hits = np.cumsum(ranked.labels)
        axes.step(hits / max(1, hits[-1]), hits / np.arange(1, len(hits) + 1), where="post", label=name)
    axes.set(xlabel="recall", ylabel="precision (unreviewed count as not confirmed)", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title("Precision and recall on the hold-out")
    axes.legend()


def _calibration(axes: Axes, model: Ranked) -> None:
    mean_score, share = _bin_means(model.scores, model.labels)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="score = share confirmed")
    axes.plot(mean_score, share, marker="o", label="model, bins of equal size")
    axes.set(xlabel="mean score", ylabel="share confirmed", title="Calibration on the hold-out")
    axes.legend()


def _bin_means(scores: Floats, labels: Ints) -> tuple[Floats, Floats]:
    bins = quantile_bins(scores)
    counts = np.bincount(bins)
    used = counts > 0
    return np.bincount(bins, scores)[used] / counts[used], np.bincount(bins, labels)[used] / counts[used]


def _precision_at_k(axes: Axes, model: Ranked, baseline: Ranked, k: int) -> None:
    steps = np.unique(np.geomspace(1, max(4 * k, 10), 30).astype(int))
    for name, ranked in (("model", model), ("rule baseline", baseline)):
        axes.plot(steps, [_mean_precision(ranked, int(step)) for step in steps], label=name)
    axes.axvline(k, linestyle=":", color="grey", label=f"capacity {k}")
    axes.set(xlabel="vehicles looked at per window", ylabel="precision", ylim=(0, 1.02), title="Precision at k")
    axes.legend()


def _mean_precision(ranked: Ranked, k: int) -> float:
    taken = [top_k(ranked.labels[rows], np.ones(len(rows)), k) for rows in ranked.windows]
    return float(np.mean([hits / rows for hits, rows in taken]))


def _importance(axes: Axes, features: Sequence[str], gains: Floats) -> None:
    order = np.argsort(gains, kind="stable")[-15:]
    axes.barh([features[position] for position in order], gains[order])
    axes.set(xlabel="total gain", title="Features that the model splits on")
