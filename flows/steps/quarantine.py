"""Steps that look into the quarantine: how much of it there is, and what single rows look like. Both are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_contracts.judgement.moved_rows import Asked
from data_contracts.quarantine import Grouping, Held, Sample, Span
from flows.context import Context, acting
from flows.steps.desk import policy_of
from flows.steps.requalify import asked_details
from flows.steps.results import StepResult

if TYPE_CHECKING:
    from typing import Any

GROUPINGS: tuple[Grouping, ...] = ("rule", "camera", "feed", "batch")


class QuarantineCounted(StepResult):
    """Rows in quarantine; `by` has the groupings that were asked for, each with its largest groups first."""

    rocu: str
    first: str | None
    last: str | None
    rows: int
    by: dict[Grouping, tuple[Held, ...]]


class QuarantineShown(StepResult):
    """Single rows in quarantine, without raw VRMs, and how many there are like them."""

    rocu: str
    rows: int
    shown: tuple[Sample, ...]


def count_quarantine(context: Context, rocu: str, span: Span, by: Grouping | None = None) -> QuarantineCounted:
    """How many rows lie in quarantine, by rule, camera and feed, or as asked.

    Raises:
        RefusedError: No permission.
        WrongInputError: No such ROCU.
    """
    from data_contracts.quarantine import count_quarantine as count
    from data_contracts.quarantine import count_rows

    policy_of(context, rocu)
    room, everything = (context.settings, context.lake, rocu), Asked()
    with acting(context, "quarantine.read", rocu, "consultation", f"quarantine of {rocu}") as details:
        details |= _days(span)
        wanted: tuple[Grouping, ...] = (by,) if by else ("rule", "camera", "feed")
        found = {grouping: count(*room, grouping, span, everything) for grouping in wanted}
        rows = details["rows"] = count_rows(*room, span, everything)
    return QuarantineCounted(
        rocu=rocu,
        first=span.start.isoformat() if span.start else None,
        last=span.end.isoformat() if span.end else None,
        rows=rows,
        by=found,
    )


def show_quarantine(context: Context, rocu: str, asked: Asked, limit: int) -> QuarantineShown:
    """Some rows that broke a rule, with tokens in place of plates.

    Raises:
        RefusedError: No permission.
        WrongInputError: No such ROCU, rule or batch.
    """
    from data_contracts.quarantine import count_rows, require_known, sample_quarantine

    policy_of(context, rocu)
    with acting(context, "quarantine.read", rocu, "consultation", f"rows in quarantine of {rocu}") as details:
        details |= asked_details(asked)
        require_known(context.lake, rocu, asked)
        shown = sample_quarantine(context.settings, context.lake, rocu, Span(), asked, limit)
        details["shown"] = len(shown)
        rows = count_rows(context.settings, context.lake, rocu, Span(), asked)
    return QuarantineShown(rocu=rocu, rows=rows, shown=shown)


def _days(span: Span) -> dict[str, Any]:
    return {name: str(day) for name, day in (("first", span.start), ("last", span.end)) if day is not None}
