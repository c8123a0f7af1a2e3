"""Dispositions: analysts' findings, contract-checked like reads, their plates replaced by the same tokens.

A file becomes one part of accepted findings and one of quarantine, with a record of every row, placed last. A finding
that is there already is a duplicate, counted and not kept twice. The column `vehicle` of a finding about a pair holds
both tokens in their order, joined by "+".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import ValidationError

from data_contracts.contract.document import Contract, load_contract
from data_contracts.contract.needed_rules import NeverAccepted, flagged
from data_contracts.intake.delivery import seal_landing
from data_contracts.intake.names import name_as_delivered
from data_contracts.intake.taking import Reading, take
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.values import day, instant, instant_fault
from data_contracts.judgement.vehicles import issue_period, make_plates
from data_contracts.judgement.verdicts import BATCH_FAILED, Judgement, judge
from data_contracts.judgement.work import working_database
from data_contracts.layers.manifests import BatchManifest, DispositionRecord, PartRef
from data_contracts.layers.parts import write_quarantine, write_table
from data_contracts.layers.placing import Witness, place_record, unwitnessed
from data_contracts.layers.segments import write_segments
from data_contracts.plates.grammar import reads_as_plate
from data_contracts.sources.inspection import Delivery, inspect
from data_contracts.sources.model import Source
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings

FINDINGS = ("confirmed", "eliminated", "inconclusive")
SELECTIONS = ("ranked", "random", "intelligence")
DISPOSITION_COLUMNS = {
    "vehicle": "VARCHAR",
    "window_end": "DATE",
    "finding": "VARCHAR",
    "decided_at": "TIMESTAMP",
    "decided_by": "VARCHAR",
    "selected_by": "VARCHAR",
    "batch_id": "VARCHAR",
    "row_no": "BIGINT",
}
# a finding without a vehicle, a window, a known word or a time is no label; the others may not be held at all
NEVER_ACCEPTED = (
    *flagged("row_fault", row_malformed="malformed"),
    *flagged("vrm_fault", vrm_missing="missing", vrm_unreadable="unreadable"),
    *flagged("window_end_fault", window_end_missing="missing", window_end_unreadable="unreadable"),
    *flagged("finding_fault", finding_missing="missing", finding_unknown="unknown"),
    *flagged(
        "decided_at_fault",
        decided_at_missing="missing",
        decided_at_unreadable="unreadable",
        decided_at_without_zone="no_zone",
    ),
    NeverAccepted("decided_in_future", "seconds_after_now", most="${clock_skew_max_s}"),
    NeverAccepted("older_than_retention", "age_days", most="${retention_days}"),
    *flagged("selected_by_fault", selected_by_unknown="unknown"),
    NeverAccepted("id_reads_as_plate", "plate_like_ids", most=0),
)
_EVERY_PLATE = """(
    SELECT vrm, window_end FROM delivered UNION ALL SELECT other_vrm, window_end FROM delivered) AS delivered"""


@dataclass(frozen=True)
class DispositionReport:
    """What a load did: the records of the files that it judged, and the batch ids of those that were there before."""

    records: tuple[DispositionRecord, ...]
    already_known: tuple[str, ...]


def disposition_records(lake: Lake, rocu: str) -> tuple[DispositionRecord, ...]:
    """The records of all files of findings, oldest first.

    Raises:
        FaultError: A record cannot be read.
    """
    records = []
    for path in sorted(lake.folder("dispositions", rocu).glob("*.json")):
        try:
            records.append(DispositionRecord.model_validate_json(path.read_bytes()))
        except ValidationError:
            raise FaultError(
                f"The record {path.name} of dispositions of {rocu} is damaged.", "Restore it from a backup."
            ) from None
    return tuple(sorted(records, key=lambda record: (record.loaded_at, record.batch.batch_id)))


def disposition_parts(lake: Lake, rocu: str) -> tuple[PartRef, ...]:
    """The parts of accepted findings, sorted by path."""
    parts = (
        part for record in disposition_records(lake, rocu) for part in record.parts if part.layer == "dispositions"
    )
    return tuple(sorted(parts, key=lambda part: part.path))


def load_dispositions(
    settings: Settings,
    lake: Lake,
    rocu: str,
    files: Sequence[Path],
    source: Source,
    limits: IngestLimits,
    now: datetime,
    witness: Witness = unwitnessed,
) -> DispositionReport:
    """Load files of findings, one after the other.

    A file that was loaded before changes nothing, unless it failed: then it is judged again.

    Raises:
        WrongInputError: A file cannot be taken at all. Nothing is written of any.
        FaultError: Another process is at work on the ROCU, or space ran out.
    """
    contract = load_contract("dispositions")
    if source.format == "bof2":
        raise WrongInputError("BOF2 has no findings.", "Give a table: CSV with a header, or Parquet.")
    deliveries = [inspect(file, source, contract.required, contract.optional) for file in files]
    _require_takeable(settings, lake, rocu, deliveries, _reading(contract, source))
    records: list[DispositionRecord] = []
    already_known: list[str] = []
    for delivery in deliveries:
        with working_database(settings, lake, rocu) as connection:
            if delivery.batch_id in _standing(lake, rocu) or delivery.batch_id in _ids(records):
                already_known.append(delivery.batch_id)
                continue
            run = _Run(settings, lake, rocu, source, limits, now, contract, delivery, witness)
            _prepare(connection, run)
            (judgement,) = judge(connection, contract.rules(limits), "dispositions")
            _divide(connection, run, judgement)
            records.append(_write(connection, run, judgement))
    return DispositionReport(tuple(records), tuple(already_known))


def _require_takeable(
    settings: Settings, lake: Lake, rocu: str, deliveries: Sequence[Delivery], reading: Reading
) -> None:
    """Each file is judged and recorded by itself, so all are looked at before the first."""
    if len(deliveries) > 1:
        for delivery in deliveries:
            with working_database(settings, lake, rocu) as connection:
                take(connection, [delivery], reading)


def _standing(lake: Lake, rocu: str) -> set[str]:
    return _ids(record for record in disposition_records(lake, rocu) if record.batch.verdict != "failed")


def _ids(records: Iterable[DispositionRecord]) -> set[str]:
    return {record.batch.batch_id for record in records}


@dataclass(frozen=True)
class _Run:
    settings: Settings
    lake: Lake
    rocu: str
    source: Source
    limits: IngestLimits
    now: datetime
    contract: Contract
    delivery: Delivery
    witness: Witness


def _prepare(connection: duckdb.DuckDBPyConnection, run: _Run) -> None:
    take(connection, [run.delivery], _reading(run.contract, run.source))
    seal_landing(run.settings, run.lake, run.rocu, [run.delivery])
    today = f"DATE '{run.now.date().isoformat()}'"
    pseudonymiser = load_pseudonymiser(run.settings, run.rocu)
    make_plates(connection, _EVERY_PLATE, _period(today), run.source, pseudonymiser)
    _make_judged(connection, run, today)


def _reading(contract: Contract, source: Source) -> Reading:
    return Reading(contract.fields, _values(source), _projection(source), "decided_at", "time of decision")


def _values(source: Source) -> dict[str, str]:
    return {"window_end_value": day("window_end"), "decided_at_value": instant("decided_at", source)}


def _projection(source: Source) -> dict[str, str]:
    return {
        "vrm": "vrm",
        "other_vrm": "other_vrm",
        "window_end": "window_end_value",
        "window_end_fault": """CASE WHEN window_end IS NULL THEN 'missing'
            WHEN window_end_value IS NULL THEN 'unreadable' END""",
        "finding": "lower(finding)",
        "decided_at": "decided_at_value",
        "decided_at_fault": instant_fault("decided_at", "decided_at_value", source),
        "decided_by": "decided_by",
        "selected_by": "lower(selected_by)",
    }


def _make_judged(connection: duckdb.DuckDBPyConnection, run: _Run, today: str) -> None:
    moment = f"TIMESTAMP '{run.now:%Y-%m-%d %H:%M:%S.%f}'"
    newest = f"(SELECT max(window_end) FROM delivered WHERE window_end <= {today})"
    texts = connection.execute("SELECT DISTINCT decided_by FROM delivered WHERE decided_by IS NOT NULL").fetchall()
    connection.execute("CREATE TABLE plate_like_ids (id VARCHAR)")
    plate_like = [text for (text,) in texts if reads_as_plate(text)]
    connection.execute("INSERT INTO plate_like_ids SELECT unnest(?::VARCHAR[])", [plate_like])
    connection.execute(
        f"""CREATE TABLE judged AS
            SELECT batch_no, row_no, plates.vehicle_no, others.vehicle_no AS other_no, delivered.window_end,
                finding, decided_at, decided_by, selected_by,
                CASE WHEN NOT whole THEN 'malformed' END AS row_fault,
                CASE WHEN whole THEN CASE WHEN vrm IS NULL THEN 'missing' WHEN plates.vrm_fault IS NOT NULL
                    THEN plates.vrm_fault WHEN other_vrm IS NOT NULL AND coalesce(
                    others.vehicle_no = plates.vehicle_no, true) THEN 'unreadable' END END AS vrm_fault,
                CASE WHEN whole THEN window_end_fault END AS window_end_fault,
                CASE WHEN whole THEN CASE WHEN finding IS NULL THEN 'missing'
                    WHEN finding NOT IN {FINDINGS} THEN 'unknown' END END AS finding_fault,
                CASE WHEN whole THEN decided_at_fault END AS decided_at_fault,
                (epoch(decided_at) - epoch({moment}))::FLOAT AS seconds_after_now,
                decided_at::DATE - delivered.window_end AS days_after_window,
                {newest if run.limits.retention_from == "newest_read" else today} - delivered.window_end AS age_days,
                CASE WHEN selected_by NOT IN {SELECTIONS} THEN 'unknown' END AS selected_by_fault,
                coalesce((decided_by IN (FROM plate_like_ids))::TINYINT, 0) AS plate_like_ids
            FROM delivered LEFT JOIN plates
                ON plates.vrm_text = delivered.vrm
                AND plates.day = {_period(today)}
            LEFT JOIN plates AS others ON others.vrm_text = delivered.other_vrm AND others.day = {_period(today)}"""
    )


def _period(today: str) -> str:
    return issue_period(f"coalesce(delivered.window_end, {today})")


def _divide(connection: duckdb.DuckDBPyConnection, run: _Run, judgement: Judgement) -> None:
    failed = str(judgement.verdict == "failed").lower()
    _make_loaded_before(connection, run)
    connection.execute(
        f"""CREATE TABLE candidates AS
            WITH keyed AS (
                SELECT judged.*, CASE WHEN other_no IS NULL THEN vehicles.vehicle
                    ELSE least(vehicles.vehicle, others.vehicle) || '+' || greatest(vehicles.vehicle, others.vehicle)
                    END AS vehicle
                FROM judged JOIN vehicles USING (vehicle_no)
                LEFT JOIN vehicles AS others ON others.vehicle_no = other_no)
            SELECT vehicle, window_end, finding, decided_at, decided_by, selected_by,
                '{run.delivery.batch_id}' AS batch_id, row_no,
                row_number() OVER (PARTITION BY vehicle, window_end, finding, decided_at ORDER BY row_no) AS times
            FROM keyed ANTI JOIN rejected USING (batch_no, row_no)
            WHERE NOT {failed}"""
    )
    connection.execute(
        """CREATE VIEW accepted AS
            FROM candidates ANTI JOIN loaded_before USING (vehicle, window_end, finding, decided_at) WHERE times = 1"""
    )
    connection.execute(
        f"""CREATE VIEW set_apart AS
            SELECT '{run.delivery.batch_id}' AS batch_id, row_no,
                coalesce(rules, []) || CASE WHEN {failed} THEN ['{BATCH_FAILED}'] ELSE [] END AS rules, vehicle,
                NULL::VARCHAR AS camera_id, NULL::TIMESTAMP AS captured_at, NULL::VARCHAR AS feed_id
            FROM judged LEFT JOIN rejected USING (batch_no, row_no) LEFT JOIN vehicles USING (vehicle_no)
            WHERE {failed} OR rules IS NOT NULL"""
    )


def _make_loaded_before(connection: duckdb.DuckDBPyConnection, run: _Run) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in DISPOSITION_COLUMNS.items())
    connection.execute(f"CREATE TABLE loaded_before ({columns})")
    paths = [str(run.lake.root / part.path) for part in disposition_parts(run.lake, run.rocu)]
    if paths:
        connection.execute(
            f"""INSERT INTO loaded_before SELECT {", ".join(DISPOSITION_COLUMNS)}
                FROM read_parquet(?, hive_partitioning = false)""",
            [paths],
        )


def _write(connection: duckdb.DuckDBPyConnection, run: _Run, judgement: Judgement) -> DispositionRecord:
    delivery = run.delivery
    write_segments(connection, run.settings, run.lake, run.rocu, [delivery], columns=("vehicle_no", "other_no"))
    folder = run.lake.folder("dispositions", run.rocu)
    columns = ", ".join(DISPOSITION_COLUMNS)
    query = f"SELECT {columns} FROM accepted ORDER BY vehicle, window_end, decided_at, row_no"
    accepted = write_table(connection, run.lake, folder / f"{delivery.batch_id}.parquet", "dispositions", query)
    quarantined = write_quarantine(connection, run.lake, run.rocu, f"dispositions-{delivery.batch_id}")
    set_apart = judgement.rows if judgement.verdict == "failed" else judgement.rejected
    taken = sum(part.rows for part in accepted)
    days = connection.execute(
        "SELECT DISTINCT window_end FROM judged WHERE window_end IS NOT NULL ORDER BY 1"
    ).fetchall()
    record = DispositionRecord(
        rocu=run.rocu,
        loaded_at=run.now,
        contract_version=run.contract.version,
        contract_digest=run.contract.digest(run.limits),
        source_digest=run.source.digest,
        batch=BatchManifest(
            batch_id=delivery.batch_id,
            sha256=delivery.sha256,
            size_bytes=delivery.size_bytes,
            delivered_as=name_as_delivered(delivery.path),
            source=run.source.name,
            rows=judgement.rows,
            accepted=taken,
            quarantined=set_apart,
            duplicates=judgement.rows - taken - set_apart,
            rules=dict(judgement.rules),
            verdict=judgement.verdict,
            reasons=judgement.reasons,
            dates=tuple(found for (found,) in days),
        ),
        parts=(*accepted, *quarantined),
    )
    place_record(folder / f"{delivery.batch_id}.json", record, run.witness)
    return record
