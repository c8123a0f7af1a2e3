"""Model signatures in the OpenSSF format: a folder is signed with a local key and verified before it is used.

Belongs here: signing and verifying a folder whole. Does not: which model may be used (the audit log says that). Every
file counts, also those that the library would pass over by default.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from infra.errors import RefusedError, WrongInputError
from infra.keys import key_file, private_pem, public_pem
from infra.lake import placed
from infra.settings import Settings

_KEY_FILE = "model_signing.pem"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_RETRAIN = (
    "Do not use this model and tell governance: findprofile promote rollback or suspend takes it out of use,"
    " findprofile retrain makes another."
)
_CHANGED = re.compile(r"mismatch for '([^']+)'")  # as the library names a file


def sign_folder(settings: Settings, folder: Path, signature: Path) -> None:
    """Sign all files of a folder.

    Args:
        settings: Gives the private key, or the folder of the embedded one.
        folder: What is signed; symbolic links in it are refused.
        signature: Where the signature goes; if inside the folder, it does not count as one of its files.

    Raises:
        WrongInputError: The folder is missing or cannot be signed, or the key is not an EC private key.
        RefusedError: This process may verify only: it has a public key and no private one.
        FaultError: No space is left.
    """
    from model_signing import signing

    if not folder.is_dir():
        raise WrongInputError(f"There is no folder {folder.name} to sign.", "Check the path.")
    key, _ = _private_key(settings)
    config = signing.Config().set_hashing_config(_hashing(folder, signature)).use_elliptic_key_signer(private_key=key)
    with placed(signature) as temporary:
        try:
            config.sign(folder, temporary)
        except ValueError as error:
            raise WrongInputError(f"{folder.name} cannot be signed: {error}.", "Keep only plain files in it.") from None


def verify_folder(settings: Settings, folder: Path, signature: Path) -> None:
    """Verify that a folder holds exactly the files that were signed, by the key of the settings.

    Raises:
        RefusedError: A file was changed, added or removed, the folder or the signature is missing or not one, or it was
            made by another key.
        WrongInputError: The public key of the settings is not an EC public key.
    """
    from model_signing import verifying

    key = _public_key(settings)
    if not signature.is_file():
        raise RefusedError(f"{folder.name} has no signature.", _RETRAIN)
    if not folder.is_dir():
        raise RefusedError(f"The signed folder {folder.name} is missing.", _RETRAIN)
    _require_named_key(folder, signature)
    config = verifying.Config().set_hashing_config(_hashing(folder, signature))
    with tempfile.TemporaryDirectory() as private:
        path = Path(private) / "key.pem"
        path.write_bytes(public_pem(key))
        config.use_elliptic_key_verifier(public_key=path)
        try:
            config.verify(folder, signature)
        except InvalidSignature:
            raise RefusedError(f"The signature of {folder.name} is forged.", _RETRAIN) from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise RefusedError(f"{folder.name} does not verify: {_what_differs(error)}.", _RETRAIN) from None


def _hashing(folder: Path, signature: Path) -> Any:
    from model_signing import hashing

    inside = signature.resolve().is_relative_to(folder.resolve())
    ignored = [signature.resolve().relative_to(folder.resolve())] if inside else []
    return hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=False)


def _require_named_key(folder: Path, signature: Path) -> None:
    # without the name of its key the library would print a warning and go on
    try:
        named = json.loads(signature.read_text(encoding="utf-8"))["verificationMaterial"]["publicKey"]["hint"]
    except (ValueError, KeyError, TypeError):
        named = None
    if not named:
        raise RefusedError(f"The signature of {folder.name} is not one that can be read.", _RETRAIN)


def _what_differs(error: Exception) -> str:
    """The files that changed, where the library names any; else what it says."""
    changed = _CHANGED.findall(str(error).replace("\\'", "'"))
    if changed:
        return f"not as signed: {', '.join(changed)}"
    return str(error).strip().splitlines()[0].rstrip(". ") if str(error).strip() else type(error).__name__


def _private_key(settings: Settings) -> tuple[Path, ec.EllipticCurvePrivateKey]:
    if settings.signing_key is None and settings.signing_public_key is not None:
        raise RefusedError(
            "This process cannot sign models: it has no private key.",
            "Set FINDPROFILE_SIGNING_KEY where models are made.",
        )
    path = settings.signing_key
    if path is None:
        path = key_file(settings, _KEY_FILE, lambda: private_pem(ec.generate_private_key(ec.SECP256R1())))
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        raise WrongInputError(
            f"{path.name} is not an EC private key without a password.",
            "Set FINDPROFILE_SIGNING_KEY to a PEM file of one.",
        )
    return path, key


def _public_key(settings: Settings) -> ec.EllipticCurvePublicKey:
    path = settings.signing_public_key
    if path is None:
        return _private_key(settings)[1].public_key()
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise WrongInputError(
            f"{path.name} is not an EC public key.", "Set FINDPROFILE_SIGNING_PUBLIC_KEY to a PEM file of one."
        )
    return key
