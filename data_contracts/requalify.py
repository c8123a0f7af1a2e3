"""Batches judged again: by the contract, the limits and the camera register of now, from their sealed landing files.

A new record takes the place of an old one, which stays: both verdicts are kept. Record by record, oldest first, so that
a call that was stopped is simply made again. Belongs here: which records are due, and judging one of them. Does not:
the judgement itself (`judgement.run`), how moved rows are counted (moved_rows).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import ValidationError

from data_contracts.contract.document import Contract, load_contract
from data_contracts.ingest import ROWS_AT_ONCE
from data_contracts.intake.delivery import Call
from data_contracts.intake.opened_landing import opened_landing, require_landed
from data_contracts.judgement.leaning import leaning_records
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.moved_rows import Asked, BatchAgain, count_moved
from data_contracts.judgement.run import Progress, Run, find_judgements, make_manifests, write_judgements
from data_contracts.judgement.work import working_database
from data_contracts.layers.manifests import BatchManifest, IngestRecord
from data_contracts.layers.placing import Witness, unwitnessed
from data_contracts.layers.reads import (
    batches,
    ingest_records,
    replaced_batches,
    standing_batches,
    standing_records,
    touches,
)
from data_contracts.registers.cameras import RegisterRef, current_register
from data_contracts.sources.inspection import inspect
from data_contracts.sources.model import BUILT_IN, Source
from infra.errors import RefusedError
from infra.lake import Lake
from infra.settings import Settings

CONTRACT, LIMITS, REGISTER, SOURCE = "contract", "limits", "camera register", "source"
NEIGHBOURS = "reads that its duplicates were duplicates of"


@dataclass(frozen=True)
class Judge:
    """What batches are judged by now.

    Args:
        settings: Keys, threads, memory; the vault's private key among them.
        lake: Where the layers are.
        rocu: Code of the ROCU, lower case.
        limits: The ROCU's, as its policy says now.
        now: The time of judging, aware.
        witness: In whose block each new record is placed.
    """

    settings: Settings
    lake: Lake
    rocu: str
    limits: IngestLimits
    now: datetime
    witness: Witness = unwitnessed


@dataclass(frozen=True)
class Due:
    """A record and those of its batches whose verdict it holds. `changed` says what decides and is another now.

    Nothing changed means that judging again could change nothing: the record is left alone.
    """

    record: IngestRecord
    batches: tuple[BatchManifest, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class RecordAgain:
    """What judging one record again came to, by the contract of version `judged_by`.

    It is `wanted` unless it lets out nothing that was asked about. `record` is the one in the old one's place; None if
    it is not wanted, or was only tried.
    """

    due: Due
    batches: tuple[BatchAgain, ...]
    judged_by: str
    wanted: bool
    record: IngestRecord | None


def records_of_days(judge: Judge, start: date, end: date) -> tuple[Due, ...]:
    """Every standing record with a batch of these days (both inclusive), oldest first, and what has changed for it."""
    return _standing(judge, lambda _, held: any(touches(batch, start, end) for batch in held))


def records_named(judge: Judge, ingest_ids: Collection[str]) -> tuple[Due, ...]:
    """These of the standing records, oldest first, and what has changed for each."""
    return _standing(judge, lambda record, _: record.ingest_id in ingest_ids)


def judge_again(
    judge: Judge,
    due: Sequence[Due],
    reason: str,
    opening: Callable[[Due], None],
    tell: Progress,
    asked: Asked | None = None,
    trial: bool = False,
) -> Iterator[RecordAgain]:
    """Judge records again, one after the other; each is done for good when it is given.

    Args:
        judge: What they are judged by.
        due: The records; those for which nothing has changed, or that stand no more, are passed over. Records whose
            duplicates were duplicates of reads that this takes back follow, whether or not they are among these.
        reason: Kept in the new records.
        opening: Called before the landing files of a record are opened.
        tell: Told in a few words what is being done.
        asked: Which quarantined rows are wanted out; they are counted apart, and a record that would let none of them
            out is left as it is. None: all records are judged again.
        trial: Write nothing.

    Yields:
        What became of each record.

    Raises:
        RefusedError: No private key, a landing file is gone or changed, or how to read it is not known.
        FaultError: Another process is at work on the ROCU, or space ran out.
    """
    require_landed(judge.lake, judge.rocu, [batch for one in due if one.changed for batch in one.batches])
    for one in due:
        if one.changed:
            done = _judge_record(judge, one, reason, opening, tell, asked or Asked(), asked is not None, trial)
            if done is not None:
                yield done
    for one in () if trial else _leaning(judge):
        done = _judge_record(judge, one, reason, opening, tell, asked or Asked(), False, trial)
        if done is not None:
            yield done


def _standing(judge: Judge, wanted: Callable[[IngestRecord, Sequence[BatchManifest]], bool]) -> tuple[Due, ...]:
    contract, register = load_contract("reads"), current_register(judge.lake, judge.rocu)
    leaning = leaning_records(judge.settings, judge.lake, judge.rocu, judge.limits)
    held: dict[str, list[BatchManifest]] = {}
    for record, batch in standing_batches(judge.lake, judge.rocu):
        held.setdefault(record.ingest_id, []).append(batch)
    found = []
    for record in standing_records(judge.lake, judge.rocu):
        batches_held = held.get(record.ingest_id, [])
        if batches_held and wanted(record, batches_held):
            changed = _changed(record, contract, register, judge.limits)
            changed += (NEIGHBOURS,) if record.ingest_id in leaning else ()
            found.append(Due(record, tuple(batches_held), changed))
    return tuple(found)


def _leaning(judge: Judge) -> tuple[Due, ...]:
    leaning = leaning_records(judge.settings, judge.lake, judge.rocu, judge.limits)
    return records_named(judge, leaning) if leaning else ()


def _changed(record: IngestRecord, contract: Contract, register: RegisterRef, limits: IngestLimits) -> tuple[str, ...]:
    changed = []
    if record.contract_version != contract.version:
        changed.append(f"{CONTRACT} {record.contract_version} to {contract.version}")
    elif record.contract_digest != contract.digest(limits):
        changed.append(LIMITS)
    if record.register_digest != register.digest:
        changed.append(REGISTER)
    if record.source_digest != source_of(record).digest:
        changed.append(SOURCE)
    return tuple(changed)


def source_of(record: IngestRecord) -> Source:
    """How the files of a record are read: as its source said, or (older records) by the built-in source it names.

    Raises:
        RefusedError: The record does not say.
    """
    named = {batch.source for batch in record.batches}
    if record.source_said is None and len(named) == 1 and (name := min(named)) in BUILT_IN:
        return BUILT_IN[name]
    try:
        return Source.model_validate_json(record.source_said or "")
    except ValidationError:
        raise RefusedError(
            f"The ingest record {record.ingest_id} does not say how its files are to be read (source "
            f"{', '.join(sorted(named))}).",
            "It was made before records said so, or by another version; name a span of days without its batches.",
        ) from None


def _judge_record(
    judge: Judge,
    due: Due,
    reason: str,
    opening: Callable[[Due], None],
    tell: Progress,
    asked: Asked,
    only_to_release: bool,
    trial: bool,
) -> RecordAgain | None:
    on_disk = sum(batch.rows for batch in due.batches) > ROWS_AT_ONCE
    with working_database(judge.settings, judge.lake, judge.rocu, on_disk=on_disk) as connection:
        # since the plan was made, another process may have judged it
        if due.record.ingest_id not in {record.ingest_id for record in standing_records(judge.lake, judge.rocu)}:
            return None
        opening(due)
        files = "landing file" if len(due.batches) == 1 else "landing files"
        tell(f"opening {len(due.batches)} {files} of record {due.record.ingest_id}")
        folder = judge.settings.root / "work" / judge.rocu / "opened"
        with opened_landing(judge.settings, judge.lake, judge.rocu, due.batches, folder) as paths:
            run = _run(judge, due, paths, reason)
            judgements = find_judgements(connection, run, tell)
        made = make_manifests(connection, run, judgements)
        moved = count_moved(
            connection, judge.lake, due.record, due.batches, made, asked.coded(judge.settings, judge.rocu)
        )
        wanted = not only_to_release or any(batch.released for batch in moved)
        record = write_judgements(connection, run, judgements) if wanted and not trial else None
        return RecordAgain(due, moved, run.contract.version, wanted, record)


def _run(judge: Judge, due: Due, paths: Sequence[Path], reason: str) -> Run:
    contract, source = load_contract("reads"), source_of(due.record)
    deliveries = tuple(inspect(path, source, contract.required, contract.optional, known=True) for path in paths)
    judged_before = [batch.batch_id for _, batch in batches(judge.lake, judge.rocu)]
    replaced = replaced_batches(judge.lake, judge.rocu)
    call = Call(
        deliveries=deliveries,
        already_known=(),
        replaces=next((batch.replaces for batch in due.batches if batch.replaces), None),
        owed=(),
        attempt=sum(judged_before.count(delivery.batch_id) for delivery in deliveries),
        sequence=len(ingest_records(judge.lake, judge.rocu)),
    )
    return Run(
        judge.settings,
        judge.lake,
        judge.rocu,
        source,
        judge.limits,
        judge.now,
        contract,
        current_register(judge.lake, judge.rocu),
        call,
        supersedes=(due.record.ingest_id,),
        reason=reason,
        arrived=_arrival(judge, due.record),
        stood_in_for={batch.batch_id: replaced[batch.batch_id] for batch in due.batches if batch.batch_id in replaced},
        witness=judge.witness,
    )


def _arrival(judge: Judge, record: IngestRecord) -> datetime:
    """When the files of a record came: the time of the first record of its line."""
    known = {one.ingest_id: one for one in ingest_records(judge.lake, judge.rocu)}
    while record.supersedes and record.supersedes[0] in known:
        record = known[record.supersedes[0]]
    return record.ingested_at
