"""Ingest: delivered files of reads become accepted, pseudonymised reads, or quarantine, with a record of every row.

Belongs here: which of the files given are new, and that they are judged together. How they are judged: `judgement_run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data_contracts.cameras import current_register
from data_contracts.contract import load_contract
from data_contracts.delivery import choose
from data_contracts.judgement_run import Progress, Run, judge_files
from data_contracts.limits import IngestLimits
from data_contracts.manifests import BatchManifest, IngestRecord
from data_contracts.sources.inspection import inspect
from data_contracts.sources.model import Source
from data_contracts.work import working_database
from infra.lake import Lake
from infra.settings import Settings


@dataclass(frozen=True)
class IngestReport:
    """What a call of ingest did.

    Args:
        record: The record that it placed; None if every file was known already.
        batches: Manifests of the batches judged by this call.
        already_known: Ids of files that had been ingested before, or are in the call twice.
    """

    record: IngestRecord | None
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
) -> IngestReport:
    """Ingest files of one source for one ROCU, all judged together.

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

    Raises:
        WrongInputError: A file cannot be taken at all, there is no register, no batch `replaces`, or the file has
            no read of that batch's days. Nothing is written.
        RefusedError: `replaces` names a batch that was accepted, or has been replaced.
        FaultError: Another process is at work on the ROCU, or space ran out.
    """
    tell = on_progress or _silent
    contract = load_contract("reads")
    tell(f"looking at {len(files)} files")
    found = [inspect(file, source, contract.required, contract.optional) for file in files]
    with working_database(settings, lake, rocu, tell) as connection:
        call = choose(lake, rocu, found, replaces)
        if not call.deliveries:
            return IngestReport(None, (), call.already_known)
        register = current_register(lake, rocu)
        run = Run(settings, lake, rocu, source, limits, now, contract, register, call)
        record = judge_files(connection, run, tell)
    return IngestReport(record, record.batches, call.already_known)


def _silent(_: str) -> None:
    return None
