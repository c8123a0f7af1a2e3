"""The layer `camera_hours`: what each camera sent in each hour, accepted or not, how sure it was, how late it came.

One row for each batch, camera, feed and hour (UTC), counts only, so that the health of cameras needs no look at
reads. Belongs here: writing and reading the layer. Does not: what is usual for a camera (health).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    many hours as reads, so a part holds no more batches than have `COUNTS_AT_ONCE` counts; and what counted them takes
    up so much room that it is dropped.
    """
    folder = lake.folder("camera_hours", rocu)
    names = _make_names(connection)
    parts: list[PartRef] = []
    for number, (first, last) in enumerate(_batches_together(connection)):
        connection.register("hours_counted", _counted(connection.execute(_told(limits, first, last)), names))
        path = folder / f"{part_id}{f'-{number + 1}' if number else ''}.parquet"
        parts += write_table(connection, lake, path, "camera_hours", "SELECT * FROM hours_counted")
        connection.unregister("hours_counted")
    connection.execute("DROP TABLE hour_batches; DROP TABLE hour_cameras; DROP TABLE hour_feeds")
    connection.execute("DROP TABLE camera_counts")
    return tuple(parts)


@dataclass(frozen=True)
class _Names:
    """What the numbers in the counts stand for, each in the order of the texts."""

    batches: pa.Array
    cameras: pa.Array
    feeds: pa.Array
    sites: pa.Array
    forces: pa.Array


def _make_names(connection: duckdb.DuckDBPyConnection) -> _Names:
    """Make the tables that number batches, cameras and feeds, from 0; sites and forces are by register number, from 1.

    To sort and to compare so many texts would take most of the time.
    """
    connection.execute(
        """CREATE OR REPLACE TABLE hour_batches AS
            SELECT batch_no, batch_id::VARCHAR AS name, row_number() OVER (ORDER BY batch_id::VARCHAR) - 1 AS batch
            FROM named;
        CREATE OR REPLACE TABLE hour_cameras AS
            SELECT register_no, camera_id::VARCHAR AS name, site_id::VARCHAR AS site_id, force::VARCHAR AS force,
                dense_rank() OVER (ORDER BY camera_id::VARCHAR) - 1 AS camera
            FROM registered;
        CREATE OR REPLACE TABLE hour_feeds AS
            SELECT name, row_number() OVER (ORDER BY name) - 1 AS feed FROM (
                SELECT feed_id::VARCHAR AS name FROM (SELECT DISTINCT feed_id FROM camera_counts)
                UNION SELECT feed_id::VARCHAR FROM (SELECT DISTINCT feed_id FROM judged)) WHERE name IS NOT NULL"""
    )

    def listed(sql: str) -> pa.Array:
        return pa.array([value for (value,) in connection.execute(sql).fetchall()], pa.string())

    return _Names(
        batches=listed("SELECT name FROM hour_batches ORDER BY batch"),
        cameras=listed("SELECT DISTINCT ON (camera) name FROM hour_cameras ORDER BY camera"),
        # a feed that is not known comes last
        feeds=pa.concat_arrays([listed("SELECT name FROM hour_feeds ORDER BY feed"), pa.nulls(1, pa.string())]),
        sites=listed("SELECT NULL UNION ALL (SELECT site_id FROM hour_cameras ORDER BY register_no)"),
        forces=listed("SELECT NULL UNION ALL (SELECT force FROM hour_cameras ORDER BY register_no)"),
    )


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
    """SQL for what is counted: numbers of batch, camera, feed and hour (UTC, since 1970), in their order; what came."""
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
            SELECT batch_no, feed_id::VARCHAR AS feed_id, hour, register_no, {_ACCEPTED} AS outcome,
                unknown AS unknown_format, sure, late, reads AS rows
            FROM camera_counts WHERE {here}
            UNION ALL
            SELECT batch_no, CASE WHEN feed_id NOT IN (FROM plate_like_ids) THEN feed_id END,
                date_trunc('hour', captured_at), register_no, outcome, plate_format IS NOT DISTINCT FROM 'unknown',
                NULL, NULL, 1
            FROM others
            WHERE register_no IS NOT NULL AND seconds_after_now <= {limits.clock_skew_max_s}
                AND age_days <= {limits.retention_days})
        SELECT batch::INTEGER AS batch, camera::INTEGER AS camera,
            coalesce(feed, (SELECT count(*) FROM hour_feeds))::INTEGER AS feed,
            (epoch(hour) / 3600)::INTEGER AS hour, register_no, outcome, unknown_format, coalesce(sure, -1) AS sure,
            coalesce(late, -1) AS late, rows
        FROM told JOIN hour_batches USING (batch_no) JOIN hour_cameras USING (register_no)
        LEFT JOIN hour_feeds ON hour_feeds.name = told.feed_id
        ORDER BY batch, camera, feed, hour"""


def _counted(told: duckdb.DuckDBPyConnection, names: _Names) -> pa.Table:
    """The layer's rows, in their order. A database that sums three dozen columns a group takes ten times as long."""
    of = told.fetchnumpy()
    begins = np.ones(len(of["hour"]), dtype=bool)
    begins[1:] = np.logical_or.reduce([of[name][1:] != of[name][:-1] for name in ("batch", "camera", "feed", "hour")])
    starts, place = np.flatnonzero(begins), np.cumsum(begins) - 1
    register = np.maximum.reduceat(of["register_no"], starts) if len(starts) else starts

    def counted(which: np.ndarray, at: np.ndarray = place, size: int = len(starts)) -> pa.Array:
        # weights are floats, exact for any number of rows that there can be
        return pa.array(np.bincount(at[which], weights=of["rows"][which], minlength=size).astype(np.int64))

    def by_bin(bins: np.ndarray, number: int) -> pa.Array:
        flat = counted((of["outcome"] == _ACCEPTED) & (bins >= 0), place * number + bins, len(starts) * number)
        return pa.ListArray.from_arrays(np.arange(len(starts) + 1, dtype=np.int32) * number, flat)

    return pa.table(
        {
            "batch_id": names.batches.take(pa.array(of["batch"][starts])),
            "camera_id": names.cameras.take(pa.array(of["camera"][starts])),
            "feed_id": names.feeds.take(pa.array(of["feed"][starts])),
            "hour": pa.array(of["hour"][starts].astype(np.int64) * 3_600_000_000, pa.timestamp("us")),
            "site_id": names.sites.take(pa.array(register)),
            "force": names.forces.take(pa.array(register)),
            "accepted": counted(of["outcome"] == _ACCEPTED),
            "rejected": counted(of["outcome"] == _REJECTED),
            "duplicates": counted(of["outcome"] == _DUPLICATE),
            "unknown_format": counted(of["unknown_format"]),
            "confidence_bins": by_bin(of["sure"], CONFIDENCE_BINS),
            "lateness_bins": by_bin(of["late"], LATENESS_BINS),
        }
    )


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
