"""Records whose duplicates lean on reads that are accepted no more: such a duplicate would be lost.

A read is a duplicate because another one was accepted. When that one is taken back, by judging its record again, the
duplicate is the read that is left, and its own record has to be judged again. Belongs here: finding these records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import duckdb

from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.manifests import IngestRecord, PartRef
from data_contracts.layers.reads import ingest_records, read_parts, reads_relation, standing_records
from infra.engine import open_engine
from infra.lake import Lake
from infra.settings import Settings


def leaning_records(settings: Settings, lake: Lake, rocu: str, limits: IngestLimits) -> frozenset[str]:
    """Ids of standing records with duplicates, on whose days a read was taken back after they were judged.

    Only records are known, not which duplicate leans on which read, so a record may be named in vain, but then once.
    """
    records = {record.ingest_id: record for record in ingest_records(lake, rocu)}
    taken = [
        (records[old], after.sequence)
        for after in records.values()
        for old in after.supersedes
        if old in records and _accepted(records[old])
    ]
    may_lean = [
        record
        for record in standing_records(lake, rocu)
        if any(batch.duplicates for batch in record.batches) and any(after > record.sequence for _, after in taken)
    ]
    if not may_lean:
        return frozenset()
    with open_engine(settings) as connection:
        _find_gone(connection, lake, rocu, taken)
        reach = timedelta(seconds=limits.duplicate_seconds)
        return frozenset(record.ingest_id for record in may_lean if _leans(connection, record, reach))


def _accepted(record: IngestRecord) -> list[PartRef]:
    return [part for part in record.parts if part.layer == "reads"]


def _find_gone(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, taken: Sequence[tuple[IngestRecord, int]]
) -> None:
    """Make the table `gone`: times of reads that were accepted and are so no more, and the record that took them."""
    connection.execute("CREATE TABLE gone (captured_at TIMESTAMP, taken_by BIGINT)")
    for record, after in taken:
        parts = [part for part in _accepted(record) if (lake.root / part.path).is_file()]
        days = [part.date for part in parts if part.date is not None]
        if not days:
            continue
        reads_relation(connection, lake, parts, "reads_before")
        reads_relation(connection, lake, read_parts(lake, rocu, min(days), max(days)), "reads_now")
        connection.execute(
            """INSERT INTO gone
                SELECT DISTINCT captured_at, $after FROM reads_before ANTI JOIN reads_now USING (batch_id, row_no)""",
            {"after": after},
        )


def _leans(connection: duckdb.DuckDBPyConnection, record: IngestRecord, reach: timedelta) -> bool:
    days = sorted({day for batch in record.batches if batch.duplicates for day in batch.dates})
    found = connection.execute(
        """SELECT EXISTS (
            FROM gone WHERE taken_by > $sequence AND (list_contains($days, (captured_at - $reach)::DATE)
                OR list_contains($days, (captured_at + $reach)::DATE)))""",
        {"sequence": record.sequence, "days": days, "reach": reach},
    ).fetchone()
    return bool(found and found[0])
