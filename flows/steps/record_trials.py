"""Fills the part of the model record page that is about trials, from the evidence or, before any, from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.pages.models import Fact, GroupRow

if TYPE_CHECKING:
    from governance.gate.evidence import Evidence
    from models.assurance.results import Assurance, Fairness, Leakage, Parity, Robustness, Thinning
    from models.registry import VersionRecord
    from models.stability import Stability

MISSING = "not measured"


def trial_facts(record: VersionRecord, evidence: Evidence | None) -> tuple[Fact, ...]:
    """One line for each trial; one that was not made says so."""
    found: Evidence | Assurance | None = evidence or record.assurance
    return (
        Fact(name="training-serving parity", value=_parity(evidence.parity if evidence else None)),
        Fact(name="stability over seeds", value=_stability(found.stability if found else None)),
        Fact(name="shuffled labels", value=_shuffled(found.leakage if found else None)),
        Fact(name="reads after the window's end", value=_later(found.leakage if found else None)),
        Fact(name="fewer cameras", value=_thinned(found.thinning if found else None)),
        *_faults(found.robustness if found else None),
    )


def group_rows(record: VersionRecord, evidence: Evidence | None, min_expected: float) -> tuple[GroupRow, ...]:
    """What each group of vehicles gets of the list; none if that was not measured."""
    found: Evidence | Assurance | None = evidence or record.assurance
    fairness: Fairness | None = found.fairness if found else None
    if fairness is None:
        return ()
    return tuple(
        GroupRow(
            attribute=attribute.name,
            precision=_share(group.precision),
            recall=_share(group.recall),
            judged=group in attribute.judged(min_expected),
            **group.model_dump(include={"group", "rows", "selected", "confirmed", "expected", "selection_rate"}),
        )
        for attribute in fairness.attributes
        for group in attribute.groups
    )


def _parity(found: Parity | None) -> str:
    if found is None:
        return MISSING
    rows = f"{found.train_rows:,} rows of training and {found.holdout_rows:,} of the hold-out made again as in service"
    if found.differing_rows == 0:
        return f"{rows}: every one of {found.features} features and every score the same to the bit"
    first = found.first[0]
    named = (
        f"row {first.row} of {first.window_end}, {first.column}: {first.trained} in training, {first.served} in service"
    )
    return f"{rows}: {found.differing_rows:,} differ; the first is {named}"


def _stability(found: Stability | None) -> str:
    if found is None or found.overlap_at_k.mean is None:
        return MISSING
    return f"{found.overlap_at_k.mean:.0%} of a list of {found.k} stays on average over {len(found.seeds)} seeds"


def _shuffled(found: Leakage | None) -> str:
    if found is None or found.shuffled_average_precision is None or found.base_rate is None:
        return MISSING
    return (
        f"average precision {found.shuffled_average_precision:.3f} on labels exchanged at random, "
        f"{found.base_rate:.3f} by chance"
    )


def _later(found: Leakage | None) -> str:
    if found is None:
        return MISSING
    return f"{found.later_reads:,} added: {found.rows_moved} of {found.rows_compared:,} rows changed"


def _thinned(found: Thinning | None) -> str:
    if found is None or found.top_k_replaced is None:
        return MISSING
    moved = "not known" if found.median_rank_change is None else f"{found.median_rank_change:,.0f}"
    return (
        f"{found.cameras_removed} of {found.cameras} cameras of the densest area on the list taken away: "
        f"{found.top_k_replaced:.0%} of the list replaced; ranks of the {found.rows_there:,} vehicles based there move "
        f"by a median of {moved} among {found.rows:,}; selected there {_share(found.selection_rate_before)} before, "
        f"{_share(found.selection_rate_after)} after"
    )


def _faults(found: Robustness | None) -> tuple[Fact, ...]:
    if found is None:
        return (Fact(name="faults in the data", value=MISSING),)
    return tuple(
        Fact(
            name=trial.name,
            value=f"{trial.what} ({trial.reads_changed:,} reads): {_share(trial.top_k_overlap)} of the list stays, "
            f"average precision {_loss(trial.average_precision_loss)}",
        )
        for trial in found.trials
    )


def _loss(lost: float | None) -> str:
    if lost is None:
        return MISSING
    return f"{abs(lost):.3f} {'lower' if lost >= 0 else 'higher'}"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"
