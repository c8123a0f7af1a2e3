"""The attacks that the scorer and the reader must not believe: each is tried on real parts, refused, and on record.

Attacks on the log run on SQLite and on a real PostgreSQL. What is not here is in test_tampering (alias, files of the
registry, policy, figures, suspension), test_attacks_on_approval, and tests/governance (each single rule).
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attack_support import check_refused, insert, kept_rows, moved_to_postgresql, refusals, score, spoil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from loop_support import AS_OF, MODEL, Loop, first_registered, run, token

from governance.audit.keys import AuditKeys
from governance.audit.log import Entry, open_audit
from governance.audit.operations import OPERATIONS
from infra.database import open_database
from infra.settings import Settings
from infra.signing import sign_folder


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    for who in ("operator", "auditor"):
        token(in_force.home, who)
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


@pytest.fixture(params=["sqlite", "postgresql"])
def attacked(request: pytest.FixtureRequest, copy: Loop, monkeypatch: pytest.MonkeyPatch) -> Loop:
    """A finished installation whose audit log is in one or the other database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")()
        moved_to_postgresql(copy, url)
        monkeypatch.setenv("FINDPROFILE_DATABASE_URL", url)
    assert score(copy).code == 0
    return copy


def entry(action: str, person: str = "Mallory", **details: Any) -> Entry:
    return Entry(
        action=action, operation=OPERATIONS[action][0], actor=f"embedded:{person.lower()}", actor_name=person,
        actor_roles=("governance",), rocu="nwrocu", object=MODEL, outcome="done", details=details,
    )  # fmt: skip


LOG = {
    "a row changed": (
        "UPDATE audit_log SET actor_name = 'Somebody' WHERE action = 'promote.approve'", "does not match its own hash",
    ),
    "a row removed": ("DELETE FROM audit_log WHERE seq = 3", "row 3 of the audit log is missing"),
    "the end cut off": (
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)", "its end was cut off",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", LOG)
def test_a_log_that_was_touched_stops_scoring(attacked: Loop, attack: str) -> None:
    statement, words = LOG[attack]
    spoil(attacked, statement)
    check_refused(attacked, score(attacked), "score", "audit log does not hold", words)
    check_refused(attacked, attacked("auditor", "audit", "verify"), "audit.verify", "audit log does not hold", words)


def test_a_row_put_in_the_middle_stops_scoring(attacked: Loop) -> None:
    columns = (
        "at, action, operation, actor, actor_name, actor_roles, rocu, object, purpose, authority, outcome, details,"
        " signer, previous_hash"
    )
    spoil(
        attacked,
        "UPDATE audit_log SET seq = -(seq + 1) WHERE seq >= 4",
        "UPDATE audit_log SET seq = -seq WHERE seq < 0",
        f"INSERT INTO audit_log (seq, event_id, {columns}, hash, signature)"
        f" SELECT 4, 'forged', {columns}, 'f', signature FROM audit_log WHERE seq = 5",
    )
    # whoever acts had accepted the procedures, but who can tell by such a log
    check_refused(attacked, score(attacked), "sign-in", "audit log does not hold", "put in later")


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's"])
def test_a_well_chained_row_that_is_not_signed_by_a_trusted_key_stops_scoring(attacked: Loop, whose: str) -> None:
    insert(
        attacked,
        entry("promote.resumed", reason="forged"),
        None if whose == "nobody's" else AuditKeys(Ed25519PrivateKey.generate(), ()),
    )
    check_refused(attacked, score(attacked), "score", "not signed by a trusted key")


def test_rules_taken_away_stop_scoring(attacked: Loop) -> None:
    engine = open_database(Settings(home=attacked.home))
    with engine.begin() as connection:
        sqlite = engine.dialect.name == "sqlite"
        connection.exec_driver_sql(
            "DROP TRIGGER audit_log_no_update"
            if sqlite
            else "ALTER TABLE audit_log DISABLE TRIGGER audit_log_no_change"
        )
    engine.dispose()
    check_refused(attacked, score(attacked), "score", "lost a rule")


def test_a_database_restored_from_an_older_copy_stops_scoring(attacked: Loop) -> None:
    engine = open_database(Settings(home=attacked.home))
    with engine.connect() as connection:
        kept = [dict(row) for row in connection.exec_driver_sql("SELECT * FROM audit_log ORDER BY seq").mappings()]
    assert score(attacked).code == 0
    spoil(attacked, f"DELETE FROM audit_log WHERE seq > {len(kept)}")
    engine.dispose()
    check_refused(attacked, score(attacked), "score", "an older copy of the database was put back")


