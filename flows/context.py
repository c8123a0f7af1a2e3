"""What every step is given: settings, the lake, who acts, the audit log, the lineage log, the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from infra.clock import utc_now
from infra.errors import RefusedError
from infra.lake import Lake

if TYPE_CHECKING:
    from governance.audit import AuditLog
    from governance.lineage_events import LineageLog
    from infra.identity import Identity
    from infra.settings import Settings

Operation = Literal["collection", "alteration", "consultation", "disclosure", "combination", "erasure", "decision"]
Progress = Callable[[str], None]


def silent(_: str) -> None:
    """The progress that nobody watches."""


@dataclass(frozen=True)
class Context:
    """One actor's session with the rooms."""

    settings: Settings
    lake: Lake
    identity: Identity
    audit: AuditLog
    lineage: LineageLog
    now: datetime
    progress: Progress = silent


def open_context(settings: Settings, progress: Progress = silent) -> Context:
    """Verify the token of the settings and open what steps need.

    Raises:
        RefusedError: There is no token, or it does not verify.
    """
    from governance.audit import open_audit
    from governance.lineage_events import LineageLog
    from infra.database import open_database
    from infra.identity import verify_token

    if settings.token is None:
        raise RefusedError(
            "Nobody is signed in: FINDPROFILE_TOKEN is not set.",
            "Set it to a token of your issuer; with the embedded issuer: "
            "export FINDPROFILE_TOKEN=$(findprofile token issue --name NAME --role ROLE --rocu ROCU).",
        )
    now = utc_now()
    identity = verify_token(settings, settings.token.get_secret_value(), now)
    lake = Lake(settings.lake)
    return Context(
        settings, lake, identity, open_audit(settings, open_database(settings)), LineageLog(lake), now, progress
    )


@contextmanager
def acting(context: Context, action: str, rocu: str, operation: Operation, subject: str) -> Iterator[dict[str, Any]]:
    """Check the permission, run the block, and record what became of it: done, refused or failed.

    Args:
        context: Who acts.
        action: A row of the permission table.
        rocu: The ROCU that is acted on.
        operation: Which of the logged kinds of processing this is.
        subject: What is acted on: a model, a date, a batch. Never a raw VRM.

    Yields:
        A dict for what the log should keep beside it.
    """
    from governance.audit import Entry
    from governance.permissions import require
    from governance.plate_guard import withhold_plates

    details: dict[str, Any] = {}
    outcome: Literal["done", "refused", "failed"] = "failed"
    try:
        require(context.identity, action, rocu)
        yield details
        outcome = "done"
    except RefusedError as refusal:
        outcome = "refused"
        # a reason may name a file, and a file's name may hold a plate: the refusal is recorded all the same
        details["reason"] = withhold_plates(refusal.reason)
        raise
    finally:
        entry = Entry.by(
            context.identity,
            action=action,
            operation=operation,
            rocu=rocu,
            object=subject,
            outcome=outcome,
            details=details,
        )
        context.audit.append(entry, utc_now())
