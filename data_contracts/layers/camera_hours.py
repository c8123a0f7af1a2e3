"""The layer `camera_hours`: what each camera sent in each hour, accepted or not, how sure it was, how late it came.

One row for each batch, camera, feed and hour (UTC), counts only, so that the health of cameras needs no look at
reads. Belongs here: writing and reading the layer. Does not: what is usual for a camera (health).
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.parts import write_table
from data_contracts.layers.reads import layer_parts
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
COUNTS_AT_ONCE = 1_000_000  # rows of `camera_counts`: each may be an hour with two histograms
_ACCEPTED, _REJECTED, _DUPLICATE = range(3)


def write_camera_hours(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str, limits: IngestLimits
) -> tuple[PartRef, ...]:
    """Write the layer from `camera_counts`, `judged`, `named`, `rejected`, `doubled` and `registered`.

    Accepted reads have been counted before; only the others are looked at again. Of these, reads of cameras whose
    register row was in force, with a readable time that is neither in the future, but for the allowed skew, nor older
    than reads may be kept: a clock that was reset says nothing of any hour. Thousands of small files have nearly as
    many hours as reads, so a part holds no more batches than have `COUNTS_AT_ONCE` counts.
    """
    folder = lake.folder("camera_hours", rocu)
    parts: list[PartRef] = []
    for number, (first, last) in enumerate(_batches_together(connection)):
        connection.execute(f"CREATE OR REPLACE TABLE hours_told AS {_told(limits, first, last)}")
        connection.register("hours_counted", _counted(connection))
        path = folder / f"{part_id}{f'-{number + 1}' if number else ''}.parquet"
        parts += write_table(connection, lake, path, "camera_hours", "SELECT * FROM hours_counted")
        connection.unregister("hours_counted")
        connection.execute("DROP TABLE hours_told")
    return tuple(parts)


def _batches_together(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """First and last number of batches whose hours go into one part."""
    counted = connection.execute(
        """SELECT named.batch_no, count(camera_counts.batch_no) FROM named LEFT JOIN camera_counts USING (batch_no)
            GROUP BY named.batch_no ORDER BY named.batch_no"""
    ).fetchall()
    first, held = 0, 0
    for batch_no, counts in counted:
        if held and held + counts > COUNTS_AT_ONCE:
            yield first, batch_no - 1
            first, held = batch_no, 0
        held += counts
    yield first, counted[-1][0]


def confidence_bin() -> str:
    """SQL for the tenth in which the confidence of a read lies, from 0; NULL without one."""
    return f"greatest(least(floor(confidence / 10), {CONFIDENCE_BINS - 1}), 0)::TINYINT"


def lateness_bin() -> str:
    """SQL for the power of two up to the seconds from the capture of a read to its receipt; NULL without one."""
    seconds = "epoch(received_at) - epoch(captured_at)"
    return f"""CASE WHEN received_at IS NULL THEN NULL WHEN {seconds} < 1 THEN 0
        ELSE least(floor(log2({seconds})), {LATENESS_BINS - 1}) END::TINYINT"""


def _told(limits: IngestLimits, first: int, last: int) -> str:
    """SQL for what is counted, with `place`: the number of its batch, camera, feed and hour in their order, from 0."""
    here = f"batch_no BETWEEN {first} AND {last}"
    return f"""
        WITH left_out AS (
            SELECT batch_no, row_no, {_REJECTED} AS outcome FROM rejected WHERE {here}
            UNION ALL SELECT batch_no, row_no, {_DUPLICATE} FROM doubled WHERE {here}),
        those AS NOT MATERIALIZED (SELECT judged.*, failed FROM judged JOIN named USING (batch_no) WHERE {here}),
        others AS (
            SELECT those.*, outcome FROM those JOIN left_out USING (batch_no, row_no) WHERE NOT failed
            UNION ALL
            SELECT *, {_REJECTED} FROM those WHERE failed),
        told AS (
            SELECT batch_no, camera_id::VARCHAR AS camera_id, feed_id::VARCHAR AS feed_id, hour, register_no,
                {_ACCEPTED} AS outcome, unknown AS unknown_format, sure, late, reads AS rows
            FROM camera_counts WHERE {here}
            UNION ALL
            SELECT batch_no, camera_id::VARCHAR, CASE WHEN feed_id NOT IN (FROM plate_like_ids) THEN feed_id END,
                date_trunc('hour', captured_at), register_no, outcome, plate_format IS NOT DISTINCT FROM 'unknown',
                NULL, NULL, 1
            FROM others
            WHERE register_no IS NOT NULL AND seconds_after_now <= {limits.clock_skew_max_s}
                AND age_days <= {limits.retention_days})
        SELECT told.* EXCLUDE (batch_no), batch_id,
            dense_rank() OVER (ORDER BY batch_id, camera_id, feed_id, hour) - 1 AS place
        FROM told JOIN named USING (batch_no)"""


def _counted(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """The layer's rows, from `hours_told`. A database that sums three dozen columns a group takes ten times as long."""
    hours = connection.sql(
        """SELECT batch_id::VARCHAR AS batch_id, camera_id, feed_id, hour, registered.site_id::VARCHAR AS site_id,
                registered.force::VARCHAR AS force
            FROM (SELECT place, batch_id, camera_id, feed_id, hour, max(register_no) AS register_no
                FROM hours_told GROUP BY ALL) AS hours
            JOIN (SELECT register_no, site_id, force FROM registered) AS registered USING (register_no)
            ORDER BY place"""
    ).to_arrow_table()
    told = connection.execute(
        """SELECT place, outcome, unknown_format, coalesce(sure, -1) AS sure, coalesce(late, -1) AS late, rows
            FROM hours_told"""
    ).fetchnumpy()
    place, rows, outcome = told["place"], told["rows"], told["outcome"]

    def counted(which: np.ndarray, at: np.ndarray = place, size: int = len(hours)) -> pa.Array:
        # weights are floats, exact for any number of rows that there can be
        return pa.array(np.bincount(at[which], weights=rows[which], minlength=size).astype(np.int64))

    def by_bin(bins: np.ndarray, number: int) -> pa.Array:
        flat = counted((outcome == _ACCEPTED) & (bins >= 0), place * number + bins, len(hours) * number)
        return pa.ListArray.from_arrays(np.arange(len(hours) + 1, dtype=np.int32) * number, flat)

    columns = {
        "accepted": counted(outcome == _ACCEPTED),
        "rejected": counted(outcome == _REJECTED),
        "duplicates": counted(outcome == _DUPLICATE),
        "unknown_format": counted(told["unknown_format"]),
        "confidence_bins": by_bin(told["sure"], CONFIDENCE_BINS),
        "lateness_bins": by_bin(told["late"], LATENESS_BINS),
    }
    for name, values in columns.items():
        hours = hours.append_column(name, values)
    return hours


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
