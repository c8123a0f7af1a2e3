"""Embedded keys: made on first use below `settings.keys`, readable by their owner alone, or given by the settings.

Belongs here: creating a secret file once, whatever processes race for it, and reading a secret that the settings name.
Does not: what a key is used for; each cryptographic room asks for its own.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from infra.errors import RefusedError, WrongInputError
from infra.settings import Settings

MASTER_KEY_BYTES = 32
_PUBLIC_GROUP = 0o077

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def key_file(settings: Settings, name: str, make: Callable[[], bytes]) -> Path:
    """The path of an embedded key, which is made if it is not there.

    The key is written whole under a name of its own and then linked to `name`, which fails if that exists: of two
    processes that start at once one wins, and the other takes the winner's key.

    Args:
        settings: Gives the folder.
        name: File name in the key folder.
        make: Gives the content; its answer is dropped if another process was first.

    Raises:
        RefusedError: The file or its folder can be read by others.
    """
    target = settings.keys / name
    if not target.exists():
        settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = settings.keys / f".{name}.{secrets.token_hex(4)}"
        try:
            _write_private(temporary, make())
            _link_once(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    _require_private(target)
    return target


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _link_once(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return


def _require_private(path: Path) -> None:
    for part, mode in ((path.parent, "700"), (path, "600")):
        if part.stat().st_mode & _PUBLIC_GROUP:
            raise RefusedError(
                f"The key {path.name} can be read by others than its owner.", f"Run chmod {mode} {part}."
            )


def pseudonym_master_key(settings: Settings) -> bytes:
    """The master key of the pseudonyms: from the settings, else the embedded key file.

    Raises:
        WrongInputError: The key is not hex, or is shorter than 32 bytes.
    """
    if settings.pseudonym_key is not None:
        text = settings.pseudonym_key.get_secret_value()
    else:
        path = key_file(settings, "pseudonym.key", lambda: secrets.token_hex(MASTER_KEY_BYTES).encode())
        text = path.read_text(encoding="ascii", errors="replace")
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < MASTER_KEY_BYTES:
        raise WrongInputError(
            f"The pseudonym key is not hex of at least {MASTER_KEY_BYTES} bytes.",
            "Correct FINDPROFILE_PSEUDONYM_KEY (or the file pseudonym.key of the key folder).",
        )
    return key


def private_pem(key: PrivateKey) -> bytes:
    """A private key as unencrypted PKCS 8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
