"""The only module that knows Evidently: two tables in, its scores out, its own HTML kept.

Method and threshold are named for every column, because Evidently's defaults change with the number of rows. Its
report makes no network call; its telemetry belongs to its web service, which is not used. The import takes seconds:
import this module where it is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from infra.lake import write_text
from models.drift.settings import ColumnMethod

with warnings.catch_warnings():
    # Evidently 0.7 still uses names that NumPy and others have deprecated
    warnings.simplefilter("ignore")
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift


def compare(
    reference: pa.Table, current: pa.Table, methods: Mapping[str, ColumnMethod], html: Path | None = None
) -> dict[str, float]:
    """Evidently's drift score per column.

    Args:
        reference: Columns are double or text; none is entirely missing.
        current: The same columns.
        methods: Method and threshold per column; every column of the tables is named.
        html: Where to keep Evidently's report; the whole file or none is written.
    """
    numbers = [field.name for field in reference.schema if pa.types.is_floating(field.type)]
    numeric = [name for name in numbers if methods[name].method == "wasserstein" or _many(reference, name)]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in methods if name not in numeric]
    )
    metrics = [
        ValueDrift(column=name, method=chosen.method, threshold=chosen.threshold) for name, chosen in methods.items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = Report(metrics, include_tests=True).run(
            reference_data=Dataset.from_pandas(reference.to_pandas(), definition),
            current_data=Dataset.from_pandas(current.to_pandas(), definition),
        )
        if html is not None:
            write_text(html, snapshot.get_html_str(as_iframe=False))
    return {item["config"]["column"]: float(item["value"]) for item in snapshot.dict()["metrics"]}


def _many(table: pa.Table, name: str) -> bool:
    return len(table[name].unique()) > 20
