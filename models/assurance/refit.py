"""Fits a model again from its snapshot: the same rows, settings and library must give the same text.

With parity, which makes the rows again from the reads, this reproduces a version; `models.reproduction` does the whole
in a workspace of its own. Does not belong here: whether a difference matters.
"""

from __future__ import annotations

import pyarrow as pa

from models.assurance.results import Refit
from models.inputs import TrainingInputs
from models.snapshot import rows_of
from models.training import TrainingRecord, text_sha256, train_model


def fit_again(inputs: TrainingInputs, snapshot: pa.Table, model_text: str, fitted: TrainingRecord) -> Refit:
    """Fit to the training rows of the snapshot, and give both digests.

    Args:
        inputs: The pinned inputs: the settings of the fit.
        snapshot: What the model was trained and tested on.
        model_text: As registered.
        fitted: The record of the first fit.

    Raises:
        RefusedError: The snapshot lacks a feature, or carries one label only.
    """
    text, again = train_model(rows_of(snapshot, "train"), fitted.features, inputs.training)
    return Refit(
        model_sha256=text_sha256(model_text),
        again_sha256=text_sha256(text),
        rows=again.rows,
        lightgbm_version=again.lightgbm_version,
    )
