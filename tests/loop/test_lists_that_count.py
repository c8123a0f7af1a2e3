"""A list counts if the log that holds says that it was made, and is made only under what still stands at its end."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from attack_support import spoil
from loop_support import AS_OF, MODEL, PSEUDONYM_KEY, Loop, Said, token
from pydantic import SecretStr

import models.list_comparison
import models.pattern_code
from flows.context import open_context
from flows.steps.scoring import score
from infra.database import close_databases
from infra.errors import RefusedError
from infra.lake import file_sha256
from infra.settings import Settings

DAY = "2026-04-04"
HERE = ("--rocu", "nwrocu", "--as-of", AS_OF)
WHY = ("--purpose", "investigation", "--authority", "CL/2026/0042")


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    for who in ("operator", "analyst", "owner"):
        token(in_force.home, who)
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


def suspended(loop: Loop) -> Said:
    return loop.done("analyst", "promote", "suspend", MODEL, "--reason", "stop it")


def withdrawn(loop: Loop) -> Said:
    what = ("TEST/NWROCU/COUNTYLINES/1", "--rocu", "nwrocu", "--reason", "the operation has ended")
    return loop.done("owner", "authority", "withdraw", *what)


def granted_anew(loop: Loop) -> Said:
    withdrawn(loop)
    what = ("TEST/2026/9", "--rocu", "nwrocu", "--pattern", "county_lines", "--purpose", "testing")
    return loop.done("owner", "authority", "grant", *what, "--from", "2026-01-01", "--to", "2026-12-31")


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [(suspended, "is suspended: stop it"), (withdrawn, "withdrawn"), (granted_anew, "another authority")],
)
def test_what_is_stopped_while_the_list_is_made_leaves_no_list(
    copy: Loop, meanwhile: Callable[[Loop], Said], reason: str
) -> None:
    done: list[Said] = []

    def progress(what: str) -> None:
        if what.startswith("windows of") and not done:
            done.append(meanwhile(copy))

    signed = SecretStr(token(copy.home, "operator"))
    settings = Settings(home=copy.home, token=signed, pseudonym_key=SecretStr(PSEUDONYM_KEY))
    context = open_context(settings, progress)
    with pytest.raises(RefusedError, match=reason):
        score(context, "nwrocu", "county_lines", date.fromisoformat(DAY))
    close_databases()
    assert done
    assert not list((copy.home / "lake" / "scores").rglob(f"as_of={DAY}/*/*"))
    rows = copy.done("auditor", "audit", "search", "--action", "score", "--outcome", "refused", "--json").data
    assert reason in rows[-1]["details"]["reason"]


@pytest.fixture
def in_shadow(in_force: Loop, tmp_path: Path) -> Loop:
    """A version with every approval and no champion beside it."""
    shutil.copytree(in_force.home.parent / "requested", tmp_path / "home")
    loop = Loop(tmp_path / "home", in_force.world)
    loop.approve(MODEL, "1")
    for who in ("operator", "analyst", "owner"):
        token(loop.home, who)
    return loop


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [(suspended, "is suspended: stop it"), (withdrawn, "withdrawn"), (granted_anew, "another authority")],
)
def test_what_is_stopped_while_a_version_is_scored_in_shadow_leaves_no_hidden_list(
    in_shadow: Loop, meanwhile: Callable[[Loop], Said], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list lies on the disk, and is not on record yet."""
    compare, lying = models.list_comparison.compare_lists, []

    def stopped_then(*given: Any) -> Any:
        lying.extend((in_shadow.home / "lake" / "shadow_scores").rglob("*scores.parquet*"))
        meanwhile(in_shadow)
        return compare(*given)

    monkeypatch.setattr(models.list_comparison, "compare_lists", stopped_then)
    said = in_shadow("operator", "score", *HERE, "--shadow")
    assert said.code == 1
    assert re.search(reason, said.err)
    assert len(lying) == 1
    assert not list((in_shadow.home / "lake" / "shadow_scores").rglob("*.parquet*"))
    rows = in_shadow.done("auditor", "promote", "history", MODEL, "1", "--json").data
    shadow = [row for row in rows if row["action"] == "promote.shadow"]
    assert [row["outcome"] for row in shadow] == ["refused"]
    assert re.search(reason, shadow[0]["details"]["reason"])


