from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from simulation.simulate import SimulationReport, simulate
from simulation.world import WORLDS, World, load_world


@dataclass(frozen=True)
class Simulated:
    """A world, the folder that it was delivered to, and DuckDB views of both sides."""

    world: World
    folder: Path
    report: SimulationReport
    sql: duckdb.DuckDBPyConnection

    def one(self, query: str) -> tuple[object, ...]:
        row = self.sql.execute(query).fetchone()
        assert row is not None
        return row


def open_views(folder: Path) -> duckdb.DuckDBPyConnection:
    sql = duckdb.connect(config={"threads": 2})
    sql.execute("SET TimeZone = 'UTC'")
    reads = f"read_csv('{folder}/*/reads/*.csv*', all_varchar = true, filename = true)"
    sql.execute(
        f"CREATE TABLE reads AS SELECT * REPLACE (replace(filename, '{folder}/', '') AS filename),"
        f" replace(filename, '{folder}/', '').split('/')[1] AS rocu,"
        " try_cast(captured_at AS timestamptz)::timestamp AS seen"
        f" FROM {reads}"
    )
    sql.execute(f"CREATE VIEW register AS SELECT * FROM read_csv('{folder}/*/cameras.csv', all_varchar = true)")
    sql.execute(f"CREATE VIEW found AS SELECT * FROM read_csv('{folder}/*/dispositions/*.csv', all_varchar = true)")
    for path in sorted((folder / "truth").glob("*.parquet")):
        sql.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
    sql.execute(f"CREATE VIEW faults AS SELECT * FROM '{folder}/truth/faults/*.parquet'")
    return sql


@pytest.fixture(scope="session")
def tiny_world() -> World:
    """Two weeks of one region: enough to compare bytes."""
    content = load_world(WORLDS / "small.yaml").model_dump()
    content |= {"name": "tiny", "weeks": 2, "rocus": ("nwrocu",), "events": ()}
    content["places"]["min_population"] = 40_000
    content["vehicles"]["count"] = 250
    content["dispositions"]["first_window_days"] = 7
    return World.model_validate(content)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    world = load_world(WORLDS / "small.yaml")
    folder = tmp_path_factory.mktemp("simulated") / "small"
    report = simulate(world, folder, 3)
    return Simulated(world, folder, report, open_views(folder))
