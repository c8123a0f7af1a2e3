"""Opening the profile of a vehicle: permission, purpose and authority first, then the entry, then the page.

Belongs here: the order of these things. Does not: what a profile holds (models.profile), or how it looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.access.deciding import require_decider
from governance.access.justification import Asked, require_justified
from governance.audit.log import AuditLog, Entry, Outcome
from governance.audit.plate_guard import withhold_plates
from governance.policy.document import LoadedPolicy
from infra.errors import FindProfileError, RefusedError
from models.profile import require_vehicle_key

if TYPE_CHECKING:
    from infra.identity import Identity

ACTION = "profile.read"


@contextmanager
def profile_opened(
    audit: AuditLog,
    identity: Identity,
    rocu: str,
    vehicle: str,
    asked: Asked,
    policy: LoadedPolicy,
    now: datetime,
    about: dict[str, Any],
) -> Iterator[None]:
    """Record that a profile is opened, then run the block that makes it; a block that fails is recorded too.

    Args:
        audit: The log.
        identity: Who asks.
        rocu: Whose vehicle it is.
        vehicle: The token.
        asked: Purpose and authority.
        policy: The policy in force.
        now: The time.
        about: What the log keeps beside it: pattern, last day of the window.

    Raises:
        WrongInputError: Not the token of one vehicle; nothing is recorded, for it may be anything.
        RefusedError: No permission, no good purpose or authority; the log has it.
    """
    require_vehicle_key(vehicle)
    details = {**about, "policy_digest": policy.digest, "token_id": identity.token_id}

    def note(outcome: Outcome, why: Asked | None, **more: str) -> None:
        entry = Entry.by(
            identity,
            action=ACTION,
            operation="consultation",
            rocu=rocu,
            object=vehicle,
            outcome=outcome,
            purpose=why.purpose if why else None,
            authority=why.authority if why else None,
            details=details | more,
        )
        audit.append(entry, now)

    try:
        require_decider(identity, ACTION, rocu, policy, now)
        require_justified(asked, policy, "a profile be opened")
    except RefusedError as refusal:
        # what was given as purpose and authority is not repeated: it may be anything, a number plate too
        note("refused", None, reason=refusal.reason)
        raise
    note("done", asked)
    try:
        yield
    except FindProfileError as error:
        note("failed", asked, reason=withhold_plates(error.reason))
        raise
