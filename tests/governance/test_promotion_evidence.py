"""An approval is of one evidence, one policy and one model: whatever was changed after the gate is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from promotion_support import MODEL, actions, last_refusal, with_policy

from governance.gate.evidence import ChampionMeasured, NoChampion
from governance.gate.evidence_store import evidence_path
from governance.promotion.requests import approve, request
from governance.promotion.state import model_state
from infra.errors import RefusedError


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def test_an_approval_for_other_evidence_is_refused(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(RefusedError, match="other evidence"):
        approve(
            world.desk,
            world.person("Vera", "validator"),
            MODEL,
            "1",
            world.policy,
            now,
            seen_digest="0" * 64,
            comment="looked at",
        )


def test_a_policy_that_changed_after_the_gate_is_refused(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(RefusedError, match="policy has changed"):
        approve(
            world.desk,
            world.person("Vera", "validator"),
            MODEL,
            "1",
            with_policy(world, capacity=99),
            now,
            comment="looked at",
        )


def test_evidence_of_another_policy_is_refused(world: Any, now: Any) -> None:
    with pytest.raises(RefusedError, match="another policy"):
        request(world.desk, world.engineer, world.evidence(), with_policy(world, capacity=99), now)
    assert actions(world) == [("promote.request", "refused")]


@pytest.mark.parametrize("how", ["edited", "gone", "garbage"])
def test_evidence_that_was_edited_after_the_gate_is_refused(world: Any, now: Any, how: str) -> None:
    world.told("requested")
    digest = model_state(world.audit, MODEL).versions["1"].gate.evidence_digest
    path = evidence_path(world.lake, "nwrocu", MODEL, "1", digest)
    if how == "edited":
        path.write_text(path.read_text().replace('"positives":12', '"positives":13'))
    elif how == "garbage":
        path.write_text("{")
    else:
        path.unlink()
    with pytest.raises(RefusedError, match=r"edited|gone"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment="looked at")
    assert last_refusal(world)


def test_a_model_that_changed_after_the_gate_is_refused(world: Any, now: Any) -> None:
    world.told("requested")
    world.registry.text_path(MODEL, "1").write_text("another tree")
    with pytest.raises(RefusedError, match="signature"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment="looked at")


def test_a_model_that_was_changed_and_signed_again_is_refused(world: Any, now: Any, tmp_path: Any) -> None:
    world.told("requested")
    folder = world.registry.text_path(MODEL, "1").parent
    folder.rename(tmp_path / "kept")
    world.registry.add(MODEL, "1", "another tree")
    with pytest.raises(RefusedError, match="not the one that the evidence is about"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment="looked at")


def test_no_champion_is_not_for_the_evidence_to_say(world: Any, now: Any) -> None:
    world.told("promoted")
    with pytest.raises(RefusedError, match="log's champion"):
        request(world.desk, world.engineer, world.evidence("2", NoChampion()), world.policy, now)
    other = ChampionMeasured.model_validate(world.measured("7").model_dump())
    with pytest.raises(RefusedError, match="compares with version 7"):
        request(world.desk, world.engineer, world.evidence("2", other), world.policy, now)
    assert model_state(world.audit, MODEL).champion == "1"


def test_evidence_about_a_champion_is_refused_when_there_is_none(world: Any, now: Any) -> None:
    with pytest.raises(RefusedError, match="no champion"):
        request(world.desk, world.engineer, world.evidence("1", world.measured("7")), world.policy, now)
