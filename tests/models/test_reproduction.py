from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import RefusedError, WrongInputError
from models.pipeline import TrainingOutputs
from models.registry import Registry
from models.reproduction import reproduce

MODEL = "county_lines.nwrocu"
# MLflow's own queries; hidden outside of tests.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


@pytest.fixture(scope="module")
def registry(world, trained: TrainingOutputs) -> Registry:  # type: ignore[no-untyped-def]
    registry = Registry(world.settings)
    registry.register(trained, "embedded:edda", datetime(2026, 3, 1, tzinfo=UTC))
    return registry


@pytest.fixture
def part(world, tmp_path: Path) -> Iterator[Path]:  # type: ignore[no-untyped-def]
    path = world.lake.root / world.inputs.reads[0].path
    shutil.copy(path, tmp_path / "kept")
    yield path
    shutil.copy(tmp_path / "kept", path)


def test_a_version_comes_out_the_same_from_its_record(world, registry: Registry) -> None:  # type: ignore[no-untyped-def]
    told: list[str] = []
    made = reproduce(world.settings, world.lake, registry, MODEL, "1", told.append)
    assert made.same
    assert made.snapshot_same
    assert made.actual_sha256 == made.expected_sha256
    assert made.lightgbm_then == made.lightgbm_now
    assert "train" in told
    assert not list((world.settings.root / "workspaces" / "rocu=nwrocu").glob("reproduce-*"))


def test_a_changed_part_is_refused_by_name(world, registry: Registry, part: Path) -> None:  # type: ignore[no-untyped-def]
    part.write_bytes(part.read_bytes() + b" ")
    with pytest.raises(RefusedError, match=f"{part.name} has changed"):
        reproduce(world.settings, world.lake, registry, MODEL, "1")


def test_a_missing_part_is_refused_by_name(world, registry: Registry, part: Path) -> None:  # type: ignore[no-untyped-def]
    part.unlink()
    with pytest.raises(RefusedError, match=f"{part.name} is missing"):
        reproduce(world.settings, world.lake, registry, MODEL, "1")


def test_a_version_that_is_not_there_is_wrong_input(world, registry: Registry) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WrongInputError, match="version 7"):
        reproduce(world.settings, world.lake, registry, MODEL, "7")
