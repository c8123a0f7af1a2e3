"""How two lists of the same windows differ: what a shadow run says about a version, without showing a vehicle.

Belongs here: figures from two scored tables. Does not: whether they are good enough, which people say, or storage.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict


class ListComparison(BaseModel):
    """One list held against another of the same windows. `None` where there is nothing to compare.

    Args:
        k: Length of the heads that are compared.
        vehicles: How many the list has.
        failures: How many of them have no number for a score.
        overlap_at_k: Share of the other's first k that is in the first k here.
        share_new: Share of the first k here that is not in the other's.
        rank_correlation: Spearman's, over the vehicles of both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int
    vehicles: int
    failures: int
    overlap_at_k: float | None = None
    share_new: float | None = None
    rank_correlation: float | None = None


def compare_lists(scored: pa.Table, other: pa.Table | None, k: int) -> ListComparison:
    """Figures about a list, and against another one.

    Args:
        scored: vehicle, score, rank; one row per vehicle.
        other: The same of the other model; `None` if there is none.
        k: Length of the heads.
    """
    failures = int(np.count_nonzero(~np.isfinite(scored.column("score").to_numpy())))
    mine = _ranks(scored)
    plain = ListComparison(k=k, vehicles=len(mine), failures=failures)
    if other is None:
        return plain
    theirs = _ranks(other)
    head, their_head = _head(mine, k), _head(theirs, k)
    both = sorted(mine.keys() & theirs.keys())
    return plain.model_copy(
        update={
            "overlap_at_k": len(head & their_head) / len(their_head) if their_head else None,
            "share_new": len(head - their_head) / len(head) if head else None,
            "rank_correlation": _correlation([mine[one] for one in both], [theirs[one] for one in both]),
        }
    )


def _ranks(scored: pa.Table) -> dict[str, int]:
    return dict(zip(scored.column("vehicle").to_pylist(), scored.column("rank").to_pylist(), strict=True))


def _head(ranks: dict[str, int], k: int) -> set[str]:
    return {vehicle for vehicle, rank in ranks.items() if rank <= k}


def _correlation(mine: list[int], theirs: list[int]) -> float | None:
    """Pearson's of the ranks among those compared, which is Spearman's: ranks have no ties."""
    if len(mine) < 2:
        return None
    places = np.argsort(np.argsort(mine)), np.argsort(np.argsort(theirs))
    return float(np.corrcoef(*places)[0, 1])
