"""The gate: each line can say no, worse figures never turn a no into a yes, and what is missing refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_results import change

from governance.gate.decision import Decision, decide
from governance.gate.evidence import ChampionMeasured, ChampionUnreachable, Document, Evidence, Figure, NoChampion
from governance.policy.gate_limits import GateLimits

LIMITS = GateLimits(
    min_average_precision=0.2,
    min_lift_over_baseline=1.1,
    min_holdout_positives=5,
    min_holdout_reviewed=30,
    min_not_yet_known_positives=5,
    min_not_yet_known_average_precision=0.05,
    min_not_yet_known_lift_over_chance=5,
    max_calibration_error=0.2,
    max_loss_to_champion=0.05,
    max_standing_failures=0,
    min_seed_overlap=0.5,
    max_shuffled_excess=0.05,
    max_single_feature_average_precision=0.95,
    fairness_attributes=("force", "camera_density", "area_group"),
    fairness_min_expected=3,
    max_selection_rate_ratio=25,
    max_thinned_list_replaced=0.5,
    min_list_kept_under_faults=0.5,
    max_precision_lost_under_faults=0.2,
    max_missing_document_fields=40,
    required_documents=("model_record",),
)
DOCUMENTS = (Document(name="model_record", sha256="1" * 64),)
FIGURES = ("average_precision", "lift_over_baseline", "calibration_error")
COUNTS = ("positives", "reviewed")
NEW_LINES = {f"not yet known {name}" for name in ("positives", "average precision", "lift over chance")}


def champion(make: Any, low: float | None = -0.01, **changes: Any) -> ChampionMeasured:
    return ChampionMeasured(
        version="1",
        model_sha256="c" * 64,
        performance=make.performance(**changes),
        difference=Figure(value=0.02, low=low, high=0.09),
    )


def against(good: Evidence, found: object) -> Evidence:
    return good.model_copy(update={"champion": found, "change": change()})


def refused_by(decision: Decision) -> set[str]:
    assert decision.outcome == "refused"
    return {line.name for line in decision.lines if line.result != "passed"}


@pytest.fixture
def good(make: Any) -> Evidence:
    evidence: Evidence = make.evidence(documents=DOCUMENTS)
    return evidence


def test_good_evidence_passes_and_every_line_says_where_its_limit_comes_from(good: Evidence) -> None:
    decision = decide(good, LIMITS)
    assert decision.outcome == "passed", decision.reasons
    assert all(line.what and line.limit and line.source and line.value for line in decision.lines)


def test_good_evidence_passes_against_a_champion(make: Any, good: Evidence) -> None:
    assert decide(against(good, champion(make)), LIMITS).outcome == "passed"


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("average_precision", Figure(value=0.19), "average precision"),
        ("lift_over_baseline", Figure(value=1.09), "lift over baseline"),
        ("calibration_error", Figure(value=0.21), "calibration error"),
        ("positives", 4, "hold-out positives"),
        ("reviewed", 29, "hold-out reviewed"),
        ("holdout_digest", "", "hold-out"),
    ],
)
def test_each_floor_refuses_on_its_own(make: Any, good: Evidence, field: str, value: Any, line: str) -> None:
    performance = make.performance(**{field: value})
    assert refused_by(decide(good.model_copy(update={"challenger": performance}), LIMITS)) == {line}


@pytest.mark.parametrize("field", [*FIGURES, *COUNTS])
def test_a_missing_figure_refuses(make: Any, good: Evidence, field: str) -> None:
    decision = decide(good.model_copy(update={"challenger": make.performance(**{field: None})}), LIMITS)
    assert decision.outcome == "refused"
    assert [line.result for line in decision.lines if line.result != "passed"] == ["missing"]


@pytest.mark.parametrize("field", FIGURES)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_refuses(make: Any, good: Evidence, field: str, value: float | None) -> None:
    performance = make.performance(**{field: Figure(value=value)})
    assert decide(good.model_copy(update={"challenger": performance}), LIMITS).outcome == "refused"


@pytest.mark.parametrize(
    ("field", "value", "lines"),
    [
        ("positives", 4, {"not yet known positives"}),
        ("average_precision", Figure(value=0.0499), NEW_LINES - {"not yet known positives"}),
        ("base_rate", Figure(value=0.041), {"not yet known lift over chance"}),
        ("base_rate", Figure(value=0.0), {"not yet known lift over chance"}),
    ],
)
def test_a_model_good_for_known_vehicles_only_is_refused(
    make: Any, good: Evidence, field: str, value: Any, lines: set[str]
) -> None:
    performance = make.performance(not_yet_known=make.not_yet_known(**{field: value}))
    assert refused_by(decide(good.model_copy(update={"challenger": performance}), LIMITS)) == lines


def test_figures_for_new_vehicles_that_were_never_taken_are_missing(make: Any, good: Evidence) -> None:
    decision = decide(good.model_copy(update={"challenger": make.performance(not_yet_known=None)}), LIMITS)
    assert {line.name for line in decision.lines if line.result == "missing"} == NEW_LINES
    assert refused_by(decision) == NEW_LINES


@pytest.mark.parametrize("field", ["average_precision", "base_rate"])
@pytest.mark.parametrize("figure", [None, *(Figure(value=value) for value in (None, math.nan, math.inf, -math.inf))])
def test_a_figure_for_new_vehicles_that_is_no_number_refuses(
    make: Any, good: Evidence, field: str, figure: Figure | None
) -> None:
    performance = make.performance(not_yet_known=make.not_yet_known(**{field: figure}))
    assert refused_by(decide(good.model_copy(update={"challenger": performance}), LIMITS)) <= NEW_LINES


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model": "county_lines.nerocu"}, "model of this ROCU"),
        ({"signature_verified": False}, "signature"),
        ({"signature_verified": None}, "signature"),
        ({"model_sha256": ""}, "model digest"),
        ({"inputs_digest": ""}, "training inputs"),
        ({"snapshot_digest": ""}, "training snapshot"),
        ({"policy_digest": ""}, "policy"),
        ({"commit": None}, "commit"),
        ({"trainer": None}, "trainer"),
        ({"trainer": ""}, "trainer"),
        ({"documents": ()}, "document model_record"),
    ],
)
def test_each_statement_of_origin_refuses_on_its_own(good: Evidence, changes: dict[str, Any], line: str) -> None:
    assert refused_by(decide(good.model_copy(update=changes), LIMITS)) == {line}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"batches": {}}, "data contracts"),
        ({"batches": {"passed": 0}}, "data contracts"),
        ({"contract_versions": ()}, "data contracts"),
        ({"standing_failures": None}, "standing failures"),
        ({"standing_failures": ("0f3ab21cde9014aa",)}, "standing failures"),
    ],
)
def test_data_that_no_contract_judged_or_that_failed_refuses(
    good: Evidence, changes: dict[str, Any], line: str
) -> None:
    data = good.data.model_copy(update=changes)
    assert refused_by(decide(good.model_copy(update={"data": data}), LIMITS)) == {line}


def test_an_unreachable_champion_refuses(good: Evidence) -> None:
    unreachable = ChampionUnreachable(reason="the registry does not answer")
    decision = decide(against(good, unreachable), LIMITS)
    assert refused_by(decision) == {"champion"}
    assert "does not answer" in decision.reasons[0]


def test_an_unknown_state_of_the_champion_refuses(good: Evidence) -> None:
    assert refused_by(decide(against(good, object()), LIMITS)) == {"champion"}


@pytest.mark.parametrize("low", [-0.051, None, math.nan, -math.inf])
def test_a_challenger_that_may_be_worse_than_the_champion_is_refused(
    make: Any, good: Evidence, low: float | None
) -> None:
    decision = decide(against(good, champion(make, low)), LIMITS)
    assert refused_by(decision) == {"loss to champion"}


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (-0.051, "at worst 0.0510 below the champion"),
        (0.0, "at worst level with the champion"),
        (0.02, "at worst 0.0200 above the champion"),
        (math.nan, "not measured"),
    ],
)
def test_a_loss_to_the_champion_is_said_without_a_minus(make: Any, good: Evidence, low: float, words: str) -> None:
    lines = decide(against(good, champion(make, low)), LIMITS).lines
    (line,) = (line for line in lines if line.name == "loss to champion")
    assert (line.value, line.limit) == (words, f"at worst {LIMITS.max_loss_to_champion:g} below the champion")


def test_a_champion_measured_on_other_rows_refuses(make: Any, good: Evidence) -> None:
    other = champion(make, holdout_digest="x" * 64)
    assert refused_by(decide(against(good, other), LIMITS)) == {"same hold-out"}


def test_a_comparison_without_a_difference_refuses(make: Any, good: Evidence) -> None:
    without = champion(make).model_copy(update={"difference": None})
    assert refused_by(decide(against(good, without), LIMITS)) == {"loss to champion"}


shares = st.floats(0, 1)
numbers = st.one_of(st.none(), st.just(math.nan), shares)


@st.composite
def figure_sets(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "average_precision": Figure(value=draw(numbers)),
        "lift_over_baseline": Figure(value=draw(st.one_of(numbers, st.floats(0, 10)))),
        "calibration_error": Figure(value=draw(numbers)),
        "positives": draw(st.one_of(st.none(), st.integers(0, 20))),
        "reviewed": draw(st.one_of(st.none(), st.integers(0, 100))),
    }


def worse(value: float | None, by: float, higher_is_better: bool) -> float | None:
    if value is None:
        return None
    return value - by if higher_is_better else value + by


@given(figure_sets(), st.sampled_from([*FIGURES, *COUNTS, "difference"]), st.floats(0, 5), st.floats(-0.2, 0.2))
def test_worse_never_turns_a_refusal_into_a_pass(
    make: Any, figures: dict[str, Any], name: str, by: float, low: float
) -> None:
    def outcome(changed: dict[str, Any], difference: float) -> str:
        evidence = make.evidence(
            documents=DOCUMENTS, challenger=make.performance(**changed), champion=champion(make, difference)
        )
        return decide(evidence, LIMITS).outcome

    changed = dict(figures)
    if name in FIGURES:
        changed[name] = Figure(value=worse(figures[name].value, by, name != "calibration_error"))
    elif name in COUNTS and figures[name] is not None:
        changed[name] = figures[name] - math.ceil(by)
    after = outcome(changed, low - by if name == "difference" else low)
    assert not (outcome(figures, low) == "refused" and after == "passed")


@given(
    st.one_of(st.none(), st.integers(0, 10)),
    numbers,
    numbers,
    st.sampled_from(["positives", "average_precision", "base_rate"]),
    st.floats(0, 1),
)
def test_worse_for_new_vehicles_never_turns_a_refusal_into_a_pass(
    make: Any, positives: int | None, precision: float | None, base_rate: float | None, name: str, by: float
) -> None:
    def outcome(positives: int | None, precision: float | None, base_rate: float | None) -> str:
        found = make.not_yet_known(
            positives=positives, average_precision=Figure(value=precision), base_rate=Figure(value=base_rate)
        )
        evidence = make.evidence(documents=DOCUMENTS, challenger=make.performance(not_yet_known=found))
        return decide(evidence, LIMITS).outcome

    fewer = positives - math.ceil(by) if name == "positives" and positives is not None else positives
    after = outcome(
        fewer,
        worse(precision, by if name == "average_precision" else 0, True),
        worse(base_rate, by if name == "base_rate" else 0, False),
    )
    assert not (outcome(positives, precision, base_rate) == "refused" and after == "passed")


@given(figure_sets(), st.sampled_from([*FIGURES, *COUNTS, "not_yet_known"]), st.booleans())
def test_whatever_is_dropped_refuses(make: Any, figures: dict[str, Any], name: str, first: bool) -> None:
    evidence = make.evidence(
        documents=DOCUMENTS,
        challenger=make.performance(**(figures | {name: None})),
        champion=NoChampion() if first else champion(make),
    )
    assert decide(evidence, LIMITS).outcome == "refused"


# these say what is judged, not how strictly
NO_LIMITS = {"required_documents", "fairness_attributes", "fairness_min_expected"}


@given(st.sampled_from(sorted(GateLimits.model_fields.keys() - NO_LIMITS)), st.floats(0.001, 0.4))
def test_a_stricter_limit_never_turns_a_refusal_into_a_pass(make: Any, name: str, by: float) -> None:
    evidence = make.evidence(
        documents=DOCUMENTS,
        challenger=make.performance(
            average_precision=Figure(value=0.3),
            positives=6,
            reviewed=31,
            not_yet_known=make.not_yet_known(positives=6, average_precision=Figure(value=0.06)),
        ),
        champion=champion(make, -0.04),
    )
    old = getattr(LIMITS, name)
    step = math.ceil(by * 10) if isinstance(old, int) else by
    stricter = old + step if name.startswith("min") else old - step
    strict = LIMITS.model_copy(update={name: stricter})
    assert not (decide(evidence, LIMITS).outcome == "refused" and decide(evidence, strict).outcome == "passed")


def test_the_digest_changes_with_every_figure(make: Any, good: Evidence) -> None:
    changed = [
        good.model_copy(update={"challenger": make.performance(average_precision=Figure(value=0.51))}),
        good.model_copy(update={"commit": "0" * 40}),
        good.model_copy(update={"documents": ()}),
        against(good, champion(make)),
    ]
    assert len({good.digest, *(other.digest for other in changed)}) == 5


def test_evidence_comes_back_from_its_text(make: Any) -> None:
    evidence = make.evidence(champion=champion(make))
    assert Evidence.model_validate_json(evidence.to_json()) == evidence
    assert Evidence.model_validate_json(evidence.to_json()).digest == evidence.digest
