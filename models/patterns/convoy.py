"""The convoy pattern: two vehicles that travel together more often than traffic and their own habits would make them.

Travelling together is common and innocent: couples, colleagues, two vans of one firm, clubs. What sets a convoy apart
is looked for in who they are at home, where they go together, how close and how steadily. None of it is proof.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.explanation import Caution, Term
from models.features.pair_features import FEATURES
from models.features.pairs import ConvoySettings
from models.pair_windows import build_pair_windows, pair_window_table
from models.patterns import Pattern

CAUTIONS = (
    Caution(
        "gap_median_s",
        2,
        "the two reads are a median of {gap_median_s} s apart: rule out one vehicle whose plate is read in two ways",
        below=True,
    ),
    Caution(
        "impossible_hops",
        1,
        "{impossible_hops:pair|pairs} of reads of the two would need more than {max_speed_kmh} km/h: rule out a cloned "
        "or misread plate, or a camera with a wrong clock or position",
    ),
    Caution(
        "repaired_share",
        0.05,
        "{repaired_share:%} of the reads of the two had a plate text that was repaired: some may be of other vehicles",
    ),
    Caution("same_base", 1, "both have their base in one area: rule out a household, neighbours, or a shared yard"),
)


def surprise_rule(windows: pa.Table) -> NDArray[np.float64]:
    """Rank by how unlikely chance makes the joint days; among equals, more joint journeys first.

    Args:
        windows: Rows with surprise and joint_trips.
    """
    unlikely, trips = (
        windows.column(name).cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        for name in ("surprise", "joint_trips")
    )
    score: NDArray[np.float64] = unlikely + trips / 10_000
    return score


TERMS = (
    Term(
        "journey",
        "reads in a row of one vehicle, with no break of more than {journey_gap_minutes} min that the distance does "
        "not explain",
    ),
    Term("sighting", "both read by one camera, {co_travel_seconds} s or less apart"),
    Term("joint journey", "a journey of one of them with sightings at two cameras or more"),
    Term(
        "base", "where a vehicle was last read for longer than anywhere else in the window; a square of {place_km} km"
    ),
)

# from the tables of benchmarks/README.md (convoys); measured again, this is written again
FINDS_AND_MISSES = (
    "In a simulated world (12 windows) the first 12 places, all that analysts of 25 vehicles can look at, went to "
    "pairs in convoy, 48 % of all there were; of those that nobody had decided about 91 % stood on the first 12 places "
    "of the undecided. On as many places as there are convoys 7 % were couples (0.4 times as often as among all "
    "pairs) and 1 % vans of one firm. That world has no clubs and no fleets, and its convoys keep within a minute of "
    "each other: one that keeps farther apart is not seen at all."
)

PATTERN = Pattern(
    name="convoy",
    title="Convoy",
    unit="pair",
    label="an analyst confirmed that the two vehicles travelled in convoy in the window, for a purpose of concern",
    features=FEATURES,
    settings_type=ConvoySettings,
    build_windows=build_pair_windows,
    window_table=pair_window_table,
    baseline=surprise_rule,
    cautions=CAUTIONS,
    terms=TERMS,
    finds_and_misses=FINDS_AND_MISSES,
    shared_by="Couples, neighbours who work together, vans and lorries of one firm, clubs and fleets",
)

__all__ = ["CAUTIONS", "PATTERN", "TERMS", "ConvoySettings"]
