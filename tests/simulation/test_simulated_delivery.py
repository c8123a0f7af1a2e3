"""What a ROCU is handed: the same bytes each time, in the agreed form, and nothing of the truth."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from infra.errors import WrongInputError
from simulation.simulate import simulate
from simulation.world import World


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def delivered(world: World, **delivery: str) -> World:
    return World.model_validate(world.model_dump() | {"delivery": delivery})


@dataclass(frozen=True)
class Own:
    """A world delivered by day, compressed, without a seed being named; and what was said on the way."""

    world: World
    folder: Path
    progress: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def own(tiny_world: World, tmp_path_factory: pytest.TempPathFactory) -> Own:
    made = Own(delivered(tiny_world, format="csv.gz"), tmp_path_factory.mktemp("delivered") / "own", {})
    simulate(
        made.world,
        made.folder,
        on_progress=lambda stage, done, total: made.progress.update({stage: (done, total)}),
    )
    return made


def test_one_seed_gives_the_same_bytes_and_it_is_the_world_s_own_if_none_is_named(own: Own, tmp_path: Path) -> None:
    simulate(own.world, tmp_path / "named", own.world.seed)
    assert digests(own.folder) == digests(tmp_path / "named")


def test_another_seed_gives_other_reads(own: Own, tmp_path: Path) -> None:
    simulate(own.world, tmp_path / "other", own.world.seed + 1)
    name = "nwrocu/reads/2026-03-03.csv.gz"
    assert digests(own.folder)[name] != digests(tmp_path / "other")[name]


def test_weekly_parquet_holds_the_same_rows_as_daily_csv(own: Own, tiny_world: World, tmp_path: Path) -> None:
    simulate(delivered(tiny_world, format="parquet", period="weekly"), tmp_path / "weekly")
    daily = [
        line
        for path in own.folder.glob("*/reads/*")
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    ]
    weekly = list((tmp_path / "weekly").glob("*/reads/*"))
    rows = [row for path in weekly for row in pyarrow.parquet.read_table(path).to_pylist()]
    assert sorted(",".join(str(value) for value in row.values()) for row in rows) == sorted(daily)
    assert {path.name for path in weekly if "_" not in path.name} == {"2026-03-08.parquet", "2026-03-15.parquet"}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tiny_world: World, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(WrongInputError, match="not an empty folder"):
        simulate(tiny_world, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_a_stopped_run_leaves_nothing_behind(tiny_world: World, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "reads":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tiny_world, tmp_path / "out", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_stage_to_its_end(own: Own) -> None:
    assert list(own.progress) == ["map", "lives", "reads", "findings"]
    assert all(done == total for done, total in own.progress.values())


def test_files_have_the_agreed_columns_and_names(small: Any) -> None:
    reads = small.folder / "nwrocu" / "reads" / "2026-03-02.csv"
    assert reads.read_text().splitlines()[0] == (
        "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
    )
    register = (small.folder / "nwrocu" / "cameras.csv").read_text().splitlines()[0]
    assert register == "camera_id,latitude,longitude,valid_from,valid_to,force,site_id,kind,road,bearing,area_group"
    findings = next((small.folder / "nwrocu" / "dispositions").iterdir())
    assert findings.read_text().splitlines()[0] == "vrm,window_end,finding,decided_at,decided_by,selected_by"
    for day in range(small.world.days):
        name = date.fromordinal(small.world.start.toordinal() + day).isoformat()
        assert (small.folder / "nwrocu" / "reads" / f"{name}.csv").exists()


def test_the_report_counts_the_rows_of_each_region(small: Any) -> None:
    counted = dict(small.sql.execute("SELECT rocu, count(*) FROM reads GROUP BY rocu").fetchall())
    assert counted == small.report.reads
    assert 30_000 <= sum(counted.values()) <= 60_000


def test_truth_lies_apart_and_nothing_delivered_tells_it(small: Any) -> None:
    folders = {path.name for path in small.folder.iterdir()}
    assert folders == {"truth", *small.world.rocus}
    for path in small.folder.rglob("*"):
        if path.is_file() and "truth" not in path.parts[len(small.folder.parts) :]:
            text = path.read_text()
            assert "county_lines" not in text
            assert "misread" not in text


def test_a_read_goes_to_the_region_of_its_camera(small: Any) -> None:
    strangers = small.one("SELECT count(*) FROM reads r JOIN cameras c USING (camera_id) WHERE r.rocu <> c.rocu")
    assert strangers == (0,)
    both = small.one("SELECT count(*) FROM (SELECT vrm FROM reads GROUP BY vrm HAVING count(DISTINCT rocu) = 2)")
    assert both[0] > 50


def test_a_road_site_has_a_camera_for_each_direction_and_a_position_in_its_region(small: Any) -> None:
    directions = small.sql.execute(
        "SELECT count(DISTINCT camera_id) FROM cameras WHERE site_kind <> 'centre' GROUP BY site_id"
    ).fetchall()
    assert set(directions) == {(2,)}
    box = small.one("SELECT min(latitude), max(latitude), min(longitude), max(longitude) FROM cameras")
    assert 52.4 < box[0] < box[1] < 55.2
    assert -4.9 < box[2] < box[3] < 0.6


def test_rows_are_in_the_order_of_the_camera_s_clock(small: Any) -> None:
    for path in sorted((small.folder / "yhrocu" / "reads").iterdir())[:5]:
        times = [line.split(",")[1] for line in path.read_text().splitlines()[1:]]
        sane = [time for time in times if "T25:" not in time]
        assert sane == sorted(sane)
