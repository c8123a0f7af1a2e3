"""Which code is running: the commit, whether it was changed since, and a digest of the source that decides a model."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[1]
_DECIDING = ("models", "data_contracts", "infra")
PATTERN_GROUP = "find_and_profile.patterns"
"""The entry point group of patterns from other distributions: their source decides a model too."""


class CodeState(BaseModel):
    """The code of a run. `commit` is `None` outside a git checkout; `dirty` means changed since that commit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str | None
    dirty: bool
    source_digest: str

    @property
    def label(self) -> str:
        """The commit, with the source digest added when the commit alone does not say what ran."""
        if self.commit and not self.dirty:
            return self.commit
        return f"{self.commit or 'unversioned'}+{self.source_digest[:12]}"


def code_state() -> CodeState:
    """Look at the checkout and the source files as they are now."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return CodeState(commit=commit, dirty=bool(changed), source_digest=_source_digest())


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in _DECIDING:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".yaml", ".sql") and path.is_file():
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    for name, content in installed_pattern_files():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def installed_pattern_files() -> Iterator[tuple[str, bytes]]:
    """Name and version of each distribution that offers patterns, and its Python files with their content."""
    found = {point.dist.name: point.dist for point in entry_points(group=PATTERN_GROUP) if point.dist is not None}
    for name, distribution in sorted(found.items()):
        yield f"{name} {distribution.version}", b""
        for file in sorted(distribution.files or (), key=str):
            path = Path(str(distribution.locate_file(file)))
            if path.suffix == ".py" and path.is_file():
                yield f"{name}/{file}", path.read_bytes()
