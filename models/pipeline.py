"""Runs the stages of `dvc.yaml` with DVC, each run in a workspace of its own. The only module that knows DVC.

DVC locks a workspace, so there is never more than one run in one. A run that was stopped goes on where it was when it
is called again with the same workspace. The workspace's snapshot is the only file in it that holds rows; nothing of it
gets into a cache. Does not belong here: what the stages do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.errors import FaultError, FindProfileError, RefusedError, WrongInputError
from infra.lake import Lake, exclusive, file_sha256, write_text
from infra.settings import Settings
from models import stages
from models.code_state import ROOT, CodeState, code_state
from models.evaluation import Evaluation
from models.inputs import TrainingInputs
from models.plots import PLOTS
from models.snapshot import SnapshotRecord
from models.training import TrainingRecord, text_sha256

OnProgress = Callable[[str], None]
_ERRORS: dict[int, type[FindProfileError]] = {1: RefusedError, 2: WrongInputError, 3: FaultError}
_RUNNING = re.compile(r"^Running stage '(\w+)@")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b")
_NO_NEWS = (
    "ERROR: failed to reproduce",
    "> ",
    "Stage ",
    "Updating lock",
    "Generating lock",
    "Use `dvc",
    "To track",
    "nanobind",
)
_CONFIG = "[core]\n    no_scm = True\n    analytics = false\n    check_update = false\n"


@dataclass(frozen=True)
class TrainingOutputs:
    """What a run left in its workspace.

    Args:
        folder: Where the stages wrote.
        plots: The evaluation's pictures.
        seconds: How long each stage took.
    """

    inputs: TrainingInputs
    code: CodeState
    folder: Path
    snapshot: SnapshotRecord
    model_text: str
    training: TrainingRecord
    evaluation: Evaluation
    plots: tuple[Path, ...]
    dvc_lock: Path
    seconds: dict[str, float]

    @property
    def snapshot_path(self) -> Path:
        """The snapshot's Parquet file: rows about vehicles, under the retention limit."""
        return self.folder / stages.SNAPSHOT


def workspace_for(settings: Settings, inputs: TrainingInputs, code: CodeState) -> Path:
    """The workspace of these inputs and this code: the same ones come back to the same place."""
    name = f"{inputs.as_of.isoformat()}-{inputs.digest[:12]}-{code.source_digest[:8]}"
    return settings.root / "workspaces" / f"rocu={inputs.rocu}" / name


def run_training(
    settings: Settings,
    lake: Lake,
    inputs: TrainingInputs,
    workspace: Path,
    on_progress: OnProgress | None = None,
    tell: OnProgress | None = None,
) -> TrainingOutputs:
    """Run all stages up to the evaluation.

    Args:
        settings: Home, threads and memory for the stages.
        lake: Must be the lake of the settings, where the stages look for the pinned parts.
        inputs: What to train from.
        workspace: An own folder; one from a stopped run is continued.
        on_progress: Is told of each stage and each window.
        tell: Is told of what is kept of a day and was changed by hand; `on_progress` without.

    Raises:
        RefusedError: A stage refused: changed parts, too few positives, all one label.
        WrongInputError: A stage found wrong input.
        FaultError: A stage broke off, or another run is in this workspace.
    """
    if lake.root.resolve() != settings.lake:
        raise FaultError("The stages would read another lake than the caller.", "Use the lake of the settings.")
    workspace = workspace.resolve()
    with exclusive(workspace.with_name(f"{workspace.name}.lock"), f"training {inputs.model}"):
        finished = _finished(workspace, inputs)
        if finished is not None:
            return finished
        folder = _prepare(settings, inputs, workspace)
        shown = on_progress or (lambda line: None)
        _repro(settings, inputs, workspace, folder, _Told(shown, tell or shown))
        return read_outputs(workspace, inputs.rocu)


def remove_workspace(workspace: Path) -> None:
    """Remove a workspace with every copy of rows in it."""
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.with_name(f"{workspace.name}.lock").unlink(missing_ok=True)


def read_outputs(workspace: Path, rocu: str) -> TrainingOutputs:
    """Read what a finished run left.

    Raises:
        FaultError: The run did not finish.
    """
    folder = workspace / "training" / rocu
    try:
        return TrainingOutputs(
            inputs=TrainingInputs.model_validate_json((folder / stages.INPUTS).read_bytes()),
            code=CodeState.model_validate_json((workspace / "code_state.json").read_bytes()),
            folder=folder,
            snapshot=SnapshotRecord.model_validate_json((folder / stages.SNAPSHOT_RECORD).read_bytes()),
            model_text=(folder / stages.MODEL).read_text(encoding="utf-8"),
            training=TrainingRecord.model_validate_json((folder / stages.TRAINING_RECORD).read_bytes()),
            evaluation=Evaluation.model_validate_json((folder / stages.EVALUATION).read_bytes()),
            plots=tuple(sorted((folder / stages.PLOTS).glob("*.svg"))),
            dvc_lock=workspace / "dvc.lock",
            seconds=json.loads((folder / stages.SECONDS).read_text(encoding="utf-8")),
        )
    except FileNotFoundError as error:
        raise FaultError(
            f"The training run in {workspace.name} did not finish.", "Run the same command again."
        ) from error


