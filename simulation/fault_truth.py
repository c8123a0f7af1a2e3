"""The truth about faults: one row per fault and delivered row, and one per pass that a working camera missed.

Belongs here: the fault tables, one per ROCU, and the small lookups that all tables of truth share. Does not: lasting
faults of cameras (`simulation.truth`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from simulation.cameras import Cameras
from simulation.delivery import Delivered
from simulation.faults import FLAGS
from simulation.passing import Passes
from simulation.population import Population
from simulation.world import World


@dataclass(frozen=True)
class Handed:
    """What one ROCU was handed, and what its cameras missed."""

    delivered: Delivered
    vocabulary: NDArray[np.bytes_]
    missed: Passes


def write_faults(world: World, cameras: Cameras, population: Population, handed: Handed, path: Path) -> dict[str, int]:
    """Write the faults of one ROCU's rows.

    Returns:
        Number of rows per kind of fault.
    """
    tables = {"missed": _missed(cameras, population, world, handed.missed)}
    for name, flag in FLAGS.items():
        tables[name] = _faulty(world, cameras, population, handed, name, flag)
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(pa.concat_tables(tables.values()), path, compression="zstd")
    return {name: table.num_rows for name, table in tables.items()}


def texts(names: Any, index: NDArray[Any]) -> pa.Array:
    """Texts looked up by index."""
    return pa.array([None if name is None else str(name) for name in names], pa.string()).take(pa.array(index))


def vrms(population: Population, vehicle: NDArray[Any]) -> pa.Array:
    """The true VRM of each vehicle."""
    return pa.array(population.plates[population.plate[vehicle]].astype(str))


def times_of(world: World, seconds: NDArray[Any]) -> pa.Array:
    """Seconds of the world as timestamps."""
    return pa.array(np.datetime64(world.start.isoformat(), "s") + seconds.astype("timedelta64[s]"))


def _faulty(world: World, cameras: Cameras, population: Population, handed: Handed, name: str, flag: int) -> pa.Table:
    delivered = handed.delivered
    hit = np.flatnonzero(delivered.rows.flags & flag)
    rows = delivered.rows.take(hit)
    return pa.table(
        {
            "fault": texts([name], np.zeros(len(hit), dtype=np.int8)),
            "camera_id": texts(cameras.camera_id, cameras.mounts.camera[rows.mount]),
            "captured_at": times_of(world, rows.second),
            "vehicle_id": rows.vehicle,
            "vrm": vrms(population, rows.vehicle),
            "delivered_vrm": pa.array(handed.vocabulary[rows.vrm].astype(str)),
            "clock_seconds": rows.reported - rows.second,
            "file": texts(delivered.files, delivered.file[hit]),
            "row_no": delivered.row_no[hit],
        }
    )


def _missed(cameras: Cameras, population: Population, world: World, missed: Passes) -> pa.Table:
    nothing, number = pa.nulls(len(missed), pa.string()), pa.nulls(len(missed), pa.int32())
    return pa.table(
        {
            "fault": texts(["missed"], np.zeros(len(missed), dtype=np.int8)),
            "camera_id": texts(cameras.camera_id, cameras.mounts.camera[missed.mount]),
            "captured_at": times_of(world, missed.second),
            "vehicle_id": missed.vehicle,
            "vrm": vrms(population, missed.vehicle),
            "delivered_vrm": nothing,
            "clock_seconds": number,
            "file": nothing,
            "row_no": number,
        }
    )
