"""Verifies and searches the audit log; both are themselves recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from flows.context import Context, acting, permit
from governance.access.permissions import EVERY_ROCU
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.audit.checkpoint import Checkpoint
    from governance.audit.log import Outcome, Row, VerifyReport
    from governance.audit.operations import Operation


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
        _require_whole_aside(context)
    return report


def make_checkpoint(context: Context, path: Path) -> Checkpoint:
    """Verify the log, and write where it stands then to a file; the last row that it covers says who made it.

    Raises:
        RefusedError: The log was changed; nothing is written.
        FaultError: The file cannot be written; the log has that as well.
    """
    with acting(context, "audit.checkpoint", None, "consultation", "audit log") as details:
        report = context.audit.verify(context.now)
        details |= {"rows": report.rows}
        _require_whole(context, report)
    try:
        return context.audit.checkpoint(path, utc_now())
    except OSError as error:
        fault = FaultError(
            f"The checkpoint could not be written: {error.strerror or type(error).__name__}.",
            "Check that the path may be written to, and run the same command again.",
        )
        with acting(context, "audit.checkpoint", None, "consultation", "audit log"):
            raise fault from error


def _require_whole(context: Context, report: VerifyReport) -> None:
    if report.problem is not None:
        waiting = context.audit.waiting_aside()
        aside = f" What it could not take is in records/audit-aside.jsonl ({waiting} entries)." if waiting else ""
        raise RefusedError(
            f"The audit log does not hold, row {report.problem.seq}: {report.problem.what}{aside}",
            "Stop promotions and scoring, keep the database as it is, and tell governance.",
        )


def _require_whole_aside(context: Context) -> None:
    """Refuse once what a broken log could not take was tampered with; the refusal takes up what is left of it."""
    problem = context.audit.aside_problem()
    if problem is not None:
        raise RefusedError(
            f"The audit log holds, but what it once could not take does not: {problem}",
            "Tell governance; the log's entry audit.aside says what is left, and the file is kept under its number.",
        )


@dataclass(frozen=True)
class SearchedFor:
    """What entries must be to be found; what is `None` does not matter. Days are UTC, both included."""

    model: str | None = None
    action: str | None = None
    operation: Operation | None = None
    actor: str | None = None
    purpose: str | None = None
    authority: str | None = None
    outcome: Outcome | None = None
    first: date | None = None
    last_day: date | None = None


def search_audit(context: Context, wanted: SearchedFor, rocu: str | None, last: int) -> tuple[Row, ...]:
    """The last entries that meet every condition, oldest first, of the ROCUs that the identity may see."""
    from governance.canonical import plain_text

    rocus = frozenset({rocu.lower()}) if rocu else context.identity.rocus
    for code in rocus - {EVERY_ROCU}:
        permit(context, "audit.search", code, "audit log")
    texts = {"action": wanted.action, "actor": wanted.actor, "object": wanted.model}
    texts |= {"purpose": wanted.purpose, "authority": wanted.authority}
    subject = ",".join(sorted(rocus))
    with acting(context, "audit.search", rocu or min(rocus), "consultation", f"audit log of {subject}") as details:
        rows = context.audit.search(
            rocus=None if EVERY_ROCU in rocus else rocus,
            operation=wanted.operation,
            outcome=wanted.outcome,
            since=_midnight(wanted.first) if wanted.first else None,
            until=_midnight(wanted.last_day) + timedelta(days=1) if wanted.last_day else None,
            limit=last,
            any_version=True,
            **{name: plain_text(text) for name, text in texts.items() if text is not None},
        )
        details["rows"] = len(rows)
    if not rows and wanted.action is not None:
        _say_if_unknown(context, wanted.action)
    return rows[::-1]


def _say_if_unknown(context: Context, action: str) -> None:
    """That no entry at all has such an action: it is more likely misspelt than never done."""
    known = context.audit.actions()
    if not any(one == action or (action.endswith(".") and one.startswith(action)) for one in known):
        near = get_close_matches(action, known, 3, 0.4)
        named = f"; near it are {', '.join(near)}" if near else ""
        context.progress(f"no entry of the log has an action {action!r}{named}")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
