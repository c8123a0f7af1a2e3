"""A refusal names a few failed batches, and says where the others are listed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from data_contracts.layers.manifests import BatchManifest
from flows.steps.data import _require_none_failed
from flows.steps.remedy import put_right
from infra.errors import RefusedError


def failed(number):
    return BatchManifest(
        batch_id=f"{number:016x}",
        sha256="0" * 64,
        size_bytes=1,
        delivered_as="one.csv",
        source="canonical",
        rows=1,
        accepted=0,
        quarantined=1,
        duplicates=0,
        rules={"vrm_missing": 1},
        verdict="failed",
        reasons=("too_many_rejected: 1 of 1 rows. The rule: x",),
        dates=(date(2026, 5, 18),),
    )


@pytest.mark.parametrize(("number", "more"), [(5, None), (9, "and 4 more; findprofile batches list --rocu nwrocu")])
def test_five_failed_batches_are_named(number, more):
    with pytest.raises(RefusedError) as refused:
        _require_none_failed("nwrocu", [failed(one) for one in range(number)])
    assert str(refused.value).count("too_many_rejected") == 5
    assert (more is None) or more in str(refused.value)
    assert more is not None or "more" not in str(refused.value)


def test_a_failed_batch_without_a_readable_time_stands_in_the_way_of_any_day():
    batches = [failed(1), failed(2).model_copy(update={"dates": ()})]
    with pytest.raises(RefusedError, match="for nwrocu on any day until"):
        _require_none_failed("nwrocu", batches)
    with pytest.raises(RefusedError, match="on 2026-05-18 until"):
        _require_none_failed("nwrocu", batches[:1])


def refusal(*batches):
    with pytest.raises(RefusedError) as refused:
        _require_none_failed("nwrocu", batches)
    return str(refused.value) + (refused.value.instruction or "")


def test_a_rule_that_only_warns_is_not_told_among_those_that_rejected():
    rules = {"camera_not_registered": 39, "plate_format_unknown": 40, "age_identifier_impossible": 1}
    said = refusal(failed(1).model_copy(update={"rules": rules}))
    assert "Most often: camera_not_registered 39." in said
    assert "plate_format_unknown" not in said


@pytest.mark.parametrize("rule", ["camera_not_registered", "camera_not_in_force", "position_off_register"])
def test_what_the_register_cures_is_not_asked_for_again(rule):
    by_register = failed(1).model_copy(update={"rules": {rule: 1}})
    said = refusal(by_register)
    assert said.index("findprofile cameras load") < said.index("findprofile quarantine release")
    assert "--replaces" not in said
    both = refusal(by_register, failed(2))
    assert "findprofile quarantine release" in both
    assert "--replaces" in both


def test_what_rejected_most_rows_is_put_right_first():
    few = put_right(failed(1).model_copy(update={"rules": {"captured_at_missing": 500, "camera_not_registered": 1}}))
    assert few.startswith("Have it delivered again, corrected")
    assert few.endswith("for camera_not_registered, correct the camera register (findprofile cameras load).")
    most = put_right(failed(1).model_copy(update={"rules": {"captured_at_missing": 1, "camera_not_registered": 500}}))
    assert most.startswith("Correct the camera register")
    assert "for the other rules, have it delivered again" in most


def test_few_days_are_named_one_by_one():
    days = tuple(date(2026, 3, 3) + timedelta(7 * week) for week in range(6))
    assert ", ".join(map(str, days[:4])) in refusal(failed(1).model_copy(update={"dates": days[:4]}))
    assert f"6 days from {days[0]} to {days[-1]}" in refusal(failed(1).model_copy(update={"dates": days}))
