"""Which camera register the audit log says holds: the one that was loaded last for a ROCU.

The lake only holds the files. Belongs here: what the log says, and holding a register against it. Does not: whether a
file still has the rows of which its digest was taken, or whether the log holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.errors import RefusedError

if TYPE_CHECKING:
    from governance.audit.log import AuditLog


def loaded_register(audit: AuditLog, rocu: str) -> str | None:
    """Digest of the camera register that was loaded last for a ROCU; `None` if none ever was."""
    rows = audit.search(rocus=frozenset({rocu}), action="cameras.load", outcome="done", limit=1)
    return str(rows[0].details.get("digest", "not recorded")) if rows else None


def require_loaded_register(audit: AuditLog, rocu: str, digest: str | None) -> None:
    """Refuse a camera register that is not the one that was loaded last, and none where one was.

    Args:
        audit: The log; the caller has seen that it holds.
        rocu: Code of the ROCU.
        digest: Of the register that is to be used; `None` if the lake has none.

    Raises:
        RefusedError: The log has another.
    """
    loaded = loaded_register(audit, rocu)
    if digest != loaded:
        has = "none" if loaded is None else loaded[:16]
        raise RefusedError(
            f"The camera register of {rocu} in the lake ({'none' if digest is None else digest[:16]}) is not the one "
            f"that the audit log says was loaded ({has}).",
            "If loading it was stopped half-way, load the same file again, which finishes it: "
            f"findprofile cameras load --rocu {rocu} FILE. If not, tell governance first: somebody put it there.",
        )
