"""The tables that features are made from, kept between steps so that each is computed once.

Belongs here: keeping an expression on the engine, and the bundle handed to each family of features. Does not: what a
feature means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import ibis
from ibis.expr.types import IntegerScalar, Table

from models.features.settings import PatternSettings, window_start, zone_offsets


@dataclass(frozen=True)
class Span:
    """The window in epoch seconds: from `begin`, included, to `end`, not included; and its local time."""

    begin: int | IntegerScalar
    end: int | IntegerScalar
    offsets: tuple[tuple[int | IntegerScalar, int], ...]

    @property
    def shifts(self) -> tuple[int, ...]:
        """The offsets without their times."""
        return tuple(shift for _, shift in self.offsets)


def as_whole(value: int | IntegerScalar) -> IntegerScalar:
    """A number of a span as a value of a table."""
    return ibis.literal(value, "int64") if isinstance(value, int) else value


def span_of(as_of: date, settings: PatternSettings) -> Span:
    """The span of the window that ends on `as_of`."""
    start = window_start(as_of, settings)
    return Span(
        begin=int(datetime.combine(start, time(), UTC).timestamp()),
        end=int(datetime.combine(as_of + timedelta(days=1), time(), UTC).timestamp()),
        offsets=zone_offsets(settings.zone, start, as_of),
    )


@dataclass(frozen=True)
class Layers:
    """Every table that a family of features may read.

    Args:
        seen: One row per vehicle, `models.features.presence.presence_sums`.
        legs: One row per leg from one grid cell to another, `models.features.co_travel.legs_of`.
        camera_days: One row per place and UTC day with reads, `models.features.cameras.camera_day_table`.
        journeys: One row per journey, `models.journeys.journeys`.
        stays: One row per stay, `models.features.stays.stay_table`.
        trips: One row per trip there and back, `models.features.trips.trip_table`.
        visits: One row per vehicle and place, `models.features.cameras.visit_table`.
        places: `models.places.place_table`.
        span: The window.
        settings: The settings of the pattern.
    """

    seen: Table
    legs: Table
    camera_days: Table
    journeys: Table
    stays: Table
    trips: Table
    visits: Table
    places: Table
    span: Span
    settings: PatternSettings
