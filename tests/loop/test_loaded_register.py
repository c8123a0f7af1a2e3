"""A camera register counts if its rows are those that were loaded last: places put there by hand are refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loop_support import AS_OF, PSEUDONYM_KEY, Loop, Said
from pydantic import SecretStr

from data_contracts.registers.cameras import load_cameras
from infra.clock import utc_now
from infra.lake import Lake
from infra.settings import Settings

HERE = ("--rocu", "nwrocu")
NEW_DAY = "2026-04-06"
NEW_CAMERA = "camera_id,latitude,longitude,valid_from\nnew-camera,53.4,-2.9,2026-01-01\n"


@pytest.fixture
def copy(delivered: Loop, tmp_path: Path) -> Loop:
    shutil.copytree(delivered.home.parent / "as delivered", tmp_path / "home")
    return Loop(tmp_path / "home", delivered.world)


def ingested(loop: Loop) -> Said:
    """Reads of a day that is not in the lake yet."""
    file = loop.home.parent / f"{NEW_DAY}.csv"
    known = next(iter((loop.world / "nwrocu" / "cameras.csv").read_text().splitlines()[1:])).split(",")[0]
    rows = [f"AB12C{chr(65 + n // 20)}{chr(65 + n % 20)},{NEW_DAY}T10:{n:02}:00Z,{known},90" for n in range(40)]
    file.write_text("\n".join(["vrm,captured_at,camera_id,confidence", *rows]) + "\n")
    return loop("operator", "ingest", file, *HERE)


def folder(loop: Loop) -> Path:
    return loop.home / "lake" / "registers" / "rocu=nwrocu"


def current(loop: Loop) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder(loop) / "current.json").read_text())
    return found


def latitudes(loop: Loop) -> list[float]:
    found: list[float] = pq.ParquetFile(loop.home / "lake" / current(loop)["path"]).read()["latitude"].to_pylist()
    return found


def places_moved(loop: Loop) -> None:
    """Every camera one degree to the north, in the file that holds."""
    path = loop.home / "lake" / current(loop)["path"]
    table = pq.ParquetFile(path).read()
    at = table.schema.get_field_index("latitude")
    moved = pa.array([latitude + 1 for latitude in table["latitude"].to_pylist()], table.schema.field(at).type)
    pq.write_table(table.set_column(at, table.schema.field(at), moved), path)


def another_put_there(loop: Loop) -> None:
    """The same, under the digest that such rows have, and said to hold; the one that was loaded lies beside it."""
    loaded = loop.home / "lake" / current(loop)["path"]
    whole = loaded.read_bytes()
    places_moved(loop)
    path = loop.home / "lake" / current(loop)["path"]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"FROM read_parquet('{path}', hive_partitioning = false) ORDER BY camera_id, valid_from"
        ).fetchall()
    digest = hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()
    path.rename(path.with_name(f"{digest}.parquet"))
    loaded.write_bytes(whole)
    own = {"digest": digest, "path": current(loop)["path"].replace(current(loop)["digest"], digest)}
    (folder(loop) / "current.json").write_text(json.dumps(current(loop) | own))


def left_by_a_kill(loop: Loop) -> None:
    """A register with one camera more was put in place; its step was killed before the log had it."""
    file = loop.home.parent / "more.csv"
    file.write_text(NEW_CAMERA)
    settings = Settings(home=loop.home, pseudonym_key=SecretStr(PSEUDONYM_KEY))
    load_cameras(settings, Lake(settings.lake), "nwrocu", file, utc_now())


def no_register(loop: Loop) -> None:
    for file in folder(loop).iterdir():
        file.unlink()


def profiled(loop: Loop) -> Said:
    part = next((loop.home / "lake" / "reads" / "rocu=nwrocu").rglob(f"*date={AS_OF}/*.parquet"))
    vehicle = pq.ParquetFile(part).read(["vehicle"])["vehicle"][0].as_py()
    why = ("--purpose", "investigation", "--authority", "CL/2026/0042")
    return loop("governance", "profile", *HERE, "--as-of", AS_OF, "--vehicle", vehicle, *why)


def looked_at(loop: Loop) -> Said:
    return loop("operator", "cameras", "health", *HERE, "--from", AS_OF, "--to", AS_OF)


def judged_again(loop: Loop) -> Said:
    return loop("operator", "requalify", *HERE, "--from", AS_OF, "--to", AS_OF, "--reason", "places corrected")


def released(loop: Loop) -> Said:
    rule = ("--rule", "camera_not_registered", "--reason", "places corrected")
    return loop("operator", "quarantine", "release", *HERE, *rule)


def trained(loop: Loop) -> Said:
    return loop("engineer", "retrain", *HERE, "--as-of", AS_OF)


def searched(loop: Loop) -> Said:
    return loop("engineer", "tune", *HERE, "--as-of", AS_OF, "--trials", "2")


def check_refused(said: Said, why: str) -> None:
    assert (said.code, why in said.err) == (1, True), said.out + said.err
    assert "findprofile cameras load" in said.err


def reads(loop: Loop) -> set[Path]:
    return set((loop.home / "lake" / "reads").rglob("*.parquet"))


CHANGED = "was changed in the lake after it was loaded"
NOT_LOADED = "is not the one that the audit log says was loaded"


def test_no_read_gets_a_place_from_rows_that_were_changed(copy: Loop) -> None:
    before = reads(copy)
    places_moved(copy)
    for step in (ingested, profiled, looked_at):
        check_refused(step(copy), CHANGED)
    assert reads(copy) == before
    rows = copy.done("auditor", "audit", "search", "--action", "ingest", "--outcome", "refused", "--json").data
    assert CHANGED in rows[-1]["details"]["reason"]


@pytest.mark.parametrize("change", [another_put_there, no_register])
def test_nothing_rests_on_a_register_that_nobody_loaded(copy: Loop, change: Callable[[Loop], None]) -> None:
    before = reads(copy)
    change(copy)
    for step in (ingested, judged_again, released, profiled, looked_at, trained, searched):
        check_refused(step(copy), NOT_LOADED)
    assert reads(copy) == before
    rows = copy.done("auditor", "audit", "search", "--action", "requalify", "--outcome", "refused", "--json").data
    assert NOT_LOADED in rows[-1]["details"]["reason"]


def test_what_a_kill_left_is_finished_by_loading_the_file_again(copy: Loop) -> None:
    left_by_a_kill(copy)
    said = ingested(copy)
    check_refused(said, NOT_LOADED)
    assert "load the same file again" in said.err
    left = current(copy)["digest"]
    done = copy.done("operator", "cameras", "load", copy.home.parent / "more.csv", *HERE, "--json").data
    assert done["digest"] == left
    assert f"The lake had {left}" in done["said"]
    assert ingested(copy).code == 0


def test_a_file_is_merged_into_what_was_loaded_and_not_into_what_was_put_there(copy: Loop) -> None:
    places = latitudes(copy)
    another_put_there(copy)
    assert latitudes(copy) != places
    forged = current(copy)["digest"]
    file = copy.home.parent / "more.csv"
    file.write_text(NEW_CAMERA)
    said = copy.done("operator", "cameras", "load", file, *HERE, "--json").data["said"]
    assert said == f"The lake had {forged}, which the audit log does not have as loaded last: it was not used."
    assert sorted(latitudes(copy)) == sorted([*places, 53.4])
    assert ingested(copy).code == 0


def test_a_register_of_which_nothing_is_left_begins_anew_and_that_is_on_record(copy: Loop) -> None:
    places = latitudes(copy)
    places_moved(copy)
    file = copy.home.parent / "more.csv"
    file.write_text(NEW_CAMERA)
    assert "begins anew" in copy.done("operator", "cameras", "load", file, *HERE, "--json").data["said"]
    assert latitudes(copy) == [53.4]
    copy.done("operator", "cameras", "load", copy.world / "nwrocu" / "cameras.csv", *HERE)
    assert sorted(latitudes(copy)) == sorted([*places, 53.4])
    entry = copy.done("auditor", "audit", "search", "--action", "cameras.load", *HERE, "--json").data[-2]
    assert "begins anew" in entry["details"]["said"]
    assert ingested(copy).code == 0


@pytest.mark.parametrize("change", [places_moved, no_register])
def test_a_register_that_was_spoilt_is_mended_by_loading_it_again(copy: Loop, change: Callable[[Loop], None]) -> None:
    digest = current(copy)["digest"]
    change(copy)
    copy.done("operator", "cameras", "load", copy.world / "nwrocu" / "cameras.csv", *HERE)
    assert current(copy)["digest"] == digest
    assert ingested(copy).code == 0


def test_the_same_register_again_and_a_newer_one_go_on(copy: Loop) -> None:
    whole = copy.world / "nwrocu" / "cameras.csv"
    again = copy.done("operator", "cameras", "load", whole, *HERE, "--json").data
    assert (again["digest"], again["said"]) == (current(copy)["digest"], None)
    assert judged_again(copy).code == 0
    file = copy.home.parent / "more.csv"
    file.write_text(NEW_CAMERA)
    newer = copy.done("operator", "cameras", "load", file, *HERE, "--json").data
    assert newer["cameras"] == again["cameras"] + 1
    done = copy.done("operator", "requalify", *HERE, "--from", AS_OF, "--to", AS_OF, "--reason", "more", "--json").data
    assert done["records_judged_again"] == 1
    assert (ingested(copy).code, profiled(copy).code, looked_at(copy).code) == (0, 0, 0)
