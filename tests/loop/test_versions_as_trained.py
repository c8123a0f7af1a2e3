"""What the gate is shown is what was registered when somebody trained it, whoever has the key that signs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attack_support import refusals
from loop_support import AS_OF, MODEL, PEOPLE, Loop, Said, first_registered, token

import flows.steps.evidence
import flows.steps.trained
from flows.context import Context, open_context
from flows.steps.desk import policy_of
from flows.steps.evidence_record import _made_again
from governance.audit.log import Entry
from governance.policy import document as policy
from infra.clock import utc_now
from infra.errors import RefusedError
from infra.settings import Settings
from infra.signing import sign_folder, verify_folder
from models.registry import Registry

REQUEST = ("promote", "request", MODEL)


@pytest.fixture
def asked(in_force: Loop, tmp_path: Path) -> Loop:
    """The loop as it was when its version had been requested."""
    loop = Loop(tmp_path / "home", in_force.world)
    shutil.copytree(in_force.home.parent / "requested", loop.home)
    for who in PEOPLE:
        token(loop.home, who)
    return loop


@pytest.fixture
def sign_anew(asked: Loop) -> Callable[[str, bytes], None]:
    """Put something else into the record of the version, and a signature over it by the right key."""

    def sign(name: str, content: bytes) -> None:
        signature = first_registered(asked, "model.sig")
        folder = next(path for path in signature.parents if path.name == "artifacts")
        first_registered(asked, name).write_bytes(content)
        sign_folder(Settings(home=asked.home), folder, signature)
        verify_folder(Settings(home=asked.home), folder, signature)

    return sign


@pytest.fixture
def signed_anew(asked: Loop, sign_anew: Callable[[str, bytes], None]) -> Loop:
    """Better figures than were found."""
    found = json.loads(first_registered(asked, "record/evaluation.json").read_bytes())
    found["all_vehicles"]["model"]["average_precision"] |= {"value": 0.99, "low": 0.98, "high": 1.0}
    sign_anew("record/evaluation.json", json.dumps(found).encode())
    return asked


def check_refused(loop: Loop, said: Said, action: str, words: str) -> None:
    assert (said.code, words in said.err) == (1, True), said.out + said.err
    assert words in refusals(loop, action)[-1]


def test_figures_that_were_altered_and_signed_anew_with_the_right_key_come_before_no_gate(signed_anew: Loop) -> None:
    check_refused(signed_anew, signed_anew("engineer", *REQUEST, "1"), "promote.request", "signed anew")


def test_figures_that_do_not_come_out_again_come_before_no_gate_though_the_log_has_that_signature(
    signed_anew: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of somebody who altered them before they were registered."""
    monkeypatch.setattr(flows.steps.evidence, "require_as_trained", lambda *_: None)
    said = signed_anew("engineer", *REQUEST, "1")
    check_refused(signed_anew, said, "promote.request", "are not those that its text has on its hold-out")


@pytest.mark.parametrize("name", ["record/evaluation.json", "record/assurance.json", "model/model.lgb"])
def test_a_version_that_was_spoilt_comes_before_no_gate(asked: Loop, name: str) -> None:
    file = first_registered(asked, name)
    file.write_bytes(file.read_bytes()[:100])
    check_refused(asked, asked("engineer", *REQUEST, "1"), "promote.request", f"not as signed: {name}")


