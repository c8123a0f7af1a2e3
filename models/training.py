"""Training: a LightGBM model as text, the same text whenever the same rows and settings come in.

Belongs here: the matrix of a feature table, and one deterministic fit. Does not: what the rows mean, how good it is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from infra.errors import FaultError, RefusedError
from models.training_settings import TrainingSettings

if TYPE_CHECKING:
    import lightgbm


class TrainingRecord(BaseModel):
    """What a fit was made of. `text_sha256` is the digest of the model's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    rows: int
    positives: int
    positive_weight: float
    parameters: dict[str, Any]
    lightgbm_version: str
    text_sha256: str


def feature_matrix(table: pa.Table, features: Sequence[str]) -> NDArray[np.float64]:
    """The features as doubles, one row per table row, missing values as NaN. Training and scoring both come here.

    Raises:
        RefusedError: The table lacks a feature.
    """
    missing = [name for name in features if name not in table.column_names]
    if missing:
        raise RefusedError(
            f"The windows lack features that the model was trained on: {', '.join(missing)}.",
            "Train a new version with the pattern as it is now, or go back to the code of this version.",
        )
    matrix = np.empty((table.num_rows, len(features)))
    for position, name in enumerate(features):
        matrix[:, position] = table.column(name).cast(pa.float64()).to_numpy()
    return matrix


def text_sha256(model_text: str) -> str:
    """The digest that names a model."""
    return hashlib.sha256(model_text.encode()).hexdigest()


def load_booster(model_text: str) -> lightgbm.Booster:
    """The model of a text. Text only: nothing is ever unpickled.

    Raises:
        FaultError: The text is not a LightGBM model.
    """
    import lightgbm

    if not model_text.startswith("tree\n"):
        raise FaultError("The model's text is not a LightGBM model.", "Take the model from the registry again.")
    return lightgbm.Booster(model_str=model_text)


def train_model(table: pa.Table, features: Sequence[str], settings: TrainingSettings) -> tuple[str, TrainingRecord]:
    """Fit a model on labelled rows.

    Args:
        table: Training rows with `label` (0 or 1), `weight` and the features.
        features: Names of the feature columns, in the order of the model.
        settings: The model's knobs, threads and seed among them.

    Returns:
        The model's text and the record of the fit.

    Raises:
        RefusedError: The rows carry only one label.
    """
    import lightgbm

    labels = table.column("label").to_numpy()
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        raise RefusedError(
            f"All {len(labels)} training rows carry the same label.",
            "Load dispositions with confirmed and eliminated findings, or raise training.latest_window_ends.",
        )
    weights = table.column("weight").to_numpy().astype(np.float64)
    positive_weight = _positive_weight(labels, weights, settings)
    weights = np.where(labels == 1, weights * positive_weight, weights)
    data = lightgbm.Dataset(
        feature_matrix(table, features),
        label=labels,
        weight=weights,
        feature_name=list(features),
        params=_parameters(settings),
        free_raw_data=True,
    )
    booster = lightgbm.train(_parameters(settings), data, num_boost_round=settings.trees)
    text = booster.model_to_string()
    return text, TrainingRecord(
        features=tuple(features),
        rows=len(labels),
        positives=positives,
        positive_weight=positive_weight,
        parameters=_parameters(settings),
        lightgbm_version=lightgbm.__version__,
        text_sha256=text_sha256(text),
    )


def _positive_weight(labels: NDArray[Any], weights: NDArray[np.float64], settings: TrainingSettings) -> float:
    # The square root is halfway, in the log, between no weight (the few are lost) and full balance (scores run hot).
    ratio = float(weights[labels == 0].sum() / weights[labels == 1].sum())
    return round(min(settings.max_positive_weight, max(1.0, math.sqrt(ratio))), 6)


def _parameters(settings: TrainingSettings) -> dict[str, Any]:
    return {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows_in_leaf,
        "min_data_in_bin": 1,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": int(settings.row_share < 1),
        "extra_trees": settings.random_cuts,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
