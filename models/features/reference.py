"""The reference page of a pattern's features and settings, written from their declarations."""

from __future__ import annotations

from collections.abc import Sequence

from models.features.feature import Feature
from models.features.settings import PatternSettings


def features_page(title: str, unit: str, features: Sequence[Feature], settings_type: type[PatternSettings]) -> str:
    """Markdown: one table of features, one of settings.

    Args:
        title: Title of the pattern.
        unit: What one row of a window is about.
        features: The declared features, in the order of the columns.
        settings_type: The declared settings.
    """
    lines = [
        f"# Features of the pattern {title}",
        "",
        f"One row per {unit} with at least one read in the window. Written from the declarations in `models/` by",
        "`make docs`; do not edit. B1 to B13 are the behaviours that published work on out-of-town supply names. Every",
        "figure is computed from whole numbers (metres, seconds, counts): the same on every machine. A missing",
        "value means that there was nothing to measure. Thresholds are settings; none names a place.",
        "",
        "| feature | unit | type | what it is meant to see |",
        "|---|---|---|---|",
        *(f"| `{one.name}` | {one.unit} | {one.dtype} | {one.sees} |" for one in features),
        "",
        "## Settings",
        "",
        'The standing of a default is in its description: "definition" (it defines a word of this product), "lead"',
        '(suggested by published work, value chosen here) or "local policy".',
        "",
        "| setting | default | what it is, unit, standing |",
        "|---|---|---|",
        *(
            f"| `{name}` | {field.default} | {field.description} |"
            for name, field in settings_type.model_fields.items()
        ),
        "",
    ]
    return "\n".join(lines)
