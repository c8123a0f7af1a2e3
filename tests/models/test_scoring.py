from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake
from models.patterns import Pattern, get_pattern
from models.scoring import Provenance, read_scores, score_windows, scores_file, write_scores
from models.training import feature_matrix, load_booster, train_model
from models.training_settings import TrainingSettings

DAY = date(2026, 2, 1)
NOW = datetime(2026, 2, 2, 6, tzinfo=UTC)
PATTERN: Pattern = get_pattern("county_lines")
PATTERN_SETTINGS = PATTERN.settings_type()


def make_windows(rows: int = 60) -> pa.Table:
    generator = np.random.default_rng(1)
    columns = {name: generator.integers(0, 9, rows).astype(np.float64) for name in PATTERN.feature_names}
    vehicles = pa.array([f"v{number:03d}" for number in reversed(range(rows))], pa.string())
    return pa.table({"vehicle": vehicles, "window_end": pa.array([DAY] * rows, pa.date32())} | columns)


@pytest.fixture(scope="module")
def model() -> str:
    windows = make_windows()
    labels = (windows.column("quick_trips").to_numpy() > 6).astype(np.int8)
    rows = windows.append_column("label", pa.array(labels)).append_column("weight", pa.array(np.ones(60)))
    return train_model(rows, PATTERN.feature_names, TrainingSettings(trees=20))[0]


def provenance(run_id: str = "run-1") -> Provenance:
    return Provenance(
        model="county_lines.nwrocu",
        version="3",
        model_sha256="a" * 64,
        contract_version="1.0.0",
        data_digest="b" * 64,
        commit="c" * 40,
        run_id=run_id,
        rocu="nwrocu",
        pattern="county_lines",
        window_end=DAY,
    )


def test_every_vehicle_is_scored_and_ranked_and_the_score_is_the_models(model: str) -> None:
    windows = make_windows()
    scored = score_windows(model, windows, PATTERN, PATTERN_SETTINGS, 5)
    assert scored.column("rank").to_pylist() == list(range(1, 61))
    scores = scored.column("score").to_pylist()
    assert scores == sorted(scores, reverse=True)
    predicted = load_booster(model).predict(feature_matrix(windows, PATTERN.feature_names))
    expected = dict(zip(windows.column("vehicle").to_pylist(), np.asarray(predicted).tolist(), strict=True))
    assert dict(zip(scored.column("vehicle").to_pylist(), scores, strict=True)) == expected


def test_equal_scores_rank_by_vehicle_whatever_the_order_of_rows(model: str) -> None:
    windows = make_windows()
    same = windows.take(pa.array([7] * 6)).set_column(0, "vehicle", pa.array(list("dacfbe")))
    scored = score_windows(model, same, PATTERN, PATTERN_SETTINGS, 2)
    assert scored.column("vehicle").to_pylist() == list("abcdef")


def test_only_the_first_rows_get_reasons(model: str) -> None:
    reasons = score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, 4).column("reasons").to_pylist()
    assert all(reasons[:4])
    assert not any(reasons[4:])


@pytest.mark.parametrize("top", [0, 1000])
def test_no_reasons_and_reasons_for_all_both_work(model: str, top: int) -> None:
    assert score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, top).num_rows == 60


def test_a_window_without_vehicles_gives_an_empty_list(model: str, tmp_path: Path) -> None:
    scored = score_windows(model, make_windows(0), PATTERN, PATTERN_SETTINGS, 5)
    write_scores(Lake(tmp_path), scored, provenance(), NOW)
    assert read_scores(Lake(tmp_path), "nwrocu", "county_lines", DAY).num_rows == 0


def test_windows_without_a_feature_of_the_model_are_refused(model: str) -> None:
    with pytest.raises(RefusedError, match="quick_trips"):
        score_windows(model, make_windows().drop_columns(["quick_trips"]), PATTERN, PATTERN_SETTINGS, 5)


def test_every_row_carries_all_that_made_it(model: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    content = write_scores(lake, score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, 5), provenance(), NOW)
    path = scores_file(lake, provenance())
    assert path.read_bytes() == content
    assert lake.relative(path) == ("scores/rocu=nwrocu/pattern=county_lines/as_of=2026-02-01/run=run-1/scores.parquet")
    for row in read_scores(lake, "nwrocu", "county_lines", DAY).to_pylist():
        assert {name: row[name] for name in vars(provenance())} == vars(provenance())


def test_the_latest_run_of_a_day_is_read_whatever_its_name(model: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    scored = score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, 5)
    write_scores(lake, scored, provenance("a"), NOW + timedelta(hours=1))
    write_scores(lake, scored, provenance("b"), NOW)
    assert set(read_scores(lake, "nwrocu", "county_lines", DAY).column("run_id").to_pylist()) == {"a"}


def test_writing_a_run_again_changes_nothing(model: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    scored = score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, 5)
    first = write_scores(lake, scored, provenance(), NOW)
    assert write_scores(lake, scored, provenance(), NOW) == first


def test_a_day_without_scores_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="no county_lines scores of nwrocu as of 2026-02-01"):
        read_scores(Lake(tmp_path), "nwrocu", "county_lines", DAY)


def test_a_damaged_file_is_a_fault(model: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_scores(lake, score_windows(model, make_windows(), PATTERN, PATTERN_SETTINGS, 5), provenance(), NOW)
    scores_file(lake, provenance()).write_bytes(b"PAR1 nothing")
    with pytest.raises(FaultError, match="cannot be read"):
        read_scores(lake, "nwrocu", "county_lines", DAY)
