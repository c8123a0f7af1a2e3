"""Data Docs: the pages that Great Expectations makes of results, for one batch and for a ROCU.

They are drawn on demand from the ingest records, which hold the counts, and the contract that judged. Belongs here:
what is put on them. Does not: how GX draws (gx), where they are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data_contracts.contract.document import Contract, Rule, load_contract
from data_contracts.judgement.gx import Outcome, render_outcomes
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.batch_counts import BATCH_TABLES
from data_contracts.layers.history import Judged, latest
from data_contracts.layers.manifests import BatchManifest, IngestRecord
from data_contracts.layers.noted import NoteCount, cause_in_words
from data_contracts.layers.trends import TREND_BATCHES, trend_of
from data_contracts.trend_picture import draw_trend, share_text
from infra.wording import counted

TEMPLATES = Path(__file__).parent / "templates"
NO_LIMITS = "The limits of that day are not kept any more, so rules are shown without theirs."
OURS_DECIDES = (
    "Great Expectations says of each rule whether it holds. The verdict is the contract's: rows that break "
    "a rule of severity reject are set apart and the others are used; a rule of severity warn sets nothing apart; a "
    "rule of severity fail refuses the whole batch. Of a rule about cameras, feeds or pairs of reads, the reads are "
    "counted that its broken ones are about; of a rule about a whole batch, batches."
)


def batch_docs(judged: Judged, known_limits: Sequence[IngestLimits], noted: Sequence[NoteCount] = ()) -> str:
    """The page of one judgement of one batch.

    Args:
        judged: What became of the batch.
        known_limits: Limits that may have been in force; those whose digest the record has are taken.
        noted: What was noted beside its reads, as counts. Single notes belong on no page that is kept.

    Raises:
        WrongInputError: The contract that judged the batch is not in the package.
    """
    record, batch = judged.record, judged.batch
    contract = load_contract("reads", record.contract_version)
    rules, notes = _rules(contract, record, known_limits)
    return render_outcomes(
        f"batch {batch.batch_id}",
        contract.label,
        record.ingest_id,
        record.ingested_at,
        _outcomes(rules, (batch,)),
        TEMPLATES,
        {
            "heading": f"Batch {batch.batch_id}",
            "place": record.rocu,
            "sentence": f"Verdict: {_words(batch.verdict)}. {_counted(batch)}",
            "facts": [
                ("Delivered as", batch.delivered_as),
                ("Days of capture", _days(batch)),
                ("Contract", contract.label),
                ("Digest of contract and limits", record.contract_digest),
                ("Judged", f"{record.ingested_at:%Y-%m-%d %H:%M} UTC"),
                ("SHA-256", batch.sha256),
            ],
            "notes": [*notes, OURS_DECIDES],
            "links": [],
            "noted": [_noted(one) for one in noted],
            "trend": None,
        },
    )


def rocu_docs(judged: Sequence[Judged], known_limits: Sequence[IngestLimits]) -> str:
    """The page of a ROCU: its batches with links to their pages, the trend, and the rules over all of them together.

    Rules are added up over the batches that the newest contract and limits judged; the others are only listed.

    Args:
        judged: The batches, in the order of judging; at least one.
        known_limits: As for `batch_docs`.
    """
    newest = judged[-1].record
    together = [one.batch for one in judged if one.record.contract_digest == newest.contract_digest]
    contract = load_contract("reads", newest.contract_version)
    rules, notes = _rules(contract, newest, known_limits)
    if len(together) < len(judged):
        notes = (
            *notes,
            f"{len(judged) - len(together)} of the batches were judged by another contract or limits; "
            "they are listed, and left out of the figures below.",
        )
    failed = sum(one.batch.verdict == "failed" for one in judged)
    return render_outcomes(
        f"{counted(len(together), 'batch', 'batches')} of {newest.rocu}",
        contract.label,
        newest.ingest_id,
        newest.ingested_at,
        _outcomes(rules, together),
        TEMPLATES,
        {
            "heading": f"Data Docs of {newest.rocu}",
            "place": newest.rocu,
            "sentence": f"{counted(len(judged), 'batch', 'batches')}, {failed} of them failed.",
            "facts": [
                ("Contract", contract.label),
                ("Digest of contract and limits", newest.contract_digest),
                ("Newest judgement", f"{newest.ingested_at:%Y-%m-%d %H:%M} UTC"),
            ],
            "notes": [*notes, OURS_DECIDES],
            "links": [_link(one) for one in reversed(judged)],
            "noted": [],
            "trend": _trend(judged, rules),
        },
    )


def limits_in_force(
    contract: Contract, record: IngestRecord, known_limits: Sequence[IngestLimits]
) -> IngestLimits | None:
    """The limits that a record was made with, found by the digest that it has; None if none of the known fits."""
    return next((one for one in known_limits if contract.digest(one) == record.contract_digest), None)


def _rules(
    contract: Contract, record: IngestRecord, known_limits: Sequence[IngestLimits]
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    limits = limits_in_force(contract, record, known_limits)
    if limits is not None:
        return contract.rules(limits), ()
    return tuple(replace(rule, kwargs=_named_limits(rule)) for rule in contract.written_rules), (NO_LIMITS,)


def _named_limits(rule: Rule) -> dict[str, object]:
    """The arguments, with a limit as the parameter that GX would be given for it."""
    return {
        key: {"$PARAMETER": value.strip("${ }").removeprefix("1 - ")}
        if isinstance(value, str) and value.startswith("${")
        else value
        for key, value in rule.kwargs.items()
    }


def _outcomes(rules: Sequence[Rule], batches: Sequence[BatchManifest]) -> list[Outcome]:
    broken: Counter[str] = Counter()
    for batch in batches:
        broken.update(batch.rules)
    rows = sum(batch.rows for batch in batches)
    said = Counter(rule for batch in batches for rule in {reason.partition(":")[0] for reason in batch.reasons})
    return [
        Outcome(rule, len(batches), said[rule.name], not said[rule.name])
        if rule.table in BATCH_TABLES
        else Outcome(rule, rows, broken[rule.name], not said[rule.name])
        for rule in rules
    ]


def _trend(judged: Sequence[Judged], rules: Sequence[Rule]) -> dict[str, object]:
    """The pictures of the last batches, and what is said under each."""
    of_rows = {rule.name for rule in rules if rule.table not in BATCH_TABLES}
    drawn, points = trend_of(latest(judged, TREND_BATCHES), of_rows)

    def figure(rule: str | None) -> dict[str, object]:
        newest = f"{points[-1].rows:,}" if rule is None else share_text(points[-1].shares[rule])
        most = f"{max(p.rows for p in points):,}" if rule is None else share_text(max(p.shares[rule] for p in points))
        return {
            "name": "Rows" if rule is None else _words(rule),
            "picture": draw_trend(points, rule),
            "said": f"newest {newest}, highest {most}",
        }

    return {
        "batches": len(points),
        "first": points[0].day,
        "last": points[-1].day,
        "figures": [figure(rule) for rule in (None, *drawn)],
    }


def _noted(count: NoteCount) -> dict[str, str]:
    return {
        "rule": _words(count.rule),
        "cause": cause_in_words(count.cause),
        "reads": f"{count.reads:,}",
        "notes": f"{count.notes:,}",
        "confusions": ", ".join(f"{said} ({times:,})" for said, times in count.confusions),
    }


def _link(judged: Judged) -> dict[str, str]:
    batch = judged.batch
    return {
        "href": judged.page_name,
        "batch_id": batch.batch_id,
        "delivered_as": batch.delivered_as,
        "days": _days(batch),
        "contract_version": judged.record.contract_version,
        "verdict": _words(batch.verdict),
        "rows": f"{batch.rows:,}",
        "accepted": f"{batch.accepted:,}",
        "quarantined": f"{batch.quarantined:,}",
        "duplicates": f"{batch.duplicates:,}",
    }


def _counted(batch: BatchManifest) -> str:
    return (
        f"{batch.rows:,} rows = {batch.accepted:,} accepted + {batch.quarantined:,} quarantined + "
        f"{batch.duplicates:,} duplicates."
    )


def _days(batch: BatchManifest) -> str:
    if not batch.dates:
        return "none could be read"
    first, last = batch.dates[0], batch.dates[-1]
    return str(first) if first == last else f"{first} to {last}"


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")
