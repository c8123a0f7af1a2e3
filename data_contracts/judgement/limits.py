"""The limits that the contracts name as parameters. A ROCU's policy file may set each; the defaults stand here.

Each number has bounds, so that a slip of the pen is refused. They are wide: within them a limit may still be too lax to
be of use, and a share may be set to the end at which its rule never says anything, which its description tells. No
published figure for any was found: they are ours, and say why (`bounds`). docs/limits.md is made from this.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

YEAR_DAYS = 366
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
MONTH_S = 31 * 86_400
Seconds = Annotated[float, Field(ge=0, le=MONTH_S)]


def bounds(why: str) -> dict[str, JsonValue]:
    """Why a limit's bounds are what they are."""
    return {"bounds": why}


class IngestLimits(BaseModel):
    """How strictly incoming files are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_quarantine_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of rejected rows above which a batch fails; 1 switches the rule off",
    )
    max_unknown_format_share: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="share of VRMs of no known UK format above which the contract warns; 1 switches the rule off",
        json_schema_extra=bounds("1 is for keys that are no plates (the opaque scheme), of which none has a UK format"),
    )
    min_camera_day_reads: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="reads of one camera on one day below which their shares are not judged",
        json_schema_extra=bounds("a busy camera reads more in a day; with a higher limit hardly any were judged"),
    )
    duplicate_seconds: float = Field(
        default=5,
        ge=0,
        le=3600,
        description="a read of the same vehicle at the same camera this soon is a duplicate",
        json_schema_extra=bounds("within an hour a vehicle may truly come by again"),
    )
    max_duplicate_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of collapsed duplicates in a batch above which the contract warns; 1 switches the rule off",
    )
    max_speed_kmh: float = Field(
        default=160,
        ge=80,
        le=400,
        description="speed between two reads of one vehicle above which it is called impossible",
        json_schema_extra=bounds("below 80, ordinary driving is called impossible; no road vehicle goes 400"),
    )
    min_leg_km: float = Field(
        default=5,
        gt=0,
        le=50,
        description="distance between two reads below which their speed is not judged",
        json_schema_extra=bounds("with more, hardly any two reads in a row were judged"),
    )
    camera_blame_min_vehicles: int = Field(
        default=5,
        ge=2,
        le=1000,
        description="vehicles with an impossible speed at a camera before the camera is blamed for it",
        json_schema_extra=bounds("one vehicle is no evidence against a camera; of a thousand it is plain"),
    )
    camera_blame_min_share: float = Field(
        default=0.01,
        gt=0,
        le=0.5,
        description="share of a camera's legs that must be impossible before it is blamed",
        json_schema_extra=bounds("a camera of which half the legs are impossible is blamed whatever is usual"),
    )
    clone_min_legs: int = Field(
        default=3,
        ge=2,
        le=100,
        description="impossible speeds of one VRM, back and forth, from which it is called a clone",
        json_schema_extra=bounds("there and back are two; a hundred journeys are no accident"),
    )
    max_impossible_share: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="share of a batch's reads with an impossible speed above which it fails; 1 switches the rule off",
    )
    min_batch_reads: int = Field(
        default=200,
        ge=1,
        le=1_000_000,
        description="reads of a batch or a feed below which their shares are not judged",
        json_schema_extra=bounds("a large file; smaller ones are then not judged by shares"),
    )
    lateness_p95_max_s: Seconds = Field(
        default=3600,
        description="seconds from capture to receipt within which 95 % of a feed's reads must come",
        json_schema_extra=bounds("what comes after a month is no delay of delivery any more"),
    )
    lateness_p95_max_s_by_feed: dict[str, Seconds] = Field(
        default_factory=dict, description="feed id: another limit for this feed, such as one of mobile units"
    )
    known_feeds: tuple[str, ...] = Field(
        default=(), description="feed and source ids that are taken at their word though they read as plates"
    )
    max_late_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of a feed's reads over its lateness limit that is tolerated; 1 switches the rule off",
    )
    max_confidence_psi: float = Field(
        default=0.25,
        gt=0,
        le=2,
        description="population stability index of a camera's confidence against its own past",
        json_schema_extra=bounds("by custom over 0.25 is another distribution; at 2 most reads have moved"),
    )
    confidence_history_days: int = Field(
        default=28,
        ge=1,
        le=YEAR_DAYS,
        description="days before a read that are a camera's past for confidence",
        json_schema_extra=bounds("reads are kept for a year"),
    )
    min_history_reads: int = Field(
        default=500,
        ge=1,
        le=100_000,
        description="reads in a camera's past below which its confidence is not judged",
        json_schema_extra=bounds("a busy camera reads more in a month; with a higher limit hardly any were judged"),
    )
    min_volume_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description=(
            "share of a camera's expected reads below which its day is a partial outage; 0 switches the rule off"
        ),
    )
    max_volume_share: float = Field(
        default=2,
        ge=1,
        le=10,
        description="multiple of a camera's expected reads above which its day is a flood",
        json_schema_extra=bounds("below 1 a usual day were a flood; ten times the usual is no matter of traffic"),
    )
    min_expected_reads: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="expected reads of a camera's day below which its volume is not judged",
        json_schema_extra=bounds("a busy camera reads more in a day; with a higher limit hardly any were judged"),
    )
    min_history_weeks: int = Field(
        default=3,
        ge=1,
        le=52,
        description="earlier same weekdays of a camera below which its volume is not judged",
        json_schema_extra=bounds("at most volume_history_weeks: there are no more same weekdays in a camera's past"),
    )
    volume_history_weeks: int = Field(
        default=6,
        ge=1,
        le=52,
        description="weeks before a day that are a camera's past for volume",
        json_schema_extra=bounds("reads are kept for a year"),
    )
    misread_within_s: float = Field(
        default=300,
        ge=0,
        le=3600,
        description="two VRMs one confusion apart at one camera within these seconds may be one vehicle misread",
        json_schema_extra=bounds("after an hour another vehicle is as likely"),
    )
    misread_route_within_s: float = Field(
        default=1800,
        ge=0,
        le=3600,
        description="an odd VRM may be a misread of one that was read on its way past within these seconds",
        json_schema_extra=bounds("after an hour another vehicle is as likely"),
    )
    retention_days: int = Field(
        default=365,
        ge=1,
        le=3660,
        description="days after capture that a read may be kept",
        json_schema_extra=bounds("a year where the age counts from today; ten where it counts from the newest read"),
    )
    retention_from: Literal["today", "newest_read"] = Field(
        default="today",
        description="what the age of a read is counted from: today, or (historical data) the newest read of its file",
    )
    clock_skew_max_s: float = Field(
        default=300,
        ge=0,
        le=3600,
        description="seconds that a capture time may lie after receipt, or after now",
        json_schema_extra=bounds("a clock an hour off is set to another zone, and no skew"),
    )
    position_tolerance_m: float = Field(
        default=200,
        gt=0,
        le=5000,
        description="metres that a delivered position may lie from the camera register's",
        json_schema_extra=bounds("farther, a position is another place in any town"),
    )
    authorised_area: tuple[tuple[Longitude, Latitude], ...] | None = Field(
        default=None, description="corners, [longitude, latitude], of the area outside which no read may be taken"
    )

    @model_validator(mode="after")
    def _a_year_is_the_most(self) -> IngestLimits:
        if self.retention_from == "today" and self.retention_days > YEAR_DAYS:
            raise ValueError(f"retention_days is at most {YEAR_DAYS} when it counts from today")
        return self

    @model_validator(mode="after")
    def _volume_is_judged(self) -> IngestLimits:
        if self.min_history_weeks > self.volume_history_weeks:
            raise ValueError(
                f"min_history_weeks {self.min_history_weeks} is more than volume_history_weeks "
                f"{self.volume_history_weeks}, so that no camera's volume would ever be judged"
            )
        return self

    @model_validator(mode="after")
    def _an_area_has_an_inside(self) -> IngestLimits:
        if self.authorised_area is not None and len(set(self.authorised_area)) < 3:
            raise ValueError("authorised_area needs at least three different corners")
        return self
