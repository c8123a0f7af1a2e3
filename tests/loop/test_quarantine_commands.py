"""Requalify and quarantine by the command line: what is printed, what is recorded, who is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from loop_support import AS_OF, MODEL, Loop

from data_contracts.layers.reads import layer_parts, standing_batches
from infra.lake import Lake

ROCU = ("--rocu", "nwrocu")
DAYS = ("--from", "2026-01-01", "--to", "2026-12-31")
REASON = "camera registered late"
HEADER = "vrm,captured_at,camera_id,confidence"


@pytest.fixture(scope="session")
def late_camera(small_world: Path, policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Two days, and a file of forty reads, two from a camera that is not registered and one that no register helps."""
    folder = tmp_path_factory.mktemp("late")
    loop = Loop(folder / "home", small_world)
    loop.done("governance", "policy", "load", policy_file, *ROCU)
    loop.done("operator", "cameras", "load", small_world / "nwrocu" / "cameras.csv", *ROCU)
    loop.done("operator", "ingest", *sorted((small_world / "nwrocu" / "reads").iterdir())[:2], *ROCU)
    known = next(iter((loop.world / "nwrocu" / "cameras.csv").read_text().splitlines()[1:])).split(",")[0]
    rows = [f"AB12C{chr(65 + n // 20)}{chr(65 + n % 20)},2026-04-01T10:{n:02}:00Z,{known},90" for n in range(37)]
    rows += [f"AB12DC{letter},2026-04-01T11:00:00Z,late-camera,90" for letter in "AB"]
    rows += ["AB12DCX,2026-04-01T11:00:00Z,late-camera,101"]
    (folder / "late.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    loop.done("operator", "ingest", folder / "late.csv", *ROCU)
    return loop


@pytest.fixture
def home(late_camera: Loop, tmp_path: Path) -> Loop:
    loop = Loop(tmp_path / "home", late_camera.world)
    shutil.copytree(late_camera.home, loop.home)
    return loop


def register(loop: Loop, camera: str = "late-camera") -> None:
    file = loop.home / "late-cameras.csv"
    file.write_text(f"camera_id,latitude,longitude,valid_from\n{camera},53.4,-2.9,2026-01-01\n")
    loop.done("operator", "cameras", "load", file, *ROCU)


def entries(loop: Loop, action: str) -> list[dict]:
    return loop.done("auditor", "audit", "search", "--action", action, *ROCU, "--json").data


def check_conserved(loop: Loop) -> None:
    lake = Lake(loop.home / "lake")
    standing = [batch for _, batch in standing_batches(lake, "nwrocu")]
    assert all(batch.rows == batch.accepted + batch.quarantined + batch.duplicates for batch in standing)
    for layer, name in (("reads", "accepted"), ("quarantine", "quarantined")):
        rows = sum(part.rows for part in layer_parts(lake, "nwrocu", layer))
        assert rows == sum(getattr(batch, name) for batch in standing)


def test_list_and_show_tell_rows_without_plates(home: Loop) -> None:
    counted = home.done("auditor", "quarantine", "list", *ROCU, "--json").data
    cameras = {held["value"]: held["rows"] for held in counted["by"]["camera"]}
    assert 3 in [rows for camera, rows in cameras.items() if camera.startswith("unregistered:")]
    assert "late-camera" not in cameras
    assert set(counted["by"]) == {"rule", "camera", "feed"}
    text = home.done("validator", "quarantine", "list", *ROCU).out
    assert "camera_not_registered" in text
    assert f"{counted['rows']:,} rows" in text
    by_batch = home.done("operator", "quarantine", "list", *ROCU, "--by", "batch", "--json").data["by"]["batch"]
    assert 3 in [held["rows"] for held in by_batch]
    show = ("quarantine", "show", *ROCU, "--rule", "camera_not_registered", "--camera", "late-camera")
    shown = home.done("operator", *show, "--limit", "2", "--json")
    assert (shown.data["rows"], len(shown.data["shown"])) == (3, 2)
    row = shown.data["shown"][0]
    assert row["camera_id"].startswith("unregistered:")
    assert (row["delivered_as"], row["row_no"]) == ("late.csv", 38)
    printed = home.done("operator", *show).out
    assert row["vehicle"] in printed
    assert "AB12" not in shown.out + printed
    assert [entry["operation"] for entry in entries(home, "quarantine.read")] == ["consultation"] * 5


def test_what_says_nothing_is_left_out_and_a_rule_that_only_warns_is_told_as_such(home: Loop) -> None:
    text, by_batch = (home.done("operator", "quarantine", "list", *ROCU, *more).out for more in ((), ("--by", "batch")))
    assert (" batches " in text, " batches " in by_batch) == (True, False)
    unnamed = home("operator", "quarantine", "show", *ROCU)
    assert (unnamed.code, unnamed.out) == (2, "")
    assert "camera_not_registered (" in unnamed.err
    warned = home.done("operator", "quarantine", "show", *ROCU, "--rule", "impossible_speed").out
    assert "impossible_speed only warns" in warned
    shown = home.done("operator", "quarantine", "show", *ROCU, "--rule", "camera_not_registered", "--camera", "999").out
    assert "No row in quarantine in nwrocu broke camera_not_registered of that camera." in shown
    assert "0 of 0" not in shown
    nothing = home.done("operator", "quarantine", "list", *ROCU, "--from", "2020-01-01", "--to", "2020-01-02").out
    assert nothing.strip() == "0 rows in quarantine in nwrocu"


def test_release_lets_out_what_passes_and_nothing_else(home: Loop) -> None:
    asked = ("--rule", "camera_not_registered", "--camera", "late-camera")
    release = ("quarantine", "release", *ROCU, *asked, "--reason", REASON)
    unchanged = home.done("operator", *release, "--json").data
    assert (unchanged["released"], unchanged["batches"]) == (0, [])
    assert "Nothing was released: 3 rows" in unchanged["said"]
    register(home)
    planned = home.done("operator", *release, "--plan", "--json").data
    assert planned["said"] == "2 of 3 rows would be released."
    done = home("operator", *release, "--json")
    assert done.code == 0, done.err
    assert "to judge again: record" in done.err
    assert (done.data["released"], done.data["still_quarantined"], done.data["newly_quarantined"]) == (2, 1, 0)
    (batch,) = [batch for batch in done.data["batches"] if batch["delivered_as"] == "late.csv"]
    assert (batch["before"]["accepted"], batch["after"]["accepted"]) == (37, 39)
    assert batch["still_held_by"] == {"confidence_out_of_range": 1}
    left = home.done("operator", "quarantine", "list", *ROCU, "--by", "camera", "--json").data["by"]["camera"]
    assert {held["value"]: held["rows"] for held in left}["late-camera"] == 1
    again = home.done("operator", *release)
    assert "Nothing like that is in quarantine." in again.out
    check_conserved(home)
    logged = entries(home, "quarantine.release")
    assert [entry["operation"] for entry in logged] == ["alteration", "consultation", "alteration", "alteration"]
    assert logged[2]["details"]["why"] == REASON
    assert logged[2]["details"]["released"] == 2
    assert list(logged[2]["details"]["records"].values()) == [batch["record"]]
    opened = entries(home, "landing.open")
    assert len(opened) == 2
    assert batch["batch_id"] in opened[0]["details"]["batches"]


def test_a_plan_says_what_would_be_and_leaves_failed_batches_apart(home: Loop, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    rows = [f"AB12E{letter}C,,late-camera,90" for letter in "ABCDEF"] + ["AB12ECG,2026-04-01T12:00:00Z,late-camera,90"]
    bad.write_text("\n".join([HEADER, *rows]) + "\n")
    assert home("operator", "ingest", bad, *ROCU).code == 1
    (batch,) = [
        row["batch_id"]
        for row in home.done("operator", "batches", "list", *ROCU, "--json").data
        if row["delivered_as"] == "bad.csv"
    ]
    shown = " ".join(home.done("operator", "batches", "show", batch, *ROCU).out.split())
    assert "Rejected rows by rule: camera_not_registered 7, captured_at_missing 6." in shown
    assert f"for the other rules, have it delivered again, corrected (findprofile ingest --replaces {batch})" in shown
    register(home)
    plan = ("quarantine", "release", *ROCU, "--rule", "camera_not_registered", "--reason", REASON, "--plan")
    said = home.done("operator", *plan)
    (failed,) = home.done("operator", *plan, "--json").data["failing"]
    assert "would be released" in said.out
    assert "sealing" not in said.err
    assert "writing" not in said.err
    assert "opening 1 landing file of" in said.err
    assert "held by batch failed" not in said.out
    assert "held by captured at missing" not in said.out
    assert f"7 rows of {failed}; none comes out of a batch that fails as a whole" in said.out
    assert "bad.csv" not in said.out
    assert "batches that would change, now -> then" in said.out
    only = home.done("operator", *plan[:4], "--batch", failed, "--reason", REASON, "--plan").out
    assert "Nothing would be released: all 7 rows still break a rule, or their batch fails as a whole." in only
    assert f"{failed} fails: captured_at_missing 6. Have it delivered again, corrected" in only
    assert "now -> then" not in only
    good = tmp_path / "good.csv"
    good.write_text(f"{HEADER}\nAB12ECG,2026-04-01T12:00:00Z,late-camera,90\n")
    taken = home.done("operator", "ingest", good, *ROCU, "--replaces", failed, "--json").data["batches"][0]["batch_id"]
    owed = home.done("operator", *plan[:4], "--batch", failed, "--reason", REASON, "--plan").out
    assert f"{failed} fails, and batch {taken} has taken its place: nothing is owed." in " ".join(owed.split())
    assert "delivered again" not in owed


def test_there_is_no_override(home: Loop) -> None:
    register(home, "another-camera")
    before = set((home.home / "lake" / "ingests").rglob("*.json"))
    said = home.done(
        "operator", "quarantine", "release", *ROCU, "--camera", "late-camera", "--reason", "it must", "--json"
    ).data
    assert said["said"] == "Nothing was released: all 3 rows still break a rule."
    assert (said["released"], said["still_quarantined"], said["records_judged_again"]) == (0, 3, 0)
    assert set((home.home / "lake" / "ingests").rglob("*.json")) == before


def test_requalify_keeps_both_verdicts_and_is_done_once(home: Loop, tmp_path: Path) -> None:
    register(home)
    records = len({record.ingest_id for record, _ in standing_batches(Lake(home.home / "lake"), "nwrocu")})
    planned = home.done("operator", "requalify", *ROCU, *DAYS, "--plan")
    assert "would be judged again" in planned.out
    done = home.done("operator", "requalify", *ROCU, *DAYS, "--reason", REASON, "--json").data
    assert done["records_judged_again"] == records > 1
    assert done["released"] == 2
    assert done["newly_quarantined"] == 0
    text = home.done("operator", "requalify", *ROCU, *DAYS).out
    assert "left as they are" in text
    again = home.done("operator", "requalify", *ROCU, *DAYS, "--json").data
    assert (again["records_judged_again"], again["records_left_alone"]) == (0, records)
    check_conserved(home)
    nothing = home.done("operator", "requalify", *ROCU, "--from", "2020-01-01", "--to", "2020-01-02").out
    assert "no batches of these days" in nothing
    logged = entries(home, "requalify")
    assert logged[1]["operation"] == "alteration"
    assert len(logged[1]["details"]["records"]) == records
    # known files stay known, and the table of a person shows old and new
    file = min((home.world / "nwrocu" / "reads").iterdir())
    assert home.done("operator", "ingest", file, *ROCU, "--json").data["rows"] == 0


def test_a_record_that_nobody_brought_is_not_judged_again_and_makes_no_file_known(home: Loop) -> None:
    """Else what it names would be on record by the record in its place."""
    folder = home.home / "lake" / "ingests" / "rocu=nwrocu"
    forged = json.loads(min(folder.iterdir()).read_text()) | {"ingest_id": "f" * 16, "contract_digest": "another"}
    (folder / f"{'f' * 16}.json").write_text(json.dumps(forged))
    before = set(folder.iterdir())
    register(home)
    for arguments in (
        ("requalify", *ROCU, *DAYS),
        ("requalify", *ROCU, *DAYS, "--plan"),
        ("quarantine", "release", *ROCU, "--camera", "late-camera", "--reason", REASON),
        ("ingest", sorted((home.world / "nwrocu" / "reads").iterdir())[2], *ROCU),
    ):
        said = home("operator", *arguments)
        assert (said.code, f"not as the audit log has them: {'f' * 16}" in said.err) == (1, True), said.err
    assert set(folder.iterdir()) == before
    assert [entry["outcome"] for entry in entries(home, "ingest")][-1] == "refused"
    (folder / f"{'f' * 16}.json").unlink()
    assert home.done("operator", "requalify", *ROCU, *DAYS, "--json").data["released"] == 2


def test_a_batch_that_fails_now_is_told_and_stands_in_the_way(home: Loop, tmp_path: Path, policy_file: Path) -> None:
    import yaml

    strict = tmp_path / "strict.yaml"
    policy = yaml.safe_load(policy_file.read_text())
    policy["ingest"]["max_quarantine_share"] = 0.0001
    strict.write_text(yaml.safe_dump(policy))
    home.done("governance", "policy", "load", strict, *ROCU)
    said = home("operator", "requalify", *ROCU, "--from", "2026-04-01", "--to", "2026-04-01", "--json")
    assert said.code == 1
    assert re.search(r"batch(es)? passed before and failed the contract now: ", said.err)
    made = json.loads(said.out)
    assert made["newly_failed"]
    failing = [batch for batch in made["batches"] if batch["after"]["verdict"] == "failed" and batch["asked"]]
    assert "late.csv" in [batch["delivered_as"] for batch in failing if batch["batch_id"] in made["newly_failed"]]
    assert made["failing"] == [batch["batch_id"] for batch in failing]
    assert made["held_in_failed"] == sum(batch["asked"] for batch in failing) >= 3
    assert all(batch["changed"] == ["limits"] for batch in made["batches"])
    check_conserved(home)
    assert home("operator", "retrain", *ROCU, "--as-of", AS_OF).code == 1


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        (("requalify", *ROCU, *DAYS), ("engineer", "validator", "governance", "auditor", "analyst")),
        (("quarantine", "list", *ROCU), ("engineer", "analyst")),
        (("quarantine", "show", *ROCU, "--rule", "camera_not_registered"), ("engineer", "analyst")),
        (
            ("quarantine", "release", *ROCU, "--reason", "x"),
            ("engineer", "validator", "governance", "auditor", "analyst"),
        ),
        (("quarantine", "release", *ROCU, "--reason", "x", "--plan"), ("validator", "governance")),
    ],
)
def test_others_are_refused_and_it_is_recorded(
    late_camera: Loop, arguments: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    from loop_support import run, token

    for who in roles:
        said = late_camera(who, *arguments)
        assert said.code == 1, who
        assert "may not do" in said.err
    elsewhere = run(late_camera.home, *arguments, token=token(late_camera.home, "operator", "yhrocu"))
    assert elsewhere.code == 1
    assert "not for nwrocu" in elsewhere.err
    action = {"requalify": "requalify", "release": "quarantine.release"}.get(
        arguments[0] if arguments[0] == "requalify" else arguments[1], "quarantine.read"
    )
    assert entries(late_camera, action)[-1]["outcome"] == "refused"


@pytest.mark.parametrize(
    "arguments",
    [
        ("requalify", *ROCU, "--from", "2026-05-01", "--to", "2026-04-01"),
        ("requalify", *ROCU, *DAYS, "--reason", "because of AB12 CDE"),
        ("requalify", "--rocu", "mars", *DAYS),
        ("quarantine", "list", *ROCU, "--from", "2026-05-01", "--to", "2026-04-01"),
        ("quarantine", "list", *ROCU, "--by", "colour"),
        ("quarantine", "show", *ROCU, "--rule", "no_such_rule"),
        ("quarantine", "release", *ROCU, "--batch", "0123456789abcdef", "--reason", "x"),
    ],
)
def test_wrong_input(late_camera: Loop, arguments: tuple[str, ...]) -> None:
    said = late_camera("operator", *arguments)
    assert said.code == 2, said.err
    assert "Traceback" not in said.err


def test_without_the_private_key_it_is_refused(home: Loop) -> None:
    register(home)
    recipient = (home.home / "keys" / "vault_recipient.txt").read_text().strip()
    said = home("operator", "requalify", *ROCU, *DAYS, FINDPROFILE_VAULT_RECIPIENT=recipient)
    assert said.code == 1
    assert "no private key" in said.err


def test_a_model_of_before_is_made_again_bit_for_bit(in_force: Loop, tmp_path: Path) -> None:
    loop = Loop(tmp_path / "home", in_force.world)
    shutil.copytree(in_force.home, loop.home)
    register(loop)
    done = loop.done("operator", "requalify", *ROCU, *DAYS, "--json").data
    assert done["records_judged_again"] >= 1
    made = loop.done("auditor", "reproduce", MODEL, "1", "--json").data
    assert (made["same"], made["snapshot_same"]) == (True, True)
    assert made["expected_sha256"] == made["actual_sha256"]
    graph = loop.done("auditor", "lineage", MODEL, "1", "--json").data
    assert {node["label"] for node in graph["nodes"] if node["kind"] == "step"} >= {"ingest"}


def test_the_new_parts_go_back_to_the_same_files(home: Loop) -> None:
    from governance.lineage.graph import _read_steps

    register(home)
    home.done("operator", "requalify", *ROCU, *DAYS, "--reason", REASON)
    lake = Lake(home.home / "lake")
    steps = _read_steps(lake, "nwrocu")
    ingests = {step.node.run_id: step for step in steps if step.node.label == "ingest"}
    again = [step for step in steps if step.node.label == "requalify"]
    assert len(again) == 2
    for step in again:
        old = ingests[step.node.facts["supersedes"]]
        assert {n.digest for n in step.inputs if n.label == "landing"} == {
            n.digest for n in old.inputs if n.label == "landing"
        }
        assert step.node.facts["reason"] == REASON
    made = {output.digest for step in again for output in step.outputs}
    assert {part.sha256 for part in layer_parts(lake, "nwrocu", "reads")} <= made


def vehicles_of(lake: Lake, batch_id: str) -> set[str]:
    import duckdb

    paths = [str(lake.root / part.path) for part in layer_parts(lake, "nwrocu", "reads")]
    with duckdb.connect() as connection:
        query = "SELECT DISTINCT vehicle FROM read_parquet(?) WHERE batch_id = ?"
        return {vehicle for (vehicle,) in connection.execute(query, [paths, batch_id]).fetchall()}


def test_a_vehicle_of_an_earlier_judgement_can_still_be_revealed(home: Loop) -> None:
    """Its only read is in quarantine now; lists that name it were handed out before."""
    lake = Lake(home.home / "lake")
    (late,) = [b.batch_id for _, b in standing_batches(lake, "nwrocu") if b.delivered_as == "late.csv"]
    vehicle = min(vehicles_of(lake, late))
    header, camera = (home.world / "nwrocu" / "cameras.csv").read_text().splitlines()[:2]
    ended = dict(zip(header.split(","), camera.split(","), strict=True)) | {"valid_to": "2026-03-01"}
    file = home.home / "ended.csv"
    file.write_text("\n".join([",".join(ended), ",".join(ended.values())]) + "\n")
    home.done("operator", "cameras", "load", file, *ROCU)
    home("operator", "requalify", *ROCU, "--from", "2026-04-01", "--to", "2026-04-01")
    assert vehicles_of(lake, late) == set()
    why = ("--purpose", "data_quality", "--authority", "CL/2026/0042")
    told = home("analyst", "vault", "reveal", vehicle, *ROCU, *why, "--json")
    assert told.code == 0, told.err
    assert told.data[vehicle].startswith("AB12C")
