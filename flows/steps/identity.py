"""Issues tokens of the embedded issuer."""

from __future__ import annotations

import base64
import os
import pwd
from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.access.permissions import EVERY_ROCU, ROLES
from infra.clock import utc_now
from infra.errors import WrongInputError
from infra.settings import Settings

ONLY_LOOKING = frozenset({"auditor"})


def issue(settings: Settings, name: str, roles: Sequence[str], rocus: Sequence[str], hours: int) -> str:
    """A signed token for a person or worker.

    Raises:
        WrongInputError: A role or ROCU is unknown.
        RefusedError: Another issuer is configured.
    """
    from data_contracts.registers.regions import require_rocu
    from governance.canonical import plain_text
    from infra.identity import issue_token

    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise WrongInputError(f"There is no role {', '.join(unknown)}.", f"Use one or more of {', '.join(ROLES)}.")
    now = utc_now()
    codes = [rocu.lower() for rocu in rocus]
    for code in codes:
        if code != EVERY_ROCU:
            require_rocu(code, now.date())
    token = issue_token(settings, plain_text(name), tuple(roles), tuple(codes), timedelta(hours=hours), now)
    _record(settings, token, now)
    return token


def _record(settings: Settings, token: str, now: datetime) -> None:
    """Who uses the issuer's key is on record before the token is given out.

    A log that does not hold takes no entry. Then only a token to look into it is given, and the entry is set aside.

    Raises:
        RefusedError: The log does not hold and the token is for more than looking, or the clock was set back.
    """
    from governance.audit.log import Entry, LogBrokenError, open_audit
    from infra.database import open_database
    from infra.identity import verify_token

    said = verify_token(settings, token, now)
    issuer = f"operating system:{_user()}"
    entries = tuple(
        Entry(
            action="token.issue",
            operation="decision",
            actor=issuer,
            actor_name=issuer,
            actor_roles=(),
            rocu=rocu,
            object=f"token {said.token_id}",
            outcome="done",
            details={
                "subject": said.subject,
                "roles": sorted(said.roles),
                "rocus": sorted(said.rocus),
                "expires_at": said.expires_at.isoformat(),
                # in hex, for base64 has hyphens, and between two of them may stand what reads as a plate
                "signed_with": base64.urlsafe_b64decode(f"{said.key_id}=").hex(),
            },
        )
        for rocu in sorted(said.rocus)
    )
    try:
        open_audit(settings, open_database(settings)).extend(entries, now)
    except LogBrokenError:
        if said.roles != ONLY_LOOKING:
            raise


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
