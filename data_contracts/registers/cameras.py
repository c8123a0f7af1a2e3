"""The camera register of a ROCU: effective-dated, checked as a whole, never edited in place.

Loading merges a file into the register by (camera_id, valid_from); each state of the register is a Parquet file named
by the digest of its rows, and `current.json` says which holds. Rows are used if they have that digest. Does not: the
health of cameras, or whether the state that holds is one that somebody loaded, which the audit log says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import ValidationError

from data_contracts.contract.document import Rule, load_contract
from data_contracts.contract.needed_rules import NeverAccepted, flagged
from data_contracts.intake.delivery import seal_landing
from data_contracts.intake.names import name_as_delivered
from data_contracts.judgement.gx import run_rules
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.values import number, register_instant
from data_contracts.judgement.work import working_database
from data_contracts.layers.manifests import Frozen
from data_contracts.registers.regions import find_force, own_forces
from data_contracts.sources.inspection import inspect
from data_contracts.sources.loading import load_rows
from data_contracts.sources.model import BUILT_IN
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake, placed, write_text
from infra.settings import Settings

FAULTS_SHOWN = 20
# gives the digest of the register that a file is merged into; None if there is none yet
Standing = Callable[[], str | None]
# reads are joined to the one interval of a camera that holds their time, and take its place
NEVER_ACCEPTED = (
    *flagged("row_shape", row_malformed="malformed"),
    *flagged("camera_id_state", camera_id_missing="missing"),
    NeverAccepted("camera_listed_twice", "times_listed", most=1),
    NeverAccepted("position_missing_or_unreadable", "position_state", flag="missing"),
    NeverAccepted("position_missing_or_unreadable", "position_state", flag="unreadable"),
    *flagged("position_state", position_impossible="impossible"),
    *flagged(
        "interval_state",
        valid_from_missing="missing",
        valid_time_unreadable="unreadable",
        valid_to_not_after_valid_from="reversed",
        interval_overlaps="overlapping",
    ),
)
_LOAD_ALL = "Load every file of the register again, the oldest first: findprofile cameras load."
_COMPASS = {"N": 0, "NE": 45, "E": 90, "SE": 135, "S": 180, "SW": 225, "W": 270, "NW": 315}
_COLUMNS = """camera_id, latitude, longitude, valid_from, valid_to, force, site_id, kind, road, bearing, area_group,
    stated_valid_to"""


class RegisterRef(Frozen):
    """One state of a register. `path` is relative to the lake's root; `cameras` and `sites` are counts."""

    digest: str
    path: str
    cameras: int
    sites: int
    rows: int
    loaded_at: datetime
    delivered_sha256: str


def current_register(lake: Lake, rocu: str) -> RegisterRef:
    """The register that holds now.

    Raises:
        WrongInputError: The ROCU has no camera register yet.
        FaultError: The register's record is damaged.
    """
    path = lake.folder("registers", rocu) / "current.json"
    if not path.is_file():
        raise WrongInputError(
            f"{rocu} has no camera register.", f"Load one first: findprofile cameras load --rocu {rocu} FILE."
        )
    try:
        return RegisterRef.model_validate_json(path.read_bytes())
    except ValidationError:
        raise FaultError(
            f"The record of the camera register of {rocu} is damaged.", "Load the register again."
        ) from None


def register_table(connection: duckdb.DuckDBPyConnection, lake: Lake, register: RegisterRef) -> None:
    """Make the table `register` from one state of the register. What was read is what is held against its digest.

    Raises:
        FaultError: The file is not there.
        RefusedError: Its rows are not those of which the digest was taken.
    """
    _open_register(connection, lake.root / register.path, register.digest)


def require_register_content(path: Path, digest: str) -> None:
    """Refuse a file of a register whose rows do not have this digest. Raises as `register_table` does."""
    with duckdb.connect() as connection:
        _open_register(connection, path, digest)


def _open_register(connection: duckdb.DuckDBPyConnection, path: Path, digest: str) -> None:
    if not path.is_file():
        raise FaultError(f"The camera register {path.name} is missing.", _LOAD_ALL)
    changed = RefusedError(
        f"The camera register {path.name} was changed in the lake after it was loaded.", f"Tell governance. {_LOAD_ALL}"
    )
    path.open("rb").close()  # what cannot be opened at all is another fault than what is no register
    try:
        connection.execute(
            "CREATE OR REPLACE TABLE register AS SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(path)]
        )
        found = connection.execute("SELECT * FROM register ORDER BY camera_id, valid_from").fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        raise changed from None
    if _digest(found) != digest:
        raise changed


