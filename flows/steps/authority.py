"""Steps on the authority for runs: grant, withdraw, list, show, and the check that every run makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flows.context import Context, permit
from flows.steps.desk import policy_of
from flows.steps.results import StepResult
from infra.clock import utc_now

if TYPE_CHECKING:
    from data_contracts.layers.manifests import PartRef
    from governance.access.run_authority import RunAuthority
    from governance.access.run_authority_log import Terms
    from governance.policy.document import LoadedPolicy


class AuthorityShown(StepResult):
    """One authority as it stands."""

    reference: str
    state: str
    rocu: str
    pattern: str
    purpose: str
    area: str
    window_ends: str
    valid_from: str
    expires_at: str
    granted_by: str
    granted_at: str
    withdrawn: str | None


@dataclass(frozen=True)
class Planned:
    """A run that asks for its authority.

    Args:
        rocu: Whose reads.
        pattern: Name of the pattern.
        as_of: Last day of the window.
        window_days: Its length.
        parts: The reads of the window.
    """

    rocu: str
    pattern: str
    as_of: date
    window_days: int
    parts: Sequence[PartRef] = field(repr=False)


def grant_authority(context: Context, rocu: str, terms: Terms) -> AuthorityShown:
    """Grant an authority for runs. Who grants it may not run under it.

    Raises:
        RefusedError: No permission, or the policy does not let it be granted so; the log has it.
        WrongInputError: No such ROCU, pattern or force, or days that do not follow each other.
    """
    from governance.access.run_authority_log import grant
    from models.patterns import get_pattern

    get_pattern(terms.pattern)
    policy = policy_of(context, rocu)
    return _shown(grant(context.audit, context.lake, context.identity, rocu, terms, policy, utc_now()))


def withdraw_authority(context: Context, rocu: str, reference: str, reason: str) -> AuthorityShown:
    """Take an authority back; no run starts under it from now on.

    Raises:
        RefusedError: No permission, or it is withdrawn already; the log has it.
        WrongInputError: No such ROCU or reference, or no reason.
    """
    from governance.access.run_authority_log import withdraw

    policy = policy_of(context, rocu)
    return _shown(withdraw(context.audit, context.lake, context.identity, rocu, reference, reason, policy, utc_now()))


def list_authorities(context: Context, rocu: str) -> tuple[AuthorityShown, ...]:
    """Every authority of a ROCU, oldest first, as the audit log has it."""
    return tuple(_shown(authority) for authority in _known(context, rocu))


def show_authority(context: Context, rocu: str, reference: str) -> AuthorityShown:
    """One authority of a ROCU.

    Raises:
        WrongInputError: There is none of this reference.
    """
    from governance.access.run_authority_log import find_authority

    return _shown(find_authority(_known(context, rocu), rocu, reference))


def authorised(context: Context, policy: LoadedPolicy, planned: Planned) -> RunAuthority:
    """The authority that covers a run here and now, by the policy in force. The caller records a refusal.

    Raises:
        RefusedError: None covers it; the reason says what is wrong with each.
        FaultError: The log or the lake does not answer.
    """
    from governance.access.run_authority import Run, require_covered
    from governance.access.run_authority_log import authorities

    now = utc_now()
    run = Run(
        rocu=planned.rocu,
        pattern=planned.pattern,
        first_day=planned.as_of - timedelta(days=planned.window_days - 1),
        as_of=planned.as_of,
        counted_from=_counted_from(context, policy, planned.rocu, now.date()),
        by=context.identity.subject,
        forces=lambda: _forces(context, planned.parts),
    )
    return require_covered(authorities(context.audit, planned.rocu), run, policy.policy.runs, now)


def _known(context: Context, rocu: str) -> tuple[RunAuthority, ...]:
    from data_contracts.registers.regions import require_rocu
    from governance.access.run_authority_log import authorities

    require_rocu(rocu, context.now.date())
    permit(context, "authority.read", rocu, f"authorities of {rocu}")
    return authorities(context.audit, rocu)


def _shown(authority: RunAuthority) -> AuthorityShown:
    taken = authority.withdrawn
    return AuthorityShown(
        reference=authority.reference,
        state=authority.state(utc_now()),
        rocu=authority.rocu,
        pattern=authority.pattern,
        purpose=authority.purpose,
        area=authority.area,
        window_ends=f"{authority.first_window_end} to {authority.last_window_end}",
        valid_from=f"{authority.valid_from:%Y-%m-%d %H:%M} UTC",
        expires_at=f"{authority.expires_at:%Y-%m-%d %H:%M} UTC",
        granted_by=authority.granted_by_name,
        granted_at=f"{authority.granted_at:%Y-%m-%d %H:%M} UTC",
        withdrawn=f"{taken.at:%Y-%m-%d %H:%M} UTC by {taken.by_name}: {taken.reason}" if taken else None,
    )


def _counted_from(context: Context, policy: LoadedPolicy, rocu: str, today: date) -> date:
    """The day from which ages count: today, or for historical data the day of the newest read that is held."""
    from data_contracts.layers.reads import read_parts

    if policy.policy.ingest.retention_from == "today":
        return today
    parts = read_parts(context.lake, rocu, date.min, date.max)
    return max((part.date for part in parts if part.date and part.rows), default=today)


def _forces(context: Context, parts: Sequence[PartRef]) -> frozenset[str]:
    from data_contracts.layers.reads import reads_relation
    from governance.access.run_authority import NO_FORCE
    from infra.engine import open_engine

    with open_engine(context.settings) as connection:
        reads_relation(connection, context.lake, parts)
        found = connection.execute("SELECT DISTINCT force FROM reads").fetchall()
    return frozenset(force or NO_FORCE for (force,) in found)
