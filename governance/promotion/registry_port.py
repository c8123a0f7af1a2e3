"""What governance needs of a model registry, and the check that a registered version is the one it is said to be.

The registry is not believed: its alias only shows what the audit log says, and its files are held against digests.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Protocol

from infra.errors import RefusedError, WrongInputError


class Registry(Protocol):
    """A registry of signed models. Every method raises `FaultError` when the registry does not answer."""

    def model_text(self, model: str, version: str) -> str:
        """The model's text; `NoVersionError` if there is no such version."""

    def verify_signature(self, model: str, version: str) -> None:
        """Check the signature over the version's folder; `RefusedError` if it is changed or another key's."""

    def champion_version(self, model: str) -> str | None:
        """The version that the alias `champion` names, or `None`."""

    def set_champion(self, model: str, version: str) -> None:
        """Move the alias `champion`."""

    def remove_champion(self, model: str) -> None:
        """Take the alias `champion` away."""


def require_genuine(registry: Registry, model: str, version: str, sha256: str) -> str:
    """The text of a version, once its signature and its digest hold.

    Args:
        registry: Where the version lies.
        model: The model's name.
        version: The version.
        sha256: What the digest of the text must be.

    Raises:
        RefusedError: The registry has it no more, the signature does not verify, or the text is not the one that was
            judged.
        FaultError: The registry does not answer.
        WrongInputError: A setting names a key that is none.
    """
    from models.version_files import NoVersionError

    try:
        registry.verify_signature(model, version)
        text = registry.model_text(model, version)
    except NoVersionError as missing:
        # nobody typed this version: the log has it
        raise RefusedError(
            f"{missing.reason.rstrip('.')}, but the audit log has a decision about it: it was taken away.",
            "Restore the registry from a backup, or train and promote another, and tell governance.",
        ) from missing
    if hashlib.sha256(text.encode()).hexdigest() != sha256:
        raise RefusedError(
            f"The text of {model} version {version} is not the one that the evidence is about.",
            "Do not use this version; train and promote another, and tell governance.",
        )
    return text


def split_model(model: str) -> tuple[str, str]:
    """Pattern and ROCU of a model's name, `<pattern>.<rocu>`.

    Raises:
        WrongInputError: It is not such a name.
    """
    pattern, dot, rocu = model.partition(".")
    if not pattern or not dot or not rocu or "." in rocu or "/" in model or not model.isascii():
        raise WrongInputError(f"{model!r} is not the name of a model.", "Write <pattern>.<rocu>: county_lines.nwrocu.")
    return pattern, rocu


def known_model(name: str, on: date) -> str:
    """The name of a model as the log spells it, of a pattern and a ROCU that there are; it need not have a version.

    Asks neither registry nor log: what stops a model may not wait for them.

    Raises:
        WrongInputError: There is no such pattern, or no such ROCU on that day; the message names those there are.
    """
    from data_contracts.registers.regions import require_rocu
    from models.patterns import get_pattern

    pattern, rocu = split_model(name.lower())
    return f"{get_pattern(pattern).name}.{require_rocu(rocu, on).code}"
