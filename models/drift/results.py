"""What monitoring says, as data: frozen, strict, written as JSON, read by pages and flows.

Belongs here: the shapes alone. Figures come from the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.drift.settings import Method, MonitorSettings
from models.in_service import InService

CameraKind = Literal["silent", "reduced", "flood", "new", "removed"]
OffsetKind = Literal["clock_offset", "wrong_place"]
ColumnState = Literal["compared", "constant", "all_missing", "missing_on_one_side", "identifier", "unsupported"]
Attribution = Literal["cameras", "behaviour", "both", "none"]
Population = Literal["all", "ranked"]
Action = Literal["none", "inspect_cameras", "review_behaviour", "retrain", "review_labels"]


class Result(BaseModel):
    """Base of the results: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Result):
    """Days from `start` to `end`, both inclusive, and on how many of them the ROCU had reads."""

    start: date
    end: date
    days_with_reads: int

    @property
    def days(self) -> int:
        """Length of the span in days."""
        return (self.end - self.start).days + 1


class CameraInterval(Result):
    """One camera that did not see what it should have, from `start` to `end` inclusive.

    `scope` is `site` when every camera of a site with several went the same way at the same time.
    """

    camera_id: str
    site_id: str
    kind: CameraKind
    scope: Literal["camera", "site"]
    start: date
    end: date
    expected_per_day: float
    seen_per_day: float


class CameraOffset(Result):
    """One camera whose clock or registered place was wrong, from `start` to `end` inclusive, as camera health says."""

    camera_id: str
    site_id: str
    kind: OffsetKind
    start: date
    end: date
    says: str


class CameraDays(Result):
    """Daily counts of one camera over all days of the estate, its usual daily rate, and what was expected each day."""

    camera_id: str
    site_id: str
    usual_per_day: float
    seen: tuple[int, ...]
    expected: tuple[float, ...]


class EstateResult(Result):
    """The camera estate over both spans: cameras that saw too little or too much, and `offsets` of clock and place.

    On `empty_days` no camera had a read: a fault of delivery, not of a camera.
    """

    days: tuple[date, ...]
    current_from: date
    empty_days: tuple[date, ...]
    day_factors: tuple[float, ...]
    cameras: tuple[CameraDays, ...]
    intervals: tuple[CameraInterval, ...]
    offsets: tuple[CameraOffset, ...] = ()

    @property
    def changed_cameras(self) -> frozenset[str]:
        """Cameras with at least one interval or offset."""
        return frozenset(one.camera_id for one in self.intervals) | frozenset(one.camera_id for one in self.offsets)


class ColumnDrift(Result):
    """One column compared between two tables.

    `score` is Evidently's figure by `method`. `noise` is the 99th percentile of the same figure when the rows of both
    tables are shuffled (seeded): a score that small samples give by chance is not drift.
    """

    column: str
    state: ColumnState
    method: Method
    threshold: float
    score: float | None
    noise: float | None
    drifted: bool
    missing_reference: float
    missing_current: float
    median_reference: float | None = None
    median_current: float | None = None


class FeatureDrift(Result):
    """One feature, with all cameras (`raw`) and without the reads of changed cameras in either span (`adjusted`).

    `adjusted` is `None` where too few reads are left without the changed cameras to say anything.
    """

    feature: str
    population: Population
    raw: ColumnDrift
    adjusted: ColumnDrift | None
    attribution: Attribution


class ScoreDrift(Result):
    """The champion's scores over both spans, raw and adjusted; quantiles are of all vehicles, raw."""

    raw: ColumnDrift
    adjusted: ColumnDrift | None
    attribution: Attribution
    quantiles: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


class LabelSpan(Result):
    """Findings decided within one span."""

    findings: int
    confirmed: int
    eliminated: int
    inconclusive: int
    confirmed_share: float | None
    median_delay_days: float | None


class LabelDrift(Result):
    """Late labels and changed labels. `ranked_due` counts ranked vehicles old enough to have a finding by now."""

    reference: LabelSpan
    current: LabelSpan
    confirmed_changed: bool
    ranked_due: int
    ranked_without_finding: int
    late_share: float | None
    late: bool


class Recommendation(Result):
    """One action, further ones that should follow it, and the reasons as sentences. Never a promotion."""

    action: Action
    then: tuple[Action, ...]
    reasons: tuple[str, ...]


class DriftResult(Result):
    """Any two tables compared, column by column."""

    reference_rows: int
    current_rows: int
    compared_rows: tuple[int, int]
    columns: tuple[ColumnDrift, ...]
    missing_columns: tuple[str, ...]
    new_columns: tuple[str, ...]
    changed_types: tuple[str, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the columns that drifted."""
        return tuple(column.column for column in self.columns if column.drifted)


class MonitorResult(Result):
    """One run of monitoring for one ROCU, pattern and date. `run_id` is a digest of everything that went in."""

    run_id: str
    rocu: str
    pattern: str
    as_of: date
    made_at: datetime
    settings: MonitorSettings
    champion_digest: str | None
    reads_digest: str
    reference: Span
    current: Span
    vehicles_reference: int
    vehicles_current: int
    reads_left_share: float
    estate: EstateResult
    features: tuple[FeatureDrift, ...]
    scores: ScoreDrift | None
    labels: LabelDrift
    in_service: InService | None = None
    lists_not_counted: tuple[str, ...] = ()
    recommendation: Recommendation
    reports: Mapping[str, str]
    folder: str
