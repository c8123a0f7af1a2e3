"""The windows of both spans, raw and without changed cameras.

Belongs here: which days make which span, and a passing copy of the reads without some cameras. Does not: any feature.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from data_contracts.layers.manifests import PartRef
from infra.errors import WrongInputError
from infra.lake import Lake
from infra.settings import Settings
from models.drift.behaviour import Spans
from models.drift.results import Span
from models.drift.scores import with_scores
from models.features.settings import PatternSettings
from models.patterns import Pattern
from models.window_engines import WindowMaker


@dataclass(frozen=True)
class Plan:
    """Which windows are compared: the current one, which ends on `as_of`, and the reference windows before it.

    Windows start whole weeks apart, so that all have the same weekdays; none overlaps another.
    """

    as_of: date
    days: int
    reference_windows: int

    @property
    def reference_ends(self) -> tuple[date, ...]:
        """Last days of the reference windows, oldest first."""
        return tuple(self.as_of - timedelta(days=self._stride * back) for back in range(self.reference_windows, 0, -1))

    @property
    def _stride(self) -> int:
        return 7 * -(-self.days // 7)

    @property
    def start(self) -> date:
        """First day of the reference."""
        return self.reference_ends[0] - timedelta(days=self.days - 1)

    @property
    def current_from(self) -> date:
        """First day of the current window."""
        return self.as_of - timedelta(days=self.days - 1)

    def spans(self, parts: Sequence[PartRef], least: float) -> tuple[Span, Span]:
        """The reference and the current span, with the days on which there are reads.

        Raises:
            WrongInputError: One of them has reads on fewer than `least` of its days.
        """
        live = {part.date for part in parts if part.rows and part.date is not None}
        found = []
        for name, start, end in (
            ("reference", self.start, self.reference_ends[-1]),
            ("current", self.current_from, self.as_of),
        ):
            span = Span(start=start, end=end, days_with_reads=sum(start <= day <= end for day in live))
            if span.days_with_reads < least * span.days or not span.days_with_reads:
                raise WrongInputError(
                    f"The {name} span {start} to {end} has reads on {span.days_with_reads} of {span.days} days.",
                    "Ingest the missing days, take a later date, or set a shorter span.",
                )
            found.append(span)
        return found[0], found[1]


@dataclass(frozen=True)
class Workshop:
    """What building windows needs. `champion` is a booster's text, or `None` where there is none yet."""

    windows_of: WindowMaker
    pattern: Pattern
    pattern_settings: PatternSettings
    champion: str | None

    def build(self, lake: Lake, parts: Sequence[PartRef], plan: Plan) -> Spans:
        """Windows of both spans from the reads in `lake`, scored where there is a champion."""
        reference = pa.concat_tables([self._window(lake, parts, end, plan.days) for end in plan.reference_ends])
        return Spans(reference, self._window(lake, parts, plan.as_of, plan.days))

    def _window(self, lake: Lake, parts: Sequence[PartRef], end: date, days: int) -> pa.Table:
        own = [part for part in parts if part.date is not None and end - timedelta(days=days) < part.date <= end]
        windows = self.windows_of(lake, own, end, self.pattern, self.pattern_settings)
        return windows if self.champion is None else with_scores(self.champion, windows)


@contextmanager
def without_cameras(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    parts: Sequence[PartRef],
    cameras: frozenset[str],
) -> Iterator[tuple[Lake, tuple[PartRef, ...]]]:
    """A passing lake that holds these parts without the reads of some cameras; gone when the block ends.

    Yields:
        The lake, and the parts that still have rows.
    """
    work = settings.root / "work"
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="estate-", dir=work))
    try:
        yield (
            Lake(folder),
            tuple(
                part for part in parts if _copy_without(connection, lake.root / part.path, folder / part.path, cameras)
            ),
        )
    finally:
        shutil.rmtree(folder)


def _copy_without(connection: duckdb.DuckDBPyConnection, source: Path, target: Path, cameras: frozenset[str]) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = connection.execute(
        """COPY (
            SELECT * FROM read_parquet($source, hive_partitioning = false)
            WHERE NOT list_contains($cameras, camera_id)
        ) TO $target (FORMAT parquet)""",
        {"source": str(source), "cameras": sorted(cameras), "target": str(target)},
    ).fetchone()
    return bool(kept and kept[0])
