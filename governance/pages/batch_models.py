"""What the batch page and the list of batches are given, which is also what `--json` prints.

No field holds a VRM or a value of a row: counts, names of cameras and feeds that are no plates, and our own words.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from governance.pages.models import Page


class JudgementRow(Page):
    """One judgement of one batch. `superseded_by` is the id of the ingest whose verdict counts instead, if any.

    `repeats` says of a file that for the most part was delivered before which batches have how many of its rows.
    """

    ingest_id: str
    batch_id: str
    delivered_as: str
    source: str
    days: tuple[date, ...]
    rows: int
    accepted: int
    quarantined: int
    duplicates: int
    verdict: str
    contract_version: str
    judged_at: datetime
    reasons: tuple[str, ...] = ()
    superseded_by: str | None = None
    judged_again_because: str | None = None
    replaces: str | None = None
    repeats: dict[str, int] = Field(default_factory=dict)


class RuleRow(Page):
    """What one rule found in the batch. `rows` is None for a rule about the batch as a whole."""

    rule: str
    severity: str
    description: str
    rows: int | None
    share: float | None
    holds: bool


class PlaceRow(Page):
    """Rows of one camera or feed that broke one rule. `of` is how many rows it had, where that was counted."""

    name: str
    rule: str
    rows: int
    of: int | None = None
    share: float | None = None


class TrendPoint(Page):
    """One batch of the trend: how many rows, and the share of them that broke each rule drawn."""

    batch_id: str
    day: date
    rows: int
    verdict: str
    here: bool
    shares: dict[str, float]


class BatchPage(Page):
    """One batch: its verdicts, its rules, where they were broken, and the batches around it."""

    rocu: str
    region: str
    made_at: str
    sha256: str
    size_bytes: int
    contract_digest: str
    register_digest: str
    standing: JudgementRow
    sentence: str
    verdicts: tuple[JudgementRow, ...]
    rules: tuple[RuleRow, ...]
    cameras: tuple[PlaceRow, ...]
    cameras_more: int = 0
    feeds: tuple[PlaceRow, ...]
    placed: bool = True
    trend_rules: tuple[str, ...]
    trend: tuple[TrendPoint, ...]
    replaced_by: str | None = None
    data_docs: str | None = None
