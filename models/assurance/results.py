"""What the trials of a challenger found: frozen, typed, plain values. No vehicle is named in any of them.

Belongs here: the shapes, and figures that follow from counts alone. Does not: limits, which are the policy's.
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from models.stability import Stability


class Frozen(BaseModel):
    """Base of the results here: frozen and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Difference(Frozen):
    """One value that serving has otherwise than the snapshot; `row` counts the snapshot's rows of the window from 0."""

    window_end: date
    row: int
    column: str
    trained: str
    served: str


class Parity(Frozen):
    """Rows of the snapshot made again on the way that scoring goes, and held against the snapshot bit by bit.

    Args:
        window_ends: The windows that were built and scored again.
        train_rows: Rows of training that were compared, each with every feature and the score.
        holdout_rows: The same of the hold-out.
        differing_rows: Rows with at least one difference, a vehicle that serving does not have among them.
        differing_columns: What differs in any row; `score` stands for the score.
        first: The first differences, at most a handful.
    """

    model_sha256: str
    window_ends: tuple[date, ...]
    features: int
    train_rows: int
    holdout_rows: int
    differing_rows: int
    differing_columns: tuple[str, ...] = ()
    first: tuple[Difference, ...] = ()


class Leakage(Frozen):
    """Signs that a model was told what it should find.

    Args:
        shuffles: How often labels were exchanged at random within their windows and a model was trained on them.
        base_rate: Share of hold-out rows confirmed: what a random order is worth.
        shuffled_average_precision: Median over the shuffles of the average precision of such a model on the hold-out,
            for the true and for the exchanged labels; the larger of the two.
        rows_on_both_sides: Rows of one vehicle and window that are in training and in the hold-out.
        window_end: The window that was built again with reads after its end.
        later_reads: How many reads after its end were added.
        rows_compared: Rows of the hold-out that were held against the window built with them.
        rows_moved: Those that came out otherwise.
        strongest_feature: The feature that alone ranks the hold-out best, up or down.
        strongest_average_precision: What that ranking is worth.
    """

    shuffles: int
    base_rate: float | None
    shuffled_average_precision: float | None
    rows_on_both_sides: int
    window_end: date
    later_reads: int
    rows_compared: int
    rows_moved: int
    strongest_feature: str | None
    strongest_average_precision: float | None

    @property
    def shuffled_excess(self) -> float | None:
        """How far the shuffled labels' average precision lies above that of a random order."""
        if self.shuffled_average_precision is None or self.base_rate is None:
            return None
        return self.shuffled_average_precision - self.base_rate


class GroupFigures(Frozen):
    """What one group gets of the list. A row is one vehicle in one window.

    Args:
        selected: Rows within the first k of their window.
        expected: Rows that would be selected if every row were as likely.
        precision: Share of the selected that are confirmed; `None` if none is selected.
        recall: Share of the confirmed that are selected; `None` if none is confirmed.
    """

    group: str
    rows: int
    selected: int
    confirmed: int
    selected_confirmed: int
    expected: float
    selection_rate: float
    precision: float | None
    recall: float | None


class Attribute(Frozen):
    """One way to tell groups apart. Differences and the ratio (least by most) are over all groups, judged or not."""

    name: str
    groups: tuple[GroupFigures, ...]
    selection_rate_difference: float | None
    selection_rate_ratio: float | None
    precision_difference: float | None
    recall_difference: float | None

    def judged(self, min_expected: float) -> tuple[GroupFigures, ...]:
        """The groups that are large enough for a count of selected rows to say something."""
        return tuple(group for group in self.groups if group.expected >= min_expected and group.group != UNKNOWN)

    def largest_ratio(self, min_expected: float) -> float | None:
        """Largest selection rate by smallest among the judged groups; `None` if there are not two to compare.

        Half a row is added to each count, so that a group with none selected has a rate above zero.
        """
        judged = self.judged(min_expected)
        if len(judged) < 2:
            return None
        rates = [(group.selected + 0.5) / (group.rows + 1) for group in judged]
        return max(rates) / min(rates)


UNKNOWN = "unknown"
"""The group of rows about which nothing is known; shown, never judged."""


class Fairness(Frozen):
    """How a list of the first k is spread over groups of vehicles, by where each is based."""

    k: int
    window_ends: tuple[date, ...]
    rows: int
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, if it was measured."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


class Thinning(Frozen):
    """What becomes of ranks where half of the cameras of the densest area on the list are taken away.

    Args:
        cameras: In the area; `cameras_removed` of them are taken away, with `reads_removed` reads.
        rows_there: Rows of the hold-out whose base is in the area.
        median_rank_change: Of those rows, up or down, among `rows` rows.
        top_k_replaced: Share of the first k that are no longer there.
    """

    window_end: date
    k: int
    rows: int
    cameras: int
    cameras_removed: int
    reads_removed: int
    rows_there: int
    median_rank_change: float | None
    top_k_replaced: float | None
    selection_rate_before: float | None
    selection_rate_after: float | None


class FaultTrial(Frozen):
    """One kind of fault, injected into the reads of a hold-out window.

    Args:
        name: misreads, clones, outage or clock.
        what: What was done, in words.
        reads_changed: Reads that were changed, added or taken away.
        top_k_overlap: Share of the first k that stay among the first k.
        average_precision_loss: By how much the average precision fell; below zero when it rose.
    """

    name: str
    what: str
    reads_changed: int
    top_k_overlap: float | None
    average_precision: float | None
    average_precision_loss: float | None


class Robustness(Frozen):
    """How a ranking stands up to faults of cameras and plates."""

    window_end: date
    k: int
    rows: int
    confirmed: int
    reads: int
    average_precision: float | None
    trials: tuple[FaultTrial, ...]

    def trial(self, name: str) -> FaultTrial | None:
        """The trial of that name, if it was made."""
        return next((trial for trial in self.trials if trial.name == name), None)


class Assurance(Frozen):
    """What was found about one training run; `None` for what could not be tried."""

    model_sha256: str
    snapshot_sha256: str
    source_digest: str = Field(description="of the code that tried it")
    leakage: Leakage | None
    fairness: Fairness | None
    thinning: Thinning | None
    robustness: Robustness | None
    stability: Stability | None = None


class Refit(Frozen):
    """A model fitted again to the rows of its snapshot, as it was fitted then.

    Args:
        model_sha256: Digest of the registered text.
        again_sha256: Digest of the text that came out now.
        rows: Rows that were fitted to.
        lightgbm_version: With which it was made again.
    """

    model_sha256: str
    again_sha256: str
    rows: int
    lightgbm_version: str


class Explained(Frozen):
    """Whether what is said about the rows of a list is what the model did.

    Args:
        rows: Rows of the hold-out's lists, k of each window.
        without_facts: Those about which no sentence of facts can be said, neither for nor against.
        largest_gap: The most by which the contributions of a row, added up, miss its score (in log-odds).
    """

    model_sha256: str
    rows: int
    without_facts: int
    largest_gap: float
