"""Counts of what each camera sent, from the lake: the layer camera_hours, and reads where a record has no such layer.

Belongs here: which rows count. All that a camera sent counts, accepted, rejected or doubled: a camera that sends
rubbish is not silent. A failed batch that was delivered again counts once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np

from data_contracts.camera_hours import camera_hours_relation
from data_contracts.cameras import RegisterRef, register_table
from data_contracts.health.counts import HOUR, Counts, counts_of
from data_contracts.manifests import IngestRecord
from data_contracts.reads import reads_relation, standing_batches, standing_records
from infra.lake import Lake

ZONE = "Europe/London"


def lake_counts(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, register: RegisterRef, until: date
) -> Counts:
    """Hourly counts of a ROCU's cameras from the first read to the end of a day (UTC)."""
    sent_hours(connection, lake, rocu)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time())
    rows = connection.execute(
        """SELECT camera_id, epoch(hour)::BIGINT AS second, sum(sent)::BIGINT AS n FROM sent_hours
            WHERE hour < ? GROUP BY ALL ORDER BY ALL""",
        [end],
    ).fetchnumpy()
    register_table(connection, lake, register)
    told = connection.execute(
        """SELECT camera_id, max_by(site_id, valid_from), epoch(max(coalesce(valid_to, TIMESTAMP '9999-01-01')))
            FROM register GROUP BY camera_id"""
    ).fetchall()
    sites = {camera: site for camera, site, _ in told}
    ends = {camera: last for camera, _, last in told}
    cameras, number = np.unique(np.asarray(rows["camera_id"], dtype=str), return_inverse=True)
    newest = int(rows["second"].max()) + HOUR if len(rows["second"]) else 0
    names = [str(camera) for camera in cameras]
    site_of = [sites.get(name, name) for name in names]
    stop = min(int(end.replace(tzinfo=UTC).timestamp()), newest)
    counts = counts_of(names, number, np.asarray(rows["second"]), np.asarray(rows["n"]), HOUR, ZONE, site_of, stop)
    last = [min((ends.get(name, 1e18) - counts.start) // HOUR, counts.bins) for name in names]
    return replace(counts, last=np.maximum(np.asarray(last, dtype=np.float64), 0).astype(np.int64))


def sent_hours(connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str) -> None:
    """Make the view `sent_hours`: camera_id, hour, sent, batch_id; of records without the layer, accepted reads."""
    camera_hours_relation(connection, lake, rocu)
    older = [record for record in standing_records(lake, rocu) if not _has_layer(record)]
    reads_relation(connection, lake, [p for r in older for p in r.parts if p.layer == "reads"], "reads_without_hours")
    connection.execute("CREATE OR REPLACE TEMP TABLE delivered_again (part VARCHAR, batch_id VARCHAR)")
    parts, batch_ids = _delivered_again(lake, rocu)
    connection.execute(
        "INSERT INTO delivered_again SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", [parts, batch_ids]
    )
    connection.execute(
        """CREATE OR REPLACE TEMP VIEW sent_hours AS
            SELECT camera_id, hour, accepted + rejected + duplicates AS sent, batch_id FROM camera_hours
            ANTI JOIN delivered_again USING (part, batch_id)
            UNION ALL
            SELECT camera_id, date_trunc('hour', captured_at) AS hour, count(*) AS sent, batch_id
            FROM reads_without_hours GROUP BY ALL"""
    )


def _has_layer(record: IngestRecord) -> bool:
    return any(part.layer == "camera_hours" for part in record.parts)


def _delivered_again(lake: Lake, rocu: str) -> tuple[list[str], list[str]]:
    """What does not count of the layer, as paths of parts and ids of batches.

    A file may be delivered again under its own content, then only its judgement that holds counts; and a failed batch
    does not count beside the other one that was delivered in its place.
    """
    holding = {(record.ingest_id, batch.batch_id) for record, batch in standing_batches(lake, rocu)}
    followed = {batch.replaces for _, batch in standing_batches(lake, rocu) if batch.replaces != batch.batch_id}
    left_out = [
        (str(lake.root / part.path), batch.batch_id)
        for record in standing_records(lake, rocu)
        for part in record.parts
        for batch in record.batches
        if part.layer == "camera_hours"
        and (
            (record.ingest_id, batch.batch_id) not in holding
            or (batch.verdict == "failed" and batch.batch_id in followed)
        )
    ]
    return [path for path, _ in left_out], [batch_id for _, batch_id in left_out]
