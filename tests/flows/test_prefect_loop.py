"""Real steps through a real Prefect server, by the command line: what the run becomes, and what it leaves there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from loop_support import AS_OF, Loop

from infra.settings import Settings


def _on_server(loop: Loop, server: Settings, who: str, *arguments: str | Path) -> Any:
    return loop(who, *arguments, FINDPROFILE_PREFECT_API_URL=str(server.prefect_api_url))


def _run(ask: Callable[..., Any], name: str) -> dict[str, Any]:
    runs: list[dict[str, Any]] = ask("/flow_runs/filter", flow_runs={"name": {"any_": [name]}}, sort="START_TIME_DESC")
    return runs[0]


def test_a_scored_day_is_a_completed_run_with_its_figures_and_links(
    in_force: Loop, prefect_server: Settings, ask: Callable[..., Any]
) -> None:
    said = _on_server(in_force, prefect_server, "operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, "--json")
    assert said.code == 0, said.err
    run = _run(ask, f"score nwrocu {AS_OF}")
    assert run["state"]["name"] == "Completed"
    assert {"rocu:nwrocu", "pattern:county_lines"} <= set(run["tags"])
    artifacts = ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}})
    assert any(said.data["run_id"] in str(artifact["data"]) for artifact in artifacts)
    assert any("list.html" in str(artifact["data"]) for artifact in artifacts)


def test_a_refused_day_is_a_run_named_refused_with_the_reason(
    delivered: Loop, prefect_server: Settings, ask: Callable[..., Any]
) -> None:
    said = _on_server(delivered, prefect_server, "operator", "score", "--rocu", "yhrocu", "--as-of", AS_OF)
    assert said.code == 1
    run = _run(ask, f"score yhrocu {AS_OF}")
    assert run["state"]["name"] == "Refused"
    assert "promoted" in run["state"]["message"]


def test_a_run_without_an_authority_is_refused_as_a_flow_too(
    in_force: Loop, prefect_server: Settings, ask: Callable[..., Any]
) -> None:
    what = ("--rocu", "nwrocu", "--pattern", "convoy", "--as-of", AS_OF)
    said = _on_server(in_force, prefect_server, "operator", "score", *what)
    assert said.code == 1
    run = _run(ask, f"score nwrocu {AS_OF}")
    assert run["state"]["name"] == "Refused"
    assert "is for the pattern county_lines" in run["state"]["message"]


def test_a_failed_batch_ends_the_ingest_run_and_keeps_its_day_from_being_scored(
    delivered: Loop, prefect_server: Settings, ask: Callable[..., Any], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    rows = "".join(f"AB{n:02d}CDE,2026-03-29T10:00:{n:02d}Z,nowhere\n" for n in range(2, 22))
    bad.write_text("vrm,captured_at,camera_id\n" + rows)
    said = _on_server(delivered, prefect_server, "operator", "ingest", "--rocu", "yhrocu", bad, "--json")
    assert said.code == 1
    assert said.data["verdicts"] == {"failed": 1}
    assert said.data["quarantined"] == said.data["rows"] == 20
    batch = said.data["batches"][0]["batch_id"]
    scored = delivered("operator", "score", "--rocu", "yhrocu", "--as-of", "2026-03-29")
    assert scored.code == 1
    assert batch in scored.err
    trained = delivered("engineer", "retrain", "--rocu", "yhrocu", "--as-of", "2026-03-29")
    assert trained.code == 1
    assert batch in trained.err
    good = tmp_path / "good.csv"
    camera = (delivered.world / "yhrocu" / "cameras.csv").read_text().splitlines()[1].split(",")[0]
    good.write_text(bad.read_text().replace("nowhere", camera))
    replaced = delivered("operator", "ingest", "--rocu", "yhrocu", "--replaces", batch, good, "--json")
    assert replaced.code == 0, replaced.err
    again = delivered("operator", "score", "--rocu", "yhrocu", "--as-of", "2026-03-29")
    assert batch not in again.err
