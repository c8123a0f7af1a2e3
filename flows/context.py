"""What every step is given: settings, the lake, who acts, the audit log, the lineage log, the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from infra.clock import utc_now
from infra.errors import FindProfileError, RefusedError
from infra.lake import Lake

if TYPE_CHECKING:
    from governance.audit.log import AuditLog, Entry
    from governance.audit.operations import Operation
    from governance.lineage.events import LineageLog
    from infra.identity import Identity
    from infra.settings import Settings

EVERYWHERE = "*"
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
    now: datetime
    progress: Progress = silent

    @cached_property
    def lineage(self) -> LineageLog:
        """Where events of lineage go. Its library takes a while to load, and most commands make none."""
        from governance.lineage.events import LineageLog

        return LineageLog(self.lake)


def open_context(
    settings: Settings, progress: Progress = silent, *, unaccepted: bool = False, looks_at_log: bool = False
) -> Context:
    """Verify the token of the settings and open what steps need.

    Args:
        settings: Of this process.
        progress: Told what goes on.
        unaccepted: Let in who has not accepted the operating procedures: to accept them, to see how things stand, or to
            stop a model.
        looks_at_log: Let them in to look at an audit log that does not hold, since it takes no acceptance either.

    Raises:
        RefusedError: There is no token, it does not verify or was revoked, the clock was set back, or the operating
            procedures in force are not accepted; the log has it.
    """
    from governance.access.revocation import require_not_revoked
    from governance.access.syops import require_accepted
    from governance.audit.log import open_audit
    from infra.database import open_database
    from infra.identity import verify_token

    if settings.token is None:
        raise RefusedError(
            "Nobody is signed in: FINDPROFILE_TOKEN is not set.",
            "Set it to a token of your issuer; with the embedded issuer: "
            "export FINDPROFILE_TOKEN=$(findprofile token issue --name NAME --role ROLE --rocu ROCU).",
        )
    now, audit = utc_now(), open_audit(settings, open_database(settings))
    try:
        identity = verify_token(settings, settings.token.get_secret_value(), now)
    except RefusedError as refusal:
        _record_stranger(audit, refusal.reason)
        raise
    try:
        audit.require_clock(now)
        require_not_revoked(audit, identity)
        if not unaccepted:
            try:
                require_accepted(audit, identity, now)
            except RefusedError:
                if not looks_at_log or audit.check(now).intact:
                    raise
    except RefusedError as refusal:
        _record_sign_in(audit, identity, refusal.reason)
        raise
    lake = Lake(settings.lake)
    return Context(settings, lake, identity, audit, now, progress)


def _record_sign_in(audit: AuditLog, identity: Identity, reason: str) -> None:
    """Somebody who is known may not act now."""
    from governance.audit.log import Entry

    for rocu in sorted(identity.rocus):
        entry = Entry.by(
            identity,
            action="sign-in",
            operation="decision",
            rocu=rocu,
            object="token",
            outcome="refused",
            details={"reason": reason, "token_id": identity.token_id},
        )
        record(audit, entry)


def _record_stranger(audit: AuditLog, reason: str) -> None:
    """Somebody came with a token that does not verify. Nothing that the token says of them is believed or kept."""
    from governance.audit.log import Entry
    from governance.audit.plate_guard import withhold_plates

    stranger = Entry(
        action="sign-in",
        operation="decision",
        actor="unverified",
        actor_name="unverified",
        actor_roles=(),
        rocu=EVERYWHERE,
        object="token",
        outcome="refused",
        details={"reason": withhold_plates(reason)},
    )
    record(audit, stranger)


@contextmanager
def acting(
    context: Context, action: str, rocu: str | None, operation: Operation, subject: str
) -> Iterator[dict[str, Any]]:
    """Check the permission, run the block, and record what became of it: done, refused or failed.

    Args:
        context: Who acts.
        action: A row of the permission table.
        rocu: The ROCU that is acted on; `None` for what looks at the installation as a whole.
        operation: Which of the logged kinds of processing this is.
        subject: What is acted on: a model, a date, a batch. Never a raw VRM.

    Yields:
        A dict for what the log should keep beside it; `purpose` and `authority` become the entry's own columns.
    """
    from governance.access.permissions import require
    from governance.audit.log import Entry
    from governance.audit.plate_guard import withhold_plates

    details: dict[str, Any] = {}
    outcome: Literal["done", "refused", "failed"] = "failed"
    try:
        require(context.identity, action, rocu)
        yield details
        outcome = "done"
    except FindProfileError as error:
        outcome = "refused" if isinstance(error, RefusedError) else "failed"
        # a reason may name a file, and a file's name may hold a plate: what happened is recorded all the same
        details["reason"] = withhold_plates(error.reason)
        raise
    finally:
        entry = Entry.by(
            context.identity,
            action=action,
            operation=operation,
            rocu=rocu or EVERYWHERE,
            object=subject,
            outcome=outcome,
            purpose=details.pop("purpose", None),
            authority=details.pop("authority", None),
            details=details,
        )
        record(context.audit, entry)


def record(audit: AuditLog, entry: Entry) -> None:
    """Put an entry into the log; one that it does not take is set aside, and what was refused is still what is told."""
    from governance.audit.log import LogBrokenError

    try:
        audit.append(entry, utc_now())
    except LogBrokenError:
        if entry.outcome == "done":
            raise


def days_watched(context: Context, rocu: str) -> Progress:
    """Whom to tell of a share of a day that was changed after it was made: it is shown, and the log has it."""
    from governance.audit.log import Entry
    from governance.audit.plate_guard import withhold_plates

    def tell(what: str) -> None:
        context.progress(what)
        entry = Entry.by(
            context.identity,
            action="days.renewed",
            operation="alteration",
            rocu=rocu,
            object="kept days",
            outcome="done",
            details={"reason": withhold_plates(what)},
        )
        record(context.audit, entry)

    return tell


def permit(context: Context, action: str, rocu: str | None, subject: str) -> None:
    """Check the permission to look at something that is not worth an entry of its own; a refusal is recorded.

    Raises:
        RefusedError: No permission; the log has it.
    """
    from governance.access.permissions import require
    from governance.audit.operations import OPERATIONS

    try:
        require(context.identity, action, rocu)
    except RefusedError:
        with acting(context, action, rocu, OPERATIONS.get(action, ("consultation",))[0], subject):
            raise
