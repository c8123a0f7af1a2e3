"""The whole loop by the command line, and what must be true of it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from loop_support import AS_OF, MODEL, ROCUS, Loop


def test_conservation_of_every_batch(delivered: Loop) -> None:
    for rocu in ROCUS:
        files = sorted((delivered.world / rocu / "reads").iterdir())
        known = delivered("operator", "ingest", *files, "--rocu", rocu, "--json")
        assert known.code == 0
        assert len(known.data["already_known"]) == len(files)
        assert known.data["rows"] == 0
    status = delivered.done("operator", "status", "--json").data
    assert {row["rocu"] for row in status} == set(ROCUS)


def test_score_rows_carry_all_that_made_them(in_force: Loop) -> None:
    scored = in_force.done("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    assert scored["already_done"] is True
    table = pq.ParquetFile(scored["scores"]).read()
    assert table.num_rows == scored["vehicles"] > 100
    for column in ("model", "version", "model_sha256", "contract_version", "data_digest", "commit", "run_id", "rocu"):
        values = set(table.column(column).to_pylist())
        assert len(values) == 1, column
        assert values.pop(), column
    assert table.column("rank").to_pylist() == list(range(1, table.num_rows + 1))


def test_scores_show_facts_apart_from_the_assessment(in_force: Loop) -> None:
    asked = ("scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--json")
    listing = in_force.done("governance", *asked, "--top", "3").data
    assert len(listing["rows"]) == 3
    assert "innocent" in listing["banner"]
    assert all(row["facts"] for row in listing["rows"])
    page = Path(in_force.done("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data["page"])
    text = page.read_text()
    assert listing["rows"][0]["vehicle"] in text
    assert "suspect" not in text.lower()
    # whoever reviews is shown neither rank nor score, in the order of the page
    seen = in_force.done("analyst", *asked).data["rows"]
    assert [row["rank"] for row in seen] == list(range(1, len(seen) + 1))
    assert {row["score"] for row in seen} == {None}
    assert {row["vehicle"] for row in seen} == set(re.findall(r"\b[b-t]{32}\b", text))
    places = [text.index(row["vehicle"]) for row in seen]
    assert places == sorted(places)
    (told,) = in_force.done("analyst", *asked[:-1], "--top", "1").out.split("\n  vehicle ")[1:]
    assert ("number 1 on this list" in told, "score" in told) == (True, False)


def test_every_row_goes_back_to_delivered_files(in_force: Loop) -> None:
    run_id = in_force.done("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data["run_id"]
    graph = in_force.done("auditor", "lineage", "--scores", run_id, "--json").data
    landed = {node["digest"] for node in graph["nodes"] if node["label"] == "landing"}
    delivered_files = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (in_force.world / "nwrocu" / "reads").iterdir()
        if "2026-03-09" <= path.name[:10] <= AS_OF
    }
    assert delivered_files <= landed


def test_model_record_page_draws_evidence_approvals_and_plots(in_force: Loop, tmp_path: Path) -> None:
    page = tmp_path / "record.html"
    in_force.done("auditor", "lineage", MODEL, "1", "--html", page)
    text = page.read_text()
    for wanted in ("Grace Lund", "Gareth Pike", "average precision", "<svg", "data:image/svg+xml", "promote.gate"):
        assert wanted in text, wanted
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?https?:|@import""", text)


def test_training_again_from_the_same_inputs_is_the_same_version(in_force: Loop) -> None:
    again = in_force.done("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    assert again["already_registered"] is True
    assert again["version"] == 1


def monitored(loop: Loop) -> dict[str, Any]:
    seen: dict[str, Any] = loop.done("operator", "monitor", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    return seen


def test_monitoring_counts_no_list_that_nobody_made_and_believes_no_result_that_was_edited(in_force: Loop) -> None:
    """As of a day of which there is no list: it was put into the lake by hand, with vehicles in another order."""
    made = next((in_force.home / "lake" / "scores" / "rocu=nwrocu").rglob(f"as_of={AS_OF}/*"))
    forged = made.parent.with_name("as_of=2026-03-29") / "run=0123456789abcdef"
    shutil.copytree(made, forged)
    listed = pq.ParquetFile(forged / "scores.parquet").read()
    own = {"vehicle": listed["vehicle"].to_pylist()[::-1], "run_id": ["0123456789abcdef"] * listed.num_rows}
    for column, values in own.items():
        listed = listed.set_column(listed.column_names.index(column), column, pa.array(values))
    pq.write_table(listed, forged / "scores.parquet")
    seen = monitored(in_force)
    result, report = (Path(seen["page"]).with_name(name) for name in ("result.json", "evidently.html"))
    first = result.read_bytes()
    report.write_bytes(report.read_bytes() + b"\n ")
    again = monitored(in_force)
    assert (again["run_id"], again["recommendation"]) == (seen["run_id"], seen["recommendation"])
    assert not report.read_bytes().endswith(b"\n ")
    found = result.read_bytes()
    assert found != first  # made again, and at another time
    monitored(in_force)
    assert result.read_bytes() == found  # and not once more
    name = (forged / "scores.parquet").relative_to(in_force.home / "lake").as_posix()
    shutil.rmtree(forged.parent)
    assert str(report) in seen["reports"]
    assert seen["lists_not_counted"] == [f"{name} is not the list that the audit log says was made"]
    assert name in Path(seen["page"]).read_text()
    counted = json.loads(found)["in_service"]
    shown = sum(why in ("ranked", "random") for why in listed["selected_by"].to_pylist())
    assert (counted["runs"], counted["ranked"] + counted["random"]) == (1, shown)
    rows = in_force.done("auditor", "audit", "search", "--action", "monitor", "--rocu", "nwrocu", "--json").data
    assert rows[-1]["details"]["recommendation"] == seen["recommendation"]
    assert rows[-1]["details"]["lists_not_counted"] == seen["lists_not_counted"]


def test_rocu_is_in_every_path_of_the_lake(in_force: Loop) -> None:
    for path in (in_force.home / "lake").rglob("*"):
        if path.is_file():
            keys = [part for part in path.relative_to(in_force.home / "lake").parts if part.startswith("rocu=")]
            assert len(keys) == 1, path


def test_backfill_scores_each_day(in_force: Loop) -> None:
    said = in_force.done("operator", "score", "--rocu", "nwrocu", "--from", "2026-04-04", "--to", AS_OF)
    assert said.out.count("run id") == 2
