"""The one place that asks the time. Everything below the entry points is given `now`."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, zone-aware, in UTC."""
    return datetime.now(UTC)
