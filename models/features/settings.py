"""Settings of journeys, windows and their features. Every place and threshold that a feature uses is named here.

The standing of each default is in its description: "definition" (it defines a word of this product), "lead" (suggested
by published work on out-of-town supply, value chosen here) or "local policy" (a ROCU may set it as it sees fit).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PatternSettings(BaseModel):
    """What a journey, a place, a trip and an hour band are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_days: int = Field(
        default=28,
        ge=1,
        le=365,
        description="days in a window, the last included; local policy; 365 is the retention limit",
    )
    zone: str = Field(default="Europe/London", description="IANA zone of hour bands and weekdays; local policy")
    journey_gap_minutes: int = Field(
        default=15, ge=1, le=100_000, description="minutes without a read that may end a journey; definition"
    )
    min_speed_kmh: int = Field(
        default=30, ge=1, le=1_000, description="km/h; a gap that this speed explains ends no journey; definition"
    )
    slack_percent: int = Field(
        default=125,
        ge=100,
        le=10_000,
        description="percent of the time at min_speed_kmh that still counts as travel; definition",
    )
    place_km: int = Field(
        default=10,
        ge=1,
        le=2_000,
        description="km; side of a grid cell, and how near to the base camera is 'at base'; definition",
    )
    away_km: int = Field(
        default=60, ge=1, le=20_000, description="km from the base from where a stay or trip is 'away'; local policy"
    )
    run_km: int = Field(
        default=20,
        ge=1,
        le=20_000,
        description="km; least way of a run out and back, wherever the base is; lead, a region sees part of a line",
    )
    short_stay_minutes: int = Field(
        default=240, ge=1, le=100_000, description="minutes; a stay up to this is short; lead, 2 to 4 hours"
    )
    same_day_hours: int = Field(
        default=18, ge=1, le=10_000, description="hours; a trip up to this is a same-day trip; lead"
    )
    long_stay_hours: int = Field(
        default=24, ge=1, le=10_000, description="hours; an away stay from this on is multi-day; lead"
    )
    evening_from_hour: int = Field(
        default=18, ge=0, le=23, description="local hour at which the evening begins, which lasts into the night; lead"
    )
    night_from_hour: int = Field(default=22, ge=0, le=23, description="local hour at which the night begins; lead")
    night_to_hour: int = Field(default=5, ge=0, le=23, description="local hour at which the night has ended; lead")
    departure_band_hours: int = Field(
        default=4,
        ge=1,
        le=24,
        description="hours in one band of departure; 24 divided by it is the number of bands; definition",
    )
    rare_camera_percent: int = Field(
        default=10,
        ge=1,
        le=100,
        description="percent of the median camera's vehicles up to which a camera is rare; local policy",
    )
    co_travel_seconds: int = Field(
        default=60,
        ge=1,
        le=86_400,
        description="seconds between two vehicles at both ends of one leg to travel together; local policy",
    )
    co_travel_legs: int = Field(
        default=4, ge=1, le=100_000, description="legs together before a pair counts; local policy"
    )
    co_travel_days: int = Field(
        default=2, ge=1, le=10_000, description="days with legs together before a pair counts; local policy"
    )
    max_speed_kmh: int = Field(
        default=160, ge=1, le=10_000, description="km/h above which a hop is impossible; local policy"
    )
    max_speed_from_km: int = Field(
        default=5, ge=0, le=20_000, description="km; hops shorter than this are never impossible; local policy"
    )
    low_confidence: int = Field(
        default=60, ge=0, le=100, description="percent; reads below have low confidence; local policy"
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"unknown time zone {zone!r}; give an IANA name such as Europe/London")
        return zone

    @field_validator("departure_band_hours")
    @classmethod
    def _whole_bands(cls, hours: int) -> int:
        if 24 % hours:
            raise ValueError("must divide 24")
        return hours


def window_start(as_of: date, settings: PatternSettings) -> date:
    """The first day of the window that ends on `as_of`, both days included."""
    return as_of - timedelta(days=settings.window_days - 1)


def zone_offsets(zone: str, start: date, end: date) -> tuple[tuple[int, int], ...]:
    """UTC offsets in force from `start` to `end`: (epoch second from which it holds, offset in seconds), oldest first.

    Written out so that every engine gets the same local time by integer arithmetic, without a zone database of its own.
    """
    known = ZoneInfo(zone)
    first = int(datetime.combine(start, time(), ZoneInfo("UTC")).timestamp())
    hours = range(first, first + 3600 * 24 * ((end - start).days + 1), 900)
    changes: list[tuple[int, int]] = []
    for second in hours:
        offset = datetime.fromtimestamp(second, known).utcoffset()
        seconds = int(offset.total_seconds()) if offset else 0
        if not changes or changes[-1][1] != seconds:
            changes.append((second, seconds))
    return tuple(changes)
