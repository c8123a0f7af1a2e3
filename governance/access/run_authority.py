"""The authority that a run over all vehicles of a region needs, and whether one covers a run. Pure; callers record.

A run looks at everybody who drove past a camera, not at a known vehicle, so it is not covered by anybody's role alone.
Belongs here: what an authority says, and each reason why it does not cover a run. Does not: granting
(run_authority_log).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from governance.policy.run_rules import RunRules
from infra.errors import RefusedError

WHOLE_REGION = "whole region"
NO_FORCE = "no force"
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Withdrawal:
    """An authority taken back."""

    at: datetime
    by: str
    by_name: str
    reason: str


@dataclass(frozen=True)
class RunAuthority:
    """One authority as the audit log has it.

    Args:
        reference: In the policy's `authority_format`; means one thing in a ROCU, for ever.
        rocu: Whose reads may be ranked.
        area: `whole region`, or names of forces joined by ", ".
        pattern: The one pattern that may be looked for.
        purpose: One of the purposes of the policy's age bands.
        first_window_end: The earliest last day of a window that it covers.
        last_window_end: The latest.
        valid_from: No run before.
        expires_at: No run from then on.
        granted_by: Subject of who granted it; the same person may not run under it.
        granted_by_name: The name beside that subject.
        granted_at: When.
        withdrawn: Who took it back, and why.
    """

    reference: str
    rocu: str
    area: str
    pattern: str
    purpose: str
    first_window_end: date
    last_window_end: date
    valid_from: datetime
    expires_at: datetime
    granted_by: str
    granted_by_name: str
    granted_at: datetime
    withdrawn: Withdrawal | None = None

    @property
    def forces(self) -> frozenset[str] | None:
        """The forces whose reads it covers; `None` is the whole region."""
        return None if self.area == WHOLE_REGION else frozenset(self.area.split(", "))

    def state(self, now: datetime) -> str:
        """In force, not yet in force, expired or withdrawn."""
        if self.withdrawn is not None:
            return "withdrawn"
        if now < max(self.valid_from, self.granted_at):
            return "not yet in force"
        return "in force" if now < self.expires_at else "expired"


@dataclass(frozen=True)
class Run:
    """What is about to be done.

    Args:
        rocu: Whose reads.
        pattern: Looked for.
        first_day: The oldest day of the window.
        as_of: The last day of the window.
        counted_from: The day from which the age of reads counts: today, or that of the newest read.
        by: Subject of who runs.
        forces: Gives the forces whose reads are in the window, `no force` for reads of none; asked only if it matters.
    """

    rocu: str
    pattern: str
    first_day: date
    as_of: date
    counted_from: date
    by: str
    forces: Callable[[], frozenset[str]]


def require_covered(known: Sequence[RunAuthority], run: Run, rules: RunRules, now: datetime) -> RunAuthority:
    """The authority that covers a run; of several the one that was granted first.

    Args:
        known: The authorities of the log, oldest first.
        run: What is about to be done.
        rules: Of the policy in force now.
        now: The time.

    Raises:
        RefusedError: None covers it. The reason names the newest few and what is wrong with each.
    """
    objections: list[str] = []
    for authority in known:
        objection = _objection(authority, run, rules, now)
        if objection is None:
            return authority
        objections.append(f"{authority.reference} {objection}")
    what = f"{run.rocu} for {run.pattern} as of {run.as_of}"
    if not objections:
        raise RefusedError(f"There is no authority to score {what}.", _remedy(run))
    left_out = len(objections) - _NAMED_AT_MOST
    more = f"; and {left_out} older" if left_out > 0 else ""
    said = "; ".join(reversed(objections[-_NAMED_AT_MOST:]))
    raise RefusedError(f"No authority covers scoring {what}: {said}{more}.", _remedy(run))


def _remedy(run: Run) -> str:
    return (
        f"Have one granted by somebody who does not run it: findprofile authority grant REFERENCE --rocu {run.rocu} "
        f"--pattern {run.pattern} --purpose PURPOSE --from {run.as_of} --to {run.as_of}."
    )


def _objection(authority: RunAuthority, run: Run, rules: RunRules, now: datetime) -> str | None:
    """Why an authority does not cover a run, as the end of a sentence that begins with its reference."""
    return (
        _of_another_kind(authority, run)
        or _out_of_force(authority, now)
        or _beyond_its_terms(authority, run)
        or _too_old(authority, run, rules)
        or _beyond_its_area(authority, run)
    )


def _of_another_kind(authority: RunAuthority, run: Run) -> str | None:
    if authority.rocu != run.rocu:
        return f"is for {authority.rocu}"
    return f"is for the pattern {authority.pattern}" if authority.pattern != run.pattern else None


def _out_of_force(authority: RunAuthority, now: datetime) -> str | None:
    if authority.withdrawn is not None:
        return f"was withdrawn on {authority.withdrawn.at:%Y-%m-%d %H:%M} UTC"
    if now < max(authority.valid_from, authority.granted_at):
        return f"is not in force before {max(authority.valid_from, authority.granted_at):%Y-%m-%d %H:%M} UTC"
    return f"expired at {authority.expires_at:%Y-%m-%d %H:%M} UTC" if now >= authority.expires_at else None


def _beyond_its_terms(authority: RunAuthority, run: Run) -> str | None:
    if not authority.first_window_end <= run.as_of <= authority.last_window_end:
        return f"covers windows that end from {authority.first_window_end} to {authority.last_window_end}"
    if authority.granted_by == run.by:
        return "was granted by the person who runs; that takes two people"
    return None


def _too_old(authority: RunAuthority, run: Run, rules: RunRules) -> str | None:
    youngest, oldest = ((run.counted_from - day).days for day in (run.as_of, run.first_day))
    band = rules.forbidding(authority.purpose, youngest, oldest)
    if band is None:
        return None
    return (
        f"is for {authority.purpose}, which by the policy may not use reads that are {band} old "
        f"(the window begins {run.first_day}, {oldest} days before {run.counted_from})"
    )


def _beyond_its_area(authority: RunAuthority, run: Run) -> str | None:
    named = authority.forces
    if named is None:
        return None
    outside = sorted(run.forces() - named)
    return f"covers {authority.area}, and the window has reads of {', '.join(outside)}" if outside else None
