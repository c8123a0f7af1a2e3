"""Scoring: windows to a ranked list with reasons for the first rows, and where such lists lie.

A score is an assessment, kept apart from the facts: reasons and cautions are sentences, the score is one number.
Belongs here: ranking, reasons, reading and writing scores. Does not: whether this model may score (governance).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import FaultError, WrongInputError
from infra.lake import Lake, placed
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.training import feature_matrix, load_booster

TEXTS = pa.list_(pa.string())


@dataclass(frozen=True)
class Provenance:
    """What every row of a list carries about how it came to be.

    Args:
        model: `<pattern>.<rocu>`.
        contract_version: Of the contract that accepted the reads; several are joined by a comma.
        data_digest: Of the reads parts that the windows were built from.
        commit: Label of the code that scored.
        run_id: Of the scoring run.
    """

    model: str
    version: str
    model_sha256: str
    contract_version: str
    data_digest: str
    commit: str
    run_id: str
    rocu: str
    pattern: str
    window_end: date


def score_windows(
    model_text: str, windows: pa.Table, pattern: Pattern, pattern_settings: PatternSettings, top: int
) -> pa.Table:
    """Score and rank every row; give reasons for the first `top`.

    Args:
        model_text: LightGBM text of the champion, already verified.
        windows: One row per vehicle with the features of the pattern.
        pattern: Says the reasons.
        pattern_settings: Those that the windows were built with.
        top: Rows that get reasons; contributions are dear, so no other row's are computed.

    Returns:
        vehicle, score, rank (1 is highest; equal scores by vehicle), reasons, against, cautions; best first.

    Raises:
        RefusedError: The windows lack features of the model.
    """
    booster = load_booster(model_text)
    matrix = feature_matrix(windows, booster.feature_name())
    scores = np.asarray(booster.predict(matrix), dtype=np.float64) if len(matrix) else np.empty(0)
    vehicles = np.array(windows.column("vehicle").to_pylist(), dtype=np.str_)
    order = np.lexsort((vehicles, -scores))
    shown = order[:top]
    contributions = np.asarray(booster.predict(matrix[shown], pred_contrib=True)) if len(shown) else np.empty((0, 1))
    told = [
        pattern.explain(row, dict(zip(booster.feature_name(), given[:-1].tolist(), strict=True)), pattern_settings)
        for row, given in zip(windows.take(pa.array(shown)).to_pylist(), contributions, strict=True)
    ]
    silent: list[tuple[str, ...]] = [()] * (len(order) - len(shown))
    return pa.table(
        {
            "vehicle": pa.array(vehicles[order].tolist(), pa.string()),
            "score": pa.array(scores[order], pa.float64()),
            "rank": pa.array(np.arange(1, len(order) + 1), pa.int64()),
            "reasons": pa.array([*(one.reasons for one in told), *silent], TEXTS),
            "against": pa.array([*(one.against for one in told), *silent], TEXTS),
            "cautions": pa.array([*(one.cautions for one in told), *silent], TEXTS),
        }
    )


def scores_folder(lake: Lake, rocu: str, pattern: str, as_of: date) -> Path:
    """Where the runs of one ROCU, pattern and day lie."""
    return lake.folder("scores", rocu, pattern=pattern, as_of=as_of.isoformat())


def write_scores(lake: Lake, scored: pa.Table, provenance: Provenance, now: datetime) -> Path:
    """Write a list with its provenance in every row; a second write of the same run replaces it by the same.

    Args:
        lake: Where to.
        scored: From `score_windows`.
        provenance: How it came to be.
        now: Time of scoring; decides which run of a day is the latest.

    Raises:
        FaultError: No space is left.
    """
    table = scored
    for name, value in asdict(provenance).items():
        kind = pa.date32() if name == "window_end" else pa.string()
        table = table.append_column(name, pa.array([value] * table.num_rows, kind))
    table = table.replace_schema_metadata({"scored_at": now.isoformat(), "run_id": provenance.run_id})
    folder = scores_folder(lake, provenance.rocu, provenance.pattern, provenance.window_end)
    target = folder / f"run={provenance.run_id}" / "scores.parquet"
    with placed(target) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return target


def latest_scores(lake: Lake, rocu: str, pattern: str, as_of: date) -> Path:
    """The file of the latest run of a day.

    Raises:
        WrongInputError: There are no scores of that day.
    """
    found = sorted(scores_folder(lake, rocu, pattern, as_of).glob("run=*/scores.parquet"))
    if not found:
        raise WrongInputError(
            f"There are no {pattern} scores of {rocu} as of {as_of.isoformat()}.",
            f"Run findprofile score --rocu {rocu} --pattern {pattern} --as-of {as_of.isoformat()} first.",
        )
    return max(found, key=_scored_at)


def _scored_at(path: Path) -> datetime:
    try:
        metadata = pq.read_schema(path).metadata or {}
        return datetime.fromisoformat(metadata[b"scored_at"].decode())
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise FaultError(
            f"The scores in {path.parent.name} cannot be read.", "Remove that run's folder and score again."
        ) from error


def read_scores(lake: Lake, rocu: str, pattern: str, as_of: date) -> pa.Table:
    """The ranked list of the latest run of a day, best first.

    Raises:
        WrongInputError: There are no scores of that day.
    """
    return pq.ParquetFile(latest_scores(lake, rocu, pattern, as_of)).read()
