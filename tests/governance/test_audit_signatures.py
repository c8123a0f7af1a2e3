"""Who can write to the database but has no key cannot add to the log: every row is signed by a trusted machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from governance.audit.entry import stored_values
from governance.audit.keys import AuditKeys, fingerprint, open_keys
from governance.audit.log import AuditLog, Entry, open_audit
from governance.audit.tables import audit_log
from governance.audit.walk import last_link
from governance.promotion.details import ApproveDetails, PromotedDetails
from governance.promotion.state import model_state
from governance.promotion.verification import verify_champion
from infra.database import open_database
from infra.errors import RefusedError, WrongInputError
from infra.keys import public_pem
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL = "county_lines.nwrocu"


def entry(number: int) -> Entry:
    return Entry(
        action="ingest", operation="collection", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="done",
    )  # fmt: skip


def insert(engine: Engine, entry: Entry, keys: AuditKeys | None = None, **changes: Any) -> int:
    """Put the next link of the chain in with a plain INSERT, hashes right, and say its seq."""
    with engine.begin() as connection:
        seq, last = last_link(connection)
        row = stored_values(entry, NOW, seq + 1, last, keys)
        connection.execute(audit_log.insert(), [row | changes])
    return seq + 1


def strange_keys() -> AuditKeys:
    return AuditKeys(Ed25519PrivateKey.generate(), ())


def refused_at(log: AuditLog) -> int:
    """The row that verification calls unsigned; nothing is added after it."""
    found = log.verify().problem
    assert found is not None
    assert found.how == "unsigned"
    assert str(found.seq) in found.what
    with pytest.raises(RefusedError, match=f"Row {found.seq} .*not signed by a trusted key"):
        log.append(entry(99), NOW)
    return found.seq


@pytest.mark.parametrize("keys", [None, strange_keys()], ids=["no key", "a strange key"])
def test_a_well_chained_row_without_a_trusted_signature_is_named(
    log: AuditLog, engine: Engine, keys: AuditKeys | None
) -> None:
    log.extend((entry(1), entry(2)), NOW)
    assert insert(engine, entry(3), keys) == 3
    insert(engine, entry(4), keys)
    assert refused_at(log) == 3


def test_a_row_cannot_pretend_to_be_of_this_machine(log: AuditLog, engine: Engine, log_settings: Settings) -> None:
    class Pretender(AuditKeys):
        @property
        def own_id(self) -> str:
            return open_keys(log_settings).own_id

    log.append(entry(1), NOW)
    insert(engine, entry(2), Pretender(Ed25519PrivateKey.generate(), ()))
    assert refused_at(log) == 2


@pytest.mark.parametrize("signature", ["", "AAAA", "é", "signed by me"])
def test_what_is_no_signature_is_refused(log: AuditLog, engine: Engine, log_settings: Settings, signature: str) -> None:
    insert(engine, entry(1), open_keys(log_settings), signature=signature)
    assert refused_at(log) == 1


def test_the_signature_of_another_row_is_refused(log: AuditLog, engine: Engine, log_settings: Settings) -> None:
    first = log.append(entry(1), NOW)
    insert(engine, entry(2), open_keys(log_settings), signature=first.signature)
    assert refused_at(log) == 2


def test_a_log_that_was_begun_without_a_key_is_not_taken_over(engine: Engine, log_settings: Settings) -> None:
    AuditLog(engine).append(entry(1), NOW)
    assert AuditLog(engine).verify().intact
    log = open_audit(log_settings, engine)
    assert refused_at(log) == 1
    assert refused_at(open_audit(log_settings, engine)) == 1


@pytest.mark.parametrize("keys", [None, strange_keys()], ids=["no key", "a strange key"])
def test_a_promotion_forged_in_the_database_scores_nothing(world: Any, keys: AuditKeys | None) -> None:
    world.evidence()
    world.requested()
    found = model_state(world.audit, MODEL).versions["1"]
    gate = found.gate
    engine = open_database(world.settings)

    def forge(name: str, action: str, details: ApproveDetails | PromotedDetails, role: str) -> int:
        said = Entry.by(
            world.person(name, role), action=action, operation="decision", rocu="nwrocu",
            object=f"{MODEL}/1", outcome="done", details=details.model_dump(mode="json"),
        )  # fmt: skip
        return insert(engine, said, keys)

    term = "2027-11-20T09:00:00.000000Z"
    approvals = tuple(
        forge(
            name,
            "promote.approve",
            ApproveDetails(
                part=role, evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest, token_id="t",
                issuer="i", valid_until=term,
            ),
            role,
        )
        for name, role in (("Ann", "validator"), ("Bea", "owner"))
    )  # fmt: skip
    promoted = PromotedDetails(
        model_sha256=gate.model_sha256, evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest,
        gate_seq=found.gate_seq, approval_seqs=approvals, approvers=("a", "b"), shadow_seqs=(), confirm_seq=1,
        confirmed_by="a", valid_until=term, replaces=None,
    )  # fmt: skip
    forge("Mallory", "promote.promoted", promoted, "owner")
    world.registry.set_champion(MODEL, "1")
    engine.dispose()
    with pytest.raises(RefusedError, match=f"Row {approvals[0]} .*not signed by a trusted key"):
        verify_champion(world.desk, MODEL, "nwrocu", NOW)
    assert refused_at(world.audit) == approvals[0]


def trusting(tmp_path: Path, pem: bytes) -> Settings:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "other.pem").write_bytes(pem)
    return Settings(home=tmp_path / "home", audit_trusted_keys=folder)


def test_a_key_that_was_handed_over_is_trusted_and_its_loss_shows(tmp_path: Path) -> None:
    other = strange_keys()
    settings = trusting(tmp_path, public_pem(other.own.public_key()))
    engine = open_database(settings)
    log = open_audit(settings, engine)
    insert(engine, entry(1), other)
    assert log.append(entry(2), NOW).seq == 2
    assert log.verify().intact
    without = open_audit(Settings(home=tmp_path / "home"), engine).verify().problem
    engine.dispose()
    assert without is not None
    assert (without.seq, without.how) == (1, "unsigned")


def test_the_published_key_is_the_own_one(log: AuditLog, log_settings: Settings) -> None:
    published = (log_settings.root / "records" / "audit-public.pem").read_bytes()
    keys = open_keys(log_settings)
    assert published == public_pem(keys.own.public_key())
    row = log.append(entry(1), NOW)
    assert row.signer == keys.own_id
    assert fingerprint(keys.own.public_key()).startswith(row.signer)


@pytest.mark.parametrize(
    "pem", [b"no key", public_pem(generate_private_key(SECP256R1()).public_key())], ids=["nothing", "another kind"]
)
def test_a_trusted_key_of_the_wrong_kind_is_refused(tmp_path: Path, pem: bytes) -> None:
    with pytest.raises(WrongInputError, match="not an Ed25519 public key"):
        open_keys(trusting(tmp_path, pem))


def test_a_missing_folder_of_trusted_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="is not there"):
        open_keys(Settings(home=tmp_path / "home", audit_trusted_keys=tmp_path / "none"))
