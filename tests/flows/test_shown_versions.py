"""How a version, and two beside each other, are shown: nothing is left out that would have said no."""

from __future__ import annotations

from datetime import date

from flows.steps.models import Compared, ComparedRow, ShownVersion
from flows.steps.promotion import Judged

WEAK = {
    "name": "policy against default",
    "what": "",
    "limit": "",
    "source": "",
    "value": "weaker in 2: capacity, gate.min_average_precision; stricter in 0, otherwise in 0",
    "result": "passed",
}


def test_what_did_not_pass_and_every_approval_have_a_line_each() -> None:
    shown = ShownVersion(
        model="county_lines.nwrocu",
        version=3,
        state="refused by the gate",
        next="-",
        trained_by="Erin Holt",
        trained_as_of=date(2026, 4, 5),
        registered="2026-04-06 09:00 UTC",
        code="0.1",
        model_sha256="a" * 64,
        signature="holds",
        not_passed=("average precision: 0.0100 (needed: at least 0.1)", "leakage: not measured (needed: at most 0.5)"),
        approvals=("2026-04-06T09:00 Grace Lund as validator",),
    )
    said = shown.summary()
    assert said["not passed 1"] == shown.not_passed[0]
    assert said["not passed 2"] == shown.not_passed[1]
    assert said["approval 1"] == shown.approvals[0]
    assert not {"not_passed", "approvals", "shadow_runs", "shadow run 1"} & said.keys()


def test_a_verdict_by_a_weaker_policy_says_so_first() -> None:
    judged = Judged(
        model="county_lines.nwrocu",
        version=3,
        gate="passed",
        evidence_digest="e" * 64,
        policy_digest="p" * 64,
        lines=(WEAK,),
        waits_for="validator",
    )
    said = judged.summary()["gate"]
    assert said == "passed, by a policy weaker than the packaged default in settings: 2"
    equal = judged.model_copy(
        update={"lines": ({**WEAK, "value": "weaker in nothing; stricter in 1, otherwise in 0"},)}
    )
    assert equal.summary()["gate"] == "passed"


def test_figures_of_different_hold_outs_do_not_pass_for_a_comparison() -> None:
    rows = (
        ComparedRow(about="figure", name="average precision", first="0.120", second="0.150"),
        ComparedRow(about="figure", name="hold-out", first="a1", second="b2"),
    )
    compared = Compared(model="county_lines.nwrocu", first=1, second=2, rows=rows, lists=())
    assert not compared.same_holdout
    same = rows[1].model_copy(update={"second": "a1"})
    assert compared.model_copy(update={"rows": (rows[0], same)}).same_holdout
