"""Documents made from the record, by the command line on a real loop: complete, repeatable, and true to the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop_support import AS_OF, MODEL, Loop, first_registered, run, token
from page_support import check_asks_nobody, check_readable

NAMES = ("model-card", "atrs-record", "change-plan-report", "approval-sheet")


@pytest.fixture(scope="module")
def made(in_force: Loop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    in_force.done("auditor", "documents", MODEL, "1", "--out", folder)
    return folder


def read(folder: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return document


def fields(document: dict[str, Any]) -> dict[str, str | None]:
    return {one["name"]: one["value"] for section in document["sections"] for one in section["fields"]}


def table(document: dict[str, Any], caption: str) -> list[dict[str, str]]:
    found = [
        [dict(zip(one["columns"], row, strict=True)) for row in one["rows"]]
        for section in document["sections"]
        for one in section["tables"]
        if one["caption"] == caption
    ]
    return found[0]


def test_every_document_is_written_as_page_and_as_json(made: Path) -> None:
    for name in NAMES:
        page = (made / f"{name}.html").read_text()
        check_asks_nobody(page)
        check_readable(page)
        assert read(made, name)["kind"].replace(" ", "-") == name


def test_made_again_they_are_the_same_to_the_byte(in_force: Loop, made: Path, tmp_path: Path) -> None:
    in_force.done("engineer", "documents", MODEL, "1", "--out", tmp_path)
    for path in sorted(made.iterdir()):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_no_document_is_made_of_a_record_that_was_altered(
    in_force: Loop, changed: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    record = first_registered(in_force, "record/evaluation.json")
    changed(record, record.read_bytes().replace(b"0.", b"0.9", 1))
    said = in_force("auditor", "documents", MODEL, "1", "--out", tmp_path)
    assert (said.code, "not as signed: record/evaluation.json" in said.err) == (1, True), said.err
    assert not list(tmp_path.iterdir())


def test_what_the_record_does_not_say_is_shown_as_missing_and_counted(in_force: Loop, made: Path) -> None:
    atrs = read(made, "atrs-record")
    assert "1.3 senior responsible owner" in atrs["missing"]
    assert fields(atrs)["senior responsible owner"] is None
    assert ">missing</strong>" in (made / "atrs-record.html").read_text()
    how_long = "lists of at most 20 by rank and 5 drawn at random (by the policy), of every vehicle read in a window"
    assert fields(atrs)["frequency and scale of use"] == how_long
    said = in_force.done("auditor", "documents", MODEL, "1", "--json").data
    counted = {one["name"]: len(one["missing"]) for one in said["documents"]}
    assert counted["atrs record"] == len(atrs["missing"]) > 5
    assert counted["model card"] == 0
    told = fields(read(made, "model-card"))["what it finds and misses"]
    assert all(words in str(told) for words in ("most are missed", "hire cars 21 %", "couriers 9 %"))
    assert counted["approval sheet"] == 0


def test_one_promotion_can_be_followed_from_the_approval_sheet_alone(in_force: Loop, made: Path) -> None:
    sheet = read(made, "approval-sheet")
    log = in_force.done("auditor", "promote", "history", MODEL, "1", "--json").data
    by_seq = {row["No."]: row for row in table(sheet, "Entries")}
    for row in log:
        shown = by_seq[str(row["seq"])]
        assert row["actor_name"] in shown["Who"]
        assert row["outcome"] == shown["Outcome"]
        assert row["at"][:19].replace("T", " ") == shown["When"]
        reason = row["details"].get("comment") or row["details"].get("reason") or ""
        assert reason in shown["Why"]
    gate = next(row for row in log if row["action"] == "promote.gate")
    standing = fields(sheet)
    assert standing["evidence, SHA-256"] == gate["details"]["evidence_digest"]
    assert standing["policy, SHA-256"] == gate["details"]["policy_digest"]
    assert standing["status"] == "champion"
    lines = {row["Line"]: row["Result"] for row in table(sheet, "Line by line")}
    assert lines == {line["name"]: line["result"] for line in gate["details"]["lines"]}
    assert {row["Hash"] for row in table(sheet, "Hashes")} >= {row["hash"] for row in log}


def test_the_documents_are_those_that_the_gate_saw(made: Path) -> None:
    rows = table(read(made, "approval-sheet"), "By digest")
    assert [row["Document"] for row in rows][:3] == ["model card", "atrs record", "change-plan report"]
    assert {row["Verdict"] for row in rows[:3]} == {"same"}


def test_opening_is_logged_with_the_digests(in_force: Loop, made: Path) -> None:
    found = in_force.done("auditor", "audit", "search", "--action", "documents.read", "--json").data
    assert found
    assert found[-1]["object"] == f"{MODEL}/1"
    assert len(found[-1]["details"]["approval-sheet"]) == 64


def test_another_rocu_is_refused_and_the_refusal_is_logged(in_force: Loop) -> None:
    said = run(in_force.home, "documents", MODEL, "1", token=token(in_force.home, "auditor", "yhrocu"))
    assert said.code == 1
    found = in_force.done("auditor", "audit", "search", "--action", "documents.read", "--json").data
    assert found[-1]["outcome"] == "refused"


def test_no_plate_and_no_vehicle_is_in_any_document(in_force: Loop, made: Path) -> None:
    listing = in_force.done("analyst", "scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    text = "".join((made / f"{name}.json").read_text() for name in NAMES)
    assert all(row["vehicle"] not in text for row in listing["rows"])


@pytest.fixture(scope="module")
def later(second: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A second version, outside the change plan. Refused, asked for, suspended."""
    loop = Loop(tmp_path_factory.mktemp("later") / "home", second.world)
    shutil.copytree(second.home, loop.home)
    assert loop("engineer", "promote", "approve", MODEL, "2", "--reason", "my own work").code == 1
    loop("engineer", "promote", "request", MODEL, "2")
    loop.done("analyst", "promote", "suspend", MODEL, "--reason", "cameras were moved")
    return loop


