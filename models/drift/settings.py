"""Settings of monitoring: spans, sample, and the method and threshold of every comparison, named and frozen.

Defaults are starting points to be set per ROCU; each is a policy value, none is a law of nature.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["wasserstein", "jensenshannon"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnMethod(_Frozen):
    """How one column is compared: `wasserstein` is normed by the reference's standard deviation."""

    method: Method
    threshold: float = Field(gt=0)


class EstateLimits(_Frozen):
    """When a camera counts as changed. Shares are of the reads expected on that day."""

    low_share: float = Field(default=0.5, gt=0, lt=1, description="a day at or below this share is low")
    silent_share: float = Field(default=0.1, ge=0, lt=1, description="a day at or below this share is silent")
    flood_share: float = Field(default=2.0, gt=1, description="a day at or above this share is a flood")
    flood_least: float = Field(
        default=20.0, ge=0, description="reads a day that a flood must come to: a quiet camera in season is no fault"
    )
    surprise: float = Field(
        default=14.0,
        gt=0,
        description="evidence that a run of days must bring, in nats: 14 is about one in a million by chance",
    )
    gone_days: int = Field(
        default=21, ge=1, le=3660, description="a camera silent this long up to the end counts as removed"
    )


class LabelLimits(_Frozen):
    """When labels count as late or as changed."""

    late_after_days: int = Field(
        default=28, ge=1, le=3660, description="a ranked vehicle should have a finding by then"
    )
    look_back_days: int = Field(default=91, ge=1, le=3660, description="how far back ranked vehicles are followed")
    late_share: float = Field(default=0.5, gt=0, le=1, description="share of ranked vehicles without a finding")
    confirmed_change: float = Field(default=0.15, gt=0, le=1, description="change of the confirmed share")
    least_findings: int = Field(default=20, ge=1, description="findings needed in each span to compare them")


class MonitorSettings(_Frozen):
    """Everything that monitoring may be told. The result carries a copy."""

    span_days: int | None = Field(
        default=None, ge=1, le=3660, description="length of each window compared; default is the pattern's own window"
    )
    reference_windows: int = Field(
        default=1, ge=1, le=100, description="windows before the current one that are pooled"
    )
    sample_rows: int = Field(default=5000, ge=50, description="vehicles compared per span, drawn with the seed")
    ranked_rows: int = Field(default=200, ge=20, description="vehicles ranked highest that are compared on their own")
    seed: int = 20240401
    numeric: ColumnMethod = ColumnMethod(method="wasserstein", threshold=0.1)
    categorical: ColumnMethod = ColumnMethod(method="jensenshannon", threshold=0.1)
    score: ColumnMethod = ColumnMethod(method="wasserstein", threshold=0.1)
    reports: Literal["none", "raw", "both"] = Field(
        default="raw", description="of which comparisons Evidently's HTML is kept: raw, or raw and adjusted"
    )
    columns: dict[str, ColumnMethod] = Field(default_factory=dict, description="exceptions, by feature name")
    ranked_factor: float = Field(
        default=2.0, ge=1, description="thresholds for the ranked vehicles are this much wider: they are few"
    )
    missing_change: float = Field(default=0.1, gt=0, le=1, description="change of the missing share that is drift")
    feature_share: float = Field(default=0.1, gt=0, le=1, description="share of features whose drift is a finding")
    least_reads_left: float = Field(
        default=0.2, ge=0, lt=1, description="share of reads that must be left without changed cameras to adjust"
    )
    least_days: float = Field(default=0.5, gt=0, le=1, description="share of a span's days that must have reads")
    estate: EstateLimits = EstateLimits()
    labels: LabelLimits = LabelLimits()
