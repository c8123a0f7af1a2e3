"""What the rules across rows look at: the reads that are about to be accepted, and what a family of rules is.

Belongs here: the view `kept`, the tables `noted` and `breaking`, which every family shares. Does not: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from data_contracts.contract.document import Rule
from data_contracts.judgement.limits import IngestLimits
from infra.lake import Lake

SHOWN = 3
EARTH_KM = 6371.0088
ROW_BITS = 40


@dataclass(frozen=True)
class Scene:
    """One call, as the rules across rows see it.

    Args:
        connection: Holds `judged`, `candidates`, `doubled`, `rejected`, `registered`, `vehicles`, `named`, `described`.
        lake: Where reads and counts of earlier calls are.
        rocu: Code of the ROCU, lower case.
        limits: How strictly the files are judged.
        superseded: Ids of records whose reads count for nothing, because their place is about to be taken.
        opaque: VRMs are identifiers without a grammar.
        positioned: Reads have positions of their own.
    """

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    rocu: str
    limits: IngestLimits
    superseded: tuple[str, ...] = ()
    opaque: bool = False
    positioned: bool = False


@dataclass(frozen=True)
class Family:
    """Rules about one table of the contract.

    Args:
        table: The table, as the contract names it.
        keys: The columns that name a row of it.
        make: Makes the table.
        settle: For a rule, with its failing keys in the table `breaking`: writes the notes that there are, and gives
            SQL for the reads that the rule counts (batch_no, row_no).
        tell: For a rule, likewise: what to say of each batch, by its number.
    """

    table: str
    keys: tuple[str, ...]
    make: Callable[[Scene], None]
    settle: Callable[[Scene, Rule], str]
    tell: Callable[[Scene, Rule], Mapping[int, str]]


def set_scene(scene: Scene) -> None:
    """Make the view `kept`, the reads about to be accepted, each with a `read_no`, and the empty table `noted`."""
    position = "latitude, longitude" if scene.positioned else "NULL::DOUBLE AS latitude, NULL::DOUBLE AS longitude"
    scene.connection.execute(
        f"""CREATE OR REPLACE VIEW kept AS
            SELECT (batch_no::BIGINT << {ROW_BITS}) | row_no AS read_no, batch_no, row_no, vehicle_no, camera_id,
                register_no, captured_at, received_at, {position}, confidence, feed_id, plate_format
            FROM candidates"""
    )
    scene.connection.execute(
        """CREATE OR REPLACE TABLE noted (batch_no INTEGER, row_no BIGINT, rule VARCHAR, cause VARCHAR,
            vehicle_no INTEGER, camera_id VARCHAR, other_vehicle_no INTEGER, other_batch_id VARCHAR,
            other_row_no BIGINT, score DOUBLE, value DOUBLE, captured_at TIMESTAMP)"""
    )


def batch_of(read_no: str) -> str:
    """SQL for the batch number in a read's number."""
    return f"({read_no} >> {ROW_BITS})::INTEGER"


def row_of(read_no: str) -> str:
    """SQL for the row number in a read's number."""
    return f"({read_no} & {(1 << ROW_BITS) - 1})"


def told(scene: Scene, many: str, query: str) -> dict[int, str]:
    """Sentences of each batch: how many things break a rule, and the first few of them.

    Args:
        scene: Where the tables are.
        many: What one of the things is called, and several, with `|` between.
        query: SQL for (batch_no, thing in words), the worst first.
    """
    found = scene.connection.execute(
        f"""SELECT batch_no, count(*), list(said ORDER BY place)[:{SHOWN}]
            FROM (SELECT *, row_number() OVER () AS place FROM ({query}) AS things (batch_no, said))
            GROUP BY batch_no ORDER BY batch_no"""
    ).fetchall()
    return {
        batch_no: f"{number} {many.split('|')[number > 1]}: {'; '.join(said)}{'; …' if number > SHOWN else ''}"
        for batch_no, number, said in found
    }
