"""Readers of the reads layer: which parts there are, what failed, and the parts as one relation.

Only what an ingest record names is read; files left by an ingest that was stopped are invisible here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb
from pydantic import ValidationError

from data_contracts.layers.manifests import BatchManifest, IngestRecord, Layer, PartRef
from infra.engine import parquet_list
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake

RECORDS_KEPT = 20_000  # parsed once in a process: a record does not change once it is placed
READS_COLUMNS = {
    "batch_id": "VARCHAR",
    "row_no": "BIGINT",
    "vehicle": "VARCHAR",
    "plate_format": "VARCHAR",
    "plate_repaired": "BOOLEAN",
    "captured_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    "camera_id": "VARCHAR",
    "site_id": "VARCHAR",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "force": "VARCHAR",
    "confidence": "DOUBLE",
    "motion_toward_camera": "BOOLEAN",
    "feed_id": "VARCHAR",
    "source_id": "VARCHAR",
    "contract_version": "VARCHAR",
}


def ingest_records(lake: Lake, rocu: str) -> tuple[IngestRecord, ...]:
    """All ingest records of a ROCU, oldest first.

    Raises:
        FaultError: A record cannot be read.
    """
    records = []
    for path in sorted(lake.folder("ingests", rocu).glob("*.json")):
        try:
            said = path.stat()
            records.append(_record(path, said.st_mtime_ns, said.st_ctime_ns, said.st_size, said.st_ino))
        except ValidationError as error:
            raise FaultError(
                f"The ingest record {path.name} of {rocu} is damaged ({error.error_count()} faults).",
                "Restore it from a backup; nothing else has to be touched.",
            ) from None
    return tuple(sorted(records, key=lambda record: (record.sequence, record.ingested_at, record.ingest_id)))


@lru_cache(maxsize=RECORDS_KEPT)
def _record(path: Path, *_: int) -> IngestRecord:
    """A record as it stands in its file; the numbers are another's when the file is."""
    return IngestRecord.model_validate_json(path.read_bytes())


def standing_records(lake: Lake, rocu: str, without: Collection[str] = ()) -> tuple[IngestRecord, ...]:
    """The records whose parts are read: those that no later record supersedes.

    Args:
        lake: Where the records are.
        rocu: Code of the ROCU, lower case.
        without: Ids of records to be left out, because their place is about to be taken.
    """
    records = ingest_records(lake, rocu)
    superseded = {ingest_id for record in records for ingest_id in record.supersedes} | set(without)
    return tuple(record for record in records if record.ingest_id not in superseded)


def layer_parts(lake: Lake, rocu: str, layer: Layer) -> tuple[PartRef, ...]:
    """The parts of a layer that standing records name, sorted by path."""
    parts = (part for record in standing_records(lake, rocu) for part in record.parts if part.layer == layer)
    return tuple(sorted(parts, key=lambda part: part.path))


def layer_parts_of_days(lake: Lake, rocu: str, layer: Layer, start: date, end: date) -> tuple[PartRef, ...]:
    """Those of standing records with a batch that has, or may have, a capture day in the span; sorted by path."""
    parts = (
        part
        for record in standing_records(lake, rocu)
        if any(touches(batch, start, end) for batch in record.batches)
        for part in record.parts
        if part.layer == layer
    )
    return tuple(sorted(parts, key=lambda part: part.path))


def batches(lake: Lake, rocu: str) -> tuple[tuple[IngestRecord, BatchManifest], ...]:
    """Every batch ever judged, in the order of judging, each with its record. A batch judged twice is in it twice."""
    return tuple((record, batch) for record in ingest_records(lake, rocu) for batch in record.batches)


def find_batch(lake: Lake, rocu: str, batch_id: str) -> tuple[IngestRecord, BatchManifest]:
    """The latest judgement of one batch.

    Raises:
        WrongInputError: The ROCU has no batch of that name.
    """
    for record, batch in reversed(batches(lake, rocu)):
        if batch.batch_id == batch_id:
            return record, batch
    raise WrongInputError(
        f"{rocu} has no batch {batch_id}.", "Give the batch id that ingest printed: the first 16 digits of its SHA-256."
    )


def read_parts(lake: Lake, rocu: str, start: date, end: date, without: Collection[str] = ()) -> tuple[PartRef, ...]:
    """The parts of accepted reads captured from `start` to `end` (UTC days, both inclusive), sorted by path."""
    parts = (
        part
        for record in standing_records(lake, rocu, without)
        for part in record.parts
        if part.layer == "reads" and part.date is not None and start <= part.date <= end
    )
    return tuple(sorted(parts, key=lambda part: part.path))


def read_parts_of_days(
    lake: Lake, rocu: str, days: Collection[date], without: Collection[str] = ()
) -> tuple[PartRef, ...]:
    """The parts of accepted reads captured on any of these UTC days, sorted by path."""
    if not days:
        return ()
    return tuple(part for part in read_parts(lake, rocu, min(days), max(days), without) if part.date in days)


