"""The list of batches, the page of one, and their Data Docs: true to the records, and only for those who may look."""

from __future__ import annotations

import html as html_module
import re
import shutil
from pathlib import Path

import pytest
from batch_support import EVIL, Batches, a_read, deliver
from loop_support import Loop, run, token
from page_support import check_asks_nobody, check_readable

from data_contracts.data_docs import rocu_docs
from data_contracts.layers.history import judgements
from infra.lake import Lake


@pytest.fixture(scope="module")
def pages(batches: Batches, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The page of each batch of nwrocu with the Data Docs beside it, by name of file."""
    folder = tmp_path_factory.mktemp("pages")
    for row in batches.listed("nwrocu"):
        target = folder / f"{row['batch_id']}.html"
        batches.loop.done("auditor", "batches", "show", "--rocu", "nwrocu", str(row["batch_id"]), "--html", target)
    return {path.name: path.read_text() for path in folder.glob("*.html")}


def words(html: str) -> str:
    """What a page says, without markup and styles."""
    body = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    return " ".join(html_module.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def show(batches: Batches, name: str) -> dict[str, object]:
    shown = batches.loop.done("auditor", "batches", "show", "--rocu", "nwrocu", batches.named(name), "--json")
    data: dict[str, object] = shown.data
    return data


def test_the_list_has_each_batch_with_the_verdict_that_stands(batches: Batches) -> None:
    rows = {row["delivered_as"]: row for row in batches.listed("nwrocu")}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "day0.csv": "passed",
        "day1.csv": "passed",
        EVIL: "passed_with_quarantine",
        "late.csv": "passed",
        "failed.csv": "failed",
    }
    for row in rows.values():
        assert row["rows"] == row["accepted"] + row["quarantined"] + row["duplicates"]  # type: ignore[operator]


def test_superseded_verdicts_are_listed_only_when_asked_for(batches: Batches) -> None:
    late = [row for row in batches.listed("nwrocu", "--all") if row["delivered_as"] == "late.csv"]
    assert [row["verdict"] for row in late] == ["failed", "passed"]
    assert late[0]["superseded_by"] == late[1]["ingest_id"]
    printed = batches.loop.done("auditor", "batches", "list", "--rocu", "nwrocu", "--all").out
    assert "failed (superseded)" in printed


def test_the_list_goes_by_days_of_capture(batches: Batches) -> None:
    rows = batches.listed("nwrocu", "--from", "2026-05-05", "--to", "2026-05-06")
    assert [row["delivered_as"] for row in rows] == ["day1.csv", EVIL]


def test_a_batch_says_which_rules_were_broken_how_often_and_where(batches: Batches) -> None:
    page = show(batches, EVIL)
    rules = {row["rule"]: row for row in page["rules"]}  # type: ignore[attr-defined]
    assert rules["confidence_out_of_range"]["rows"] == 4
    assert rules["confidence_out_of_range"]["share"] == pytest.approx(4 / 26)
    assert not rules["confidence_out_of_range"]["holds"]
    assert rules["camera_not_registered"]["rows"] == 2
    assert rules["vrm_missing"] | {"description": ""} == {
        "rule": "vrm_missing", "dq_number": "DQ15", "severity": "reject", "description": "", "rows": 0, "share": 0.0,
        "holds": True,
    }  # fmt: skip
    cameras = {(row["name"], row["rule"]): (row["rows"], row["of"]) for row in page["cameras"]}  # type: ignore[attr-defined]
    assert cameras["CAM-1", "confidence_out_of_range"] == (3, 13)
    assert cameras["CAM-2", "confidence_out_of_range"] == (1, 11)
    (unregistered,) = (name for name, rule in cameras if rule == "camera_not_registered")
    assert unregistered.startswith("unregistered:")
    assert cameras[unregistered, "camera_not_registered"] == (2, 2)
    feeds = {(row["name"], row["rule"]): (row["rows"], row["of"]) for row in page["feeds"]}  # type: ignore[attr-defined]
    assert feeds["feed-1", "confidence_out_of_range"] == (3, 13)
    assert feeds["feed-9", "camera_not_registered"] == (2, 2)


def test_the_numbers_of_rules_are_told_in_the_contracts_own_words(batches: Batches, pages: dict[str, str]) -> None:
    from data_contracts.contract.document import load_contract

    legend = {row["number"]: row["rules"] for row in show(batches, EVIL)["legend"]}  # type: ignore[attr-defined]
    assert sorted(legend) == [f"DQ{number:02}" for number in range(1, 16)]
    assert sum(map(len, legend.values())) == len(load_contract("reads").written_rules)
    for rule in load_contract("reads").written_rules:
        assert legend[rule.dq_number][rule.name] == " ".join(rule.description.split())
    assert "What DQ01 to DQ15 stand for" in pages[f"{batches.named(EVIL)}.html"]
    printed = batches.loop.done("operator", "batches", "show", batches.named(EVIL), "--rocu", "nwrocu").out
    assert "DQ06 confidence_out_of_range: The confidence, where given, must lie between 0 and 100." in printed


def test_rules_are_told_as_what_they_ask_for_and_once(pages: dict[str, str], batches: Batches) -> None:
    from data_contracts.contract.document import load_contract

    page = words(pages[f"{batches.named(EVIL)}.html"])
    for rule in load_contract("reads").written_rules:
        said = " ".join(rule.description.split())
        assert re.search(r"\b(should|must|may)\b", said), "a rule's name says what is wrong, its sentence what to keep"
        assert len(re.findall(re.escape(said), page.partition(" Rules Every rule")[2])) == 1
    assert "at most" not in page.partition("The last ")[2].partition(" Rules Every rule")[0], "the highest is no limit"


def test_the_page_of_a_failed_batch_says_which_one_took_its_place(batches: Batches, tmp_path: Path) -> None:
    shutil.copytree(batches.loop.home, tmp_path / "home")
    loop = Loop(tmp_path / "home", tmp_path)
    bad, worse, good = (tmp_path / f"{name}.csv" for name in ("bad", "worse", "good"))
    for file, captured in ((bad, ""), (worse, "never"), (good, "2026-05-08T08:00:00Z")):
        rows = [f"AB12CD{letter},2026-05-08T08:00:00Z,CAM-1" for letter in "ABC"]
        rows += [f"AB12CE{letter},{captured},CAM-1" for letter in "ABCDEF"]
        file.write_text("\n".join(["vrm,captured_at,camera_id", *rows]) + "\n")
    ids = {}
    for file, more in ((bad, ()), (worse, ("bad",)), (good, ("bad",))):
        replaces = [part for name in more for part in ("--replaces", ids[name])]
        said = loop("operator", "ingest", file, "--rocu", "nwrocu", *replaces)
        assert said.code == (0 if file is good else 1), said.err
        (ids[file.stem],) = [
            row["batch_id"]
            for row in loop.done("operator", "batches", "list", "--rocu", "nwrocu", "--json").data
            if row["delivered_as"] == file.name
        ]
        page = loop.done("operator", "batches", "show", ids["bad"], "--rocu", "nwrocu", "--json").data
        assert page["replaced_by"] == (ids["good"] if file is good else None)
        assert ("Have it delivered again" in page["sentence"]) == (file is not good)
    assert page["tried_instead"] == [ids["worse"]]
    assert f"Failed, and replaced: batch {ids['good']} was delivered in its place" in page["sentence"]
    html = tmp_path / "page.html"
    printed = loop.done("operator", "batches", "show", ids["bad"], "--rocu", "nwrocu", "--html", html).out
    assert page["sentence"] in printed
    assert f"<dt>Replaced by</dt><dd><code>{ids['good']}</code>" in html.read_text()
    assert "Have it delivered again" not in html.read_text()
    assert f"replaced by {ids['good']}" in loop.done("operator", "batches", "list", "--rocu", "nwrocu").out


def test_the_trend_is_that_of_the_standing_verdicts_in_order_of_days(batches: Batches) -> None:
    page = show(batches, EVIL)
    trend = page["trend"]
    assert [point["rows"] for point in trend] == [20, 20, 26, 12, 5]  # type: ignore[attr-defined]
    assert [point["verdict"] for point in trend][3:] == ["passed", "failed"]  # type: ignore[attr-defined]
    assert [point["here"] for point in trend] == [False, False, True, False, False]  # type: ignore[attr-defined]
    assert trend[4]["shares"]["camera_not_registered"] == 1.0  # type: ignore[index]


@pytest.fixture(scope="module")
def many(batches: Batches, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """yhrocu with 32 batches: its own, then t00 to t30, four a day; every third has one bad row of two."""
    folder = tmp_path_factory.mktemp("many")
    shutil.copytree(batches.loop.home, folder / "home")
    made = Batches(Loop(folder / "home", folder), folder)
    files = {
        f"t{k:02}.csv": [
            a_read(k // 4, 40 + 2 * (k % 4)),
            a_read(k // 4, 60 + k % 4, confidence="140" if k % 3 == 0 else "95"),
        ]
        for k in range(31)
    }
    assert deliver(made, "yhrocu", files).code == 0
    return made


CONFIDENCE = "Share of rows that broke confidence out of range"


def pictures(html: str) -> dict[str, list[tuple[str, str]]]:
    """Of each trend picture by what it is of: batch and figure of each bar."""
    found = re.findall(r'<svg class="trend" role="img" aria-label="([^,]*),.*?">(.*?)</svg>', html, re.DOTALL)
    return {name: re.findall(r"batch (\w+): (.*?)</title>", drawn) for name, drawn in found}


def in_order(many: Batches) -> list[str]:
    """york.csv, then t00 to t30."""
    named = {str(row["delivered_as"]): str(row["batch_id"]) for row in many.listed("yhrocu")}
    assert len(named) == 32
    return [named.pop("york.csv"), *(named[name] for name in sorted(named))]


@pytest.mark.parametrize(("name", "first"), [("t30.csv", 2), ("t00.csv", 0)])
def test_a_batch_has_pictures_of_the_thirty_batches_around_it_and_no_others(
    many: Batches, tmp_path: Path, name: str, first: int
) -> None:
    page = tmp_path / "page.html"
    many.loop.done("auditor", "batches", "show", "--rocu", "yhrocu", many.named(name, "yhrocu"), "--html", page)
    drawn = pictures(page.read_text())
    assert {"Rows", CONFIDENCE} <= set(drawn)
    for bars in drawn.values():
        assert [batch for batch, _ in bars] == in_order(many)[first : first + 30]
    assert page.read_text().count('class="here"') == len(drawn)
    assert "The last 30 batches" in words(page.read_text())


def test_the_page_of_a_rocu_has_pictures_of_its_last_thirty_batches(many: Batches) -> None:
    html = rocu_docs(judgements(Lake(many.loop.home / "lake"), "yhrocu"), ())
    drawn = pictures(html)
    for bars in drawn.values():
        assert [batch for batch, _ in bars] == in_order(many)[2:]
    assert {said for _, said in drawn["Rows"]} == {"2 rows"}
    assert [said for _, said in drawn[CONFIDENCE]] == [
        "50.0\N{NO-BREAK SPACE}%" if k % 3 == 0 else "0\N{NO-BREAK SPACE}%" for k in range(1, 31)
    ]
    assert "The last 30 batches" in words(html)
    check_asks_nobody(html)


def test_notes_are_counted_for_all_who_see_batches_and_single_ones_shown_to_some(batches: Batches) -> None:
    batch = batches.named("day0.csv")
    asked = ("batches", "show", "--rocu", "nwrocu", batch)
    noted = batches.loop.done("auditor", *asked, "--json").data["noted"]
    (count,) = noted["counts"]
    assert (count["rule"], count["reads"], count["notes"]) == ("misread_pair", len(noted["examples"]), 2)
    assert set(count["confusions"]) <= {"C/G", "G/C"}
    assert not noted["examples_withheld"]
    for note in noted["examples"]:
        assert len(note["vehicle"]) == len(note["other_vehicle"]) == 32
        assert note["confusion"] in note["reason"].replace(" read for ", "/")
        assert 0 < note["score"] < 1
    printed = batches.loop.done("auditor", *asked).out
    assert noted["examples"][0]["other_vehicle"] in printed
    assert count["means"].split(",")[0] in printed
    assert not any(vrm in printed for vrm in batches.vrms())
    withheld = batches.loop.done("engineer", *asked, "--json").data["noted"]
    assert withheld["counts"] == noted["counts"]
    assert (withheld["examples"], withheld["examples_withheld"]) == ([], True)
    told = batches.loop.done("engineer", *asked).out
    assert "single notes are for operator, validator, governance or auditor" in told
    assert noted["examples"][0]["vehicle"] not in told


def test_each_look_at_single_notes_is_an_entry_of_the_log(batches: Batches) -> None:
    def entries() -> list[dict[str, object]]:
        asked = ("audit", "search", "--action", "notes.read", "--rocu", "nwrocu", "--last", "500", "--json")
        found: list[dict[str, object]] = batches.loop.done("auditor", *asked).data
        return found

    before, batch = len(entries()), batches.named("day0.csv")
    batches.loop.done("engineer", "batches", "show", "--rocu", "nwrocu", batch)
    assert len(entries()) == before
    batches.loop.done("operator", "batches", "show", "--rocu", "nwrocu", batch)
    new = max(entries(), key=lambda row: int(str(row["seq"])))
    assert len(entries()) == before + 1
    assert (new["object"], new["outcome"], new["operation"]) == (f"notes of batch {batch}", "done", "consultation")


def test_the_page_has_the_notes_and_data_docs_only_their_counts(batches: Batches, pages: dict[str, str]) -> None:
    batch = batches.named("day0.csv")
    (example, *_) = batches.loop.done("auditor", "batches", "show", "--rocu", "nwrocu", batch, "--json").data["noted"][
        "examples"
    ]
    page, docs = pages[f"{batch}.html"], pages[f"{batch}.data_docs.html"]
    assert example["other_vehicle"] in page
    assert example["reason"] in words(page)
    assert "misread pair" in words(docs)
    assert example["confusion"] in words(docs)
    assert example["vehicle"] not in docs
    assert example["other_vehicle"] not in docs
    assert "Nothing was noted beside its reads" in words(pages[f"{batches.named('failed.csv')}.html"])


def test_a_batch_judged_again_keeps_both_verdicts(batches: Batches, pages: dict[str, str]) -> None:
    page = show(batches, "late.csv")
    assert [row["verdict"] for row in page["verdicts"]] == ["failed", "passed"]  # type: ignore[attr-defined]
    said = words(pages[f"{batches.named('late.csv')}.html"])
    assert "Every verdict on this batch" in said
    assert "8 of 12 rows were rejected" in said
    assert said.index("superseded") < said.index("yes", said.index("superseded"))


def test_the_page_says_the_verdict_and_why(batches: Batches, pages: dict[str, str]) -> None:
    failed = words(pages[f"{batches.named('failed.csv')}.html"])
    assert "Failed. Nothing of it is used" in failed
    assert "5 rows = 0 accepted + 5 quarantined + 0 duplicates" in failed
    assert "too many rejected : 5 of 5 rows were rejected" in failed
    faulty = words(pages[f"{batches.named(EVIL)}.html"])
    assert "26 rows = 20 accepted + 6 quarantined + 0 duplicates" in faulty
    assert "15.4\N{NO-BREAK SPACE}%".replace("\N{NO-BREAK SPACE}", " ") in faulty


def test_pages_ask_nobody_and_can_be_read_by_everybody(pages: dict[str, str]) -> None:
    assert len(pages) == 10
    for name, html in pages.items():
        check_asks_nobody(html)
        if ".data_docs." not in name:
            check_readable(html)
            assert f'href="{name.removesuffix(".html")}.data_docs.html"' in html


def test_pages_hold_no_vrm_and_escape_the_names_of_files(batches: Batches, pages: dict[str, str]) -> None:
    for html in pages.values():
        assert "<b>day" not in html
        assert not any(vrm in html.upper() for vrm in batches.vrms())
    assert EVIL in words(pages[f"{batches.named(EVIL)}.html"])


def test_data_docs_are_drawn_into_the_lake_and_only_once(batches: Batches) -> None:
    made = batches.loop.done("auditor", "batches", "docs", "--rocu", "nwrocu", "--json").data
    index = Path(made["index"])
    assert made["batches"] == 5
    assert index.is_relative_to(batches.loop.home / "lake" / "pages" / "rocu=nwrocu")
    links = re.findall(r'href="([\w.]+\.html)"', index.read_text())
    assert len(links) == 5
    assert all((index.parent / link).is_file() for link in links)
    again = batches.loop.done("auditor", "batches", "docs", "--rocu", "nwrocu", "--json").data
    assert again["batches"] == 0
    one = batches.loop.done("auditor", "batches", "docs", "--rocu", "nwrocu", batches.named(EVIL), "--json").data
    assert [Path(page).name.partition(".")[0] for page in one["pages"]] == [batches.named(EVIL)]


@pytest.mark.parametrize("command", [("list",), ("show", "0123456789abcdef"), ("docs",)])
def test_an_analyst_and_another_rocu_are_refused_and_the_log_has_it(batches: Batches, command: tuple[str, ...]) -> None:
    asked = ("batches", command[0], "--rocu", "nwrocu", *command[1:])
    said = batches.loop("analyst", *asked)
    assert said.code == 1
    assert "may not do batches.read" in said.err
    elsewhere = run(batches.loop.home, *asked, token=token(batches.loop.home, "auditor", "yhrocu"))
    assert elsewhere.code == 1
    assert "not for nwrocu" in elsewhere.err
    refused = batches.loop.done(
        "auditor", "audit", "search", "--action", "batches.read", "--rocu", "nwrocu", "--json"
    ).data
    assert refused
    assert {row["outcome"] for row in refused} == {"refused"}


@pytest.mark.parametrize(
    "command",
    [
        ("list", "--rocu", "mars"),
        ("show", "--rocu", "nwrocu", "0123456789abcdef"),
        ("docs", "--rocu", "nwrocu", "0123456789abcdef"),
        ("docs", "--rocu", "nwrocu", "--from", "2020-01-01", "--to", "2020-01-02"),
        ("list", "--rocu", "nwrocu", "--from", "yesterday"),
    ],
)
def test_what_is_not_there_is_wrong_input(batches: Batches, command: tuple[str, ...]) -> None:
    said = batches.loop("auditor", "batches", *command)
    assert said.code == 2
    assert "what to do" in said.err