def test_what_the_gate_reads_is_the_copy_that_was_verified(asked: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of somebody who puts a better record in its place for as long as it is read, and the true one back."""
    fetched: list[Path] = []
    fetch = Registry._fetch

    def fetch_better_first(registry: Registry, model: str, version: str, what: str, target: Path) -> Path:
        found = fetch(registry, model, version, what, target)
        for file in found.rglob("assurance.json"):
            if not fetched:
                file.write_text(json.dumps(json.loads(file.read_bytes()) | {"leakage": None}))
            fetched.append(file)
        return found

    monkeypatch.setattr(Registry, "_fetch", fetch_better_first)
    check_refused(asked, asked("engineer", *REQUEST, "1"), "promote.request", "not as signed: record/assurance.json")
    assert fetched


def test_training_the_same_again_does_not_make_them_good(signed_anew: Loop) -> None:
    said = signed_anew("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF)
    check_refused(signed_anew, said, "retrain", "is another than this training gives")


AGAIN = ("retrain", "--rocu", "nwrocu", "--as-of", AS_OF, "--json")


def test_a_training_that_was_killed_before_its_entry_is_finished_by_who_began_it(
    asked: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the log had no entry of it."""
    with monkeypatch.context() as patch:
        patch.setattr(flows.steps.trained, "_trainings", lambda *_: ())
        said = asked("operator", *AGAIN)
        check_refused(asked, said, "retrain", "was begun by embedded:erin holt and never entered in the audit log")
        assert "Have embedded:erin holt type the same findprofile retrain again" in said.err
        assert asked.done("engineer", *AGAIN).data["already_registered"]
    assert asked.done("operator", *AGAIN).data["already_registered"]


@pytest.mark.parametrize("part", ["definition", "training"])
def test_whoever_kills_their_own_training_and_signs_another_record_does_not_get_it_into_the_log(
    asked: Loop, sign_anew: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    record = first_registered(asked, f"record/{part}.json")
    altered = {"definition": {"pattern_code": "a" * 64}, "training": {"seconds": 1.0}}[part]
    sign_anew(f"record/{part}.json", json.dumps(json.loads(record.read_bytes()) | altered).encode())
    monkeypatch.setattr(flows.steps.trained, "_trainings", lambda *_: ())
    check_refused(asked, asked("engineer", *AGAIN), "retrain", "is another than this training gives")


def test_a_version_that_nobody_trained_comes_before_no_gate(in_force: Loop, asked: Loop) -> None:
    from mlflow import MlflowClient

    database = f"sqlite:///{asked.home / 'mlflow.db'}"
    client = MlflowClient(database, database)
    one = client.get_model_version(MODEL, "1")
    client.create_model_version(MODEL, source=one.source, run_id=one.run_id, tags=dict(one.tags))
    check_refused(asked, asked("engineer", *REQUEST, "2"), "promote.request", "has no training of it")


@pytest.fixture
def context(asked: Loop, monkeypatch: pytest.MonkeyPatch) -> Context:
    return open_context(Settings(home=asked.home, token=token(asked.home, "validator")))


def test_that_another_text_was_made_again_says_nothing_of_one_with_its_number(context: Context) -> None:
    record: Any = SimpleNamespace(model=MODEL, version="1", model_sha256="a" * 64)

    def reproduced(sha256: str, same: bool) -> None:
        entry = Entry.by(
            context.identity, action="reproduce", operation="combination", rocu="nwrocu", object=f"{MODEL}/1",
            outcome="done", details={"same": same, "model_sha256": sha256},
        )  # fmt: skip
        context.audit.append(entry, utc_now())

    reproduced("b" * 64, True)
    assert _made_again(context, record) is None
    reproduced("a" * 64, False)
    reproduced("b" * 64, True)
    found = _made_again(context, record)
    assert found is not None
    assert not found.same


def test_a_policy_that_is_swapped_while_it_is_looked_up_is_refused(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question which file is in force and the reading of it."""
    assert policy_of(context, "nwrocu").policy.version == "test-1"
    load = policy.load_policy

    def swapped(lake: Any, rocu: str) -> Any:
        folder, own = lake.folder("policies", rocu), b"version: mine\nshadow_runs: 0\n"
        sha256 = hashlib.sha256(own).hexdigest()
        (folder / f"{sha256}.yaml").write_bytes(own)
        (folder / "current.json").write_text(json.dumps({"file": "mine.yaml", "sha256": sha256}))
        return load(lake, rocu)

    monkeypatch.setattr(policy, "load_policy", swapped)
    with pytest.raises(RefusedError, match="not the one that the audit log says was loaded"):
        policy_of(context, "nwrocu")


def test_a_refusal_says_that_the_alias_is_on_the_version_that_is_refused(asked: Loop) -> None:
    from mlflow import MlflowClient

    database = f"sqlite:///{asked.home / 'mlflow.db'}"
    MlflowClient(database, database).set_registered_model_alias(MODEL, "champion", "1")
    assert asked("engineer", *REQUEST, "9", "--plan").code == 2
    said = asked.done("validator", "promote", "refuse", MODEL, "1", "--reason", "not good enough", "--json")
    words = "alias moved by hand to version 1: scoring refuses; find out who moved it, then promote reconcile"
    assert (said.data["alias"], words in said.err) == (words, True)
    assert asked.done("governance", "promote", "reconcile", MODEL, "--json").data["alias"] is None


def test_a_version_is_refused_though_the_registry_does_not_answer(asked: Loop) -> None:
    nowhere = {"FINDPROFILE_MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "FINDPROFILE_MLFLOW_TIMEOUT_SECONDS": "2"}
    refuse = ("promote", "refuse", MODEL, "1", "--reason", "not good enough", "--json")
    said = asked("validator", *refuse, **nowhere)
    assert said.code == 0, said.err
    assert (said.data["status"], said.data["alias"].partition(":")[0]) == ("refused", "not looked at")
    rows = asked.done("auditor", "promote", "history", MODEL, "1", "--json").data
    assert (rows[-1]["action"], rows[-1]["outcome"]) == ("promote.refuse", "done")
