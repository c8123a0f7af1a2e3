"""A second version beside the champion, by the command line: approved, scored in shadow, seen by nobody, confirmed."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from loop_support import AS_OF, MODEL, SECOND, Loop, first_registered, run

from flows.demo.outcome import SIGN_IN, what_next

SCORE = ("score", "--rocu", "nwrocu", "--as-of")
# a training and two gates come before the first test
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def beside(second: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Version 1 in force, and version 2 with every approval."""
    loop = Loop(tmp_path_factory.mktemp("beside") / "home", second.world)
    shutil.copytree(second.home, loop.home)
    loop.done("engineer", "promote", "request", MODEL, "2")
    loop.approve(MODEL, "2")
    return loop


@pytest.fixture(scope="module")
def scored(beside: Loop) -> dict[str, Any]:
    data: dict[str, Any] = beside.done("operator", *SCORE, AS_OF, "--json").data
    return data


def test_a_champion_whose_files_were_changed_refuses_its_challenger(second: Loop, tmp_path: Path) -> None:
    """The gate compares with what the log has approved or not at all."""
    loop = Loop(tmp_path / "home", second.world)
    shutil.copytree(second.home, loop.home)
    model = first_registered(loop, "model.lgb")
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=0.1 ", 1))
    said = loop("engineer", "promote", "request", MODEL, "2")
    assert (said.code, "champion" in said.err) == (1, True), said.out + said.err
    shown = loop.done("auditor", "models", "show", MODEL, "2", "--json").data
    assert shown["state"] == "gate refused"
    assert [line for line in shown["not_passed"] if "champion" in line], shown["not_passed"]


def shadow_lists(loop: Loop, version: str) -> list[Path]:
    found = (loop.home / "lake" / "shadow_scores").rglob("scores.parquet")
    return [path for path in found if pq.ParquetFile(path).read()["version"][0].as_py() == version]


