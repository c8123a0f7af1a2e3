"""What status says where it cannot look, or may not believe: a registry that is silent, a log that was cut."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from attack_support import kept_rows, spoil
from loop_support import MODEL, PEOPLE, Loop, Said, token

# nothing listens there
SILENT = "http://127.0.0.1:9"


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    for who in PEOPLE:
        token(in_force.home, who)
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


def rows_of(said: Said) -> dict[tuple[str, str | None], dict[str, Any]]:
    assert said.code == 0, said.err
    return {(row["rocu"], row["model"]): row for row in said.data}


def test_a_registry_that_does_not_answer_is_said_of_its_model_and_ends_nothing(copy: Loop) -> None:
    there = rows_of(copy("operator", "status", "--json"))
    said = rows_of(copy("operator", "status", "--json", FINDPROFILE_MLFLOW_TRACKING_URI=SILENT))
    assert said.keys() == there.keys()
    changed = said["nwrocu", MODEL]
    assert changed["state"].startswith("cannot be verified, so scoring fails: ")
    assert "does not answer" in changed["state"]
    assert changed | {"state": "in force"} == there["nwrocu", MODEL]
    assert said["yhrocu", None] == there["yhrocu", None]


def test_a_model_without_champion_is_told_though_the_registry_does_not_answer(in_force: Loop, tmp_path: Path) -> None:
    loop = Loop(tmp_path / "home", in_force.world)
    shutil.copytree(in_force.home.parent / "requested", loop.home)
    said = rows_of(loop("operator", "status", "--json", FINDPROFILE_MLFLOW_TRACKING_URI=SILENT))
    assert said["nwrocu", MODEL]["state"].startswith("no champion; the alias cannot be looked at: ")


@pytest.mark.parametrize("from_where", ["promote.promoted", "promote.gate", "ingest"])
def test_a_log_that_was_cut_is_said_to_be_cut_and_nothing_is_concluded_from_it(copy: Loop, from_where: str) -> None:
    """Without its end there is no promotion, then no request, then no model: what is left of it would mislead."""
    before = kept_rows(copy)
    first = f"SELECT min(seq) FROM audit_log WHERE action = '{from_where}'"
    spoil(copy, f"DELETE FROM audit_log WHERE seq >= ({first})")
    assert kept_rows(copy) < before
    said = copy("operator", "status", "--json")
    assert said.code == 0, said.err
    assert {row["rocu"] for row in said.data} == {"nwrocu", "yhrocu"}
    for row in said.data:
        assert row["state"].startswith("the audit log does not hold: ")
        assert "cut off" in row["state"]
        assert (row["champion"], row["missing"]) == (None, [])
    shown = " ".join(copy.done("operator", "status").out.split())
    assert "does not hold" in shown
    assert "by hand" not in shown
    assert "reconcile" not in shown
