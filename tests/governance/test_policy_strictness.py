"""Which way a policy differs: each declared key both ways, and lists, areas and unknown keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.gate_limits import GateLimits
from governance.policy import packaged_policy
from governance.policy_strictness import direction_of, judged_differences, loosened_keys

DEFAULT, DEMO = (packaged_policy(name).policy for name in ("default", "demo"))
OTHER_WAY = {"stricter": "weaker", "weaker": "stricter", "other": "other"}


def band(days: int | None, *purposes: str) -> list[dict[str, Any]]:
    return [{"up_to_days": days, "purposes": list(purposes)}]


@pytest.mark.parametrize(
    ("key", "before", "after", "direction"),
    [
        ("gate.min_average_precision", 0.2, 0.1, "weaker"),
        ("gate.max_calibration_error", 0.2, 0.3, "weaker"),
        ("gate.fairness_attributes", ["force", "camera_density"], ["force"], "weaker"),
        ("gate.required_documents", [], ["dpia.pdf"], "stricter"),
        ("gate.required_documents", ["dpia.pdf"], ["other.pdf"], "weaker"),
        ("approvers_needed", 2, 3, "stricter"),
        ("shadow_runs", 3, 0, "weaker"),
        ("approval_valid_days", 365, 730, "weaker"),
        ("token_max_age_hours", 12, 8, "stricter"),
        ("random_review", 5, 0, "weaker"),
        ("ingest.max_quarantine_share", 0.05, 0.2, "weaker"),
        ("ingest.retention_days", 365, 366, "weaker"),
        ("ingest.retention_from", "today", "newest_read", "weaker"),
        ("ingest.retention_from", "newest_read", "today", "stricter"),
        ("ingest.authorised_area", None, [[0, 0], [0, 1], [1, 1]], "stricter"),
        ("ingest.authorised_area", [[0, 0], [0, 1], [1, 1]], None, "weaker"),
        ("ingest.authorised_area", [[0, 0], [0, 1], [1, 1]], [[0, 0], [0, 2], [1, 1]], "other"),
        ("vault.purposes", ["investigation"], ["investigation", "curiosity"], "weaker"),
        ("vault.purposes", ["investigation", "oversight"], ["investigation"], "stricter"),
        ("vault.purposes", ["investigation"], ["curiosity"], "weaker"),
        ("runs.age_bands", band(90, "a") + band(None), band(365, "a") + band(None), "weaker"),
        ("runs.age_bands", band(90, "a") + band(None), band(30, "a") + band(None), "stricter"),
        ("runs.age_bands", band(90, "a") + band(None), band(90, "a", "b") + band(None), "weaker"),
        ("runs.age_bands", band(90, "a") + band(None), band(30, "a", "b") + band(None), "weaker"),
        ("runs.age_bands", band(90, "a") + band(None), band(30, "a") + band(90, "a") + band(None), "other"),
        ("syops_valid_days", 365, 730, "weaker"),
        ("runs.max_authority_days", 92, 365, "weaker"),
        ("vault.authority_format", "a", ".*", "other"),
        ("change_plan.hyper_parameters.trees.high", 400, 500, "weaker"),
        ("change_plan.window_ends.low", 2, 1, "weaker"),
        ("gate.min_average_precision", None, 0.1, "other"),
        ("some.unknown_key", 1, 2, "other"),
    ],
)
def test_each_key_knows_its_direction(key: str, before: Any, after: Any, direction: str) -> None:
    assert direction_of(key, before, after) == direction


def test_every_floor_and_ceiling_of_the_gate_has_a_direction() -> None:
    for name in GateLimits.model_fields:
        if name.startswith(("min_", "max_")):
            assert direction_of(f"gate.{name}", 1, 2) != "other", name


@given(
    st.sampled_from(["gate.min_x", "gate.max_x", "approvers_needed", "ingest.max_x"]), st.floats(0, 9), st.floats(0, 9)
)
def test_what_is_stricter_one_way_is_weaker_the_other(key: str, before: float, after: float) -> None:
    if before != after:
        assert direction_of(key, after, before) == OTHER_WAY[direction_of(key, before, after)]


def test_a_policy_against_itself_differs_in_nothing() -> None:
    assert judged_differences(DEFAULT, DEFAULT) == ()


def test_the_demo_shows_where_it_is_weaker_than_the_default() -> None:
    assert {"gate.min_average_precision", "ingest.retention_from"} <= set(loosened_keys(DEFAULT, DEMO))
    there, back = judged_differences(DEFAULT, DEMO), judged_differences(DEMO, DEFAULT)
    assert [one.direction for one in back] == [OTHER_WAY[one.direction] for one in there]
