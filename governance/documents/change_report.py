"""The change-plan report: what a version has otherwise than the champion, what the plan allows, who must decide."""

from __future__ import annotations

from governance.documents.model import Field, MadeFromRecord, Section, Table
from governance.documents.source import EVIDENCE, POLICY, RECORD, Source, field
from governance.gate.change_plan import ASPECTS
from governance.gate.evidence import ChampionMeasured, ChampionUnreachable, Evidence, NoChampion


def change_report(source: Source) -> MadeFromRecord:
    """The report of one version."""
    record, evidence = source.record, source.evidence
    return MadeFromRecord(
        kind="change-plan report",
        model=record.model,
        version=record.version,
        rocu=record.inputs.rocu,
        region=source.region,
        title=f"Change-plan report: {record.model} version {record.version}",
        lede="What a retrain may change by itself, what this one changed, and whether the full board must decide",
        sections=(
            Section(title="Outcome", fields=_outcome(evidence)),
            Section(title="Changes against the champion", tables=(_changes(evidence),), note=_unchanged(evidence)),
            Section(
                title="The plan",
                note="Whatever the plan does not name may not change without the full board.",
                fields=_plan(source),
            ),
            Section(
                title="Policy against the packaged default",
                note="A region sets its own limits. Approvers must know where they are weaker.",
                tables=(_policy(evidence),),
            ),
            Section(title="Effect", note="Champion and challenger on the same rows.", fields=_effect(source)),
        ),
    )


def _outcome(evidence: Evidence | None) -> tuple[Field, ...]:
    return (
        field("compared with", _compared(evidence), EVIDENCE),
        field("full board needed", _board(evidence), EVIDENCE),
        field("change plan applied, SHA-256", _plan_digest(evidence), EVIDENCE, code=True),
    )


def _compared(evidence: Evidence | None) -> str | None:
    if evidence is None:
        return None
    if isinstance(evidence.champion, NoChampion):
        return "no champion: the first version"
    if isinstance(evidence.champion, ChampionUnreachable):
        return f"a champion that could not be read: {evidence.champion.reason}"
    return f"version {evidence.champion.version}, the champion"


def _board(evidence: Evidence | None) -> str | None:
    if evidence is None:
        return None
    if evidence.change is None:
        return "no: a first version changes nothing" if isinstance(evidence.champion, NoChampion) else None
    if not evidence.change.board_needed:
        return "no: every change is inside the plan"
    return f"yes: {', '.join(dict.fromkeys(one.what for one in evidence.change.outside))}"


def _plan_digest(evidence: Evidence | None) -> str | None:
    if evidence is None:
        return None
    if evidence.change is None:
        return "none: there was nothing to compare" if isinstance(evidence.champion, NoChampion) else None
    return evidence.change.limits_digest


def _changes(evidence: Evidence | None) -> Table:
    changed = evidence.change.changed if evidence and evidence.change else ()
    return Table(
        caption="Everything that differs",
        columns=("Aspect", "What", "Before", "After", "Plan", "Verdict"),
        rows=tuple(
            (one.aspect, one.what, one.before, one.after, one.limit, "inside" if one.inside else "outside")
            for one in changed
        ),
        judged="Verdict",
        empty="Nothing was compared." if evidence is None or evidence.change is None else "Nothing differs.",
    )


def _unchanged(evidence: Evidence | None) -> str:
    if evidence is None or evidence.change is None:
        return ""
    changed = {one.aspect for one in evidence.change.changed}
    same = [aspect for aspect in ASPECTS if aspect not in changed]
    return f"Unchanged: {', '.join(same)}." if same else ""


def _plan(source: Source) -> tuple[Field, ...]:
    if source.policy is None:
        return (field("change plan", None, POLICY),)
    plan = source.policy.change_plan
    return (
        field("number of window ends", f"{plan.window_ends.low:g} to {plan.window_ends.high:g}", POLICY),
        *(
            field(f"training.{name}", f"{bounds.low:g} to {bounds.high:g}", POLICY)
            for name, bounds in dict(plan.hyper_parameters).items()
        ),
    )


def _policy(evidence: Evidence | None) -> Table:
    found = evidence.policy_differences if evidence else None
    order = {"weaker": 0, "other": 1, "stricter": 2, "neutral": 3}
    return Table(
        caption="Keys that differ, weaker ones first",
        columns=("Key", "Packaged default", "In force", "Direction"),
        rows=tuple(
            (one.key, one.usual, one.own, one.direction)
            for one in sorted(found or (), key=lambda one: (order[one.direction], one.key))
        ),
        judged="Direction",
        empty="Nothing differs." if found is not None else "Not compared.",
    )


def _effect(source: Source) -> tuple[Field, ...]:
    from governance.documents.source import figure_text

    evidence = source.evidence
    champion = evidence.champion if evidence and isinstance(evidence.champion, ChampionMeasured) else None
    first = evidence is not None and isinstance(evidence.champion, NoChampion)
    none = "no champion to compare with" if first else None
    return (
        field("hold-out, SHA-256", source.record.evaluation.holdout_digest, RECORD, code=True),
        field(
            "average precision, this version minus champion",
            figure_text(champion.difference) if champion else none,
            EVIDENCE,
        ),
        field(
            "average precision of this version",
            figure_text(source.record.evaluation.all_vehicles.model.average_precision),
            RECORD,
        ),
        field(
            "average precision of the champion",
            figure_text(champion.performance.average_precision) if champion else none,
            EVIDENCE,
        ),
    )