def test_the_head_put_back_with_the_database_shows_by_a_checkpoint_kept_elsewhere(copy: Loop, tmp_path: Path) -> None:
    """Database, head and mark of an older moment agree with each other; only what was kept elsewhere knows better."""
    older = Loop(tmp_path / "older", copy.world)
    shutil.copytree(copy.home, older.home)
    assert score(copy).code == 0
    copy.done("auditor", "audit", "checkpoint", "--out", tmp_path / "kept.json")
    copy.done("auditor", "audit", "verify", "--against", tmp_path / "kept.json")
    assert older("auditor", "audit", "verify").code == 0
    said = older("auditor", "audit", "verify", "--against", tmp_path / "kept.json")
    check_refused(older, said, "audit.verify", "an older copy of the database was put back", "checkpoint of")


def test_a_clock_set_back_stops_everything(copy: Loop) -> None:
    """The log has an entry of an hour ahead: for the clock of this machine, time has run back since."""
    settings = Settings(home=copy.home)
    engine = open_database(settings)
    ahead = open_audit(settings, engine).append(entry("policy.use"), datetime.now(UTC) + timedelta(hours=1))
    engine.dispose()
    rows = kept_rows(copy)
    for arguments in (
        ("score", "--rocu", "nwrocu", "--as-of", AS_OF),
        ("promote", "rollback", MODEL, "--reason", "why not"),
        ("status",),
    ):
        said = copy("operator", *arguments)
        check_refused(copy, said, "sign-in", "The clock says", ahead.at)
        assert "Set the clock right" in said.err
    assert kept_rows(copy) == rows + 3 * 2  # a refusal each, for both ROCUs of the token
    said = copy("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, FINDPROFILE_CLOCK_TOLERANCE_S="7200")
    assert said.code == 0, said.err


def test_a_signature_by_another_key_is_refused(copy: Loop, tmp_path: Path) -> None:
    signature = first_registered(copy, "model.sig")
    kept = signature.read_bytes()
    folder = next(path for path in signature.parents if path.name == "artifacts")
    sign_folder(Settings(home=tmp_path / "stranger"), folder, signature)
    assert signature.read_bytes() != kept
    check_refused(copy, score(copy), "score", "does not verify")


def test_an_unreachable_registry_scores_nothing_and_is_on_record(copy: Loop) -> None:
    said = copy(
        "operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, FINDPROFILE_MLFLOW_TRACKING_URI="http://127.0.0.1:1"
    )
    assert said.code == 3
    assert "does not answer" in refusals(copy, "score")[-1]


def test_a_token_for_another_rocu_scores_nothing(copy: Loop) -> None:
    said = run(copy.home, "score", "--rocu", "nwrocu", "--as-of", AS_OF, token=token(copy.home, "operator", "yhrocu"))
    check_refused(copy, said, "score", "not for nwrocu")


def test_a_log_that_holds_again_learns_what_it_could_not_take(copy: Loop) -> None:
    head = copy.home / "records" / "audit-head.json"
    kept = head.read_bytes()
    head.write_bytes(b"{}")
    check_refused(copy, score(copy), "score", "not signed by this machine's audit key")
    assert copy("auditor", "audit", "verify").code == 1
    head.write_bytes(kept)
    assert score(copy).code == 0
    settings = Settings(home=copy.home)
    engine = open_database(settings)
    # the policy that could not be looked up, the scoring, the verification
    assert [row.details["entries"] for row in open_audit(settings, engine).search(action="audit.aside")] == [3]
    engine.dispose()


def test_no_more_than_a_look_is_given_out_while_the_log_does_not_hold(copy: Loop) -> None:
    (copy.home / "records" / "audit-head.json").write_bytes(b"{}")
    issue = ("token", "issue", "--name", "Mallory", "--rocu", "nwrocu", "--role")
    for role in ("operator", "ml_engineer", "analyst"):
        said = run(copy.home, *issue, role)
        assert (said.code, said.out) == (1, "")
    assert run(copy.home, *issue, "auditor").code == 0
    aside = [json.loads(line) for line in (copy.home / "records" / "audit-aside.jsonl").read_text().splitlines()]
    assert [line["entry"]["details"]["roles"] for line in aside if line["entry"]["action"] == "token.issue"][-1] == [
        "auditor"
    ]


def test_who_has_accepted_nothing_can_look_at_a_log_that_does_not_hold_and_stop_a_model_only(copy: Loop) -> None:
    issue = ("token", "issue", "--name", "New Person", "--rocu", "nwrocu", "--role")
    auditor, operator = (run(copy.home, *issue, role).out.strip() for role in ("auditor", "operator"))
    check_refused(copy, run(copy.home, "audit", "verify", token=auditor), "sign-in", "has not accepted")
    spoil(copy, "UPDATE audit_log SET actor_name = 'Somebody' WHERE action = 'promote.approve'")
    said = run(copy.home, "syops", "accept", "--version", "0.2", token=auditor)
    check_refused(copy, said, "syops.accept", "audit log does not hold")
    said = run(copy.home, "audit", "verify", token=auditor)
    check_refused(copy, said, "audit.verify", "does not match its own hash")
    assert run(copy.home, "audit", "search", "--rocu", "nwrocu", token=auditor).code == 0
    for command in (("score", "--rocu", "nwrocu", "--as-of", AS_OF), ("ingest", "--rocu", "nwrocu", "none.csv")):
        check_refused(copy, run(copy.home, *command, token=operator), "sign-in", "audit log does not hold")
    assert run(copy.home, "promote", "suspend", MODEL, "--reason", "in doubt", token=operator).code == 0


def test_each_token_given_out_is_on_record(copy: Loop) -> None:
    said = run(copy.home, "token", "issue", "--name", "New Person", "--role", "analyst", "--rocu", "nwrocu")
    row = copy.done("auditor", "audit", "search", "--action", "token.issue", "--rocu", "nwrocu", "--json").data[-1]
    assert row["details"]["subject"] == "embedded:new person"
    assert row["details"]["signed_with"]
    assert row["actor"].startswith("operating system:")
    assert said.out.strip() not in json.dumps(row)


def test_who_has_not_accepted_the_procedures_may_only_look_at_the_status_and_stop_a_model(copy: Loop) -> None:
    issue = ("token", "issue", "--name", "New Person", "--role", "operator", "--rocu", "nwrocu")
    signed = run(copy.home, *issue).out.strip()
    said = run(copy.home, "score", "--rocu", "nwrocu", "--as-of", AS_OF, token=signed)
    check_refused(copy, said, "sign-in", "has not accepted version")
    assert run(copy.home, "status", token=signed).code == 0
    assert run(copy.home, "syops", "show", token=signed).code == 0
    wrong = run(copy.home, "syops", "accept", "--version", "0.0", token=signed)
    check_refused(copy, wrong, "syops.accept", "is in force")
    version = json.loads(run(copy.home, "syops", "show", "--json").out)["version"]
    assert run(copy.home, "syops", "accept", "--version", version, token=signed).code == 0
    assert run(copy.home, "score", "--rocu", "nwrocu", "--as-of", AS_OF, token=signed).code == 0
    other = run(copy.home, *issue[:3], "Another Person", *issue[4:]).out.strip()
    assert run(copy.home, "promote", "suspend", MODEL, "--reason", "in doubt", token=other).code == 0


def test_every_entry_of_the_loop_says_the_operation_of_the_table(in_force: Loop) -> None:
    settings = Settings(home=in_force.home)
    engine = open_database(settings)
    rows = open_audit(settings, engine).search(limit=100_000)
    engine.dispose()
    assert {row.action for row in rows} <= set(OPERATIONS)
    assert all(row.operation in OPERATIONS[row.action] for row in rows)
    assert {"collection", "combination", "decision"} <= {row.operation for row in rows}


def test_the_log_can_be_read_by_its_owner_alone_and_training_is_given_no_way_to_it(copy: Loop) -> None:
    for path in (copy.home / "state.db", copy.home / "keys", copy.home / "keys" / "audit.pem"):
        assert path.stat().st_mode & 0o077 == 0, path
    (copy.home / "state.db").chmod(0o644)
    assert copy("auditor", "audit", "verify").code == 0
    assert (copy.home / "state.db").stat().st_mode & 0o077 == 0
    from models.pipeline import _environment

    given = _environment(Settings(home=copy.home, database_url="sqlite:///secret", token="t"))
    assert not [name for name in given if name.startswith("FINDPROFILE_")]
    assert "secret" not in "".join(given.values())
