"""Reads and findings count if an ingest on record brought them: what was done to the lake's records is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from loop_support import AS_OF, Loop, Said

HERE = ("--rocu", "nwrocu", "--as-of", AS_OF)


@pytest.fixture(scope="module")
def copy(in_force: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A copy that each test leaves as it was."""
    home = tmp_path_factory.mktemp("brought") / "home"
    shutil.copytree(in_force.home, home)
    return Loop(home, in_force.world)


def scored(loop: Loop) -> Said:
    return loop("operator", "score", *HERE)


def trained(loop: Loop) -> Said:
    return loop("engineer", "retrain", *HERE)


def monitored(loop: Loop) -> Said:
    return loop("operator", "monitor", *HERE)


def check_refused(said: Said, *words: str) -> None:
    assert said.code == 1, said.out + said.err
    for word in (*words, "Tell governance"):
        assert word in said.err, said.err


def reads_of_the_day(record: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = next(p for p in record["parts"] if p["layer"] == "reads" and p["date"] == AS_OF)
    return part


def one_added(lake: Path, file: Path, record: dict[str, Any]) -> str:
    """A record beside the others, whose part has the digest that it says."""
    part = reads_of_the_day(record)
    forged = part["path"].replace(".parquet", "-forged.parquet")
    shutil.copy(lake / part["path"], lake / forged)
    own = {"ingest_id": "f" * 16, "sequence": 1, "batches": [], "parts": [part | {"path": forged}]}
    file.with_name(f"{'f' * 16}.json").write_text(json.dumps(record | own))
    return forged


def one_that_hides_all(lake: Path, file: Path, record: dict[str, Any]) -> str:
    own = {"ingest_id": "e" * 16, "sequence": 1, "batches": [], "parts": [], "supersedes": [record["ingest_id"]]}
    file.with_name(f"{'e' * 16}.json").write_text(json.dumps(record | own))
    return "e" * 16


def a_part_dropped(lake: Path, file: Path, record: dict[str, Any]) -> str:
    later = [p for p in record["parts"] if p["layer"] == "reads"][-1]
    file.write_text(json.dumps(record | {"parts": [p for p in record["parts"] if p != later]}))
    return str(record["ingest_id"])


def a_part_that_points_to_another(lake: Path, file: Path, record: dict[str, Any]) -> str:
    part = reads_of_the_day(record)
    other = next(p for p in record["parts"] if p["layer"] == "reads" and p != part)
    pointing = [p | {"path": other["path"], "sha256": other["sha256"]} if p == part else p for p in record["parts"]]
    file.write_text(json.dumps(record | {"parts": pointing}))
    return str(record["ingest_id"])


@pytest.mark.parametrize("change", [one_added, one_that_hides_all, a_part_dropped, a_part_that_points_to_another])
def test_reads_that_no_ingest_on_record_brought_are_refused(
    copy: Loop, change: Callable[[Path, Path, dict[str, Any]], str]
) -> None:
    lake = copy.home / "lake"
    (file,) = (lake / "ingests" / "rocu=nwrocu").glob("*.json")
    whole, before = file.read_bytes(), set(lake.rglob("*"))
    named = change(lake, file, json.loads(whole))
    try:
        check_refused(scored(copy), "not as the audit log has them", named)
        if change is one_added:
            check_refused(trained(copy), named)
            check_refused(monitored(copy), named)
        rows = copy.done("auditor", "audit", "search", "--action", "score", "--outcome", "refused", "--json").data
        assert named in rows[-1]["details"]["reason"]
    finally:
        file.write_bytes(whole)
        for added in set(lake.rglob("*.*")) - before:
            if "lineage" not in added.parts:
                added.unlink()
    assert scored(copy).code == 0


def test_findings_that_nothing_on_record_brought_are_refused(copy: Loop) -> None:
    file = next((copy.home / "lake" / "dispositions" / "rocu=nwrocu").glob("*.json"))
    whole = file.read_bytes()
    file.write_bytes(whole + b"\n")
    more = next((copy.world / "nwrocu" / "dispositions").iterdir())
    refused = (trained(copy), copy("operator", "dispositions", "load", more, "--rocu", "nwrocu"))
    file.write_bytes(whole)
    for said in refused:
        check_refused(said, "Records of findings of nwrocu", file.stem)


# clocks of cameras are judged by reads of before the spans too
@pytest.mark.parametrize(
    ("layer", "files"),
    [
        ("reads", f"date={AS_OF}/*.parquet"),
        ("reads", "date=2026-03-02/*.parquet"),
        ("dispositions", "*.parquet"),
    ],
)
def test_monitoring_counts_no_part_that_was_changed_in_its_place(copy: Loop, layer: str, files: str) -> None:
    part = max((copy.home / "lake" / layer / "rocu=nwrocu").rglob(files))
    whole = part.read_bytes()
    part.write_bytes(whole[:-8] + whole[-8:].swapcase())
    try:
        said = monitored(copy)
    finally:
        part.write_bytes(whole)
    assert (said.code, part.name in said.err) == (1, True), said.err
    assert "was changed after it was ingested" in said.err


@pytest.mark.parametrize("layer", ["reads", "notes", "quarantine"])
def test_a_profile_shows_nothing_of_a_part_that_was_changed_in_its_place(copy: Loop, layer: str) -> None:
    (scores,) = (copy.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*/scores.parquet")
    vehicle = pq.ParquetFile(scores).read(["vehicle"])["vehicle"][0].as_py()
    why = ("--purpose", "investigation", "--authority", "CL/2026/0042")
    of_the_window = (copy.home / "lake" / layer / "rocu=nwrocu").rglob(f"*date={AS_OF}/*.parquet")
    part = next(of_the_window, None) or next((copy.home / "lake" / layer / "rocu=nwrocu").rglob("*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[:-8] + whole[-8:].swapcase())
    try:
        said = copy("governance", "profile", *HERE, "--vehicle", vehicle, *why)
    finally:
        part.write_bytes(whole)
    assert (said.code, part.name in said.err) == (1, True), said.out + said.err
    assert copy("governance", "profile", *HERE, "--vehicle", vehicle, *why).code == 0


def test_status_says_what_a_kill_left_half_placed(copy: Loop) -> None:
    (made,) = (copy.home / "lake" / "scores").rglob(f"as_of={AS_OF}/*")
    left = made / ".scores.parquet.0badcafe.partial"
    left.touch()
    assert {row["half_placed"] for row in copy.done("operator", "status", "--json").data} == {0}
    two_hours_ago = left.stat().st_mtime - 7200
    os.utime(left, (two_hours_ago, two_hours_ago))
    rows = copy.done("operator", "status", "--json").data
    assert {row["rocu"]: row["half_placed"] for row in rows} == {"nwrocu": 1, "yhrocu": 0}
    assert "nwrocu: 1 half-placed" in copy.done("operator", "status").out
    left.unlink()
