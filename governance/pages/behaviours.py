"""What the codes B1 to B13 stand for: behaviours that published work on out-of-town supply names, in a few words each.

Belongs here: the words of the legend. Does not: which feature is meant to see which (the features say it themselves).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

BEHAVIOURS = {
    "B1": "runs from a hub to another town",
    "B2": "a short turnaround in the town",
    "B3": "runs that are repeated",
    "B4": "a daily restock or return of cash",
    "B5": "a stay of several days",
    "B6": "a well-worn route",
    "B7": "hired or short-lived vehicles",
    "B8": "travel at night or off peak",
    "B9": "vehicles that travel together",
    "B10": "out of its force's area, or new to the region",
    "B11": "a plate that is cloned, hidden or misread",
    "B12": "trips to meet trains",
    "B13": "loops as of reconnaissance",
}


def named_behaviours(texts: Iterable[str]) -> list[tuple[str, str]]:
    """The codes that occur in the texts, each with what it stands for, in their order."""
    found = {code for text in texts for code in re.findall(r"\bB\d{1,2}\b", text)}
    return [(code, words) for code, words in BEHAVIOURS.items() if code in found]
