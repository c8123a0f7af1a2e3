"""What a ROCU may set about training: which windows, which hold-out, which negatives, and the model's own knobs.

Values only. The defaults suit few confirmed vehicles; a ROCU changes them in its policy file, never in code.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """Frozen settings of one training run; part of the pinned inputs, so a change of any is another model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latest_window_ends: int = Field(
        default=12, ge=2, le=10_000, description="how many of the latest reviewed window ends are used"
    )
    min_window_cover: float = Field(
        default=0.25, ge=0, le=1, description="share of a window's days that must have reads in the lake"
    )
    min_holdout_positives: int = Field(
        default=5, ge=1, le=1_000_000, description="confirmed vehicles that the hold-out must hold"
    )
    max_holdout_share: float = Field(
        default=0.5, gt=0, lt=1, description="largest share of the window ends that the hold-out may take"
    )
    min_train_positives: int = Field(
        default=5, ge=1, le=1_000_000, description="confirmed vehicles that must be left to train on"
    )
    unreviewed_per_reviewed: float = Field(
        default=60.0,
        ge=0,
        le=1_000_000,
        description="unreviewed vehicles taken as negatives, per reviewed one, in each window",
    )
    unreviewed_weight: float = Field(
        default=1.0, gt=0, le=1, description="weight of an unreviewed negative; below 1, for some would be confirmed"
    )
    eliminated_weight: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="weight of an eliminated vehicle: chosen for looking alike, and one analyst's word",
    )
    max_positive_weight: float = Field(
        default=10.0,
        ge=1,
        le=1_000_000,
        description="limit of the weight of a confirmed vehicle (square root of the class ratio)",
    )
    trees: int = Field(default=200, ge=1, le=5000)
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    leaves: int = Field(default=15, ge=2, le=255)
    min_rows_in_leaf: int = Field(default=20, ge=1, le=1_000_000)
    l2: float = Field(default=10.0, ge=0, le=1_000_000, description="L2 penalty on leaf values")
    feature_share: float = Field(default=0.4, gt=0, le=1, description="share of the features each tree may see")
    row_share: float = Field(default=0.7, gt=0, le=1, description="share of the rows each tree is grown on")
    random_cuts: bool = Field(default=False, description="draw each candidate cut at random instead of searching it")
    threads: int = Field(
        default=1, ge=1, le=2, description="LightGBM threads; fixed here, for the machine's count would change the text"
    )
    seed: int = Field(default=20170, ge=0, le=2_147_483_647)
    bootstrap_replicates: int = Field(default=200, ge=20, le=5000)
