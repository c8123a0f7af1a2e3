"""What a search of training settings may change, and how far. Values only; a ROCU sets them in its policy file.

What is not named here (windows, negatives, seeds) a search leaves alone: those decide what the figures mean.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from models.training_settings import TrainingSettings

WHOLE = ("trees", "leaves", "min_rows_in_leaf")
LOGARITHMIC = ("learning_rate", "min_rows_in_leaf", "l2")
DECIMALS = 4
"""To how many decimals a value that is not whole is tried and proposed."""


class Bounds(BaseModel):
    """From where to where a knob may be searched, both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float
    high: float

    @model_validator(mode="after")
    def _in_order(self) -> Bounds:
        if self.high < self.low:
            raise ValueError("high lies below low")
        return self


class TuningBounds(BaseModel):
    """What a search may change, and how far: everything else of the training stays as the policy has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trees: Bounds = Field(default=Bounds(low=60, high=400), description="more cost time and gain nothing seen")
    learning_rate: Bounds = Field(default=Bounds(low=0.01, high=0.1), description="searched on a log scale")
    leaves: Bounds = Field(default=Bounds(low=2, high=15), description="few confirmed vehicles carry no deep trees")
    min_rows_in_leaf: Bounds = Field(default=Bounds(low=5, high=100), description="searched on a log scale")
    l2: Bounds = Field(default=Bounds(low=0.1, high=100), description="searched on a log scale")
    feature_share: Bounds = Field(default=Bounds(low=0.15, high=0.8), description="of the features, per tree")
    row_share: Bounds = Field(default=Bounds(low=0.4, high=1), description="of the rows, per tree")

    @field_validator("*")
    @classmethod
    def _can_be_tried(cls, bounds: Bounds, info: ValidationInfo) -> Bounds:
        """Both ends must be what training takes; a log scale has no zero."""
        name = str(info.field_name)
        if name in LOGARITHMIC and bounds.low <= 0:
            raise ValueError("low must be above 0, for the search is on a log scale")
        for end in (bounds.low, bounds.high):
            try:
                TrainingSettings.model_validate({name: round(end, DECIMALS)})
            except ValidationError as error:
                raise ValueError(f"training does not take {end:g}: {error.errors()[0]['msg']}") from None
        return bounds
