"""The layer `camera_hours`: what each camera sent in each hour, accepted or not, how sure it was, how late it came.

One row for each batch, camera, feed and hour (UTC), counts only, so that the health of cameras needs no look at
reads. Belongs here: writing and reading the layer. Does not: what is usual for a camera (health).
"""

from __future__ import annotations

import duckdb

from data_contracts.limits import IngestLimits
from data_contracts.manifests import PartRef
from data_contracts.parts import write_table
from data_contracts.reads import layer_parts
from infra.engine import parquet_list
from infra.errors import FaultError
from infra.lake import Lake

CAMERA_HOURS_COLUMNS = {
    "batch_id": "VARCHAR",
    "camera_id": "VARCHAR",
    "feed_id": "VARCHAR",
    "hour": "TIMESTAMP",
    "site_id": "VARCHAR",
    "force": "VARCHAR",
    "accepted": "BIGINT",
    "rejected": "BIGINT",
    "duplicates": "BIGINT",
    "unknown_format": "BIGINT",
    "confidence_bins": "BIGINT[]",
    "lateness_bins": "BIGINT[]",
}
CONFIDENCE_BINS, LATENESS_BINS = 10, 24


def write_camera_hours(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str, limits: IngestLimits
) -> tuple[PartRef, ...]:
    """Write the layer from `camera_counts`, `judged`, `named`, `rejected`, `doubled` and `registered`.

    Accepted reads have been counted before; only the others are looked at again. Of these, reads of cameras whose
    register row was in force, with a readable time that is neither in the future, but for the allowed skew, nor older
    than reads may be kept: a clock that was reset says nothing of any hour. Counts by bin become lists at the end, so
    that no histogram is built row by row.
    """
    path = lake.folder("camera_hours", rocu) / f"{part_id}.parquet"
    return write_table(connection, lake, path, "camera_hours", _hours(limits))


def confidence_bin() -> str:
    """SQL for the tenth in which the confidence of a read lies, from 0; NULL without one."""
    return f"greatest(least(floor(confidence / 10), {CONFIDENCE_BINS - 1}), 0)::TINYINT"


def lateness_bin() -> str:
    """SQL for the power of two up to the seconds from the capture of a read to its receipt; NULL without one."""
    seconds = "epoch(received_at) - epoch(captured_at)"
    return f"""CASE WHEN received_at IS NULL THEN NULL WHEN {seconds} < 1 THEN 0
        ELSE least(floor(log2({seconds})), {LATENESS_BINS - 1}) END::TINYINT"""


def _hours(limits: IngestLimits) -> str:
    return f"""
        WITH left_out AS (
            SELECT batch_no, row_no, 'rejected' AS outcome FROM rejected
            UNION ALL SELECT batch_no, row_no, 'duplicate' FROM doubled),
        others AS (
            SELECT judged.*, outcome FROM judged JOIN left_out USING (batch_no, row_no)
            SEMI JOIN (FROM named WHERE NOT failed) USING (batch_no)
            UNION ALL
            SELECT judged.*, 'rejected' FROM judged SEMI JOIN (FROM named WHERE failed) USING (batch_no)),
        told AS (
            SELECT batch_no, camera_id::VARCHAR AS camera_id, feed_id::VARCHAR AS feed_id, hour, register_no,
                'accepted' AS outcome, unknown AS unknown_format, sure, late, reads AS rows
            FROM camera_counts
            UNION ALL
            SELECT batch_no, camera_id::VARCHAR, CASE WHEN feed_id NOT IN (FROM plate_like_ids) THEN feed_id END,
                date_trunc('hour', captured_at), register_no, outcome, plate_format IS NOT DISTINCT FROM 'unknown',
                NULL, NULL, 1
            FROM others
            WHERE register_no IS NOT NULL AND seconds_after_now <= {limits.clock_skew_max_s}
                AND age_days <= {limits.retention_days}),
        counted AS (
            SELECT batch_no, camera_id, feed_id, hour, max(register_no) AS register_no,
                {_sum("outcome = 'accepted'")} AS accepted, {_sum("outcome = 'rejected'")} AS rejected,
                {_sum("outcome = 'duplicate'")} AS duplicates, {_sum("unknown_format")} AS unknown_format,
                {_bins("sure", CONFIDENCE_BINS)} AS confidence_bins, {_bins("late", LATENESS_BINS)} AS lateness_bins
            FROM told GROUP BY ALL)
        SELECT batch_id, counted.camera_id, feed_id, hour, site_id, force, accepted, rejected, duplicates,
            unknown_format, confidence_bins, lateness_bins
        FROM counted JOIN named USING (batch_no) JOIN registered USING (register_no)
        ORDER BY batch_id, counted.camera_id, feed_id, hour"""


def _sum(condition: str) -> str:
    return f"coalesce(sum(rows) FILTER ({condition}), 0)::BIGINT"


def _bins(column: str, number: int) -> str:
    each = (_sum(f"outcome = 'accepted' AND {column} = {bin_no}") for bin_no in range(number))
    return f"[{', '.join(each)}]"


def camera_hours_relation(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, name: str = "camera_hours"
) -> None:
    """Make the layer one temporary view, with the path of its file as `part`; without parts it is empty.

    Raises:
        FaultError: A part that a record names is not there.
    """
    paths = [lake.root / part.path for part in layer_parts(lake, rocu, "camera_hours")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FaultError(
            f"{len(missing)} parts of the layer camera_hours are missing, the first is {missing[0]}.",
            "Restore the lake from a backup, or judge the batches again: findprofile requalify.",
        )
    if paths:
        scan = f"read_parquet({parquet_list(paths)}, hive_partitioning = false, filename = true)"
        source = f"SELECT {', '.join(CAMERA_HOURS_COLUMNS)}, filename AS part FROM {scan}"
    else:
        columns = ", ".join(f"NULL::{kind} AS {column}" for column, kind in CAMERA_HOURS_COLUMNS.items())
        source = f"SELECT {columns}, NULL::VARCHAR AS part WHERE false"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {source}")
