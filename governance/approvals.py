"""Who may take a decision, and when an approval counts. Pure checks; they raise, and the caller records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from governance.permissions import require
from governance.policy import LoadedPolicy
from governance.promotion_state import ModelState, VersionState
from infra.errors import RefusedError

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


def require_approvable(
    state: ModelState, found: VersionState, identity: Identity, policy: LoadedPolicy, seen_digest: str | None
) -> None:
    """Refuse unless this person may approve this version now.

    Args:
        state: Of the model.
        found: Of the version.
        identity: Who approves.
        policy: The policy in force now.
        seen_digest: Digest of the evidence that the approver was shown, if they name it.

    Raises:
        RefusedError: The version waits for no approval, the policy, the champion or the evidence is another than the
            gate saw, or the person trained it, requested it or approved it already.
    """
    what = f"{state.model} version {found.version}"
    if found.status != "requested":
        raise RefusedError(
            f"{what} waits for no approval: it is {found.status.replace('_', ' ')}.", "See findprofile promote history."
        )
    if found.gate.policy_digest != policy.digest:
        raise RefusedError(
            f"The policy has changed since the gate judged {what}.", "Request the promotion again under this policy."
        )
    if found.gate.compared_with != state.champion:
        raise RefusedError(
            f"The champion has changed since the gate compared {what} with it.",
            "Request the promotion again, so that it is compared with the champion that stands.",
        )
    if seen_digest is not None and seen_digest != found.gate.evidence_digest:
        raise RefusedError(
            f"The approval is for other evidence than the gate judged for {what}.", "Look at the evidence as it stands."
        )
    if identity.subject == found.gate.trainer:
        raise RefusedError(
            f"{identity.name} trained {what} and may not approve it.", "Ask somebody who did not train it."
        )
    if identity.subject == found.gate.requested_by:
        raise RefusedError(f"{identity.name} requested {what} and may not approve it.", "Ask somebody else.")
    if identity.subject in {approval.subject for approval in found.approvals}:
        raise RefusedError(
            f"{identity.name} has already approved {what}; two approvals need two people.", "Ask somebody else."
        )


def enough(subjects: Iterable[str], needed: int) -> bool:
    """Whether so many different people agree; never fewer than two, whatever a policy says."""
    return len(set(subjects)) >= max(2, needed)
