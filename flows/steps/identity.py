"""Issues tokens of the embedded issuer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from governance.permissions import EVERY_ROCU, ROLES
from infra.clock import utc_now
from infra.errors import WrongInputError
from infra.settings import Settings


def issue(settings: Settings, name: str, roles: Sequence[str], rocus: Sequence[str], hours: int) -> str:
    """A signed token for a person or worker.

    Raises:
        WrongInputError: A role or ROCU is unknown.
        RefusedError: Another issuer is configured.
    """
    from data_contracts.regions import require_rocu
    from infra.identity import issue_token

    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise WrongInputError(f"There is no role {', '.join(unknown)}.", f"Use one or more of {', '.join(ROLES)}.")
    now = utc_now()
    codes = [rocu.lower() for rocu in rocus]
    for code in codes:
        if code != EVERY_ROCU:
            require_rocu(code, now.date())
    return issue_token(settings, name, tuple(roles), tuple(codes), timedelta(hours=hours), now)
