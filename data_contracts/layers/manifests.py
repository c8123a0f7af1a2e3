"""What an ingest leaves behind as its record: batches, their verdicts, and the parts that they became.

The record is the commit point: it is placed last, and a part that no record names does not exist for any reader.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Layer = Literal["reads", "quarantine", "dispositions", "camera_hours", "rule_counts", "notes"]
Verdict = Literal["passed", "passed_with_quarantine", "failed"]


class Frozen(BaseModel):
    """Base of the records here: frozen and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PartRef(Frozen):
    """One Parquet file of a layer. `path` is relative to the lake's root; `date` is the UTC day of capture (reads)."""

    layer: Layer
    path: str
    sha256: str
    rows: int
    date: dt.date | None = None


class BatchManifest(Frozen):
    """One delivered file: what it was, what became of its rows, and the verdict with its reasons.

    `rows = accepted + quarantined + duplicates`, always. `batch_id` is the start of `sha256`, the digest of the file as
    it came. `rules` counts the rows that broke each rule, warnings included. `dates` are the UTC days of capture in it.
    `repeats` says of a batch that for the most part was delivered before, which batches have how many of its rows.
    """

    batch_id: str
    sha256: str
    size_bytes: int
    delivered_as: str
    source: str
    rows: int
    accepted: int
    quarantined: int
    duplicates: int
    rules: dict[str, int]
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    dates: tuple[dt.date, ...] = ()
    replaces: str | None = None
    repeats: dict[str, int] = Field(default_factory=dict)


class IngestRecord(Frozen):
    """One call of ingest: every batch in it, every part it made, and what judged it.

    `sequence` counts the ROCU's records before it, so that records have an order even when they carry one time. A
    record that judges known files again names in `supersedes` the records whose place it takes, and in `reason` why:
    their parts are read no more, their verdicts stay. `source_said` is the source as JSON, to read the files again by.
    """

    ingest_id: str
    sequence: int = 0
    rocu: str
    ingested_at: dt.datetime
    contract_version: str
    contract_digest: str
    register_digest: str
    source_digest: str
    batches: tuple[BatchManifest, ...]
    parts: tuple[PartRef, ...]
    supersedes: tuple[str, ...] = ()
    reason: str | None = None
    source_said: str | None = None


class DispositionRecord(Frozen):
    """One delivered file of findings: its manifest and its parts (accepted and quarantined)."""

    rocu: str
    loaded_at: dt.datetime
    contract_version: str
    contract_digest: str
    source_digest: str
    batch: BatchManifest
    parts: tuple[PartRef, ...]
