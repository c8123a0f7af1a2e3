"""Contracts for tests: short ones, and ones that were damaged somewhere."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

LEFT_OUT = ("days_after_window",)
NOISE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)


def shortened(text: str) -> str:
    """The contract without what it could do without, so that it is read and tried quickly."""
    rows, _, batches = text.partition("  - name: batches")
    head, *columns = rows.rstrip("\n").split("\n      - name: ")
    kept = [part for part in columns if not part.startswith(LEFT_OUT)]
    return "\n      - name: ".join([head, *kept]) + "\n  - name: batches" + batches


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """The document with one thing in it taken away, or put in the place of another."""
    document = yaml.safe_load(text)
    here: Any = document
    while True:
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if not isinstance(here[key], dict | list) or not here[key] or draw(st.integers(0, 3)) == 0:
            break
        here = here[key]
    if draw(st.booleans()):
        del here[key]
    else:
        here[key] = draw(NOISE | st.just({}) | st.just({"column": 1}))
    return yaml.safe_dump(document).encode()
