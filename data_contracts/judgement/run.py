"""One judgement of delivered files, from text to parts: of new files by `ingest`, of known ones by `requalify`.

The order is the safety: files are understood before anything is written, landing is sealed before anything is derived,
and the record is placed last. Until then nothing exists for a reader, so a call that was stopped is simply made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb

from data_contracts.across_rows.descriptions import describing_fields, keep_descriptions
from data_contracts.across_rows.judge import judge_across_rows
from data_contracts.across_rows.notes import write_notes
from data_contracts.across_rows.scene import Scene
from data_contracts.contract.document import Contract
from data_contracts.intake.delivery import Call, landing_sealed, require_owed_days
from data_contracts.intake.id_columns import withhold_doubtful
from data_contracts.intake.names import name_as_delivered
from data_contracts.intake.repeats import find_repeats, repeats_said
from data_contracts.intake.swapped import find_swapped, tell_swapped
from data_contracts.intake.taking import reading_of_reads, take
from data_contracts.judgement.duplicates import find_duplicates
from data_contracts.judgement.judging import judging_period, make_judged
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.vehicles import make_plates
from data_contracts.judgement.verdicts import BATCH_FAILED, Judgement, judge
from data_contracts.layers.camera_hours import write_camera_hours
from data_contracts.layers.manifests import BatchManifest, IngestRecord, PartRef
from data_contracts.layers.parts import write_quarantine, write_reads
from data_contracts.layers.placing import Witness, place_record, unwitnessed
from data_contracts.layers.rule_counts import write_rule_counts
from data_contracts.layers.segments import segments_written
from data_contracts.plates.repairs import make_repairs
from data_contracts.registers.cameras import RegisterRef, register_table
from data_contracts.sources.model import Source
from infra.errors import FindProfileError
from infra.lake import Lake
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """Everything that one judgement depends on.

    Args:
        settings: Keys, threads, memory.
        lake: Where the layers are.
        rocu: Code of the ROCU, lower case.
        source: How the supplier of the files writes.
        limits: How strictly the files are judged.
        now: The time of judging, aware.
        contract: What they are judged by.
        register: The camera register as it stands.
        call: The files, and what of them is known.
        supersedes: Ids of the records whose place this judgement takes.
        reason: Why known files are judged again; None for new ones.
        arrived: When the files were first judged; None if that is now.
        stood_in_for: Failed batches among the files to the accepted batch that was delivered in their place: they stay
            failed, whatever their rows are worth now.
        witness: In whose block the record is placed.
    """

    settings: Settings
    lake: Lake
    rocu: str
    source: Source
    limits: IngestLimits
    now: datetime
    contract: Contract
    register: RegisterRef
    call: Call
    supersedes: tuple[str, ...] = ()
    reason: str | None = None
    arrived: datetime | None = None
    stood_in_for: Mapping[str, str] = field(default_factory=dict)
    witness: Witness = unwitnessed

    @property
    def arrival(self) -> datetime:
        """When the files came: no read of them can have been captured later, however late they are judged again."""
        return self.arrived or self.now

    @property
    def ingest_id(self) -> str:
        """Names the judgement by all that decides about it: a stopped call that is made again writes over itself."""
        named = [
            self.rocu,
            self.contract.digest(self.limits),
            self.register.digest,
            self.source.digest,
            str(self.call.attempt),
            *self.supersedes,
            *(delivery.sha256 for delivery in self.call.deliveries),
        ]
        return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]


def judge_files(connection: duckdb.DuckDBPyConnection, run: Run, tell: Progress) -> IngestRecord:
    """Judge the files of a run, write their parts and place their record.

    Args:
        connection: An empty working database; the ROCU's lock is held.
        run: What is judged, and by what.
        tell: Told in a few words what is being done.

    Raises:
        WrongInputError: A file cannot be read to its end, says no zone, or has no read of the days that it owes.
    """
    judgements = find_judgements(connection, run, tell)
    tell("writing")
    return write_judgements(connection, run, judgements)


def find_judgements(connection: duckdb.DuckDBPyConnection, run: Run, tell: Progress) -> tuple[Judgement, ...]:
    """The first half of `judge_files`: everything that is to be written, and nothing written but sealed landing files.

    Returns:
        One judgement for each file. Leaves the relations `accepted`, `set_apart` and `doubled`: where each row goes.
    """
    _take(connection, run, tell)
    with landing_sealed(run.settings, run.lake, run.rocu, run.call.deliveries):
        tell("plates, tokens, cameras")
        _derive(connection, run)
        tell("running the contract")
        _make_expired(connection, run)
        found = judge(connection, run.contract.rules(run.limits), "reads", "expired")
        judgements = _keep_failed(run, tell_swapped(connection, found))
        _divide(connection, run, judgements)
        tell("looking at reads beside each other")
        judgements = _judge_across_rows(connection, run, judgements)
        withhold_doubtful(connection)
        if run.arrived is None:
            tell("sealing the files into landing")
    return judgements


def _take(connection: duckdb.DuckDBPyConnection, run: Run, tell: Progress) -> None:
    deliveries = run.call.deliveries
    tell(f"reading {len(deliveries)} files" if len(deliveries) > 1 else "reading")
    reading = reading_of_reads(run.contract, run.source, deliveries, run.limits.clock_skew_max_s)
    take(connection, deliveries, reading, known=run.arrived is not None)
    if run.call.owed:
        days = connection.execute("SELECT DISTINCT captured_at::DATE FROM delivered").fetchall()
        require_owed_days(run.call, [day for (day,) in days])


def _derive(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    pseudonymiser = load_pseudonymiser(run.settings, run.rocu)
    make_plates(connection, "delivered", judging_period(run.arrival), run.source, pseudonymiser)
    make_repairs(connection, pseudonymiser)
    register_table(connection, run.lake, run.register)
    make_judged(connection, run.source, run.limits, run.now, run.arrival, pseudonymiser)
    find_swapped(connection)
    keep_descriptions(connection, describing_fields(run.call.deliveries))
    # raw plate texts are not needed any more
    connection.execute("DROP VIEW delivered; DROP TABLE delivered_loaded; DROP TABLE plates")


def _make_expired(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Make the table `expired` (batch_no, row_no): reads that were young enough when their file came, and are no more.

    It is not the file that is wrong with them, so it does not fail for them.
    """
    waited = (run.now - run.arrival).total_seconds() / 86400 if run.limits.retention_from == "today" else 0.0
    most = float(run.limits.retention_days)
    connection.execute(
        "CREATE TABLE expired AS SELECT batch_no, row_no FROM judged WHERE age_days > $most AND age_days <= $then",
        {"most": most, "then": most + waited},
    )


