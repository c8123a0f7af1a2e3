"""What a call of ingest is about: which of its files are new, which are known, what the new one takes the place of.

Belongs here: the history of batches, landing, the name that a file may be remembered by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_contracts.manifests import BatchManifest
from data_contracts.plates import reads_as_plate
from data_contracts.reads import ingest_records
from data_contracts.sources.inspection import Delivery
from infra.errors import RefusedError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings
from infra.vault import seal_file

NAME_WITHHELD = "(name withheld)"


@dataclass(frozen=True)
class Call:
    """The files of one call that are to be judged.

    Args:
        deliveries: The new files.
        already_known: Batch ids of the others.
        replaces: The failed batch that the new file takes the place of.
        attempt: How often any of the new files was judged before.
        sequence: How many records the ROCU had before this one.
    """

    deliveries: tuple[Delivery, ...]
    already_known: tuple[str, ...]
    replaces: str | None
    attempt: int
    sequence: int


def choose(lake: Lake, rocu: str, found: Sequence[Delivery], replaces: str | None) -> Call:
    """Tell new files from known ones.

    A file that was judged before is known, whatever its name; only with `replaces` is one that failed judged again.

    Raises:
        WrongInputError: `replaces` names no batch of the ROCU, or more than one file is given with it.
        RefusedError: `replaces` names a batch that did not fail, or that an accepted batch has replaced.
    """
    history: dict[str, list[BatchManifest]] = {}
    records = ingest_records(lake, rocu)
    for batch in (batch for record in records for batch in record.batches):
        history.setdefault(batch.batch_id, []).append(batch)
    if replaces is not None:
        _require_known(rocu, history, found, replaces)
    new: dict[str, Delivery] = {}
    known: list[str] = []
    for delivery in found:
        earlier = history.get(delivery.batch_id)
        again = replaces is not None and earlier is not None and earlier[-1].verdict == "failed"
        if delivery.batch_id in new or (earlier is not None and not again):
            known.append(delivery.batch_id)
        else:
            new[delivery.batch_id] = delivery
    if replaces is not None and new:
        _require_standing(history, replaces)
    attempt = sum(len(history.get(batch_id, [])) for batch_id in new)
    return Call(tuple(new.values()), tuple(known), replaces, attempt, len(records))


def seal_landing(settings: Settings, lake: Lake, rocu: str, deliveries: Sequence[Delivery]) -> None:
    """Seal each file into landing under its SHA-256, unless it is there."""
    for delivery in deliveries:
        target = lake.folder("landing", rocu) / f"{delivery.sha256}.age"
        if not target.is_file():
            seal_file(settings, delivery.path, target)


def name_as_delivered(path: Path) -> str:
    """The file's name, unless a number plate could be read in it."""
    return NAME_WITHHELD if reads_as_plate(path.name) else path.name


def _require_known(
    rocu: str, history: dict[str, list[BatchManifest]], found: Sequence[Delivery], replaces: str
) -> None:
    if len(found) != 1:
        raise WrongInputError(
            f"{len(found)} files are given to replace one batch.", "Give the one file that takes its place."
        )
    if replaces not in history:
        raise WrongInputError(
            f"{rocu} has no batch {replaces} to replace.", "Give the id of the failed batch, as ingest printed it."
        )


def _require_standing(history: dict[str, list[BatchManifest]], replaces: str) -> None:
    if history[replaces][-1].verdict != "failed":
        raise RefusedError(
            f"Batch {replaces} was accepted; nothing has to take its place.", "Deliver the file without --replaces."
        )
    taken = [batch.batch_id for judged in history.values() for batch in judged if batch.replaces == replaces]
    accepted = [batch_id for batch_id in taken if history[batch_id][-1].verdict != "failed"]
    if accepted:
        raise RefusedError(
            f"Batch {replaces} has been replaced by {accepted[0]} already.", "Deliver the file without --replaces."
        )
