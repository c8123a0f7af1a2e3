"""The training snapshot: one table of windows with labels, weights and the split by time, as one Parquet file.

The latest window ends are the hold-out, with every vehicle that has a window there, as a list in service would have
them. A vehicle counts as the finding about that very window says, and as not confirmed when there is none: one about
another window would be borrowed from mostly the same reads, and leaving its vehicle out would make the list another.
`known` marks the vehicles that training had findings about: what a model is worth for new ones is measured on the
others. `already_confirmed` marks vehicles that were confirmed before the window ended and that nobody looked at again:
what they were doing in it is not known, and figures leave them out.

Older window ends are for training: reviewed vehicles, and a sample of those that nobody had reviewed. Training goes by
what was known on the day on which the hold-out's first window ended: findings about earlier windows, decided by then.
No other counts, neither for a label nor for the sample: a vehicle found later may well be drawn as unreviewed. Does not
belong here: features, fitting, figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from infra.errors import RefusedError
from infra.lake import file_sha256
from models.labels import (
    Finding,
    Label,
    confirmed_vehicles,
    ever_confirmed,
    findings_before,
    label_directly,
    label_vehicle,
    sample_unreviewed,
    standing_findings,
)
from models.training_settings import TrainingSettings

Findings = Mapping[str, tuple[Finding, ...]]
WindowBuilder = Callable[[date], pa.Table]
LABELLED = ("reviewed", "overlapping")
LOOKED_AT = ("reviewed", "inconclusive")


class SnapshotCounts(BaseModel):
    """How a snapshot came out. Positives are vehicles, not rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    train_window_ends: tuple[date, ...]
    holdout_window_ends: tuple[date, ...]
    train_rows: int
    train_positives: int
    train_unreviewed: int
    holdout_rows: int
    holdout_positives: int
    holdout_unreviewed: int
    confirmed_without_reads: int


class SnapshotRecord(SnapshotCounts):
    """A written snapshot: its counts and the digest of its file."""

    sha256: str


@dataclass(frozen=True)
class _Window:
    end: date
    table: pa.Table
    confirmed: frozenset[str]
    without_reads: int


def assemble(
    window_ends: Sequence[date],
    build: WindowBuilder,
    decisions: Sequence[Finding],
    as_of: date,
    features: Sequence[str],
    window_days: int,
    settings: TrainingSettings,
) -> tuple[pa.Table, SnapshotCounts]:
    """Label the windows, split them by time, sample the unreviewed.

    Args:
        window_ends: Oldest first.
        build: Gives the table of one window end: `vehicle`, `window_end`, the features, `baseline`; sorted by vehicle.
        decisions: Every finding, superseded ones too: what stood on an earlier day follows from them.
        as_of: The hold-out is labelled by what was decided by the end of this day (UTC).
        features: Names of the feature columns.
        window_days: Length of a window.
        settings: Split and sampling.

    Returns:
        One row per vehicle and window end with `label`, `weight`, `split` (train, holdout), `reviewed`, `known`,
        `already_confirmed`, oldest window first; and the counts.

    Raises:
        RefusedError: Too few confirmed vehicles for a hold-out or for training.
    """
    findings = standing_findings(decisions, as_of)
    holdout = _take_holdout(window_ends, build, findings, decisions, settings)
    first = holdout[-1].end
    before = findings_before(decisions, first)
    pieces = [_holdout_rows(window, findings, before, decisions) for window in holdout]
    without_reads = sum(window.without_reads for window in holdout)
    for end in reversed(window_ends[: -len(holdout)]):
        window = _window(end, build, findings)
        without_reads += window.without_reads
        pieces.append(training_rows(window.table, end, before, window_days, settings))
    table = pa.concat_tables(reversed(pieces))
    counts = _count(table, features, without_reads)
    if counts.train_positives < settings.min_train_positives:
        raise RefusedError(
            f"By the start of the hold-out ({first.isoformat()}) only {counts.train_positives} vehicles had been "
            f"confirmed, training needs {settings.min_train_positives}.",
            "Load more dispositions, or change training.min_train_positives, training.min_holdout_positives or "
            "training.latest_window_ends in the ROCU's policy.",
        )
    return table, counts


def _window(end: date, build: WindowBuilder, findings: Findings) -> _Window:
    table = build(end)
    confirmed = confirmed_vehicles(findings, end)
    present = confirmed & set(table.column("vehicle").to_pylist()) if confirmed else set()
    return _Window(end, table, frozenset(present), len(confirmed) - len(present))


def _take_holdout(
    window_ends: Sequence[date],
    build: WindowBuilder,
    findings: Findings,
    decisions: Sequence[Finding],
    settings: TrainingSettings,
) -> list[_Window]:
    """The latest windows until they hold enough confirmed vehicles that are new to training, or as many as are allowed.

    Training is refused only when even the known ones are too few; whether the new ones are enough is for the gate.
    """
    most = max(1, min(int(len(window_ends) * settings.max_holdout_share), len(window_ends) - 1))
    taken: list[_Window] = []
    positives: set[str] = set()
    for end in reversed(window_ends[-most:]):
        taken.append(_window(end, build, findings))
        positives |= taken[-1].confirmed
        if len(positives - findings_before(decisions, end).keys()) >= settings.min_holdout_positives:
            return taken
    if len(positives) >= settings.min_holdout_positives:
        return taken
    raise RefusedError(
        f"The last {most} of {len(window_ends)} reviewed windows hold {len(positives)} confirmed vehicles with reads, "
        f"a hold-out needs {settings.min_holdout_positives}.",
        "Load more dispositions, or change training.min_holdout_positives, training.max_holdout_share or "
        "training.latest_window_ends in the ROCU's policy.",
    )


