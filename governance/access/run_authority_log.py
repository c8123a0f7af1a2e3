"""Authorities for runs in the audit log: granting, withdrawing, and reading them back.

The log is where an authority is; the file in the lake is a copy for people and is never read. An entry that cannot be
read, or that nobody with the right made, stops the replay: an unknown state refuses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from data_contracts.registers.regions import find_force, own_forces
from governance.access.deciding import require_decider, require_reason
from governance.access.permissions import allowed
from governance.access.run_authority import WHOLE_REGION, RunAuthority, Withdrawal
from governance.audit.entry import iso_moment
from governance.audit.log import AuditLog, AuditSession, Entry, Outcome, Row
from governance.audit.plate_guard import withhold_plates
from governance.canonical import canonical_json
from infra.errors import FindProfileError, RefusedError, WrongInputError
from infra.lake import Lake, write_text
from models.patterns import get_pattern

if TYPE_CHECKING:
    from governance.policy.document import LoadedPolicy
    from infra.identity import Identity

GRANT = "authority.grant"
WITHDRAW = "authority.withdraw"


class GrantDetails(BaseModel):
    """Beside `authority.grant`; reference, purpose and ROCU are the entry's own columns, and so is who and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: str
    pattern: str
    first_window_end: date
    last_window_end: date
    valid_from: datetime
    expires_at: datetime
    policy_digest: str
    token_id: str


