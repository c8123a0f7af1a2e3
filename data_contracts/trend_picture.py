"""The run of one figure over the last batches, as a small picture.

Each picture says its figures in words as well, for who cannot see it; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from data_contracts.layers.trends import TrendPoint

STEP, HEIGHT, FLOOR = 10, 56, 4


def draw_trend(points: Sequence[TrendPoint], rule: str | None) -> Markup:
    """The share of rows that broke a rule, or without a rule the rows: one bar per batch, oldest left.

    The batch of the page, if it is of one, is dark; one that failed has a mark on its foot.
    """
    values = [float(point.rows) if rule is None else point.shares[rule] for point in points]
    said = [f"{point.rows:,} rows" if rule is None else share_text(point.shares[rule]) for point in points]
    what = "Rows" if rule is None else f"Share of rows that broke {rule.replace('_', ' ')}"
    most = max([*values, 1e-12])
    width = STEP * len(points)
    bars = Markup("").join(
        _bar(number, value / most, f"{point.day}, batch {point.batch_id}: {text}", point)
        for number, (value, text, point) in enumerate(zip(values, said, points, strict=True))
    )
    return Markup(
        '<svg class="trend" role="img" aria-label="{title}" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
        '{bars}<line class="floor" x1="0" y1="{floor}" x2="{w}" y2="{floor}"/></svg>'
    ).format(
        title=f"{what}, batch by batch: {', '.join(said)}",
        w=width,
        h=HEIGHT + FLOOR + 4,
        floor=HEIGHT + 0.5,
        bars=bars,
    )


def share_text(share: float | None) -> str:
    """A share in per cent, with as many digits as a small one needs; none is not nought."""
    if share is None:
        return "not counted"
    if 0 < share < 0.0001:
        return "under 0.01\N{NO-BREAK SPACE}%"
    digits = 0 if share == 0 else 2 if share < 0.1 else 1
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _bar(number: int, share: float, text: str, point: TrendPoint) -> Markup:
    height = round(max(1.0 if share > 0 else 0.0, share * HEIGHT), 1)
    foot = (
        Markup('<path class="failed" d="M{} {} l3.5 5 h-7 z"/>').format(number * STEP + STEP / 2, HEIGHT + 2)
        if point.verdict == "failed"
        else ""
    )
    return Markup(
        '<g><title>{}</title><rect class="under" x="{}" y="0" width="{}" height="{}"/>'
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>{}</g>'
    ).format(
        text,
        number * STEP,
        STEP,
        HEIGHT,
        "here" if point.here else "other",
        number * STEP + 1,
        round(HEIGHT - height, 1),
        STEP - 2,
        height,
        foot,
    )