def _digest(rows: Sequence[tuple[object, ...]]) -> str:
    """SHA-256 over the rows of a register, in the order of camera and `valid_from`."""
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()


def load_cameras(
    settings: Settings,
    lake: Lake,
    rocu: str,
    file: Path,
    now: datetime,
    limits: IngestLimits | None = None,
    standing: Standing | None = None,
    tell: Callable[[str], None] | None = None,
) -> RegisterRef:
    """Merge a register file (CSV or Parquet, gzip or not, canonical columns) into the ROCU's register.

    A row replaces the row with the same camera and `valid_from`. A row without `valid_to` holds until the camera's next
    row. Loading a file again changes nothing. An accepted file is sealed into landing first. If what is to be merged
    into is gone or was changed, the register begins anew with this file, and that is told.

    Args:
        settings: Keys, threads, memory.
        lake: Where the register is.
        rocu: Code of the ROCU, lower case.
        file: The register file.
        now: The time of loading, aware.
        limits: How strictly it is judged.
        standing: Says what it is merged into; the lake does if nobody else is asked.
        tell: Told that the register begins anew, and why.

    Raises:
        WrongInputError: The file cannot be read, or columns are missing.
        RefusedError: Rows break the contract; the whole file is refused, with the list.
        FaultError: Another process is at work on the ROCU.
    """
    contract = load_contract("cameras")
    source = BUILT_IN["canonical"]
    delivery = inspect(file, source, contract.required, contract.optional, describable=False)
    with working_database(settings, lake, rocu) as connection:
        load_rows(connection, "delivered", [delivery], contract.fields, {}, _projection())
        _arrive(connection)
        _open_standing(connection, lake, rocu, standing, tell or _silent)
        _merge(connection)
        _judge(connection)
        rules = [rule for rule in contract.rules(limits or IngestLimits()) if rule.table == "cameras"]
        faults = [
            (row, verdict.rule.name)
            for verdict in run_rules(connection, "judged", ["row_no"], rules)
            for (row,) in connection.execute(f"SELECT row_no FROM ({verdict.failing_query})").fetchall()
        ]
        if faults:
            raise _refusal(file, sorted(faults), rules, own_forces(rocu, now.date()))
        seal_landing(settings, lake, rocu, [delivery])
        return _keep(connection, lake, rocu, delivery.sha256, now)


def _projection() -> dict[str, str]:
    points = " ".join(f"WHEN '{point}' THEN {degrees}" for point, degrees in _COMPASS.items())
    return {
        "camera_id": "camera_id",
        "latitude": number("latitude"),
        "longitude": number("longitude"),
        "has_position": "latitude IS NOT NULL AND longitude IS NOT NULL",
        "valid_from": register_instant("valid_from"),
        "has_valid_from": "valid_from IS NOT NULL",
        "stated_valid_to": register_instant("valid_to"),
        "has_valid_to": "valid_to IS NOT NULL",
        "force_text": "force",
        "site_id": "site_id",
        "kind": "kind",
        "road": "road",
        "bearing": f"CASE upper(bearing) {points} ELSE {number('bearing')} END",
        "has_bearing": "bearing IS NOT NULL",
        "area_group": "area_group",
    }


def _silent(_: str) -> None:
    return None