def _divide(connection: duckdb.DuckDBPyConnection, run: Run, judgements: Sequence[Judgement]) -> None:
    ids = [delivery.batch_id for delivery in run.call.deliveries]
    failed = [judgement.verdict == "failed" for judgement in judgements]
    connection.execute(
        "CREATE TYPE batch_code AS ENUM (SELECT unnest($ids::VARCHAR[]) AS id ORDER BY id)", {"ids": ids}
    )
    connection.execute(
        """CREATE TABLE named AS
            SELECT (generate_subscripts($ids, 1) - 1)::INTEGER AS batch_no, unnest($ids)::batch_code AS batch_id,
                unnest($failed::BOOLEAN[]) AS failed""",
        {"ids": ids, "failed": failed},
    )
    _find_candidates(connection, run)
    own = _has_positions(run)
    latitude, longitude = (
        f"coalesce(candidates.{name}, registered.{name}) AS {name}" if own else f"registered.{name}"
        for name in ("latitude", "longitude")
    )
    connection.execute(
        f"""CREATE VIEW accepted AS
            SELECT batch_id, row_no, vehicle_no, vehicle, plate_format, plate_repaired, candidates.captured_at,
                received_at, candidates.camera_id, registered.site_id, {latitude}, {longitude}, registered.force,
                confidence, motion_toward_camera, feed_id, source_id
            FROM candidates JOIN vehicles USING (vehicle_no) JOIN registered USING (register_no)
            JOIN named USING (batch_no)"""
    )
    connection.execute(
        f"""CREATE VIEW set_apart AS
            SELECT batch_id, row_no, rules, vehicle, camera_id, captured_at, feed_id
            FROM (
                SELECT judged.*, batch_id, rules FROM judged JOIN rejected USING (batch_no, row_no)
                JOIN named USING (batch_no) WHERE NOT failed
                UNION ALL
                SELECT judged.*, batch_id, coalesce(rules, []) || ['{BATCH_FAILED}']
                FROM judged JOIN (FROM named WHERE failed) USING (batch_no)
                LEFT JOIN rejected USING (batch_no, row_no))
            LEFT JOIN vehicles USING (vehicle_no)"""
    )