def test_a_change_outside_the_plan_is_reported_with_what_it_was(later: Loop, tmp_path: Path) -> None:
    later.done("auditor", "documents", MODEL, "2", "--out", tmp_path)
    report = read(tmp_path, "change-plan-report")
    changes = {row["What"]: row for row in table(report, "Everything that differs")}
    assert changes["county_lines.away_km"]["Verdict"] == "outside"
    assert (changes["county_lines.away_km"]["Before"], changes["county_lines.away_km"]["After"]) == ("60", "55")
    assert changes["training.trees"]["Verdict"] == "inside"
    assert fields(report)["full board needed"] == "yes: county_lines.away_km"
    assert fields(report)["compared with"] == "version 1, the champion"
    weaker = [row for row in table(report, "Keys that differ, weaker ones first") if row["Direction"] == "weaker"]
    assert "gate.min_average_precision" in {row["Key"] for row in weaker}
    sheet = read(tmp_path, "approval-sheet")
    lines = {row["Line"]: row for row in table(sheet, "Line by line")}
    assert "pattern settings; the full board is needed" in lines["change plan"]["Value"]


def test_refusals_before_and_what_came_after_are_on_the_sheet(later: Loop, tmp_path: Path) -> None:
    later.done("auditor", "documents", MODEL, "2", "--out", tmp_path / "2")
    second = [(row["What"], row["Outcome"]) for row in table(read(tmp_path / "2", "approval-sheet"), "Entries")]
    assert second.index(("approve", "refused")) < second.index(("request", "done"))
    later.done("auditor", "documents", MODEL, "1", "--out", tmp_path / "1")
    sheet = read(tmp_path / "1", "approval-sheet")
    last = table(sheet, "Entries")[-1]
    assert (last["What"], last["Who"], last["Why"]) == ("suspend", "Nils Frost (analyst)", "cameras were moved")
    assert "suspended" in last["Version is then"]
    assert "cameras were moved" in sheet["warnings"][0]


def test_a_version_that_nobody_asked_for_has_documents_with_gaps(second: Loop, tmp_path: Path) -> None:
    second.done("auditor", "documents", MODEL, "2", "--out", tmp_path)
    card, sheet = read(tmp_path, "model-card"), read(tmp_path, "approval-sheet")
    assert fields(sheet)["status"] == "never requested"
    assert "evidence, SHA-256" in sheet["missing"]
    assert "batches by verdict" in card["missing"]
    assert {row["Verdict"] for row in table(sheet, "By digest")} == {"no gate yet"}


def test_evidence_that_was_edited_makes_no_document(in_force: Loop, changed: Any, tmp_path: Path) -> None:
    file = next((in_force.home / "lake" / "records").rglob("evidence-*.json"))
    changed(file, file.read_bytes().replace(b'"trainer":"embedded', b'"trainer":"imbedded'))
    said = in_force("auditor", "documents", MODEL, "1", "--out", tmp_path)
    assert said.code == 1
    assert "edited" in said.err
    assert not list(tmp_path.iterdir())
