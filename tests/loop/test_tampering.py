"""No score without a promoted model: what happens when a model, an alias, a row of the log or evidence is touched."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from loop_support import AS_OF, MODEL, Loop, Said, first_registered


def _score(loop: Loop) -> Said:
    return loop("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF)


def check_refused(loop: Loop, *words: str) -> None:
    said = _score(loop)
    assert said.code == 1, said.out + said.err
    assert "what to do" in said.err
    for word in words:
        assert word in said.err, said.err


def _status(loop: Loop) -> str:
    (row,) = [row for row in loop.done("operator", "status", "--json").data if row["model"] == MODEL]
    return str(row["state"])


def _last_refusal(loop: Loop) -> str:
    rows = loop.done("auditor", "audit", "search", "--action", "score", "--outcome", "refused", "--json").data
    return str(rows[-1]["details"]["reason"])


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    """A copy that may be spoilt."""
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


def test_untouched_it_scores(in_force: Loop) -> None:
    assert _score(in_force).code == 0


def test_changed_model_text_is_refused(in_force: Loop, changed: Callable[[Path, bytes], None]) -> None:
    model = first_registered(in_force, "model.lgb")
    assert _status(in_force) == "in force"
    changed(model, model.read_bytes().replace(b"leaf_value=", b"leaf_value=0.1 ", 1))
    check_refused(in_force)
    assert _status(in_force) == f"scoring refuses: {_last_refusal(in_force)}"
    assert "model.lgb" in _status(in_force)


def test_a_champion_that_was_taken_out_of_the_registry_is_refused_and_status_says_so(copy: Loop) -> None:
    """Its row is there, so the alias names it still; its run, with the files, or the whole version, is not."""
    with sqlite3.connect(copy.home / "mlflow.db") as registry:
        registry.execute("UPDATE model_versions SET run_id = 'another'")
    assert _score(copy).code == 3
    assert "cannot be verified, so scoring fails" in _status(copy)
    with sqlite3.connect(copy.home / "mlflow.db") as registry:
        registry.execute("DELETE FROM model_versions")
    check_refused(copy, "The registry has no county_lines.nwrocu version 1", "it was taken away")
    assert _status(copy) == f"scoring refuses: {_last_refusal(copy)}"


def _registry(loop: Loop, statement: str) -> None:
    with sqlite3.connect(loop.home / "mlflow.db") as registry:
        registry.execute(statement)


@pytest.mark.parametrize("place", ["s3://elsewhere/files", "http://127.0.0.1:1/files", "gs://elsewhere/files"])
def test_no_other_machine_is_asked_for_files_because_the_registry_says_so(copy: Loop, place: str) -> None:
    _registry(copy, f"UPDATE runs SET artifact_uri = '{place}'")
    check_refused(copy, "where this product puts none")
    assert _status(copy) == f"scoring refuses: {_last_refusal(copy)}"


def test_a_registry_with_a_version_that_is_no_number_is_a_fault_and_what_was_tried_is_on_record(copy: Loop) -> None:
    _registry(copy, "UPDATE model_versions SET version = 'abc'")
    for who, command in (
        ("operator", ("score", "--rocu", "nwrocu", "--as-of", AS_OF)),
        ("engineer", ("promote", "request", MODEL, "1")),
        ("engineer", ("models", "list")),
    ):
        said = copy(who, *command)
        assert (said.code, "Traceback" in said.err) == (3, False), said.err
    rows = copy.done("auditor", "audit", "search", "--rocu", "nwrocu", "--outcome", "failed", "--json").data
    assert {"score", "promote.request"} <= {row["action"] for row in rows}


@pytest.mark.parametrize("pointer", ['{"sha256": "%s"}', "[]", "\x00"])
def test_a_pointer_to_the_policy_that_cannot_be_read_refuses_and_is_on_record(copy: Loop, pointer: str) -> None:
    current = copy.home / "lake" / "policies" / "rocu=nwrocu" / "current.json"
    current.write_text(pointer.replace("%s", json.loads(current.read_text())["sha256"]))
    check_refused(copy, "policy")
    said = copy("owner", "promote", "refuse", MODEL, "1", "--reason", "in doubt")
    assert (said.code, "Traceback" in said.err) == (1, False), said.err
    rows = copy.done("auditor", "audit", "search", "--action", "policy.use", "--outcome", "refused", "--json").data
    assert len(rows) >= 2


def test_a_version_whose_files_are_gone_is_refused_and_the_message_says_where_they_should_be(copy: Loop) -> None:
    shutil.rmtree(copy.home / "mlflow-artifacts")
    check_refused(copy, "of county_lines.nwrocu version 1 are not", str(copy.home / "mlflow-artifacts"), "back-up")
    assert _status(copy) == f"scoring refuses: {_last_refusal(copy)}"


def test_a_home_that_was_moved_goes_on_with_its_own_files(copy: Loop, tmp_path: Path) -> None:
    """MLflow's database names the folder of when the first version was made, which may be another home by now."""
    with sqlite3.connect(copy.home / "mlflow.db") as registry:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            registry.execute(f"UPDATE {table} SET {column} = ?", ((tmp_path / "before").as_uri(),))
    assert _score(copy).code == 0
    assert not (tmp_path / "before").exists()
    model = first_registered(copy, "model.lgb")
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=0.1 ", 1))
    check_refused(copy, "model.lgb")


