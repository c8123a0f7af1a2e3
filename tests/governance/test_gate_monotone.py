"""More evidence against a version never turns a refusal into a pass: each figure made worse, or taken away."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.gate.decision import decide
from governance.gate.evidence import ChampionMeasured, Document, Evidence, Figure
from governance.policy.gate_limits import GateLimits

# where each figure lies, whether more of it is better, and values on both sides of its limit
FIGURES: tuple[tuple[tuple[str | int, ...], bool, tuple[float, ...]], ...] = (
    (("challenger", "positives"), True, (0, 4, 5, 50)),
    (("challenger", "reviewed"), True, (0, 29, 30, 300)),
    (("challenger", "average_precision", "value"), True, (0.0, 0.1, 0.2, 0.9)),
    (("challenger", "lift_over_baseline", "value"), True, (0.0, 1.0, 1.1, 4.0)),
    (("challenger", "calibration_error", "value"), False, (0.01, 0.2, 0.21, 0.9)),
    (("challenger", "not_yet_known", "positives"), True, (0, 4, 5, 50)),
    (("challenger", "not_yet_known", "average_precision", "value"), True, (0.0, 0.04, 0.06, 0.9)),
    (("challenger", "not_yet_known", "base_rate", "value"), False, (0.001, 0.01, 0.1)),
    (("champion", "difference", "low"), True, (-0.5, -0.06, -0.05, 0.1)),
    (("parity", "differing_rows"), False, (0, 1, 800)),
    (("leakage", "shuffled_average_precision"), False, (0.01, 0.06, 0.5)),
    (("leakage", "strongest_average_precision"), False, (0.1, 0.95, 0.96)),
    (("leakage", "rows_on_both_sides"), False, (0, 1)),
    (("leakage", "rows_moved"), False, (0, 3)),
    (("thinning", "top_k_replaced"), False, (0.0, 0.5, 0.51, 1.0)),
    *((("robustness", "trials", place, "top_k_overlap"), True, (0.0, 0.49, 0.5, 1.0)) for place in range(4)),
    *((("robustness", "trials", place, "average_precision_loss"), False, (0.0, 0.2, 0.3)) for place in range(4)),
    (("stability", "overlap_at_k", "mean"), True, (0.0, 0.49, 0.5, 1.0)),
    (("refit", "rows"), True, (0, 900)),
    (("explained", "rows"), True, (0, 40)),
    (("explained", "without_facts"), False, (0, 1)),
    (("explained", "largest_gap"), False, (1e-12, 1e-6, 1.1e-6, 1.0)),
    *((("made_documents", place, "missing"), False, (0, 3, 50)) for place in range(3)),
)
MISSING: tuple[tuple[str | int, ...], ...] = (
    ("commit",), ("trainer",), ("signature_verified",), ("parity",), ("leakage",), ("fairness",), ("thinning",),
    ("robustness",), ("stability",), ("challenger", "not_yet_known"), ("champion", "difference"),
    ("data", "standing_failures"), ("refit",), ("explained",), ("data_rocus",), ("change",), ("policy_differences",),
    ("made_documents",),
)  # fmt: skip
# what a record says otherwise than it should
WRONG: tuple[tuple[tuple[str | int, ...], object], ...] = (
    (("signature_verified",), False),
    (("refit", "again_sha256"), "0" * 64),
    (("refit", "model_sha256"), "0" * 64),
    (("made_again",), {"same": False, "seq": 7, "at": "2026-11-20T08:00:00.000000Z", "by": "embedded:ada"}),
    (("explained", "model_sha256"), "0" * 64),
    (("change", "compared_with"), "7"),
    (("data_rocus",), ("nwrocu", "yhrocu")),
    (("data_rocus",), ()),
    (("documents",), ()),
    (("documents", 0, "sha256"), ""),
    (("made_documents", 1, "sha256"), ""),
    (("made_documents",), ()),
    (("champion", "performance", "holdout_digest"), "another"),
)
ALIKE = (st.sampled_from(range(len(FIGURES))), st.integers(0, 3))


def there(values: dict[str, Any], path: tuple[str | int, ...]) -> bool:
    """Whether what a value lies in is still there."""
    at: Any = values
    for step in path[:-1]:
        if at is None or (isinstance(step, int) and len(at) <= step):
            return False
        at = at[step]
    return at is not None and not (isinstance(path[-1], int) and len(at) <= path[-1])


def put(values: dict[str, Any], path: tuple[str | int, ...], value: object) -> None:
    """Set a value; where an earlier step took away what it lies in, there is nothing to set."""
    if there(values, path):
        at: Any = values
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value


def held(values: dict[str, Any], path: tuple[str | int, ...]) -> Any:
    if not there(values, path):
        return None
    at: Any = values
    for step in path:
        at = at[step]
    return at


def worsened(values: dict[str, Any], place: int, choice: int) -> None:
    """One figure made worse, or left as it is if it is the worst there is."""
    path, more_is_better, steps = FIGURES[place]
    now = held(values, path)
    if now is None:
        return
    worse = sorted((step for step in steps if (step < now if more_is_better else step > now)), reverse=more_is_better)
    if worse:
        put(values, path, worse[min(choice, len(worse) - 1)])


def limits_with_a_document(policy: Any) -> GateLimits:
    limits: GateLimits = policy.policy.gate.model_copy(update={"required_documents": ("model_record",)})
    return limits


def good_evidence(make: Any) -> Evidence:
    """Evidence against a champion that passes every line."""
    champion = ChampionMeasured(
        version="1",
        model_sha256="c" * 64,
        performance=make.performance(),
        difference=Figure(value=0.02, low=-0.01, high=0.09),
    )
    documents = (Document(name="model_record", sha256="1" * 64),)
    found: Evidence = make.evidence(documents=documents, champion=champion, change=make.change())
    return found


def test_good_evidence_passes_and_each_thing_wrong_with_it_refuses(make: Any, default_policy: Any) -> None:
    limits, good = limits_with_a_document(default_policy), good_evidence(make)
    assert decide(good, limits).outcome == "passed"
    assert good.refit
    assert good.explained
    wrong = ((path, None) for path in MISSING)
    for path, value in (*wrong, *WRONG):
        values = good.model_dump(mode="json")
        assert there(values, path), path
        put(values, path, value)
        assert decide(Evidence.model_validate(values), limits).outcome == "refused", (path, value)
    for path, more_is_better, steps in FIGURES:
        values = good.model_dump(mode="json")
        assert there(values, path), path
        put(values, path, min(steps) if more_is_better else max(steps))
        assert decide(Evidence.model_validate(values), limits).outcome == "refused", path


@settings(max_examples=150, deadline=None)
@given(
    start=st.lists(st.tuples(*ALIKE), max_size=5),
    against=st.lists(
        st.one_of(
            st.tuples(st.just("worse"), *ALIKE),
            st.tuples(st.just("gone"), st.sampled_from(range(len(MISSING))), st.just(0)),
            st.tuples(st.just("figure gone"), st.sampled_from(range(len(FIGURES))), st.just(0)),
            st.tuples(st.just("wrong"), st.sampled_from(range(len(WRONG))), st.just(0)),
            st.tuples(st.just("failed batch"), st.just(0), st.just(0)),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_more_evidence_against_never_turns_a_refusal_into_a_pass(
    make: Any, default_policy: Any, start: Any, against: Any
) -> None:
    limits = limits_with_a_document(default_policy)
    values = good_evidence(make).model_dump(mode="json")
    for place, choice in start:
        path, _, steps = FIGURES[place]
        put(values, path, steps[min(choice, len(steps) - 1)])
    refused = decide(Evidence.model_validate(values), limits).outcome == "refused"
    for what, place, choice in against:
        before, values = values, copy.deepcopy(values)
        if what == "worse":
            worsened(values, place, choice)
        elif what == "gone":
            put(values, MISSING[place], None)
        elif what == "figure gone":
            put(values, FIGURES[place][0], None)
        elif what == "wrong":
            put(values, *WRONG[place])
        else:
            values["data"]["standing_failures"] = [*(values["data"]["standing_failures"] or ()), "b"]
        try:
            evidence = Evidence.model_validate(values)
        except ValueError:
            # a count that may not be missing
            values = before
            continue
        outcome = decide(evidence, limits).outcome
        assert not (refused and outcome == "passed"), what
        refused = refused or outcome == "refused"
