"""The gate's lines about what was tried on a challenger: parity, seeds, leakage, fairness, fewer cameras, faults.

Limits of the policy where a ROCU may see it otherwise; where no difference can be right, the rule is the product's.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.gate.evidence import Evidence
from governance.gate.line import POLICY, RULE, GateLine, at_least, at_most, line
from governance.policy.gate_limits import GateLimits
from models.assurance.results import Attribute, Fairness, Leakage, Parity, Robustness

FAULTS = {
    "misreads": "misread plates",
    "clones": "cloned plates",
    "outage": "an outage of sites",
    "clock": "clocks an hour fast",
}
_NOT_MEASURED = "not measured"


def trial_lines(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    """One line for each question; what was not tried is missing."""
    yield _parity(evidence.parity, evidence.model_sha256)
    yield at_least(
        "stability over seeds",
        "share of a list that stays, on average, when the same rows are trained on by another seed",
        evidence.stability.overlap_at_k.mean if evidence.stability else None,
        limits.min_seed_overlap,
        "of the list kept",
    )
    yield from _leakage(evidence.leakage, limits)
    yield from _fairness(evidence.fairness, limits)
    yield at_most(
        "fewer cameras",
        "share of the list that is lost when half the cameras of its densest area are taken away",
        evidence.thinning.top_k_replaced if evidence.thinning else None,
        limits.max_thinned_list_replaced,
        "of the list lost",
    )
    yield from _robustness(evidence.robustness, limits)


def _parity(found: Parity | None, model_sha256: str) -> GateLine:
    what = "rows of training and hold-out, made and scored again as in service, are the same to the bit"
    if found is None or found.train_rows == 0 or found.holdout_rows == 0:
        return line("parity", what, "no row differs", RULE, _NOT_MEASURED, None)
    if model_sha256 and found.model_sha256 != model_sha256:
        return line("parity", what, "no row differs", RULE, "measured on another model", False)
    rows = found.train_rows + found.holdout_rows
    value = f"{found.differing_rows} of {rows} rows differ"
    if found.differing_columns:
        named = ", ".join(found.differing_columns[:3])
        more = len(found.differing_columns) - 3
        value += f", in {named}" + (f" and {more} more" if more > 0 else "")
    return line("parity", what, "no row differs", RULE, value, found.differing_rows == 0)


def _leakage(found: Leakage | None, limits: GateLimits) -> Iterator[GateLine]:
    yield at_most(
        "shuffled labels",
        "average precision above chance of a model that was trained on labels exchanged at random",
        found.shuffled_excess if found and found.shuffles else None,
        limits.max_shuffled_excess,
        "above chance",
        "below chance",
    )
    yield at_most(
        "one feature alone",
        "average precision of the single feature that ranks the hold-out best: one that tells nearly all was told",
        found.strongest_average_precision if found else None,
        limits.max_single_feature_average_precision,
    )
    both = found.rows_on_both_sides if found else None
    yield line(
        "no row on both sides",
        "no vehicle and window is both trained and tested on",
        "none",
        RULE,
        _NOT_MEASURED if both is None else f"{both} rows",
        None if both is None else both == 0,
    )
    tried = found is not None and found.later_reads > 0 and found.rows_compared > 0
    yield line(
        "no look ahead",
        "no row changes when reads after the end of its window are added",
        "none",
        RULE,
        f"{found.rows_moved} of {found.rows_compared} rows changed" if found and tried else _NOT_MEASURED,
        found.rows_moved == 0 if found and tried else None,
    )


def _fairness(found: Fairness | None, limits: GateLimits) -> Iterator[GateLine]:
    for name in limits.fairness_attributes:
        yield _attribute(name, found.attribute(name) if found else None, limits)


def _attribute(name: str, found: Attribute | None, limits: GateLimits) -> GateLine:
    least, most = limits.fairness_min_expected, limits.max_selection_rate_ratio
    what = (
        f"largest selection rate of a group of vehicles by the smallest, groups told apart by {name.replace('_', ' ')}"
    )
    limit = f"at most {most:g}, among two or more groups of which {least:g} are expected on the list"
    ratio = found.largest_ratio(least) if found else None
    if found is None or ratio is None:
        judged = len(found.judged(least)) if found else 0
        value = f"{judged} of {len(found.groups)} groups are large enough" if found else _NOT_MEASURED
        return line(f"fairness by {name.replace('_', ' ')}", what, limit, POLICY, value, None)
    value = f"{ratio:.2f} among {len(found.judged(least))} of {len(found.groups)} groups"
    return line(f"fairness by {name.replace('_', ' ')}", what, limit, POLICY, value, ratio <= most)


def _robustness(found: Robustness | None, limits: GateLimits) -> Iterator[GateLine]:
    for name, words in FAULTS.items():
        trial = found.trial(name) if found else None
        tried = trial if trial and trial.reads_changed > 0 else None
        yield at_least(
            f"list under {name}",
            f"share of the list that stays with {words} in the reads",
            tried.top_k_overlap if tried else None,
            limits.min_list_kept_under_faults,
            "of the list kept",
        )
        yield at_most(
            f"precision lost under {name}",
            f"average precision lost with {words} in the reads",
            tried.average_precision_loss if tried else None,
            limits.max_precision_lost_under_faults,
            "lost",
            "gained, none lost",
        )
