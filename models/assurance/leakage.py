"""Leakage: has the model been told what it is asked? Four questions, each with a number for an answer.

Does it still rank when labels are exchanged at random? Is a row both trained and tested on? Does a window change when
reads after its end are added? Does one feature alone say it all? Does not belong here: which number is too much.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from models.assurance.altered_reads import READS, WindowReads
from models.assurance.parity import differing
from models.assurance.results import Leakage
from models.evaluation import holdout_scores
from models.metrics import Floats, Ints, average_precision
from models.snapshot import rows_of, to_judge
from models.training import feature_matrix, train_model
from models.training_settings import TrainingSettings

SHUFFLES = 3


def look_for_leakage(
    snapshot: pa.Table,
    window_rows: pa.Table,
    features: Sequence[str],
    settings: TrainingSettings,
    reads: WindowReads,
    shuffles: int = SHUFFLES,
) -> Leakage:
    """Ask all four questions of a snapshot.

    Args:
        snapshot: The snapshot that the model was trained on.
        window_rows: Its hold-out rows of the window of `reads`.
        features: Names of the feature columns.
        settings: Those of the training; shuffled labels are trained on in the same way.
        reads: Of one hold-out window.
        shuffles: How often labels are exchanged.
    """
    holdout = rows_of(snapshot, "holdout")
    holdout = holdout.filter(pa.array(to_judge(holdout)))
    labels = holdout.column("label").to_numpy().astype(np.int64)
    later = f"""SELECT * FROM {READS} UNION ALL
        SELECT * REPLACE (captured_at + INTERVAL {reads.settings.window_days} DAY AS captured_at) FROM {READS}"""
    moved = differing(window_rows, reads.windows(later), features)
    name, strongest = _strongest(holdout, features, labels)
    return Leakage(
        shuffles=shuffles,
        base_rate=float(labels.mean()) if labels.size else None,
        shuffled_average_precision=_shuffled(snapshot, features, settings, shuffles),
        rows_on_both_sides=_on_both_sides(snapshot),
        window_end=reads.window_end,
        later_reads=reads.reads,
        rows_compared=window_rows.num_rows,
        rows_moved=len(np.unique(moved[:, 0])),
        strongest_feature=name,
        strongest_average_precision=strongest,
    )


def _shuffled(snapshot: pa.Table, features: Sequence[str], settings: TrainingSettings, shuffles: int) -> float | None:
    """The larger of two medians: for the true labels, and for the exchanged ones, which rows on both sides show."""
    holdout = rows_of(snapshot, "holdout")
    judged, labels = to_judge(holdout), holdout.column("label").to_numpy()
    on_true, on_exchanged = [], []
    for number in range(shuffles):
        exchanged = exchange_labels(snapshot, settings.seed + number)
        text, _ = train_model(rows_of(exchanged, "train"), features, settings)
        scores = holdout_scores(text, snapshot)
        others = rows_of(exchanged, "holdout").column("label").to_numpy()
        on_true.append(_precision(labels[judged], scores[judged]))
        on_exchanged.append(_precision(others[judged], scores[judged]))
    found = max(statistics.median(on_true), statistics.median(on_exchanged)) if shuffles else math.nan
    return None if math.isnan(found) else found


def exchange_labels(snapshot: pa.Table, seed: int) -> pa.Table:
    """The snapshot with labels exchanged at random among the vehicles of each window; one label per vehicle and window.

    Rows of one vehicle and window get the same label wherever they are, so that a row on both sides stays one.
    """
    generator = np.random.default_rng(seed)
    ends = snapshot.column("window_end").cast(pa.int32()).to_numpy()
    keys = np.array(snapshot.column("vehicle").to_pylist(), dtype=np.str_)
    labels = snapshot.column("label").to_numpy()
    exchanged = np.empty_like(labels)
    for end in np.unique(ends):
        rows = np.flatnonzero(ends == end)
        _, first, again = np.unique(keys[rows], return_index=True, return_inverse=True)
        exchanged[rows] = generator.permutation(labels[rows][first])[again]
    place = snapshot.column_names.index("label")
    return snapshot.set_column(place, "label", pa.array(exchanged, snapshot.column("label").type))


def _on_both_sides(snapshot: pa.Table) -> int:
    def keys(split: str) -> set[tuple[str, object]]:
        rows = rows_of(snapshot, split)
        return set(zip(rows.column("vehicle").to_pylist(), rows.column("window_end").to_pylist(), strict=True))

    return len(keys("train") & keys("holdout"))


def _strongest(holdout: pa.Table, features: Sequence[str], labels: Ints) -> tuple[str | None, float | None]:
    """The feature whose order, up or down, is worth most; missing values rank last."""
    best: tuple[str | None, float | None] = (None, None)
    if not labels.any():
        return best
    matrix = feature_matrix(holdout, features)
    for position, name in enumerate(features):
        for sign in (1.0, -1.0):
            column = np.nan_to_num(sign * matrix[:, position], nan=-np.inf)
            found = _pessimistic(labels, column)
            if best[1] is None or found > best[1]:
                best = (name, found)
    return best


def _pessimistic(labels: Ints, scores: Floats) -> float:
    """Average precision where, of equal values, the rows not confirmed come first: ties say nothing."""
    return average_precision(labels[np.lexsort((labels, -scores))], np.ones(len(labels)))


def _precision(labels: Ints, scores: Floats) -> float:
    return _pessimistic(labels.astype(np.int64), scores)
