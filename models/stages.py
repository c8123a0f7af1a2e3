"""The stages of training as DVC runs them: `python -m models.stages <stage> --rocu R`, beside a `params.yaml`.

Each stage reads files, calls one pure part and writes files. A refusal leaves `failure.json` and the error's exit code,
so that whoever ran the pipeline can say the same. Does not belong here: any rule about labels, fitting or figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from infra.errors import FindProfileError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings
from infra.strict_yaml import NOT_YAML
from models.code_state import code_state
from models.inputs import TrainingInputs, pin_inputs, read_findings, require_unchanged, window_parts
from models.training_settings import TrainingSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from models.snapshot import SnapshotRecord

INPUTS = "inputs.json"
CODE = "code.json"
SNAPSHOT = "snapshot.parquet"
SNAPSHOT_RECORD = "snapshot.json"
MODEL = "model.txt"
TRAINING_RECORD = "training.json"
EVALUATION = "evaluation.json"
PLOTS = "plots"
FAILURE = "failure.json"
SECONDS = "seconds.json"

# begins a line that is not about progress: whoever runs the stages tells it, and the audit log has it
TOLD = "told: "


class StageParams(BaseModel):
    """`params.yaml`: where things are, and what to pin when the inputs are not pinned already (`pinned`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    out: Path
    python: str
    pinned: str
    rocus: tuple[str, ...]
    pattern: str
    as_of: date
    capacity: int
    pattern_settings: dict[str, Any]
    training: TrainingSettings
    threads: int = 2
    memory_limit: str = "3GB"
    engine: Literal["duckdb", "spark"] = "duckdb"
    spark_master: str | None = None
    spark_config: dict[str, str] = {}
    windows_by_day: bool = False


@dataclass(frozen=True)
class _Stage:
    """One stage's surroundings."""

    params: StageParams
    rocu: str
    folder: Path

    @property
    def settings(self) -> Settings:
        own = self.params
        return Settings(
            home=own.home,
            threads=own.threads,
            memory_limit=own.memory_limit,
            engine=own.engine,
            spark_master=own.spark_master,
            spark_config=own.spark_config,
            windows_by_day=own.windows_by_day,
        )

    def inputs(self) -> TrainingInputs:
        return TrainingInputs.model_validate_json((self.folder / INPUTS).read_bytes())

    def snapshot(self) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / SNAPSHOT)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


def _pin(stage: _Stage) -> None:
    stage.write(CODE, json.dumps({"source_digest": code_state().source_digest}) + "\n")
    if stage.params.pinned:
        stage.write(INPUTS, Path(stage.params.pinned).read_text(encoding="utf-8"))
        return
    from models.patterns import get_pattern

    settings_type = get_pattern(stage.params.pattern).settings_type
    try:
        pattern_settings = settings_type.model_validate(stage.params.pattern_settings)
    except ValidationError as error:
        raise _wrong_params(error, "pattern_settings.") from None
    inputs = pin_inputs(
        Lake(stage.settings.lake),
        stage.rocu,
        stage.params.pattern,
        stage.params.as_of,
        pattern_settings,
        stage.params.training,
        stage.params.capacity,
        policy_digest="params.yaml",
    )
    stage.write(INPUTS, inputs.to_json())


def _snapshot(stage: _Stage) -> None:
    target, told = stage.folder / SNAPSHOT, lambda what: _say(TOLD + what)
    record = make_snapshot(stage.settings, Lake(stage.settings.lake), stage.inputs(), target, _say, told)
    stage.write(SNAPSHOT_RECORD, record.model_dump_json(indent=1) + "\n")


