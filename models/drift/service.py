"""The review lists of the days looked back on, with what was found: what precision and recall in service rest on.

Belongs here: which lists count, which of a window was worked through, and its findings. Does not: the estimate
(`models.in_service`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.lake import Lake, file_sha256
from models.in_service import InService, Listed, estimate_in_service
from models.scoring import scored_at, scores_folder

COLUMNS = ("vehicle", "window_end", "selected_by", "run_id")
Findings = Mapping[tuple[str, date], dict[str, Any]]


@dataclass(frozen=True)
class MadeLists:
    """The lists of the days looked back on.

    Args:
        by_day: Those that count, latest day first; of each day every run.
        not_counted: A sentence for each list that lies there and is not on record as it is, or is on record and gone.
    """

    by_day: dict[date, list[Path]]
    not_counted: tuple[str, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """Of every day and run."""
        return [path for paths in self.by_day.values() for path in paths]


def made_lists(
    lake: Lake, rocu: str, pattern: str, as_of: date, look_back_days: int, on_record: Mapping[str, str] | None
) -> MadeLists:
    """The lists of the days looked back on, held against what is on record.

    Args:
        lake: Where the scores are.
        rocu: Region.
        pattern: Name of the pattern.
        as_of: Last day whose lists count.
        look_back_days: How many days before it count as well.
        on_record: SHA-256 of each list that was made, by its path in the lake; `None`: whatever lies there counts.
    """
    by_day: dict[date, list[Path]] = {}
    not_counted = []
    for day in (as_of - timedelta(days=back) for back in range(look_back_days + 1)):
        folder = scores_folder(lake, rocu, pattern, day)
        found = {lake.relative(path): path for path in sorted(folder.glob("run=*/scores.parquet"))}
        kept = {n: p for n, p in found.items() if on_record is None or on_record.get(n) == file_sha256(p)}
        if kept:
            by_day[day] = list(kept.values())
        not_counted += [f"{name} is not the list that the audit log says was made" for name in found.keys() - kept]
        named = (name for name in on_record or () if name.startswith(f"{lake.relative(folder)}/"))
        not_counted += [f"{name} is on record and not in the lake" for name in named if name not in found]
    return MadeLists(by_day, tuple(sorted(not_counted)))


def examine_service(lists: MadeLists, findings: pa.Table) -> InService | None:
    """Precision and recall by the findings on listed vehicles; `None` when nothing was listed with known chances.

    A finding counts for a list if it is about the very window of that list. Of several lists of one window only one
    counts: a vehicle that was found from one would answer for another, which nobody worked through.

    Args:
        lists: Those that were made.
        findings: The latest finding per vehicle and window: `vehicle`, `window_end`, `finding`, `decided_at` (UTC).
    """
    found = {(row["vehicle"], row["window_end"]): row for row in findings.to_pylist()}
    listed: list[Listed] = []
    for paths in lists.by_day.values():
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
