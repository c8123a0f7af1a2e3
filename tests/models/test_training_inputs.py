from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.errors import RefusedError
from infra.lake import Lake
from models.inputs import TrainingInputs, pin_inputs, read_findings, require_unchanged, window_parts
from models.patterns import get_pattern
from models.training_settings import TrainingSettings

PATTERN_SETTINGS = get_pattern("county_lines").settings_type(window_days=14)


def pin(lake: Lake, as_of: date, **training: Any) -> TrainingInputs:
    settings = TrainingSettings(**training)
    return pin_inputs(lake, "nwrocu", "county_lines", as_of, PATTERN_SETTINGS, settings, 5, "p")


def test_pinning_takes_the_decided_window_ends_and_the_parts_of_their_windows(world) -> None:  # type: ignore[no-untyped-def]
    inputs = pin(world.lake, world.inputs.as_of)
    assert inputs.window_ends == world.inputs.window_ends
    assert inputs.reads == world.inputs.reads
    assert inputs.dispositions == world.inputs.dispositions
    assert inputs.contract_versions == ("1.0.0",)
    assert inputs.model == "county_lines.nwrocu"


def test_only_what_was_decided_by_the_day_counts(world) -> None:  # type: ignore[no-untyped-def]
    ends = world.inputs.window_ends
    assert pin(world.lake, ends[1] + timedelta(days=5)).window_ends == ends[:2]
    assert pin(world.lake, ends[2] + timedelta(days=4)).window_ends == ends[:2]


def test_only_the_latest_window_ends_and_their_days_are_taken(world) -> None:  # type: ignore[no-untyped-def]
    inputs = pin(world.lake, world.inputs.as_of, latest_window_ends=2)
    assert inputs.window_ends == world.inputs.window_ends[-2:]
    assert min(part.date for part in inputs.reads if part.date) == inputs.window_ends[0] - timedelta(days=13)


def test_the_same_lake_gives_the_same_digest_and_any_setting_another(world) -> None:  # type: ignore[no-untyped-def]
    inputs = pin(world.lake, world.inputs.as_of)
    assert inputs.digest == pin(world.lake, world.inputs.as_of).digest
    assert inputs.digest != pin(world.lake, world.inputs.as_of, trees=41).digest
    assert TrainingInputs.model_validate_json(inputs.to_json()).digest == inputs.digest


def test_a_day_before_any_decision_is_refused(world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RefusedError, match="nwrocu has no findings about a vehicle decided by 2025-12-01"):
        pin(world.lake, date(2025, 12, 1))


def test_one_window_is_no_split_and_is_refused(world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RefusedError, match="findings about one window only") as caught:
        pin(world.lake, world.inputs.window_ends[0] + timedelta(days=5))
    assert "an earlier or a later window" in caught.value.instruction


def test_windows_without_reads_are_not_used(world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bare = Lake(tmp_path)
    source = world.lake.folder("dispositions", "nwrocu")
    target = bare.folder("dispositions", "nwrocu")
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    with pytest.raises(RefusedError, match="0 reviewed windows with enough reads") as caught:
        pin(bare, world.inputs.as_of)
    assert "training.min_window_cover" in caught.value.instruction


def test_the_parts_of_a_window_are_those_of_its_days(world) -> None:  # type: ignore[no-untyped-def]
    end = world.inputs.window_ends[1]
    days = [part.date for part in window_parts(world.inputs.reads, end, 14)]
    assert days == [end - timedelta(days=back) for back in reversed(range(14))]


def test_findings_come_back_with_their_zone(world) -> None:  # type: ignore[no-untyped-def]
    findings = read_findings(world.lake, world.inputs.dispositions)
    assert len(findings) == sum(part.rows for part in world.inputs.dispositions)
    assert all(finding.decided_at.tzinfo is not None for finding in findings)


def test_parts_as_pinned_pass_and_missing_ones_are_named(world) -> None:  # type: ignore[no-untyped-def]
    require_unchanged(world.lake, world.inputs)
    gone = world.inputs.reads[0].model_copy(update={"path": "reads/rocu=nwrocu/date=2026-01-05/gone.parquet"})
    with pytest.raises(RefusedError, match=r"gone\.parquet is missing"):
        require_unchanged(world.lake, world.inputs.model_copy(update={"reads": (gone,)}))
