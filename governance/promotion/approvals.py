"""Who may take a decision, and when an approval counts. Pure checks; they raise, and the caller records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from governance.policy.document import LoadedPolicy
from governance.promotion.life import CANDIDATES, PART_ROLES, WAITING, Part
from governance.promotion.state import ModelState, Shadow, VersionState
from infra.errors import RefusedError
from infra.wording import counted

if TYPE_CHECKING:
    from infra.identity import Identity


def require_approvable(
    state: ModelState,
    found: VersionState,
    identity: Identity,
    policy: LoadedPolicy,
    now: datetime,
    seen_digest: str | None,
) -> Part:
    """Refuse unless this person may approve this version now; gives as what.

    Args:
        state: Of the model.
        found: Of the version.
        identity: Who approves.
        policy: The policy in force now.
        now: The time.
        seen_digest: Digest of the evidence that the approver was shown, if they name it.

    Raises:
        RefusedError: The version waits for no approval or has waited too long, the policy, the champion or the evidence
            is another than the gate saw, the person trained it, requested it or approved it already, or has not the
            role whose turn it is.
    """
    what = f"{state.model} version {found.version}"
    if found.due_part is None:
        raise RefusedError(f"{what} waits for no approval: it is {said(found.status)}.", "See findprofile models show.")
    require_open(state, found, policy, now)
    if seen_digest is not None and seen_digest != found.gate.evidence_digest:
        raise RefusedError(
            f"The approval is for other evidence than the gate judged for {what}.", "Look at the evidence as it stands."
        )
    _require_another_person(what, found, identity)
    role = PART_ROLES[found.due_part]
    if role not in identity.roles:
        raise RefusedError(
            f"{what} waits for the approval of the {found.due_part}, and {identity.name} is not one.",
            f"Have somebody with the role {role} approve it next.",
        )
    return found.due_part


def _require_another_person(what: str, found: VersionState, identity: Identity) -> None:
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


def require_open(state: ModelState, found: VersionState, policy: LoadedPolicy, now: datetime) -> None:
    """Refuse unless all that the gate judged by and against still stands.

    Raises:
        RefusedError: The term is over, or the policy or the champion is another one.
    """
    what = f"{state.model} version {found.version}"
    if is_expired(found, now):
        raise expired(state.model, found)
    if found.gate.policy_digest != policy.digest:
        raise RefusedError(
            f"The policy has changed since the gate judged {what}.", "Request the promotion again under this policy."
        )
    if found.gate.compared_with != state.champion:
        raise RefusedError(
            f"The champion has changed since the gate compared {what} with it.",
            "Request the promotion again, so that it is compared with the champion that stands.",
        )


def require_confirmable(
    state: ModelState, found: VersionState, identity: Identity, policy: LoadedPolicy, now: datetime
) -> tuple[Shadow, ...]:
    """Refuse unless this person may confirm this version now; gives the shadow runs that it rests on.

    Raises:
        RefusedError: It has not every approval, or they have lapsed, or it has not run in shadow as often as the policy
            asks; the policy or the champion is another one; the person trained or requested it.
    """
    what = f"{state.model} version {found.version}"
    if found.status not in CANDIDATES:
        raise RefusedError(
            f"{what} is {said(found.status)}: only a version with every approval can be confirmed.",
            "See findprofile models show.",
        )
    require_open(state, found, policy, now)
    if identity.subject in (found.gate.trainer, found.gate.requested_by):
        raise RefusedError(f"{identity.name} trained or requested {what} and may not confirm it.", "Ask somebody else.")
    runs, needed = found.shadow_days, found.gate.shadow_runs
    if len(runs) < needed:
        raise RefusedError(
            f"{what} has run in shadow on {len(runs)} of the {counted(needed, 'day')} that the policy asks for.",
            f"Have more days scored: findprofile score{'' if state.champion else ' --shadow'}.",
        )
    return runs


def is_expired(found: VersionState, now: datetime) -> bool:
    """Whether the term of an open version is over."""
    return found.ends is not None and now >= datetime.fromisoformat(found.ends)


def expiry(model: str, found: VersionState) -> str:
    """The sentence that says so."""
    what = "request for" if found.status in WAITING else "approval of"
    return f"The {what} {model} version {found.version} has expired (its term ended {found.ends})."


def expired(model: str, found: VersionState) -> RefusedError:
    """The refusal to decide about a version whose term is over."""
    return RefusedError(
        expiry(model, found), f"Request the promotion again: findprofile promote request {model} {found.version}."
    )


def said(status: str) -> str:
    """A state in words."""
    return status.replace("_", " ")


def enough(subjects: Iterable[str], needed: int) -> bool:
    """Whether so many different people agree; never fewer than two, whatever a policy says."""
    return len(set(subjects)) >= max(2, needed)
