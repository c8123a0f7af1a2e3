"""Verifies and searches the audit log; both are themselves recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flows.context import Context, acting, permit
from governance.permissions import EVERY_ROCU
from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit import Outcome, Row, VerifyReport


def verify_audit(context: Context) -> VerifyReport:
    """Read the whole log and compare it with the signed head.

    Raises:
        RefusedError: The log was changed; the message names the first row that is wrong.
    """
    permit(context, "audit.verify", None, "audit log")
    report = context.audit.verify()
    # a log that does not hold takes no entry, so the verdict is not asked to wait for one
    _require_whole(report)
    with acting(context, "audit.verify", None, "consultation", "audit log") as details:
        details["rows"] = report.rows
    return report


def _require_whole(report: VerifyReport) -> None:
    if report.problem is not None:
        raise RefusedError(
            f"The audit log does not hold, row {report.problem.seq}: {report.problem.what}",
            "Stop promotions and scoring, keep the database as it is, and tell governance.",
        )


def search_audit(
    context: Context,
    *,
    model: str | None,
    rocu: str | None,
    action: str | None,
    actor: str | None,
    outcome: str | None,
    last: int,
) -> tuple[Row, ...]:
    """The entries that meet every condition, oldest first, of the ROCUs that the identity may see."""
    rocus = frozenset({rocu.lower()}) if rocu else context.identity.rocus
    for code in rocus - {EVERY_ROCU}:
        permit(context, "audit.search", code, "audit log")
    subject = ",".join(sorted(rocus))
    with acting(context, "audit.search", rocu or min(rocus), "consultation", f"audit log of {subject}") as details:
        rows = context.audit.search(
            rocus=None if EVERY_ROCU in rocus else rocus,
            action=action,
            actor=actor,
            object=model,
            outcome=cast("Outcome | None", outcome),
            limit=last,
        )
        details["rows"] = len(rows)
    return rows[::-1]
