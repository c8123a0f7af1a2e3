"""Opening the vault for a person: permission, purpose and authority first, then an entry per vehicle, then the plates.

Belongs here: the order of these things. Does not: the cryptography (infra.vault), or where a token was read (the lake).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from governance.access.deciding import require_decider
from governance.access.justification import Asked, require_justified
from governance.audit.log import AuditLog, Entry, Outcome
from governance.policy.document import LoadedPolicy
from infra import vault
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.identity import Identity

__all__ = ["Asked", "reveal_plates"]

ACTION = "vault.reveal"
_TOKEN = re.compile(r"[b-df-hj-np-t]{32}")


def reveal_plates(
    settings: Settings,
    lake: Lake,
    audit: AuditLog,
    identity: Identity,
    rocu: str,
    wanted: Mapping[str, Sequence[str]],
    asked: Asked,
    policy: LoadedPolicy,
    now: datetime,
) -> dict[str, str]:
    """The VRMs of vehicles. The log has one entry per vehicle before the vault is opened.

    Args:
        settings: Gives the vault's private key.
        lake: Where the vault lies.
        audit: The log.
        identity: Who asks.
        rocu: The ROCU whose vehicles they are.
        wanted: For each vehicle token the batches in which it was read.
        asked: Purpose and authority.
        policy: The policy in force.
        now: The time.

    Returns:
        VRM by token; a token that none of its batches holds is left out.

    Raises:
        WrongInputError: Something asked for is not a vehicle token.
        RefusedError: No permission, no good purpose or authority, or too many at once; the log has it.
        FaultError: The vault cannot be read; the log has it.
    """
    if not wanted or not all(_TOKEN.fullmatch(token) for token in wanted):
        raise WrongInputError(
            "What is to be revealed is not a vehicle token.", "Give tokens as findprofile scores prints them."
        )

    note = _Note(audit, identity, rocu, tuple(sorted(wanted)), policy.digest, now)
    try:
        require_decider(identity, ACTION, rocu, policy, now)
        _require_justified(asked, len(wanted), policy)
    except RefusedError as refusal:
        # what was given as purpose and authority is not repeated: it may be anything, a number plate too
        note.write("refused", None, refusal.reason)
        raise
    note.write("done", asked)
    try:
        return vault.reveal(settings, lake, rocu, wanted)
    except (RefusedError, FaultError) as error:
        note.write("failed", asked, error.reason)
        raise


@dataclass(frozen=True)
class _Note:
    """What the log is told, one entry per vehicle."""

    audit: AuditLog
    identity: Identity
    rocu: str
    vehicles: tuple[str, ...]
    policy_digest: str
    now: datetime

    def write(self, outcome: Outcome, why: Asked | None, reason: str | None = None) -> None:
        details = {"policy_digest": self.policy_digest, "token_id": self.identity.token_id}
        entries = (
            Entry.by(
                self.identity,
                action=ACTION,
                operation="consultation",
                rocu=self.rocu,
                object=vehicle,
                outcome=outcome,
                purpose=why.purpose if why else None,
                authority=why.authority if why else None,
                details=details if reason is None else details | {"reason": reason},
            )
            for vehicle in self.vehicles
        )
        self.audit.extend(tuple(entries), self.now)


def _require_justified(asked: Asked, vehicles: int, policy: LoadedPolicy) -> None:
    require_justified(asked, policy, "a plate be revealed")
    rules = policy.policy.vault
    if vehicles > rules.max_tokens:
        raise RefusedError(
            f"{vehicles} vehicles at once are more than the policy's {rules.max_tokens}.", "Ask for fewer at a time."
        )