def make_snapshot(
    settings: Settings,
    lake: Lake,
    inputs: TrainingInputs,
    target: Path,
    say: Callable[[str], None],
    tell: Callable[[str], None],
) -> SnapshotRecord:
    """Make the training snapshot of pinned inputs from the lake and nothing else.

    Args:
        settings: Engine, threads and memory.
        lake: Has the pinned parts.
        inputs: What to make it from.
        target: Where to write it.
        say: Is told of each window.
        tell: Is told of what is kept of a day and was changed by hand.

    Raises:
        RefusedError: Pinned parts are missing or changed, or there are too few findings.
    """
    import pyarrow as arrow

    from models.patterns import get_pattern
    from models.snapshot import assemble, write_snapshot
    from models.window_engines import open_windows

    require_unchanged(lake, inputs)
    pattern = get_pattern(inputs.pattern)
    pattern_settings = pattern.settings_type.model_validate(inputs.pattern_settings)
    days = int(inputs.pattern_settings["window_days"])

    def build(window_end: date) -> pa.Table:
        say(f"window to {window_end.isoformat()}")
        parts = window_parts(inputs.reads, window_end, days)
        windows = windows_of(lake, parts, window_end, pattern, pattern_settings)
        return windows.append_column("baseline", arrow.array(pattern.baseline(windows)))

    with open_windows(settings, inputs.rocu, tell=tell) as windows_of:
        decisions = read_findings(lake, inputs.dispositions, pattern.unit)
        table, counts = assemble(
            inputs.window_ends, build, decisions, inputs.as_of, pattern.feature_names, days, inputs.training
        )
    return write_snapshot(table, counts, target)


def _train(stage: _Stage) -> None:
    from models.snapshot import SnapshotRecord, rows_of
    from models.training import train_model

    features = SnapshotRecord.model_validate_json((stage.folder / SNAPSHOT_RECORD).read_bytes()).features
    text, record = train_model(rows_of(stage.snapshot(), "train"), features, stage.inputs().training)
    stage.write(MODEL, text)
    stage.write(TRAINING_RECORD, record.model_dump_json(indent=1) + "\n")


def _evaluate(stage: _Stage) -> None:
    from models.evaluation import evaluate_model
    from models.plots import draw_plots

    inputs, snapshot = stage.inputs(), stage.snapshot()
    text = (stage.folder / MODEL).read_text(encoding="utf-8")
    evaluation = evaluate_model(text, snapshot, inputs.capacity, inputs.training)
    stage.write(EVALUATION, evaluation.model_dump_json(indent=1) + "\n")
    draw_plots(text, snapshot, inputs.capacity, stage.folder / PLOTS)


STAGES: dict[str, Callable[[_Stage], None]] = {
    "pin": _pin,
    "snapshot": _snapshot,
    "train": _train,
    "evaluate": _evaluate,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one stage in the current folder; the exit code is that of the error, 0 without one."""
    parser = argparse.ArgumentParser(prog="python -m models.stages", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--rocu", required=True)
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    folder = Path()
    try:
        params = _params(Path("params.yaml"))
        folder = params.out / chosen.rocu
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILURE).unlink(missing_ok=True)
        STAGES[chosen.stage](_Stage(params, chosen.rocu, folder))
    except FindProfileError as error:
        failure = {
            "stage": chosen.stage,
            "exit_code": error.exit_code,
            "reason": error.reason,
            "instruction": error.instruction,
        }
        (folder / FAILURE).write_text(json.dumps(failure, indent=1) + "\n", encoding="utf-8")
        sys.stderr.write(f"{error.reason} {error.instruction}\n")
        return error.exit_code
    _keep_seconds(folder / SECONDS, chosen.stage, time.monotonic() - started)
    return 0


def _params(path: Path) -> StageParams:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, *NOT_YAML) as error:
        raise WrongInputError(f"params.yaml cannot be read: {error}.", "Restore it from the repository.") from None
    try:
        return StageParams.model_validate(content)
    except ValidationError as error:
        raise _wrong_params(error) from None


def _wrong_params(error: ValidationError, prefix: str = "") -> WrongInputError:
    first = error.errors()[0]
    name = prefix + ".".join(map(str, first["loc"])) or "file"
    return WrongInputError(f"params.yaml: {name}: {first['msg']}.", f"Correct {name} in params.yaml.")


def _keep_seconds(path: Path, stage: str, seconds: float) -> None:
    kept: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(kept | {stage: round(seconds, 2)}, indent=1) + "\n", encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Absent(MetaPathFinder):
    """Says that some libraries are not installed.

    LightGBM and PyArrow import them when they find them, for interfaces that no stage uses; without them LightGBM is
    there in 0.4 s of processor time, not 2.0. The process runs one stage and ends, so nobody else misses them.
    """

    _names = frozenset({"sklearn", "pandas", "dask"})

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


if __name__ == "__main__":
    if sys.argv[1:2] != ["snapshot"]:
        sys.meta_path.insert(0, _Absent())
    sys.exit(main())
