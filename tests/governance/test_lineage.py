from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.transport.file import FileConfig, FileTransport

from governance.lineage import LineageGraph, lineage_of_model, lineage_of_scores, render_tree
from governance.lineage_events import DatasetRef, LineageLog, RunFacts
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake

NOW = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def dataset(layer: str, name: str, **more: Any) -> DatasetRef:
    return DatasetRef(layer, sha(f"{layer}/{name}"), name, **more)


def landing(day: int) -> DatasetRef:
    return dataset("landing", f"2026-04-{day:02}.csv.gz")


def reads(day: int) -> DatasetRef:
    return dataset(
        "reads", f"reads/{day:02}.parquet", rows=1000, date=f"2026-04-{day:02}", made_from=(landing(day).digest,)
    )


MODEL = dataset("models", "county_lines.nwrocu 3")
SCORES = dataset("scores", "scores/run=s1", rows=900)


@pytest.fixture
def log(tmp_path: Path) -> LineageLog:
    """Two ingests, of 1 to 20 and 21 to 28 April; a model made of 1 to 14 April; scores of 15 to 28 April."""
    log = LineageLog(Lake(tmp_path / "lake"))
    facts = RunFacts(contract_version="1.0.0", commit="abc123")
    for run, days in (("i1", range(1, 21)), ("i2", range(21, 29))):
        register = dataset("registers", "cameras")
        sources = tuple(landing(day) for day in days)
        parts = tuple(reads(day) for day in days)
        log.record("ingest", "nwrocu", run, (*sources, register), parts, facts, NOW)
    labels = dataset("dispositions", "d1", rows=40)
    log.record("dispositions", "nwrocu", "d1", [dataset("landing", "findings.csv")], [labels], facts, NOW)
    trained = RunFacts(model="county_lines.nwrocu", model_version="3", commit="abc123", pattern="county_lines")
    snapshot = dataset("snapshots", "snap", rows=500)
    log.record(
        "snapshot", "nwrocu", "t1", [*map(reads, range(1, 15)), labels], [snapshot], trained, NOW + timedelta(hours=1)
    )
    log.record("train", "nwrocu", "t1", [snapshot], [MODEL], trained, NOW + timedelta(hours=2))
    log.record(
        "score", "nwrocu", "s1", [MODEL, *map(reads, range(15, 29))], [SCORES], trained, NOW + timedelta(hours=3)
    )
    return log


def landed(graph: LineageGraph) -> set[str]:
    return {node.digest for node in graph.landing}


def test_a_model_is_traced_to_the_files_it_came_from_and_no_others(log: LineageLog) -> None:
    graph = lineage_of_model(log.lake, "nwrocu", "county_lines.nwrocu", 3)
    assert landed(graph) == {landing(day).digest for day in range(1, 15)} | {sha("landing/findings.csv")}
    assert graph.node(graph.root).digest == MODEL.digest
    assert {node.label for node in graph.nodes if node.kind == "step"} == {
        "ingest",
        "dispositions",
        "snapshot",
        "train",
    }


def test_scores_are_traced_through_the_model(log: LineageLog) -> None:
    graph = lineage_of_scores(log.lake, "s1")
    assert graph.rocu == "nwrocu"
    assert landed(graph) == {landing(day).digest for day in range(1, 29)} | {sha("landing/findings.csv")}
    step = next(node for node in graph.nodes if node.label == "train")
    assert step.facts["commit"] == "abc123"


def test_without_a_finer_trace_a_step_takes_all_its_inputs(tmp_path: Path) -> None:
    log = LineageLog(Lake(tmp_path))
    part = dataset("reads", "p")
    log.record("ingest", "nwrocu", "i", [landing(1), landing(2)], [part], RunFacts(), NOW)
    log.record("score", "nwrocu", "s", [part], [SCORES], RunFacts(), NOW)
    assert landed(lineage_of_scores(log.lake, "s")) == {landing(1).digest, landing(2).digest}


def test_the_tree_groups_parts_and_ends_with_every_landing_file(log: LineageLog) -> None:
    text = render_tree(lineage_of_scores(log.lake, "s1"))
    assert "28 parts of reads" not in text
    assert "14 parts of reads, 2026-04-15 to 2026-04-28, 14,000 rows" in text
    for day in range(1, 29):
        assert f"{landing(day).digest}  2026-04-{day:02}.csv.gz" in text
    assert len(text.splitlines()) < 60


