"""The end of the audit log, kept outside the database and signed, so that a cut-off end or an older copy shows.

A hash chain proves that nothing between its rows was touched, but a log that simply stops earlier is also a good
chain. After every append the last seq and hash are written here, signed with this machine's audit key. With several
machines on one PostgreSQL each keeps its own head: the database may be ahead of it, never behind.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.canonical import canonical_json
from infra.errors import RefusedError, WrongInputError
from infra.keys import key_file, private_pem, public_pem
from infra.lake import write_text
from infra.settings import Settings

KEY_NAME = "audit.pem"


class Head(BaseModel):
    """What the log's last row was when this was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(ge=0)
    hash: str
    at: str
    key: str = Field(description="SHA-256 of the public key that signs")
    signature: str = Field(default="", description="Ed25519 over the canonical JSON of the other fields, base64")

    def signed_part(self) -> bytes:
        """The bytes that the signature covers."""
        return canonical_json(self.model_dump(exclude={"signature"})).encode()


@dataclass(frozen=True)
class HeadFile:
    """One machine's signed head.

    Args:
        path: The file.
        key: The key that signs it.
        enrolled: Whether the key was already there, so that the file must be as well.
    """

    path: Path
    key: Ed25519PrivateKey
    enrolled: bool

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, in hex."""
        return hashlib.sha256(public_pem(self.key.public_key())).hexdigest()

    def read(self) -> Head | None:
        """The head as it stands; `None` if there is no file.

        Raises:
            RefusedError: It is not readable, or not signed with this machine's audit key.
        """
        if not self.path.exists():
            return None
        try:
            head = Head.model_validate(json.loads(self.path.read_text(encoding="utf-8")))
            self.key.public_key().verify(base64.b64decode(head.signature), head.signed_part())
        except (ValueError, ValidationError, InvalidSignature):
            raise RefusedError(
                f"The audit head {self.path.name} is not signed by this machine's audit key.",
                "Put back the head from the last backup and run findprofile audit verify.",
            ) from None
        return head

    def advance(self, seq: int, row_hash: str, at: str) -> None:
        """Move the head to a later row; a head that is already further on stays."""
        with self._locked():
            current = self.read()
            if current is None or current.seq < seq or seq == 0:
                unsigned = Head(seq=seq, hash=row_hash, at=at, key=self.fingerprint)
                signature = base64.b64encode(self.key.sign(unsigned.signed_part())).decode()
                write_text(self.path, unsigned.model_copy(update={"signature": signature}).model_dump_json(indent=1))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def open_head(settings: Settings) -> HeadFile:
    """The head file of this machine, with its key, which is made on first use.

    Raises:
        RefusedError: The key file can be read by others.
        WrongInputError: The key file does not hold an Ed25519 key.
    """
    enrolled = (settings.keys / KEY_NAME).exists()
    path = key_file(settings, KEY_NAME, lambda: private_pem(Ed25519PrivateKey.generate()))
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongInputError(f"The key file {KEY_NAME} does not hold an Ed25519 key.", "Put back the right key file.")
    return HeadFile(settings.root / "records" / "audit-head.json", key, enrolled)
