"""Rules about what reads of one VRM say of the vehicle: make, model and colour (DQ12).

Looked at within one call and not kept: a description that disagrees is noted, not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from data_contracts.across_rows.scene import Family, Scene, told
from data_contracts.contract.document import Rule
from data_contracts.sources.inspection import Delivery

DESCRIBING = ("make", "model", "colour")


def describing_fields(deliveries: Sequence[Delivery]) -> tuple[str, ...]:
    """Those fields about the vehicle that any of the files has."""
    there = {name for delivery in deliveries for name, _ in (*delivery.layout.positions, *delivery.layout.names)}
    return tuple(field for field in DESCRIBING if field in there)


def keep_descriptions(connection: duckdb.DuckDBPyConnection, fields: Sequence[str]) -> None:
    """Make the table `described` (batch_no, row_no, make, model, colour) from `delivered`, which has these fields."""
    columns = ", ".join(f if f in fields else f"NULL::VARCHAR AS {f}" for f in DESCRIBING)
    given = " OR ".join(f"{field} IS NOT NULL" for field in fields) or "false"
    connection.execute(f"CREATE TABLE described AS SELECT batch_no, row_no, {columns} FROM delivered WHERE {given}")


def _make(scene: Scene) -> None:
    counted = ", ".join(f"nullif(count(DISTINCT {field}), 0) AS {field}s" for field in DESCRIBING)
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE descriptions AS
            SELECT vehicle_no, {counted} FROM described JOIN kept USING (batch_no, row_no) GROUP BY vehicle_no"""
    )


def _settle(scene: Scene, rule: Rule) -> str:
    field = str(rule.kwargs["column"]).removesuffix("s")
    scene.connection.execute(
        f"""INSERT INTO noted BY NAME
            WITH said AS (
                SELECT kept.*, {field} AS said FROM described JOIN kept USING (batch_no, row_no)
                SEMI JOIN breaking USING (vehicle_no) WHERE {field} IS NOT NULL),
            counted AS (
                SELECT vehicle_no, said, count(*) AS times, sum(count(*)) OVER (PARTITION BY vehicle_no) AS all_times,
                    row_number() OVER (PARTITION BY vehicle_no ORDER BY count(*) DESC, min(captured_at), said) AS place
                FROM said GROUP BY vehicle_no, said)
            SELECT batch_no, row_no, '{rule.name}' AS rule, 'rarer_{field}' AS cause, vehicle_no, camera_id,
                1 - times / all_times AS score, captured_at
            FROM said JOIN counted USING (vehicle_no, said) WHERE place > 1"""
    )
    return f"SELECT batch_no, row_no FROM noted WHERE rule = '{rule.name}'"


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    return told(
        scene,
        "vehicle|vehicles",
        f"""SELECT batch_no, format('{{}} of the reads of vehicle {{}}', count(*), left(any_value(vehicle), 8))
            FROM noted JOIN vehicles USING (vehicle_no) WHERE rule = '{rule.name}'
            GROUP BY batch_no, vehicle_no ORDER BY count(*) DESC, vehicle_no""",
    )


DESCRIPTIONS = Family("descriptions", ("vehicle_no",), _make, _settle, _tell)