def test_a_run_in_shadow_that_stands_keeps_its_list(in_shadow: Loop) -> None:
    in_shadow.done("operator", "score", *HERE, "--shadow")
    withdrawn(in_shadow)
    assert in_shadow("operator", "score", *HERE, "--shadow").code == 1
    assert len(list((in_shadow.home / "lake" / "shadow_scores").rglob("scores.parquet"))) == 1


def test_a_refused_run_takes_no_list_away_that_another_has_put_on_record_meanwhile(
    in_shadow: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare, others = models.list_comparison.compare_lists, []

    def meanwhile(*given: Any) -> Any:
        if not others:
            others.append("begun")
            others.append(in_shadow.done("operator", "score", *HERE, "--shadow"))
            suspended(in_shadow)
        return compare(*given)

    monkeypatch.setattr(models.list_comparison, "compare_lists", meanwhile)
    said = in_shadow("operator", "score", *HERE, "--shadow")
    assert (said.code, "is suspended" in said.err) == (1, True)
    (file,) = (in_shadow.home / "lake" / "shadow_scores").rglob("*.parquet*")
    rows = in_shadow.done("auditor", "promote", "history", MODEL, "1", "--json").data
    (row,) = (row for row in rows if row["action"] == "promote.shadow" and row["outcome"] == "done")
    assert row["details"]["scores_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_list_in_shadow_that_cannot_be_written_is_a_fault_of_its_run_on_record(in_shadow: Loop) -> None:
    layer = in_shadow.home / "lake" / "shadow_scores"
    layer.write_text("in the way")
    said = in_shadow("operator", "score", *HERE, "--shadow")
    assert re.search("could not be written or read: .*irectory|exists", said.err + said.out)
    rows = in_shadow.done("auditor", "promote", "history", MODEL, "1", "--json").data
    assert [row["outcome"] for row in rows if row["action"] == "promote.shadow"] == ["failed"]


def failures(loop: Loop, job: str) -> list[dict[str, Any]]:
    """The lineage events of runs of a job that failed, oldest first; each has its START."""
    found = sorted((loop.home / "lake" / "lineage").rglob(f"*-{job}-FAIL.json"))
    assert all(path.with_name(path.name.replace("-FAIL", "-START")).is_file() for path in found)
    return [json.loads(path.read_text()) for path in found]


def told(event: dict[str, Any]) -> tuple[str, set[str]]:
    """Why it failed, and of which layers its inputs are."""
    layers = {dataset["facets"]["findprofile_dataset"]["layer"] for dataset in event["inputs"]}
    return event["run"]["facets"]["findprofile_run"]["reason"], layers


def test_a_run_that_is_refused_is_a_failed_run_of_the_lineage(copy: Loop) -> None:
    before = len(failures(copy, "score"))
    copy.done("operator", "score", *HERE)
    assert len(failures(copy, "score")) == before
    suspended(copy)
    assert copy("operator", "score", *HERE).code == 1
    (event,) = failures(copy, "score")[before:]
    assert told(event) == ("county_lines.nwrocu is suspended: stop it", {"reads"})
    assert copy("analyst", "score", *HERE).code == 1  # who may not score has begun no run
    assert len(failures(copy, "score")) == before + 1


def test_so_are_a_training_and_an_ingest(copy: Loop, tmp_path: Path) -> None:
    before = {job: len(failures(copy, job)) for job in ("train", "ingest")}
    assert copy("engineer", "retrain", "--rocu", "nwrocu", "--as-of", "2026-02-03").code == 1
    (training,) = failures(copy, "train")[before["train"] :]
    assert training["run"]["facets"]["findprofile_run"]["as_of"] == "2026-02-03"
    assert told(training)[0]
    file = tmp_path / "AB12CDE.csv"
    file.write_text("plate,when\nx,y\n")
    assert copy("operator", "ingest", file, "--rocu", "nwrocu").code == 2
    assert len(failures(copy, "ingest")) == before["ingest"]  # what cannot be taken at all has begun no run
    file.write_text("vrm,captured_at,camera_id\n" + "AB12CDE,2026-03-02T10:00:00Z,nowhere\n" * 50)
    said = copy("operator", "ingest", file, "--rocu", "nwrocu")
    assert (said.code, "failed the contract" in said.err) == (1, True), said.err
    (ingest,) = failures(copy, "ingest")[before["ingest"] :]
    assert told(ingest)[1] == {"landing"}
    assert hashlib.sha256(file.read_bytes()).hexdigest() in ingest["inputs"][0]["name"]
    assert "AB12CDE" not in json.dumps(ingest)


def test_a_forged_row_of_a_run_is_not_believed_by_the_reader(copy: Loop) -> None:
    spoil(copy, "UPDATE audit_log SET actor_name = 'Somebody Else' WHERE action = 'score' AND outcome = 'done'")
    vehicle = "bcdfghjklmnpqrstbcdfghjklmnpqrst"
    for who, command in (
        ("analyst", ("scores", *HERE)),
        ("analyst", ("profile", *HERE, "--vehicle", vehicle, *WHY)),
        ("operator", ("score", *HERE)),
    ):
        said = copy(who, *command)
        assert (said.code, "audit log does not hold" in said.err) == (1, True), said.err


def test_a_list_that_was_put_where_it_was_not_made_is_not_shown(copy: Loop) -> None:
    """As that of another day; and with the list away that the log has last."""
    (made,) = (copy.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*")
    other = made.parent.with_name("as_of=2026-04-04") / made.name
    shutil.copytree(made, other)
    said = copy("analyst", "scores", "--rocu", "nwrocu", "--as-of", "2026-04-04")
    assert (said.code, "is not the one that the audit log says was made" in said.err) == (1, True), said.out
    made.rename(made.with_name("run=0123456789abcdef"))
    said = copy("analyst", "scores", *HERE)
    assert (said.code, "is not the one that the audit log says was made" in said.err) == (1, True), said.out


def test_that_the_code_of_the_rows_is_another_than_the_version_was_trained_with_is_told(
    copy: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> str:
        entry = copy.done("auditor", "audit", "search", "--action", "score", "--json").data[-1]
        return str(entry["details"]["pattern_code"])

    assert "was trained and tested with" not in copy.done("operator", "score", *HERE).err
    assert told() == "as it was trained with"
    monkeypatch.setattr(models.pattern_code, "pattern_code_digest", lambda name: "0" * 64)
    assert "is not the one that county_lines.nwrocu version 1 was trained" in copy.done("operator", "score", *HERE).err
    assert told() == "another than it was trained with"


def test_a_page_that_was_edited_is_told_and_made_again(copy: Loop) -> None:
    (page,) = (copy.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*/list.html")
    kept = page.read_text()
    page.write_text(kept.replace("</body>", "<p>and this one</p></body>"))
    said = copy("analyst", "scores", *HERE)
    assert (said.code, "or its page, is not the one" in said.err) == (1, True)
    edited = file_sha256(page)
    again = copy.done("operator", "score", *HERE).out
    assert "not as the log had it, made again: tell governance" in again
    found = copy.done("auditor", "audit", "search", "--action", "score", "--json").data[-1]["details"]
    assert found["found_altered"]["page_sha256"] == edited
    assert "and this one" not in page.read_text()
    after = copy.done("operator", "score", *HERE, "--json").data
    assert (after["already_done"], after["found_altered"]) == (True, False)
    shown = " ".join(copy.done("analyst", "scores", *HERE).out.split())
    assert "drawn at random, and the list does not say which" in shown
    assert ("number 1 on this list" in shown, "score 0" in shown) == (True, False)
    assert copy.done("governance", "scores", *HERE, "--top", "9" * 30).out
    ranked = copy.done("governance", "scores", *HERE, "--top", "1").out
    assert ("assessment: rank 1, score 0" in ranked, "drawn at random" in ranked) == (True, False)
    entry = copy.done("auditor", "audit", "search", "--action", "score", "--json").data[-1]
    assert set(entry["details"]) >= {"scores_sha256", "page_sha256", "run_id"}


def test_the_gate_keeps_the_day_of_the_training_and_the_file_that_it_judged_by(copy: Loop) -> None:
    rows = copy.done("auditor", "promote", "history", MODEL, "1", "--json").data
    (gate,) = (row for row in rows if row["action"] == "promote.gate")
    assert gate["details"]["trained_as_of"] == AS_OF
    (policy,) = (copy.home / "lake" / "policies" / "rocu=nwrocu").glob("*.yaml")
    assert gate["details"]["policy_file"] == policy.stem
    assert json.loads((policy.parent / "current.json").read_text())["sha256"] == policy.stem
