"""The files that a ROCU is handed: reads and the camera register.

Belongs here: order of rows, formats, file names. Does not: what is in the rows (`simulation.faults`).
"""

from __future__ import annotations

import gzip
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from simulation.cameras import FOREVER, Cameras, road_name
from simulation.faults import BAD_CAMERA, BAD_TIME, LATE, Rows
from simulation.lives.setting import Ints, date_of
from simulation.places import Places, area_groups
from simulation.tours import DAY
from simulation.world import World

IMPOSSIBLE_TIME = "2026-02-30T25:61:00Z"
PLAIN_CSV = pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
UNKNOWN_CAMERA = "9990001"
GZIP_LEVEL = 3
WRITERS = 2


@dataclass(frozen=True)
class Delivered:
    """The rows in the order of the files.

    Args:
        rows: Sorted by file, reported time and camera.
        file: Index of each row's file.
        row_no: 1-based number of each row in its file.
        files: Paths below the output folder.
    """

    rows: Rows
    file: NDArray[np.int32]
    row_no: NDArray[np.int32]
    files: tuple[str, ...]


def arrange(world: World, places: Places, cameras: Cameras, rows: Rows) -> Delivered:
    """Give each row its file (ROCU, day or week of delivery, late feeds apart) and put the rows in a total order."""
    camera = cameras.mounts.camera[rows.mount]
    day = rows.day.astype(np.int64)
    if world.delivery.period == "weekly":
        day = np.minimum(day // 7 * 7 + 6, world.days - 1)
    late = (rows.flags & LATE) > 0
    feed = np.where(late, cameras.force[camera] + 1, 0)
    slot = (cameras.rocu[camera] * world.days + day) * (len(places.forces) + 1) + feed
    used = np.flatnonzero(np.bincount(slot))
    file = np.searchsorted(used, slot)
    order = np.argsort((file << 43) | (rows.reported.astype(np.int64) << 17) | camera, kind="stable")
    file = file[order].astype(np.int32)
    first = np.searchsorted(file, np.arange(len(used)))
    names = tuple(_file_name(world, places, int(number)) for number in used)
    row_no = (np.arange(len(file)) - first[file] + 1).astype(np.int32)
    return Delivered(rows.take(order), np.asarray(file, dtype=np.int32), row_no, names)


def write_reads(
    world: World,
    places: Places,
    cameras: Cameras,
    delivered: Delivered,
    vocabulary: NDArray[np.bytes_],
    out: Path,
) -> None:
    """Write every file of reads."""
    columns = _Columns(world, places, cameras, vocabulary)
    bounds = np.searchsorted(delivered.file, np.arange(len(delivered.files) + 1))

    def write(number: int) -> None:
        rows = delivered.rows.take(np.arange(bounds[number], bounds[number + 1]))
        path = out / delivered.files[number]
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_table(columns.table(rows), path)

    with ThreadPoolExecutor(WRITERS) as pool:
        # the list makes an error in a thread an error here
        list(pool.map(write, range(len(delivered.files))))


def write_register(world: World, places: Places, cameras: Cameras, out: Path) -> None:
    """Write the camera register of each ROCU, as the ROCU knows its cameras."""
    mounts = cameras.mounts
    for rocu, code in enumerate(world.rocus):
        kept = np.flatnonzero((cameras.rocu[mounts.camera] == rocu) & cameras.registered[mounts.camera])
        camera = mounts.camera[kept]
        table = pa.table(
            {
                "camera_id": cameras.camera_id[camera],
                "latitude": mounts.latitude[kept],
                "longitude": mounts.longitude[kept],
                "valid_from": [_midnight(world, day) for day in mounts.known_from[kept]],
                "valid_to": [None if day == FOREVER else _midnight(world, day) for day in mounts.known_to[kept]],
                "force": [places.forces[force] for force in mounts.force[kept]],
                "site_id": cameras.site_id[camera],
                "kind": ["fixed"] * len(kept),
                "road": [road_name(int(road)) for road in mounts.road_class[kept]],
                "bearing": pa.array(mounts.bearing[kept].astype(np.int64), mask=mounts.edge[kept] < 0),
                "area_group": area_groups(places, mounts.latitude[kept], mounts.longitude[kept]).tolist(),
            }
        )
        (out / code).mkdir(parents=True, exist_ok=True)
        _write_table(table, out / code / "cameras.csv")


def iso_times(world: World, seconds: Ints | NDArray[np.int32]) -> pa.Array:
    """Seconds of the world as ISO 8601 text in UTC."""
    return _Clock(world)(seconds)


@cache
def _times_of_day() -> pa.Array:
    return pa.array(
        [f"{hour:02d}:{minute:02d}:{second:02d}Z" for hour in range(24) for minute in range(60) for second in range(60)]
    )


class _Clock:
    """Seconds of the world to text, by joining texts of days and of seconds of a day: far quicker than formatting."""

    def __init__(self, world: World) -> None:
        first = datetime.combine(world.start, time())
        self.before = 7
        days = (first + timedelta(days=day) for day in range(-self.before, world.days + 60))
        self.days = pa.array([day.strftime("%Y-%m-%dT") for day in days])
        self.times = _times_of_day()

    def __call__(self, seconds: Ints | NDArray[np.int32]) -> pa.Array:
        day, rest = np.divmod(seconds, DAY)
        return pc.binary_join_element_wise(
            self.days.take(pa.array(day + self.before)), self.times.take(pa.array(rest)), ""
        )


class _Columns:
    """The texts that rows are made of, looked up by index."""

    def __init__(self, world: World, places: Places, cameras: Cameras, vocabulary: NDArray[np.bytes_]) -> None:
        self.cameras = cameras
        self.clock = _Clock(world)
        self.vrm = pa.array(vocabulary.astype(str))
        self.camera_id = pa.array([*cameras.camera_id.tolist(), UNKNOWN_CAMERA])
        self.feed = pa.array([str(places.feeds[force]) for force in cameras.force])
        self.source = pa.array([str(places.feeds[force] * 10 + way % 2) for way, force in enumerate(cameras.force)])
        self.toward = pa.array(np.where(cameras.toward, "true", "false"))

    def table(self, rows: Rows) -> pa.Table:
        camera = self.cameras.mounts.camera[rows.mount]
        known = np.where(rows.flags & BAD_CAMERA, len(self.cameras.camera_id), camera)
        captured = self.clock(rows.reported)
        impossible = (rows.flags & BAD_TIME) > 0
        if impossible.any():
            captured = pc.if_else(pa.array(impossible), IMPOSSIBLE_TIME, captured)
        return pa.table(
            {
                "vrm": self.vrm.take(pa.array(rows.vrm)),
                "captured_at": captured,
                "camera_id": self.camera_id.take(pa.array(known)),
                "confidence": pa.array(rows.confidence),
                "motion_toward_camera": self.toward.take(pa.array(camera)),
                "feed_id": self.feed.take(pa.array(camera)),
                "source_id": self.source.take(pa.array(camera)),
                "received_at": self.clock(rows.received),
            }
        )


def _file_name(world: World, places: Places, slot: int) -> str:
    rest, feed = divmod(slot, len(places.forces) + 1)
    rocu, day = divmod(rest, world.days)
    late = f"_{places.feeds[feed - 1]}" if feed else ""
    return f"{world.rocus[rocu]}/reads/{date_of(world, day)}{late}.{world.delivery.format}"


def _midnight(world: World, day: int) -> str:
    return f"{date_of(world, day)}T00:00:00Z"


def _write_table(table: pa.Table, path: Path) -> None:
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, path, compression="zstd")
        return
    text = io.BytesIO()
    pa.csv.write_csv(table, text, PLAIN_CSV)
    data = text.getbuffer()
    # without a time in the header the same rows give the same bytes
    path.write_bytes(gzip.compress(data, GZIP_LEVEL, mtime=0) if path.suffix == ".gz" else data)
