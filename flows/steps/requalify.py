"""Steps that judge known batches again, from their sealed files: all of some days, or what would let rows out.

Belongs here: permission, the audit entries (the opening of the vault among them, before it happens), lineage, and the
sums that are shown. Does not: the judging (data_contracts.requalify).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flows.context import Context, acting
from flows.steps.desk import policy_of, register_of, require_brought, witness_records
from flows.steps.remedy import by_rule, put_right
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import WrongInputError
from infra.wording import counted

if TYPE_CHECKING:
    from data_contracts.judgement.limits import IngestLimits
    from data_contracts.judgement.moved_rows import Asked, BatchAgain
    from data_contracts.layers.manifests import BatchManifest
    from data_contracts.requalify import Due, Judge, RecordAgain
    from governance.audit.operations import Operation

DEFAULT_REASON = "what decides about reads has changed"
BATCHES_TOLD = 3
NOTHING_CHANGED = "Nothing that decides about them has changed since they were judged"


class Counts(BaseModel):
    """What became of the rows of a batch, or of several, by one judgement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: str
    contract: str
    accepted: int
    quarantined: int
    duplicates: int


class BatchTwice(BaseModel):
    """One batch by the judgement that stood and by the new one, and the rows that moved between them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_id: str
    delivered_as: str
    rows: int
    before: Counts
    after: Counts
    changed: tuple[str, ...]
    asked: int
    released: int
    released_as_duplicates: int
    newly_quarantined: int
    still_held_by: dict[str, int]
    superseded_record: str
    record: str | None


class Requalified(StepResult):
    """What judging again did, or (`tried_only`) would do.

    `held_in_failed` are rows asked about in batches that fail as a whole by the new judgement, `failing`, whether they
    failed before or not: no row of these can come out.
    """

    rocu: str
    tried_only: bool
    said: str
    records_judged_again: int
    records_left_alone: int
    asked: int
    released: int
    released_as_duplicates: int
    still_quarantined: int
    held_in_failed: int
    failing: tuple[str, ...]
    newly_quarantined: int
    newly_failed: tuple[str, ...]
    failed_no_longer: tuple[str, ...]
    batches: tuple[BatchTwice, ...]

    def summary(self) -> dict[str, str | int | float]:
        """A sentence and the counts; the batches have a table of their own."""
        lines: dict[str, str | int | float] = {"rocu": self.rocu, "outcome": self.said}
        would = "would be " if self.tried_only else ""
        if self.batches:
            lines |= {
                f"records {would}judged again": self.records_judged_again,
                "records left alone": self.records_left_alone,
                "rows asked about": self.asked,
                f"{would}released": f"{self.released} ({self.released_as_duplicates} of them duplicates)",
                f"{would}still in quarantine": self.still_quarantined,
                f"{would}newly in quarantine": self.newly_quarantined,
            }
        for rule, rows in sorted(held_by(self.batches).items()):
            lines[f"held by {rule}"] = rows
        if self.failing:
            lines["in failed batches"] = (
                f"{self.held_in_failed} rows of {', '.join(self.failing)}; none comes out of a batch that fails "
                "as a whole; findprofile batches show says what puts that right"
            )
        failing_now = "would fail" if self.tried_only else "fails now"
        for title, failing in ((failing_now, self.newly_failed), ("fails no longer", self.failed_no_longer)):
            if failing:
                lines[title] = ", ".join(failing)
        return lines


def held_by(batches: Iterable[BatchTwice]) -> dict[str, int]:
    """Rows asked about that stay, by the rules that they break now; those of failed batches are left out."""
    held: dict[str, int] = {}
    for batch in (batch for batch in batches if batch.after.verdict != "failed"):
        for rule, rows in batch.still_held_by.items():
            held[rule] = held.get(rule, 0) + rows
    return held


def requalify(
    context: Context, rocu: str, first: date, last: date, reason: str | None = None, plan: bool = False
) -> Requalified:
    """Judge the batches of some days again by the contract, the limits and the register of now.

    Args:
        context: Who acts.
        rocu: Whose batches.
        first: First day of capture.
        last: Last day of capture.
        reason: Why; kept in the records and in the log.
        plan: Judge, and show what would change, but write nothing.

    Raises:
        RefusedError: No permission, no private key, a landing file is gone or changed, or records of the lake are not
            as the audit log has them.
        WrongInputError: No such ROCU, `last` before `first`, or the reason holds a number plate.
    """
    from data_contracts.requalify import records_of_days
    from governance.audit.plate_guard import refuse_plate_text

    if last < first:
        raise WrongInputError(f"--to {last} lies before --from {first}.", "Give the earlier date as --from.")
    why = reason or DEFAULT_REASON
    refuse_plate_text("the reason", why)
    policy = policy_of(context, rocu)
    with acting(context, "requalify", rocu, _operation(plan), f"reads of {rocu}") as details:
        details |= {"why": why, "plan": plan, "first": str(first), "last": str(last), "policy": policy.digest}
        _require_ingests(context, rocu, plan)
        judge = _judge(context, rocu, policy.policy.ingest)
        due = records_of_days(judge, first, last)
        done = _judge_again(context, judge, due, why, plan, details, None)
        said = _said_of_days(due, done, plan)
        return _note(details, _result(rocu, plan, said, due, done))


def release(context: Context, rocu: str, asked: Asked, reason: str, plan: bool = False) -> Requalified:
    """Judge again the records that hold certain rows in quarantine; what passes now is out, what does not stays.

    A record of which nothing asked about would be released is left as it is. There is no way to let a row out that
    breaks a rule.

    Args:
        context: Who acts.
        rocu: Whose quarantine.
        asked: Which rows.
        reason: Why; kept in the records and in the log.
        plan: Judge, and show what would be released, but write nothing.

    Raises:
        RefusedError: No permission, no private key, a landing file is gone or changed, or records of the lake are not
            as the audit log has them.
        WrongInputError: No such ROCU, rule or batch, or the reason holds a number plate.
    """
    from data_contracts.layers.reads import replaced_batches
    from data_contracts.quarantine import Span, records_holding, require_known
    from data_contracts.requalify import records_named
    from governance.audit.plate_guard import refuse_plate_text

    refuse_plate_text("the reason", reason)
    policy = policy_of(context, rocu)
    with acting(context, "quarantine.release", rocu, _operation(plan), f"quarantine of {rocu}") as details:
        details |= {"why": reason, "plan": plan, "policy": policy.digest} | asked_details(asked)
        _require_ingests(context, rocu, plan)
        require_known(context.lake, rocu, asked)
        judge = _judge(context, rocu, policy.policy.ingest)
        holding = records_holding(context.settings, context.lake, rocu, Span(), asked)
        due = records_named(judge, holding)
        done = _judge_again(context, judge, due, reason, plan, details, asked)
        said = _said_of_release(sum(holding.values()), due, done, plan, replaced_batches(context.lake, rocu))
        return _note(details, _result(rocu, plan, said, due, done))


def asked_details(asked: Asked) -> dict[str, Any]:
    """What was asked about, as the log keeps it: an id that reads as a plate is withheld."""
    from governance.audit.plate_guard import withhold_plates

    said = {"rule": asked.rule, "camera": asked.camera, "batch": asked.batch}
    return {name: withhold_plates(value) for name, value in said.items() if value is not None}


def _require_ingests(context: Context, rocu: str, plan: bool) -> None:
    """Rows that nobody brought are not to become part of a record that somebody did, nor places that nobody loaded."""
    from flows.steps.data import complete_ingests

    if plan:
        require_brought(context, "ingest", rocu, ())
    else:
        complete_ingests(context, rocu)
    register_of(context, rocu)


def _operation(plan: bool) -> Operation:
    return "consultation" if plan else "alteration"


def _judge(context: Context, rocu: str, limits: IngestLimits) -> Judge:
    from data_contracts.requalify import Judge

    return Judge(context.settings, context.lake, rocu, limits, context.now, witness_records(context))


def _judge_again(
    context: Context,
    judge: Judge,
    due: Sequence[Due],
    reason: str,
    plan: bool,
    details: dict[str, Any],
    asked: Asked | None,
) -> list[RecordAgain]:
    from data_contracts.requalify import judge_again
    from flows.steps.data import record_missing_lineage

    for one in due:
        if one.changed:
            rows = sum(batch.rows for batch in one.batches)
            context.progress(
                f"{'would judge' if plan else 'to judge'} again: record {one.record.ingest_id}, "
                f"{counted(len(one.batches), 'batch', 'batches')}, {rows:,} rows (changed: {', '.join(one.changed)})"
            )
    done = []
    details["records"] = {}
    for again in judge_again(
        judge, due, reason, lambda one: _say_opening(context, judge.rocu, one, reason), context.progress, asked, plan
    ):
        done.append(again)
        if again.record is not None:
            details["records"][again.due.record.ingest_id] = again.record.ingest_id
            record_missing_lineage(context, judge.rocu)
    # what a call that was stopped left out
    record_missing_lineage(context, judge.rocu)
    return done


def _say_opening(context: Context, rocu: str, due: Due, reason: str) -> None:
    """The log has it before the vault is opened."""
    from governance.audit.log import Entry

    opening = Entry.by(
        context.identity,
        action="landing.open",
        operation="consultation",
        rocu=rocu,
        object=f"landing files of record {due.record.ingest_id}",
        outcome="done",
        details={"why": reason, "batches": [batch.batch_id for batch in due.batches]},
    )
    context.audit.append(opening, utc_now())


def _said_of_days(due: Sequence[Due], done: Sequence[RecordAgain], plan: bool) -> str:
    if not due:
        return "There are no batches of these days."
    if not done:
        return f"{NOTHING_CHANGED}: {counted(len(due), 'record')} left as they are."
    return f"{counted(len(done), 'record')} {'would be ' if plan else ''}judged again; both verdicts are kept."


def _said_of_release(
    matching: int, due: Sequence[Due], done: Sequence[RecordAgain], plan: bool, replaced: Mapping[str, str]
) -> str:
    if not matching:
        return "Nothing like that is in quarantine."
    if not any(one.changed for one in due):
        return (
            f"Nothing was released: {matching:,} rows are in quarantine, and {NOTHING_CHANGED[0].lower()}"
            f"{NOTHING_CHANGED[1:]}. Load the corrected register or policy first."
        )
    out = sum(batch.released for again in done for batch in again.batches)
    if not out:
        failing = [batch.after for again in done for batch in again.batches if batch.after.verdict == "failed"]
        or_else = ", or their batch fails as a whole" if failing else ""
        said = f"Nothing {'would be' if plan else 'was'} released: all {matching:,} rows still break a rule{or_else}."
        told = [_fails(batch, replaced.get(batch.batch_id)) for batch in failing[:BATCHES_TOLD]]
        more = len(failing) - len(told)
        return " ".join([said, *told, *([f"{more} more fail."] if more else [])])
    return f"{out:,} of {matching:,} rows {'would be' if plan else 'were'} released."


def _fails(batch: BatchManifest, taken: str | None) -> str:
    if taken is not None:
        return f"{batch.batch_id} fails, and batch {taken} has taken its place: nothing is owed."
    return f"{batch.batch_id} fails: {by_rule(batch)}. {put_right(batch)}"


def _result(rocu: str, plan: bool, said: str, due: Sequence[Due], done: Sequence[RecordAgain]) -> Requalified:
    batches = tuple(_twice(again, batch) for again in done for batch in again.batches)
    judged_again = {again.due.record.ingest_id for again in done if again.wanted}
    moved = [_twice(again, batch) for again in done if again.wanted for batch in again.batches]
    failing = [b for b in batches if b.after.verdict == "failed" and b.asked]
    return Requalified(
        rocu=rocu,
        tried_only=plan,
        said=said,
        records_judged_again=len(judged_again),
        records_left_alone=len({one.record.ingest_id for one in due} - judged_again),
        asked=sum(batch.asked for batch in batches),
        released=sum(batch.released for batch in moved),
        released_as_duplicates=sum(batch.released_as_duplicates for batch in moved),
        still_quarantined=sum(batch.asked - batch.released for batch in batches),
        held_in_failed=sum(batch.asked for batch in failing),
        failing=tuple(batch.batch_id for batch in failing),
        newly_quarantined=sum(batch.newly_quarantined for batch in moved),
        newly_failed=tuple(b.batch_id for b in moved if b.after.verdict == "failed" != b.before.verdict),
        failed_no_longer=tuple(b.batch_id for b in moved if b.before.verdict == "failed" != b.after.verdict),
        batches=batches,
    )


def _twice(again: RecordAgain, batch: BatchAgain) -> BatchTwice:
    old, new = batch.before, batch.after
    names = ("verdict", "accepted", "quarantined", "duplicates")
    return BatchTwice(
        batch_id=old.batch_id,
        delivered_as=old.delivered_as,
        rows=old.rows,
        before=Counts(contract=again.due.record.contract_version, **{name: getattr(old, name) for name in names}),
        after=Counts(contract=again.judged_by, **{name: getattr(new, name) for name in names}),
        changed=again.due.changed,
        asked=batch.asked,
        released=batch.released,
        released_as_duplicates=batch.released_as_duplicates,
        newly_quarantined=batch.newly_quarantined,
        still_held_by=dict(batch.held),
        superseded_record=again.due.record.ingest_id,
        record=again.record.ingest_id if again.record else None,
    )


def _note(details: dict[str, Any], result: Requalified) -> Requalified:
    names = ("records_judged_again", "records_left_alone", "asked", "released", "still_quarantined")
    details |= {name: getattr(result, name) for name in (*names, "newly_quarantined", "newly_failed")}
    return result
