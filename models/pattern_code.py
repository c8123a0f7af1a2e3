"""A digest of the code that decides what a row of a pattern is, what its label is, and how a model is fitted to it.

Narrower than the digest of all source (code_state): it stays the same when a plot or a command changes, and another one
means that figures of before and after are about different things. Does not belong here: running any of that code.
"""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from models.code_state import ROOT, installed_pattern_files

_ROOM = "models"
_DECIDING = ("models.labels", "models.snapshot", "models.training", "models.units", "data_contracts.layers.reads")
_LIBRARIES = ("duckdb", "ibis-framework", "lightgbm")
"""Another version of one of these may give other rows or another fit."""


def pattern_code_digest(pattern: str) -> str:
    """SHA-256 over the pattern's module, labels, snapshot, fit, reading, and all modules of this room that they import.

    The versions of the libraries that make rows and models count as well.

    Args:
        pattern: Name of a pattern; one that another distribution brings counts with all of that distribution's files.
    """
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in _LIBRARIES).encode())
    own = f"{_ROOM}.patterns.{pattern}"
    for name, path in sorted(_closure((own, *_DECIDING)).items()):
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    if _path(own) is None:
        for name, content in installed_pattern_files():
            digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _closure(modules: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += _imported(path.read_bytes())
    return found


def _path(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@lru_cache(maxsize=256)
def _imported(source: bytes) -> tuple[str, ...]:
    """Modules of this room that a source names in an import, also inside its functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names if alias.name.startswith(f"{_ROOM}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _ROOM:
            found += (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
    return tuple(found)
