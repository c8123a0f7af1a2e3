"""The seal of a day's share: what its files were when they were made, under a key that is not in the lake.

A name says what a share should hold; only the seal says that it holds it. It covers the place as well, so that a whole
share of another day does not pass for this one. Each key has shares of its own. Belongs here: sealing and holding
against a seal. Does not: what a share is (`models.days`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import RefusedError
from infra.keys import MASTER_KEY_BYTES, key_file
from infra.lake import Lake, file_sha256
from infra.settings import Settings

SEAL = "seal"
_KEY_NAME = "days.key"


@dataclass(frozen=True)
class KeptDays:
    """Whose days are kept, under which key, and who is told of a share that was changed."""

    rocu: str
    key: bytes = field(repr=False)
    tell: Callable[[str], None]

    @property
    def key_id(self) -> str:
        """Names the key: shares under another are not this machine's."""
        return hashlib.sha256(b"days\n" + self.key).hexdigest()[:8]

    def seal(self, lake: Lake, share: Path, files: Path, names: Sequence[str]) -> None:
        """Write the seal of a share into the folder `files`, from which it is put in place as `share`."""
        (files / SEAL).write_text(self._seal(lake, share, files, names), encoding="ascii")

    def is_whole(self, lake: Lake, share: Path, names: Sequence[str]) -> bool:
        """Whether a share holds what it held when it was made: these files, each to the byte, at this place."""
        try:
            said = (share / SEAL).read_text(encoding="ascii", errors="replace")
            return hmac.compare_digest(said.encode(), self._seal(lake, share, share, names).encode())
        except OSError:
            return False

    def _seal(self, lake: Lake, share: Path, files: Path, names: Sequence[str]) -> str:
        held = [f"{name} {file_sha256(files / f'{name}.parquet')}" for name in sorted(names)]
        said = "\n".join([lake.relative(share), *held])
        return hmac.new(self.key, said.encode(), hashlib.sha256).hexdigest()


def kept_days(settings: Settings, rocu: str, tell: Callable[[str], None] | None = None) -> KeptDays:
    """The kept days of a ROCU, under the key of this machine, which is made if there is none.

    Raises:
        RefusedError: The key can be read by others than its owner, or has not its length.
    """
    path = key_file(settings, _KEY_NAME, lambda: secrets.token_bytes(MASTER_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != MASTER_KEY_BYTES:
        raise RefusedError(
            f"The key {path.name} has {len(key)} bytes, not {MASTER_KEY_BYTES}.",
            "Restore it from a backup, or remove it: a new one is made, and all kept days with it.",
        )
    return KeptDays(rocu, key, tell or _to_nobody)


def _to_nobody(_: str) -> None:
    return None