def _finished(workspace: Path, inputs: TrainingInputs) -> TrainingOutputs | None:
    """What lies there already, if it was made from these inputs by this code and is whole; saves asking DVC."""
    try:
        outputs = read_outputs(workspace, inputs.rocu)
    except (FaultError, ValueError):
        return None
    whole = (
        outputs.inputs == inputs
        and outputs.code.source_digest == code_state().source_digest
        and text_sha256(outputs.model_text) == outputs.training.text_sha256
        and outputs.evaluation.model_sha256 == outputs.training.text_sha256
        and outputs.snapshot_path.is_file()
        and file_sha256(outputs.snapshot_path) == outputs.snapshot.sha256
        and len(outputs.plots) == len(PLOTS)
    )
    return outputs if whole else None


def _prepare(settings: Settings, inputs: TrainingInputs, workspace: Path) -> Path:
    folder = workspace / "training" / inputs.rocu
    (workspace / ".dvc").mkdir(parents=True, exist_ok=True)
    pipeline = ROOT / "dvc.yaml"
    if not pipeline.is_file():
        raise FaultError("dvc.yaml is not beside the packages.", "Install the product from its checkout (make demo).")
    (workspace / ".dvc" / "config.local").unlink(missing_ok=True)
    write_text(workspace / ".dvc" / "config", f"{_CONFIG}    site_cache_dir = {workspace / '.dvc' / 'site'}\n")
    write_text(workspace / "dvc.yaml", pipeline.read_text(encoding="utf-8"))
    write_text(workspace / "pinned.json", inputs.to_json())
    write_text(workspace / "params.yaml", yaml.safe_dump(_params(settings, inputs), sort_keys=True))
    state = code_state().model_dump_json() + "\n"
    if state != _text_or_none(workspace / "code_state.json"):
        # What other code left must not pass for a finished run of this one.
        (folder / stages.EVALUATION).unlink(missing_ok=True)
        write_text(workspace / "code_state.json", state)
    (folder / stages.FAILURE).unlink(missing_ok=True)
    return folder


def _text_or_none(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _params(settings: Settings, inputs: TrainingInputs) -> dict[str, object]:
    return {
        "home": str(settings.root),
        "out": "training",
        "python": "python",
        "pinned": "pinned.json",
        "rocus": [inputs.rocu],
        "pattern": inputs.pattern,
        "as_of": inputs.as_of.isoformat(),
        "capacity": inputs.capacity,
        "pattern_settings": inputs.pattern_settings,
        "training": inputs.training.model_dump(mode="json"),
        "threads": settings.threads,
        "memory_limit": settings.memory_limit,
        "engine": settings.engine,
        "spark_master": settings.spark_master,
        "spark_config": settings.spark_config,
        "windows_by_day": settings.windows_by_day,
    }


@dataclass(frozen=True)
class _Told:
    """Who hears what the stages say."""

    on_progress: OnProgress
    tell: OnProgress


def _repro(settings: Settings, inputs: TrainingInputs, workspace: Path, folder: Path, told: _Told) -> None:
    # nothing that lies in the workspace is ever imported: who can write there has no keys
    command = [sys.executable, "-P", "-m", "dvc", "repro", f"evaluate@{inputs.rocu}"]
    with subprocess.Popen(
        command,
        cwd=workspace,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            stage, last = _follow(process.stdout or (), told)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode != 0:
        raise _failure(folder / stages.FAILURE, stage, last)


def _follow(lines: Iterable[str], told: _Told) -> tuple[str, str]:
    stage, last, raised = "start", "no message", ""
    for line in lines:
        running = _RUNNING.match(line)
        if running:
            stage = running.group(1)
            told.on_progress(stage)
        elif line.startswith("window to "):
            told.on_progress(f"{stage}: {line.strip()}")
        elif line.startswith(stages.TOLD):
            told.tell(line.removeprefix(stages.TOLD).strip())
        elif line.strip() and not line.startswith(_NO_NEWS):
            last = line.strip()
            raised = last if _RAISED.match(line) else raised
    return stage, raised or last


def _environment(settings: Settings) -> dict[str, str]:
    # Closed: no token and no FINDPROFILE_… of the caller reaches a stage; HOME is for font caches and such.
    own = settings.root / "tools"
    own.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(own),
        "MPLCONFIGDIR": str(own / "matplotlib"),
        "LANG": "C.UTF-8",
        "DVC_NO_ANALYTICS": "1",
        "PYTHONSAFEPATH": "1",
    }


def _failure(failure: Path, stage: str, last: str) -> FindProfileError:
    if failure.is_file():
        said = json.loads(failure.read_text(encoding="utf-8"))
        return _ERRORS[said["exit_code"]](said["reason"], said["instruction"])
    return FaultError(
        f"Training broke off in stage {stage}: {last}", "Run the same command again; it goes on at that stage."
    )
