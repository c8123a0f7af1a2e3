"""The champion's scores for windows, for comparison only: no ranking, no explanation, nothing that an analyst sees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from infra.errors import WrongInputError
from models.drift.behaviour import SCORE


def with_scores(champion: str, windows: pa.Table) -> pa.Table:
    """The windows with a column `score`.

    Args:
        champion: Text of a LightGBM booster.
        windows: Holds a column for every feature that the booster was trained on.

    Raises:
        WrongInputError: The champion needs a feature that the windows do not have.
    """
    import lightgbm

    booster = lightgbm.Booster(model_str=champion)
    names = booster.feature_name()
    missing = [name for name in names if name not in windows.column_names]
    if missing:
        raise WrongInputError(
            f"The champion was trained on features that the windows do not have: {', '.join(missing[:5])}.",
            "Monitor it with the code of its own version, or promote a model trained with this one.",
        )
    matrix = np.column_stack([windows[name].cast(pa.float64()).to_numpy() for name in names])
    return windows.append_column(SCORE, pa.array(np.asarray(booster.predict(matrix), dtype=np.float64)))
