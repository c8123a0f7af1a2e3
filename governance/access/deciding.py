"""What every decision asks of whoever takes it: the permission, a fresh token, a reason. Pure checks; they raise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from governance.access.permissions import require
from governance.canonical import plain_text
from governance.policy.document import LoadedPolicy
from infra.errors import RefusedError, WrongInputError

if TYPE_CHECKING:
    from infra.identity import Identity


def require_decider(identity: Identity, action: str, rocu: str, policy: LoadedPolicy, now: datetime) -> None:
    """Refuse unless the identity may take this decision with a token that is in force and fresh.

    Raises:
        RefusedError: No permission, or the token is expired or older than the policy allows.
    """
    require(identity, action, rocu)
    if now >= identity.expires_at:
        raise RefusedError(f"The token of {identity.name} has expired.", "Get a new token.")
    age = now - identity.issued_at
    if age > timedelta(hours=policy.policy.token_max_age_hours):
        raise RefusedError(
            f"The token of {identity.name} is older than {policy.policy.token_max_age_hours:g} hours,"
            " the most that the policy allows for a decision.",
            "Get a new token.",
        )


def require_reason(reason: str) -> str:
    """A reason that says something, with single spaces, as the log can keep it.

    Raises:
        WrongInputError: It is empty.
    """
    if len(reason.strip()) < 3:
        raise WrongInputError("A decision needs a reason.", "Say why in a few words: three letters or more.")
    return " ".join(plain_text(reason).split())
