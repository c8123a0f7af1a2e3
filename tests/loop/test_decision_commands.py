"""Commands that decide, or look at decisions, given what nobody should give them: told in a line, and nothing done."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from loop_support import MODEL, PEOPLE, Loop, Said, run

from governance.access.permissions import ROLES
from governance.audit.plate_guard import withhold_plates
from infra.clock import utc_now
from infra.identity import issue_token, verify_token
from infra.settings import Settings

HERE = ("--rocu", "nwrocu")
TERMS = (*HERE, "--pattern", "county_lines", "--purpose", "testing", "--from", "2026-03-01", "--to", "2026-04-30")


@pytest.fixture
def home(tmp_path: Path) -> Loop:
    """A home in which nothing was done yet."""
    return Loop(tmp_path / "home", tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """The same, for what changes nothing."""
    folder = tmp_path_factory.mktemp("untouched")
    return Loop(folder / "home", folder)


def check_told(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said.out + said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err


def entries(home: Loop, *conditions: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.done("auditor", "audit", "search", *HERE, *conditions, "--json").data
    return found


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("authority", "grant", "CL/2026/1", *TERMS, "--until", "9999-12-31"), "Give a date from"),
        (("authority", "grant", "CL/2026/1", *TERMS, "--valid-from", "9999-12-01"), "Give a date from"),
        (("authority", "grant", "CL/2026/1", *TERMS[:-1], "2026-02-28"), "lies before --from"),
        (("score", *HERE, "--as-of", "0001-01-01"), "Give a date from"),
        (("promote", "suspend", "county_lnes.nwrocu", "--reason", "it must stop"), "county_lines"),
        (("promote", "suspend", "county_lines.nwrocx", "--reason", "it must stop"), "nwrocu"),
        (("promote", "suspend", "county_lines.nw\udcff", "--reason", "it must stop"), "is not the name of a model"),
        (("promote", "rollback", MODEL, "--to", "one", "--reason", "it is bad"), "--to"),
        (("audit", "search", "--last", "0"), "--last"),
        (("audit", "search", "--last", "-1"), "--last"),
        (("audit", "search", "--outcome", "banana"), "banana"),
        (("audit", "search", "--operation", "banana"), "banana"),
        (("audit", "search", "--from", "2026-03-02", "--to", "2026-03-01"), "lies before --from"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_on_record(untouched: Loop, arguments: tuple[str, ...], word: str) -> None:
    who = {"authority": "owner", "score": "operator", "promote": "owner", "audit": "auditor"}[arguments[0]]
    untouched.done(who, "status")
    before = len(entries(untouched))
    check_told(untouched(who, *arguments), 2, word)
    # the search itself is the one entry more
    assert len(entries(untouched)) == before + 1


def test_a_policy_that_is_not_utf_8_is_wrong_input(home: Loop, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(b'version: "caf\xe9"\n')
    check_told(home("governance", "policy", "load", *HERE, file), 2, "is not UTF-8")
    file.write_text("approval_valid_days: 1000000000\n")
    check_told(home("governance", "policy", "load", *HERE, file), 2, "approval_valid_days")


def test_a_policy_that_was_put_into_the_lake_by_hand_is_told_and_not_what_the_next_is_held_against(
    home: Loop, tmp_path: Path
) -> None:
    """Whoever writes the weaker one there first must not have governance see that nothing changes."""
    from governance.policy.document import store_policy
    from infra.lake import Lake

    strict, weak = tmp_path / "strict.yaml", tmp_path / "weak.yaml"
    strict.write_text("version: a\ningest: {max_quarantine_share: 0.02}\n")
    weak.write_text("version: b\ningest: {max_quarantine_share: 0.04}\n")
    first = home.done("governance", "policy", "load", *HERE, strict, "--json").data
    lake = Lake(home.home / "lake")
    store_policy(lake, "nwrocu", weak)
    said = home.done("governance", "policy", "load", *HERE, weak, "--json").data
    assert [(one["key"], one["direction"]) for one in said["changes"]] == [("ingest.max_quarantine_share", "weaker")]
    assert (said["replaced"], "by the audit log" in said["compared_with"]) == (first["digest"], True)
    assert "somebody put it there by hand" in said["lake_had"]
    details = entries(home, "--action", "policy.load", "--last", "1")[0]["details"]
    assert (details["lake_had"], details["changed"]["ingest.max_quarantine_share"]) == (
        said["lake_had"],
        "0.02 -> 0.04",
    )
    store_policy(lake, "nwrocu", strict)
    for file in (lake.root / "policies").rglob("*.yaml"):
        file.unlink()
    gone = home.done("governance", "policy", "load", *HERE, weak, "--json").data
    assert (gone["compared_with"], "none that holds" in gone["replaced"]) == ("packaged default", True)
    assert "lake had" not in home.done("governance", "policy", "load", *HERE, strict).out


def test_a_model_is_stopped_though_the_registry_does_not_answer(home: Loop) -> None:
    nowhere = {"FINDPROFILE_MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "FINDPROFILE_MLFLOW_TIMEOUT_SECONDS": "2"}
    stop = ("promote", "suspend", MODEL, "--reason", "it must stop")
    assert "not looked at, and not touched" in home("analyst", *stop, "--plan", **nowhere).out
    said = home("analyst", *stop, "--json", **nowhere)
    assert said.code == 0, said.err
    assert said.data["alias"].startswith("not looked at: MLflow does not answer")
    (row,) = entries(home, "--action", "promote.suspend")
    assert row["outcome"] == "done"


def test_a_model_is_stopped_whatever_bytes_the_reason_has(home: Loop) -> None:
    said = home.done("analyst", "promote", "suspend", MODEL.upper(), "--reason", "odd \udcff list")
    assert "no champion → suspended" in said.out
    (row,) = entries(home, "--action", "promote.suspend")
    assert (row["object"], row["details"]["reason"]) == (MODEL, "odd ? list")


@pytest.mark.parametrize("decision", ["approve", "confirm", "refuse", "rollback", "suspend", "resume"])
def test_a_decision_without_a_reason_is_wrong_input(home: Loop, decision: str) -> None:
    version = () if decision in ("rollback", "suspend", "resume") else ("1",)
    check_told(home("owner", "promote", decision, MODEL, *version), 2, "--reason")
    assert entries(home, "--action", f"promote.{decision}") == []


@pytest.mark.parametrize(
    ("who", "command", "action"),
    [
        ("operator", ("inbox", "bring-back", "\udcff", *HERE), "inbox.bring_back"),
        (
            "operator",
            ("quarantine", "release", *HERE, "--rule", "\udcff", "--reason", "odd rule"),
            "quarantine.release",
        ),
        ("governance", ("policy", "load", *HERE, "/tmp/\udcff.yaml"), "policy.load"),  # noqa: S108 it is not there
        ("analyst", ("vault", "reveal", "\udcff", *HERE, "--purpose", "x", "--authority", "y"), None),
    ],
)
def test_bytes_that_are_no_text_are_wrong_input_and_that_they_were_typed_is_on_record(
    home: Loop, who: str, command: tuple[str, ...], action: str | None
) -> None:
    check_told(home(who, *command), 2)
    if action is not None:
        assert [row["outcome"] for row in entries(home, "--action", action)] == ["failed"]


def test_a_name_is_kept_as_the_log_can_keep_it(home: Loop) -> None:
    said = run(home.home, "token", "issue", "--name", "Zo\udcff", "--role", "owner", *HERE)
    assert said.code == 0, said.err


def test_a_key_whose_name_reads_as_a_plate_issues_tokens_all_the_same(home: Loop) -> None:
    """The name of an issuer's key is base64 of a digest: of one key in a hundred, a part of it reads as a plate."""
    settings = Settings(home=home.home)
    settings.keys.mkdir(parents=True, mode=0o700)
    path, found = settings.keys / "identity_issuer.pem", ""
    while withhold_plates(found) == found:
        key = Ed25519PrivateKey.generate()
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
        signed = issue_token(settings, "Olive", ("owner",), ("nwrocu",), timedelta(hours=1), utc_now())
        found = verify_token(settings, signed, utc_now()).key_id
    said = run(home.home, "token", "issue", "--name", "Olive", "--role", "owner", *HERE)
    assert said.code == 0, said.err
    (row,) = entries(home, "--action", "token.issue", "--outcome", "done")[:1]
    assert bytes.fromhex(row["details"]["signed_with"]) == urlsafe_b64decode(f"{found}=")


