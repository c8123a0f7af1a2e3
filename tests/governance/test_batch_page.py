"""The list of batches, the page of one, and their Data Docs: true to the records, and only for those who may look."""

from __future__ import annotations

import html as html_module
import re
from pathlib import Path

import pytest
from batch_support import EVIL, Batches
from loop_support import run, token
from page_support import check_asks_nobody, check_readable


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
        "rule": "vrm_missing", "severity": "reject", "description": "", "rows": 0, "share": 0.0, "holds": True,
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


def test_the_trend_is_that_of_the_standing_verdicts_in_order_of_days(batches: Batches) -> None:
    page = show(batches, EVIL)
    trend = page["trend"]
    assert [point["rows"] for point in trend] == [20, 20, 26, 12, 5]  # type: ignore[attr-defined]
    assert [point["verdict"] for point in trend][3:] == ["passed", "failed"]  # type: ignore[attr-defined]
    assert [point["here"] for point in trend] == [False, False, True, False, False]  # type: ignore[attr-defined]
    assert trend[4]["shares"]["camera_not_registered"] == 1.0  # type: ignore[index]


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
