"""The written-down rule that a model has to beat: what an analyst would type into a search by hand.

Not a model: no parameter of it was fitted.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def restocking_rule(windows: pa.Table) -> NDArray[np.float64]:
    """Rank by quick trips to one place.

    Score = quick trips there and back x share of trips to the commonest place + trips there and back / 100. That is:
    most same-day trips with a short stay to one town first; among equals, more trips of any kind.

    Args:
        windows: Rows with quick_trips, main_away_share and away_trips.

    Returns:
        One score per row, 0 for a vehicle without a trip there and back.
    """
    quick, share, trips = (
        windows.column(name).cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        for name in ("quick_trips", "main_away_share", "away_trips")
    )
    score: NDArray[np.float64] = quick * share + trips / 100
    return score
