"""Ingest: delivered files of reads become accepted, pseudonymised reads, or quarantine, with a record of every row.

Belongs here: which of the files given are new, and which of them are judged together. How they are judged:
`judgement.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data_contracts.contract.document import Contract, load_contract
from data_contracts.intake.delivery import choose
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.run import Progress, Run, judge_files
from data_contracts.judgement.work import working_database
from data_contracts.layers.manifests import BatchManifest, IngestRecord
from data_contracts.layers.placing import Witness, unwitnessed
from data_contracts.registers.cameras import current_register
from data_contracts.sources.inspection import Delivery, inspect
from data_contracts.sources.model import Source
from infra.errors import WrongInputError
from infra.lake import Lake
from infra.settings import Settings

ROWS_AT_ONCE = 12_000_000
FILES_TOLD = 500
BYTES_OF_A_ROW = 20  # in a Parquet file, where rows are not counted beforehand


@dataclass(frozen=True)
class IngestReport:
    """What a call of ingest did.

    Args:
        records: The records that it placed; none if every file was known already.
        batches: Manifests of the batches judged by this call.
        already_known: Ids of files that had been ingested before, or are in the call twice.
    """

    records: tuple[IngestRecord, ...]
    batches: tuple[BatchManifest, ...]
    already_known: tuple[str, ...]


def ingest_files(
    settings: Settings,
    lake: Lake,
    rocu: str,
    files: Sequence[Path],
    source: Source,
    limits: IngestLimits,
    now: datetime,
    replaces: str | None = None,
    on_progress: Progress | None = None,
    on_record: Callable[[IngestRecord], None] | None = None,
    witness: Witness = unwitnessed,
) -> IngestReport:
    """Ingest files of one source for one ROCU.

    They are judged together, but for calls of more than `ROWS_AT_ONCE` rows: these are judged file by file, or some
    files at a time, so that memory does not grow with the call. Each such group has a record of its own, so a call that
    was stopped goes on where it was when it is made again.

    Args:
        settings: Keys, threads, memory.
        lake: Where the layers are.
        rocu: Code of the ROCU, lower case.
        files: The files as delivered.
        source: How their supplier writes.
        limits: How strictly they are judged.
        now: The time of ingest, aware.
        replaces: A failed batch that the one file given takes the place of.
        on_progress: Told in a few words what is being done.
        on_record: Told of each record once it is placed.
        witness: In whose block each record is placed.

    Raises:
        WrongInputError: A file cannot be taken at all, there is no register, no batch `replaces`, or the file has
            no read of that batch's days. Nothing is written of the group that the file is in, nor of those after it.
        RefusedError: `replaces` names a batch that was accepted, or has been replaced.
        FaultError: Another process is at work on the ROCU, or space ran out.
    """
    tell = on_progress or _silent
    contract = load_contract("reads")
    found = _looked_at(files, source, contract, tell)
    groups = _groups(found) if replaces is None else [found]
    records: list[IngestRecord] = []
    known: list[str] = []
    for number, group in enumerate(groups):
        tell_here = _within(tell, number, len(groups))
        on_disk = sum(map(_rows, group)) > ROWS_AT_ONCE
        with working_database(settings, lake, rocu, tell_here, on_disk) as connection:
            call = choose(lake, rocu, group, replaces)
            known += call.already_known
            if not call.deliveries:
                continue
            register = current_register(lake, rocu)
            run = Run(settings, lake, rocu, source, limits, now, contract, register, call, witness=witness)
            with _told_of_others(len(call.deliveries)):
                records.append(judge_files(connection, run, tell_here))
        if on_record is not None:
            on_record(records[-1])
    return IngestReport(tuple(records), tuple(batch for record in records for batch in record.batches), tuple(known))


def _looked_at(files: Sequence[Path], source: Source, contract: Contract, tell: Progress) -> list[Delivery]:
    found: list[Delivery] = []
    for number, file in enumerate(files):
        if number % FILES_TOLD == 0:
            many = "1 file" if len(files) == 1 else f"{len(files)} files"
            tell(f"looking at {many}" + (f", {number} seen" if number else ""))
        with _told_of_others(len(files)):
            found.append(inspect(file, source, contract.required, contract.optional))
    return found


@contextmanager
def _told_of_others(together: int) -> Iterator[None]:
    """Say with the error of one file what became of the good ones beside it."""
    try:
        yield
    except WrongInputError as error:
        if together == 1:
            raise
        none = f"None of the {together:,} files given together was taken."
        raise WrongInputError(error.reason, f"{error.instruction} {none}") from None


def _groups(found: Sequence[Delivery]) -> list[list[Delivery]]:
    groups: list[list[Delivery]] = []
    held = 0
    for delivery in found:
        rows = _rows(delivery)
        if not groups or held + rows > ROWS_AT_ONCE:
            groups.append([])
            held = 0
        groups[-1].append(delivery)
        held += rows
    return groups


def _rows(delivery: Delivery) -> int:
    """How many rows a file has, or about so many."""
    return delivery.lines or delivery.size_bytes // BYTES_OF_A_ROW


def _within(tell: Progress, number: int, groups: int) -> Progress:
    if groups == 1:
        return tell
    return lambda said: tell(f"{said} (part {number + 1} of {groups} of the call)")


def _silent(_: str) -> None:
    return None