def test_an_unknown_model_version_or_run_says_so(log: LineageLog) -> None:
    with pytest.raises(WrongInputError, match="version 4") as caught:
        lineage_of_model(log.lake, "nwrocu", "county_lines.nwrocu", "4")
    assert "county_lines.nwrocu 3" in caught.value.instruction
    with pytest.raises(WrongInputError):
        lineage_of_model(log.lake, "nerocu", "county_lines.nerocu", "1")
    with pytest.raises(WrongInputError):
        lineage_of_scores(log.lake, "nobody")


def test_scores_of_another_region_are_not_found_there(log: LineageLog) -> None:
    with pytest.raises(WrongInputError):
        lineage_of_scores(log.lake, "s1", "nerocu")


def test_a_damaged_event_is_a_fault_not_a_gap(log: LineageLog) -> None:
    log.path("train", "nwrocu", "t1", "COMPLETE").write_text("{")
    with pytest.raises(FaultError, match="damaged"):
        lineage_of_scores(log.lake, "s1")


def test_recording_again_changes_nothing(log: LineageLog) -> None:
    path = log.path("train", "nwrocu", "t1", "COMPLETE")
    before = path.read_bytes()
    log.record("train", "nwrocu", "t1", [], [], RunFacts(), NOW + timedelta(days=1))
    assert path.read_bytes() == before


def test_a_step_that_breaks_leaves_start_and_fail_and_no_lineage(tmp_path: Path) -> None:
    log = LineageLog(Lake(tmp_path))
    with (
        pytest.raises(ZeroDivisionError),
        log.running("score", "nwrocu", "s", [MODEL], RunFacts(), lambda: NOW) as step,
    ):
        step.outputs.append(dataset("scores", str(1 / 0)))
    assert log.path("score", "nwrocu", "s", "START").is_file()
    assert log.path("score", "nwrocu", "s", "FAIL").is_file()
    with pytest.raises(WrongInputError):
        lineage_of_scores(log.lake, "s")


def test_a_repeat_after_a_failure_completes(tmp_path: Path) -> None:
    log = LineageLog(Lake(tmp_path))
    log.fail("score", "nwrocu", "s", [MODEL], RunFacts(), "no space left", NOW)
    with log.running("score", "nwrocu", "s", [MODEL], RunFacts(), lambda: NOW) as step:
        step.outputs.append(SCORES)
    assert lineage_of_scores(log.lake, "s").root == f"scores:{SCORES.digest}"


def test_events_are_openlineage_with_facets_of_our_own(log: LineageLog) -> None:
    event = json.loads(log.path("train", "nwrocu", "t1", "COMPLETE").read_text())
    assert (event["eventType"], event["job"]) == (
        "COMPLETE",
        {"namespace": "findprofile", "name": "train.nwrocu", "facets": {}},
    )
    facet = event["run"]["facets"]["findprofile_run"]
    assert (facet["model"], facet["model_version"], facet["rocu"]) == ("county_lines.nwrocu", "3", "nwrocu")
    assert facet["_producer"] == "urn:findprofile"
    assert facet["_schemaURL"].startswith("urn:findprofile:")
    output = event["outputs"][0]
    assert output["name"] == f"nwrocu/models/{MODEL.digest}"
    assert output["facets"]["findprofile_dataset"]["sha256"] == MODEL.digest


def test_a_backend_can_take_the_events_too(tmp_path: Path) -> None:
    out = tmp_path / "backend.jsonl"
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(out), append=True)))
    LineageLog(Lake(tmp_path), (client.emit,)).record("score", "nwrocu", "s", [MODEL], [SCORES], RunFacts(), NOW)
    assert [json.loads(line)["eventType"] for line in out.read_text().splitlines()] == ["START", "COMPLETE"]


@pytest.mark.parametrize("run_id", ["../x", "", "a/b", "x y"])
def test_a_run_id_that_is_no_file_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(WrongInputError):
        LineageLog(Lake(tmp_path)).record("score", "nwrocu", run_id, [], [], RunFacts(), NOW)
