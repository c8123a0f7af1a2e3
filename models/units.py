"""What a row of a window is about: one vehicle or a pair, and the keys of both.

A key stands in the column `vehicle` of windows, snapshots, scores and findings alike: a vehicle's token, or of a pair
the two tokens in order, joined by "+".
"""

from __future__ import annotations

from typing import Literal

Unit = Literal["vehicle", "pair"]
VEHICLES: dict[Unit, int] = {"vehicle": 1, "pair": 2}
"""How many vehicles a row of each unit is about."""
JOINT = "+"


def units_of(key: str) -> tuple[str, ...]:
    """The tokens of the vehicles that a key is about."""
    return tuple(key.split(JOINT))


def key_of(*tokens: str) -> str:
    """The key of these vehicles, whatever their order."""
    return JOINT.join(sorted(tokens))


def is_about(key: str, unit: Unit) -> bool:
    """Whether a key is one of this unit."""
    return key.count(JOINT) + 1 == VEHICLES[unit]
