"""The clock that entries are dated by, held against the newest entry: time in the log does not run back.

A clock set back would let a token that has expired act again, an approval that has lapsed score, and an entry be dated
before the one that it answers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.audit.entry import Entry, iso_moment
from infra.errors import RefusedError

TOLERANCE = timedelta(seconds=60)


def clock_runs(newest: str, now: datetime, tolerance: timedelta) -> bool:
    """Whether `now` does not lie before the newest entry, but for what clocks of several machines may differ by."""
    return not newest or now >= datetime.fromisoformat(newest) - tolerance


def require_clock(newest: str, now: datetime, tolerance: timedelta) -> None:
    """Refuse a time before the newest entry.

    Raises:
        RefusedError: The clock was set back, or was once ahead.
    """
    if not clock_runs(newest, now, tolerance):
        raise RefusedError(
            f"The clock says {iso_moment(now)}, but the newest entry of the audit log is of {newest}.",
            "Set the clock right. If it is right, it was ahead once: governance looks at the newest entries and sets"
            " FINDPROFILE_CLOCK_TOLERANCE_S until that time has come.",
        )


def dated(entry: Entry, newest: str, now: datetime, tolerance: timedelta) -> tuple[Entry, datetime]:
    """The entry and its date. A refusal is never lost to the clock: it is dated by the newest entry.

    Raises:
        RefusedError: The clock lies before the newest entry, and the entry says that something was done.
    """
    if clock_runs(newest, now, tolerance):
        return entry, now
    if entry.outcome == "done":
        require_clock(newest, now, tolerance)
    details = entry.details | {"clock_said": iso_moment(now)}
    return entry.model_copy(update={"details": details}), datetime.fromisoformat(newest)
