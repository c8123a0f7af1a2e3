"""The limits that the contracts name as parameters. A ROCU's policy file may set each; the defaults stand here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

YEAR_DAYS = 366


class IngestLimits(BaseModel):
    """How strictly incoming files are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_quarantine_share: float = Field(
        default=0.05, ge=0, le=1, description="share of rejected rows above which a batch fails (source: local policy)"
    )
    max_unknown_format_share: float = Field(
        default=0.03, ge=0, le=1, description="share of VRMs of no known UK format above which the contract warns"
    )
    duplicate_seconds: float = Field(
        default=5, ge=0, le=3600, description="a read of the same vehicle at the same camera this soon is a duplicate"
    )
    max_speed_kmh: float = Field(
        default=160, gt=0, description="speed between two reads of one vehicle above which it is called impossible"
    )
    retention_days: int = Field(default=365, ge=1, le=3660, description="days after capture that a read may be kept")
    retention_from: Literal["today", "newest_read"] = Field(
        default="today",
        description="what the age of a read is counted from: today, or (historical data) the newest read of its file",
    )
    clock_skew_max_s: float = Field(
        default=300, ge=0, description="seconds that a capture time may lie after receipt, or after now"
    )
    position_tolerance_m: float = Field(
        default=200, gt=0, description="metres that a delivered position may lie from the camera register's"
    )

    @model_validator(mode="after")
    def _a_year_is_the_most(self) -> IngestLimits:
        if self.retention_from == "today" and self.retention_days > YEAR_DAYS:
            raise ValueError(f"retention_days is at most {YEAR_DAYS} when it counts from today")
        return self
