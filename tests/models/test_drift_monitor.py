from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.layers.manifests import IngestRecord, PartRef
from data_contracts.layers.reads import read_parts
from data_contracts.registers.cameras import load_cameras
from infra.engine import open_engine
from infra.errors import WrongInputError
from infra.lake import Lake, file_sha256, write_text
from infra.settings import Settings
from models.drift.monitor import load_result, monitor, result_digest
from models.drift.results import MonitorResult
from models.drift.settings import MonitorSettings
from models.patterns import get_pattern
from models.scoring import Provenance, write_scores

START = date(2026, 3, 2)
DAYS = 14
AS_OF = START + timedelta(days=DAYS - 1)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
SETTINGS = MonitorSettings(reports="none", span_days=7, sample_rows=1000, ranked_rows=40)
VEHICLES = 260
SLOW, SLOW_BY_H = {1, 6, 9, 13, 18, 21}, 0.23


def reads_of(day: int, rng: np.random.Generator, spoil: frozenset[str]) -> pa.Table:
    """Vehicles that drive from their own end of a road to the other and back, seen by four of 24 cameras."""
    rows = []
    late = "behaviour" in spoil and day >= DAYS // 2
    for vehicle in range(VEHICLES):
        if rng.random() > 0.7:
            continue
        road = vehicle % 6
        begin = (21.0 if late else 7.0) + rng.normal(0, 0.4)
        stay = 1.2 if late else rng.uniform(5, 9)
        for leg, hour in ((1, begin), (-1, begin + 1 + stay)):
            for step in range(4)[::leg]:
                passed = hour + 0.25 * (step if leg == 1 else 3 - step)
                rows.append((vehicle, road * 4 + step, passed))
    if "clock" in spoil and day >= DAYS // 2:
        rows = [(vehicle, camera, at - SLOW_BY_H * (camera in SLOW)) for vehicle, camera, at in rows]
    silent = {0, 1, 2, 3, 5, 9} if "outage" in spoil and day >= DAYS // 2 else set()
    rows = [row for row in rows if row[1] not in silent]
    moments = [datetime.combine(START + timedelta(days=day), datetime.min.time()) + timedelta(hours=r[2]) for r in rows]
    kept = [i for i, at in enumerate(moments) if at.date() == START + timedelta(days=day)]
    rows, moments = [rows[i] for i in kept], [moments[i] for i in kept]
    n = len(rows)
    table = pa.table(
        {
            "batch_id": [f"{day:016x}"] * n,
            "row_no": pa.array(range(1, n + 1), pa.int64()),
            "vehicle": [f"v{row[0]:031}" for row in rows],
            "plate_format": ["current"] * n,
            "plate_repaired": [False] * n,
            "captured_at": pa.array(moments, pa.timestamp("us")),
            "received_at": pa.nulls(n, pa.timestamp("us")),
            "camera_id": [f"cam-{row[1]:02}" for row in rows],
            "site_id": [f"site-{row[1] // (1 if 'clock' in spoil else 2):02}" for row in rows],
            "latitude": [53.0 + 0.2 * (row[1] % 4) for row in rows],
            "longitude": [-3.0 + 0.5 * (row[1] // 4) for row in rows],
            "force": ["cheshire"] * n,
            "confidence": [90.0] * n,
            "motion_toward_camera": [True] * n,
            "feed_id": ["f"] * n,
            "source_id": ["s"] * n,
            "contract_version": ["1.0.0"] * n,
        }
    )
    return table.sort_by([("vehicle", "ascending"), ("captured_at", "ascending"), ("row_no", "ascending")])


def build_lake(root: Path, spoil: frozenset[str]) -> Lake:
    lake, rng = Lake(root / "lake"), np.random.default_rng(11)
    parts = []
    for day in range(DAYS):
        path = lake.folder("reads", "nwrocu", date=(START + timedelta(days=day)).isoformat()) / "p.parquet"
        path.parent.mkdir(parents=True)
        table = reads_of(day, rng, spoil)
        pq.write_table(table, path)
        parts.append(
            PartRef(
                layer="reads",
                path=lake.relative(path),
                sha256=file_sha256(path),
                rows=table.num_rows,
                date=START + timedelta(days=day),
            )
        )
    record = IngestRecord(
        ingest_id="i1",
        rocu="nwrocu",
        ingested_at=NOW,
        contract_version="1.0.0",
        contract_digest="c",
        register_digest="r",
        source_digest="s",
        batches=(),
        parts=tuple(parts),
    )
    write_text(lake.folder("ingests", "nwrocu") / "i1.json", record.model_dump_json())
    return lake


def train_champion(settings: Settings, lake: Lake) -> str:
    pattern = get_pattern("county_lines")
    own = pattern.settings_type().model_copy(update={"window_days": 7})
    end = START + timedelta(days=6)
    with open_engine(settings) as connection:
        windows = pattern.build_windows(connection, lake, read_parts(lake, "nwrocu", START, end), end, own)
    matrix = np.column_stack([windows[name].cast(pa.float64()).to_numpy() for name in pattern.feature_names])
    label = (
        matrix[:, pattern.feature_names.index("reads")] > np.median(matrix[:, pattern.feature_names.index("reads")])
    ).astype(int)
    names = list(pattern.feature_names)
    data = lightgbm.Dataset(matrix, label, feature_name=names, params={"verbose": -1})
    parameters = {"objective": "binary", "num_leaves": 7, "deterministic": True, "num_threads": 1, "verbose": -1}
    text: str = lightgbm.train(parameters, data, 20).model_to_string()
    return text


Watched = Callable[..., MonitorResult]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> str:
    settings = Settings(home=tmp_path_factory.mktemp("quiet"))
    return train_champion(settings, build_lake(settings.root, frozenset()))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, champion: str) -> Watched:
    made: dict[frozenset[str], MonitorResult] = {}

    def run(*spoil: str) -> MonitorResult:
        key = frozenset(spoil)
        if key not in made:
            root = tmp_path_factory.mktemp("world")
            settings = Settings(home=root)
            lake = build_lake(settings.root, key)
            made[key] = monitor(settings, lake, "nwrocu", "county_lines", AS_OF, champion, SETTINGS, NOW)
            folder = lake.root / made[key].folder
            assert load_result(folder) == made[key]
            assert list((settings.root / "work").glob("*")) == [] or not (settings.root / "work").exists()
        return made[key]

    return run


def attributions(result: MonitorResult, population: str = "all") -> dict[str, str]:
    return {item.feature: item.attribution for item in result.features if item.population == population}


def test_a_quiet_world_calls_for_nothing(watched: Watched) -> None:
    result = watched()
    assert result.estate.intervals == ()
    assert result.recommendation.action == "none"
    assert list(attributions(result).values()).count("behaviour") <= 1
    assert result.scores is not None
    assert result.scores.attribution == "none"


def test_an_outage_is_blamed_on_the_cameras_not_on_behaviour(watched: Watched) -> None:
    result = watched("outage")
    assert result.estate.changed_cameras == {f"cam-{i:02}" for i in (0, 1, 2, 3, 5, 9)}
    assert {item.kind for item in result.estate.intervals} == {"silent"}
    assert {item.camera_id for item in result.estate.intervals if item.scope == "site"} == {
        f"cam-{i:02}" for i in range(4)
    }
    found = list(attributions(result).values())
    assert found.count("cameras") >= 3
    assert found.count("behaviour") + found.count("both") <= 1
    assert result.recommendation.action == "inspect_cameras"
    assert "retrain" not in result.recommendation.then
    assert result.reads_left_share < 1


def test_a_change_of_behaviour_is_not_blamed_on_cameras(watched: Watched) -> None:
    result = watched("behaviour")
    assert result.estate.intervals == ()
    found = attributions(result)
    assert list(found.values()).count("behaviour") >= 3
    assert "cameras" not in found.values()
    assert result.recommendation.action in ("review_behaviour", "retrain")


def test_wrong_clocks_are_blamed_on_the_cameras_not_on_behaviour(
    tmp_path_factory: pytest.TempPathFactory, champion: str
) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("clocks"))
    lake = build_lake(settings.root, frozenset({"clock"}))
    lines = [
        f"cam-{c:02},{53 + 0.2 * (c % 4)},{-3 + 0.5 * (c // 4)},2025-01-01,cheshire,site-{c:02}" for c in range(24)
    ]
    file = settings.root / "cameras.csv"
    file.write_text("\n".join(("camera_id,latitude,longitude,valid_from,force,site_id", *lines)))
    load_cameras(settings, lake, "nwrocu", file, NOW)
    run = partial(monitor, settings, lake, "nwrocu", "county_lines", AS_OF, champion, SETTINGS, NOW)
    # nobody looks at clocks: people seem to drive otherwise
    assert attributions(run())["impossible_hops"] == "behaviour"
    result = run(position_tolerance_m=100)
    half = START + timedelta(days=DAYS // 2)
    slow = {f"cam-{camera:02}" for camera in SLOW}
    assert {(one.camera_id, one.kind, one.start, one.end) for one in result.estate.offsets} == {
        (camera, "clock_offset", half, AS_OF) for camera in slow
    }
    assert result.estate.changed_cameras == slow
    assert attributions(result)["impossible_hops"] == "cameras"
    found = list(attributions(result).values())
    assert found.count("behaviour") + found.count("both") <= 1
    assert (result.recommendation.action, result.recommendation.then) == ("inspect_cameras", ())
    assert result.recommendation.reasons[0].startswith(f"6 cameras had wrong clocks ({half} to {AS_OF}): cam-01, ")


def test_both_at_once_are_told_apart(watched: Watched) -> None:
    result = watched("outage", "behaviour")
    found = list(attributions(result).values())
    assert found.count("behaviour") + found.count("both") >= 3
    assert result.recommendation.action == "inspect_cameras"
    assert {"review_behaviour", "retrain"} & set(result.recommendation.then)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("small")
    build_lake(home, frozenset())
    return home


@pytest.fixture
def small(quiet: Path, tmp_path: Path) -> tuple[Settings, Lake]:
    """A quiet world that nobody has monitored."""
    shutil.copytree(quiet, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    return settings, Lake(settings.lake)


@pytest.fixture(scope="module")
def once(quiet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MonitorResult]:
    home = tmp_path_factory.mktemp("once") / "home"
    shutil.copytree(quiet, home)
    settings = Settings(home=home)
    return home, monitor(settings, Lake(settings.lake), "nwrocu", "county_lines", AS_OF, None, SETTINGS, NOW)


Monitored = tuple[Settings, Lake, MonitorResult]


@pytest.fixture
def monitored(once: tuple[Path, MonitorResult], tmp_path: Path) -> Monitored:
    """The same, monitored once without a champion."""
    home, first = once
    shutil.copytree(home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    return settings, Lake(settings.lake), first


def test_the_same_run_is_made_once_and_works_without_a_champion(small: tuple[Settings, Lake]) -> None:
    settings, lake = small
    with_report = SETTINGS.model_copy(update={"reports": "raw"})
    arguments = (settings, lake, "nwrocu", "county_lines", AS_OF, None, with_report)
    first = monitor(*arguments, NOW)
    assert list(first.reports) == ["evidently.html"]
    assert (lake.root / first.folder / "evidently.html").stat().st_size > 100_000
    assert first.scores is None
    assert all(item.population == "all" for item in first.features)
    digest = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (lake.root / first.folder).iterdir()}
    again = monitor(*arguments, NOW + timedelta(days=3))
    assert again == first
    assert digest == {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (lake.root / first.folder).iterdir()
    }


def test_a_result_that_cannot_be_read_is_made_again(monitored: Monitored) -> None:
    settings, lake, first = monitored
    kept = lake.root / first.folder / "result.json"
    kept.write_text(kept.read_text().replace('"run_id"', '"name_of_old"', 1))
    assert monitor(settings, lake, "nwrocu", "county_lines", AS_OF, None, SETTINGS, NOW) == first
    assert load_result(kept.parent) == first


@pytest.mark.parametrize("change", [{"reports": {"/etc/hostname": "0"}}, {"vehicles_current": 1}, {}])
def test_of_a_result_only_what_is_on_record_is_believed(monitored: Monitored, change: dict[str, Any]) -> None:
    settings, lake, first = monitored
    kept = lake.root / first.folder / "result.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | change))
    path, sha256 = result_digest(first)
    on_record = {path: sha256}
    made = monitor(settings, lake, "nwrocu", "county_lines", AS_OF, None, SETTINGS, NOW, on_record=on_record)
    assert made == first
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == sha256


def test_windows_are_built_day_by_day_where_the_settings_ask_for_it(monitored: Monitored) -> None:
    settings, lake, at_once = monitored
    assert not lake.folder("days", "nwrocu").exists()
    (lake.root / at_once.folder / "result.json").unlink()
    by_day = settings.model_copy(update={"windows_by_day": True})
    assert monitor(by_day, lake, "nwrocu", "county_lines", AS_OF, None, SETTINGS, NOW) == at_once
    assert len(list(lake.folder("days", "nwrocu").glob("*/date=*/share=*"))) == DAYS


def test_a_list_made_since_is_another_run(monitored: Monitored) -> None:
    settings, lake, first = monitored
    listed = pa.table({"vehicle": ["v1", "v2"], "selected_by": ["ranked", "random"], "rank": [900, 901]})
    names = ("model", "version", "model_sha256", "contract_version", "data_digest", "commit")
    own = {"run_id": "r", "rocu": "nwrocu", "pattern": "county_lines", "window_end": AS_OF}
    write_scores(lake, listed, Provenance(**dict.fromkeys(names, "x"), **own), NOW)
    again = monitor(settings, lake, "nwrocu", "county_lines", AS_OF, None, SETTINGS, NOW)
    assert again.run_id != first.run_id
    assert again.in_service is not None


def test_a_span_without_reads_is_wrong_input(small: tuple[Settings, Lake]) -> None:
    settings, lake = small
    for as_of in (AS_OF + timedelta(days=40), START + timedelta(days=6)):
        with pytest.raises(WrongInputError, match="has reads on"):
            monitor(settings, lake, "nwrocu", "county_lines", as_of, None, SETTINGS, NOW)


def test_an_unknown_pattern_is_wrong_input(small: tuple[Settings, Lake]) -> None:
    settings, lake = small
    with pytest.raises(WrongInputError, match="pattern"):
        monitor(settings, lake, "nwrocu", "nothing", AS_OF, None, SETTINGS, NOW)
