"""No score without a promoted model: everything that can be wrong with a champion refuses, on real parts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from governance.audit import Entry
from governance.evidence_store import evidence_path
from governance.promotion import approve, refuse, request
from governance.promotion_control import resume, rollback, suspend
from governance.promotion_state import ApproveDetails, GateDetails, PromotedDetails, model_state
from governance.verification import verify_champion
from infra.database import open_database
from infra.errors import FaultError, RefusedError, WrongInputError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Verify = Callable[..., Any]


@pytest.fixture
def verify(world: Any) -> Verify:
    return lambda now=NOW, rocu="nwrocu", model=MODEL: verify_champion(world.desk, model, rocu, now)


def behind_its_back(world: Any, *statements: str) -> None:
    engine = open_database(world.settings)
    with engine.begin() as connection:
        for name in ("no_update", "no_delete", "next_only"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_{name}"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_promoted_version_is_given_with_all_that_made_it_so(world: Any, verify: Verify) -> None:
    world.promoted()
    champion = verify()
    assert (champion.version, champion.text) == ("1", "tree of version 1")
    assert champion.approvers == ("embedded:gwen governor", "embedded:gareth governor")
    assert champion.policy_digest == world.policy.digest
    assert champion.evidence_digest == world.evidence().digest


def test_nothing_scores_before_the_first_promotion(world: Any, verify: Verify) -> None:
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()
    world.requested()
    approve(world.desk, world.person("Gwen"), MODEL, "1", world.policy, NOW)
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()


def test_an_alias_alone_promotes_nothing(world: Any, verify: Verify) -> None:
    world.evidence()
    world.registry.set_champion(MODEL, "1")
    with pytest.raises(RefusedError, match="ever promoted"):
        verify()


def test_an_alias_moved_by_hand_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    world.registry.add(MODEL, "66", "unapproved")
    world.registry.set_champion(MODEL, "66")
    with pytest.raises(RefusedError, match="moved by hand"):
        verify()


def test_an_alias_that_was_taken_away_is_refused_as_unfinished(world: Any, verify: Verify) -> None:
    world.promoted()
    (world.registry.root / MODEL / "champion").unlink()
    with pytest.raises(RefusedError, match="not finished"):
        verify()


def test_an_alias_put_back_on_the_champion_before_is_refused(world: Any, verify: Verify) -> None:
    world.promoted("1")
    world.promoted("2", world.measured("1"))
    world.registry.set_champion(MODEL, "1")
    with pytest.raises(RefusedError, match="not finished"):
        verify()


def test_a_changed_model_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    path = world.registry.text_path(MODEL, "1")
    path.write_text(path.read_text() + " ")
    with pytest.raises(RefusedError, match="signature"):
        verify()


def test_a_model_signed_by_another_key_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    path = world.registry.text_path(MODEL, "1")
    forged = Ed25519PrivateKey.generate().sign(path.read_bytes())
    (path.parent / "signature").write_bytes(base64.b64encode(forged))
    with pytest.raises(RefusedError, match="signature"):
        verify()


def test_a_changed_model_with_a_good_signature_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
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
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
        "UPDATE audit_log SET details = replace(details, 'passed', 'refused') WHERE action = 'promote.gate'",
        "UPDATE audit_log SET seq = seq + 100",
    ],
)
def test_a_changed_audit_log_is_refused(world: Any, verify: Verify, statement: str) -> None:
    world.promoted()
    behind_its_back(world, statement)
    with pytest.raises(RefusedError, match="audit log does not hold"):
        verify()


def test_an_audit_log_without_its_rules_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    behind_its_back(world)
    with pytest.raises(RefusedError, match="lost a rule"):
        verify()


def test_a_suspended_model_is_refused_and_a_resumed_one_is_not(world: Any, verify: Verify) -> None:
    world.promoted()
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    with pytest.raises(RefusedError, match="suspended: odd ranking"):
        verify()
    resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    with pytest.raises(RefusedError, match="suspended"):
        verify()
    resume(world.desk, world.person("Gareth"), MODEL, "explained", world.policy, NOW)
    assert verify().version == "1"


def test_an_approval_that_has_lapsed_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    assert verify(now=NOW + timedelta(days=364)).version == "1"
    with pytest.raises(RefusedError, match="lapsed"):
        verify(now=NOW + timedelta(days=365))


def test_a_model_of_another_rocu_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    with pytest.raises(RefusedError, match="not a model of nerocu"):
        verify(rocu="nerocu")
    with pytest.raises(RefusedError, match="ever promoted"):
        verify(rocu="nerocu", model="county_lines.nerocu")
    with pytest.raises(WrongInputError):
        verify(model="county_lines")


def test_edited_evidence_is_refused(world: Any, verify: Verify) -> None:
    world.promoted()
    path = evidence_path(world.lake, "nwrocu", MODEL, "1", verify().evidence_digest)
    path.write_text(path.read_text().replace("tess trainer", "somebody else"))
    with pytest.raises(RefusedError, match="edited"):
        verify()
    path.unlink()
    with pytest.raises(RefusedError, match="gone"):
        verify()


def test_a_version_that_was_rolled_back_no_longer_scores(world: Any, verify: Verify) -> None:
    world.promoted("1")
    world.promoted("2", world.measured("1"))
    assert verify().version == "2"
    rollback(world.desk, world.engineer, MODEL, "misses a site", world.policy, NOW)
    assert verify().version == "1"


def test_a_refused_challenger_leaves_the_champion_in_force(world: Any, verify: Verify) -> None:
    world.promoted("1")
    world.requested("2", world.measured("1"))
    refuse(world.desk, world.person("Gwen"), MODEL, "2", "not now", world.policy, NOW)
    worse = world.evidence("3", world.measured("1", low=-0.4))
    assert request(world.desk, world.engineer, worse, world.policy, NOW).decision.outcome == "refused"
    assert verify().version == "1"


def test_an_unreachable_registry_is_a_fault_and_scores_nothing(world: Any, verify: Verify) -> None:
    world.promoted()
    world.registry.reachable = False
    with pytest.raises(FaultError):
        verify()


class Forger:
    """Writes entries past the rules of promotion, but well chained, as code inside the process could."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.evidence = world.evidence()
        world.requested()
        self.gate = model_state(world.audit, MODEL).versions["1"]

    def write(self, name: str, action: str, details: Any, *roles: str, version: str = "1") -> int:
        entry = Entry.by(
            self.world.person(name, *(roles or ("governance",))), action=action, operation="decision", rocu="nwrocu",
            object=f"{MODEL}/{version}", outcome="done", details=details.model_dump(mode="json"),
        )  # fmt: skip
        seq: int = self.world.audit.append(entry, NOW).seq
        return seq

    def approve(self, name: str, *roles: str) -> int:
        gate = self.gate.gate
        details = ApproveDetails(
            evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest, token_id="t", issuer="i"
        )
        return self.write(name, "promote.approve", details, *roles)

    def promote(self, approval_seqs: tuple[int, ...], **changes: Any) -> None:
        gate: GateDetails = self.gate.gate
        details = PromotedDetails(
            model_sha256=gate.model_sha256, evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest,
            gate_seq=self.gate.gate_seq, approval_seqs=approval_seqs, approvers=("a", "b"), approvers_needed=1,
            valid_until="2027-11-20T09:00:00.000000Z", replaces=None,
        )  # fmt: skip
        self.write("Mallory", "promote.promoted", details.model_copy(update=changes))
        self.world.registry.set_champion(MODEL, "1")


