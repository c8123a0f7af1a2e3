"""Which way a policy differs: each declared key both ways, and lists, areas and unknown keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.difference import leaves
from governance.policy.document import RocuPolicy, packaged_policy
from governance.policy.gate_limits import GateLimits
from governance.policy.strictness import direction_of, is_declared, judged_differences, loosened_keys
from models.patterns import get_pattern, pattern_names

DEFAULT, DEMO = (packaged_policy(name).policy for name in ("default", "demo"))
OTHER_WAY = {"stricter": "weaker", "weaker": "stricter", "other": "other", "neutral": "neutral"}


def band(days: int | None, *purposes: str) -> list[dict[str, Any]]:
    return [{"up_to_days": days, "purposes": list(purposes)}]


@pytest.mark.parametrize(
    ("key", "before", "after", "direction"),
    [
        ("gate.min_average_precision", 0.1, 0.05, "weaker"),
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
        ("vault.purposes", ["a", "b"], ["b", "a"], "neutral"),
        ("capacity", 20, 40, "weaker"),
        ("gate.fairness_min_expected", 3, 30, "weaker"),
        ("ingest.min_batch_reads", 200, 2000, "weaker"),
        ("ingest.min_camera_day_reads", 200, 2000, "weaker"),
        ("ingest.camera_blame_min_share", 0.01, 0.5, "weaker"),
        ("ingest.lateness_p95_max_s_by_feed.mobile.7", 3600, 86400, "weaker"),
        ("ingest.duplicate_seconds", 5, 60, "other"),
        ("monitoring.numeric.threshold", 0.1, 0.5, "weaker"),
        ("monitoring.columns.journeys.threshold", 0.1, 0.05, "stricter"),
        ("monitoring.numeric.method", "wasserstein", "jensenshannon", "other"),
        ("tuning.trees.high", 400, 500, "weaker"),
        ("training.seed", 1, 2, "neutral"),
        ("transparency.team", None, "ours", "neutral"),
        ("patterns.county_lines.away_km", 60, 50, "neutral"),
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


def every_leaf() -> set[str]:
    """The keys of every packaged policy, and those of a policy in which nothing is left empty."""
    feeds = DEFAULT.ingest.model_copy(update={"lateness_p95_max_s_by_feed": {"mobile.7": 7200.0}})
    columns = DEFAULT.monitoring.model_copy(update={"columns": {"journeys": DEFAULT.monitoring.numeric}})
    patterns = {name: get_pattern(name).settings_type() for name in pattern_names()}
    full = DEFAULT.model_copy(update={"ingest": feeds, "monitoring": columns, "patterns": patterns})
    policies = (DEFAULT, DEMO, packaged_policy("vast").policy, full)
    return {key for policy in policies for key, _ in leaves(policy.model_dump(mode="json"))}


def test_somebody_has_said_of_every_key_what_a_difference_means() -> None:
    assert sorted(key for key in every_leaf() if not is_declared(key)) == []
    assert not is_declared("gate.of_tomorrow")


def test_a_feed_without_a_limit_of_its_own_has_that_of_all() -> None:
    def with_feed(seconds: float) -> RocuPolicy:
        ingest = DEFAULT.ingest.model_copy(update={"lateness_p95_max_s_by_feed": {"mobile": seconds}})
        return DEFAULT.model_copy(update={"ingest": ingest})

    for seconds, direction in ((7200.0, "weaker"), (60.0, "stricter"), (3600.0, "neutral")):
        (there,), (back,) = (
            judged_differences(DEFAULT, with_feed(seconds)),
            judged_differences(with_feed(seconds), DEFAULT),
        )
        assert (there.direction, back.direction) == (direction, OTHER_WAY[direction])


def test_what_nobody_can_tell_counts_with_what_is_weaker() -> None:
    vault = DEFAULT.vault.model_copy(update={"authority_format": ".*", "authority_example": "x"})
    assert loosened_keys(DEFAULT, DEFAULT.model_copy(update={"vault": vault})) == ("vault.authority_format",)
