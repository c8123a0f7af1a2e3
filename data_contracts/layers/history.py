"""The history of a ROCU's batches: every judgement of each, which of them stands, and which came before which.

Belongs here: choosing and ordering judgements. Does not: their counts by camera or force (`batch_counts`), looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from data_contracts.layers.manifests import BatchManifest, IngestRecord
from data_contracts.layers.reads import ingest_records
from infra.errors import WrongInputError
from infra.lake import Lake


@dataclass(frozen=True)
class Judged:
    """One judgement of one batch.

    Args:
        record: The record of the call that judged it.
        batch: What became of it.
        superseded_by: Id of the later record whose judgement of this batch counts; None if this one stands.
    """

    record: IngestRecord
    batch: BatchManifest
    superseded_by: str | None = None

    @property
    def stands(self) -> bool:
        """Whether this is the judgement that counts."""
        return self.superseded_by is None

    @property
    def page_name(self) -> str:
        """Name of its page of Data Docs: a batch that is judged again gets another page."""
        return f"{self.batch.batch_id}.{self.record.ingest_id}.html"


def judgements(lake: Lake, rocu: str) -> tuple[Judged, ...]:
    """Every judgement of every batch, in the order of judging; the last one of a batch stands."""
    records = ingest_records(lake, rocu)
    latest = {batch.batch_id: record.ingest_id for record in records for batch in record.batches}
    return tuple(
        Judged(record, batch, None if latest[batch.batch_id] == record.ingest_id else latest[batch.batch_id])
        for record in records
        for batch in record.batches
    )


def in_span(judged: Sequence[Judged], start: date, end: date) -> tuple[Judged, ...]:
    """Those with a day of capture in the span; a batch in which none could be read has the day of its judgement."""
    return tuple(one for one in judged if any(start <= day <= end for day in days_of(one)))


def days_of(judged: Judged) -> tuple[date, ...]:
    """Days of capture, or, where none could be read, the day of judgement."""
    return judged.batch.dates or (judged.record.ingested_at.date(),)


def of_batch(judged: Sequence[Judged], rocu: str, batch_id: str) -> tuple[Judged, ...]:
    """The judgements of one batch, oldest first.

    Raises:
        WrongInputError: The ROCU has no batch of that name.
    """
    found = tuple(one for one in judged if one.batch.batch_id == batch_id)
    if not found:
        raise WrongInputError(
            f"{rocu} has no batch {batch_id}.", f"Give one of those that `findprofile batches list --rocu {rocu}` has."
        )
    return found


def around(judged: Sequence[Judged], batch_id: str, most: int) -> tuple[Judged, ...]:
    """Standing judgements by first day of capture: the `most` up to this batch, with later ones if there are fewer."""
    standing = _by_day(judged)
    place = next(number for number, one in enumerate(standing) if one.batch.batch_id == batch_id)
    end = max(place + 1, min(most, len(standing)))
    return standing[max(0, end - most) : end]


def latest(judged: Sequence[Judged], most: int) -> tuple[Judged, ...]:
    """Standing judgements by first day of capture: the last `most`."""
    return _by_day(judged)[-most:]


def _by_day(judged: Sequence[Judged]) -> tuple[Judged, ...]:
    return tuple(
        sorted(
            (one for one in judged if one.stands),
            key=lambda one: (days_of(one)[0], one.record.sequence, one.batch.delivered_as, one.batch.batch_id),
        )
    )