def _arrive(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE forces (force_text VARCHAR, force VARCHAR)")
    written = connection.execute("SELECT DISTINCT force_text FROM delivered WHERE force_text IS NOT NULL").fetchall()
    for (text,) in written:
        connection.execute("INSERT INTO forces VALUES (?, ?)", [text, find_force(text)])
    connection.execute(
        """CREATE TABLE arriving AS
            SELECT row_no, camera_id, latitude, longitude, valid_from, stated_valid_to, forces.force,
                coalesce(site_id, camera_id) AS site_id, kind, road, bearing, area_group
            FROM delivered LEFT JOIN forces USING (force_text)"""
    )


def _open_standing(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, standing: Standing | None, tell: Callable[[str], None]
) -> None:
    """Make `register` from the state that a file is merged into; one that is spoilt must be replaceable."""
    said = standing() if standing else None  # what its log cannot answer is no spoilt register
    try:
        digest = said if standing else _as_the_lake_says(lake, rocu)
        if digest is not None:
            _open_register(connection, lake.folder("registers", rocu) / f"{digest}.parquet", digest)
            return
    except (RefusedError, FaultError) as error:
        tell(f"{error.reason} The register begins anew with this file.")
    connection.execute(
        "CREATE OR REPLACE TABLE register AS SELECT * EXCLUDE row_no, NULL AS valid_to FROM arriving WHERE false"
    )


def _as_the_lake_says(lake: Lake, rocu: str) -> str | None:
    try:
        return current_register(lake, rocu).digest
    except WrongInputError:
        return None


def _merge(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TABLE merged AS
            WITH rows AS (
                SELECT * FROM arriving
                UNION ALL BY NAME
                SELECT NULL AS row_no, * EXCLUDE (valid_to) FROM register
                WHERE NOT EXISTS (FROM arriving WHERE arriving.camera_id = register.camera_id
                    AND arriving.valid_from = register.valid_from))
            SELECT *, lead(valid_from) OVER (PARTITION BY camera_id ORDER BY valid_from, row_no) AS next_from,
                lag(stated_valid_to) OVER (PARTITION BY camera_id ORDER BY valid_from, row_no) AS previous_to
            FROM rows"""
    )


def _judge(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TABLE judged AS
            SELECT row_no, CASE WHEN whole THEN 'whole' ELSE 'malformed' END AS row_shape,
                CASE WHEN whole THEN CASE WHEN delivered.camera_id IS NULL THEN 'missing' ELSE 'present' END END
                    AS camera_id_state,
                CASE WHEN whole THEN count(*) OVER (PARTITION BY delivered.camera_id, delivered.valid_from) END
                    AS times_listed,
                CASE WHEN whole THEN CASE
                    WHEN NOT has_position THEN 'missing'
                    WHEN delivered.latitude IS NULL OR delivered.longitude IS NULL THEN 'unreadable'
                    WHEN abs(delivered.latitude) > 90 OR abs(delivered.longitude) > 180
                        OR (delivered.latitude = 0 AND delivered.longitude = 0) THEN 'impossible'
                    ELSE 'possible' END END AS position_state,
                CASE WHEN whole THEN CASE
                    WHEN NOT has_valid_from THEN 'missing'
                    WHEN delivered.valid_from IS NULL OR (has_valid_to AND delivered.stated_valid_to IS NULL)
                        THEN 'unreadable'
                    WHEN delivered.stated_valid_to <= delivered.valid_from THEN 'reversed'
                    WHEN delivered.stated_valid_to > next_from OR previous_to > delivered.valid_from THEN 'overlapping'
                    ELSE 'possible' END END AS interval_state,
                CASE WHEN force_text IS NOT NULL THEN CASE WHEN merged.force IS NULL THEN 'unknown' ELSE 'known' END END
                    AS force_state,
                CASE WHEN has_bearing THEN CASE
                    WHEN delivered.bearing BETWEEN 0 AND 360 THEN 'possible' ELSE 'impossible' END END AS bearing_state
            FROM delivered JOIN merged USING (row_no)"""
    )


def _refusal(
    file: Path, faults: Sequence[tuple[int, str]], rules: Sequence[Rule], forces: Collection[str]
) -> RefusedError:
    listed = "; ".join(f"row {row}: {rule}" for row, rule in faults[:FAULTS_SHOWN])
    more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
    return RefusedError(
        f"{name_as_delivered(file)} is refused as a whole: {listed}{more}.",
        f"Correct these rows and load the file again. {_explained(faults, rules, forces)}",
    )


def _explained(faults: Sequence[tuple[int, str]], rules: Sequence[Rule], forces: Collection[str]) -> str:
    """What the broken rules ask, as the contract says it, and which forces there are."""
    broken = {name for _, name in faults}
    said = [f"{rule.name}: {rule.description.strip()}" for rule in rules if rule.name in broken]
    if "force_unknown" in broken:
        said.append(f"Forces here: {', '.join(sorted(forces))}.")
    return " ".join(said)


def _keep(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, delivered_sha256: str, now: datetime
) -> RegisterRef:
    rows = f"""SELECT {_COLUMNS} FROM (SELECT *, coalesce(stated_valid_to, next_from) AS valid_to FROM merged)
        ORDER BY camera_id, valid_from"""
    content = connection.execute(rows).fetchall()
    digest = _digest(content)
    folder = lake.folder("registers", rocu)
    with placed(folder / f"{digest}.parquet") as temporary:
        connection.execute(f"COPY ({rows}) TO '{_escaped(temporary)}' (FORMAT parquet, COMPRESSION zstd)")
    register = RegisterRef(
        digest=digest,
        path=lake.relative(folder / f"{digest}.parquet"),
        cameras=len({row[0] for row in content}),
        sites=len({row[6] for row in content}),
        rows=len(content),
        loaded_at=now,
        delivered_sha256=delivered_sha256,
    )
    with suppress(WrongInputError, FaultError):
        found = current_register(lake, rocu)
        if register == found.model_copy(update={"loaded_at": now, "delivered_sha256": delivered_sha256}):
            return found
    write_text(folder / "current.json", register.model_dump_json(indent=2))
    return register


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
