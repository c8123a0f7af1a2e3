"""The change plan: what a retrain may change by itself, what needs the full board, and what cannot be compared."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.layers.manifests import PartRef
from governance.gate.change_plan import ASPECTS, Change, compare_versions
from governance.policy.document import RocuPolicy, packaged_policy
from models.definition import Definition, define
from models.inputs import TrainingInputs
from models.training import TrainingRecord
from models.training_settings import TrainingSettings
from models.version_record import VersionRecord

POLICY = packaged_policy("default").policy
PLAN = POLICY.change_plan
DEFINITION = define("county_lines")
ENDS = tuple(date(2026, 10, 4) + timedelta(weeks=week) for week in range(4))


def inputs(**changes: Any) -> TrainingInputs:
    part = PartRef(layer="reads", path="reads/rocu=nwrocu/date=2026-10-01/a.parquet", sha256="a" * 64, rows=900)
    values: dict[str, Any] = {
        "rocu": "nwrocu",
        "pattern": "county_lines",
        "as_of": date(2026, 11, 1),
        "window_ends": ENDS,
        "reads": (part,),
        "dispositions": (),
        "register_digest": None,
        "pattern_settings": POLICY.pattern("county_lines").model_dump(mode="json"),
        "training": TrainingSettings(),
        "capacity": 20,
        "policy_digest": POLICY.digest,
        "contract_versions": ("2.0.0",),
    }
    return TrainingInputs.model_validate({**values, **changes})


def record(
    version: str = "1",
    *,
    features: tuple[str, ...] = DEFINITION.features,
    lightgbm: str = "4.6.0",
    definition: Definition | None = DEFINITION,
    **changes: Any,
) -> VersionRecord:
    fitted = TrainingRecord(
        features=features,
        rows=900,
        positives=20,
        positive_weight=2.0,
        parameters={},
        lightgbm_version=lightgbm,
        text_sha256="c" * 64,
    )
    return VersionRecord.model_construct(
        version=version, inputs=inputs(**changes), training=fitted, definition=definition
    )


def compared(challenger: VersionRecord, champion: VersionRecord | None = None, **changes: Any) -> Change:
    then: RocuPolicy | None = changes.get("then", POLICY)
    return compare_versions(champion or record(), challenger, PLAN, then, changes.get("now", POLICY))


def later(weeks: int = 2, **changes: Any) -> dict[str, Any]:
    ends = tuple(end + timedelta(weeks=weeks) for end in ENDS)
    return {"window_ends": ends, "as_of": date(2026, 11, 1) + timedelta(weeks=weeks), **changes}


def test_the_same_again_changes_nothing() -> None:
    found = compared(record("2"))
    assert found.changed == ()
    assert not found.board_needed
    assert found.limits_digest == PLAN.digest


@pytest.mark.parametrize(
    ("changes", "aspect"),
    [
        (later(), "data window"),
        ({"training": TrainingSettings(trees=400)}, "hyper-parameters"),
        ({"training": TrainingSettings(learning_rate=0.01)}, "hyper-parameters"),
        ({"training": TrainingSettings(latest_window_ends=20)}, "data window"),
        ({"contract_versions": ("2.1.0",)}, "contract"),
    ],
)
def test_inside_the_plan_no_board_is_needed(changes: dict[str, Any], aspect: str) -> None:
    found = compared(record("2", **changes))
    assert [one.aspect for one in found.changed] == [aspect]
    assert not found.board_needed


OUTSIDE: list[tuple[dict[str, Any], str]] = [
    (later(-1), "data window"),
    ({"window_ends": (ENDS[0] - timedelta(weeks=1), *ENDS)}, "data window"),
    ({"window_ends": ENDS[:1]}, "data window"),
    (later(40, window_ends=tuple(ENDS[0] + timedelta(weeks=week) for week in range(30))), "data window"),
    ({"training": TrainingSettings(trees=401)}, "hyper-parameters"),
    ({"training": TrainingSettings(seed=1)}, "other training settings"),
    ({"training": TrainingSettings(eliminated_weight=1.0)}, "other training settings"),
    ({"training": TrainingSettings(min_holdout_positives=1)}, "other training settings"),
    ({"capacity": 40}, "capacity"),
    ({"features": DEFINITION.features[1:]}, "features"),
    ({"features": DEFINITION.features[::-1]}, "features"),
    ({"definition": DEFINITION.model_copy(update={"features_digest": "0" * 64})}, "features"),
    ({"pattern_settings": {**inputs().pattern_settings, "away_km": 5}}, "pattern settings"),
    ({"definition": DEFINITION.model_copy(update={"pattern_code": "0" * 64})}, "pattern code"),
    ({"definition": DEFINITION.model_copy(update={"label_source": "arrests"})}, "label source"),
    ({"definition": DEFINITION.model_copy(update={"confirmed_means": "an arrest"})}, "label source"),
    ({"definition": DEFINITION.model_copy(update={"purpose": "finds burglars"})}, "purpose"),
    ({"definition": DEFINITION.model_copy(update={"not_for": ""})}, "purpose"),
    ({"contract_versions": ("3.0.0",)}, "contract"),
    ({"contract_versions": ("2.0.0", "3.0.0")}, "contract"),
    ({"contract_versions": ()}, "contract"),
    ({"lightgbm": "5.0.0"}, "library"),
]


@pytest.mark.parametrize(("changes", "aspect"), OUTSIDE)
def test_outside_the_plan_the_full_board_is_needed(changes: dict[str, Any], aspect: str) -> None:
    found = compared(record("2", **changes))
    assert {one.aspect for one in found.outside} == {aspect}
    assert found.board_needed
    assert all(one.before != one.after for one in found.outside)


def test_every_aspect_that_is_found_is_one_that_the_report_knows() -> None:
    assert {aspect for _, aspect in OUTSIDE} | {"policy"} == set(ASPECTS)


@pytest.mark.parametrize("champion", [None, DEFINITION])
def test_what_is_not_recorded_cannot_be_compared_and_needs_the_board(champion: Definition | None) -> None:
    challenger = None if champion else DEFINITION
    found = compared(record("2", definition=challenger), record(definition=champion))
    assert {one.aspect for one in found.outside} == {"features", "pattern code", "label source", "purpose"}
    both = compared(record("2", definition=None), record(definition=None))
    assert both.board_needed


def test_a_policy_weaker_than_the_champions_needs_the_board_and_a_stricter_one_does_not() -> None:
    weaker = POLICY.model_copy(update={"gate": POLICY.gate.model_copy(update={"min_average_precision": 0.05})})
    found = compared(record("2"), now=weaker)
    assert [one.aspect for one in found.outside] == ["policy"]
    assert "gate.min_average_precision" in found.outside[0].after
    stricter = compared(record("2"), then=weaker)
    assert [one.aspect for one in stricter.changed] == ["policy"]
    assert not stricter.board_needed


def test_a_policy_of_which_nobody_can_tell_needs_the_board_and_another_text_does_not() -> None:
    anything = POLICY.vault.model_copy(update={"authority_format": ".*"})
    found = compared(record("2"), now=POLICY.model_copy(update={"vault": anything}))
    assert [one.aspect for one in found.outside] == ["policy"]
    assert "vault.authority_format" in found.outside[0].after
    another = POLICY.vault.model_copy(update={"authority_example": "CL/2026/0043"})
    found = compared(record("2"), now=POLICY.model_copy(update={"vault": another}))
    assert [one.aspect for one in found.changed] == ["policy"]
    assert not found.board_needed


def test_later_data_may_begin_with_the_champions_first_window_end_and_not_before_it() -> None:
    assert not compared(record("2", **later(window_ends=(*ENDS, ENDS[-1] + timedelta(weeks=2))))).board_needed
    earlier = compared(record("2", **later(window_ends=(ENDS[0] - timedelta(days=1), *ENDS[1:]))))
    assert "neither the first nor the last earlier" in earlier.outside[0].limit


def test_a_policy_that_is_not_known_any_more_needs_the_board() -> None:
    assert compared(record("2"), then=None).board_needed


@given(st.lists(st.sampled_from(OUTSIDE), min_size=1, max_size=4), st.integers(60, 400))
def test_more_changes_never_make_the_board_unnecessary(several: list[tuple[dict[str, Any], str]], trees: int) -> None:
    together: dict[str, Any] = {"training": TrainingSettings(trees=trees)}
    for changes, _ in several:
        together |= changes
    assert compared(record("2", **together)).board_needed