def _judge_across_rows(
    connection: duckdb.DuckDBPyConnection, run: Run, judgements: Sequence[Judgement]
) -> tuple[Judgement, ...]:
    """Judge across rows until no further batch fails; reads of a batch that fails are no neighbours of the others'."""
    scene = Scene(
        connection,
        run.lake,
        run.rocu,
        run.limits,
        run.supersedes,
        opaque=run.source.plate_scheme == "opaque",
        positioned=_has_positions(run),
    )
    rules = run.contract.rules(run.limits)
    while True:
        found = judge_across_rows(scene, rules, judgements)
        failed = [
            number
            for number, (before, after) in enumerate(zip(judgements, found, strict=True))
            if before.verdict != "failed" and after.verdict == "failed"
        ]
        if not failed:
            return found
        connection.execute("UPDATE named SET failed = true WHERE batch_no IN (SELECT unnest(?::INTEGER[]))", [failed])
        _find_candidates(connection, run)
        judgements = tuple(after if number in failed else judgements[number] for number, after in enumerate(found))


def _days(connection: duckdb.DuckDBPyConnection, limits: IngestLimits) -> dict[int, list[date]]:
    """The days of each batch: a few rows with a date of decades ago do not make it one of all days since.

    If no row is young enough to be kept, all days that are not in the future.
    """
    found: dict[int, list[date]] = {}
    for number, day in connection.execute(
        f"""SELECT batch_no, day FROM (
                SELECT batch_no, captured_at::DATE AS day, bool_or(age_days <= {limits.retention_days}) AS kept
                FROM judged WHERE seconds_after_now <= {limits.clock_skew_max_s} GROUP BY ALL)
            QUALIFY kept OR NOT bool_or(coalesce(kept, false)) OVER (PARTITION BY batch_no) ORDER BY batch_no, day"""
    ).fetchall():
        found.setdefault(number, []).append(day)
    return found


