"""Acceptance of the security operating procedures: who wants to act has accepted the version in force, not long ago.

An acceptance is an entry of the audit log, for each ROCU that the token names; it names the version and the digest of
the pages, and ends after the days that the ROCU's policy says. Another version, or other words under the same version,
need another acceptance. Belongs here: the rule. Does not: which commands it is asked of (flows.context).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import infra
from governance.access.permissions import EVERY_ROCU, require
from governance.audit.entry import is_known, iso_moment
from governance.audit.log import AuditLog, Entry
from infra.errors import FaultError, FindProfileError, RefusedError

if TYPE_CHECKING:
    from infra.identity import Identity
    from infra.lake import Lake

PAGES = Path(infra.__file__).parent / "syops"
ACTION = "syops.accept"


@dataclass(frozen=True)
class Procedures:
    """The operating procedures in force: version, digest over all pages, and the pages by their name."""

    version: str
    digest: str
    pages: dict[str, str]


def procedures(folder: Path = PAGES) -> Procedures:
    """The operating procedures that this installation came with.

    Raises:
        FaultError: They are not there, or do not say which version they are.
    """
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    said = re.search(r"\bVersion (\S+?)\.(?:\s|$)", pages.get("README.md", ""))
    if said is None:
        raise FaultError("The operating procedures are not installed.", "Install the product with its infra/syops.")
    whole = "".join(f"{name}\n{text}\n" for name, text in pages.items())
    return Procedures(said[1], hashlib.sha256(whole.encode()).hexdigest(), pages)


def accept(audit: AuditLog, lake: Lake, identity: Identity, version: str, now: datetime) -> datetime:
    """Put on record that somebody has read and accepts the procedures; until when that holds.

    Raises:
        RefusedError: The log does not hold, no permission, or another version is in force; the log has it.
    """
    in_force = procedures()
    rocus = sorted(identity.rocus)
    try:
        audit.require_intact(now)
        for rocu in rocus:
            require(identity, ACTION, rocu)
        _require_in_force(version, in_force)
    except RefusedError as refusal:
        audit.extend(tuple(_entry(identity, rocu, in_force, "refused", refusal.reason) for rocu in rocus), now)
        raise
    until = now + timedelta(days=min(_valid_days(lake, rocu) for rocu in rocus))
    audit.extend(tuple(_entry(identity, rocu, in_force, "done", iso_moment(until)) for rocu in rocus), now)
    return until


def _require_in_force(version: str, in_force: Procedures) -> None:
    if version != in_force.version:
        raise RefusedError(
            f"Version {in_force.version} of the operating procedures is in force, not the one that was named.",
            f"Read it (findprofile syops show), then: findprofile syops accept --version {in_force.version}.",
        )


def _entry(identity: Identity, rocu: str, in_force: Procedures, outcome: str, said: str) -> Entry:
    told = {"valid_until": said} if outcome == "done" else {"reason": said}
    return Entry.by(
        identity,
        action=ACTION,
        operation="decision",
        rocu=rocu,
        object=f"operating procedures {in_force.version}",
        outcome="done" if outcome == "done" else "refused",
        details={"version": in_force.version, "digest": in_force.digest, "token_id": identity.token_id} | told,
    )


def _valid_days(lake: Lake, rocu: str) -> int:
    from governance.policy.document import load_policy, packaged_policy

    try:
        return load_policy(lake, rocu).policy.syops_valid_days
    except FindProfileError:
        # whoever has to put a spoilt policy right must be able to sign in
        return packaged_policy("default").policy.syops_valid_days


def accepted_until(audit: AuditLog, identity: Identity) -> datetime | None:
    """Until when somebody's acceptance of this version holds, for all ROCUs of the token; `None` if none does.

    Only entries count that hash as they did and that a trusted key signed. One of a newer program, of which this one
    does not know what it says, is none here: whoever made it can accept again, and is not shut out.
    """
    in_force = procedures()
    moments = [_of_rocu(audit, identity, rocu, in_force) for rocu in identity.rocus]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None


def _of_rocu(audit: AuditLog, identity: Identity, rocu: str, in_force: Procedures) -> datetime | None:
    rows = audit.search(
        rocus=frozenset({rocu, EVERY_ROCU}),
        action=ACTION,
        actor=identity.subject,
        outcome="done",
        limit=20,
        any_version=True,
    )
    for row in audit.believed(tuple(filter(is_known, rows))):
        same = (row.details.get("version"), row.details.get("digest")) == (in_force.version, in_force.digest)
        if same and row.actor == identity.subject:
            return datetime.fromisoformat(row.details["valid_until"])
    return None


def require_accepted(audit: AuditLog, identity: Identity, now: datetime) -> None:
    """Refuse who has not accepted the procedures in force; an entry that was touched or forged is no acceptance.

    Raises:
        RefusedError: Never accepted, another version, other words, or too long ago; or the log does not hold, so that
            nobody can tell.
    """
    until = accepted_until(audit, identity)
    if until is None or now >= until:
        audit.require_intact(now)
        version = procedures().version
        how = "has not accepted" if until is None else "must accept again"
        raise RefusedError(
            f"{identity.name} {how} version {version} of the operating procedures.",
            f"Read them (findprofile syops show), then: findprofile syops accept --version {version}.",
        )
