"""Tokens that hold no more although their time has not come: a single one, or all that a person was given so far.

A revocation is an entry of the audit log about a ROCU. Whoever signs in with a token that names that ROCU is held
against it, whatever else the token names. What was decided before stands as decided: a model whose approval is in doubt
is suspended. What was decided with it afterwards, past the sign-in, makes no champion.

Belongs here: the rule. Does not: how a token is verified (infra.identity), or where it is asked (flows.context,
governance.promotion.verification).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from governance.access.deciding import require_reason
from governance.access.permissions import EVERY_ROCU, require
from governance.audit.entry import iso_moment
from governance.audit.log import AuditLog, Entry, Row
from governance.audit.plate_guard import withhold_plates
from infra.errors import RefusedError
from infra.identity import CLOCK_SKEW

if TYPE_CHECKING:
    from infra.identity import Identity

ACTION = "token.revoke"


@dataclass(frozen=True)
class OneToken:
    """The token of this id."""

    token_id: str

    def __str__(self) -> str:
        """As an entry names it; `token.issue` names it so too."""
        return f"token {self.token_id}"

    def is_of(self, identity: Identity) -> bool:
        """Whether somebody is signed in with it."""
        return self.token_id == identity.token_id


@dataclass(frozen=True)
class AllOf:
    """Every token that the person of this subject was given until it is revoked; a newer one holds."""

    subject: str

    def __str__(self) -> str:
        """As an entry names it."""
        return f"person {self.subject}"

    def is_of(self, identity: Identity) -> bool:
        """Whether it is this person who is signed in."""
        return self.subject == identity.subject


def revoke(audit: AuditLog, identity: Identity, rocu: str, what: OneToken | AllOf, reason: str, now: datetime) -> Row:
    """Put on record that a token, or all of a person's so far, hold no more in a ROCU.

    It waits for no log that holds, as a stop does not: whoever holds a stolen token must not be able to put it off by
    spoiling a row. Everybody may revoke what is their own.

    Raises:
        WrongInputError: No reason.
        RefusedError: Somebody else's, and no permission; the log has it.
    """
    reason = require_reason(reason)
    try:
        _require(identity, rocu, what)
    except RefusedError as refusal:
        audit.append(_entry(identity, rocu, what, "refused", refusal.reason), now)
        raise
    return audit.append(_entry(identity, rocu, what, "done", withhold_plates(reason)), now)


def _require(identity: Identity, rocu: str, what: OneToken | AllOf) -> None:
    # whose it is gives the right; which ROCUs somebody acts in is asked all the same
    require(identity, "syops.accept" if what.is_of(identity) else ACTION, rocu)


def _entry(identity: Identity, rocu: str, what: OneToken | AllOf, outcome: str, reason: str) -> Entry:
    return Entry.by(
        identity,
        action=ACTION,
        operation="decision",
        rocu=rocu,
        object=str(what),
        outcome="done" if outcome == "done" else "refused",
        details={"reason": reason, "token_id": identity.token_id},
    )


def require_not_revoked(audit: AuditLog, identity: Identity) -> None:
    """Refuse whoever comes with a token that was revoked in one of its ROCUs.

    An entry counts whether or not it is signed as it should be: to touch one must not make a token good again.

    Raises:
        RefusedError: It was.
    """
    rocus = None if EVERY_ROCU in identity.rocus else identity.rocus | {EVERY_ROCU}
    rows = _revocations(audit, rocus, since=identity.issued_at - CLOCK_SKEW)
    for row in rows:
        if _ends(row, identity.token_id, identity.subject, iso_moment(identity.issued_at)):
            raise RefusedError(
                f"The token of {identity.name} was revoked for {row.rocu} at {_moment(row)} UTC by {row.actor_name}.",
                "Ask them why. A token that is issued from now on holds.",
            )


def revocations(audit: AuditLog, rocu: str) -> tuple[Row, ...]:
    """Every revocation that counts in a ROCU, newest first."""
    return _revocations(audit, frozenset({rocu, EVERY_ROCU}))


def used_revoked(revoked: tuple[Row, ...], decision: Row, token_id: str, issued_at: str) -> str | None:
    """What is wrong with the token of a decision on record: who had revoked it, and when. `None` if nobody had.

    Args:
        revoked: The revocations that count in the decision's ROCU.
        decision: The entry.
        token_id: Of the token, as the entry has it; empty in entries from before it was kept.
        issued_at: When the token was issued, ISO, as the entry has it; empty likewise.
    """
    for row in revoked:
        if row.seq < decision.seq and _ends(row, token_id, decision.actor if issued_at else None, issued_at):
            return f"{decision.actor_name} decided with a token that {row.actor_name} had revoked at {_moment(row)} UTC"
    return None


def _revocations(audit: AuditLog, rocus: frozenset[str] | None, since: datetime | None = None) -> tuple[Row, ...]:
    return audit.search(rocus=rocus, action=ACTION, outcome="done", since=since, limit=None, any_version=True)


def _ends(row: Row, token_id: str, subject: str | None, issued_at: str) -> bool:
    """Whether a revocation ends a token: by its id, or as one that its person had until then."""
    if row.object == str(OneToken(token_id)):
        return True
    return subject is not None and row.object == str(AllOf(subject)) and row.at >= issued_at


def _moment(row: Row) -> str:
    return row.at[:19].replace("T", " ")
