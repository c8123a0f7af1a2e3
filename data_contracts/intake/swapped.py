"""Files whose columns of camera and VRM were taken for one another: found by what the register knows, and told so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from data_contracts.judgement.verdicts import Judgement

COLUMNS_LOOK_SWAPPED = "columns_look_swapped"


def find_swapped(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `swapped` (batch_no, unknown, cameras): batches with mostly unknown cameras, and ids of cameras as VRMs.

    Needs `judged`, `delivered` and `register`. Looks at texts only where most cameras are unknown.
    """
    connection.execute(
        """CREATE TABLE swapped AS
            WITH strange AS (
                SELECT batch_no, count(*) AS rows, count(*) FILTER (camera_fault = 'unknown') AS unknown
                FROM judged GROUP BY batch_no HAVING unknown > rows / 2)
            SELECT batch_no, any_value(unknown) AS unknown, count(*) AS cameras
            FROM delivered JOIN strange USING (batch_no) WHERE vrm IN (SELECT camera_id FROM register)
            GROUP BY batch_no HAVING cameras > any_value(strange.rows) / 2"""
    )


def tell_swapped(connection: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """The judgements; those of swapped batches say so before anything else, and how to have such files read."""
    found = {
        batch_no: (unknown, cameras) for batch_no, unknown, cameras in connection.execute("FROM swapped").fetchall()
    }
    told = list(judgements)
    for batch_no, (unknown, cameras) in found.items():
        judgement = told[batch_no]
        said = (
            f"{COLUMNS_LOOK_SWAPPED}: the camera of {unknown} of {judgement.rows} rows is not in the register, and the "
            f"VRM of {cameras} is a camera of the register. Say in the `columns` of a source which column is which, "
            "and ingest the file again with that --source."
        )
        told[batch_no] = replace(judgement, reasons=(said, *judgement.reasons))
    return tuple(told)