def test_added_file_beside_the_model_is_refused(in_force: Loop) -> None:
    model = first_registered(in_force, "model.lgb")
    extra = model.with_name("loader.py")
    extra.write_text("print('hello')")
    try:
        check_refused(in_force)
    finally:
        extra.unlink()


def test_a_file_added_to_what_the_registry_keeps_of_the_version_is_refused_and_shown(in_force: Loop) -> None:
    extra = first_registered(in_force, "model.lgb").parents[1] / "read-me-first.txt"
    extra.write_text("all is well")
    try:
        check_refused(in_force, "read-me-first.txt")
        shown = in_force.done("auditor", "models", "show", MODEL, "1", "--json").data["signature"]
        assert shown.startswith("does not hold, believe none of this")
        assert "read-me-first.txt" in shown
        for command in (("models", "compare", MODEL, "1", "1"), ("reproduce", MODEL, "1")):
            said = in_force("auditor", *command)
            assert (said.code, "does not verify" in said.err) == (1, True), said.out + said.err
    finally:
        extra.unlink()
    assert in_force.done("auditor", "models", "show", MODEL, "1", "--json").data["signature"] == "holds"


def test_signature_removed_is_refused(in_force: Loop) -> None:
    signature = first_registered(in_force, "model.sig")
    kept = signature.read_bytes()
    signature.write_bytes(b"{}")
    try:
        check_refused(in_force)
    finally:
        signature.write_bytes(kept)


