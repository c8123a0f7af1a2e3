"""A bar in a table, beside the figure that it shows. Pictures of figures over batches: data_contracts.trend_picture."""

from __future__ import annotations

from markupsafe import Markup

BAR_WIDTH, BAR_HEIGHT = 160, 12


def draw_bar(share: float | None, most: float) -> Markup:
    """A bar as long as the share is beside the largest of its table."""
    length = 0.0 if not share or not most else max(1.5, BAR_WIDTH * share / most)
    return Markup(
        '<svg class="share" aria-hidden="true" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
        '<rect class="ground" width="{w}" height="{h}"/><rect class="length" width="{length}" height="{h}"/></svg>'
    ).format(w=BAR_WIDTH, h=BAR_HEIGHT, length=round(length, 1))
