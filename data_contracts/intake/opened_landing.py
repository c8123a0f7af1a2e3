"""Sealed landing files opened for judging again: in anonymous memory, never on a disk.

Each file is the content of a memory file of this process, which ends with it; what lies in the working folder is a
link to it under the name that it was delivered as. Belongs here: opening, and that the content is what was sealed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data_contracts.layers.manifests import BatchManifest
from infra.errors import FaultError, RefusedError
from infra.lake import Lake, file_sha256
from infra.settings import Settings
from infra.vault import open_sealed_into
from infra.wording import counted

_OTHER_FILES = 1000


def require_landed(lake: Lake, rocu: str, batches: Sequence[BatchManifest]) -> None:
    """Refuse unless the sealed file of every batch is there.

    Raises:
        RefusedError: Names batches whose file is not.
    """
    missing = [batch for batch in batches if not _landing(lake, rocu, batch).is_file()]
    if missing:
        named = ", ".join(f"{batch.batch_id} ({batch.delivered_as})" for batch in missing[:5])
        raise RefusedError(
            f"{counted(len(missing), 'batch', 'batches')} cannot be judged again: the files are no longer in landing: "
            f"{named}.",
            "Restore the files from a backup, or name a span of days without these batches.",
        )


@contextmanager
def opened_landing(
    settings: Settings, lake: Lake, rocu: str, batches: Sequence[BatchManifest], folder: Path
) -> Iterator[tuple[Path, ...]]:
    """Give the files of the batches as they were delivered, for the length of the block.

    Args:
        settings: Gives the vault's private key.
        lake: Where landing is.
        rocu: Code of the ROCU, lower case.
        batches: Whose files.
        folder: Where the links may lie; made if it is not there.

    Yields:
        One path for each batch, in order, good in this process only. Their content takes as much memory as the files.

    Raises:
        RefusedError: This process has no private key, or a file is not the one that was delivered.
        FaultError: There are more files than this process may hold open.
    """
    _allow_open_files(len(batches))
    with ExitStack() as held:
        yield tuple(_open(settings, _landing(lake, rocu, batch), batch, folder, held) for batch in batches)


def _open(settings: Settings, sealed: Path, batch: BatchManifest, folder: Path, held: ExitStack) -> Path:
    memory = held.enter_context(os.fdopen(os.memfd_create("landing", os.MFD_CLOEXEC), "w+b"))
    open_sealed_into(settings, sealed, memory)
    memory.flush()
    link = folder / batch.batch_id / batch.delivered_as
    link.parent.mkdir(parents=True)
    link.symlink_to(f"/proc/self/fd/{memory.fileno()}")
    if file_sha256(link) != batch.sha256:
        raise RefusedError(
            f"The landing file of batch {batch.batch_id} is not the file that was delivered: its SHA-256 differs.",
            "Restore it from a backup; the judgement that stands was left as it is.",
        )
    return link


def _landing(lake: Lake, rocu: str, batch: BatchManifest) -> Path:
    return lake.folder("landing", rocu) / f"{batch.sha256}.age"


def _allow_open_files(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = files + _OTHER_FILES
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise FaultError(
            f"{files} files were ingested together, more than this process may hold open ({hard}).",
            f"Raise the limit of open files to {needed} (ulimit -Hn) and run the same command again.",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
