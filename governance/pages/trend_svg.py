"""Small pictures of counts: a bar in a table, and the run of one figure over the last batches.

Each picture says its figures in words as well, for who cannot see it; nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

BAR_WIDTH, BAR_HEIGHT = 160, 12
STEP, HEIGHT, FLOOR = 10, 56, 4


def draw_bar(share: float | None, most: float) -> Markup:
    """A bar as long as the share is beside the largest of its table."""
    length = 0.0 if not share or not most else max(1.5, BAR_WIDTH * share / most)
    return Markup(
        '<svg class="share" aria-hidden="true" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
        '<rect class="ground" width="{w}" height="{h}"/><rect class="length" width="{length}" height="{h}"/></svg>'
    ).format(w=BAR_WIDTH, h=BAR_HEIGHT, length=round(length, 1))


def draw_trend(values: Sequence[float], texts: Sequence[str], here: int, failed: Sequence[bool], title: str) -> Markup:
    """One bar per batch, oldest left; the batch of the page is dark, one that failed has a mark on its foot.

    Args:
        values: The figure, not below 0.
        texts: What is said of each when it is pointed at.
        here: Place of the page's batch.
        failed: Which of them failed.
        title: What the picture shows, with its figures in words.
    """
    most = max([*values, 1e-12])
    width = STEP * len(values)
    bars = Markup("").join(
        _bar(number, value / most, texts[number], number == here, failed[number]) for number, value in enumerate(values)
    )
    return Markup(
        '<svg class="trend" role="img" aria-label="{title}" viewBox="0 0 {w} {h}" width="{w}" height="{h}">'
        '{bars}<line class="floor" x1="0" y1="{floor}" x2="{w}" y2="{floor}"/></svg>'
    ).format(title=title, w=width, h=HEIGHT + FLOOR + 4, floor=HEIGHT + 0.5, bars=bars)


def _bar(number: int, share: float, text: str, here: bool, failed: bool) -> Markup:
    height = round(max(1.0 if share > 0 else 0.0, share * HEIGHT), 1)
    foot = (
        Markup('<path class="failed" d="M{} {} l3.5 5 h-7 z"/>').format(number * STEP + STEP / 2, HEIGHT + 2)
        if failed
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
        "here" if here else "other",
        number * STEP + 1,
        round(HEIGHT - height, 1),
        STEP - 2,
        height,
        foot,
    )
