"""Fills the batch page from the ingest records, counts by camera and feed, notes, and the contract that judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flows.steps.batch_notes import batch_notes
from flows.steps.remedy import by_rule, put_right
from flows.steps.rule_legend import legend_of
from governance.pages.batch_models import BatchPage, JudgementRow, PlaceRow, RuleRow

if TYPE_CHECKING:
    from data_contracts.contract.document import Rule
    from data_contracts.layers.batch_counts import By
    from data_contracts.layers.history import Judged
    from data_contracts.layers.manifests import BatchManifest
    from data_contracts.registers.regions import Region
    from flows.context import Context

PLACES = 25
SENTENCES = {
    "passed": "Passed. Every row keeps every rule that would set it apart.",
    "passed_with_quarantine": "Passed with quarantine. The rows that broke a rule were set apart; the others are used.",
}
REPLACED = (
    "Failed, and replaced: batch {batch_id} was delivered in its place and taken. Nothing of this one is used or owed."
)


def judgement_row(judged: Judged, replaced: Mapping[str, str]) -> JudgementRow:
    """One judgement as the list and the page show it; `replaced` has failed batches to the one taken in their place."""
    record, batch = judged.record, judged.batch
    return JudgementRow(
        ingest_id=record.ingest_id,
        batch_id=batch.batch_id,
        delivered_as=batch.delivered_as,
        source=batch.source,
        days=batch.dates,
        rows=batch.rows,
        accepted=batch.accepted,
        quarantined=batch.quarantined,
        duplicates=batch.duplicates,
        verdict=batch.verdict,
        contract_version=record.contract_version,
        judged_at=record.ingested_at,
        reasons=batch.reasons,
        superseded_by=judged.superseded_by,
        judged_again_because=record.reason,
        replaces=batch.replaces,
        replaced_by=replaced.get(batch.batch_id) if judged.stands else None,
        repeats=batch.repeats,
    )


def fill_batch_page(
    context: Context, region: Region, every: Sequence[Judged], mine: Sequence[Judged], data_docs: str | None = None
) -> BatchPage:
    """The page of one batch.

    Args:
        context: Where the lake is, and the time.
        region: The ROCU.
        every: All its judgements.
        mine: Those of the batch, oldest first; the last one stands.
        data_docs: Name of the file with its Data Docs, if there is one beside the page.
    """
    from data_contracts.layers.batch_counts import has_counts
    from data_contracts.layers.history import around
    from data_contracts.layers.reads import replaced_batches
    from data_contracts.layers.trends import TREND_BATCHES, trend_of

    standing, replaced = mine[-1], replaced_batches(context.lake, region.code)
    record, batch = standing.record, standing.batch
    taken = replaced.get(batch.batch_id)
    rules = _rules(standing)
    of_rows = frozenset(row.rule for row in rules if row.share is not None)
    trend_rules, trend = trend_of(around(every, batch.batch_id, TREND_BATCHES), of_rows, standing)
    cameras = _places(context, standing, "camera_id", of_rows)
    return BatchPage(
        rocu=region.code,
        region=region.name,
        made_at=f"{context.now:%Y-%m-%d %H:%M} UTC",
        sha256=batch.sha256,
        size_bytes=batch.size_bytes,
        contract_digest=record.contract_digest,
        register_digest=record.register_digest,
        standing=judgement_row(standing, replaced),
        sentence=REPLACED.format(batch_id=taken) if taken else _sentence(batch),
        verdicts=tuple(judgement_row(one, replaced) for one in mine),
        rules=rules,
        legend=legend_of(rules),
        cameras=cameras[:PLACES],
        cameras_more=max(0, len(cameras) - PLACES),
        feeds=_places(context, standing, "feed_id", of_rows)[:PLACES],
        placed=has_counts(standing),
        noted=batch_notes(context, standing),
        trend_rules=trend_rules,
        trend=trend,
        replaced_by=taken,
        tried_instead=tuple(
            dict.fromkeys(
                one.batch.batch_id
                for one in every
                if one.batch.replaces == batch.batch_id and one.batch.batch_id not in (batch.batch_id, taken)
            )
        ),
        data_docs=data_docs,
    )


def _sentence(batch: BatchManifest) -> str:
    if batch.verdict != "failed":
        return SENTENCES[batch.verdict]
    rows = by_rule(batch)
    told = f" Rejected rows by rule: {rows}." if rows else ""
    return f"Failed. Nothing of it is used.{told} {put_right(batch)}"


def _rules(judged: Judged) -> tuple[RuleRow, ...]:
    """Every rule of the contract that judged; broken ones first: those that fail the batch, then by rows."""
    from data_contracts.contract.document import load_contract

    contract = load_contract("reads", judged.record.contract_version)
    said = {reason.partition(":")[0] for reason in judged.batch.reasons}
    rows = [_rule_row(rule, judged.batch, rule.name not in said) for rule in contract.written_rules]
    return tuple(sorted(rows, key=lambda row: (row.holds, row.severity != "fail", -(row.rows or 0))))


def _rule_row(rule: Rule, batch: BatchManifest, holds: bool) -> RuleRow:
    from data_contracts.layers.batch_counts import BATCH_TABLES

    broken = None if rule.table in BATCH_TABLES else batch.rules.get(rule.name, 0)
    return RuleRow(
        rule=rule.name,
        dq_number=rule.dq_number,
        severity=rule.severity,
        description=rule.description,
        rows=broken,
        share=broken / batch.rows if broken is not None and batch.rows else None,
        holds=holds,
    )


def _places(context: Context, judged: Judged, by: By, of_rows: frozenset[str]) -> tuple[PlaceRow, ...]:
    """Which camera or feed broke which rule how often, most often first."""
    from data_contracts.judgement.verdicts import BATCH_FAILED
    from data_contracts.layers.batch_counts import broken_rows, judged_rows

    seen = judged_rows(context.lake, (judged,), by)
    rows = []
    for (rule, name), broken in broken_rows(context.lake, (judged,), by).items():
        if rule == BATCH_FAILED:
            continue
        counted = seen[name].rows if name in seen else None
        whole = counted if rule in of_rows else None
        rows.append(
            PlaceRow(name=name or "", rule=rule, rows=broken, of=whole, share=broken / whole if whole else None)
        )
    return tuple(sorted(rows, key=lambda row: (-row.rows, row.name, row.rule)))
