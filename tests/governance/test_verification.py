"""No score without a promoted model: everything that can be wrong with a champion refuses, on real parts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from governance.gate.evidence_store import evidence_path
from governance.promotion.control import resume, rollback, suspend
from governance.promotion.requests import refuse, request
from infra.database import open_database
from infra.errors import FaultError, RefusedError, WrongInputError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Verify = Callable[..., Any]


def behind_its_back(world: Any, *statements: str) -> None:
    engine = open_database(world.settings)
    with engine.begin() as connection:
        for name in ("no_update", "no_delete", "next_only"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_{name}"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_promoted_version_is_given_with_all_that_made_it_so(world: Any, verify: Verify) -> None:
    world.told("promoted")
    champion = verify()
    assert (champion.version, champion.text) == ("1", "tree of version 1")
    assert champion.approvers == ("embedded:vera validator", "embedded:olive owner")
    assert champion.confirmed_by == "embedded:olive owner"
    assert champion.shadow_days == 3
    assert champion.policy_digest == world.policy.digest
    assert champion.evidence_digest == world.evidence().digest


def test_nothing_scores_before_the_first_promotion(world: Any, verify: Verify) -> None:
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()
    world.approved()
    world.shadowed()
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()


def test_an_alias_alone_promotes_nothing(world: Any, verify: Verify) -> None:
    world.evidence()
    world.registry.set_champion(MODEL, "1")
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()


def test_an_alias_moved_by_hand_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    world.registry.add(MODEL, "66", "unapproved")
    world.registry.set_champion(MODEL, "66")
    with pytest.raises(RefusedError, match="moved by hand"):
        verify()


def test_an_alias_that_was_taken_away_is_refused_as_moved_by_hand(world: Any, verify: Verify) -> None:
    world.told("promoted")
    (world.registry.root / MODEL / "champion").unlink()
    with pytest.raises(RefusedError, match=r"on no version, but the audit log has version 1: it was moved by hand"):
        verify()


def test_an_alias_put_back_on_the_champion_before_is_refused_as_moved_by_hand(world: Any, verify: Verify) -> None:
    world.told("two promoted")
    world.registry.set_champion(MODEL, "1")
    with pytest.raises(RefusedError, match=r"on version 1, but the audit log has version 2: it was moved by hand"):
        verify()


def test_a_changed_model_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    path = world.registry.text_path(MODEL, "1")
    path.write_text(path.read_text() + " ")
    with pytest.raises(RefusedError, match="signature"):
        verify()


def test_a_model_signed_by_another_key_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    path = world.registry.text_path(MODEL, "1")
    forged = Ed25519PrivateKey.generate().sign(path.read_bytes())
    (path.parent / "signature").write_bytes(base64.b64encode(forged))
    with pytest.raises(RefusedError, match="signature"):
        verify()


def test_a_changed_model_with_a_good_signature_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    path = world.registry.text_path(MODEL, "1")
    path.write_text("another tree")
    (path.parent / "signature").write_bytes(base64.b64encode(world.registry.key.sign(b"another tree")))
    with pytest.raises(RefusedError, match="not the one that the evidence is about"):
        verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'embedded:someone else' WHERE action = 'promote.approve'",
        "DELETE FROM audit_log WHERE action = 'promote.approve'",
        "DELETE FROM audit_log WHERE action = 'promote.shadow'",
        "UPDATE audit_log SET details = replace(details, 'failures', 'vehicles') WHERE action = 'promote.shadow'",
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
        "UPDATE audit_log SET details = replace(details, 'passed', 'refused') WHERE action = 'promote.gate'",
        "UPDATE audit_log SET seq = seq + 100",
    ],
)
def test_a_changed_audit_log_is_refused(world: Any, verify: Verify, statement: str) -> None:
    world.told("promoted")
    behind_its_back(world, statement)
    with pytest.raises(RefusedError, match="audit log does not hold"):
        verify()


def test_an_audit_log_without_its_rules_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    behind_its_back(world)
    with pytest.raises(RefusedError, match="lost a rule"):
        verify()


def test_a_suspended_model_is_refused_and_a_resumed_one_is_not(world: Any, verify: Verify) -> None:
    world.told("promoted")
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    with pytest.raises(RefusedError, match="suspended: odd ranking"):
        verify()
    resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    with pytest.raises(RefusedError, match="suspended"):
        verify()
    resume(world.desk, world.person("Gareth"), MODEL, "explained", world.policy, NOW)
    assert verify().version == "1"


def test_an_approval_that_has_lapsed_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    assert verify(now=NOW + timedelta(days=364)).version == "1"
    with pytest.raises(RefusedError, match="lapsed"):
        verify(now=NOW + timedelta(days=365))


def test_a_model_of_another_rocu_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    with pytest.raises(RefusedError, match="not a model of nerocu"):
        verify(rocu="nerocu")
    with pytest.raises(RefusedError, match="ever promoted"):
        verify(rocu="nerocu", model="county_lines.nerocu")
    with pytest.raises(WrongInputError):
        verify(model="county_lines")


def test_edited_evidence_is_refused(world: Any, verify: Verify) -> None:
    world.told("promoted")
    path = evidence_path(world.lake, "nwrocu", MODEL, "1", verify().evidence_digest)
    path.write_text(path.read_text().replace("tess trainer", "somebody else"))
    with pytest.raises(RefusedError, match="edited"):
        verify()
    path.unlink()
    with pytest.raises(RefusedError, match="gone"):
        verify()


def test_a_version_that_was_rolled_back_no_longer_scores(world: Any, verify: Verify) -> None:
    world.told("two promoted")
    assert verify().version == "2"
    rollback(world.desk, world.engineer, MODEL, "misses a site", world.policy, NOW)
    assert verify().version == "1"


def test_a_refused_challenger_leaves_the_champion_in_force(world: Any, verify: Verify) -> None:
    world.told("promoted")
    world.requested("2", world.measured("1"))
    refuse(world.desk, world.person("Gwen"), MODEL, "2", "not now", world.policy, NOW)
    worse = world.evidence("3", world.measured("1", low=-0.4))
    assert request(world.desk, world.engineer, worse, world.policy, NOW).decision.outcome == "refused"
    assert verify().version == "1"


def test_an_unreachable_registry_is_a_fault_and_scores_nothing(world: Any, verify: Verify) -> None:
    world.told("promoted")
    world.registry.reachable = False
    with pytest.raises(FaultError):
        verify()
