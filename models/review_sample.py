"""The random part of a review list: a few vehicles drawn blindly, so that the worth of lists can be measured.

Findings about ranked vehicles say nothing of the vehicles that were never listed. So each list also holds some that
were drawn by chance from all the others, and whoever reviews is not told which. The draw follows from the run's id, so
anybody can make it again. Belongs here: drawing, chances, the order of the list. Does not: what findings then say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """One vehicle of a review list.

    Args:
        vehicle: Its key.
        selected_by: `ranked` or `random`.
        inclusion: The chance that it had to come onto the list: 1 if ranked, else size of the draw over those left.
    """

    vehicle: str
    selected_by: str
    inclusion: float


def select_for_review(ranked: Sequence[str], top: int, size: int, run_id: str) -> tuple[Selection, ...]:
    """The first `top` vehicles, and `size` drawn at random, without replacement, from all the others.

    A simple random draw: strata would need fewer findings only where it was known beforehand which of them differ.

    Args:
        ranked: Every vehicle of the window, best first.
        top: How many are listed for their rank.
        size: How many are drawn; fewer if fewer are left.
        run_id: Of the scoring run; the draw follows from it and from the vehicles, not from their order.
    """
    listed, left = ranked[:top], ranked[top:]
    drawn = sorted(left, key=lambda vehicle: _draw(run_id, "draw", vehicle))[:size]
    chance = len(drawn) / len(left) if left else 0.0
    return (
        *(Selection(vehicle, "ranked", 1.0) for vehicle in listed),
        *(Selection(vehicle, "random", chance) for vehicle in drawn),
    )


def blind_order(selected: Sequence[Selection], run_id: str) -> tuple[str, ...]:
    """The vehicles in the order in which they are shown: the ranked in theirs, each drawn one put in at a drawn place.

    Neither the place nor anything else on the list tells which were drawn.
    """
    order = [one.vehicle for one in selected if one.selected_by == "ranked"]
    for one in selected:
        if one.selected_by == "random":
            place = int.from_bytes(_draw(run_id, "place", one.vehicle)[:8], "big") % (len(order) + 1)
            order.insert(place, one.vehicle)
    return tuple(order)


def _draw(run_id: str, purpose: str, vehicle: str) -> bytes:
    return hashlib.sha256(f"{run_id}|{purpose}|{vehicle}".encode()).digest()
