"""The gate's lines about record and change: local data, reproducibility, explanations, change plan, policy, documents.

None of them can be switched off; what was not gathered is missing. Does not belong here: figures of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.gate.evidence import ChampionMeasured, Evidence, NoChampion, present
from governance.gate.line import AGAINST_DEFAULT, POLICY, RULE, WEAKER_IN_NOTHING, GateLine, line
from governance.policy.gate_limits import GateLimits

MADE = ("model card", "atrs record", "change-plan report")
_NOT_MEASURED = "not measured"
_TOLERANCE = 1e-6


def record_lines(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    """One line for each question."""
    yield _local(evidence)
    yield _reproducible(evidence)
    yield _explained(evidence)
    yield _change(evidence)
    yield _policy(evidence)
    yield from _documents(evidence, limits)


def _local(evidence: Evidence) -> GateLine:
    found = evidence.data_rocus
    value = "not recorded" if not found else ", ".join(found)
    passed = None if not found else set(found) == {evidence.rocu}
    what = "trained and tested on this ROCU's own reads and findings"
    return line("local validation", what, f"{evidence.rocu} alone", RULE, value, passed)


def _reproducible(evidence: Evidence) -> GateLine:
    what = (
        "its snapshot made again from the lake and fitted, the text is the same; as whenever the whole was made again"
    )
    refit, again = evidence.refit, evidence.made_again
    if refit is None or refit.rows == 0:
        return line("reproducible", what, "the same SHA-256", RULE, "not made again", None)
    about = _is_about(refit.model_sha256, evidence)
    same = refit.again_sha256 == refit.model_sha256
    value = f"fitted again to {refit.rows:,} rows: {'the same' if same else 'another digest'}"
    if not about:
        value = "made again of another model"
    if again is not None:
        value += f"; the whole made again on {again.at[:10]}: {'the same' if again.same else 'another digest'}"
    return line("reproducible", what, "the same SHA-256", RULE, value, about and same and (again is None or again.same))


def _explained(evidence: Evidence) -> GateLine:
    what = "of every row that would be listed, contributions add up to the score and facts can be told"
    limit = f"none without facts, gap at most {_TOLERANCE:g}"
    found = evidence.explained
    if found is None or found.rows == 0 or not present(found.largest_gap):
        return line("explanations", what, limit, RULE, _NOT_MEASURED, None)
    value = f"{found.rows} rows, {found.without_facts} without facts, largest gap {found.largest_gap:.1e}"
    about = _is_about(found.model_sha256, evidence)
    passed = about and found.without_facts == 0 and found.largest_gap <= _TOLERANCE
    return line("explanations", what, limit, RULE, value if about else "of another model", passed)


def _is_about(model_sha256: str, evidence: Evidence) -> bool:
    """Whether a trial was made on the version; one whose own digest is missing is refused by another line."""
    return not evidence.model_sha256 or model_sha256 == evidence.model_sha256


def _change(evidence: Evidence) -> GateLine:
    """Outside the plan does not refuse here: it calls for the full board, which the approvals are held against."""
    what = "what it has otherwise than the champion is known, and whether that needs the full board"
    limit = "compared with the champion that stands"
    champion, change = evidence.champion, evidence.change
    if isinstance(champion, NoChampion):
        value = "first version: everything is new" if change is None else "compared with a champion that is none"
        return line("change plan", what, limit, RULE, value, change is None)
    if change is None:
        return line("change plan", what, limit, RULE, "not compared", None)
    if isinstance(champion, ChampionMeasured) and champion.version != change.compared_with:
        return line("change plan", what, limit, RULE, f"compared with version {change.compared_with}", False)
    outside = ", ".join(dict.fromkeys(one.aspect for one in change.outside))
    value = f"{len(change.changed)} {'change' if len(change.changed) == 1 else 'changes'}, " + (
        f"outside the plan: {outside}; the full board is needed" if outside else "all inside the plan"
    )
    return line("change plan", what, limit, RULE, value, True)


def _policy(evidence: Evidence) -> GateLine:
    """A ROCU may set its own limits; those who approve must see where they are weaker."""
    what = "where the policy in force is weaker than the packaged default"
    found = evidence.policy_differences
    if found is None:
        return line(AGAINST_DEFAULT, what, "every difference named", RULE, "not compared", None)
    weaker = [one.key for one in found if one.direction == "weaker"]
    others = sum(one.direction in ("other", "neutral") for one in found)
    value = f"weaker in {len(weaker)}: {', '.join(weaker)}" if weaker else WEAKER_IN_NOTHING
    value += f"; stricter in {len(found) - len(weaker) - others}, otherwise in {others}"
    return line(AGAINST_DEFAULT, what, "every difference named", RULE, value, True)


def _documents(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    made = {one.name: one for one in evidence.made_documents or ()}
    absent = [name for name in MADE if name not in made or not made[name].sha256]
    value = f"{', '.join(absent)} not made" if absent else "made from this record, named by digest"
    what = f"{', '.join(MADE[:-1])} and {MADE[-1]} are made from the record as it stands"
    yield line("documents current", what, "all made", RULE, value, None if absent else True)
    missing, fields = (sum(getattr(one, name) for one in made.values()) for name in ("missing", "fields"))
    yield line(
        "documents complete",
        "fields that those documents show as missing",
        f"at most {limits.max_missing_document_fields} fields missing",
        POLICY,
        f"{missing} of {fields} fields missing" if fields else "no document",
        None if absent or not fields else missing <= limits.max_missing_document_fields,
    )