@pytest.fixture
def forger(world: Any) -> Forger:
    return Forger(world)


def test_two_forged_but_well_formed_approvals_by_different_people_count(forger: Forger, verify: Verify) -> None:
    """The measure of the tests below: this is what they spoil, each in one way."""
    forger.promote((forger.approve("Ann"), forger.approve("Bea")))
    assert verify().version == "1"


@pytest.mark.parametrize(
    "people",
    [
        [],
        [("Ann", "governance")],
        [("Ann", "governance"), ("ANN ", "governance")],
        [("Ann", "governance"), ("Tess Trainer", "governance")],
        [("Ann", "governance"), ("Edda Engineer", "governance")],
        [("Ann", "governance"), ("Olga", "operator")],
    ],
)
def test_a_promotion_without_two_valid_approvals_is_refused(
    forger: Forger, verify: Verify, people: list[tuple[str, str]]
) -> None:
    forger.promote(tuple(forger.approve(name, role) for name, role in people))
    with pytest.raises(RefusedError, match="valid approvals"):
        verify()


@pytest.mark.parametrize(
    "changes",
    [
        {"gate_seq": 1},
        {"gate_seq": 99},
        {"model_sha256": "0" * 64},
        {"evidence_digest": "0" * 64},
        {"policy_digest": "0" * 64},
        {"approval_seqs": (1, 2)},
        {"approval_seqs": (98, 99)},
    ],
)
def test_a_promotion_that_names_something_else_is_refused(
    forger: Forger, verify: Verify, changes: dict[str, Any]
) -> None:
    approvals = (forger.approve("Ann"), forger.approve("Bea"))
    forger.promote(**({"approval_seqs": approvals} | changes))
    with pytest.raises(RefusedError):
        verify()


def test_an_approval_of_another_version_does_not_count(world: Any, forger: Forger, verify: Verify) -> None:
    world.requested("2")
    other = approve(world.desk, world.person("Bea"), MODEL, "2", world.policy, NOW).approvals[0].seq
    forger.promote((forger.approve("Ann"), other))
    with pytest.raises(RefusedError, match="1 valid approvals"):
        verify()


def test_an_approval_for_other_evidence_does_not_count(world: Any, forger: Forger, verify: Verify) -> None:
    request(world.desk, world.engineer, world.evidence(commit="9" * 40), world.policy, NOW)
    old = forger.gate.gate
    details = ApproveDetails(
        evidence_digest=old.evidence_digest, policy_digest=old.policy_digest, token_id="t", issuer="i"
    )
    forger.write("Ann", "promote.approve", details)
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_a_promotion_after_a_gate_that_said_no_is_refused(world: Any, verify: Verify) -> None:
    forger = Forger(world)
    request(world.desk, world.engineer, world.evidence(signature_verified=False), world.policy, NOW)
    forger.promote((1, 2))
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()
