"""What the scoreboard is given, which is also what `--json` prints."""

from __future__ import annotations

from datetime import date

from governance.pages.models import LegendRow, Page


class Standing(Page):
    """One column: a ROCU, or a force in it. `rules` has the rows that broke each; None where no contract asked.

    `in_failed` are rows of batches that failed, all of which were set apart, whatever each of them was worth.

    Lateness is the time by which half, and 95 in 100, of the accepted rows had been received, in seconds, as the upper
    edge of a doubling bin; None where it was not counted.
    """

    name: str
    label: str
    rows: int
    quarantined: int
    duplicates: int
    rules: dict[str, int | None]
    in_failed: int
    batches: int | None = None
    failed_batches: int | None = None
    late_half_s: float | None = None
    late_most_s: float | None = None

    def share(self, rule: str) -> float | None:
        """Share of the rows that broke a rule."""
        broken = self.rules.get(rule)
        return None if broken is None or not self.rows else broken / self.rows

    @property
    def quarantine_share(self) -> float | None:
        """Share of the rows that were set apart."""
        return self.quarantined / self.rows if self.rows else None

    @property
    def failed_share(self) -> float | None:
        """Share of the rows that lie in batches that failed."""
        return self.in_failed / self.rows if self.rows else None

    @property
    def duplicates_share(self) -> float | None:
        """Share of the rows that were collapsed."""
        return self.duplicates / self.rows if self.rows else None


class RocuStanding(Page):
    """One ROCU and its forces; `unplaced` are rows that no force could be found for, also by the rule they broke."""

    rocu: Standing
    forces: tuple[Standing, ...]
    unplaced: int
    unplaced_rules: dict[str, int]
    contracts: tuple[str, ...]
    first: date
    last: date


class Spread(Page):
    """How far the forces lie apart in one rule. `best` and `worst` name forces; no `ratio` if the best has none."""

    rule: str
    best: str
    best_share: float
    worst: str
    worst_share: float
    ratio: float | None


class RuleAsked(Page):
    """One line of the board."""

    rule: str
    dq_number: str
    severity: str
    description: str


class Scoreboard(Page):
    """The same rules side by side, over the batches with a day of capture in the span."""

    made_at: str
    start: date | None
    end: date | None
    rules: tuple[RuleAsked, ...]
    rocus: tuple[RocuStanding, ...]
    spreads: tuple[Spread, ...]
    least_rows: int
    least_broken: int
    legend: tuple[LegendRow, ...] = ()
