"""A signed statement of where the audit log stood, to be kept away from the machine that writes it.

Whoever owns machine, database and audit key can write another history and sign it. It cannot agree with a checkpoint
that somebody else has kept. Belongs here: making and reading one. Does not: the comparison with the log (audit_walk).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import Field

from governance.audit.entry import Row, iso_moment
from governance.audit.keys import AuditKeys, fingerprint
from governance.audit.signed import Signed
from infra.errors import RefusedError, WrongInputError
from infra.keys import public_pem
from infra.lake import write_text


class Checkpoint(Signed):
    """That the log held up to this row, which had this hash."""

    kind: Literal["checkpoint"] = "checkpoint"
    seq: int = Field(gt=0)
    hash: str
    at: str
    made_at: str
    public_key: str = Field(description="PEM of the key that signs")


def write_checkpoint(keys: AuditKeys, last: Row, path: Path, now: datetime) -> Checkpoint:
    """Write the checkpoint of a verified log whose newest row is `last`."""
    checkpoint = Checkpoint(
        seq=last.seq,
        hash=last.hash,
        at=last.at,
        made_at=iso_moment(now),
        public_key=public_pem(keys.own.public_key()).decode(),
    ).signed_by(keys)
    write_text(path, checkpoint.model_dump_json(indent=1) + "\n")
    return checkpoint


def read_checkpoint(keys: AuditKeys, path: Path) -> Checkpoint:
    """A checkpoint that was kept, signed by a key that this machine trusts.

    Raises:
        WrongInputError: The file is not there or is no checkpoint.
        RefusedError: It was changed, or is signed by a key that is not trusted here.
    """
    if not path.is_file():
        raise WrongInputError(
            f"There is no file {path.name} where the command looks for a checkpoint.", "Check its path, and the folder."
        )
    try:
        text = path.read_text(encoding="utf-8")
        key = load_pem_public_key(json.loads(text)["public_key"].encode())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise WrongInputError(
            f"{path.name} is not a checkpoint of an audit log.", "Give one that findprofile audit checkpoint made."
        )
    checkpoint = Checkpoint.read(text, key)
    if checkpoint is None:
        raise RefusedError(f"The checkpoint {path.name} was changed after it was signed.", "Take another copy of it.")
    if fingerprint(key) not in {fingerprint(trusted) for trusted in keys.trusted().values()}:
        raise RefusedError(
            f"The checkpoint {path.name} is signed by a key that is not trusted here: this machine's audit key is"
            " another than it was, or the checkpoint is of another machine.",
            "If it is of another machine, put its records/audit-public.pem into FINDPROFILE_AUDIT_TRUSTED_KEYS; if not,"
            " tell governance.",
        )
    return checkpoint
