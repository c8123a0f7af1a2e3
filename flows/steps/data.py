"""Steps that bring data in: camera registers, reads, dispositions; and what is said of their batches."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, acting
from flows.steps.desk import (
    loading_register,
    part_datasets,
    policy_of,
    register_of,
    require_layer_brought,
    witness_records,
)
from flows.steps.faulty_rows import faulty_rows
from flows.steps.remedy import rejecting, remedy
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import file_sha256
from infra.wording import counted

if TYPE_CHECKING:
    from data_contracts.layers.manifests import BatchManifest, DispositionRecord, IngestRecord
    from governance.lineage.events import DatasetRef

SAID = 5  # failed batches, or known ones, that are named one by one


class RegisterLoaded(StepResult):
    """What loading a camera register did. `said` tells of a register in the lake that was not used."""

    rocu: str
    digest: str
    cameras: int
    sites: int
    said: str | None = None


class BatchesJudged(StepResult):
    """What became of the files of one call: per batch, and in all."""

    rocu: str
    batches: tuple[dict[str, Any], ...]
    already_known: tuple[str, ...]
    rows: int
    accepted: int
    quarantined: int
    duplicates: int
    verdicts: dict[str, int]

    def summary(self) -> dict[str, str | int | float]:
        """Counts, then a line for each batch that is not simply passed."""
        lines: dict[str, str | int | float] = {
            "rocu": self.rocu,
            "rows": self.rows,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "verdicts": ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items())) or "none",
            "already known": len(self.already_known),
        }
        if self.already_known:
            more = len(self.already_known) - SAID
            lines["known as batch"] = ", ".join(self.already_known[:SAID]) + (f" and {more} more" if more > 0 else "")
        warned: Counter[str] = Counter()
        for batch in self.batches:
            warned.update(batch["rules"] if batch["verdict"] == "passed" else {})
        if warned:
            lines["warned of in batches that passed"] = ", ".join(f"{rule} {warned[rule]:,}" for rule in sorted(warned))
        for batch in self.batches:
            if batch["verdict"] != "passed":
                lines[f"batch {batch['batch_id']}"] = _verdict_said(batch)
            if batch["repeats"]:
                repeated = ", ".join(f"{rows:,} of batch {known}" for known, rows in batch["repeats"].items())
                lines[f"batch {batch['batch_id']} repeats"] = f"{repeated} ({batch['rows']:,} rows in all)"
        return lines


def _verdict_said(batch: Mapping[str, Any]) -> str:
    """The verdict, and rows by rule: those that were set apart before those that were accepted with a warning."""
    from data_contracts.contract.document import load_contract

    rules = (rule for name in ("reads", "dispositions") for rule in load_contract(name).written_rules)
    severities: dict[str, str] = {rule.name: rule.severity for rule in rules}
    counts = sorted(batch["rules"].items())
    if batch["verdict"] == "failed":
        named = [reason.partition(":")[0] for reason in batch["reasons"]]
        failing = [name for name in named if severities.get(name) == "fail"] or named[:1]
        by = f" by {', '.join(failing)}" if failing else ""
        broken = ", ".join(f"{rule} {rows:,}" for rule, rows in counts)
        return f"failed{by}, so no row was accepted{f'; rows by rule: {broken}' if broken else ''}"
    told = {"rejected": "", "warned of": ""}
    for rule, rows in counts:
        kind = "warned of" if severities.get(rule) == "warn" else "rejected"
        told[kind] += f"{', ' if told[kind] else ''}{rule} {rows:,}"
    # a warning of what is not there has no rows
    for rule in dict.fromkeys(reason.partition(":")[0] for reason in batch["reasons"]):
        if severities.get(rule) == "warn" and rule not in batch["rules"]:
            told["warned of"] += f"{', ' if told['warned of'] else ''}{rule}"
    return f"{batch['verdict']}: {'; '.join(f'{kind} {said}' for kind, said in told.items() if said)}"


def judged(rocu: str, batches: Sequence[BatchManifest], already_known: Sequence[str]) -> BatchesJudged:
    """Add up the batches of one call."""
    verdicts: dict[str, int] = {}
    for batch in batches:
        verdicts[batch.verdict] = verdicts.get(batch.verdict, 0) + 1
    return BatchesJudged(
        rocu=rocu,
        batches=tuple(batch.model_dump(mode="json") for batch in batches),
        already_known=tuple(already_known),
        rows=sum(batch.rows for batch in batches),
        accepted=sum(batch.accepted for batch in batches),
        quarantined=sum(batch.quarantined for batch in batches),
        duplicates=sum(batch.duplicates for batch in batches),
        verdicts=verdicts,
    )


def load_cameras(context: Context, rocu: str, file: Path) -> RegisterLoaded:
    """Merge a register file into the ROCU's register: the one that was loaded last by the audit log.

    So a register that a kill left without its entry, or that somebody put into the lake, is not what is merged into.

    Raises:
        RefusedError: No permission, or rows break the contract.
        WrongInputError: No such ROCU, or the file is no register.
    """
    from data_contracts.registers.cameras import load_cameras as load
    from governance.lineage.events import DatasetRef, RunFacts
    from governance.lineage.loaded_register import loaded_register

    policy = policy_of(context, rocu)
    with (
        ExitStack() as until_it_is_logged,
        acting(context, "cameras.load", rocu, "collection", f"camera register of {rocu}") as details,
    ):
        until_it_is_logged.enter_context(loading_register(context, rocu))
        standing = loaded_register(context.audit, rocu)
        details["merged_into"] = standing or "none"
        said = _other_than_loaded(context, rocu, standing)
        register = load(
            context.settings,
            context.lake,
            rocu,
            file,
            context.now,
            policy.policy.ingest,
            lambda: standing,
            said.append,
        )
        details["digest"] = register.digest
        if said:
            details["said"] = " ".join(said)
        landed = DatasetRef("landing", file_sha256(file), name="camera register as delivered")
        made = DatasetRef("registers", register.digest, rows=register.cameras)
        context.lineage.record("cameras-load", rocu, register.digest[:16], (landed,), (made,), RunFacts(), utc_now())
    return RegisterLoaded(
        rocu=rocu,
        digest=register.digest,
        cameras=register.cameras,
        sites=register.sites,
        said=" ".join(said) or None,
    )


def _other_than_loaded(context: Context, rocu: str, loaded: str | None) -> list[str]:
    """What to say of a lake that has another register than was loaded last by the log; nothing if it has not."""
    from data_contracts.registers.cameras import current_register

    try:
        found = current_register(context.lake, rocu).digest
    except WrongInputError:
        found = None
    except FaultError:
        found = "a damaged record"
    if found in (loaded, None):
        return []
    return [f"The lake had {found}, which the audit log does not have as loaded last: it was not used."]


def ingest(
    context: Context, rocu: str, files: Sequence[Path], source: str = "canonical", replaces: str | None = None
) -> BatchesJudged:
    """Judge files of reads and put the accepted ones into the lake.

    Raises:
        RefusedError: No permission; records of the lake, or its camera register, are not as the audit log has them;
            or a batch failed its contract: then what passed is in the lake, and all of it is recorded.
        WrongInputError: No such ROCU or source, or a file cannot be taken; nothing was written.
    """
    from data_contracts.ingest import ingest_files
    from data_contracts.sources.model import load_source

    policy = policy_of(context, rocu)
    with (
        acting(context, "ingest", rocu, "collection", f"reads of {rocu}") as details,
        context.lineage.attempt("ingest", rocu, lambda: _as_delivered(files), utc_now),
    ):
        complete_ingests(context, rocu)
        register_of(context, rocu)
        report = ingest_files(
            context.settings,
            context.lake,
            rocu,
            files,
            load_source(source),
            policy.policy.ingest,
            context.now,
            replaces,
            context.progress,
            lambda record: record_judgement(context, record),
            witness_records(context),
        )
        result = judged(rocu, report.batches, report.already_known)
        details |= {"policy": policy.digest, "batches": [batch.batch_id for batch in report.batches]}
        details |= {
            name: getattr(result, name) for name in ("rows", "accepted", "quarantined", "duplicates", "verdicts")
        }
        _require_none_failed(rocu, report.batches)
    return result


def _as_delivered(files: Sequence[Path]) -> tuple[DatasetRef, ...]:
    """What was to be taken in, as far as it can be read."""
    from governance.audit.plate_guard import withhold_plates
    from governance.lineage.events import DatasetRef

    readable = (file for file in files if file.is_file() and os.access(file, os.R_OK))
    return tuple(DatasetRef("landing", file_sha256(file), name=withhold_plates(file.name)) for file in readable)


def judged_before(context: Context, rocu: str, files: Sequence[Path]) -> BatchesJudged:
    """What the lake says of these files, after an ingest that refused some of them.

    Raises:
        RefusedError: Whoever asks may not ingest there; then nothing is said about the files.
    """
    from data_contracts.layers.reads import batches
    from governance.access.permissions import require

    require(context.identity, "ingest", rocu)
    wanted = {file_sha256(file) for file in files if file.is_file()}
    found = {batch.batch_id: batch for _, batch in batches(context.lake, rocu) if batch.sha256 in wanted}
    return judged(rocu, tuple(found.values()), ())


def _require_none_failed(rocu: str, batches: Sequence[BatchManifest]) -> None:
    failed = [batch for batch in batches if batch.verdict == "failed"]
    if failed:
        said = _said(failed, f"; findprofile batches list --rocu {rocu}")
        raise RefusedError(
            f"{len(failed)} of {counted(len(batches), 'batch', 'batches')} failed the contract: {said}",
            f"Nothing is trained or scored for {rocu} on {_days_blocked(failed)} until each is put right. "
            f"{remedy(rocu, failed)}",
        )


def _days_blocked(failed: Sequence[BatchManifest]) -> str:
    """In words; a batch without any readable time may be of every day."""
    days = sorted({day for batch in failed for day in batch.dates})
    if not all(batch.dates for batch in failed):
        return "any day"
    return ", ".join(map(str, days)) if len(days) <= SAID else f"{len(days)} days from {days[0]} to {days[-1]}"


def _said(failed: Sequence[BatchManifest], rest: str = "") -> str:
    said = "; ".join(f"{batch.batch_id} ({_why(batch)})" for batch in failed[:SAID])
    return f"{said}; and {len(failed) - SAID} more{rest}" if len(failed) > SAID else said


def _why(batch: BatchManifest) -> str:
    """The first reason without the wording of its rule, which the contract has, and what rejected most rows."""
    first = batch.reasons[0].split(" The rule:")[0] if batch.reasons else "no reason is recorded"
    often = rejecting(batch)[:3]
    said = ", ".join(f"{rule} {rows:,}" for rule, rows in often)
    return f"{first} Most often: {said}." if often else first


def complete_ingests(context: Context, rocu: str) -> None:
    """Refuse ingest records that are not as the log has them; complete log and lineage of what a kill left.

    Raises:
        RefusedError: Names records and parts.
        FaultError: Another process is at work on the ROCU.
    """
    from data_contracts.layers.manifests import IngestRecord

    for record in require_layer_brought(context, "ingest", rocu):
        if isinstance(record, IngestRecord):
            record_judgement(context, record)


def record_missing_lineage(context: Context, rocu: str) -> None:
    """Write the lineage of records that judged known batches again and have none yet."""
    from data_contracts.layers.reads import ingest_records

    for record in ingest_records(context.lake, rocu):
        if record.supersedes and not context.lineage.path("requalify", rocu, record.ingest_id, "COMPLETE").is_file():
            record_judgement(context, record)


def record_judgement(context: Context, record: IngestRecord) -> None:
    """Write the lineage of one ingest record: what was delivered, by which register, the parts that it became."""
    from governance.lineage.events import DatasetRef, RunFacts

    register = DatasetRef("registers", record.register_digest)
    landed = tuple(
        DatasetRef(
            "landing",
            batch.sha256,
            name=batch.delivered_as,
            rows=batch.rows,
            date=batch.dates[0].isoformat() if batch.dates else None,
        )
        for batch in record.batches
    )
    made = tuple(
        replace(part, made_from=(record.register_digest, *_delivered_for(record, part.date)))
        for part in part_datasets(record.parts)
    )
    more = {"contract_digest": record.contract_digest}
    if record.supersedes:
        more |= {"supersedes": ", ".join(record.supersedes), "reason": record.reason or ""}
    facts = RunFacts(contract_version=record.contract_version, more=more)
    job = "requalify" if record.supersedes else "ingest"
    context.lineage.record(job, record.rocu, record.ingest_id, (*landed, register), made, facts, utc_now())


def _delivered_for(record: IngestRecord, day: str | None) -> tuple[str, ...]:
    """The landing files that hold reads of a day; of a part without a day, all."""
    return tuple(
        batch.sha256 for batch in record.batches if day is None or day in {one.isoformat() for one in batch.dates}
    )


def load_dispositions(context: Context, rocu: str, files: Sequence[Path], source: str = "canonical") -> BatchesJudged:
    """Load findings of analysts.

    Raises:
        RefusedError: No permission, records of the lake are not as the audit log has them, or a file failed its
            contract.
        WrongInputError: No such ROCU or source, or a file cannot be taken.
    """
    from data_contracts.dispositions import load_dispositions as load
    from data_contracts.layers.manifests import DispositionRecord
    from data_contracts.sources.model import load_source

    policy = policy_of(context, rocu)
    with acting(context, "dispositions.load", rocu, "collection", f"dispositions of {rocu}") as details:
        for record in require_layer_brought(context, "dispositions", rocu):
            if isinstance(record, DispositionRecord):
                _record_dispositions(context, record)
        report = load(
            context.settings,
            context.lake,
            rocu,
            files,
            load_source(source),
            policy.policy.ingest,
            context.now,
            witness_records(context),
        )
        batches = tuple(record.batch for record in report.records)
        result = judged(rocu, batches, report.already_known)
        details |= {"batches": [batch.batch_id for batch in batches], "rows": result.rows, "verdicts": result.verdicts}
        for record in report.records:
            _record_dispositions(context, record)
        faulty = {record.batch.batch_id: faulty_rows(context.lake, record) for record in report.records}
        failed = [batch for batch in batches if batch.verdict == "failed"]
        for batch in batches:
            if batch.verdict != "failed" and faulty[batch.batch_id]:
                context.progress(f"set apart of {faulty[batch.batch_id]}")
        if failed:
            rows = " ".join(faulty[batch.batch_id] for batch in failed if faulty[batch.batch_id])
            raise RefusedError(
                f"{len(failed)} of {counted(len(batches), 'file')} of findings failed the contract: {_said(failed)}",
                f"Correct the file and load it again; the files that passed are loaded. {rows}".rstrip(),
            )
    return result


def _record_dispositions(context: Context, record: DispositionRecord) -> None:
    from governance.lineage.events import DatasetRef, RunFacts

    batch = record.batch
    landed = DatasetRef("landing", batch.sha256, name=batch.delivered_as, rows=batch.rows)
    facts = RunFacts(contract_version=record.contract_version)
    made = part_datasets(record.parts)
    context.lineage.record("dispositions", record.rocu, batch.batch_id, (landed,), made, facts, utc_now())
