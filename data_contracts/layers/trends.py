"""The trend over a ROCU's last batches: how many rows each had, and which share of them broke which rule.

Belongs here: the figures, from the ingest records alone. Does not: how they are drawn (trend_picture).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

from data_contracts.layers.history import Judged, days_of
from data_contracts.layers.manifests import Frozen

TREND_BATCHES = 30
TREND_RULES = 11


class TrendPoint(Frozen):
    """One batch of the trend: how many rows, and the share of them that broke each rule drawn."""

    batch_id: str
    day: date
    rows: int
    verdict: str
    here: bool
    shares: dict[str, float]


def trend_of(
    chosen: Sequence[Judged], of_rows: Collection[str], here: Judged | None = None
) -> tuple[tuple[str, ...], tuple[TrendPoint, ...]]:
    """The rules to be drawn, those first that were broken most, and a point for each batch.

    Args:
        chosen: The batches, oldest first (`history.around`, `history.latest`).
        of_rows: The rules that count rows, of which a share can be told.
        here: The batch that the page is about: what it broke comes first.
    """
    broken: Counter[str] = Counter()
    for one in chosen:
        broken.update({rule: rows for rule, rows in one.batch.rules.items() if rule in of_rows})
    first = here.batch.rules if here else {}
    order = sorted(broken, key=lambda rule: (-first.get(rule, 0), -broken[rule], rule))[:TREND_RULES]
    points = tuple(
        TrendPoint(
            batch_id=one.batch.batch_id,
            day=days_of(one)[0],
            rows=one.batch.rows,
            verdict=one.batch.verdict,
            here=here is not None and one.batch.batch_id == here.batch.batch_id,
            shares={rule: one.batch.rules.get(rule, 0) / one.batch.rows if one.batch.rows else 0.0 for rule in order},
        )
        for one in chosen
    )
    return tuple(order), points
