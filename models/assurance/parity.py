"""Parity: rows of the snapshot made again on the way that scoring goes, equal bit by bit or named.

The settings are those of serving, not those of the training; so it shows when a policy, the code or the snapshot has
changed since. Does not belong here: whether a difference matters (the gate says that every one does).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from infra.lake import Lake
from models.assurance.results import Difference, Parity
from models.features.settings import PatternSettings
from models.inputs import TrainingInputs, window_parts
from models.metrics import Floats
from models.patterns import Pattern
from models.scoring import score_windows
from models.training import feature_matrix, load_booster, text_sha256
from models.window_engines import WindowMaker

MOST_HOLDOUT_WINDOWS = 4
MOST_TRAIN_WINDOWS = 1
FIRST = 5
SCORE = "score"


def check_parity(
    windows_of: WindowMaker,
    lake: Lake,
    inputs: TrainingInputs,
    snapshot: pa.Table,
    model_text: str,
    pattern: Pattern,
    serving: PatternSettings,
) -> Parity:
    """Build and score windows of the snapshot again as scoring does, and compare every row, feature and score.

    Args:
        windows_of: Builds windows as scoring does, on the engine of the settings.
        lake: Holds the pinned parts.
        inputs: The pinned inputs: which reads each window had.
        snapshot: What the model was trained and tested on.
        model_text: The model as registered.
        pattern: Builds the windows.
        serving: The settings with which scoring would build them now.

    Returns:
        The comparison over hold-out windows (all of them, or evenly spread ones) and the latest window of training.
    """
    booster = load_booster(model_text)
    features = tuple(booster.feature_name())
    train, holdout = _ends(snapshot, "train"), _ends(snapshot, "holdout")
    chosen = (*_spread(train[-1:], MOST_TRAIN_WINDOWS), *_spread(holdout, MOST_HOLDOUT_WINDOWS))
    counts = {"train": 0, "holdout": 0}
    found: list[Difference] = []
    rows_differing, columns = 0, set()
    for end in chosen:
        rows = snapshot.filter(pc.equal(snapshot.column("window_end"), pa.scalar(end, pa.date32())))
        parts = window_parts(inputs.reads, end, serving.window_days)
        windows = windows_of(lake, parts, end, pattern, serving)
        served = _with_scores(windows, score_windows(model_text, windows, pattern, serving, 0))
        trained = np.asarray(booster.predict(feature_matrix(rows, features)), dtype=np.float64)
        rows = rows.append_column(SCORE, pa.array(trained))
        places = differing(rows, served, (*features, SCORE))
        rows_differing += len(np.unique(places[:, 0]))
        columns |= {(*features, SCORE)[column] for column in np.unique(places[:, 1])}
        found += _named(rows, served, (*features, SCORE), places[: FIRST - len(found)], end)
        for split in counts:
            counts[split] += int(pc.sum(pc.equal(rows.column("split"), split)).as_py() or 0)
    return Parity(
        model_sha256=text_sha256(model_text),
        window_ends=chosen,
        features=len(features),
        train_rows=counts["train"],
        holdout_rows=counts["holdout"],
        differing_rows=rows_differing,
        differing_columns=tuple(name for name in (*features, SCORE) if name in columns),
        first=tuple(found),
    )


def differing(rows: pa.Table, served: pa.Table, columns: Sequence[str]) -> NDArray[np.int64]:
    """Where rows and their counterparts in other windows are not the same to the bit.

    Args:
        rows: With `vehicle` and the columns.
        served: Windows with the same; further rows are ignored.
        columns: What to compare. A column that is not there differs in every row.

    Returns:
        Pairs of row of `rows` and position in `columns`, in that order; a row without a counterpart differs in all.
    """
    place = {key: position for position, key in enumerate(served.column("vehicle").to_pylist())}
    at = np.array([place.get(key, -1) for key in rows.column("vehicle").to_pylist()], dtype=np.int64)
    there = [name for name in columns if name in rows.column_names and name in served.column_names]
    same = np.zeros((rows.num_rows, len(columns)), dtype=np.bool_)
    mine, theirs = _bits(rows, there), _bits(served, there)
    met = np.flatnonzero(at >= 0)
    for position, name in enumerate(there):
        same[met, columns.index(name)] = mine[met, position] == theirs[at[met], position]
    return np.argwhere(~same)


def _bits(table: pa.Table, columns: Sequence[str]) -> NDArray[np.uint64]:
    matrix = feature_matrix(table, columns)
    # one pattern for "not known", whichever library wrote it
    matrix[np.isnan(matrix)] = np.nan
    return matrix.view(np.uint64)


def _with_scores(windows: pa.Table, scored: pa.Table) -> pa.Table:
    """Windows with the score of each row, in the order of the list."""
    scores: dict[str, float] = dict(
        zip(scored.column("vehicle").to_pylist(), scored.column(SCORE).to_pylist(), strict=True)
    )
    column: Floats = np.array([scores[key] for key in windows.column("vehicle").to_pylist()], dtype=np.float64)
    return windows.append_column(SCORE, pa.array(column))


def _named(
    rows: pa.Table, served: pa.Table, columns: Sequence[str], places: NDArray[np.int64], end: date
) -> list[Difference]:
    other = {key: position for position, key in enumerate(served.column("vehicle").to_pylist())}
    named = []
    for row, column in places.tolist():
        name = columns[column]
        at = other.get(rows.column("vehicle")[row].as_py())
        value = "no such column" if name not in served.column_names else "no such row"
        if at is not None and name in served.column_names:
            value = repr(served.column(name)[at].as_py())
        trained = repr(rows.column(name)[row].as_py()) if name in rows.column_names else "no such column"
        named.append(Difference(window_end=end, row=row, column=name, trained=trained, served=value))
    return named


def _ends(snapshot: pa.Table, split: str) -> tuple[date, ...]:
    kept = snapshot.filter(pc.equal(snapshot.column("split"), split))
    return tuple(sorted(set(kept.column("window_end").to_pylist())))


def _spread(ends: Sequence[date], most: int) -> tuple[date, ...]:
    """At most so many of the window ends, the first and the last among them."""
    if len(ends) <= most:
        return tuple(ends)
    return tuple(ends[round(position)] for position in np.linspace(0, len(ends) - 1, most))
