"""What each camera sent in each hour, from the lake: the layer camera_hours, and reads where a record has none.

Belongs here: which rows count. All that a camera sent counts, accepted, rejected or doubled: a camera that sends
rubbish is not silent. What was delivered again counts once. Does not: the grid (lake_counts).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from data_contracts.health.counts import EPOCH
from data_contracts.layers.camera_hours import camera_hours_relation
from data_contracts.layers.manifests import BatchManifest, IngestRecord
from data_contracts.layers.reads import reads_relation, standing_batches, standing_records
from infra.lake import Lake


def sent_hours(connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, retention_days: int) -> tuple[str, ...]:
    """Make the view `sent_hours`: camera_id, hour, sent; of records without the layer, accepted reads.

    Rows that were rejected with a time before all that may be kept do not count: lakes of earlier versions have them.

    Returns:
        What had to be left out, in sentences.
    """
    _all_hours(connection, lake, rocu)
    oldest = _oldest(connection, retention_days)
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW sent_hours AS
            SELECT camera_id, hour, (sum(accepted) + sum(if(again, 0, duplicates))
                + greatest(sum(if(again, 0, rejected)), max(if(again, rejected, 0))))::BIGINT AS sent
            FROM (SELECT camera_id, hour, batch_id, again, sum(accepted) AS accepted, sum(rejected) AS rejected,
                    sum(duplicates) AS duplicates
                FROM all_hours WHERE hour >= TIMESTAMP '{oldest}' GROUP BY ALL)
            GROUP BY camera_id, hour"""
    )
    rows, cameras = connection.execute(
        "SELECT coalesce(sum(rejected), 0)::BIGINT, count(DISTINCT camera_id) FROM all_hours WHERE hour < ?", [oldest]
    ).fetchone() or (0, 0)
    if not rows:
        return ()
    return (
        f"{rows:,} rejected rows of {cameras} cameras from before {oldest:%Y-%m-%d}, older than reads are kept, "
        "do not count.",
    )


def _all_hours(connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str) -> None:
    """Make the view `all_hours`; `again` marks hours of batches that for the most part were delivered before."""
    camera_hours_relation(connection, lake, rocu)
    older = [record for record in standing_records(lake, rocu) if not _has_layer(record)]
    reads_relation(connection, lake, [p for r in older for p in r.parts if p.layer == "reads"], "reads_without_hours")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE delivered_again (part VARCHAR, batch_id VARCHAR, left_out BOOLEAN)"
    )
    found = _delivered_again(lake, rocu)
    connection.execute(
        "INSERT INTO delivered_again SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BOOLEAN[])",
        [[part for part, _, _ in found], [batch_id for _, batch_id, _ in found], [out for _, _, out in found]],
    )
    connection.execute(
        """CREATE OR REPLACE TEMP VIEW all_hours AS
            SELECT camera_id, hour, batch_id, left_out IS NOT NULL AS again, accepted, rejected, duplicates
            FROM camera_hours LEFT JOIN delivered_again USING (part, batch_id) WHERE left_out IS NOT true
            UNION ALL
            SELECT camera_id, date_trunc('hour', captured_at) AS hour, batch_id, false AS again,
                count(*) AS accepted, 0 AS rejected, 0 AS duplicates
            FROM reads_without_hours GROUP BY ALL"""
    )


def _oldest(connection: duckdb.DuckDBPyConnection, retention_days: int) -> datetime:
    """Back to when hours count (UTC): to the oldest accepted read, or as long before the newest as reads are kept."""
    accepted, newest = connection.execute(
        """SELECT min(hour) FILTER (accepted > 0), coalesce(max(hour) FILTER (accepted > 0), max(hour))
            FROM all_hours"""
    ).fetchone() or (None, None)
    if newest is None:
        return EPOCH.replace(tzinfo=None)
    kept: datetime = newest - timedelta(days=retention_days)
    return min(kept, accepted or kept)


def _has_layer(record: IngestRecord) -> bool:
    return any(part.layer == "camera_hours" for part in record.parts)


def _delivered_again(lake: Lake, rocu: str) -> list[tuple[str, str, bool]]:
    """What was delivered before, as path of the part, id of the batch, and whether nothing of it counts.

    A file may be delivered again under its own content, then only its judgement that holds counts; and a failed batch
    does not count beside the other one that was delivered in its place. Of a batch that repeats others, rows that they
    gave already do not count.
    """
    standing = standing_batches(lake, rocu)
    holding = {(record.ingest_id, batch.batch_id) for record, batch in standing}
    followed = {batch.replaces for _, batch in standing if batch.replaces != batch.batch_id}

    def nothing_counts(record: IngestRecord, batch: BatchManifest) -> bool:
        replaced = batch.verdict == "failed" and batch.batch_id in followed
        return replaced or (record.ingest_id, batch.batch_id) not in holding

    return [
        (str(lake.root / part.path), batch.batch_id, nothing_counts(record, batch))
        for record in standing_records(lake, rocu)
        for part in record.parts
        for batch in record.batches
        if part.layer == "camera_hours" and (batch.repeats or nothing_counts(record, batch))
    ]
