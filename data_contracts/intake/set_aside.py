"""Files that cannot be taken at all, set aside: sealed like landing, with the reason beside them, and never lost.

Belongs here: how a file is set aside and brought back. Does not: which files those are (taking), or where they waited.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import ValidationError

from data_contracts.intake.names import name_as_delivered
from data_contracts.layers.manifests import Frozen
from data_contracts.sources.opening import opened, size_of_file
from infra.errors import FaultError, FindProfileError, RefusedError, WrongInputError
from infra.lake import Lake, file_sha256, write_text
from infra.settings import Settings
from infra.vault import open_sealed, seal_file

ID_LENGTH = 16


class SetAside(Frozen):
    """One file that was set aside: what it was, and why it could not be taken."""

    file_id: str
    sha256: str
    size_bytes: int
    delivered_as: str
    source: str
    at: dt.datetime
    reason: str
    instruction: str


def set_aside(
    settings: Settings, lake: Lake, rocu: str, file: Path, source: str, why: FindProfileError, now: dt.datetime
) -> SetAside:
    """Seal a file and its reason, and then remove it. Killed in between, it is still where it was.

    Raises:
        WrongInputError: It cannot be read, so it stays where it is.
        FaultError: It changed while it was sealed, or no space is left; it stays where it is.
    """
    size = size_of_file(file)
    with opened(file):
        digest = file_sha256(file)
    made = SetAside(
        file_id=digest[:ID_LENGTH],
        sha256=digest,
        size_bytes=size,
        delivered_as=name_as_delivered(file),
        source=source,
        at=now,
        reason=why.reason,
        instruction=why.instruction,
    )
    folder = lake.folder("set_aside", rocu)
    if not (folder / f"{digest}.age").is_file():
        seal_file(settings, file, folder / f"{digest}.age", digest)
    write_text(folder / f"{digest}.json", made.model_dump_json(indent=1))
    file.unlink()
    return made


def files_set_aside(lake: Lake, rocu: str) -> tuple[SetAside, ...]:
    """What is set aside, oldest first.

    Raises:
        FaultError: A record cannot be read.
    """
    found = []
    for path in lake.folder("set_aside", rocu).glob("*.json"):
        try:
            found.append(SetAside.model_validate_json(path.read_bytes()))
        except ValidationError:
            raise FaultError(
                f"The record {path.name} of a file set aside of {rocu} is damaged.", "Restore it from a backup."
            ) from None
    return tuple(sorted(found, key=lambda file: (file.at, file.sha256)))


def bring_back(settings: Settings, lake: Lake, rocu: str, file_id: str, folder: Path) -> Path:
    """Open a file that was set aside into a folder, and then remove what was set aside.

    Raises:
        WrongInputError: None of that id is set aside.
        RefusedError: The vault cannot be opened here, or the sealed file is not the one that was set aside.
    """
    found = next((file for file in files_set_aside(lake, rocu) if file.file_id == file_id), None)
    if found is None:
        raise WrongInputError(
            f"{rocu} has no file {file_id} set aside.", f"Give an id that findprofile inbox list --rocu {rocu} prints."
        )
    held = lake.folder("set_aside", rocu)
    # without the name that it had, in which there may be a plate; the dot says that it is still arriving
    arriving, target = folder / f".{file_id}.arriving", folder / f"{file_id}.again"
    open_sealed(settings, held / f"{found.sha256}.age", arriving)
    if file_sha256(arriving) != found.sha256:
        arriving.unlink()
        raise RefusedError(f"The sealed file {file_id} is not the one that was set aside.", "Restore it from a backup.")
    arriving.replace(target)
    (held / f"{found.sha256}.json").unlink()
    (held / f"{found.sha256}.age").unlink()
    return target
