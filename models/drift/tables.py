"""Any two tables compared: files in, drift per column out. For people who have two extracts and a question.

Types and formats are DuckDB's own reading of the files. Belongs here: reading, matching columns. Does not: ANPR.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from infra.errors import WrongInputError
from models.drift.columns import compare_columns, method_of, sample
from models.drift.results import DriftResult
from models.drift.settings import MonitorSettings

_INSTRUCTION = "Give a CSV file with a header line (also .csv.gz) or a Parquet file, with at least one row."


def compare_tables(
    reference: Path, current: Path, settings: MonitorSettings | None = None, html: Path | None = None
) -> DriftResult:
    """Compare two tables on their common columns.

    Numbers and times are compared by one method, everything else by its categories; columns that cannot be compared are
    listed with what they are. Big tables are sampled with a seed.

    Args:
        reference: CSV or Parquet file; CSV may be gzipped.
        current: The same.
        settings: Methods, thresholds, sample size, seed.
        html: Where to keep Evidently's report.

    Raises:
        WrongInputError: A file is missing, empty or not a table, or no column is common.
    """
    settings = settings or MonitorSettings()
    before, now = _read(reference), _read(current)
    common = [name for name in before.column_names if name in now.column_names]
    if not common:
        raise WrongInputError(
            f"{reference.name} and {current.name} have no column in common.", "Compare two tables of the same kind."
        )
    changed = tuple(name for name in common if "" not in (kinds := _kinds(before, now, name)) and len(kinds) > 1)
    pairs = [_aligned(before[name], now[name], name in changed) for name in common]
    samples = (
        sample(
            pa.table(dict(zip(common, (pair[0] for pair in pairs), strict=True))), settings.sample_rows, settings.seed
        ),
        sample(
            pa.table(dict(zip(common, (pair[1] for pair in pairs), strict=True))),
            settings.sample_rows,
            settings.seed + 1,
        ),
    )
    methods = {name: method_of(name, samples[0].schema.field(name).type, settings) for name in common}
    return DriftResult(
        reference_rows=before.num_rows,
        current_rows=now.num_rows,
        compared_rows=(samples[0].num_rows, samples[1].num_rows),
        columns=compare_columns(*samples, methods, settings, html),
        missing_columns=tuple(name for name in before.column_names if name not in now.column_names),
        new_columns=tuple(name for name in now.column_names if name not in before.column_names),
        changed_types=changed,
    )


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise WrongInputError(f"There is no file {path}.", _INSTRUCTION)
    if path.stat().st_size == 0:
        raise WrongInputError(f"{path.name} is empty.", _INSTRUCTION)
    with path.open("rb") as stream:
        parquet = stream.read(4) == b"PAR1"
    reader = "read_parquet($path)" if parquet else "read_csv($path, header = true, sample_size = -1)"
    try:
        with duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": False}) as connection:
            table = connection.sql(f"SELECT * FROM {reader}", params={"path": str(path)}).to_arrow_table()
    except duckdb.Error as error:
        kind = "Parquet file" if parquet else "CSV file"
        first = str(error).strip().splitlines()[0].split(":")[0]
        raise WrongInputError(f"{path.name} cannot be read as a {kind} ({first}).", _INSTRUCTION) from None
    if table.num_rows == 0:
        raise WrongInputError(f"{path.name} has no rows.", _INSTRUCTION)
    return table


def _kinds(before: pa.Table, now: pa.Table, name: str) -> set[str]:
    return {_family(before[name]), _family(now[name])}


def _family(values: pa.ChunkedArray) -> str:
    """The kind of a column: number, time or text; empty when it holds nothing to tell by."""
    if values.null_count == len(values):
        return ""
    if pa.types.is_temporal(values.type):
        return "time"
    number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)
    return "number" if number else "text"


def _aligned(before: pa.ChunkedArray, now: pa.ChunkedArray, changed: bool) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Both columns with one type: text where the kinds differ, the other's type where one holds nothing."""
    if changed:
        return before.cast(pa.string()), now.cast(pa.string())
    if not _family(before):
        return pa.chunked_array([pa.nulls(len(before), now.type)]), now
    if not _family(now):
        return before, pa.chunked_array([pa.nulls(len(now), before.type)])
    return before, now
