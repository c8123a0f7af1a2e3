"""What the batch page and the list of batches are given, which is also what `--json` prints.

No field holds a VRM: counts, names of cameras and feeds that are no plates, our own words; and of the few notes shown
as examples, for who may read single notes, tokens, times and row numbers.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from data_contracts.layers.trends import TrendPoint
from governance.pages.models import LegendRow, Page


class JudgementRow(Page):
    """One judgement of one batch. `superseded_by` is the id of the ingest whose verdict counts instead, if any.

    `replaced_by` is, of a failed batch, the accepted one that was delivered in its place, also over several attempts.
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
    replaced_by: str | None = None
    repeats: dict[str, int] = Field(default_factory=dict)


class RuleRow(Page):
    """What one rule found in the batch. `rows` is None for a rule about the batch as a whole."""

    rule: str
    dq_number: str
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


class NoteCountRow(Page):
    """Notes of one rule with one cause. `confusions`: what was read for what (`8/B`) most often, and how often."""

    rule: str
    cause: str
    means: str
    reads: int
    notes: int
    confusions: dict[str, int]


class NoteRow(Page):
    """One note: the read, by batch and row and token, and what it may have been. `reason` is the cause in words."""

    batch_id: str
    row_no: int
    rule: str
    cause: str
    confusion: str | None
    reason: str
    vehicle: str
    camera_id: str
    captured_at: datetime
    other_vehicle: str | None
    other_batch_id: str | None
    other_row_no: int | None
    score: float
    value: float | None
    measured: str


class BatchNotes(Page):
    """What is noted beside the batch's reads; the reads stay as they are. Who may not read single notes has counts."""

    counts: tuple[NoteCountRow, ...]
    examples: tuple[NoteRow, ...]
    examples_withheld: bool = False


class BatchPage(Page):
    """One batch: its verdicts, its rules, where they were broken, and the batches around it.

    `replaced_by` is the accepted batch in its place; `tried_instead` were delivered for it too, and failed.
    """

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
    legend: tuple[LegendRow, ...] = ()
    cameras: tuple[PlaceRow, ...]
    cameras_more: int = 0
    feeds: tuple[PlaceRow, ...]
    placed: bool = True
    noted: BatchNotes
    trend_rules: tuple[str, ...]
    trend: tuple[TrendPoint, ...]
    replaced_by: str | None = None
    tried_instead: tuple[str, ...] = ()
    data_docs: str | None = None
