"""The camera-density counterfactual: had a dense area half as many cameras, who would still be on the list?

The area is the densest that has a vehicle on the list, for where none is listed, none can be lost.

A model that ranks vehicles up because more cameras see them would drop those of the area; one that goes by what
vehicles do keeps most of them. Does not belong here: how much may change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from infra.engine import literal
from models.assurance.altered_reads import READS, WindowReads
from models.assurance.bases import cameras_of_cell
from models.assurance.ranking import WindowRows
from models.assurance.results import Thinning
from models.assurance.robustness import Score


def thin_cameras(
    reads: WindowReads, rows: WindowRows, cells: Sequence[str | None], bases: pa.Table, score: Score, seed: int
) -> Thinning | None:
    """Take half of the cameras of the densest listed area away, build the window again, score it, and compare ranks.

    Args:
        reads: Of the hold-out window.
        rows: Its rows in the snapshot, with the scores of the model.
        cells: The square in which each row is based.
        bases: `models.assurance.bases.base_table` of the window: decides which area has most cameras.
        score: From windows to `vehicle` and `score`: the way that scoring goes.
        seed: Decides which half goes.

    Returns:
        `None` if no row has a known base.
    """
    area = _densest(np.array(cells, dtype=object), bases, rows.selected(rows.scores))
    if area is None:
        return None
    cameras = cameras_of_cell(reads, area)
    gone = sorted(cameras, key=lambda camera: hashlib.sha256(f"{seed}|{camera}".encode()).digest())
    gone = gone[: max(1, len(gone) // 2)]
    listed = ", ".join(literal(camera) for camera in gone)
    removed = reads.number(f"SELECT count(*) FROM {READS} WHERE camera_id IN ({listed})")
    scores = rows.other_scores(score(reads.windows(f"SELECT * FROM {READS} WHERE camera_id NOT IN ({listed})")))
    there = np.array([cell == area for cell in cells], dtype=np.bool_)
    moved = np.abs(rows.ranks(scores) - rows.ranks(rows.scores))[there]
    overlap = rows.overlap(scores)
    return Thinning(
        window_end=reads.window_end,
        k=rows.k,
        rows=len(rows.keys),
        cameras=len(cameras),
        cameras_removed=len(gone),
        reads_removed=removed,
        rows_there=int(there.sum()),
        median_rank_change=float(np.median(moved)) if moved.size else None,
        top_k_replaced=None if overlap is None else 1.0 - overlap,
        selection_rate_before=_rate(rows.selected(rows.scores), there),
        selection_rate_after=_rate(rows.selected(scores), there),
    )


def _densest(cells: NDArray[np.object_], bases: pa.Table, selected: NDArray[np.bool_]) -> str | None:
    """The square with most cameras among those of the first k rows, or else of any; of equal ones the first by name."""
    cameras = dict(zip(bases.column("cell").to_pylist(), bases.column("cameras").to_pylist(), strict=True))
    listed = {cell for cell in cells[selected] if cell is not None}
    based = listed or {cell for cell in cells if cell is not None}
    return min(based, key=lambda cell: (-cameras.get(cell, 0), cell), default=None)


def _rate(selected: NDArray[np.bool_], there: NDArray[np.bool_]) -> float | None:
    return float(selected[there].mean()) if there.any() else None
