"""What is known about a challenger when somebody decides about it: one frozen record with a digest.

Belongs here: the record's shape. Does not: gathering it (flows), or judging it (the gate). A figure that is not there
is `None`, which the gate refuses; nothing here has a default that could stand in for a missing figure.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from governance.canonical import canonical_json
from governance.gate.change_plan import Change
from governance.policy.strictness import PolicyDifference
from models.assurance.results import Explained, Fairness, Leakage, Parity, Refit, Robustness, Thinning
from models.stability import Stability

TRIALS = frozenset({"parity", "leakage", "fairness", "thinning", "robustness", "stability"})
# what is left out of the record when it is not there
_RECORD = frozenset({"refit", "explained", "made_again", "data_rocus", "change", "policy_differences"})
LATER = TRIALS | _RECORD | {"made_documents", "trained_as_of"}


class Frozen(BaseModel):
    """Base of the records here: frozen and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Frozen):
    """A figure with its 95 % bootstrap interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class NotYetKnown(Frozen):
    """How a model ranks the hold-out's vehicles that training had no finding about: what it is worth for new ones.

    The other figures hold vehicles as well that training had findings about, which a model can simply recognise.

    Args:
        vehicles: Such vehicles in the hold-out.
        positives: Those of them that are confirmed.
        base_rate: Share of rows confirmed: the average precision of a random order.
        lift_over_baseline: Precision@k divided by that of the pattern's written-down rule.
    """

    vehicles: int | None
    positives: int | None
    base_rate: Figure | None
    average_precision: Figure | None
    precision_at_k: Figure | None
    recall_at_k: Figure | None
    lift_over_baseline: Figure | None


class Performance(Frozen):
    """How a model ranks the hold-out. Every figure is on the same rows.

    Args:
        holdout_digest: Of the hold-out's rows; two performances compare only if it is the same.
        window_ends: The windows of the hold-out.
        k: Capacity of the analysts per window.
        positives: Confirmed vehicles in the hold-out.
        reviewed: Vehicles with a finding in the hold-out.
        lift_over_baseline: Precision@k divided by that of the pattern's written-down rule.
        not_yet_known: The same ranking, of those vehicles that were not known at the challenger's training.
    """

    holdout_digest: str
    window_ends: tuple[date, ...]
    k: int
    positives: int | None
    reviewed: int | None
    average_precision: Figure | None
    precision_at_k: Figure | None
    recall_at_k: Figure | None
    lift_over_baseline: Figure | None
    calibration_error: Figure | None
    not_yet_known: NotYetKnown | None


class NoChampion(Frozen):
    """The audit log holds no promotion of this model: this is the first."""

    kind: Literal["none"] = "none"


class ChampionUnreachable(Frozen):
    """There is a champion, but it could not be read or scored. Not the same as none."""

    kind: Literal["unreachable"] = "unreachable"
    reason: str


class ChampionMeasured(Frozen):
    """The champion on the challenger's hold-out, and challenger minus champion by paired bootstrap."""

    kind: Literal["measured"] = "measured"
    version: str
    model_sha256: str
    performance: Performance
    difference: Figure | None = Field(description="average precision, challenger minus champion, paired interval")


Champion = Annotated[NoChampion | ChampionUnreachable | ChampionMeasured, Field(discriminator="kind")]


class DataVerdicts(Frozen):
    """What the contracts said about the batches behind the training data.

    Args:
        batches: Number of batches per verdict (`passed`, `passed_with_quarantine`, `failed`).
        standing_failures: Batch ids that failed in the span and that no later batch replaced; `None` if not looked at.
        contract_versions: Of the contracts that judged them.
    """

    batches: dict[str, int]
    standing_failures: tuple[str, ...] | None
    contract_versions: tuple[str, ...]


class Document(Frozen):
    """A document about the version, by its digest."""

    name: str
    sha256: str


class MadeAgain(Frozen):
    """What the audit log says of the latest attempt to make the whole version again, by `findprofile reproduce`.

    Args:
        same: Whether the digests agreed.
        seq: The entry's number.
    """

    same: bool
    seq: int
    at: str
    by: str


class MadeDocument(Frozen):
    """A document that the product made from the record, by its digest.

    Args:
        sha256: Of its JSON; made again from the same record it is the same.
        fields: How many it has.
        missing: How many of them it shows as missing.
    """

    name: str
    sha256: str
    fields: int
    missing: int


class Evidence(Frozen):
    """Everything that the gate and the approvers are shown about one version."""

    model: str = Field(description="<pattern>.<rocu>")
    version: str
    rocu: str
    pattern: str
    model_sha256: str = Field(description="of the model's text")
    inputs_digest: str = Field(description="of the pinned training inputs")
    snapshot_digest: str = Field(description="of the training snapshot")
    data: DataVerdicts
    challenger: Performance
    champion: Champion
    signature_verified: bool | None
    commit: str | None = Field(description="of the code that trained it")
    trainer: str | None = Field(description="subject of the verified identity that trained it")
    policy_digest: str
    documents: tuple[Document, ...] = ()
    parity: Parity | None = Field(default=None, description="training rows made again as in service")
    leakage: Leakage | None = None
    fairness: Fairness | None = None
    thinning: Thinning | None = Field(default=None, description="the list with fewer cameras in one area")
    robustness: Robustness | None = None
    stability: Stability | None = Field(default=None, description="the same training under other seeds")
    refit: Refit | None = Field(default=None, description="the model fitted again from its snapshot")
    made_again: MadeAgain | None = Field(default=None, description="the whole version made again, if anybody did")
    explained: Explained | None = Field(default=None, description="whether explanations are what the model did")
    data_rocus: tuple[str, ...] | None = Field(default=None, description="whose reads and findings it was made from")
    change: Change | None = Field(default=None, description="against the champion; nothing for a first version")
    policy_differences: tuple[PolicyDifference, ...] | None = Field(
        default=None, description="what the policy sets otherwise than the packaged default"
    )
    made_documents: tuple[MadeDocument, ...] | None = Field(default=None, description="made from the record")
    trained_as_of: date | None = Field(default=None, description="the day up to which training knew findings")

    @property
    def last_day_seen(self) -> date:
        """The last day that training saw; without a record of it, the last that the hold-out has."""
        return self.trained_as_of or max(self.challenger.window_ends)

    @property
    def digest(self) -> str:
        """SHA-256 over the whole record; an approval is bound to it."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The record as canonical JSON; a figure that is not a number is written as null.

        What came later and was not gathered is left out, so that evidence from before keeps its digest.
        """
        values = json.loads(self.model_dump_json())
        return canonical_json({key: value for key, value in values.items() if value is not None or key not in LATER})


def present(value: float | int | None) -> bool:
    """Whether a figure is there and is a number."""
    return value is not None and math.isfinite(value)