def _holdout_rows(window: _Window, findings: Findings, before: Findings, decisions: Sequence[Finding]) -> pa.Table:
    vehicles = window.table.column("vehicle").to_pylist()
    labels = [label_directly(findings.get(vehicle, ()), window.end) for vehicle in vehicles]
    values = [label.value or 0 for label in labels]
    weights = [1.0] * len(labels)
    again = {vehicle for vehicle, label in zip(vehicles, labels, strict=True) if label.standing in LOOKED_AT}
    already = ever_confirmed(findings_before(decisions, window.end)) - again
    return _with_labels(
        window.table, list(range(len(labels))), values, weights, "holdout", labels, before, already=already
    )


def training_rows(
    table: pa.Table, end: date, before: Findings, window_days: int, settings: TrainingSettings
) -> pa.Table:
    """The rows of one window to train on: reviewed vehicles, and a sample of those that nobody had reviewed.

    Args:
        table: The windows of one end: `vehicle`, `window_end`, the features.
        end: That end.
        before: The findings that training may use.
        window_days: Length of a window.
        settings: Sampling and weights.

    Returns:
        The table's columns with `label`, `weight`, `split`, `reviewed`, `known` and `already_confirmed`.
    """
    vehicles = table.column("vehicle").to_pylist()
    labels = [label_vehicle(before.get(vehicle, ()), end, window_days) for vehicle in vehicles]
    reviewed = [position for position, label in enumerate(labels) if label.standing in LABELLED]
    unreviewed = {vehicle for vehicle in vehicles if vehicle not in before}
    wanted = round(settings.unreviewed_per_reviewed * len(reviewed))
    sampled = sample_unreviewed(unreviewed, end, wanted, settings.seed)
    kept = sorted([*reviewed, *(p for p, vehicle in enumerate(vehicles) if vehicle in sampled)])
    values = [labels[p].value or 0 for p in kept]
    weights = [_weight(labels[p], settings) for p in kept]
    return _with_labels(table, kept, values, weights, "train", labels, before)


def _weight(label: Label, settings: TrainingSettings) -> float:
    if label.standing not in LABELLED:
        return settings.unreviewed_weight
    return label.weight if label.value else label.weight * settings.eliminated_weight


def _with_labels(
    table: pa.Table,
    kept: list[int],
    values: list[int],
    weights: list[float],
    split: str,
    labels: Sequence[Label],
    before: Findings,
    already: Set[str] = frozenset(),
) -> pa.Table:
    rows = table.take(pa.array(kept, pa.int64()))
    vehicles = rows.column("vehicle").to_pylist()
    added = {
        "label": pa.array(values, pa.int8()),
        "weight": pa.array(weights, pa.float64()),
        "split": pa.repeat(pa.scalar(split, pa.string()), len(kept)),
        "reviewed": pa.array([labels[p].standing in LABELLED for p in kept], pa.bool_()),
        "known": pa.array([vehicle in before for vehicle in vehicles], pa.bool_()),
        "already_confirmed": pa.array([vehicle in already for vehicle in vehicles], pa.bool_()),
    }
    for name, column in added.items():
        rows = rows.append_column(name, column)
    return rows


def _count(table: pa.Table, features: Sequence[str], without_reads: int) -> SnapshotCounts:
    train = rows_of(table, "train")
    holdout = rows_of(table, "holdout")
    return SnapshotCounts(
        features=tuple(features),
        train_window_ends=_ends(train),
        holdout_window_ends=_ends(holdout),
        train_rows=train.num_rows,
        train_positives=_positives(train),
        train_unreviewed=_unreviewed(train),
        holdout_rows=holdout.num_rows,
        holdout_positives=_positives(holdout),
        holdout_unreviewed=_unreviewed(holdout),
        confirmed_without_reads=without_reads,
    )


def rows_of(table: pa.Table, split: str) -> pa.Table:
    """The rows of one side of the split, in the order of the snapshot."""
    return table.filter(pc.equal(table.column("split"), split))


def to_judge(rows: pa.Table) -> NDArray[np.bool_]:
    """Which hold-out rows figures are about: all but the vehicles confirmed before and not looked at again.

    Args:
        rows: Of a snapshot, with `already_confirmed`.
    """
    return ~np.asarray(rows.column("already_confirmed").to_numpy(zero_copy_only=False), dtype=np.bool_)


def _ends(table: pa.Table) -> tuple[date, ...]:
    return tuple(sorted(set(table.column("window_end").to_pylist())))


def _positives(table: pa.Table) -> int:
    return len(set(table.filter(pc.equal(table.column("label"), 1)).column("vehicle").to_pylist()))


def _unreviewed(table: pa.Table) -> int:
    return int(np.count_nonzero(~table.column("reviewed").to_numpy()))


def write_snapshot(table: pa.Table, counts: SnapshotCounts, path: Path) -> SnapshotRecord:
    """Write the snapshot; the same table gives the same bytes."""
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(plain, path, compression="zstd", row_group_size=131_072)
    return SnapshotRecord(**counts.model_dump(), sha256=file_sha256(path))
