"""Scoring: windows to a ranked list with reasons for the first rows, and where such lists lie.

A score is an assessment, kept apart from the facts: reasons and cautions are sentences, the score is one number.
Belongs here: ranking, reasons, reading and writing scores. Does not: whether this model may score (governance).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.errors import FaultError, WrongInputError
from infra.lake import Lake, placed
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.review_sample import Selection, blind_order, select_for_review
from models.training import feature_matrix, load_booster

TEXTS = pa.list_(pa.string())
ScoresLayer = Literal["scores", "shadow_scores"]


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


@dataclass(frozen=True)
class RandomDraw:
    """How many vehicles are drawn at random for the review list, and the run from whose id the draw follows."""

    size: int = 0
    run_id: str = ""


def score_windows(
    model_text: str,
    windows: pa.Table,
    pattern: Pattern,
    pattern_settings: PatternSettings,
    top: int,
    draw: RandomDraw = RandomDraw(),
) -> pa.Table:
    """Score and rank every row; give reasons for those on the review list: the first `top`, and some drawn at random.

    Args:
        model_text: LightGBM text of the champion, already verified.
        windows: One row per vehicle with the features of the pattern.
        pattern: Says the reasons.
        pattern_settings: Those that the windows were built with.
        top: Rows that are listed for their rank. Contributions are dear, so only listed rows' are computed.
        draw: The random part of the review list.

    Returns:
        vehicle, score, rank (1 is highest; equal scores by vehicle), reasons, against, cautions, selected_by (`ranked`,
        `random`, null if not listed), inclusion (the chance of being listed; null if not listed); best first.

    Raises:
        RefusedError: The windows lack features of the model.
    """
    booster = load_booster(model_text)
    matrix = feature_matrix(windows, booster.feature_name())
    scores = np.asarray(booster.predict(matrix), dtype=np.float64) if len(matrix) else np.empty(0)
    vehicles = np.array(windows.column("vehicle").to_pylist(), dtype=np.str_)
    order = np.lexsort((vehicles, -scores))
    selected = select_for_review(vehicles[order].tolist(), top, draw.size, draw.run_id)
    place = {vehicle: position for position, vehicle in enumerate(vehicles[order].tolist())}
    listed = {place[one.vehicle]: one for one in selected}
    shown = order[list(listed)]
    contributions = np.asarray(booster.predict(matrix[shown], pred_contrib=True)) if len(shown) else np.empty((0, 1))
    told = {
        position: pattern.explain(
            row, dict(zip(booster.feature_name(), given[:-1].tolist(), strict=True)), pattern_settings
        )
        for position, row, given in zip(
            listed, windows.take(pa.array(shown, pa.int64())).to_pylist(), contributions, strict=True
        )
    }
    every = range(len(order))
    return pa.table(
        {
            "vehicle": pa.array(vehicles[order].tolist(), pa.string()),
            "score": pa.array(scores[order], pa.float64()),
            "rank": pa.array(np.arange(1, len(order) + 1), pa.int64()),
            "reasons": pa.array([told[row].reasons if row in told else () for row in every], TEXTS),
            "against": pa.array([told[row].against if row in told else () for row in every], TEXTS),
            "cautions": pa.array([told[row].cautions if row in told else () for row in every], TEXTS),
            "selected_by": pa.array([listed[row].selected_by if row in listed else None for row in every], pa.string()),
            "inclusion": pa.array([listed[row].inclusion if row in listed else None for row in every], pa.float64()),
        }
    )


def review_list(scored: pa.Table, run_id: str) -> list[dict[str, Any]]:
    """The listed rows in the order in which analysts see them, which does not tell ranked from random."""
    rows = {row["vehicle"]: row for row in scored.filter(pc.is_valid(scored.column("selected_by"))).to_pylist()}
    selected = [Selection(row["vehicle"], row["selected_by"], row["inclusion"]) for row in rows.values()]
    return [rows[vehicle] for vehicle in blind_order(selected, run_id)]


def scores_folder(lake: Lake, rocu: str, pattern: str, as_of: date) -> Path:
    """Where the runs of one ROCU, pattern and day lie."""
    return lake.folder("scores", rocu, pattern=pattern, as_of=as_of.isoformat())


def scores_file(lake: Lake, provenance: Provenance, layer: ScoresLayer = "scores") -> Path:
    """Where the list of a run lies: `scores` for lists that are shown, `shadow_scores` for those that nobody sees."""
    keys = {"pattern": provenance.pattern, "as_of": provenance.window_end.isoformat(), "run": provenance.run_id}
    return lake.folder(layer, provenance.rocu, **keys) / "scores.parquet"


def write_scores(
    lake: Lake, scored: pa.Table, provenance: Provenance, now: datetime, layer: ScoresLayer = "scores"
) -> bytes:
    """Write a list with its provenance in every row; a second write of the same run replaces it by the same.

    Args:
        lake: Where to.
        scored: From `score_windows`.
        provenance: How it came to be.
        now: Time of scoring; decides which run of a day is the latest.
        layer: Of lists that are shown, or of those that nobody sees.

    Returns:
        What was written. What lies in the lake afterwards may be somebody else's.

    Raises:
        FaultError: No space is left.
    """
    content = list_content(scored, provenance, now)
    with placed(scores_file(lake, provenance, layer)) as temporary:
        temporary.write_bytes(content)
    return content


def list_content(scored: pa.Table, provenance: Provenance, now: datetime) -> bytes:
    """A list with its provenance in every row, as its file holds it. Arguments as for `write_scores`."""
    table = scored
    for name, value in asdict(provenance).items():
        kind = pa.date32() if name == "window_end" else pa.string()
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    table = table.replace_schema_metadata({"scored_at": now.isoformat(), "run_id": provenance.run_id})
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd")
    return bytes(content.getvalue())


def latest_scores(lake: Lake, rocu: str, pattern: str, as_of: date) -> Path:
    """The file of the latest run of a day.

    Raises:
        WrongInputError: There are no scores of that day.
    """
    found = sorted(scores_folder(lake, rocu, pattern, as_of).glob("run=*/scores.parquet"))
    if not found:
        folders = scores_folder(lake, rocu, pattern, as_of).parent.glob("as_of=*/run=*/scores.parquet")
        days = sorted({path.parent.parent.name.removeprefix("as_of=") for path in folders})
        there = f"The newest list is of {days[-1]}; to" if days else "There is no list yet; to"
        raise WrongInputError(
            f"There are no {pattern} scores of {rocu} as of {as_of.isoformat()}.",
            f"{there} make this one, an operator runs"
            f" findprofile score --rocu {rocu} --pattern {pattern} --as-of {as_of.isoformat()}.",
        )
    return max(found, key=scored_at)


def scored_at(path: Path) -> datetime:
    """When the list in this file was made.

    Raises:
        FaultError: The file cannot be read or does not say.
    """
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
