"""Issues tokens of the embedded issuer, and revokes tokens of any issuer."""

from __future__ import annotations

import base64
import os
import pwd
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flows.steps.results import StepResult
from governance.access.permissions import EVERY_ROCU, ROLES
from infra.clock import utc_now
from infra.errors import WrongInputError
from infra.settings import Settings

if TYPE_CHECKING:
    from flows.context import Context
    from governance.access.revocation import AllOf, OneToken

ONLY_LOOKING = frozenset({"auditor"})


class Revoked(StepResult):
    """What holds no more. `known` says whether the log knew of it: a subject that was typed wrongly is nobody's."""

    revoked: str
    rocu: str
    issued_until: str
    by: str
    reason: str
    known: bool


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


def revoke_token(context: Context, rocu: str, token_id: str | None, person: str | None, reason: str) -> Revoked:
    """Put on record that a token, or every token that a person was given so far, holds no more in a ROCU.

    Args:
        context: Who asks.
        rocu: In which ROCU.
        token_id: The token's id, or
        person: the person's subject; with the embedded issuer the name does too.
        reason: Why.

    Raises:
        WrongInputError: No such ROCU, not one of the two, a whole token in place of its id, or no reason.
        RefusedError: Somebody else's, and no permission; the log has it.
    """
    from data_contracts.registers.regions import require_rocu
    from governance.access.revocation import AllOf, OneToken, revoke

    require_rocu(rocu, context.now.date())
    if bool(token_id) == bool(person):
        raise WrongInputError(
            "What is revoked is one token or one person's tokens.", "Give either --token-id ID or --person SUBJECT."
        )
    if token_id and token_id.count(".") == 2:
        raise WrongInputError(
            "That is a whole token, not its id; whoever reads the history of this shell can use it.",
            "Give its id, which findprofile audit search --action token.issue tells, or revoke with --person SUBJECT.",
        )
    what = OneToken(token_id) if token_id else AllOf(_subject(context.settings, person or ""))
    known = _is_known(context, rocu, what)
    row = revoke(context.audit, context.identity, rocu, what, reason, utc_now())
    return Revoked(
        revoked=row.object,
        rocu=row.rocu,
        issued_until=f"{row.at[:19].replace('T', ' ')} UTC",
        by=row.actor_name,
        reason=row.details["reason"],
        known=known,
    )


def _subject(settings: Settings, person: str) -> str:
    from infra.identity import EMBEDDED, embedded_subject

    if settings.oidc_jwks is not None or person.startswith(EMBEDDED):
        return person
    return embedded_subject(person)


def _is_known(context: Context, rocu: str, what: OneToken | AllOf) -> bool:
    from governance.access.revocation import AllOf

    rocus = frozenset({rocu, EVERY_ROCU})
    if isinstance(what, AllOf) and context.audit.search(rocus=rocus, actor=what.subject, limit=1, any_version=True):
        return True
    issued = context.audit.search(rocus=rocus, action="token.issue", limit=None, any_version=True)
    return any(
        row.details.get("subject") == what.subject if isinstance(what, AllOf) else row.object == str(what)
        for row in issued
    )


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
