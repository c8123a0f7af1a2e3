"""The way that scoring goes from parts of the reads layer to windows: one function, so what is checked is what runs.

The parity check calls what the scoring step calls. Does not belong here: which parts, which model, or who may score.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from data_contracts.manifests import PartRef
from infra.lake import Lake
from models.features.settings import PatternSettings
from models.patterns import Pattern


def serving_windows(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    parts: Sequence[PartRef],
    window_end: date,
    pattern: Pattern,
    settings: PatternSettings,
) -> pa.Table:
    """The windows as they are scored: one row per unit of the pattern, sorted by key.

    Args:
        connection: Gives threads and memory.
        lake: Where the parts lie.
        parts: The reads parts of the window.
        window_end: Last day of the window, included.
        pattern: Builds the windows.
        settings: Those of the policy in force.
    """
    return pattern.build_windows(connection, lake, parts, window_end, settings)
