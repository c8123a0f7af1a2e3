"""What the rules look at: one derived row for each delivered read, joined to plates and to the register as it stood.

Belongs here: the derivations that the contract for reads describes. Does not: any limit or verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from data_contracts.contract.needed_rules import NeverAccepted, flagged
from data_contracts.intake.id_columns import make_id_tables
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.values import instant, instant_fault, is_ambiguous, number, one_of, truth
from data_contracts.judgement.vehicles import issue_period
from data_contracts.registers.areas import inside
from data_contracts.sources.model import Source
from infra.pseudonyms import Pseudonymiser

TIME_FAULTS = ("missing", "no_zone", "unreadable", "ambiguous")
# a read without a time, a token or a place has no part, journey or force to go to; the others may not be held at all
NEVER_ACCEPTED = (
    *flagged("row_fault", row_malformed="malformed"),
    *flagged("vrm_fault", vrm_missing="missing", vrm_unreadable="unreadable"),
    *flagged(
        "captured_at_fault",
        captured_at_missing="missing",
        captured_at_unreadable="unreadable",
        captured_at_without_zone="no_zone",
        captured_at_ambiguous="ambiguous",
    ),
    *flagged(
        "camera_fault", camera_missing="missing", camera_not_registered="unknown", camera_not_in_force="not_in_force"
    ),
    *flagged("area_fault", outside_authorised_area="outside"),
    NeverAccepted("captured_in_future", "seconds_after_now", most="${clock_skew_max_s}"),
    NeverAccepted("older_than_retention", "age_days", most="${retention_days}"),
    NeverAccepted("id_reads_as_plate", "plate_like_ids", most=0),
)
MOST_CODES = 50_000  # more different ids than this cost more as numbers than as texts
# columns without an expression of their own have one value for all rows
_FOR_ALL = {
    "latitude": "NULL::DOUBLE",
    "longitude": "NULL::DOUBLE",
    "position_error_m": "NULL::FLOAT",
    "area_fault": "NULL::VARCHAR",
    "plate_like_ids": "0::TINYINT",
}
_EARTH_RADIUS_M = 6_371_008.8
_POSITION_ERROR = f"""(2 * {_EARTH_RADIUS_M} * asin(sqrt(
    pow(sin(radians(delivered.latitude - registered.latitude) / 2), 2)
    + cos(radians(delivered.latitude)) * cos(radians(registered.latitude))
    * pow(sin(radians(delivered.longitude - registered.longitude) / 2), 2))))::FLOAT"""


def read_values(source: Source) -> dict[str, str]:
    """Values of the delivered reads: SQL over the delivered text fields. NULL where the text is none."""
    return {
        "captured_at_value": instant("captured_at", source),
        "captured_at_twice": is_ambiguous("captured_at", instant("captured_at", source), source),
        "received_at_value": instant("received_at", source),
        "confidence_value": number("confidence"),
        "motion_toward_camera_value": truth("motion_toward_camera"),
        "latitude_value": _degrees("latitude", 90),
        "longitude_value": _degrees("longitude", 180),
    }


def read_projection(source: Source, describing: Sequence[str] = (), clock_skew_max_s: float = 300) -> dict[str, str]:
    """Columns of the delivered reads: SQL over the text fields and `read_values`.

    Args:
        source: How the supplier writes.
        describing: The fields about the vehicle that any file has: they cost memory, so others are left out.
        clock_skew_max_s: Seconds that a capture may lie after its receipt: of a time that came twice, the later one
            that keeps to it is meant; without a receipt time none is.
    """
    optional = ("confidence", "motion_toward_camera", "received_at", "latitude", "longitude")
    unreadable = " ".join(f"WHEN {name} IS NOT NULL AND {name}_value IS NULL THEN '{name}'" for name in optional)
    return {
        "vrm": "vrm",
        "captured_at": f"""CASE WHEN NOT coalesce(captured_at_twice, false) THEN captured_at_value
            WHEN captured_at_value <= received_at_value + to_seconds({clock_skew_max_s}) THEN captured_at_value
            WHEN received_at_value IS NOT NULL THEN captured_at_value - INTERVAL 1 HOUR END""",
        "captured_at_fault": one_of(
            f"""CASE WHEN captured_at_twice AND received_at_value IS NULL THEN 'ambiguous'
            ELSE {instant_fault("captured_at", "captured_at_value", source)} END""",
            TIME_FAULTS,
        ),
        "camera_id": "camera_id",
        "feed_id": "feed_id",
        "source_id": "source_id",
        **{name: f"{name}_value" for name in optional},
        "unreadable_field": one_of(f"CASE {unreadable} END", optional),
        **{name: f"nullif(upper(trim({name})), '')" for name in describing},
    }


def judging_period(arrival: datetime) -> str:
    """SQL for the issue period of the day against which the plate of a delivered read is judged."""
    day = f"coalesce(delivered.captured_at::DATE, DATE '{arrival.date().isoformat()}')"
    return issue_period(day, arrival.date())


def make_judged(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    limits: IngestLimits,
    now: datetime,
    arrival: datetime,
    pseudonymiser: Pseudonymiser,
) -> None:
    """Make `judged` over `judged_rows`, a row for each row of `delivered`; needs `plates`, `vehicles` and `register`.

    A view: what is the same for all rows, or follows from other columns, is not kept for each.

    Args:
        connection: Where the tables are.
        source: Says where positions come from.
        limits: Say what the age of a read is counted from.
        now: The time of judging, from which the age of a read counts, aware.
        arrival: The time of ingest, after which no read can have been captured; later files are judged again.
        pseudonymiser: Makes the codes that stand in the place of ids that could be plates; installed.
    """
    moment, today = (f"TIMESTAMP '{time:%Y-%m-%d %H:%M:%S.%f}'" for time in (arrival, now))
    _make_registered(connection, limits)
    make_id_tables(connection, source.plate_scheme, limits, pseudonymiser)
    _make_codes(connection)
    withheld = _any(connection, "withheld_ids")
    from_newest = limits.retention_from == "newest_read"
    found = {
        **_faults(source, limits),
        **_position(connection, source),
        "plate_like_ids": _plate_like(connection),
        "aged_from": "newest.captured_at" if from_newest else None,
    }
    for_all = {**_FOR_ALL, "aged_from": today}
    same = _listed({name: for_all[name] for name in found if not found[name]})
    connection.execute(
        f"""CREATE TABLE judged_rows AS
            SELECT delivered.batch_no, delivered.row_no, vehicle_no, plate_format, plate_repaired,
                delivered.captured_at, received_at, cameras.code AS camera_id, register_no, confidence,
                motion_toward_camera, {_id("feed_id", withheld)}, {_id("source_id", withheld)}, unreadable_field,
                {_listed({name: value for name, value in found.items() if value})}
            FROM delivered
            {_newest(f"{moment} + to_seconds({limits.clock_skew_max_s})") if from_newest else ""}
            LEFT JOIN plates ON plates.vrm_text = delivered.vrm AND plates.day = {judging_period(arrival)}
            LEFT JOIN cameras ON cameras.camera_id = delivered.camera_id
            {_joined(withheld)}
            LEFT JOIN registered ON registered.camera_id = delivered.camera_id
                AND delivered.captured_at >= registered.valid_from
                AND delivered.captured_at < coalesce(registered.valid_to, TIMESTAMP '9999-01-01')"""
    )
    connection.execute(
        f"""CREATE VIEW judged AS
            SELECT *, (epoch(captured_at) - epoch(received_at))::FLOAT AS seconds_after_receipt,
                (epoch(captured_at) - epoch({moment}))::FLOAT AS seconds_after_now,
                (epoch(aged_from) - epoch(captured_at)) / 86400 AS age_days
            FROM (SELECT *, {same} FROM judged_rows)"""
    )


def _make_registered(connection: duckdb.DuckDBPyConnection, limits: IngestLimits) -> None:
    """Make `registered`: the register with numbers, codes, and whether each place lies in the authorised area."""
    within = inside(limits.authorised_area, "latitude", "longitude")
    for column in ("site_id", "force"):
        _make_code_type(connection, column, "register")
    connection.execute(
        f"""CREATE TABLE registered AS
            SELECT (rowid + 1)::INTEGER AS register_no,
                * REPLACE (site_id::site_id_code AS site_id, force::force_code AS force), {within} AS authorised
            FROM register"""
    )


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{value} AS {name}" for name, value in columns.items())


def _newest(not_after: str) -> str:
    return f"""LEFT JOIN (
            SELECT batch_no, max(captured_at) AS captured_at FROM delivered
            WHERE captured_at <= {not_after} GROUP BY batch_no
        ) AS newest ON newest.batch_no = delivered.batch_no"""


def _faults(source: Source, limits: IngestLimits) -> dict[str, str | None]:
    camera = """CASE WHEN delivered.camera_id IS NULL THEN 'missing' WHEN register_no IS NOT NULL THEN NULL
        WHEN NOT known THEN 'unknown' WHEN delivered.captured_at IS NOT NULL THEN 'not_in_force' END"""
    vrm = "CASE WHEN delivered.vrm IS NULL THEN 'missing' ELSE vrm_fault END"
    area = _area_fault(source, limits)
    return {
        "row_fault": one_of("CASE WHEN NOT whole THEN 'malformed' END", ("malformed",)),
        "vrm_fault": one_of(f"CASE WHEN whole THEN {vrm} END", ("missing", "unreadable")),
        "captured_at_fault": "CASE WHEN whole THEN captured_at_fault END",
        "camera_fault": one_of(f"CASE WHEN whole THEN {camera} END", ("missing", "unknown", "not_in_force")),
        "area_fault": one_of(area, ("outside",)) if area else None,
        "age_identifier": one_of("CASE WHEN impossible_age THEN 'impossible' END", ("impossible",)),
    }


def _make_codes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make types that keep the ids of the call as numbers, and `cameras`: camera_id, code, known, plate_like."""
    codes = "SELECT code AS text FROM"
    _make_code_type(
        connection,
        "camera_id",
        f"(SELECT camera_id FROM delivered_ids WHERE camera_id NOT IN (SELECT camera_id FROM camera_codes) UNION "
        f"{codes} camera_codes)",
    )
    for column in ("feed_id", "source_id"):
        written = f"SELECT {column} FROM delivered_ids WHERE {column} NOT IN (SELECT id FROM withheld_ids)"
        _make_code_type(connection, column, f"({written} UNION {codes} withheld_ids UNION {codes} doubtful_ids)")
    connection.execute(
        """CREATE TABLE cameras AS
            SELECT camera_id, coalesce(camera_codes.code, camera_id)::camera_id_code AS code,
                camera_codes.code IS NULL AS known, camera_id IN (FROM plate_like_ids) AS plate_like
            FROM (SELECT DISTINCT camera_id FROM delivered_ids WHERE camera_id IS NOT NULL)
            LEFT JOIN camera_codes USING (camera_id)"""
    )
    connection.execute("DROP TABLE delivered_ids")


