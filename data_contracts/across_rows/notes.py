"""The layer `notes`: what rules across rows found about a read, kept beside the reads; it changes none of them."""

from __future__ import annotations

import duckdb

from data_contracts.judgement.vehicles import issue_period
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.parts import write_table
from data_contracts.plates.repairs import REPAIR, confusion
from infra.lake import Lake

NOTE_COLUMNS = {
    "batch_id": "VARCHAR",
    "row_no": "BIGINT",
    "rule": "VARCHAR",
    "cause": "VARCHAR",
    "vehicle": "VARCHAR",
    "camera_id": "VARCHAR",
    "other_vehicle": "VARCHAR",
    "other_batch_id": "VARCHAR",
    "other_row_no": "BIGINT",
    "score": "DOUBLE",
    "value": "DOUBLE",
    "captured_at": "TIMESTAMP",
    "confusion": "VARCHAR",
}


def write_notes(connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str) -> tuple[PartRef, ...]:
    """Write the notes about accepted reads as one part; none if there are none.

    Columns: `cause`, in a word, of what the rule found; `score`, 0 to 1, how sure that is; `value`, what was measured
    (km/h, seconds); `other_…`, the read that it was found against, and for a likely misread the likelier vehicle;
    `confusion`, where there is one, in which characters its VRM differs (`repairs.confusion`). A VRM of unknown format
    has a note for each known one that it may have been, of cause `repair`.
    """
    columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in NOTE_COLUMNS.items())
    query = f"""SELECT {columns} FROM (
            SELECT noted.*, batch_id, vehicles.vehicle, likelier.vehicle AS other_vehicle,
                {confusion("vehicles.vrm", "likelier.vrm")} AS confusion
            FROM noted JOIN named USING (batch_no) JOIN vehicles USING (vehicle_no)
            LEFT JOIN vehicles AS likelier ON likelier.vehicle_no = other_vehicle_no
            WHERE NOT failed
            UNION ALL BY NAME {_repairs()})
        ORDER BY batch_id, row_no, rule, cause, other_batch_id, other_row_no"""
    return write_table(connection, lake, lake.folder("notes", rocu) / f"{part_id}.parquet", "notes", query)


def _repairs() -> str:
    return f"""
        SELECT batch_id, row_no, 'plate_format_unknown' AS rule, '{REPAIR}' AS cause, vehicle, camera_id,
            candidate AS other_vehicle, score, captured_at, confusion
        FROM (SELECT *, {issue_period("captured_at::DATE")} AS day FROM candidates WHERE plate_format = 'unknown')
        JOIN repairs USING (vehicle_no, day) JOIN vehicles USING (vehicle_no) JOIN named USING (batch_no)"""