def superseded_parts(lake: Lake, rocu: str) -> tuple[PartRef, ...]:
    """The parts of accepted reads that no standing record names, as far as they are still there, sorted by path."""
    standing = {record.ingest_id for record in standing_records(lake, rocu)}
    parts = (
        part
        for record in ingest_records(lake, rocu)
        if record.ingest_id not in standing
        for part in record.parts
        if part.layer == "reads" and (lake.root / part.path).is_file()
    )
    return tuple(sorted(parts, key=lambda part: part.path))


def contract_versions(lake: Lake, rocu: str, parts: Sequence[PartRef]) -> tuple[str, ...]:
    """Versions of the contracts that judged these parts, sorted."""
    wanted = {part.path for part in parts}
    found = {
        record.contract_version
        for record in ingest_records(lake, rocu)
        if any(part.path in wanted for part in record.parts)
    }
    return tuple(sorted(found))


def parts_digest(parts: Iterable[PartRef]) -> str:
    """One SHA-256 that names the content of these parts, whatever their order."""
    return hashlib.sha256("\n".join(sorted(part.sha256 for part in parts)).encode()).hexdigest()


def reads_relation(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], name: str = "reads"
) -> duckdb.DuckDBPyRelation:
    """Make the parts one temporary view with the columns of `READS_COLUMNS`; without parts it is empty.

    Raises:
        FaultError: A part that a record names is not there.
    """
    paths = require_parts(lake, parts)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {_select(tuple(map(str, paths)))}")
    return connection.table(name)


def require_parts(lake: Lake, parts: Sequence[PartRef]) -> tuple[Path, ...]:
    """Where the parts lie, in their order.

    Raises:
        FaultError: A part that a record names is not there.
    """
    paths = tuple(lake.root / part.path for part in parts)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FaultError(
            f"{len(missing)} parts of the {parts[0].layer} layer are missing, the first is {missing[0]}.",
            "Restore the lake from a backup, or ingest the landing files into a new home.",
        )
    return paths


def standing_batches(lake: Lake, rocu: str) -> tuple[tuple[IngestRecord, BatchManifest], ...]:
    """Every batch once, in the judgement that holds, with its record, in the order of judging.

    A failed batch that was delivered again is in two standing records; the later judgement holds.
    """
    latest: dict[str, tuple[IngestRecord, BatchManifest]] = {}
    for record in standing_records(lake, rocu):
        for batch in record.batches:
            latest.pop(batch.batch_id, None)
            latest[batch.batch_id] = (record, batch)
    return tuple(latest.values())


def replaced_batches(lake: Lake, rocu: str) -> dict[str, str]:
    """Failed batches in whose place another was accepted, also over several attempts, with the id of that one.

    A failed attempt at a batch's place stands no longer than that batch, if what took the place has all its days.
    """
    followers: dict[str, set[str]] = {}
    leaders: dict[str, set[str]] = {}
    for _, batch in batches(lake, rocu):
        if batch.replaces is not None:
            followers.setdefault(batch.replaces, set()).add(batch.batch_id)
            leaders.setdefault(batch.batch_id, set()).add(batch.replaces)
    standing = {batch.batch_id: batch for _, batch in standing_batches(lake, rocu)}
    failed = {batch_id: batch.verdict == "failed" for batch_id, batch in standing.items()}
    taken = {batch_id: _accepted_after(batch_id, followers, failed) for batch_id in failed if failed[batch_id]}
    for attempt in [batch_id for batch_id, by in taken.items() if by is None]:
        by = _accepted_after(attempt, _joined(leaders, followers), failed)
        if by is not None and set(standing[attempt].dates) <= set(standing[by].dates):
            taken[attempt] = by
    return {batch_id: by for batch_id, by in taken.items() if by is not None}


def _joined(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {batch_id: one.get(batch_id, set()) | other.get(batch_id, set()) for batch_id in {*one, *other}}


def standing_failures(lake: Lake, rocu: str, start: date, end: date) -> tuple[BatchManifest, ...]:
    """Failed batches with a capture day in the span that no accepted batch has replaced.

    A failed batch in which no capture time could be read stands in the way of every day. The judgement that holds
    counts: judged again, a batch may come to stand in the way, or stand so no longer.
    """
    replaced = replaced_batches(lake, rocu)
    return tuple(
        batch
        for _, batch in standing_batches(lake, rocu)
        if batch.verdict == "failed" and batch.batch_id not in replaced and touches(batch, start, end)
    )


def touches(batch: BatchManifest, start: date, end: date) -> bool:
    """Whether a batch has a capture day in the span; one without any readable capture time may be of every day."""
    return not batch.dates or any(start <= day <= end for day in batch.dates)


def _accepted_after(batch_id: str, followers: dict[str, set[str]], failed: dict[str, bool]) -> str | None:
    seen, waiting = {batch_id}, sorted(followers.get(batch_id, ()))
    while waiting:
        following = waiting.pop(0)
        if following in seen:
            continue
        if not failed.get(following, True):
            return following
        seen.add(following)
        waiting += sorted(followers.get(following, ()))
    return None


def _select(paths: tuple[str, ...]) -> str:
    if not paths:
        columns = ", ".join(f"NULL::{kind} AS {column}" for column, kind in READS_COLUMNS.items())
        return f"SELECT {columns} WHERE false"
    return f"SELECT {', '.join(READS_COLUMNS)} FROM read_parquet({parquet_list(paths)}, hive_partitioning = false)"
