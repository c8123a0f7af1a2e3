"""The champion's scores for windows, for comparison only: no ranking, no explanation, nothing that an analyst sees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from models.drift.behaviour import SCORE
from models.training import feature_matrix, load_booster


def with_scores(champion: str, windows: pa.Table) -> pa.Table:
    """The windows with a column `score`.

    Args:
        champion: Text of a LightGBM booster.
        windows: Holds a column for every feature that the booster was trained on.

    Raises:
        RefusedError: The champion needs a feature that the windows do not have.
        FaultError: The text is not a LightGBM model.
    """
    booster = load_booster(champion)
    scores = booster.predict(feature_matrix(windows, booster.feature_name()))
    return windows.append_column(SCORE, pa.array(np.asarray(scores, dtype=np.float64)))
