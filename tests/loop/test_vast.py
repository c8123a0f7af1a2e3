"""The worked example of docs/own-data.md on data made by others: the IEEE VAST Challenge 2017.

The reference data lies beside the checkout and is not part of it. Where it is absent, this says so and checks that the
example's files are at least valid.
"""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from loop_support import ROOT, Loop, authorise

from data_contracts.sources.model import load_source
from governance.policy.document import read_policy

DATA = ROOT.parent / "shared" / "data" / "vast2017"
EXAMPLE = ROOT / "docs" / "examples" / "vast2017"
POLICY = ROOT / "governance" / "policies" / "vast.yaml"
MODEL = "county_lines.nwrocu"
READS, VEHICLES = 171_477, 18_708
SAME_KIND_OF_VISIT = {"20162419042411-322", "20164531024545-131"}


def test_sources_and_policy_of_the_example_are_valid() -> None:
    assert load_source(str(EXAMPLE / "reads.yaml")).plate_scheme == "opaque"
    assert load_source(str(EXAMPLE / "dispositions.yaml")).zone == "UTC"
    assert read_policy(POLICY).version.startswith("vast2017")


@pytest.mark.timeout(600)
def test_the_example_from_cameras_to_lineage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not DATA.is_dir():
        with capsys.disabled():
            print(f"\nABSENT: {DATA} is not here, so the VAST example was not run")  # noqa: T201
        return
    loop, rocu = Loop(tmp_path / "home", DATA), ("--rocu", "nwrocu")
    loop.done("governance", "policy", "load", POLICY, *rocu)
    cameras = loop.done("operator", "cameras", "load", DATA / "cameras.csv", *rocu, "--json").data
    assert cameras["cameras"] == 40
    source = ("--source", EXAMPLE / "reads.yaml")
    reads = loop.done("operator", "ingest", *rocu, *source, DATA / "reads.csv.gz", "--json").data
    assert reads["rows"] == READS == reads["accepted"] + reads["quarantined"] + reads["duplicates"]
    assert reads["quarantined"] == 0
    assert reads["verdicts"] == {"passed": 1}
    assert reads["duplicates"] == close_reads(DATA / "reads.csv.gz")
    kept = pq.ParquetDataset(loop.home / "lake" / "reads" / "rocu=nwrocu").read(["vehicle"])
    assert len(kept["vehicle"].unique()) == VEHICLES
    source = ("--source", EXAMPLE / "dispositions.yaml")
    findings = loop.done("operator", "dispositions", "load", *rocu, *source, DATA / "dispositions.csv", "--json").data
    assert (findings["accepted"], findings["verdicts"]) == (877, {"passed": 1})
    made = loop.done("engineer", "retrain", *rocu, "--as-of", "2016-01-04", "--json").data
    assert made["average_precision"] > 0.5
    authorise(loop)
    loop.bring_into_force(MODEL, "1", "2016-05-30")
    as_of = ("--as-of", "2016-05-31")
    run_id = loop.done("operator", "score", *rocu, *as_of, "--json").data["run_id"]
    top = loop.done("governance", "scores", *rocu, *as_of, "--top", "2", "--json").data["rows"]
    vehicles = [row["vehicle"] for row in top]
    asked = ("--purpose", "oversight", "--authority", "TEST/2026/1", "--json")
    assert set(loop.done("analyst", "vault", "reveal", *vehicles, *rocu, *asked).data.values()) == SAME_KIND_OF_VISIT
    assert loop.done("operator", "monitor", *rocu, *as_of, "--json").data["recommendation"]
    graph = loop.done("auditor", "lineage", "--scores", run_id, "--json").data
    assert {node["name"] for node in graph["nodes"] if node["label"] == "landing"} >= {"reads.csv.gz"}
    used = loop.done("auditor", "audit", "search", "--action", "policy.load", *rocu, "--json").data[-1]["details"]
    assert "training.min_train_positives" in used["unlike_default"]


def close_reads(path: Path) -> int:
    """Readings of one ticket at one sensor at most five seconds after the last one that was kept."""
    kept: dict[tuple[str, str], datetime] = {}
    close = 0
    with gzip.open(path, "rt", newline="") as stream:
        for read in sorted(csv.DictReader(stream), key=itemgetter("Timestamp")):
            place, moment = (read["car-id"], read["gate-name"]), datetime.fromisoformat(read["Timestamp"])
            if place in kept and moment - kept[place] <= timedelta(seconds=5):
                close += 1
            else:
                kept[place] = moment
    return close
