"""Which policy the audit log says was in force: the file that governance loaded last for a ROCU, or the packaged one.

The lake only holds the files. Belongs here: what the log says, and whether a gate judged by it. Does not: reading the
file, which `document` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.policy.document import PACKAGED_FILE
from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit.log import AuditLog, Row


def file_in_force(audit: AuditLog, rocu: str) -> str:
    """SHA-256 of the policy file that was loaded last for a ROCU; `packaged` if none ever was."""
    return _file(_loaded(audit, rocu, limit=1))


def require_judged_by_it(audit: AuditLog, rocu: str, policy_file: str, policy_digest: str, seq: int) -> None:
    """Refuse a gate that judged by another policy than the one that was in force when it did.

    Args:
        audit: The log, which holds.
        rocu: Whose policy.
        policy_file: SHA-256 of the file that the gate judged by, `packaged`, or empty in an old entry.
        policy_digest: Digest of that policy's values.
        seq: Number of the gate's entry.

    Raises:
        RefusedError: The log has another policy at that place.
    """
    before = tuple(row for row in _loaded(audit, rocu) if row.seq < seq)
    # a gate from before the file was kept says only the digest; nothing was loaded means the packaged policy of then
    judged_by_it = policy_file == _file(before) if policy_file else _has_digest(before, policy_digest)
    if not judged_by_it:
        raise RefusedError(
            f"The gate of row {seq} of the audit log judged by a policy that was not in force in {rocu} then.",
            "Request the promotion again under the policy in force, and tell governance.",
        )


def _loaded(audit: AuditLog, rocu: str, limit: int | None = None) -> tuple[Row, ...]:
    return audit.search(rocus=frozenset({rocu}), action="policy.load", outcome="done", limit=limit)


def _file(newest_first: tuple[Row, ...]) -> str:
    return str(newest_first[0].details.get("file_sha256", "not recorded")) if newest_first else PACKAGED_FILE


def _has_digest(newest_first: tuple[Row, ...], digest: str) -> bool:
    return not newest_first or newest_first[0].details.get("policy") == digest
