"""The review lists of the days looked back on, with what was found: what precision and recall in service rest on.

Belongs here: putting lists and findings side by side. Does not: the estimate (`models.in_service`).
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.lake import Lake
from models.in_service import InService, Listed, estimate_in_service
from models.scoring import scores_folder

COLUMNS = ("vehicle", "window_end", "selected_by", "run_id")


def examine_service(
    lake: Lake, rocu: str, pattern: str, as_of: date, look_back_days: int, findings: pa.Table
) -> InService | None:
    """Precision and recall by the findings on listed vehicles; `None` when nothing was listed with known chances.

    A finding counts for a list if it is about the very window of that list.

    Args:
        lake: Where the scores are.
        rocu: Region.
        pattern: Name of the pattern.
        as_of: Last day whose lists count.
        look_back_days: How many days before it count as well.
        findings: The latest finding per vehicle and window: `vehicle`, `window_end`, `finding`.
    """
    found = {(row["vehicle"], row["window_end"]): row["finding"] for row in findings.to_pylist()}
    listed: list[Listed] = []
    for back in range(look_back_days + 1):
        for path in sorted(
            scores_folder(lake, rocu, pattern, as_of - timedelta(days=back)).glob("run=*/scores.parquet")
        ):
            file = pq.ParquetFile(path)
            # lists from before there was a random sample have no chances
            if "selected_by" in file.schema_arrow.names:
                listed += _listed(file.read(list(COLUMNS)), found)
    return estimate_in_service(listed) if listed else None


def _listed(rows: pa.Table, found: dict[tuple[str, date], str]) -> list[Listed]:
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
            finding=found.get((row["vehicle"], row["window_end"])),
        )
        for row in chosen
    ]
