"""Precision and recall in service, without bias: from findings on ranked vehicles and on a blind random sample.

Every listed vehicle has a known chance of being listed: 1 for the ranked, a small one for those drawn at random. A
finding on one with chance p stands for 1/p vehicles (Horvitz and Thompson 1952), so the sum over the findings is an
unbiased figure of how many vehicles of the windows would be confirmed, listed or not. Findings that are missing or
inconclusive are taken as missing by chance within a run and a way of selection; blind lists make that likely, and the
share answered is given. What analysts get wrong stays wrong: this measures what they would confirm.

Intervals are binomial ones (Clopper and Pearson 1934), wide while few were drawn, and say so: exact for one run, and
for several at the number of findings that would say as much if all weighed the same (Korn and Graubard 1998). Runs are
taken as independent; lists of overlapping windows are not quite. Belongs here: the estimate. Does not: drawing
(`review_sample`) or reading files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Listed:
    """A vehicle that was put on a review list, and what was found.

    Args:
        run_id: Of the scoring run.
        vehicle: Its key.
        window_end: Of the window that was scored.
        selected_by: `ranked` or `random`.
        vehicles: Vehicles that stand behind this way of selection in the run: those ranked on the list, or those from
            which the random ones were drawn.
        finding: `confirmed`, `eliminated`, anything else or `None` when there is no result (yet).
    """

    run_id: str
    vehicle: str
    window_end: date
    selected_by: str
    vehicles: int
    finding: str | None


class ServiceFigure(BaseModel):
    """A figure with its 95 % interval; `None` where the findings do not give it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None


class InService(BaseModel):
    """What the lists were worth, by the findings on them.

    Args:
        runs: Scoring runs with listed vehicles.
        ranked: Vehicles listed for their rank, and how many of them have a result.
        random: Vehicles drawn at random, and how many of them have a result.
        precision: Share confirmed of the ranked.
        missed: Vehicles (times windows) that were not ranked and would be confirmed.
        recall: Share of all that would be confirmed that was ranked.
        base_rate: Share of all vehicles (times windows) that would be confirmed.
        note: How far the figures can be trusted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: int
    ranked: int
    ranked_answered: int
    ranked_confirmed: int
    random: int
    random_answered: int
    random_confirmed: int
    precision: ServiceFigure
    missed: ServiceFigure
    recall: ServiceFigure
    base_rate: ServiceFigure
    note: str


def estimate_in_service(listed: Sequence[Listed]) -> InService:
    """Estimate from the listed vehicles of one or more runs; runs without any result count for nothing.

    Args:
        listed: Every vehicle that was listed, with its finding if there is one.
    """
    ranked = _Stratum.of(listed, "ranked")
    drawn = _Stratum.of(listed, "random")
    found, missed = ranked.total(), drawn.total()
    recall = base = ServiceFigure(value=None)
    if found.value is not None and missed.value is not None and found.value + missed.value > 0:
        recall = ServiceFigure(
            value=found.value / (found.value + missed.value),
            low=_share(found.low, missed.high),
            high=_share(found.high, missed.low),
        )
    behind = ranked.vehicles + drawn.vehicles
    if found.value is not None and missed.value is not None and behind:
        base = ServiceFigure(
            value=(found.value + missed.value) / behind,
            low=((found.low or 0) + (missed.low or 0)) / behind,
            high=((found.high or 0) + (missed.high or 0)) / behind,
        )
    return InService(
        runs=len({one.run_id for one in listed}),
        ranked=ranked.listed,
        ranked_answered=ranked.answered,
        ranked_confirmed=ranked.confirmed,
        random=drawn.listed,
        random_answered=drawn.answered,
        random_confirmed=drawn.confirmed,
        precision=ranked.share(),
        missed=missed,
        recall=recall,
        base_rate=base,
        note=_note(drawn),
    )


@dataclass(frozen=True)
class _Stratum:
    """The findings of one way of selection, over runs.

    Args:
        weighted: The estimate of confirmed vehicles behind the findings.
        effective: How many findings of equal weight would say as much as these.
    """

    listed: int
    answered: int
    confirmed: int
    vehicles: int
    weighted: float
    effective: float

    @classmethod
    def of(cls, listed: Sequence[Listed], selected_by: str) -> _Stratum:
        mine = [one for one in listed if one.selected_by == selected_by]
        runs: dict[str, list[Listed]] = {}
        for one in mine:
            runs.setdefault(one.run_id, []).append(one)
        tallies = [tally for rows in runs.values() if (tally := _Tally.of(rows)).answered]
        return cls(
            listed=len(mine),
            answered=sum(tally.answered for tally in tallies),
            confirmed=sum(tally.confirmed for tally in tallies),
            vehicles=sum(tally.vehicles for tally in tallies),
            # each result had the chance answered / vehicles of being there
            weighted=sum(tally.vehicles * tally.confirmed / tally.answered for tally in tallies),
            effective=_effective(tallies),
        )

    def total(self) -> ServiceFigure:
        """How many of the vehicles behind the findings would be confirmed."""
        if not self.answered:
            return ServiceFigure(value=None)
        low, high = binomial_interval(self.effective * self.weighted / self.vehicles, self.effective)
        return ServiceFigure(value=self.weighted, low=low * self.vehicles, high=high * self.vehicles)

    def share(self) -> ServiceFigure:
        """The share confirmed of the vehicles behind the findings."""
        total = self.total()
        if total.value is None or total.low is None or total.high is None:
            return ServiceFigure(value=None)
        return ServiceFigure(
            value=total.value / self.vehicles, low=total.low / self.vehicles, high=total.high / self.vehicles
        )


@dataclass(frozen=True)
class _Tally:
    """The findings of one run and way of selection."""

    vehicles: int
    answered: int
    confirmed: int

    @classmethod
    def of(cls, rows: Sequence[Listed]) -> _Tally:
        results = [one.finding for one in rows if one.finding in ("confirmed", "eliminated")]
        return cls(rows[0].vehicles, len(results), results.count("confirmed"))


def _effective(tallies: Sequence[_Tally]) -> float:
    """How many findings of equal weight would vary as much as these.

    The smaller of what one share for all runs gives and what their own shares give; own ones say nothing while all or
    none are confirmed.
    """
    whole = sum(tally.vehicles for tally in tallies)
    shared = own = pooled = 0.0
    for tally in tallies:
        part, share = tally.vehicles / whole, tally.confirmed / tally.answered
        shared += part**2 / tally.answered
        own += part**2 / tally.answered * share * (1 - share)
        pooled += part * share
    if not tallies:
        return 0.0
    return min(1 / shared, pooled * (1 - pooled) / own) if own > 0 else 1 / shared


def binomial_interval(hits: float, of: float) -> tuple[float, float]:
    """The interval of a share (Clopper and Pearson 1934): exact for whole numbers, between them for others."""
    from scipy.stats import beta

    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits <= 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits >= of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def _share(part: float | None, other: float | None) -> float | None:
    if part is None or other is None or part + other <= 0:
        return None
    return part / (part + other)


def _note(drawn: _Stratum) -> str:
    if not drawn.answered:
        return "No finding on a randomly drawn vehicle yet: what was missed cannot be said."
    if not drawn.confirmed:
        return (
            f"None of {drawn.answered} randomly drawn vehicles was confirmed: recall can only be bounded from below; "
            "more draws narrow it."
        )
    return f"Rests on {drawn.confirmed} of {drawn.answered} randomly drawn vehicles: mind the interval."
