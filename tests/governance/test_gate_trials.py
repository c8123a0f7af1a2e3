"""The gate's lines about trials: each can say no, what was not tried refuses, and old evidence is read as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trial_results as made

from governance.gate.decision import decide
from governance.gate.evidence import TRIALS, Evidence
from governance.gate.evidence_store import evidence_path, load_evidence, store_evidence
from governance.gate.line import at_most
from governance.policy.document import packaged_policy
from governance.policy.gate_limits import GateLimits
from infra.lake import Lake

LIMITS = packaged_policy("default").policy.gate
FAULT_LINES = {f"{kind} {name}" for kind in ("list under", "precision lost under") for name in made.FAULTS}
LEAKAGE_LINES = {"shuffled labels", "one feature alone", "no row on both sides", "no look ahead"}
FAIRNESS_LINES = {"fairness by force", "fairness by camera density", "fairness by area group"}
LINES = {
    "parity": {"parity"},
    "leakage": LEAKAGE_LINES,
    "fairness": FAIRNESS_LINES,
    "thinning": {"fewer cameras"},
    "robustness": FAULT_LINES,
    "stability": {"stability over seeds"},
}


def not_passed(evidence: Evidence, limits: GateLimits = LIMITS) -> dict[str, str]:
    return {line.name: line.result for line in decide(evidence, limits).lines if line.result != "passed"}


def test_good_trials_pass_with_the_default_policy(make: Any) -> None:
    assert not_passed(make.evidence()) == {}


@pytest.mark.parametrize("name", sorted(TRIALS))
def test_what_was_not_tried_is_missing_and_refuses(make: Any, name: str) -> None:
    evidence = make.evidence(**{name: None})
    assert decide(evidence, LIMITS).outcome == "refused"
    assert not_passed(evidence) == dict.fromkeys(LINES[name], "missing")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"parity": made.parity(differing_rows=1, differing_columns=("away_places",))}, "parity"),
        ({"parity": made.parity(model_sha256="0" * 64)}, "parity"),
        ({"stability": made.stability(0.4)}, "stability over seeds"),
        ({"leakage": made.leakage(shuffled_average_precision=0.3)}, "shuffled labels"),
        ({"leakage": made.leakage(strongest_average_precision=0.99)}, "one feature alone"),
        ({"leakage": made.leakage(rows_on_both_sides=1)}, "no row on both sides"),
        ({"leakage": made.leakage(rows_moved=1)}, "no look ahead"),
        (
            {"fairness": made.fairness(made.attribute("force", made.group("a", 400, 20), made.group("b", 400, 0)))},
            "fairness by force",
        ),
        ({"thinning": made.thinning(top_k_replaced=0.6)}, "fewer cameras"),
        ({"robustness": made.robustness(made.fault("clones", top_k_overlap=0.4))}, "list under clones"),
        (
            {"robustness": made.robustness(made.fault("clock", average_precision_loss=0.3))},
            "precision lost under clock",
        ),
    ],
)
def test_each_line_can_refuse(make: Any, changes: dict[str, Any], line: str) -> None:
    assert not_passed(make.evidence(**changes)) == {line: "refused"}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"parity": made.parity(train_rows=0)}, {"parity"}),
        ({"parity": made.parity(holdout_rows=0)}, {"parity"}),
        ({"stability": made.stability(None)}, {"stability over seeds"}),
        ({"leakage": made.leakage(shuffles=0)}, {"shuffled labels"}),
        ({"leakage": made.leakage(shuffled_average_precision=None)}, {"shuffled labels"}),
        ({"leakage": made.leakage(later_reads=0)}, {"no look ahead"}),
        ({"leakage": made.leakage(rows_compared=0)}, {"no look ahead"}),
        ({"thinning": made.thinning(top_k_replaced=None)}, {"fewer cameras"}),
        (
            {"robustness": made.robustness(made.fault("outage", reads_changed=0))},
            {"list under outage", "precision lost under outage"},
        ),
        (
            {
                "fairness": made.fairness(
                    made.attribute("area_group", made.group("town", 790, 20), made.group("x", 10, 0))
                )
            },
            {"fairness by area group"},
        ),
    ],
)
def test_a_trial_that_could_not_show_anything_is_missing(make: Any, changes: dict[str, Any], lines: set[str]) -> None:
    assert not_passed(make.evidence(**changes)) == dict.fromkeys(lines, "missing")


def test_a_small_group_and_an_unknown_one_are_shown_but_not_judged(make: Any) -> None:
    groups = (made.group("a"), made.group("b"), made.group("tiny", 40, 0), made.group("unknown", 400, 0))
    assert not_passed(make.evidence(fairness=made.fairness(made.attribute("force", *groups)))) == {}


def test_an_attribute_that_the_policy_names_must_have_been_measured(make: Any) -> None:
    found = made.fairness()
    without = found.model_copy(update={"attributes": found.attributes[:2]})
    assert not_passed(make.evidence(fairness=without)) == {"fairness by area group": "missing"}
    fewer = LIMITS.model_copy(update={"fairness_attributes": ("force", "camera_density")})
    assert not_passed(make.evidence(fairness=without), fewer) == {}


def test_evidence_from_before_there_were_trials_is_read_with_its_digest_and_refused(make: Any, tmp_path: Any) -> None:
    lake = Lake(tmp_path)
    old = make.evidence(**dict.fromkeys(TRIALS))
    digest = store_evidence(lake, old)
    text = evidence_path(lake, "nwrocu", old.model, old.version, digest).read_text()
    assert not TRIALS & json.loads(text).keys()
    again = load_evidence(lake, "nwrocu", old.model, old.version, digest)
    assert again.digest == digest
    assert set(not_passed(again)) == set().union(*LINES.values())


def test_every_trial_changes_the_digest(make: Any) -> None:
    digests = {make.evidence(**{name: None}).digest for name in TRIALS} | {make.evidence().digest}
    assert len(digests) == len(TRIALS) + 1


def test_what_was_gained_is_not_shown_as_a_loss_with_a_minus() -> None:
    def said(value: float | None) -> tuple[str, str]:
        line = at_most("precision lost", "", value, 0.1, "lost", "gained, none lost")
        return line.value, line.result

    assert said(0.2) == ("0.2000 lost", "refused")
    assert said(0.02) == ("0.0200 lost", "passed")
    assert said(-0.02) == ("0.0200 gained, none lost", "passed")
    assert said(None) == ("not measured", "missing")
