"""How far legs are looked for does not follow a slip in the camera register."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from data_contracts.across_rows.legs import reach_of
from data_contracts.across_rows.scene import Scene
from data_contracts.judgement.limits import IngestLimits


@pytest.mark.parametrize(("cameras", "slips", "hours"), [(500, 1, 1), (500, 0, 1), (5, 1, 6)])
def test_one_camera_on_the_other_side_of_the_earth_widens_nothing(room, cameras, slips, hours):
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE places AS SELECT n * 80.0 / {cameras} AS x, 0.0 AS y, 0.0 AS z FROM range({cameras}) t (n)
                UNION ALL SELECT 9000.0, 0.0, 0.0 FROM range({slips})"""
        )
        found = reach_of(Scene(connection, room.lake, room.rocu, IngestLimits()))
    assert timedelta(0) < found <= timedelta(hours=hours)
