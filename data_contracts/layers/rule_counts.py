"""The layer `rule_counts`: how many rows of each batch broke each rule, by camera, feed, force and day.

Belongs here: the counting, from the tables that judging leaves. Does not: single rows (quarantine), or pages.
"""

from __future__ import annotations

import duckdb

from data_contracts.judgement.verdicts import BATCH_FAILED
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.parts import write_table
from infra.lake import Lake

RULE_COUNT_COLUMNS = {
    "batch_id": "VARCHAR",
    "rule": "VARCHAR",
    "severity": "VARCHAR",
    "camera_id": "VARCHAR",
    "feed_id": "VARCHAR",
    "force": "VARCHAR",
    "day": "DATE",
    "rows": "BIGINT",
}
_PLACE = "camera_id, feed_id, force, day"
_PLACED = """
    SELECT batch_no, row_no, batch_id, failed, registered.force, judged.captured_at::DATE AS day,
        judged.camera_id, feed_id
    FROM judged JOIN named USING (batch_no) LEFT JOIN registered USING (register_no)"""


def write_rule_counts(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, part_id: str
) -> tuple[PartRef, ...]:
    """Write how many rows broke each rule, warnings included, as one part; none if no row broke any.

    Every row of a failed batch counts for the rule `batch_failed` as well. A row without a register
    entry in force has no force.

    Args:
        connection: Holds `failing`, `rules_named`, `judged`, `registered` and `named`.
        lake: Where the layer is.
        rocu: Code of the ROCU, lower case.
        part_id: Names the part.
    """
    path = lake.folder("rule_counts", rocu) / f"{part_id}.parquet"
    return write_table(connection, lake, path, "rule_counts", f"{_counts()} ORDER BY ALL")


def _counts() -> str:
    columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in RULE_COUNT_COLUMNS.items())
    return f"""
        WITH placed AS NOT MATERIALIZED ({_PLACED})
        SELECT {columns} FROM (
            SELECT batch_id, rule, severity, {_PLACE}, count(*) AS rows
            FROM failing JOIN rules_named USING (rule_no) JOIN placed USING (batch_no, row_no) GROUP BY ALL
            UNION ALL
            SELECT batch_id, '{BATCH_FAILED}', 'fail', {_PLACE}, count(*) FROM placed WHERE failed GROUP BY ALL)"""
