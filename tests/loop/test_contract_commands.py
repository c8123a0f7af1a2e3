"""Contracts at the command line: anybody may read them, a ROCU's limits need a token, small steps are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from contract_support import damaged, shortened
from hypothesis import HealthCheck, given, settings
from loop_support import ROOT, run, token

CONTRACTS = files("data_contracts").joinpath("contracts")
TEXT = CONTRACTS.joinpath("dispositions.odcs.yaml").read_text(encoding="utf-8")
VERSION = yaml.safe_load(TEXT)["version"]


def a_draft(folder: Path, version: str, old: str = "", new: str = "") -> Path:
    assert old in TEXT
    file = folder / "draft.yaml"
    file.write_text(TEXT.replace(f"version: {VERSION}", f"version: {version}").replace(old, new, 1))
    return file


def test_every_version_is_listed_with_its_rules(tmp_path):
    rows = run(tmp_path, "contracts", "list", "--json").data
    assert {row["name"] for row in rows} == {"reads", "cameras", "dispositions"}
    assert [row["status"] for row in rows].count("in force") == 3
    for row in rows:
        shown = run(tmp_path, "contracts", "show", f"{row['name']}@{row['version']}", "--json")
        severities = [rule["severity"] for rule in shown.data["rules"]]
        assert (row["rejects"], row["fails"], row["warns"]) == tuple(map(severities.count, ("reject", "fail", "warn")))
    assert "in force" in run(tmp_path, "contracts", "list").out


@pytest.mark.parametrize("name", ["reads", "cameras", "dispositions"])
def test_a_contract_is_shown_in_a_hundred_columns_with_every_field_and_rule(tmp_path, name):
    said, data = run(tmp_path, "contracts", "show", name), run(tmp_path, "contracts", "show", name, "--json").data
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 100
    for part in (*data["delivered"], *data["rules"]):
        assert part["name"] in said.out
        assert part["meaning"]
    assert "${" not in said.out


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path):
    page = tmp_path / "contract.html"
    said = run(tmp_path, "contracts", "show", "reads", "--html", page)
    assert (said.code, said.out.strip()) == (0, f"drawn in {page}")
    text = page.read_text(encoding="utf-8")
    assert "captured_after_receipt" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text


def test_limits_are_those_of_the_rocu_that_is_named(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump({"version": "own-1", "ingest": {"clock_skew_max_s": 42}}))
    owner = token(tmp_path, "governance", "nwrocu")
    assert run(tmp_path, "policy", "load", policy, "--rocu", "nwrocu", token=owner).code == 0
    analyst = token(tmp_path, "analyst", "nwrocu")
    said = run(tmp_path, "contracts", "show", "reads", "--rocu", "NWROCU", token=analyst)
    assert "seconds_after_receipt is at most 42" in said.out
    assert "own-1" in said.out
    assert "at most clock_skew_max_s" in run(tmp_path, "contracts", "show", "reads").out


def test_the_limits_of_a_rocu_are_refused_to_nobody_and_to_another_rocu(tmp_path):
    command = ("contracts", "show", "reads", "--rocu", "nwrocu")
    auditor = token(tmp_path, "auditor", "nwrocu")
    stranger = run(tmp_path, *command)
    assert (stranger.code, stranger.out) == (1, "")
    elsewhere = run(tmp_path, *command, token=token(tmp_path, "analyst", "yhrocu"))
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert "nwrocu" in elsewhere.err
    log = run(tmp_path, "audit", "search", "--rocu", "nwrocu", "--json", token=auditor)
    said = [(row["action"], row["outcome"]) for row in log.data if row["action"] == "history.read"]
    assert said == [("history.read", "refused")]


def test_a_breaking_change_with_a_minor_step_is_refused(tmp_path):
    draft = a_draft(tmp_path, "1.99.0", "value_set: [malformed]", "value_set: [malformed, whole]")
    for flags in ((), ("--json",)):
        said = run(tmp_path, "contracts", "diff", "dispositions", draft, *flags)
        assert said.code == 1
        assert "row_malformed" in said.out
        assert "suppliers" in said.out
        assert "Write version 2.0.0" in said.err
    draft = a_draft(tmp_path, "2.0.0", "required: true", "required: false")
    said = run(tmp_path, "contracts", "diff", "dispositions", draft)
    assert said.code == 0
    assert "consumers may find it empty" in said.out


def test_words_alone_may_take_any_step(tmp_path):
    draft = a_draft(tmp_path, "1.2.0", "dimension: conformity\n            severity: reject", "severity: reject")
    said = run(tmp_path, "contracts", "diff", "dispositions", draft, "--json")
    assert (said.code, said.data["needed"], said.data["taken"]) == (0, "patch", "minor")
    assert max(map(len, run(tmp_path, "contracts", "diff", "dispositions", draft).out.splitlines())) <= 100


def test_a_draft_without_a_table_is_compared(tmp_path):
    draft = tmp_path / "draft.yaml"
    draft.write_text(yaml.safe_dump({key: value for key, value in yaml.safe_load(TEXT).items() if key != "schema"}))
    assert run(tmp_path, "contracts", "diff", "dispositions", draft).code == 1
    said = run(tmp_path, "contracts", "diff", draft, draft)
    assert (said.code, "no change" in said.out) == (0, True)


def test_different_contracts_are_not_compared(tmp_path):
    said = run(tmp_path, "contracts", "diff", "reads", "cameras")
    assert (said.code, said.out) == (2, "")


@pytest.mark.parametrize("reference", ["reads@9.9.9", "plates", "no/such/file.yaml"])
def test_what_is_not_there_is_said(tmp_path, reference):
    said = run(tmp_path, "contracts", "show", reference)
    assert said.code == 2
    assert said.err.count("what to do:") == 1


def test_a_draft_is_checked_and_told_all_of_it(tmp_path):
    good = run(tmp_path, "contracts", "check", a_draft(tmp_path, VERSION))
    assert (good.code, good.err) == (0, "")
    bad = a_draft(tmp_path, "one", "severity: reject", "severety: reject")
    said = run(tmp_path, "contracts", "check", bad)
    assert said.code == 2
    assert "severety" in said.out
    bad.write_text(TEXT.replace("severity: reject", "severety: reject"))
    many = " ".join(run(tmp_path, "contracts", "check", bad).out.split())
    assert many.count("severety") == 1
    assert f"In {TEXT.count('severity: reject')} places: schema dispositions" in many
    bad = a_draft(tmp_path, "one", "severity: reject", "severety: reject")
    assert "semantic version" in said.out
    data = run(tmp_path, "contracts", "check", bad, "--json")
    assert (data.code, data.data["can_be_run"]) == (2, False)
    assert all(problem["remedy"] for problem in data.data["problems"])
    assert run(tmp_path, "contracts", "show", bad).code == 2


def test_nothing_is_written_by_reading(tmp_path):
    home = tmp_path / "home"
    for command in (("list",), ("show", "reads"), ("diff", "reads", "reads")):
        assert run(home, "contracts", *command).code == 0
    assert not home.exists()


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(shortened(TEXT)))
def test_a_damaged_draft_is_read_or_told_of(tmp_path, content):
    draft = tmp_path / "draft.yaml"
    draft.write_bytes(content)
    for command in (("show", draft), ("diff", "dispositions", draft), ("diff", draft, "dispositions")):
        said = run(tmp_path, "contracts", *command)
        assert said.code in (0, 1, 2)
        assert (said.err == "") == (said.code == 0)


def test_a_difference_is_told_in_few_lines_and_whole_as_data(tmp_path: Path) -> None:
    said = run(tmp_path / "home", "contracts", "diff", "reads@1.0.0", "reads@2.0.0")
    assert "19 rules: tags changed" in said.out
    assert "table misread_pairs: added, with 2 fields and 2 rules" in said.out
    assert "field misread_pairs" not in said.out
    assert "rule too_many_impossible_speeds: added (fail)" in said.out
    assert len(said.out.splitlines()) < 50
    whole = run(tmp_path / "home", "contracts", "diff", "reads@1.0.0", "reads@2.0.0", "--json").data
    assert len(whole["changes"]) == 66


def test_documents_in_the_wrong_order_are_told_as_such(tmp_path: Path) -> None:
    said = run(tmp_path, "contracts", "diff", "reads", "reads@1.0.0")
    assert said.code == 1
    assert "The second document, reads@1.0.0, is the older one" in said.err
    assert "Exchange them" in said.err
    assert "taken: back" not in said.out


def test_a_page_is_written_to_no_folder_and_its_name_shows_no_plate(tmp_path: Path) -> None:
    folder = tmp_path / "AB12CDE"
    folder.mkdir()
    said = run(tmp_path, "contracts", "show", "reads", "--html", folder)
    assert (said.code, said.out) == (2, "")
    assert f"{tmp_path}/(name withheld) is a folder." in said.err
    os.mkfifo(tmp_path / "device")
    said = run(tmp_path, "contracts", "show", "reads", "--html", tmp_path / "device")
    assert (said.code, (tmp_path / "device").is_fifo()) == (2, True)
    assert f"{tmp_path}/device is no file." in said.err
    (tmp_path / "file").write_text("")
    said = run(tmp_path, "contracts", "show", "reads", "--html", tmp_path / "file" / "page.html")
    assert said.code == 2
    assert f"{tmp_path}/file is no folder." in said.err
    said = run(tmp_path, "documents", "county_lines.nwrocu", "1", "--out", tmp_path / "file" / "folder")
    assert (said.code, f"{tmp_path}/file is no folder." in said.err) == (2, True)
    said = run(tmp_path, "cameras", "health", "--counts", "x.csv", "--svg", folder)
    assert (said.code, "is a folder" in said.err) == (2, True)


def test_an_error_of_the_system_shows_no_plate(tmp_path: Path) -> None:
    file = tmp_path / "AB12CDE.yaml" / "draft.yaml"
    file.parent.write_text("")
    said = run(tmp_path, "contracts", "show", "reads", "--html", file)
    assert "AB12CDE" not in said.err
    assert said.code == 2


def test_a_reader_that_has_read_enough_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from flows.cli import program; program()", "contracts", "show", "reads"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    "command", [("batches", "list", "--rocu", "nwrocu"), ("scoreboard",), ("quarantine", "list", "--rocu", "nwrocu")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_span_backwards_is_wrong_input(tmp_path: Path, command: tuple[str, ...], turned: bool) -> None:
    span = (("--from", "2026-05-20"), ("--to", "2026-05-18"))
    asked = [word for option in (reversed(span) if turned else span) for word in option]
    said = run(tmp_path, *command, *asked)
    assert said.code == 2, said.err
    assert "--to 2026-05-18 lies before --from 2026-05-20" in said.err


def test_a_rule_about_a_flag_says_only_what_it_means(tmp_path: Path) -> None:
    said = run(tmp_path / "home", "contracts", "show", "reads")
    assert "row_fault is not" not in said.out
    assert "confidence is at least 0 and at most 100" in said.out
