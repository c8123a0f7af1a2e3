"""Windows from reads that never were: the reads of one window, changed by a query, and built like any others.

The changed reads are written as parts of a lake of their own in the home's `work`, which is gone afterwards, so that a
pattern builds from them exactly as it builds from the real ones, on the same engine and whatever it keeps on the way.
Does not belong here: what is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import READS_COLUMNS, reads_relation
from infra.engine import literal
from infra.lake import Lake, file_sha256
from infra.settings import Settings
from models.features.settings import PatternSettings, window_start
from models.patterns import Pattern
from models.window_engines import WindowMaker

READS = "trial_reads"
"""Table with the window's reads, for the queries that change them; its columns are those of the reads layer."""
_ALTERED = "trial_altered"


@dataclass(frozen=True)
class WindowReads:
    """The reads of one window in a table of the connection, ready to be changed.

    Args:
        work: Where passing lakes lie.
        windows_of: Builds windows as scoring does.
        begin, end: First moment of the window, and first moment after it.
        reads: How many there are.
    """

    connection: duckdb.DuckDBPyConnection
    work: Path
    windows_of: WindowMaker
    rocu: str
    pattern: Pattern
    settings: PatternSettings
    window_end: date
    begin: datetime
    end: datetime
    reads: int

    def number(self, query: str) -> int:
        """The one whole number that a query gives."""
        [(value,)] = self.connection.execute(query).fetchall()
        return int(value)

    def windows(self, changed: str) -> pa.Table:
        """The windows that come out when the reads are those of the query `changed`."""
        self.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="trial-", dir=self.work) as folder:
            lake = Lake(Path(folder))
            parts = self._write(lake, changed)
            return self.windows_of(lake, parts, self.window_end, self.pattern, self.settings)

    def _write(self, lake: Lake, changed: str) -> tuple[PartRef, ...]:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_ALTERED} AS {changed}")
        counted = self.connection.execute(
            f"SELECT captured_at::DATE, count(*) FROM {_ALTERED} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        parts = tuple(self._part(lake, day, rows) for day, rows in counted)
        self.connection.execute(f"DROP TABLE {_ALTERED}")
        return parts

    def _part(self, lake: Lake, day: date, rows: int) -> PartRef:
        path = lake.folder("reads", self.rocu) / f"{day}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection.execute(
            f"""COPY (SELECT {", ".join(READS_COLUMNS)} FROM {_ALTERED} WHERE captured_at::DATE = DATE '{day}'
                ORDER BY vehicle, captured_at, batch_id, row_no) TO {literal(str(path))} (FORMAT parquet)"""
        )
        return PartRef(layer="reads", path=lake.relative(path), sha256=file_sha256(path), rows=rows, date=day)


@contextmanager
def window_reads(
    process: Settings,
    connection: duckdb.DuckDBPyConnection,
    windows_of: WindowMaker,
    lake: Lake,
    rocu: str,
    parts: Sequence[PartRef],
    pattern: Pattern,
    settings: PatternSettings,
    window_end: date,
) -> Iterator[WindowReads]:
    """Give the reads of one window as a table; it is dropped afterwards.

    Args:
        process: Of this process; its home has the room for passing lakes.
        connection: Gives threads and memory.
        windows_of: Builds windows as scoring does.
        lake: Where the parts lie.
        rocu: Whose reads they are.
        parts: The reads parts of the window.
        pattern: Builds the windows.
        settings: Of the pattern, as it was trained.
        window_end: Last day of the window, included.
    """
    begin = datetime.combine(window_start(window_end, settings), time.min)
    end = datetime.combine(window_end + timedelta(days=1), time.min)
    with connection.cursor() as cursor:
        reads_relation(cursor, lake, parts, "trial_parts")
        cursor.execute(
            f"""CREATE OR REPLACE TEMP TABLE {READS} AS SELECT * FROM trial_parts
                WHERE captured_at >= TIMESTAMP '{begin}' AND captured_at < TIMESTAMP '{end}'"""
        )
        [(count,)] = cursor.execute(f"SELECT count(*) FROM {READS}").fetchall()
        try:
            yield WindowReads(
                connection=cursor,
                work=process.root / "work",
                windows_of=windows_of,
                rocu=rocu,
                pattern=pattern,
                settings=settings,
                window_end=window_end,
                begin=begin,
                end=end,
                reads=int(count),
            )
        finally:
            cursor.execute(f"DROP TABLE {READS}; DROP VIEW trial_parts")