def listed(loop: Loop) -> int:
    """Whose list a reader is shown."""
    rows = loop.done("governance", "scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data["rows"]
    return int(rows[0]["version"])


def test_before_its_run_it_cannot_be_confirmed(beside: Loop) -> None:
    said = beside("owner", "promote", "confirm", MODEL, "2", "--reason", "in a hurry")
    assert said.code == 1
    if not shadow_lists(beside, "2"):
        assert "0 of the 1 day that" in said.err


def test_the_champions_list_is_made_and_version_two_is_compared_with_it(beside: Loop, scored: dict[str, Any]) -> None:
    assert scored["version"] == 1
    (run,) = scored["shadow"]
    assert (run["version"], run["problem"], run["failures"], run["days"]) == ("2", None, 0, 1)
    assert run["vehicles"] == scored["vehicles"]
    rows = beside.done("auditor", "promote", "history", MODEL, "2", "--json").data
    (entry,) = (row for row in rows if row["action"] == "promote.shadow")
    assert (entry["actor_name"], entry["operation"]) == ("Omar Vance", "decision")
    shown = entry["details"]
    assert (shown["champion"], shown["champion_run"]) == ("1", scored["run_id"])
    mine, other = (
        set(pq.ParquetFile(path).read().slice(0, shown["k"]).column("vehicle").to_pylist())
        for path in (*shadow_lists(beside, "2"), scored["scores"])
    )
    assert shown["overlap_at_k"] == pytest.approx(len(mine & other) / len(other))
    assert shown["share_new"] == pytest.approx(len(mine - other) / len(mine))


def test_the_same_day_again_is_no_second_run(beside: Loop, scored: dict[str, Any]) -> None:
    again = beside.done("operator", *SCORE, AS_OF, "--json").data
    assert (again["already_done"], again["shadow"][0]["days"]) == (True, 1)
    rows = beside.done("auditor", "promote", "history", MODEL, "2", "--json").data
    assert sum(row["action"] == "promote.shadow" for row in rows) == 1


def test_a_run_that_a_kill_left_without_its_list_is_told_and_finished_or_made_again(
    beside: Loop, scored: dict[str, Any], tmp_path: Path
) -> None:
    copy = Loop(tmp_path / "home", beside.world)
    shutil.copytree(beside.home, copy.home)
    (path,) = shadow_lists(copy, "2")
    content = path.read_bytes()

    def missing() -> list[str]:
        (row,) = (row for row in copy.done("operator", "status", "--json").data if row["model"] == MODEL)
        assert row["state"] == "in force"
        return list(row["missing"])

    def runs() -> int:
        rows = copy.done("auditor", "promote", "history", MODEL, "2", "--json").data
        return sum((row["action"], row["outcome"]) == ("promote.shadow", "done") for row in rows)

    assert missing() == []
    # killed after the entry, or about to put it in place: the list still has the name under which it was written
    left = path.rename(path.with_name(f".{path.name}.0badcafe.partial"))
    told = f"the list in shadow of version 2 of {AS_OF} is on record and not in the lake: score that day again"
    assert missing() == [told]
    assert told in " ".join(copy.done("operator", "status").out.split())
    path.write_bytes(b"another")
    assert missing() == [told]
    copy.done("operator", *SCORE, AS_OF)
    assert (path.read_bytes(), left.read_bytes(), runs()) == (content, content, 1)
    left.replace(path)
    path.unlink()
    said = copy.done("operator", *SCORE, AS_OF)
    assert "is on record and not in the lake: it is made again" in said.err
    assert (path.is_file(), missing(), runs()) == (True, [], 2)


def test_no_command_shows_a_vehicle_of_a_list_in_shadow(beside: Loop, scored: dict[str, Any]) -> None:
    (path,) = shadow_lists(beside, "2")
    assert not list(path.parent.glob("*.html"))
    rows = pq.ParquetFile(path).read().to_pylist()
    assert not any(row["reasons"] or row["selected_by"] for row in rows)
    # of the list in force, its first vehicles and those drawn at random are shown, the same as may stand in the other
    listed = {row["vehicle"] for row in pq.ParquetFile(scored["scores"]).read().to_pylist() if row["selected_by"]}
    unseen = {row["vehicle"] for row in rows[:25]} - listed
    assert unseen
    asked = (
        ("analyst", "scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--json"), ("operator", "status", "--json"),
        ("auditor", "models", "list"), ("auditor", "models", "show", MODEL, "2", "--json"),
        ("auditor", "models", "compare", MODEL, "1", "2", "--json"), ("auditor", "models", "history", MODEL, "--json"),
        ("owner", "promote", "confirm", MODEL, "2", "--reason", "to see", "--plan"),
        ("auditor", "lineage", "--scores", scored["run_id"], "--json"),
    )  # fmt: skip
    for who, *command in asked:
        said = beside.done(who, *command).out
        assert not any(vehicle in said for vehicle in unseen), command
    version = beside.done("analyst", "scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data["rows"][0][
        "version"
    ]
    assert version == "1"


def test_a_day_without_a_list_says_which_the_newest_is(beside: Loop, scored: dict[str, Any]) -> None:
    assert scored["version"] == 1
    said = beside("analyst", "scores", "--rocu", "nwrocu", "--as-of", "2026-04-04")
    assert (said.code, f"The newest list is of {AS_OF}; to make this one, an operator runs" in said.err) == (2, True)


def test_a_history_is_a_table_on_a_terminal_of_a_hundred_columns(beside: Loop) -> None:
    shown = beside("auditor", "promote", "history", MODEL, COLUMNS="100").out
    assert "│ promote.gate" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_what_the_demo_tells_people_to_type_works(beside: Loop, scored: dict[str, Any]) -> None:
    assert scored["version"] == 1
    signed = run(beside.home, *SIGN_IN).out.strip()
    for command in what_next(MODEL, 1, 2, date.fromisoformat(AS_OF)):
        said = run(beside.home, *command, token=signed)
        assert said.code == 0, (command, said.err)
        assert said.out


def test_compare_shows_data_figures_and_how_the_lists_differ(beside: Loop, scored: dict[str, Any]) -> None:
    compared = beside.done("validator", "models", "compare", MODEL, "1", "2", "--json").data
    rows = {(row["about"], row["name"]): (row["first"], row["second"]) for row in compared["rows"]}
    assert rows["data", "trained as of"] == (AS_OF, AS_OF)
    assert rows["setting", "trees"][1] == str(SECOND["trees"]) != rows["setting", "trees"][0]
    assert all(rows["figure", "average precision"])
    assert rows["setting", "seed"][0] == rows["setting", "seed"][1]
    (day,) = compared["lists"]
    assert day["as_of"] == AS_OF
    assert 0 <= day["overlap_at_k"] <= 1
    text = beside.done("validator", "models", "compare", MODEL, "1", "2").out
    assert "trees" in text
    assert "seed" not in text
    everything = beside.done("validator", "models", "compare", MODEL, "1", "2", "--all").out
    assert "seed" in everything
    whole = rows["data", "policy"][0]
    for shown in (text, everything):
        assert max(map(len, shown.splitlines())) <= 100, shown
        assert f"{whole[:12]}…" in shown
        assert whole not in shown
    assert beside("analyst", "models", "compare", MODEL, "1", "2").code == 1


def test_list_and_show_say_what_comes_next(beside: Loop, scored: dict[str, Any]) -> None:
    rows = {row["version"]: row for row in beside.done("engineer", "models", "list", "--json").data}
    assert (rows[1]["state"], rows[2]["state"], rows[2]["next"]) == ("champion", "shadow", "promote confirm")
    shown = beside.done("owner", "models", "show", MODEL, "2", "--json").data
    assert "Grace Lund as validator" in shown["approvals"][0]
    assert shown["shadow_runs"][0].startswith(AS_OF)
    assert beside("owner", "models", "show", MODEL, "9").code == 2


def test_a_changed_shadow_text_is_recorded_and_stops_nobody_else(
    beside: Loop, scored: dict[str, Any], tmp_path: Path
) -> None:
    copy = Loop(tmp_path / "home", beside.world)
    shutil.copytree(beside.home, copy.home)
    (evidence,) = (copy.home / "lake" / "records").rglob("version=2/evidence-*.json")
    evidence.write_text(evidence.read_text().replace('"positives":', '"positives":1', 1))
    done = copy.done("operator", *SCORE, AS_OF, "--json").data
    assert done["version"] == 1
    assert "edited" in done["shadow"][0]["problem"]
    rows = copy.done("auditor", "promote", "history", MODEL, "2", "--json").data
    assert (rows[-1]["action"], rows[-1]["outcome"]) == ("promote.shadow", "refused")


def test_shadow_alone_is_for_models_without_a_champion(beside: Loop, delivered: Loop) -> None:
    said = beside("operator", *SCORE, AS_OF, "--shadow")
    assert (said.code, "has a champion" in said.err) == (1, True)
    said = delivered("operator", *SCORE, AS_OF, "--shadow")
    assert (said.code, "none is in shadow" in said.err) == (1, True)
    assert beside("engineer", *SCORE, AS_OF, "--shadow").code == 1


def test_every_plan_says_what_would_happen_and_changes_nothing(beside: Loop, scored: dict[str, Any]) -> None:
    why = ("--reason", "to see what it would do", "--plan")
    before = _everything(beside)
    for who, command, words in (
        ("engineer", ("request", MODEL, "2", "--plan"), ("promote.gate", "void then: 3 approvals")),
        (
            "owner",
            ("confirm", MODEL, "2", *why),
            ("shadow → champion", "version 1 → version 2", "shadow run of", "until"),
        ),
        ("owner", ("refuse", MODEL, "2", "--plan"), ("→ refused", "void then: 3 approvals")),
        ("analyst", ("suspend", MODEL, *why), ("it scores nothing", "two people")),
        ("governance", ("reconcile", MODEL, "--plan"), ("nothing is done",)),
    ):
        said = beside(who, "promote", *command)
        assert said.code == 0, said.err
        for word in words:
            assert word in said.out, said.out
    for who, command, reason in (
        ("validator", ("approve", MODEL, "2", *why), "waits for no approval"),
        ("owner", ("rollback", MODEL, *why), "no earlier champion"),
        ("governance", ("resume", MODEL, "--plan"), "is not suspended"),
        ("engineer", ("confirm", MODEL, "2", *why), "may not do promote.confirm"),
    ):
        said = beside(who, "promote", *command)
        assert said.code == 1
        assert "would be refused" in said.err
        assert reason in said.err
    plan = beside.done("owner", "promote", "confirm", MODEL, "2", *why, "--json").data
    assert plan["refused"] is None
    assert any("promote.promoted" in entry for entry in plan["entries"])
    assert _everything(beside) == before


def _everything(loop: Loop) -> tuple[str, set[str]]:
    files = {str(path) for path in (loop.home / "lake").rglob("*") if path.is_file()}
    return json.dumps(loop.done("auditor", "promote", "history", MODEL, "--json").data), files


def test_confirmed_it_scores_and_the_other_is_superseded(beside: Loop, scored: dict[str, Any], tmp_path: Path) -> None:
    copy = Loop(tmp_path / "home", beside.world)
    shutil.copytree(beside.home, copy.home)
    try:
        said = copy.done("owner", "promote", "confirm", MODEL, "2", "--reason", "no worse, and newer")
        assert said.out.index("shadow → champion") < said.out.index("status")
        done = copy.done("operator", *SCORE, AS_OF, "--json").data
        assert (done["version"], done["shadow"]) == (2, [])
        rows = {row["version"]: row["state"] for row in copy.done("engineer", "models", "list", "--json").data}
        assert rows == {1: "superseded", 2: "champion"}
        back = copy.done("owner", "promote", "rollback", MODEL, "--reason", "after all", "--json")
        assert (back.data["champion"], "superseded → champion" in back.err) == ("1", True)
        assert listed(copy) == 2
        assert copy.done("operator", *SCORE, AS_OF, "--json").data["already_done"]
        assert listed(copy) == 1
    finally:
        shutil.rmtree(copy.home)