def _make_code_type(connection: duckdb.DuckDBPyConnection, column: str, table: str) -> None:
    texts = f"SELECT DISTINCT {column} AS text FROM {table} WHERE {column} IS NOT NULL"
    different = len(connection.execute(f"{texts} LIMIT {MOST_CODES + 1}").fetchall())
    few = 0 < different <= MOST_CODES
    connection.execute(f"CREATE TYPE {column}_code AS {f'ENUM ({texts} ORDER BY text)' if few else 'VARCHAR'}")


def _any(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    ((some,),) = connection.execute(f"SELECT EXISTS (FROM {table})").fetchall()
    return bool(some)


def _id(column: str, withheld: bool) -> str:
    text = f"coalesce({column}_withheld.code, {column})" if withheld else column
    return f"{text}::{column}_code AS {column}"


def _joined(withheld: bool) -> str:
    columns = ("feed_id", "source_id") if withheld else ()
    return " ".join(
        f"LEFT JOIN withheld_ids AS {column}_withheld ON {column}_withheld.id = {column}" for column in columns
    )


def _plate_like(connection: duckdb.DuckDBPyConnection) -> str | None:
    if not _any(connection, "plate_like_ids"):
        return None
    return """coalesce(plate_like::TINYINT, 0) + coalesce((feed_id IN (FROM plate_like_ids))::TINYINT, 0)
        + coalesce((source_id IN (FROM plate_like_ids))::TINYINT, 0)"""


def _degrees(text: str, most: int) -> str:
    return f"CASE WHEN abs(try_cast({text} AS DOUBLE)) <= {most} THEN try_cast({text} AS DOUBLE) END"


def _position(connection: duckdb.DuckDBPyConnection, source: Source) -> dict[str, str | None]:
    file, register = source.position == "file", source.position != "file"
    # files without positions are the usual, and sines of nothing cost as much as others
    measured = register and _any(connection, "delivered WHERE latitude IS NOT NULL")
    return {
        "latitude": "delivered.latitude" if file else None,
        "longitude": "delivered.longitude" if file else None,
        "position_error_m": _POSITION_ERROR if measured else None,
    }


def _area_fault(source: Source, limits: IngestLimits) -> str | None:
    if limits.authorised_area is None:
        return None
    authorised = "authorised"
    if source.position == "file":
        here = inside(limits.authorised_area, "delivered.latitude", "delivered.longitude")
        authorised = f"CASE WHEN delivered.latitude IS NULL THEN authorised ELSE {here} END"
    return f"CASE WHEN NOT {authorised} THEN 'outside' END"
