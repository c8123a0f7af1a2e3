"""Where each vehicle of a window is based, and what is known of that place: force, cameras around it, kind of area.

The base is the site after whose reads the vehicle was unseen longest, all its times there together, with the time
before its first read and after its last. It says where a vehicle belongs for comparing groups; it is no feature.
"""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa

from infra.engine import literal
from infra.errors import FaultError
from models.assurance.altered_reads import READS, WindowReads
from models.places import EARTH_RADIUS_M

CELL_KM = 10


def base_table(reads: WindowReads, register: Path | None) -> pa.Table:
    """The base of every vehicle of a window.

    Args:
        reads: Of the window.
        register: File of the camera register; without one, or without its column `area_group`, no area is known.

    Returns:
        vehicle, cell (a square of `CELL_KM` as text), force, area_group (both null when unknown), cameras (in the cell,
        with reads in the window); sorted by vehicle.

    Raises:
        FaultError: There is no such file.
    """
    side = math.degrees(CELL_KM * 1000 / EARTH_RADIUS_M)
    begin, end = f"TIMESTAMP '{reads.begin}'", f"TIMESTAMP '{reads.end}'"
    found: pa.Table = reads.connection.sql(
        f"""WITH gaps AS (
                SELECT vehicle, site_id, epoch_us(coalesce(lead(captured_at) OVER sequence, {end})) - epoch_us(
                    CASE WHEN row_number() OVER sequence = 1 THEN {begin} ELSE captured_at END) AS gap
                FROM {READS}
                WINDOW sequence AS (PARTITION BY vehicle ORDER BY captured_at, batch_id, row_no)),
            stays AS (SELECT vehicle, site_id, sum(gap) AS stay FROM gaps GROUP BY ALL),
            based AS (SELECT vehicle, site_id FROM stays
                QUALIFY row_number() OVER (PARTITION BY vehicle ORDER BY stay DESC, site_id) = 1),
            rows AS (SELECT site_id, camera_id, latitude, longitude, force, floor(latitude / {side})::BIGINT AS line
                FROM {READS}),
            squares AS (SELECT *, line || '/' ||
                floor(longitude * cos(radians((line + 0.5) * {side})) / {side})::BIGINT AS cell FROM rows),
            sites AS (SELECT site_id, min(cell) AS cell, min(force) AS force FROM squares GROUP BY ALL),
            cells AS (SELECT cell, count(DISTINCT camera_id) AS cameras FROM squares GROUP BY ALL),
            areas AS ({_areas(register, end)})
        SELECT vehicle, cell, force, area_group, cameras
        FROM based JOIN sites USING (site_id) JOIN cells USING (cell) LEFT JOIN areas USING (site_id)
        ORDER BY vehicle"""
    ).to_arrow_table()
    return found


def cameras_of_cell(reads: WindowReads, cell: str) -> tuple[str, ...]:
    """The cameras of one square with reads in the window, sorted."""
    side = math.degrees(CELL_KM * 1000 / EARTH_RADIUS_M)
    found = reads.connection.execute(
        f"""WITH rows AS (SELECT DISTINCT camera_id, longitude, floor(latitude / {side})::BIGINT AS line FROM {READS})
        SELECT DISTINCT camera_id FROM rows
        WHERE line || '/' || floor(longitude * cos(radians((line + 0.5) * {side})) / {side})::BIGINT = ?
        ORDER BY camera_id""",
        [cell],
    ).fetchall()
    return tuple(camera for (camera,) in found)


def _areas(register: Path | None, end: str) -> str:
    import pyarrow.parquet as pq

    if register is not None and not register.is_file():
        raise FaultError(
            f"The camera register {register.name}, which says what areas there are, is missing.",
            "Restore it from a backup.",
        )
    if register is None or "area_group" not in pq.read_schema(register).names:
        return "SELECT NULL::VARCHAR AS site_id, NULL::VARCHAR AS area_group WHERE false"
    return f"""SELECT site_id, arg_max(area_group, valid_from) AS area_group
        FROM read_parquet({literal(str(register))}, hive_partitioning = false)
        WHERE area_group IS NOT NULL AND valid_from < {end} GROUP BY site_id"""
