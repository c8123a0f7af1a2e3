"""Figures, trials and groups as several documents show them: from the signed record and the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from governance.documents.model import Field, Table
from governance.documents.source import EVIDENCE, Source, field, figure_text
from governance.gate.evidence import ChampionMeasured, present

if TYPE_CHECKING:
    from governance.gate.evidence import Evidence, NotYetKnown, Performance
    from models.evaluation import Population

NONE = "not measured"


def figure_table(source: Source) -> Table:
    """Each figure of the version, of the champion on the same rows, and of the written-down rule."""
    found, evidence = source.record.evaluation, source.evidence
    champion = evidence.champion if evidence and isinstance(evidence.champion, ChampionMeasured) else None
    performance = champion.performance if champion else None
    rows = [
        *_ranked(found.all_vehicles, performance, found.k, ""),
        (
            "calibration error",
            figure_text(found.all_vehicles.model.calibration_error) or NONE,
            _of(performance, "calibration_error"),
            NONE,
        ),
        *_ranked(
            found.not_yet_known, performance.not_yet_known if performance else None, found.k, ", vehicles not yet known"
        ),
    ]
    if champion is not None and champion.difference is not None:
        rows.append(
            ("average precision, this version minus champion", figure_text(champion.difference) or NONE, "", "")
        )
    named = f"Champion (version {champion.version})" if champion else "Champion"
    return Table(
        caption="Figures on the hold-out",
        columns=("Figure", "This version", named, "Written-down rule"),
        rows=tuple(rows),
    )


def _ranked(
    found: Population, champion: Performance | NotYetKnown | None, k: int, who: str
) -> Iterator[tuple[str, ...]]:
    titles = {
        "average_precision": "average precision",
        "precision_at_k": f"precision at {k}",
        "recall_at_k": f"recall at {k}",
    }
    for name, title in titles.items():
        yield (
            f"{title}{who}",
            figure_text(getattr(found.model, name)) or NONE,
            _of(champion, name),
            figure_text(getattr(found.baseline, name)) or NONE,
        )


def _of(performance: Performance | NotYetKnown | None, name: str) -> str:
    return figure_text(getattr(performance, name)) or NONE if performance else NONE


def trial_fields(source: Source) -> tuple[Field, ...]:
    """What was tried on the version, one sentence each."""
    found = source.evidence
    return (
        field("training and service give the same rows", _parity(found), EVIDENCE),
        field("fitted again from its snapshot", _refit(found), EVIDENCE),
        field("explanations", _explained(found), EVIDENCE),
        field("another seed", _stability(found), EVIDENCE),
        field("labels exchanged at random", _shuffled(found), EVIDENCE),
        field("reads after the window's end", _later(found), EVIDENCE),
        field("the strongest feature alone", _strongest(found), EVIDENCE),
        field("half the cameras of one area away", _thinned(found), EVIDENCE),
        *_faults(found),
    )


def _parity(found: Evidence | None) -> str | None:
    if found is None or found.parity is None:
        return None
    rows = found.parity.train_rows + found.parity.holdout_rows
    return f"{found.parity.differing_rows} of {rows:,} rows differ"


def _refit(found: Evidence | None) -> str | None:
    if found is None or found.refit is None:
        return None
    same = found.refit.again_sha256 == found.refit.model_sha256
    return f"{'the same text' if same else 'another text'} from {found.refit.rows:,} rows"


def _explained(found: Evidence | None) -> str | None:
    if found is None or found.explained is None:
        return None
    told = found.explained
    return (
        f"{told.rows} rows: {told.without_facts} without facts; contributions miss the score by "
        f"{told.largest_gap:.0e} at most"
    )


def _stability(found: Evidence | None) -> str | None:
    mean = found.stability.overlap_at_k.mean if found and found.stability else None
    return None if mean is None else f"{mean:.0%} of a list stays on average"


def _shuffled(found: Evidence | None) -> str | None:
    excess = found.leakage.shuffled_excess if found and found.leakage else None
    return None if excess is None else f"average precision {excess:+.3f} against chance"


def _later(found: Evidence | None) -> str | None:
    if found is None or found.leakage is None:
        return None
    return f"{found.leakage.rows_moved} of {found.leakage.rows_compared:,} rows change"


def _strongest(found: Evidence | None) -> str | None:
    leak = found.leakage if found else None
    if leak is None or leak.strongest_feature is None or leak.strongest_average_precision is None:
        return None
    return f"{leak.strongest_feature}: average precision {leak.strongest_average_precision:.3f}"


def _thinned(found: Evidence | None) -> str | None:
    replaced = found.thinning.top_k_replaced if found and found.thinning else None
    return None if replaced is None else f"{replaced:.0%} of the list is replaced"


def _faults(found: Evidence | None) -> Iterator[Field]:
    trials = {trial.name: trial for trial in found.robustness.trials} if found and found.robustness else {}
    for name in ("misreads", "clones", "outage", "clock"):
        trial = trials.get(name)
        said = None
        if trial is not None and trial.top_k_overlap is not None and present(trial.average_precision_loss):
            lost = trial.average_precision_loss or 0.0
            said = (
                f"{trial.what} ({trial.reads_changed:,} reads): {trial.top_k_overlap:.0%} of the list stays, average "
                f"precision {abs(lost):.3f} {'lower' if lost >= 0 else 'higher'}"
            )
        yield field(f"faults in the reads: {name}", said, EVIDENCE)


def fairness_tables(source: Source) -> tuple[Table, ...]:
    """What each group gets of the list; a table that says so if it was not measured."""
    columns = ("Group", "Rows", "Confirmed", "On the list", "On an even list", "Selection rate", "Precision", "Recall")
    found = source.evidence.fairness if source.evidence else None
    if found is None:
        return (Table(caption="Groups", columns=columns, rows=(), empty="Not measured."),)
    return tuple(
        Table(
            caption=f"By {attribute.name.replace('_', ' ')}",
            columns=columns,
            rows=tuple(
                (
                    group.group,
                    f"{group.rows:,}",
                    str(group.confirmed),
                    str(group.selected),
                    f"{group.expected:.1f}",
                    f"{group.selection_rate:.2%}",
                    "none" if group.precision is None else f"{group.precision:.0%}",
                    "none" if group.recall is None else f"{group.recall:.0%}",
                )
                for group in attribute.groups
            ),
        )
        for attribute in found.attributes
    )
