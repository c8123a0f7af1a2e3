"""A clock that has moved on: what the product sees as now, some days from now."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest


def move_clock(patch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let the one place that asks the time answer so much later, until the patch is undone."""

    class Moved:
        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime.now(zone) + by

    patch.setattr("infra.clock.datetime", Moved)
