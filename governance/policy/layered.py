"""Policies laid over each other: a ROCU's own file says only what differs."""

from __future__ import annotations

from typing import Any


def lay_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both mappings in one; where both have a key the upper wins, mappings are laid over each other in turn."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = lay_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
