"""The inbox of a ROCU: where files wait for the next scheduled ingest, and when they may leave it.

A file leaves the inbox only when the lake has judged its very bytes, or has set it aside because it cannot be taken:
then it lies sealed in the lake, and the copy here would be a raw VRM past the door.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.lake import Lake, file_sha256

if TYPE_CHECKING:
    from infra.settings import Settings

BATCH_ID_DIGITS = 16


def inbox_folder(settings: Settings, rocu: str) -> Path:
    """Where files for a ROCU are put."""
    return settings.root / "inbox" / rocu


def waiting_files(settings: Settings, rocu: str) -> tuple[Path, ...]:
    """The files to ingest, by name. Names that begin with a dot are still being delivered."""
    folder = inbox_folder(settings, rocu)
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")))


def clear_judged(lake: Lake, rocu: str, files: Sequence[Path]) -> tuple[Path, ...]:
    """Remove the files whose batch stands in an ingest record, whatever its verdict.

    Returns:
        The files that were removed.
    """
    from data_contracts.layers.reads import batches

    judged = {batch.batch_id for _, batch in batches(lake, rocu)}
    done = tuple(path for path in files if _digest(path)[:BATCH_ID_DIGITS] in judged)
    for path in done:
        path.unlink(missing_ok=True)
    return done


def _digest(path: Path) -> str:
    """The digest of a file; empty if it cannot be read, or is gone."""
    try:
        return file_sha256(path)
    except OSError:
        return ""
