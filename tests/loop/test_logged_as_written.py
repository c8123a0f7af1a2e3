"""The log has the digest of what a command wrote, whatever somebody puts in its place before the log is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from loop_support import AS_OF, MODEL, Loop
from swapped_files import while_swapped

from infra.lake import file_sha256

DAY = "2026-04-04"
HERE = ("--rocu", "nwrocu", "--as-of", DAY)


def copied(home: Path, folder: Path, world: Path) -> Loop:
    shutil.copytree(home, folder / "home")
    return Loop(folder / "home", world)


def details(loop: Loop, action: str) -> dict[str, Any]:
    found: dict[str, Any] = loop.done("auditor", "audit", "search", "--action", action, "--json").data[-1]["details"]
    return found


def test_a_list_that_is_exchanged_as_soon_as_it_is_placed_is_not_the_one_on_record(
    in_force: Loop, tmp_path: Path
) -> None:
    loop = copied(in_force.home, tmp_path, in_force.world)
    forged = while_swapped(loop, "operator", "another_list", r"/scores/.*/scores\.parquet$", "score", *HERE)
    (there,) = (loop.home / "lake" / "scores").rglob(f"as_of={DAY}/*/scores.parquet")
    assert file_sha256(there) == forged
    logged = details(loop, "score")["scores_sha256"]
    assert logged != forged
    shown = loop("analyst", "scores", *HERE)
    assert (shown.code, "is not the one" in shown.err) == (1, True), shown.out + shown.err
    top = pq.ParquetFile(there).read()["vehicle"][0].as_py()
    again = loop.done("operator", "score", *HERE, "--json").data
    assert (again["already_done"], again["found_altered"]) == (False, True)
    assert details(loop, "score")["found_altered"]["scores_sha256"] == forged
    assert pq.ParquetFile(there).read()["vehicle"][0].as_py() != top
    assert loop("analyst", "scores", *HERE).code == 0


def test_nor_is_a_list_in_shadow_that_is_exchanged_before_it_is_placed(in_force: Loop, tmp_path: Path) -> None:
    loop = copied(in_force.home.parent / "requested", tmp_path, in_force.world)
    loop.approve(MODEL, "1")
    command = ("score", "--rocu", "nwrocu", "--as-of", AS_OF, "--shadow")
    forged = while_swapped(loop, "operator", "another_list", r"/shadow_scores/.*\.partial$", *command)
    (there,) = (loop.home / "lake" / "shadow_scores").rglob("scores.parquet")
    assert file_sha256(there) == forged
    assert details(loop, "promote.shadow")["scores_sha256"] != forged
    loop.done("operator", *command)
    assert details(loop, "promote.shadow")["scores_sha256"] == file_sha256(there) != forged


@pytest.mark.parametrize("before", ["packaged", "loaded"])
def test_a_policy_that_is_exchanged_as_soon_as_it_is_stored_is_not_the_one_in_force(
    tmp_path: Path, policy_file: Path, before: str
) -> None:
    loop, load = Loop(tmp_path / "home", tmp_path), ("policy", "load", str(policy_file), "--rocu", "nwrocu")
    if before == "loaded":
        loop.done("governance", *load)
    forged = while_swapped(loop, "governance", "another_policy", r"/policies/.*/current\.json$", *load)
    logged = details(loop, "policy.load")
    assert logged["file_sha256"] == file_sha256(policy_file) != forged
    file = tmp_path / "cameras.csv"
    file.write_text("camera_id,latitude,longitude,valid_from\nC-1,53.4,-2.9,2026-01-01\n")
    use = ("cameras", "load", file, "--rocu", "nwrocu")
    said = loop("operator", *use)
    assert (said.code, "is not the one that the audit log says was loaded" in said.err) == (1, True), said.err
    loop.done("governance", *load)
    again = details(loop, "policy.load")
    assert (again["policy"], again["file_sha256"]) == (logged["policy"], logged["file_sha256"])
    assert forged in again["lake_had"]
    loop.done("operator", *use)
