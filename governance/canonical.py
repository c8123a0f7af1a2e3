"""One spelling per value, so that a digest over it means something."""

from __future__ import annotations

import json

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: object) -> str:
    """A value as JSON with sorted keys, no spaces, no NaN.

    Raises:
        ValueError: The value holds NaN or an infinity.
        TypeError: The value is not JSON.
    """
    return _ENCODER.encode(value)


def plain_text(text: str) -> str:
    """Text as the log can keep it: a byte that is no UTF-8, as a shell passes it on, becomes a question mark."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
