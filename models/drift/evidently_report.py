"""The only module that knows Evidently: two tables in, its scores out, its own HTML kept where it is wanted.

Method and threshold are named for every column, because Evidently's defaults change with the number of rows. Where no
HTML is wanted its drift methods are called as its report calls them, without the drawing that takes most of the time.
Nothing here makes a network call; Evidently's telemetry belongs to its web service, which is not used. The import takes
seconds: import this module where it is needed.
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
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType
    from evidently.metrics import ValueDrift

_FEW_VALUES = 20


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
    numeric = {
        name: pa.types.is_floating(reference.schema.field(name).type)
        and (chosen.method == "wasserstein" or len(reference[name].unique()) > _FEW_VALUES)
        for name, chosen in methods.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if html is None:
            return _scores(reference, current, methods, numeric)
        return _report(reference, current, methods, numeric, html)


def _scores(
    reference: pa.Table, current: pa.Table, methods: Mapping[str, ColumnMethod], numeric: Mapping[str, bool]
) -> dict[str, float]:
    scores = {}
    for name, chosen in methods.items():
        kind = ColumnType.Numerical if numeric[name] else ColumnType.Categorical
        before, after = reference[name].to_pandas().dropna(), current[name].to_pandas().dropna()
        result = get_stattest(before, after, kind, chosen.method)(before, after, kind, chosen.threshold)
        scores[name] = float(result.drift_score)
    return scores


def _report(
    reference: pa.Table,
    current: pa.Table,
    methods: Mapping[str, ColumnMethod],
    numeric: Mapping[str, bool],
    html: Path,
) -> dict[str, float]:
    definition = DataDefinition(
        numerical_columns=[name for name in methods if numeric[name]],
        categorical_columns=[name for name in methods if not numeric[name]],
    )
    metrics = [
        ValueDrift(column=name, method=chosen.method, threshold=chosen.threshold) for name, chosen in methods.items()
    ]
    snapshot = Report(metrics, include_tests=True).run(
        reference_data=Dataset.from_pandas(reference.to_pandas(), definition),
        current_data=Dataset.from_pandas(current.to_pandas(), definition),
    )
    write_text(html, snapshot.get_html_str(as_iframe=False))
    return {item["config"]["column"]: float(item["value"]) for item in snapshot.dict()["metrics"]}
