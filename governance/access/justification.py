"""Why somebody wants to look: a purpose and an authority, held against the policy. Pure checks; the caller records."""

from __future__ import annotations

import re
from dataclasses import dataclass

from governance.policy.document import LoadedPolicy
from infra.errors import RefusedError


@dataclass(frozen=True)
class Asked:
    """Why somebody wants to see plates, or the profile of a vehicle.

    Args:
        purpose: One of the policy's `vault.purposes`: why one vehicle is looked at. What a run over all vehicles is for
            is another question, with words of its own (`runs.age_bands`).
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
        # a word of the policy may be repeated
        of_a_run = asked.purpose in policy.policy.runs.purposes
        said = f" {asked.purpose} is what a run may be for (runs.age_bands), under its authority." if of_a_run else ""
        raise RefusedError(
            f"The purpose is not one for which the policy lets {what}.{said}",
            f"Give one of vault.purposes: {', '.join(rules.purposes)}.",
        )
    if not re.fullmatch(rules.authority_format, asked.authority):
        raise RefusedError(
            "The authority is not a reference in the policy's format.", f"Write it like {rules.authority_example}."
        )
