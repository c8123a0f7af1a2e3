"""The scoreboard: the same rule side by side, shares that are true, and no ROCU that the token does not cover."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from batch_support import Batches, a_read, deliver
from loop_support import Loop, run, token
from page_support import check_asks_nobody, check_readable

from flows.cli.batch_commands import per_cent
from governance.pages.render import step_text


@pytest.fixture(scope="module")
def board(batches: Batches) -> dict[str, Any]:
    read: dict[str, Any] = batches.loop.done("auditor", "scoreboard", "--json").data
    return read


def test_both_rocus_have_the_sums_of_their_standing_batches(batches: Batches, board: dict[str, Any]) -> None:
    assert [one["rocu"]["name"] for one in board["rocus"]] == ["nwrocu", "yhrocu"]
    for one in board["rocus"]:
        listed: list[dict[str, Any]] = batches.listed(one["rocu"]["name"])
        for count in ("rows", "quarantined", "duplicates"):
            assert one["rocu"][count] == sum(row[count] for row in listed)
        assert one["rocu"]["batches"] == len(listed)
    north_west, york = (one["rocu"] for one in board["rocus"])
    assert (north_west["rules"]["confidence_out_of_range"], york["rules"]["confidence_out_of_range"]) == (4, 1)
    assert north_west["rules"]["camera_not_registered"] == 7
    assert north_west["failed_batches"] == 1


def test_rows_of_failed_batches_are_told_apart_from_rows_that_broke_a_rule(
    batches: Batches, board: dict[str, Any]
) -> None:
    north_west = board["rocus"][0]
    failed = [row for row in batches.listed("nwrocu") if row["verdict"] == "failed"]
    assert north_west["rocu"]["in_failed"] == sum(row["rows"] - row["duplicates"] for row in failed) > 0
    # its rows are of a camera that is of no force
    assert [force["in_failed"] for force in north_west["forces"]] == [0, 0]
    assert "in failed batches" in batches.loop.done("auditor", "scoreboard").out


def test_forces_have_the_rows_of_their_cameras(board: dict[str, Any]) -> None:
    north_west, york = board["rocus"]
    forces = {force["label"]: force for force in north_west["forces"]}
    assert set(forces) == {"Lancashire", "Merseyside"}
    # 10 + 10 + 10 + 2 and one bad row at CAM-2; at CAM-1 the same with three bad rows, and 8 at the late camera
    assert forces["Lancashire"]["rows"] == 33
    assert forces["Merseyside"]["rows"] == 43
    assert forces["Lancashire"]["rules"]["confidence_out_of_range"] == 1
    assert forces["Merseyside"]["rules"]["confidence_out_of_range"] == 3
    assert north_west["unplaced"] == north_west["rocu"]["rows"] - 33 - 43
    assert [force["label"] for force in york["forces"]] == ["West Yorkshire"]
    assert york["forces"][0]["late_half_s"] == 16


def test_a_rule_that_only_rows_without_a_force_broke_says_nothing_of_any_force(board: dict[str, Any]) -> None:
    north_west = board["rocus"][0]
    assert {force["rules"]["camera_not_registered"] for force in north_west["forces"]} == {None}
    assert north_west["unplaced_rules"]["camera_not_registered"] == 7


def test_the_span_is_kept_to(batches: Batches) -> None:
    read = batches.loop.done("auditor", "scoreboard", "--from", "2026-05-05", "--to", "2026-05-05", "--json").data
    assert [(one["rocu"]["name"], one["rocu"]["rows"]) for one in read["rocus"]] == [("nwrocu", 20)]


def test_small_forces_are_neither_best_nor_worst(board: dict[str, Any]) -> None:
    assert board["least_rows"] == 100
    assert board["spreads"] == []


def test_the_spread_names_the_best_and_the_worst_force(batches: Batches, tmp_path: Path) -> None:
    shutil.copytree(batches.loop.home, tmp_path / "home")
    bigger = Batches(Loop(tmp_path / "home", tmp_path), tmp_path)
    rows = [a_read(5, n, camera=f"CAM-{1 + n % 2}", confidence="140" if n % 10 == 1 else "95") for n in range(100)]
    rows += [a_read(6, n, camera=f"CAM-{1 + n % 2}") for n in range(100)]
    for n, row in enumerate(rows[-3:]):
        rows[n - 3] = row[row.index(",") :]
    deliver(bigger, "nwrocu", {"big.csv": rows})
    board = bigger.loop.done("auditor", "scoreboard", "--json").data
    (spread,) = [row for row in board["spreads"] if row["rule"] == "confidence_out_of_range"]
    assert (spread["best"], spread["worst"]) == ("Merseyside", "Lancashire")
    # 3 of 143 rows, 11 of 133; West Yorkshire's 10 rows are too few
    assert spread["best_share"] == pytest.approx(3 / 143)
    assert spread["worst_share"] == pytest.approx(11 / 133)
    assert spread["ratio"] == pytest.approx(11 / 133 / (3 / 143))
    plateless = [force["rules"]["vrm_missing"] for force in board["rocus"][0]["forces"]]
    assert sorted(plateless) == [1, 2], "none is the worst by so few"
    printed = " ".join(bigger.loop.done("auditor", "scoreboard").out.split())
    assert "forces with fewer than 100 rows are left out, and none is the worst by fewer than 5 rows" in printed
    assert "vrm_missing" not in [row["rule"] for row in board["spreads"]]
    assert board["least_broken"] == 5


def test_a_token_sees_its_own_rocus_and_no_other(batches: Batches) -> None:
    home = batches.loop.home
    only = token(home, "auditor", "yhrocu")
    seen = run(home, "scoreboard", "--json", token=only)
    assert seen.code == 0
    assert [one["rocu"]["name"] for one in seen.data["rocus"]] == ["yhrocu"]
    assert "nwrocu" not in seen.out
    refused = run(home, "scoreboard", "--rocu", "yhrocu", "--rocu", "nwrocu", token=only)
    assert refused.code == 1
    assert "not for nwrocu" in refused.err
    assert refused.out == ""
    everything = run(home, "scoreboard", "--json", token=token(home, "auditor", "*"))
    assert [one["rocu"]["name"] for one in everything.data["rocus"]] == ["nwrocu", "yhrocu"]


@pytest.mark.parametrize("rocu", [(), ("--rocu", "nwrocu")])
def test_an_analyst_is_refused(batches: Batches, rocu: tuple[str, ...]) -> None:
    said = batches.loop("analyst", "scoreboard", *rocu)
    assert said.code == 1
    assert "may not do scoreboard.read" in said.err


def test_an_analyst_without_batches_is_refused_as_well(tmp_path: Path) -> None:
    said = run(tmp_path / "home", "scoreboard", token=token(tmp_path / "home", "analyst", "tarian"))
    assert said.code == 1
    empty = run(tmp_path / "home", "scoreboard", "--json", token=token(tmp_path / "home", "auditor", "tarian"))
    assert empty.data["rocus"] == []


def test_an_unknown_rocu_is_wrong_input(batches: Batches) -> None:
    assert batches.loop("auditor", "scoreboard", "--rocu", "mars").code == 2


def test_the_page_shows_shares_and_asks_nobody(batches: Batches, tmp_path: Path) -> None:
    batches.loop.done("auditor", "scoreboard", "--html", tmp_path / "board.html")
    html = (tmp_path / "board.html").read_text()
    check_asks_nobody(html)
    check_readable(html)
    assert not any(vrm in html.upper() for vrm in batches.vrms())
    (row,) = re.findall(r"<tr><th[^>]*><strong>DQ06 confidence out of range.*?</tr>", html, re.DOTALL)[:1]
    # 4 of 83 rows, 1 of 10 rows: a number in every cell, so that nothing is told by shade alone
    assert re.findall(r'<td class="(s-\d)">([^<]+)</td>', row) == [
        ("s-4", "4.82\N{NO-BREAK SPACE}%"),
        ("s-4", "10.0\N{NO-BREAK SPACE}%"),
    ]
    assert "not told" in html
    assert "What DQ01 to DQ15 stand for" in html
    assert "Rows without a force" in html
    # ten seconds are known to be in the step from 8 to 16, and no more
    assert re.findall(r"which half of the reads were received</th>(?:<td>([^<]*)</td>)", html)[0] == "8 to 16 s"


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (None, "not counted"),
        (2.0, "under 2 s"),
        (64.0, "32 to 64 s"),
        (128.0, "1.1 to 2.1 min"),
        (2.0**24, "over 97.1 days"),
    ],
)
def test_a_time_that_was_counted_in_steps_is_told_as_a_step(edge: float | None, said: str) -> None:
    assert step_text(edge) == said


def test_the_table_tells_a_tiny_share_from_none(batches: Batches) -> None:
    told = batches.loop.done("auditor", "scoreboard").out
    assert "0.00%" not in told
    assert "4.82 %" in told
    assert (per_cent(3 / 100_000), per_cent(0.0), per_cent(None)) == ("under 0.01 %", "0 %", "")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_board_can_be_read_in_a_terminal_of_any_width(batches: Batches, board: dict[str, Any], width: int) -> None:
    said = batches.loop("auditor", "scoreboard", COLUMNS=str(width)).out
    assert max(map(len, said.splitlines())) <= width
    names = [column["label"] for one in board["rocus"] for column in (one["rocu"], *one["forces"])]
    words = said.replace("│", " ").replace("┃", " ")
    assert all(f" {name} " in words for name in names)
    # each part says which rule a row is about
    assert said.count("│ confidence_out_of_range │") == said.count("┃ rule ") >= (1 if width == 200 else 2)
    assert said.count("DQ06 confidence_out_of_range: The confidence") == 1


def test_a_table_of_a_narrow_terminal_cuts_no_id(batches: Batches) -> None:
    said = batches.loop("auditor", "batches", "list", "--rocu", "nwrocu", COLUMNS="80").out
    assert max(map(len, said.splitlines())) <= 80
    for row in batches.listed("nwrocu"):
        assert row["batch_id"] in said


def test_no_batch_is_no_board(batches: Batches, tmp_path: Path) -> None:
    span = ("--from", "2020-01-01", "--to", "2020-01-02")
    batches.loop.done("auditor", "scoreboard", *span, "--html", tmp_path / "empty.html")
    assert "No batch of these days may be shown." in (tmp_path / "empty.html").read_text()
