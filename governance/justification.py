"""Why somebody wants to look: a purpose and an authority, held against the policy. Pure checks; the caller records."""

from __future__ import annotations

import re
from dataclasses import dataclass

from governance.policy import LoadedPolicy
from infra.errors import RefusedError


@dataclass(frozen=True)
class Asked:
    """Why somebody wants to see plates, or the profile of a vehicle.

    Args:
        purpose: One of the policy's purposes.
        authority: A reference in the policy's format.
    """

    purpose: str
    authority: str


def require_justified(asked: Asked, policy: LoadedPolicy, what: str) -> None:
    """Refuse a purpose that the policy does not have, or an authority that is not in its format.

    Args:
        asked: What was given. It is not repeated: it may be anything, a number plate too.
        policy: The policy in force.
        what: What is to be done, as in "a plate be revealed".

    Raises:
        RefusedError: It is not justified.
    """
    rules = policy.policy.vault
    if asked.purpose not in rules.purposes:
        raise RefusedError(
            f"The purpose is not one for which the policy lets {what}.", f"Give one of: {', '.join(rules.purposes)}."
        )
    if not re.fullmatch(rules.authority_format, asked.authority):
        raise RefusedError(
            "The authority is not a reference in the policy's format.", f"Write it like {rules.authority_example}."
        )
