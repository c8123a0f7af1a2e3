"""The pattern whose unit is a pair, through the whole loop by the command line."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from loop_support import POLICY, PSEUDONYM_KEY, ROOT, Loop, authorise, run

from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings
from models.units import key_of, units_of

WORLD = ROOT / "simulation" / "worlds" / "convoys.yaml"
CONVOY_AS_OF = "2026-04-12"
CONVOY = "convoy.nwrocu"
WHAT = ("--rocu", "nwrocu", "--pattern", "convoy", "--as-of", CONVOY_AS_OF)
# some dozen pairs of one small region: too few for what holds for thousands of vehicles
FEW = {"max_shuffled_excess": 0.9, "max_single_feature_average_precision": 1.0, "fairness_attributes": []}


@pytest.fixture(scope="module")
def convoys(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Trained on findings about pairs, through the gate, approved by two people, confirmed."""
    base = tmp_path_factory.mktemp("convoys")
    said = run(base / "issuer", "simulate", "--world", WORLD, "--out", base / "world")
    assert said.code == 0, said.err
    policy = base / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY | {"capacity": 16, "gate": POLICY["gate"] | FEW}))
    loop, given = Loop(base / "home", base / "world"), base / "world" / "nwrocu"
    here = ("--rocu", "nwrocu")
    loop.done("governance", "policy", "load", policy, *here)
    loop.done("operator", "cameras", "load", given / "cameras.csv", *here)
    loop.done("operator", "ingest", *sorted((given / "reads").iterdir()), *here)
    loop.done("operator", "dispositions", "load", *sorted((given / "dispositions").glob("*_pairs.csv")), *here)
    loop.done("engineer", "retrain", *WHAT)
    authorise(loop, pattern="convoy")
    loop.bring_into_force(CONVOY, "1", CONVOY_AS_OF)
    return loop


def kinds(loop: Loop) -> dict[str, str]:
    tokens = load_pseudonymiser(Settings(home=loop.home, pseudonym_key=PSEUDONYM_KEY), "nwrocu")
    pairs = pq.read_table(loop.world / "truth" / "pairs.parquet").to_pylist()
    return {key_of(tokens.token(row["vrm"]), tokens.token(row["other_vrm"])): row["kind"] for row in pairs}


def test_convoys_are_ranked_before_couples_vans_and_strangers(convoys: Loop) -> None:
    scored = convoys.done("operator", "score", *WHAT, "--json").data
    known = kinds(convoys)
    ranked = [known.get(row["vehicle"], "by chance") for row in pq.ParquetFile(scored["scores"]).read().to_pylist()]
    assert {"convoy", "couple"} <= set(ranked)
    # half of the capacity of 16 vehicles, and the random sample
    assert 8 <= scored["shown"] < 16
    assert ranked[:8].count("convoy") >= 6

    told = convoys.done("governance", "scores", *WHAT, "--top", "3").out
    assert "Most pairs that look odd are innocent" in told
    assert told.count("\n  pair ") == 3
    assert "Vehicles behind" not in told
    listed = convoys.done("governance", "scores", *WHAT, "--top", "3", "--json").data["rows"]
    assert all(row["facts"] for row in listed)
    shown = convoys.done("auditor", "audit", "search", "--action", "scores.read", "--rocu", "nwrocu", "--json").data
    assert set(shown[-1]["details"]["vehicles"]) == {token for row in listed for token in units_of(row["vehicle"])}
    assert Path(scored["page"]).read_text().count(listed[0]["vehicle"]) >= 1

    key = listed[0]["vehicle"]
    why = ("--purpose", "investigation", "--authority", "CL/2026/0042", "--rocu", "nwrocu", "--json")
    revealed = convoys.done("analyst", "vault", "reveal", key, *why).data
    assert set(revealed) == set(units_of(key))

    graph = convoys.done("auditor", "lineage", "--scores", scored["run_id"], "--json").data
    assert any(CONVOY in str(node) for node in graph["nodes"])


def test_the_model_is_made_again_bit_for_bit_with_another_number_of_threads(convoys: Loop) -> None:
    # trained with one thread, made again with two
    made = convoys("auditor", "reproduce", CONVOY, "1", "--json", FINDPROFILE_THREADS="2").data
    assert made["same"] is True
    assert made["snapshot_same"] is True


def test_no_findings_about_vehicles_is_said_so(convoys: Loop) -> None:
    said = convoys("engineer", "retrain", "--rocu", "nwrocu", "--as-of", CONVOY_AS_OF)
    assert said.code == 1
    assert "no findings about a vehicle" in said.err
