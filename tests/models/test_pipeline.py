from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import Lake, exclusive, file_sha256
from infra.settings import Settings
from models import stages
from models.code_state import ROOT, code_state
from models.pipeline import TrainingOutputs, read_outputs, remove_workspace, run_training, workspace_for
from models.plots import PLOTS
from models.snapshot import rows_of
from models.training import text_sha256, train_model

STAGES = ["pin", "snapshot", "train", "evaluate"]


def test_a_run_leaves_the_model_its_figures_and_the_lock_of_every_stage(trained: TrainingOutputs) -> None:
    locked = yaml.safe_load(trained.dvc_lock.read_text())["stages"]
    assert list(locked) == [f"{stage}@nwrocu" for stage in STAGES]
    assert [path.stem for path in trained.plots] == sorted(PLOTS)
    assert set(trained.seconds) == set(STAGES)
    assert trained.training.text_sha256 == text_sha256(trained.model_text)
    assert trained.snapshot.sha256 == file_sha256(trained.snapshot_path)


def test_the_model_is_the_fit_of_the_snapshot(trained: TrainingOutputs) -> None:
    rows = rows_of(pq.ParquetFile(trained.snapshot_path).read(), "train")
    text, record = train_model(rows, trained.snapshot.features, trained.inputs.training)
    assert text == trained.model_text
    assert record == trained.training


def test_vehicles_that_run_to_the_town_rank_first(trained: TrainingOutputs) -> None:
    precision = trained.evaluation.all_vehicles.model.precision_at_k.value
    assert precision is not None
    assert precision > 2 * (trained.evaluation.all_vehicles.base_rate.value or 1)


def test_the_cache_holds_no_rows(trained: TrainingOutputs) -> None:
    cached = [path for path in (trained.dvc_lock.parent / ".dvc").rglob("*") if path.is_file()]
    assert cached
    assert not [path for path in cached if path.read_bytes()[:4] == b"PAR1"]


def test_the_same_inputs_come_back_to_the_same_workspace(trained: TrainingOutputs, world) -> None:  # type: ignore[no-untyped-def]
    first = workspace_for(world.settings, world.inputs, trained.code)
    assert first == workspace_for(world.settings, world.inputs, trained.code)
    other = world.inputs.model_copy(update={"capacity": 6})
    assert first != workspace_for(world.settings, other, trained.code)
    assert "rocu=nwrocu" in first.parts


def test_a_finished_run_is_not_run_again(trained: TrainingOutputs, world) -> None:  # type: ignore[no-untyped-def]
    told: list[str] = []
    again = run_training(world.settings, world.lake, world.inputs, trained.dvc_lock.parent, told.append)
    if trained.code == code_state():
        assert told == []
    assert again.model_text == trained.model_text


def test_a_refusal_in_a_stage_comes_out_as_that_refusal_and_nothing_planted_beside_it_is_run(world) -> None:  # type: ignore[no-untyped-def]
    """Whoever can write into workspaces must not get code run that reads the keys."""
    greedy = world.inputs.training.model_copy(update={"min_holdout_positives": 50})
    inputs = world.inputs.model_copy(update={"training": greedy, "window_ends": world.inputs.window_ends[-2:]})
    workspace = world.settings.root / "workspaces" / "greedy"
    (workspace / ".dvc").mkdir(parents=True)
    planted = [workspace / f"{name}.py" for name in ("dvc", "yaml", "json", "sitecustomize")]
    for module in planted:
        module.write_text(f"open({str(workspace / 'ran')!r}, 'w').close()\nraise SystemExit(1)\n")
    (workspace / ".dvc" / "config.local").write_text("[core]\n    no_scm = nonsense\n")
    told: list[str] = []
    with pytest.raises(RefusedError, match="a hold-out needs 50") as caught:
        run_training(world.settings, world.lake, inputs, workspace, told.append)
    assert "training.min_holdout_positives" in caught.value.instruction
    assert told[:2] == ["pin", "snapshot"]
    assert told[2].startswith("snapshot: window to ")
    assert not (workspace / "ran").exists()
    with pytest.raises(FaultError, match="did not finish"):
        read_outputs(workspace, "nwrocu")
    remove_workspace(workspace)
    assert not workspace.exists()


def test_a_workspace_that_another_run_holds_is_a_fault(world) -> None:  # type: ignore[no-untyped-def]
    workspace = world.settings.root / "workspaces" / "held"
    with exclusive(workspace.with_name("held.lock"), "a test"), pytest.raises(FaultError, match="Another process"):
        run_training(world.settings, world.lake, world.inputs, workspace)


def test_another_lake_than_the_one_of_the_settings_is_a_fault(world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FaultError, match="another lake"):
        run_training(world.settings, Lake(tmp_path), world.inputs, tmp_path / "w")


def _params(folder: Path, **changed: object) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"out": "out", "home": "home"} | changed
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def _stage(folder: Path, stage: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models.stages", stage, "--rocu", "nwrocu"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"pattern": "nothing"}, WrongInputError.exit_code, "Unknown pattern 'nothing'"),
        ({"surprise": 1}, WrongInputError.exit_code, "surprise"),
        ({"training": {"trees": "many"}}, WrongInputError.exit_code, "training.trees"),
        ({"pattern_settings": {"surprise": 1}}, WrongInputError.exit_code, "pattern_settings"),
        ({}, RefusedError.exit_code, "no findings"),
    ],
)
def test_a_stage_on_its_own_leaves_with_the_code_of_its_error(
    tmp_path: Path, changed: dict[str, object], code: int, reason: str
) -> None:
    _params(tmp_path, **changed)
    done = _stage(tmp_path, "pin")
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_that_breaks_off_is_a_fault_with_its_last_line(trained: TrainingOutputs, world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(home=tmp_path)
    shutil.copytree(world.settings.lake, settings.lake)
    inputs = world.inputs.model_copy(update={"pattern_settings": {"window_days": 14, "surprise": 1}})
    with pytest.raises(FaultError, match=r"broke off in stage snapshot: .*ValidationError"):
        run_training(settings, Lake(settings.lake), inputs, tmp_path / "w")


def test_the_engineers_parameters_are_valid_and_name_the_known_regions() -> None:
    params = stages.StageParams.model_validate(yaml.safe_load((ROOT / "params.yaml").read_text()))
    assert "nwrocu" in params.rocus
    assert not params.pinned
