"""What each page is given: frozen, plain, complete. Who fills them needs to know nothing about HTML.

No field holds a raw VRM; vehicles are tokens. Times are text as they should be read, UTC.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from governance.lineage.graph import LineageGraph
from models.drift.results import MonitorResult
from models.units import Unit


class Page(BaseModel):
    """Base of the pages and their parts: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Page):
    """One line of a summary. `code` values are set in a fixed-width face: digests, ids, paths."""

    name: str
    value: str
    code: bool = False


class LegendRow(Page):
    """What a number such as DQ08 stands for: the rules of the contract that have it, each in the contract's words."""

    number: str
    rules: dict[str, str]


class BatchRow(Page):
    """One batch behind the data: `rows = accepted + quarantined + duplicates`."""

    batch_id: str
    delivered_as: str
    sha256: str
    contract_version: str
    verdict: str
    rows: int
    accepted: int
    quarantined: int
    duplicates: int


class FigureRow(Page):
    """One figure on the hold-out, each as text with its interval, e.g. `0.41 (0.32 to 0.52)`."""

    name: str
    challenger: str
    champion: str = ""
    baseline: str = ""


class GroupRow(Page):
    """What one group of vehicles gets of the list; `judged` says whether it is large enough to be compared."""

    attribute: str
    group: str
    rows: int
    selected: int
    confirmed: int
    expected: float
    selection_rate: float
    precision: str
    recall: str
    judged: bool


class GateRow(Page):
    """One line of the gate."""

    name: str
    what: str
    limit: str
    source: str
    value: str
    result: Literal["passed", "refused", "missing"]


class DecisionRow(Page):
    """Something that a person or the gate did about the version."""

    at: str
    action: str
    by: str
    outcome: str
    reason: str = ""


class Plot(Page):
    """A picture. `description` says what it shows, for those who cannot see it."""

    title: str
    media_type: Literal["image/svg+xml", "image/png"]
    content: bytes
    description: str


class ModelRecordPage(Page):
    """The record of one model version."""

    rocu: str
    region: str
    model: str
    version: str
    status: str
    made_at: str
    purpose: str
    not_for: str
    identity: tuple[Fact, ...]
    digests: tuple[Fact, ...]
    data: tuple[Fact, ...]
    batches: tuple[BatchRow, ...] = ()
    evidence_digest: str = ""
    figures: tuple[FigureRow, ...] = ()
    trials: tuple[Fact, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    gate_outcome: str = ""
    gate: tuple[GateRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    lineage: LineageGraph | None = None
    dvc_lock: str = ""


class AnalystRow(Page):
    """One vehicle on the list.

    `cautions` say why the reads themselves may be wrong, and come before everything; `facts` and `against` are
    sentences of facts, those that put the vehicle here and those that speak against it.
    """

    rank: int
    vehicle: str
    cautions: tuple[str, ...] = ()
    facts: tuple[str, ...]
    against: tuple[str, ...] = ()
    score: str = ""


class AnalystListPage(Page):
    """The list for analysts. `data_notes` concern all rows: outages, late batches; `words` say what sentences mean.

    A row is about a `unit`, and `shared_by` says whose innocent lives look so.

    With `drawn` vehicles among the rows that were drawn at random, rows have no score, and `rank` is the place on the
    list: whoever reviews is not to know which they are.
    """

    rocu: str
    region: str
    pattern: str
    unit: Unit = "vehicle"
    shared_by: str
    as_of: str
    window: str
    run_id: str
    made_at: str
    vehicles_scored: int
    drawn: int = 0
    assessment: tuple[Fact, ...]
    data_notes: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    rows: tuple[AnalystRow, ...]


class MonitorPage(Page):
    """One run of monitoring. `features` maps a feature's name to what it is meant to see."""

    region: str
    champion: str
    made_at: str
    result: MonitorResult
    features: dict[str, str] = {}
