"""All trials of one training run, except parity, which is checked when somebody asks for the model to serve.

Reads the pinned parts, the snapshot and the model of the run, and nothing else, so the same run gives the same results.
Does not belong here: how a trial works, what its result must be.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.registers.cameras import require_register_content
from infra.lake import Lake
from infra.settings import Settings
from models.assurance.altered_reads import WindowReads, window_reads
from models.assurance.bases import base_table
from models.assurance.fairness import density_bands, measure_fairness
from models.assurance.leakage import look_for_leakage
from models.assurance.ranking import WindowRows
from models.assurance.results import Assurance, Fairness
from models.assurance.robustness import try_faults
from models.assurance.thinning import thin_cameras
from models.evaluation import holdout_scores
from models.features.settings import PatternSettings
from models.inputs import TrainingInputs, window_parts
from models.metrics import Floats
from models.patterns import Pattern, get_pattern
from models.pipeline import TrainingOutputs
from models.scoring import score_windows
from models.snapshot import rows_of, to_judge
from models.stability import measure_stability
from models.units import units_of
from models.window_engines import WindowMaker, open_windows

ATTRIBUTES = ("force", "camera_density", "area_group")
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class _Run:
    """One training run with everything that the trials look at."""

    process: Settings
    connection: duckdb.DuckDBPyConnection
    windows_of: WindowMaker
    lake: Lake
    inputs: TrainingInputs
    pattern: Pattern
    settings: PatternSettings
    snapshot: pa.Table
    holdout: pa.Table
    scores: Floats
    model_text: str
    k: int

    @property
    def register(self) -> Path | None:
        """The file of the register, if the lake has it still; its rows have the digest that the inputs say."""
        digest = self.inputs.register_digest
        path = self.lake.folder("registers", self.inputs.rocu) / f"{digest}.parquet"
        if digest is None or not path.is_file():
            return None
        require_register_content(path, digest)
        return path

    def reads(self, end: date) -> AbstractContextManager[WindowReads]:
        parts = window_parts(self.inputs.reads, end, self.settings.window_days)
        return window_reads(
            self.process,
            self.connection,
            self.windows_of,
            self.lake,
            self.inputs.rocu,
            parts,
            self.pattern,
            self.settings,
            end,
        )

    def score(self, windows: pa.Table) -> pa.Table:
        return score_windows(self.model_text, windows, self.pattern, self.settings, 0)

    def rows(self, end: date) -> tuple[pa.Table, WindowRows]:
        """The hold-out rows of one window, as the snapshot has them and as arrays."""
        kept = pc.equal(self.holdout.column("window_end"), pa.scalar(end, pa.date32()))
        rows = self.holdout.filter(kept)
        return rows, WindowRows(
            keys=np.array(rows.column("vehicle").to_pylist(), dtype=np.str_),
            labels=rows.column("label").to_numpy().astype(np.int64),
            judged=to_judge(rows),
            scores=self.scores[kept.to_numpy()],
            k=self.k,
        )


def run_trials(
    settings: Settings, lake: Lake, outputs: TrainingOutputs, on_progress: OnProgress, tell: OnProgress | None = None
) -> Assurance:
    """Try a training run: other seeds, leakage, fairness, fewer cameras, faults.

    Args:
        settings: Threads and memory.
        lake: Holds the parts that the run's inputs pin, and the camera register.
        outputs: Of the run.
        on_progress: Is told of each trial.
        tell: Told of what is kept of a day and was changed by hand.

    Raises:
        FaultError: A pinned part is gone.
    """
    from infra.engine import open_engine

    rocu = outputs.inputs.rocu
    with open_engine(settings) as connection, open_windows(settings, rocu, connection, tell) as windows_of:
        run = _opened(settings, connection, windows_of, lake, outputs)
        fairness, bases = _fairness(run, on_progress)
        on_progress("stability over seeds")
        stability = measure_stability(run.snapshot, outputs.snapshot.features, run.k, run.inputs.training)
        end = _trial_window(run)
        table, rows = run.rows(end)
        seed = run.inputs.training.seed
        with run.reads(end) as reads:
            on_progress(f"leakage, on the window to {end}")
            leakage = look_for_leakage(run.snapshot, table, outputs.snapshot.features, run.inputs.training, reads)
            on_progress("ranks with half the cameras of the densest area")
            cells = _of_bases(rows.keys.tolist(), bases[end], "cell")
            thinning = thin_cameras(reads, rows, cells, bases[end], run.score, seed)
            on_progress("misreads, clones, an outage, wrong clocks")
            robustness = try_faults(reads, rows, run.score, seed)
    return Assurance(
        model_sha256=outputs.training.text_sha256,
        snapshot_sha256=outputs.snapshot.sha256,
        source_digest=outputs.code.source_digest,
        leakage=leakage,
        fairness=fairness,
        thinning=thinning,
        robustness=robustness,
        stability=stability,
    )


def _opened(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    windows_of: WindowMaker,
    lake: Lake,
    outputs: TrainingOutputs,
) -> _Run:
    import pyarrow.parquet as pq

    pattern = get_pattern(outputs.inputs.pattern)
    snapshot = pq.ParquetFile(outputs.snapshot_path).read()
    return _Run(
        process=settings,
        connection=connection,
        windows_of=windows_of,
        lake=lake,
        inputs=outputs.inputs,
        pattern=pattern,
        settings=pattern.settings_type.model_validate(outputs.inputs.pattern_settings),
        snapshot=snapshot,
        holdout=rows_of(snapshot, "holdout"),
        scores=holdout_scores(outputs.model_text, snapshot),
        model_text=outputs.model_text,
        k=outputs.evaluation.k,
    )


def _ends(run: _Run) -> tuple[date, ...]:
    return tuple(sorted(set(run.holdout.column("window_end").to_pylist())))


def _trial_window(run: _Run) -> date:
    """The hold-out window with most confirmed rows, where figures say most; of equal ones the latest."""
    return max(_ends(run), key=lambda end: (int(run.rows(end)[1].labels.sum()), end))


def _fairness(run: _Run, on_progress: OnProgress) -> tuple[Fairness, dict[date, pa.Table]]:
    """Fairness over all hold-out windows; and where vehicles are based, window by window."""
    bases: dict[date, pa.Table] = {}
    confirmed, selected = [], []
    groups: dict[str, list[str | None]] = {"force": [], "area_group": []}
    cameras: list[int | None] = []
    for end in _ends(run):
        on_progress(f"fairness, on the window to {end}")
        with run.reads(end) as reads:
            bases[end] = base_table(reads, run.register)
        rows = run.rows(end)[1].to_decide()
        confirmed.append(rows.labels == 1)
        selected.append(rows.selected(rows.scores))
        keys = rows.keys.tolist()
        for name, found in groups.items():
            found += _of_bases(keys, bases[end], name)
        cameras += _of_bases(keys, bases[end], "cameras")
    named = {"force": groups["force"], "camera_density": density_bands(cameras), "area_group": groups["area_group"]}
    return measure_fairness(np.concatenate(confirmed), np.concatenate(selected), named, run.k, _ends(run)), bases


def _of_bases(keys: list[str], bases: pa.Table, column: str) -> list[Any]:
    """What is known of each row's base; a pair counts where its first vehicle does, for one row has one group."""
    known = dict(zip(bases.column("vehicle").to_pylist(), bases.column(column).to_pylist(), strict=True))
    return [known.get(units_of(key)[0]) for key in keys]