def test_a_checkpoint_that_cannot_be_written_is_told_and_on_record(home: Loop, tmp_path: Path) -> None:
    checkpoints = ("audit", "search", "--action", "audit.checkpoint", "--json")
    token = run(home.home, "token", "issue", "--name", "Ada", "--role", "auditor", "--rocu", "*").out.strip()
    run(home.home, "syops", "accept", "--version", "0.2", token=token)

    def outcomes() -> list[str]:
        return [row["outcome"] for row in run(home.home, *checkpoints, token=token).data]

    check_told(run(home.home, "audit", "checkpoint", "--out", tmp_path, token=token), 2, "is a folder")
    assert outcomes() == []
    nowhere = Path("/proc/kept.json")
    check_told(run(home.home, "audit", "checkpoint", "--out", nowhere, token=token), 3, "could not be written")
    assert outcomes() == ["done", "failed"]
    said = run(home.home, "audit", "checkpoint", "--out", tmp_path / "kept.json", token=token)
    assert said.code == 0, said.err
    assert outcomes() == ["done", "failed", "done"]


def test_the_log_is_asked_by_all_that_an_entry_says(home: Loop) -> None:
    home.done("owner", "authority", "grant", "CL/2026/1", *TERMS)
    home.done("analyst", "promote", "suspend", MODEL, "--reason", "odd ranking")
    today = utc_now().date()
    granted = ("authority.grant",)
    for conditions, actions in (
        (("--authority", "CL/2026/1"), granted),
        (("--purpose", "testing"), granted),
        (("--authority", "CL/2026/2"), ()),
        (("--operation", "decision", "--action", "promote."), ("promote.suspend",)),
        (("--operation", "collection"), ()),
        (("--model", MODEL.upper()), ("promote.suspend",)),
        (("--actor", PEOPLE["owner"][0], "--action", "authority.", "--outcome", "done"), granted),
        (("--action", "authority.", "--from", str(today - timedelta(days=1)), "--to", str(today)), granted),
        (("--to", str(today - timedelta(days=1))), ()),
        (("--from", str(today + timedelta(days=1))), ()),
    ):
        assert tuple(row["action"] for row in entries(home, *conditions)) == actions, conditions
    assert "CL/2026/1" in home.done("auditor", "audit", "search", *HERE, "--action", "authority.grant").out
    assert len(entries(home, "--last", "1")) == 1
    unknown = home.done("auditor", "audit", "search", *HERE, "--action", "promote.suspended")
    assert "no entry of the log has an action 'promote.suspended'; near it are promote.suspend" in unknown.err
    assert "no entry" not in home.done("auditor", "audit", "search", *HERE, "--action", "promote.", "--last", "1").err