class WithdrawDetails(BaseModel):
    """Beside `authority.withdraw`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    token_id: str


_Details = TypeVar("_Details", GrantDetails, WithdrawDetails)


@dataclass(frozen=True)
class Terms:
    """What is asked to be granted.

    Args:
        reference: In the policy's format.
        pattern: Name of the pattern.
        purpose: One of the purposes of the policy's age bands.
        first_window_end: The earliest last day of a window.
        last_window_end: The latest.
        area: `whole region`, or forces separated by commas.
        valid_from: From when; now if it is not said or lies in the past.
        expires_at: Until when; as long as the policy lets an authority hold if it is not said.
    """

    reference: str
    pattern: str
    purpose: str
    first_window_end: date
    last_window_end: date
    area: str = WHOLE_REGION
    valid_from: datetime | None = None
    expires_at: datetime | None = None


def authorities(audit: AuditLog | AuditSession, rocu: str) -> tuple[RunAuthority, ...]:
    """Every authority that was ever granted for a ROCU, oldest first, with its withdrawal if there was one.

    Raises:
        RefusedError: An entry of the log cannot be read or does not fit.
        FaultError: The log does not answer.
    """
    return _replayed(audit.done(rocu, "authority."))


def find_authority(known: Iterable[RunAuthority], rocu: str, reference: str) -> RunAuthority:
    """The authority of a reference.

    Raises:
        WrongInputError: There is none. The reference is not repeated: it may be anything.
    """
    found = next((authority for authority in known if authority.reference == reference), None)
    if found is None:
        raise WrongInputError(
            f"{rocu} has no authority of this reference.", f"See findprofile authority list --rocu {rocu}."
        )
    return found


def grant(
    audit: AuditLog, lake: Lake, identity: Identity, rocu: str, terms: Terms, policy: LoadedPolicy, now: datetime
) -> RunAuthority:
    """Grant an authority. Who grants it may not run under it.

    Raises:
        WrongInputError: No such pattern or force, or days or times that do not follow each other.
        RefusedError: No permission, a stale token, a reference or purpose that the policy does not know, a term longer
            than the policy lets one be, or a reference that was granted before; the log has it.
    """
    with _refusal_recorded(audit, identity, GRANT, rocu, now):
        require_decider(identity, GRANT, rocu, policy, now)
        _require_by_policy(terms, policy)
        details = _details(terms, rocu, policy, identity, now)
        with audit.writing() as session:
            if any(known.reference == terms.reference for known in authorities(session, rocu)):
                raise RefusedError(
                    f"{terms.reference} was used for {rocu} before; a reference means one thing for ever.",
                    "Take the reference of the new authority.",
                )
            row = session.append(_entry(identity, GRANT, rocu, terms.reference, terms.purpose, details), now)
    granted = _granted(row)
    _copy(lake, granted)
    return granted


def withdraw(
    audit: AuditLog,
    lake: Lake,
    identity: Identity,
    rocu: str,
    reference: str,
    reason: str,
    policy: LoadedPolicy,
    now: datetime,
) -> RunAuthority:
    """Take an authority back, at once. One person is enough, whoever granted it.

    Raises:
        WrongInputError: No reason, or no authority of this reference.
        RefusedError: No permission, a stale token, or it is withdrawn already; the log has it.
    """
    with _refusal_recorded(audit, identity, WITHDRAW, rocu, now):
        require_decider(identity, WITHDRAW, rocu, policy, now)
        details = WithdrawDetails(reason=require_reason(reason), token_id=identity.token_id)
        with audit.writing() as session:
            found = find_authority(authorities(session, rocu), rocu, reference)
            if found.withdrawn is not None:
                raise RefusedError(f"{reference} is withdrawn already.", "Nothing is to be done.")
            row = session.append(_entry(identity, WITHDRAW, rocu, reference, found.purpose, details), now)
    taken_back = _withdrawn(found, row)
    _copy(lake, taken_back)
    return taken_back


def _require_by_policy(terms: Terms, policy: LoadedPolicy) -> None:
    vault, runs = policy.policy.vault, policy.policy.runs
    if not (terms.reference.isprintable() and re.fullmatch(vault.authority_format, terms.reference)):
        raise RefusedError(
            "The reference is not one in the policy's format.", f"Write it like {vault.authority_example}."
        )
    if terms.purpose not in runs.purposes:
        of_a_look = terms.purpose in vault.purposes
        said = f" {terms.purpose} is what one vehicle may be looked at for (vault.purposes)." if of_a_look else ""
        raise RefusedError(
            f"The purpose is not one for which the policy lets vehicles be ranked.{said}",
            f"Give one of runs.age_bands: {', '.join(runs.purposes)}.",
        )


def _details(terms: Terms, rocu: str, policy: LoadedPolicy, identity: Identity, now: datetime) -> GrantDetails:
    longest = timedelta(days=policy.policy.runs.max_authority_days)
    start = max(terms.valid_from or now, now)
    end = terms.expires_at or start + longest
    if terms.last_window_end < terms.first_window_end:
        raise WrongInputError("The last window ends before the first one.", "Give the earlier day as --from.")
    if end <= start:
        raise WrongInputError("The authority would end before it begins, or has ended.", "Give a later --until.")
    if end - start > longest:
        raise RefusedError(
            f"{(end - start).days} days are longer than the {longest.days} that the policy lets an authority hold.",
            "Grant it for less, and look at it again then.",
        )
    return GrantDetails(
        area=_area(terms.area, rocu, now.date()),
        pattern=get_pattern(terms.pattern).name,
        first_window_end=terms.first_window_end,
        last_window_end=terms.last_window_end,
        valid_from=start,
        expires_at=end,
        policy_digest=policy.digest,
        token_id=identity.token_id,
    )


def _area(text: str, rocu: str, on: date) -> str:
    if " ".join(text.lower().split()) == WHOLE_REGION:
        return WHOLE_REGION
    own = own_forces(rocu, on)
    named = [find_force(part) for part in text.split(",")]
    forces = sorted({force for force in named if force in own})
    if None in named or len(forces) != len(set(named)):
        raise WrongInputError(
            f"The area names what is no force of {rocu}.",
            f"Write '{WHOLE_REGION}', or forces separated by commas: {', '.join(sorted(own))}.",
        )
    return ", ".join(forces)


def _entry(
    identity: Identity, action: str, rocu: str, reference: str, purpose: str, details: GrantDetails | WithdrawDetails
) -> Entry:
    return Entry.by(
        identity,
        action=action,
        operation="decision",
        rocu=rocu,
        object=reference,
        outcome="done",
        purpose=purpose,
        authority=reference,
        details=details.model_dump(mode="json"),
    )


@contextmanager
def _refusal_recorded(audit: AuditLog, identity: Identity, action: str, rocu: str, now: datetime) -> Iterator[None]:
    """Record what stops the block. What was given is not repeated: it may be anything, a number plate too."""
    try:
        audit.require_intact(now)
        yield
    except FindProfileError as error:
        outcome: Outcome = "refused" if isinstance(error, RefusedError) else "failed"
        subject, details = f"authority of {rocu}", {"reason": withhold_plates(error.reason)}
        entry = Entry.by(
            identity,
            action=action,
            operation="decision",
            rocu=rocu,
            object=subject,
            outcome=outcome,
            details=details,
        )
        audit.append(entry, now)
        raise


def _replayed(rows: Iterable[Row]) -> tuple[RunAuthority, ...]:
    found: dict[str, RunAuthority] = {}
    for row in rows:
        if row.action == GRANT and row.object not in found:
            found[row.object] = _granted(row)
        elif row.action == WITHDRAW and row.object in found and found[row.object].withdrawn is None:
            found[row.object] = _withdrawn(found[row.object], row)
        else:
            raise _unreadable(row, "it does not follow from the entries before it")
    return tuple(found.values())


def _granted(row: Row) -> RunAuthority:
    details = _read(GrantDetails, row)
    if row.purpose is None or row.authority != row.object:
        raise _unreadable(row, "it has no purpose or another reference")
    return RunAuthority(
        reference=row.object,
        rocu=row.rocu,
        area=details.area,
        pattern=details.pattern,
        purpose=row.purpose,
        first_window_end=details.first_window_end,
        last_window_end=details.last_window_end,
        valid_from=details.valid_from,
        expires_at=details.expires_at,
        granted_by=row.actor,
        granted_by_name=row.actor_name,
        granted_at=row.moment,
    )


def _withdrawn(authority: RunAuthority, row: Row) -> RunAuthority:
    reason = _read(WithdrawDetails, row).reason
    return replace(authority, withdrawn=Withdrawal(row.moment, row.actor, row.actor_name, reason))


def _read(kind: type[_Details], row: Row) -> _Details:
    if not allowed(frozenset(row.actor_roles), row.action):
        raise _unreadable(row, f"its actor may not do {row.action}")
    try:
        return kind.model_validate(row.details)
    except ValidationError as error:
        raise _unreadable(row, f"{error.error_count()} faults in its details") from None


def _unreadable(row: Row, why: str) -> RefusedError:
    return RefusedError(
        f"Row {row.seq} of the audit log, {row.action}, cannot be believed: {why}.",
        "Tell governance; nothing scores in this ROCU until it is cleared up.",
    )


def _copy(lake: Lake, authority: RunAuthority) -> None:
    """The copy for people. Its name is a digest, for a reference may hold anything that a file name may not."""
    name = hashlib.sha256(authority.reference.encode()).hexdigest()[:16]
    values = {key: _plain(value) for key, value in asdict(authority).items()}
    write_text(lake.folder("authorities", authority.rocu) / f"{name}.json", canonical_json(values))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, datetime):
        return iso_moment(value)
    return value.isoformat() if isinstance(value, date) else value
