"""Verifies and searches the audit log; both are themselves recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flows.context import Context, acting, permit
from governance.permissions import EVERY_ROCU
from infra.clock import utc_now
from infra.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.audit import Outcome, Row, VerifyReport
    from governance.audit_checkpoint import Checkpoint


def verify_audit(context: Context, against: tuple[Path, ...] = ()) -> VerifyReport:
    """Read the whole log and compare it with the signed head, and with checkpoints that were kept elsewhere.

    Raises:
        RefusedError: The log was changed; the message names the first row that is wrong. Or a checkpoint is not to be
            believed.
        WrongInputError: A file is no checkpoint.
    """
    with acting(context, "audit.verify", None, "consultation", "audit log") as details:
        kept = tuple(context.audit.read_checkpoint(path) for path in against)
        report = context.audit.verify(context.now, kept)
        details |= {"rows": report.rows, "checkpoints": [checkpoint.seq for checkpoint in kept]}
        _require_whole(context, report)
    return report


def make_checkpoint(context: Context, path: Path) -> Checkpoint:
    """Verify the log, and write where it stands then to a file; the last row that it covers says who made it.

    Raises:
        RefusedError: The log was changed; nothing is written.
    """
    with acting(context, "audit.checkpoint", None, "consultation", "audit log") as details:
        report = context.audit.verify(context.now)
        details |= {"rows": report.rows}
        _require_whole(context, report)
    return context.audit.checkpoint(path, utc_now())


def _require_whole(context: Context, report: VerifyReport) -> None:
    if report.problem is not None:
        waiting = context.audit.waiting_aside()
        aside = f" What it could not take is in records/audit-aside.jsonl ({waiting} entries)." if waiting else ""
        raise RefusedError(
            f"The audit log does not hold, row {report.problem.seq}: {report.problem.what}{aside}",
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
