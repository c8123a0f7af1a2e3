from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.transport.file import FileConfig, FileTransport

from governance.lineage.events import DatasetRef, LineageLog, RunFacts
from governance.lineage.graph import LineageGraph, lineage_of_model, lineage_of_scores, render_tree
from infra.errors import FaultError, RefusedError, WrongInputError
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


def test_the_tree_says_what_its_ids_are_and_fits_a_terminal(log: LineageLog) -> None:
    graph = lineage_of_scores(log.lake, "s1")
    text = render_tree(graph)
    assert "In brackets: where the SHA-256 of a dataset begins." in text
    assert "\n  reads: 28\n" in text
    commit = "c" * 40
    trained = next(node for node in graph.nodes if node.kind == "step" and node.label == "train")
    stained = trained.model_copy(update={"facts": trained.facts | {"commit": commit, "inputs_digest": "d" * 64}})
    nodes = tuple(stained if node.id == trained.id else node for node in graph.nodes)
    text = render_tree(LineageGraph(rocu=graph.rocu, root=graph.root, nodes=nodes, edges=graph.edges))
    assert f"{commit[:16]}…" in text
    assert commit not in text
    assert max(map(len, text.splitlines())) <= 100


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


def failed(log: LineageLog, error: Exception, at: datetime = NOW) -> dict[str, Any]:
    """The event of a step that ended by an error; its START is there as well."""

    def fail() -> None:
        with log.attempt("score", "nwrocu", lambda: [MODEL], lambda: at) as step:
            step.inputs.append(reads(1))
            step.facts = RunFacts(pattern="county_lines")
            raise error

    with pytest.raises(type(error)):
        fail()
    run_id = f"failed-{at:%Y%m%dT%H%M%S%f}"
    assert log.path("score", "nwrocu", run_id, "START").is_file()
    event: dict[str, Any] = json.loads(log.path("score", "nwrocu", run_id, "FAIL").read_text())
    return event


def test_a_step_that_breaks_leaves_start_and_fail_and_no_lineage(tmp_path: Path) -> None:
    log = LineageLog(Lake(tmp_path))
    event = failed(log, RefusedError("The alias was moved by AB12 CDE.", "Look."))
    assert (event["eventType"], event["outputs"]) == ("FAIL", [])
    assert {dataset["name"].split("/")[1] for dataset in event["inputs"]} == {"reads", "models"}
    facet = event["run"]["facets"]["findprofile_run"]
    assert (facet["job"], facet["rocu"], facet["pattern"]) == ("score", "nwrocu", "county_lines")
    assert facet["reason"].startswith("The alias was moved by")
    assert "CDE" not in facet["reason"]
    other = failed(log, ZeroDivisionError(), NOW + timedelta(seconds=1))
    assert other["run"]["runId"] != event["run"]["runId"]
    assert "ended by an error" in other["run"]["facets"]["findprofile_run"]["reason"]
    with pytest.raises(WrongInputError):
        lineage_of_scores(log.lake, "s")


def test_a_step_that_ends_well_leaves_no_failure(tmp_path: Path) -> None:
    log = LineageLog(Lake(tmp_path))
    with log.attempt("score", "nwrocu", lambda: [MODEL], lambda: NOW):
        log.record("score", "nwrocu", "s", [MODEL], [SCORES], RunFacts(), NOW)
    assert not list((tmp_path / "lineage").rglob("*FAIL*"))
    failed(log, RefusedError("No.", "Look."))
    assert lineage_of_scores(log.lake, "s").root == f"scores:{SCORES.digest}"


def test_what_cannot_be_written_hides_no_error(tmp_path: Path) -> None:
    """A disk that is full for the event as well: the step's own error is what is told."""
    (tmp_path / "lineage").write_text("no folder can be made here")
    log = LineageLog(Lake(tmp_path))
    with pytest.raises(ZeroDivisionError), log.attempt("score", "nwrocu", tuple, lambda: NOW):
        raise ZeroDivisionError


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
