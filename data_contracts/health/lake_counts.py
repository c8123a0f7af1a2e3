"""Counts of what each camera sent, from the lake: the layer camera_hours, and reads where a record has no such layer.

Belongs here: which rows count. All that a camera sent counts, accepted, rejected or doubled: a camera that sends
rubbish is not silent. A failed batch that was delivered again counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np

from data_contracts.camera_hours import camera_hours_relation
from data_contracts.cameras import RegisterRef, register_table
from data_contracts.health.counts import HOUR, Counts, counts_of
from data_contracts.manifests import IngestRecord
from data_contracts.reads import reads_relation, standing_failures, standing_records
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
    counted_twice = _delivered_again(lake, rocu)
    older = [record for record in standing_records(lake, rocu) if not _has_layer(record)]
    reads_relation(connection, lake, [p for r in older for p in r.parts if p.layer == "reads"], "reads_without_hours")
    connection.execute("CREATE OR REPLACE TEMP TABLE delivered_again (batch_id VARCHAR)")
    connection.execute("INSERT INTO delivered_again SELECT unnest(?::VARCHAR[])", [counted_twice])
    connection.execute(
        """CREATE OR REPLACE TEMP VIEW sent_hours AS
            SELECT camera_id, hour, accepted + rejected + duplicates AS sent, batch_id FROM camera_hours
            WHERE batch_id NOT IN (FROM delivered_again)
            UNION ALL
            SELECT camera_id, date_trunc('hour', captured_at) AS hour, count(*) AS sent, batch_id
            FROM reads_without_hours GROUP BY ALL"""
    )


def _has_layer(record: IngestRecord) -> bool:
    return any(part.layer == "camera_hours" for part in record.parts)


def _delivered_again(lake: Lake, rocu: str) -> list[str]:
    """Failed batches in whose place others were delivered."""
    standing = {batch.batch_id for batch in standing_failures(lake, rocu, date.min, date.max)}
    records: Sequence[IngestRecord] = standing_records(lake, rocu)
    failed = {batch.batch_id for record in records for batch in record.batches if batch.verdict == "failed"}
    return sorted(failed - standing)
