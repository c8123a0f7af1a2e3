"""The limits that the gate holds evidence against. Values only; they come from a ROCU's policy file.

No limit has a default here: a policy without one is not a policy.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class GateLimits(BaseModel):
    """What a challenger must show. The floors hold for every model; with a champion the comparison comes on top."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_average_precision: float = Field(
        gt=0,
        le=1,
        description="of the challenger on the hold-out, without vehicles confirmed before and not looked at again",
    )
    min_lift_over_baseline: float = Field(
        gt=0,
        le=10_000,
        description="precision at capacity of the challenger divided by that of the pattern's written-down rule",
    )
    min_holdout_positives: int = Field(ge=1, le=1_000_000, description="confirmed vehicles in the hold-out")
    min_holdout_reviewed: int = Field(ge=1, le=1_000_000, description="vehicles with a finding in the hold-out")
    min_not_yet_known_positives: int = Field(
        ge=1, le=1_000_000, description="confirmed vehicles in the hold-out that training had no finding about"
    )
    min_not_yet_known_average_precision: float = Field(
        gt=0, le=1, description="of the challenger on the hold-out's vehicles that training had no finding about"
    )
    min_not_yet_known_lift_over_chance: float = Field(
        gt=0,
        le=10_000,
        description="that average precision divided by their share confirmed, which is what a random order gives",
    )
    max_calibration_error: float = Field(ge=0, lt=1, description="expected calibration error on the hold-out")
    max_loss_to_champion: float = Field(
        ge=0,
        lt=1,
        description="average precision that the challenger may be worse by: the lower end of the paired bootstrap"
        " interval of (challenger - champion) on the same hold-out may not lie below minus this",
    )
    max_standing_failures: int = Field(
        ge=0, le=10_000, description="failed batches in the span of the training data that no later batch replaced"
    )
    min_seed_overlap: float = Field(
        ge=0,
        le=1,
        description="share of a list that stays, on average, when the same rows are trained on by another seed",
    )
    max_shuffled_excess: float = Field(
        ge=0,
        lt=1,
        description="average precision above that of a random order which a model may reach that was trained on labels"
        " exchanged at random",
    )
    max_single_feature_average_precision: float = Field(
        gt=0, le=1, description="average precision on the hold-out that a single feature may reach by itself"
    )
    fairness_attributes: tuple[Literal["force", "camera_density", "area_group"], ...] = Field(
        description="how groups of vehicles are told apart; each named one must have been measured"
    )
    fairness_min_expected: float = Field(
        gt=0,
        le=1_000,
        description="vehicles of a group that an even list would have; a group with fewer is shown but not judged",
    )
    max_selection_rate_ratio: float = Field(
        ge=1, le=1_000, description="largest selection rate of a judged group divided by the smallest"
    )
    max_thinned_list_replaced: float = Field(
        ge=0, le=1, description="share of the list that may change when half of the cameras of one area are gone"
    )
    min_list_kept_under_faults: float = Field(
        ge=0, le=1, description="share of the list that must stay under each kind of fault put into the hold-out"
    )
    max_precision_lost_under_faults: float = Field(
        ge=0, lt=1, description="average precision that may be lost under each kind of fault put into the hold-out"
    )
    max_missing_document_fields: int = Field(
        ge=0, le=1_000, description="fields that the documents made from the record may show as missing"
    )
    required_documents: tuple[str, ...] = Field(description="documents that must be there, each with its digest")
