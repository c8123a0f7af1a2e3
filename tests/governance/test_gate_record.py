"""The gate's lines about record and change: each can say no, and what was not gathered refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import record_results as made

from governance.gate.decision import decide
from governance.gate.evidence import LATER, ChampionMeasured, Evidence, Figure
from governance.gate.line import limits_said
from governance.gate.line import not_passed as lines_not_passed
from governance.policy.document import packaged_policy

LIMITS = packaged_policy("default").policy.gate
SHA256 = "a" * 64
LINES = {
    "refit": {"reproducible"},
    "explained": {"explanations"},
    "data_rocus": {"local validation"},
    "policy_differences": {"policy against default"},
    "made_documents": {"documents current", "documents complete"},
}


def not_passed(evidence: Evidence) -> dict[str, str]:
    return {line.name: line.result for line in decide(evidence, LIMITS).lines if line.result != "passed"}


def value(evidence: Evidence, name: str) -> str:
    return next(line.value for line in decide(evidence, LIMITS).lines if line.name == name)


@pytest.fixture
def measured(make: Any) -> ChampionMeasured:
    return ChampionMeasured(
        version="1",
        model_sha256="c" * 64,
        performance=make.performance(),
        difference=Figure(value=0.02, low=-0.01, high=0.1),
    )


@pytest.mark.parametrize("name", sorted(LINES))
def test_what_was_not_gathered_is_missing_and_refuses(make: Any, name: str) -> None:
    assert not_passed(make.evidence(**{name: None})) == dict.fromkeys(LINES[name], "missing")


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"refit": made.refit(SHA256, again_sha256="b" * 64)}, {"reproducible": "refused"}),
        ({"refit": made.refit("0" * 64)}, {"reproducible": "refused"}),
        ({"refit": made.refit(SHA256, rows=0)}, {"reproducible": "missing"}),
        ({"made_again": made.made_again(same=False)}, {"reproducible": "refused"}),
        ({"explained": made.explained("0" * 64)}, {"explanations": "refused"}),
        ({"explained": made.explained(SHA256, without_facts=1)}, {"explanations": "refused"}),
        ({"explained": made.explained(SHA256, largest_gap=0.01)}, {"explanations": "refused"}),
        ({"explained": made.explained(SHA256, largest_gap=float("nan"))}, {"explanations": "missing"}),
        ({"explained": made.explained(SHA256, rows=0)}, {"explanations": "missing"}),
        ({"data_rocus": ("nerocu",)}, {"local validation": "refused"}),
        ({"data_rocus": ("nerocu", "nwrocu")}, {"local validation": "refused"}),
        ({"data_rocus": ()}, {"local validation": "missing"}),
        ({"change": made.change("1")}, {"change plan": "refused"}),
        (
            {"made_documents": made.made_documents()[1:]},
            {"documents current": "missing", "documents complete": "missing"},
        ),
        ({"made_documents": made.made_documents(missing=14)}, {"documents complete": "refused"}),
    ],
)
def test_each_line_can_refuse(make: Any, changes: dict[str, Any], lines: dict[str, str]) -> None:
    assert not_passed(make.evidence(**changes)) == lines


def test_a_change_that_was_not_compared_refuses_once_there_is_a_champion(make: Any, measured: ChampionMeasured) -> None:
    assert not_passed(make.evidence(champion=measured, change=None)) == {"change plan": "missing"}


def test_a_change_against_another_version_than_the_champion_refuses(make: Any, measured: ChampionMeasured) -> None:
    assert not_passed(make.evidence(champion=measured, change=made.change("7"))) == {"change plan": "refused"}


def test_outside_the_plan_the_line_calls_for_the_board(make: Any, measured: ChampionMeasured) -> None:
    inside = make.evidence(champion=measured, change=made.change("1"))
    outside = make.evidence(champion=measured, change=made.change("1", board=True))
    assert not_passed(inside) == not_passed(outside) == {}
    assert "all inside the plan" in value(inside, "change plan")
    assert "features; the full board is needed" in value(outside, "change plan")


def test_a_weaker_policy_is_named_key_by_key(make: Any) -> None:
    differences = (made.difference(), made.difference("capacity", "other"))
    said = value(make.evidence(policy_differences=differences), "policy against default")
    assert said == "weaker in 1: gate.min_average_precision; stricter in 0, otherwise in 1"


def test_the_verdict_says_that_its_limits_are_weaker_and_why_it_is_a_refusal(
    make: Any, measured: ChampionMeasured
) -> None:
    weak = decide(
        make.evidence(policy_differences=(made.difference(),), change=made.change("7"), champion=measured), LIMITS
    )
    lines = [line.model_dump() for line in weak.lines]
    assert limits_said(lines) == "by a policy weaker than the packaged default in settings: 1"
    assert weak.reasons == lines_not_passed(lines) != ()
    usual = decide(make.evidence(policy_differences=()), LIMITS)
    assert limits_said([line.model_dump() for line in usual.lines]) == ""


def test_whether_the_board_is_needed_follows_from_the_changes_and_cannot_be_said(make: Any) -> None:
    change = made.change(board=True)
    text = json.loads(make.evidence(change=change).to_json())
    assert "board_needed" not in text["change"]
    with pytest.raises(ValueError, match="board_needed"):
        type(change).model_validate({**change.model_dump(), "board_needed": False})


def test_evidence_from_before_keeps_its_text(make: Any) -> None:
    old = make.evidence(**dict.fromkeys(LATER))
    assert not LATER & json.loads(old.to_json()).keys()
    assert Evidence.model_validate_json(old.to_json()).digest == old.digest


def test_the_table_of_questions_names_every_line_and_no_other(make: Any, measured: ChampionMeasured) -> None:
    page = (Path(__file__).parents[2] / "docs" / "promotion.md").read_text()
    rows = re.findall(r"^\| (G\d+) [^|]*\|([^|]*)\|", page, flags=re.MULTILINE)
    assert [name for name, _ in rows] == [f"G{number}" for number in range(1, 16)]
    named = {name for _, cell in rows for name in re.findall(r"`([^`]+)`", cell)}
    lines = {line.name for line in decide(make.evidence(champion=measured), LIMITS).lines}
    assert named == lines


def test_fields_that_are_missing_are_not_read_as_fields_that_are_there(make: Any) -> None:
    (line,) = (one for one in decide(make.evidence(), LIMITS).lines if one.name == "documents complete")
    assert line.value.endswith(" fields missing")
    assert line.limit == f"at most {LIMITS.max_missing_document_fields} fields missing"