def _find_candidates(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Make `candidates`, what could be accepted, by vehicle and time, and put duplicates from it into `doubled`.

    What stands beside what is asked of it more than once, and it is written in this order: it is sorted once, here.
    """
    position = ", latitude, longitude" if _has_positions(run) else ""
    connection.execute(
        f"""CREATE OR REPLACE TABLE candidates AS
            SELECT batch_no, row_no, vehicle_no, camera_id, register_no, captured_at, received_at, confidence, feed_id,
                source_id, plate_format, plate_repaired, motion_toward_camera{position}
            FROM judged SEMI JOIN (FROM named WHERE NOT failed) USING (batch_no)
            ANTI JOIN rejected USING (batch_no, row_no)
            ORDER BY vehicle_no, captured_at, register_no"""
    )
    connection.execute("DROP TABLE IF EXISTS doubled; DROP TABLE IF EXISTS accepted_before")
    find_duplicates(connection, run.lake, run.rocu, run.limits, run.supersedes)


def _has_positions(run: Run) -> bool:
    return run.source.position == "file"


def _keep_failed(run: Run, judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """A batch in whose place another was accepted does not come back beside it."""
    kept = []
    for delivery, judgement in zip(run.call.deliveries, judgements, strict=True):
        taken_by = run.stood_in_for.get(delivery.batch_id)
        if taken_by is not None:
            said = f"replaced: batch {taken_by} was delivered in its place."
            judgement = replace(judgement, verdict="failed", reasons=(said, *judgement.reasons))
        kept.append(judgement)
    return tuple(kept)


def write_judgements(connection: duckdb.DuckDBPyConnection, run: Run, judgements: Sequence[Judgement]) -> IngestRecord:
    """The second half of `judge_files`: parts first, the record last."""
    with segments_written(
        connection, run.settings, run.lake, run.rocu, run.call.deliveries, again=bool(run.supersedes)
    ):
        parts = _write_parts(connection, run)
    record = IngestRecord(
        ingest_id=run.ingest_id,
        sequence=run.call.sequence,
        rocu=run.rocu,
        ingested_at=run.now,
        contract_version=run.contract.version,
        contract_digest=run.contract.digest(run.limits),
        register_digest=run.register.digest,
        source_digest=run.source.digest,
        batches=make_manifests(connection, run, judgements),
        parts=parts,
        supersedes=run.supersedes,
        reason=run.reason,
        source_said=run.source.model_dump_json(),
    )
    require_conservation(record)
    place_record(run.lake.folder("ingests", run.rocu) / f"{run.ingest_id}.json", record, run.witness)
    return record


def _write_parts(connection: duckdb.DuckDBPyConnection, run: Run) -> tuple[PartRef, ...]:
    # first, for it gives up the room that the others need
    hours = write_camera_hours(connection, run.lake, run.rocu, run.ingest_id, run.limits)
    return (
        *write_reads(connection, run.lake, run.rocu, run.ingest_id, run.contract.version),
        *write_quarantine(connection, run.lake, run.rocu, run.ingest_id, "expired"),
        *hours,
        *write_rule_counts(connection, run.lake, run.rocu, run.ingest_id),
        *write_notes(connection, run.lake, run.rocu, run.ingest_id),
    )


def make_manifests(
    connection: duckdb.DuckDBPyConnection, run: Run, judgements: Sequence[Judgement]
) -> tuple[BatchManifest, ...]:
    """What the record says of each file."""
    doubled = dict(connection.execute("SELECT batch_no, count(*) FROM doubled GROUP BY batch_no").fetchall())
    days = _days(connection, run.limits)
    repeats = find_repeats(connection, run.lake, run.rocu, run.limits, run.supersedes)
    manifests = []
    for number, (delivery, judgement) in enumerate(zip(run.call.deliveries, judgements, strict=True)):
        quarantined = judgement.rows if judgement.verdict == "failed" else judgement.rejected
        duplicates = doubled.get(number, 0)
        manifests.append(
            BatchManifest(
                batch_id=delivery.batch_id,
                sha256=delivery.sha256,
                size_bytes=delivery.size_bytes,
                delivered_as=name_as_delivered(delivery.path),
                source=run.source.name,
                rows=judgement.rows,
                accepted=judgement.rows - quarantined - duplicates,
                quarantined=quarantined,
                duplicates=duplicates,
                rules=dict(judgement.rules),
                verdict=judgement.verdict,
                reasons=(*judgement.reasons, *repeats_said(judgement.rows, repeats.get(number, {}))),
                dates=tuple(days.get(number, [])),
                replaces=run.call.replaces,
                repeats=repeats.get(number, {}),
            )
        )
    return tuple(manifests)


def require_conservation(record: IngestRecord) -> None:
    """Every row that is counted was written, and no other.

    Raises:
        FindProfileError: Not so, with the numbers; a retry cannot help.
    """
    for layer, counted in (
        ("reads", sum(batch.accepted for batch in record.batches)),
        ("quarantine", sum(batch.quarantined for batch in record.batches)),
    ):
        written = sum(part.rows for part in record.parts if part.layer == layer)
        if written != counted:
            raise FindProfileError(
                f"The ingest was not recorded: {written} rows were written to {layer}, {counted} were counted.",
                "Do not deliver the file again before the cause is found: it is a fault of the program. Keep the "
                "file and report these numbers.",
            )
