"""What a kill left of files that were to be placed: told once it is old enough, or at once by who holds the lock."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.lake import Lake, Layer, half_placed, remove_half_placed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def left(lake: Lake, layer: Layer, age: timedelta, rocu: str = "nwrocu") -> Path:
    path = lake.folder(layer, rocu) / "date=2026-11-19" / f".{age.days}.parquet.0badcafe.partial"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))
    return path


def test_what_somebody_may_be_at_work_on_is_not_told(lake: Lake) -> None:
    left(lake, "scores", timedelta(hours=23))
    old = left(lake, "scores", timedelta(hours=25))
    left(lake, "scores", timedelta(days=9), rocu="yhrocu")
    (old.parent / "scores.parquet").touch()
    assert half_placed(lake, "nwrocu", DAY, NOW) == (old,)


def test_what_is_under_a_lock_that_the_caller_holds_is_told_at_any_age(lake: Lake) -> None:
    left(lake, "scores", timedelta(0))
    fresh = left(lake, "reads", timedelta(0))
    assert half_placed(lake, "nwrocu", DAY, NOW, held=("reads",)) == (fresh,)


def test_lists_in_shadow_are_left_for_the_run_that_finishes_them(lake: Lake) -> None:
    left(lake, "shadow_scores", timedelta(days=30))
    assert half_placed(lake, "nwrocu", DAY, NOW) == ()


def test_files_and_folders_are_removed_and_what_is_gone_is_gone(lake: Lake) -> None:
    file, whole = left(lake, "scores", timedelta(days=2)), lake.folder("scores", "nwrocu") / "scores.parquet"
    folder = lake.folder("days", "nwrocu") / ".share=1.0badcafe.partial"
    folder.mkdir(parents=True)
    (folder / "visits.parquet").touch()
    whole.touch()
    remove_half_placed((file, folder, file.with_name("another")))
    assert [path for path in lake.root.rglob("*") if path.is_file()] == [whole]
    assert not folder.exists()
