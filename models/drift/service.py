"""The review lists of the days looked back on, with what was found: what precision and recall in service rest on.

Belongs here: which list of a window was worked through, and its findings. Does not: the estimate
(`models.in_service`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.lake import Lake
from models.in_service import InService, Listed, estimate_in_service
from models.scoring import scored_at, scores_folder

COLUMNS = ("vehicle", "window_end", "selected_by", "run_id")
Findings = Mapping[tuple[str, date], dict[str, Any]]


def score_files(lake: Lake, rocu: str, pattern: str, as_of: date, look_back_days: int) -> dict[date, list[Path]]:
    """The lists of the days looked back on, latest day first; of each day every run."""
    days = (as_of - timedelta(days=back) for back in range(look_back_days + 1))
    found = {day: sorted(scores_folder(lake, rocu, pattern, day).glob("run=*/scores.parquet")) for day in days}
    return {day: paths for day, paths in found.items() if paths}


def examine_service(
    lake: Lake, rocu: str, pattern: str, as_of: date, look_back_days: int, findings: pa.Table
) -> InService | None:
    """Precision and recall by the findings on listed vehicles; `None` when nothing was listed with known chances.

    A finding counts for a list if it is about the very window of that list. Of several lists of one window only one
    counts: a vehicle that was found from one would answer for another, which nobody worked through.

    Args:
        lake: Where the scores are.
        rocu: Region.
        pattern: Name of the pattern.
        as_of: Last day whose lists count.
        look_back_days: How many days before it count as well.
        findings: The latest finding per vehicle and window: `vehicle`, `window_end`, `finding`, `decided_at` (UTC).
    """
    found = {(row["vehicle"], row["window_end"]): row for row in findings.to_pylist()}
    listed: list[Listed] = []
    for paths in score_files(lake, rocu, pattern, as_of, look_back_days).values():
        # lists from before there was a random sample have no chances
        runs = {path: _listed(path, found) for path in paths if "selected_by" in pq.read_schema(path).names}
        if runs:
            listed += runs[_worked_through(runs, found)]
    return estimate_in_service(listed) if listed else None


def _worked_through(runs: Mapping[Path, Sequence[Listed]], found: Findings) -> Path:
    """The run whose list was the latest while most of the findings on it were decided; of equal ones the latest run."""
    made = sorted((scored_at(path), path) for path in runs)
    until = [at for at, _ in made[1:]] + [datetime.max.replace(tzinfo=UTC)]
    answers = {}
    for (begin, path), end in zip(made, until, strict=True):
        rows = [found.get((one.vehicle, one.window_end)) for one in runs[path]]
        answers[path] = sum(row is not None and begin <= row["decided_at"].replace(tzinfo=UTC) < end for row in rows)
    return max(reversed(made), key=lambda run: answers[run[1]])[1]


def _listed(path: Path, found: Findings) -> list[Listed]:
    rows = pq.ParquetFile(path).read(list(COLUMNS))
    chosen = rows.filter(pc.is_valid(rows.column("selected_by"))).to_pylist()
    ranked = sum(row["selected_by"] == "ranked" for row in chosen)
    behind = {"ranked": ranked, "random": rows.num_rows - ranked}
    return [
        Listed(
            run_id=row["run_id"],
            vehicle=row["vehicle"],
            window_end=row["window_end"],
            selected_by=row["selected_by"],
            vehicles=behind[row["selected_by"]],
            finding=found.get((row["vehicle"], row["window_end"]), {}).get("finding"),
        )
        for row in chosen
    ]
