"""What a call of ingest is about: which of its files are new, which are known, what the new one takes the place of.

Belongs here: the history of batches, landing, whether a file can take the place of another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from data_contracts.intake.names import name_as_delivered
from data_contracts.layers.manifests import BatchManifest
from data_contracts.layers.reads import ingest_records
from data_contracts.sources.inspection import Delivery
from infra.errors import RefusedError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings
from infra.vault import seal_file


@dataclass(frozen=True)
class Call:
    """The files of one call that are to be judged.

    Args:
        deliveries: The new files.
        already_known: Batch ids of the others.
        replaces: The failed batch that the new file takes the place of.
        owed: The capture days of that batch and of those that it was to replace, where any could be read.
        attempt: How often any of the new files was judged before.
        sequence: How many records the ROCU had before this one.
    """

    deliveries: tuple[Delivery, ...]
    already_known: tuple[str, ...]
    replaces: str | None
    owed: tuple[frozenset[date], ...]
    attempt: int
    sequence: int


def choose(lake: Lake, rocu: str, found: Sequence[Delivery], replaces: str | None) -> Call:
    """Tell new files from known ones.

    A file that was judged before is known, whatever its name; only with `replaces` is one that failed judged again.

    Raises:
        WrongInputError: `replaces` names no batch of the ROCU, or more than one file is given with it.
        RefusedError: `replaces` names a batch that did not fail, or that an accepted batch has replaced, or the file
            was taken before and not in that batch's place.
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
    if replaces is not None and known:
        _require_taken_for(history[known[0]], replaces)
    attempt = sum(len(history.get(batch_id, [])) for batch_id in new)
    return Call(tuple(new.values()), tuple(known), replaces, _owed(history, replaces), attempt, len(records))


def require_owed_days(call: Call, days: Collection[date]) -> None:
    """A file that is to replace a failed batch must have a capture day of it, and of those that it was to replace.

    Raises:
        WrongInputError: It has none.
    """
    for owed in call.owed:
        if owed.isdisjoint(days):
            raise WrongInputError(
                f"{name_as_delivered(call.deliveries[0].path)} has no read of {_named(owed)}, "
                f"so it cannot take the place of batch {call.replaces}.",
                "Give the corrected file of those days, or deliver this one without --replaces.",
            )


def seal_landing(settings: Settings, lake: Lake, rocu: str, deliveries: Sequence[Delivery]) -> None:
    """Seal each file into landing under its SHA-256, unless it is there."""
    for delivery in deliveries:
        target = lake.folder("landing", rocu) / f"{delivery.sha256}.age"
        if not target.is_file():
            seal_file(settings, delivery.path, target, delivery.sha256)


@contextmanager
def landing_sealed(settings: Settings, lake: Lake, rocu: str, deliveries: Sequence[Delivery]) -> Iterator[None]:
    """Seal each file into landing while the block is at work; when the block has ended well, all are sealed.

    Raises:
        FaultError: No space is left, or a file is not (any longer) the one that was looked at.
    """
    with ThreadPoolExecutor(1) as pool:
        sealing = pool.submit(seal_landing, settings, lake, rocu, deliveries)
        yield
        sealing.result()


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


def _require_taken_for(judged: Sequence[BatchManifest], replaces: str) -> None:
    """A file that is known has the place that it was delivered for: giving it once more does not give it another."""
    if judged[-1].batch_id == replaces:
        raise RefusedError(
            f"The file is batch {replaces} itself, and it was accepted: nothing has to take its place.",
            "Nothing is to be done: its reads are in the lake.",
        )
    if replaces not in [batch.replaces for batch in judged]:
        raise RefusedError(
            f"The file is known as batch {judged[-1].batch_id}, which was not delivered in the place of {replaces}.",
            f"Have a corrected file of {replaces} sent and give that one: rows that are there already count once.",
        )


def _owed(history: dict[str, list[BatchManifest]], replaces: str | None) -> tuple[frozenset[date], ...]:
    followed: list[str] = []
    waiting = [replaces]
    while waiting:
        batch_id = waiting.pop()
        if batch_id is not None and batch_id not in followed:
            followed.append(batch_id)
            waiting += [batch.replaces for batch in history.get(batch_id, [])]
    days = (frozenset(history[batch_id][-1].dates) for batch_id in followed if batch_id in history)
    return tuple(found for found in days if found)


def _named(days: frozenset[date]) -> str:
    first, last = min(days), max(days)
    return str(first) if first == last else f"any of the {len(days)} days from {first} to {last}"