def test_every_role_can_be_asked_for_and_is_in_the_help(home: Loop) -> None:
    said = run(home.home, "token", "issue", "--help").out
    for role in ROLES:
        assert role in said


@pytest.mark.parametrize("day", ["1970-01-01", "2999-12-31"])
def test_the_first_and_the_last_day_can_be_counted_from(home: Loop, day: str) -> None:
    check_told(home("operator", "score", *HERE, "--as-of", day), 2, "has no reads of")
    said = home("owner", "authority", "grant", "CL/2026/1", *TERMS, "--valid-from", day, "--until", day)
    check_told(said, 2 if day < "2000" else 0)


NO_SUCH_VERSION = "of a version that there is not"
NO_SUCH_PATTERN = "of a pattern that there is not"
EMPTY = "for no reason"


@pytest.mark.parametrize(
    ("decision", "slip"),
    [
        *((decision, NO_SUCH_VERSION) for decision in ("request", "approve", "confirm", "refuse", "rollback")),
        *((decision, NO_SUCH_PATTERN) for decision in ("refuse", "rollback", "resume", "reconcile")),
        *((decision, EMPTY) for decision in ("approve", "resume")),
    ],
)
def test_a_plan_leaves_as_the_decision_itself_does(in_force: Loop, decision: str, slip: str) -> None:
    who = {"request": "engineer", "approve": "validator"}.get(decision, "owner")
    model = "county_lnes.nwrocu" if slip == NO_SUCH_PATTERN else MODEL
    version = ("9",) if decision in ("request", "approve", "confirm", "refuse") else ()
    named = ("--to", "9") if decision == "rollback" else ()
    reason = () if decision in ("request", "reconcile") else ("--reason", "" if slip == EMPTY else "it is as it is")
    typed = ("promote", decision, model, *version, *named, *reason)
    plan, deed = in_force(who, *typed, "--plan"), in_force(who, *typed)
    assert (plan.code, deed.code) == (2, 2), plan.err + deed.err
    assert deed.err.partition("wrong input: ")[2].splitlines()[0] in plan.err


def test_a_plan_that_the_registry_does_not_answer_is_a_fault_as_the_decision_is(in_force: Loop) -> None:
    nowhere = {"FINDPROFILE_MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "FINDPROFILE_MLFLOW_TIMEOUT_SECONDS": "2"}
    typed = ("promote", "rollback", MODEL, "--reason", "it is as it is", "--plan")
    said = in_force("owner", *typed, "--json", **nowhere)
    check_told(said, 3, "It would fail: MLflow does not answer")
    assert (said.data["exit_code"], said.data["entries"]) == (3, ["promote.rollback, failed"])


@pytest.mark.parametrize("plan", [(), ("--plan",)], ids=["deed", "plan"])
@pytest.mark.parametrize("decision", [("rollback", MODEL), ("resume", MODEL), ("approve", MODEL, "1")])
def test_a_refusal_is_told_once(untouched: Loop, decision: tuple[str, ...], plan: tuple[str, ...]) -> None:
    """What it will do is said first; why it is not done is said by the refusal alone."""
    typed = ("promote", *decision, "--reason", "it is bad", *plan)
    said = untouched("owner", *typed)
    asked = untouched("owner", *typed, "--plan", "--json").data
    assert said.code > 0
    assert f"promote {decision[0]} {MODEL}" in said.out
    for words in (asked["refused"], asked["instruction"]):
        assert (said.out + said.err).count(words) == 1, said.out + said.err


def test_reconciling_what_is_in_its_place_says_that_nothing_is_to_do(untouched: Loop) -> None:
    said = untouched.done("owner", "promote", "reconcile", MODEL)
    assert "nothing to do: the alias is on no version, where the log has the champion" in said.out
