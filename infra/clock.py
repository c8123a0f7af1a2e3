"""The one place that asks the time. Below the entry points a rule is given `now`, and what takes long a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The current time, zone-aware, in UTC."""
    return datetime.now(UTC)
