"""The change plan of a policy: what a retrain may change without a full board. Values only; they come from the file."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from governance.canonical import canonical_json
from models.tuning_bounds import Bounds, TuningBounds


class ChangePlan(BaseModel):
    """What a retrain may change by itself. What is not named here it may not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_ends: Bounds = Field(description="how many window ends the data may have; first and last may not be earlier")
    hyper_parameters: TuningBounds = Field(description="the knobs of the fit that may move, and between which values")

    @property
    def digest(self) -> str:
        """SHA-256 over every bound."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json")).encode()).hexdigest()
