"""The engine of the settings, opened once for any number of windows: DuckDB, or Spark where it was chosen.

Belongs here: which engine builds windows. Does not: what a window is; both engines run the same expressions and give
the same bytes, and so do days put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from importlib.util import find_spec

import duckdb
import pyarrow as pa

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import require_parts
from infra.engine import is_disk_full, open_engine
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings
from models.day_seal import kept_days
from models.features.settings import PatternSettings
from models.patterns import Pattern

WindowMaker = Callable[[Lake, Sequence[PartRef], date, Pattern, PatternSettings], pa.Table]
"""(lake, reads parts, last day of the window, pattern, its settings) to one row per unit, sorted by key."""


@contextmanager
def open_windows(
    settings: Settings,
    rocu: str,
    connection: duckdb.DuckDBPyConnection | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[WindowMaker]:
    """What builds windows on the engine of the settings, on DuckDB day by day where they ask for it.

    Training, scoring, trials and monitoring all come here, so what is checked is what runs.

    Args:
        settings: Engine, threads, memory.
        rocu: Whose days are kept.
        connection: One that is open already, for DuckDB to share its memory; a new one without.
        tell: Told of what is kept of a day and was changed by hand.

    Raises:
        WrongInputError: Spark was chosen and is not installed, or the pattern has no expression for it.
        FaultError: Spark does not start. What builds windows raises it when memory or the disk ran out.
    """
    if settings.engine == "spark":
        with _on_spark(settings) as maker:
            yield maker
        return
    with open_engine(settings) if connection is None else nullcontext(connection) as opened:

        def build(lake: Lake, parts: Sequence[PartRef], end: date, pattern: Pattern, own: PatternSettings) -> pa.Table:
            with _shortage_told(settings):
                if pattern.build_by_day is None or not settings.windows_by_day:
                    return pattern.build_windows(opened, lake, parts, end, own)
                return pattern.build_by_day(opened, lake, kept_days(settings, rocu, tell), parts, end, own)

        yield build


@contextmanager
def _shortage_told(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        if is_disk_full(error):
            raise FaultError(
                "No space is left on the device for what windows need beside memory.",
                f"Free some below {settings.root / 'spill'} and run the same command again.",
            ) from error
        if isinstance(error, duckdb.IOException):
            raise
        raise FaultError(
            f"The windows need more than the {settings.memory_limit.strip()} of memory that DuckDB may take.",
            "Raise FINDPROFILE_MEMORY_LIMIT and run the same command again; docs/sizing.md says what windows need.",
        ) from error


@contextmanager
def _on_spark(settings: Settings) -> Iterator[WindowMaker]:
    if find_spec("pyspark") is None:
        raise WrongInputError(
            "Spark was chosen and is not installed.", "Install the extra `spark`, or use --engine duckdb."
        )
    from models.features.spark import open_spark
    from models.windows import READS

    with open_spark(settings) as engine:

        def build(lake: Lake, parts: Sequence[PartRef], end: date, pattern: Pattern, own: PatternSettings) -> pa.Table:
            if pattern.window_table is None:
                raise WrongInputError(
                    f"The pattern {pattern.name} runs on DuckDB alone.", "Use --engine duckdb for this pattern."
                )
            paths = require_parts(lake, parts)
            return pattern.window_table(engine.read(paths, READS, "window_reads"), end, own, engine)

        yield build
