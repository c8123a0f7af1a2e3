"""The keys of the audit log: this machine's own, which signs its rows and its head, and the others that it trusts.

Belongs here: making and reading the keys, publishing the public one, and signing and checking the hash of one row.
Does not: which rows are to be checked (audit_walk).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infra.errors import WrongInputError
from infra.keys import key_file, private_pem, public_pem
from infra.lake import write_text
from infra.settings import Settings

KEY_NAME = "audit.pem"
PUBLIC_NAME = "audit-public.pem"
_ID_DIGITS = 16


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key, in hex."""
    return hashlib.sha256(public_pem(key)).hexdigest()


@dataclass(frozen=True)
class AuditKeys:
    """What a machine signs with, and whom it believes.

    Args:
        own: The key that signs.
        others: Public keys of the other machines that write to the same log.
    """

    own: Ed25519PrivateKey
    others: tuple[Ed25519PublicKey, ...]

    @property
    def own_id(self) -> str:
        """The id that the rows of this machine carry."""
        return fingerprint(self.own.public_key())[:_ID_DIGITS]

    def trusted(self) -> Mapping[str, Ed25519PublicKey]:
        """Every believed public key by its id, the own one among them."""
        return {fingerprint(key)[:_ID_DIGITS]: key for key in (*self.others, self.own.public_key())}

    def sign(self, row_hash: str) -> str:
        """The signature of a row's hash, base64."""
        return base64.b64encode(self.own.sign(row_hash.encode())).decode()


def is_signed(row_hash: str, signature: str, key: Ed25519PublicKey | None) -> bool:
    """Whether the signature of a row's hash is by this key; never by no key."""
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(signature), row_hash.encode())
    except (ValueError, InvalidSignature):
        return False
    return True


def has_key(settings: Settings) -> bool:
    """Whether this machine has an audit key already."""
    return (settings.keys / KEY_NAME).exists()


def open_keys(settings: Settings, before_first_use: Callable[[AuditKeys], None] | None = None) -> AuditKeys:
    """This machine's audit key, made on first use, and the trusted ones; the own public key is published in records.

    Args:
        settings: Give the folders.
        before_first_use: What must be there before a new key is; it is given the key.

    Raises:
        RefusedError: The key file can be read by others.
        WrongInputError: The key file, or a file of the folder of trusted keys, does not hold an Ed25519 key.
    """

    def make() -> bytes:
        new = Ed25519PrivateKey.generate()
        if before_first_use is not None:
            before_first_use(AuditKeys(new, ()))
        return private_pem(new)

    path = key_file(settings, KEY_NAME, make)
    try:
        own = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, UnsupportedAlgorithm):
        own = None
    if not isinstance(own, Ed25519PrivateKey):
        raise WrongInputError(f"The key file {KEY_NAME} does not hold an Ed25519 key.", "Put back the right key file.")
    _publish(settings.root / "records" / PUBLIC_NAME, public_pem(own.public_key()).decode())
    return AuditKeys(own, _read_trusted(settings.audit_trusted_keys))


def _publish(path: Path, pem: str) -> None:
    if not path.exists() or path.read_bytes() != pem.encode():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, pem)


def _read_trusted(folder: Path | None) -> tuple[Ed25519PublicKey, ...]:
    if folder is None:
        return ()
    if not folder.is_dir():
        raise WrongInputError(
            f"The folder of trusted audit keys {folder} is not there.", "Correct FINDPROFILE_AUDIT_TRUSTED_KEYS."
        )
    return tuple(_read_public(path) for path in sorted(folder.glob("*.pem")))


def _read_public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise WrongInputError(
            f"The trusted audit key {path.name} is not an Ed25519 public key.",
            f"Put there what the other machine has in records/{PUBLIC_NAME}, or take the file away.",
        )
    return key