def test_an_alias_that_was_taken_away_is_told_as_moved_by_hand_wherever_models_are_shown(copy: Loop) -> None:
    """It stands where the promotion found it, on no version, as one that was killed would leave it."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{copy.home / 'mlflow.db'}"
    MlflowClient(uri, uri).delete_registered_model_alias(MODEL, "champion")
    check_refused(copy, "on no version, but the audit log has version 1", "moved by hand")
    (row,) = [row for row in copy.done("operator", "status", "--json").data if row["model"] == MODEL]
    (listed,) = [row for row in copy.done("auditor", "models", "list", "--json").data if row["model"] == MODEL]
    shown = copy.done("auditor", "models", "show", MODEL, "1", "--json").data
    for said in (row["state"], listed["state"], shown["state"]):
        assert "moved by hand to no version" in said
        assert "unfinished" not in said
    plan = copy.done("governance", "promote", "reconcile", MODEL, "--plan").out
    assert "the alias follows it: it was moved by hand" in plan
    assert "champion: no version → version 1" in plan
    put_back = copy.done("governance", "promote", "reconcile", MODEL, "--json").data
    assert put_back["status"] == "alias moved to version 1; it was on no version: it was moved by hand"
    (row,) = [row for row in copy.done("operator", "status", "--json").data if row["model"] == MODEL]
    assert row["state"] == "in force"


def test_alias_moved_by_hand_is_refused_and_put_back_on_record(in_force: Loop) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{in_force.home / 'mlflow.db'}", f"sqlite:///{in_force.home / 'mlflow.db'}")
    one = client.get_model_version(MODEL, "1")
    two = client.create_model_version(MODEL, source=one.source, run_id=one.run_id, tags=dict(one.tags))
    client.set_registered_model_alias(MODEL, "champion", two.version)
    try:
        check_refused(in_force, "moved by hand")
        assert "moved by hand" in _last_refusal(in_force)
        status = in_force.done("operator", "status", "--json").data
        assert any("by hand" in (row["state"] or "") for row in status)
        in_force.done("governance", "promote", "reconcile", MODEL)
        assert _score(in_force).code == 0
    finally:
        client.set_registered_model_alias(MODEL, "champion", "1")
        client.delete_model_version(MODEL, two.version)


def _spoil(loop: Loop, *statements: str) -> None:
    """As somebody with the database file would: the rules are dropped first, or they refuse."""
    with sqlite3.connect(loop.home / "state.db") as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, statement in triggers:
            database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor_name = 'Somebody Else' WHERE action = 'promote.approve'",
        "DELETE FROM audit_log WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)",
    ],
)
def test_audit_row_changed_removed_or_cut_off(copy: Loop, statement: str) -> None:
    _spoil(copy, statement)
    said = copy("auditor", "audit", "verify")
    assert said.code == 1, said.out
    assert "does not hold" in said.err
    assert _score(copy).code == 1


def test_the_database_itself_refuses_to_change_a_row(copy: Loop) -> None:
    with sqlite3.connect(copy.home / "state.db") as database, pytest.raises(sqlite3.DatabaseError):
        database.execute("UPDATE audit_log SET outcome = 'done'")


def test_database_restored_from_an_older_copy_is_refused(copy: Loop, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with sqlite3.connect(copy.home / "state.db") as database, sqlite3.connect(older) as target:
        database.backup(target)
    assert _score(copy).code == 0
    restored = Loop(tmp_path / "restored", copy.world)
    shutil.copytree(copy.home, restored.home, ignore=shutil.ignore_patterns("state.db*"))
    shutil.copy(older, restored.home / "state.db")
    said = restored("auditor", "audit", "verify")
    assert said.code == 1
    assert _score(restored).code == 1


def test_evidence_edited_after_the_gate_is_refused(copy: Loop) -> None:
    (evidence,) = (copy.home / "lake" / "records").rglob("evidence-*.json")
    evidence.write_text(evidence.read_text().replace('"positives":', '"positives":1', 1))
    check_refused(copy, "evidence")


def test_policy_swapped_in_the_lake_is_refused(copy: Loop) -> None:
    (policy,) = (copy.home / "lake" / "policies" / "rocu=nwrocu").glob("*.yaml")
    policy.write_text(policy.read_text().replace(" min_average_precision: 0.01", " min_average_precision: 0.005"))
    check_refused(copy, "policy")
    search = ("audit", "search", "--action", "policy.use", "--outcome", "refused", "--json")
    assert "changed in the lake" in copy.done("auditor", *search).data[-1]["details"]["reason"]


def test_a_policy_that_nobody_loaded_is_refused_until_one_is_loaded_again(copy: Loop, policy_file: Path) -> None:
    folder = copy.home / "lake" / "policies" / "rocu=nwrocu"
    own = policy_file.read_text().replace(" min_average_precision: 0.01", " min_average_precision: 0.005")
    sha256 = hashlib.sha256(own.encode()).hexdigest()
    (folder / f"{sha256}.yaml").write_text(own)
    (folder / "current.json").write_text(json.dumps({"file": "test.yaml", "sha256": sha256}))
    check_refused(copy, "audit log says was loaded")
    (folder / "current.json").unlink()
    check_refused(copy, "audit log says was loaded")
    copy.done("governance", "policy", "load", policy_file, "--rocu", "nwrocu")
    assert _score(copy).code == 0


def test_a_spoilt_policy_can_be_replaced(copy: Loop, policy_file: Path) -> None:
    (stored,) = (copy.home / "lake" / "policies" / "rocu=nwrocu").glob("*.yaml")
    stored.write_text("version: x")
    check_refused(copy, "policy")
    copy.done("governance", "policy", "load", policy_file, "--rocu", "nwrocu")
    assert _score(copy).code == 0


def test_figures_edited_beside_the_model_are_refused(copy: Loop) -> None:
    figures = first_registered(copy, "record/evaluation.json")
    figures.write_bytes(figures.read_bytes() + b" ")
    check_refused(copy, "does not verify")


def test_a_model_that_nobody_approved_is_refused(delivered: Loop) -> None:
    said = delivered("operator", "score", "--rocu", "yhrocu", "--as-of", AS_OF)
    assert said.code == 1
    assert "promoted" in said.err


def test_suspended_scores_nothing_and_two_people_resume(copy: Loop) -> None:
    copy.done("analyst", "promote", "suspend", MODEL, "--reason", "wrong stop reported")
    check_refused(copy, "suspended")
    copy.done("governance", "promote", "resume", MODEL, "--reason", "looked into it")
    check_refused(copy, "suspended")
    assert copy("governance", "promote", "resume", MODEL, "--reason", "again").code == 1
    copy.done("owner", "promote", "resume", MODEL, "--reason", "looked into it")
    assert _score(copy).code == 0


def test_history_shows_who_did_what(in_force: Loop) -> None:
    rows = in_force.done("auditor", "promote", "history", MODEL, "1", "--json").data
    said = [(row["action"], row["actor_name"]) for row in rows]
    assert ("promote.gate", "Erin Holt") in said
    assert ("promote.approve", "Grace Lund") in said
    assert ("promote.approve", "Gareth Pike") in said
    assert ("promote.promoted", "Gareth Pike") in said
