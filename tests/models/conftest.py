"""A small lake with known out-and-back vehicles, and one training run on it, shared by the tests of training."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.layers.manifests import BatchManifest, DispositionRecord, IngestRecord, PartRef
from infra.lake import Lake, file_sha256
from infra.settings import Settings
from models.inputs import TrainingInputs
from models.patterns import get_pattern
from models.pipeline import TrainingOutputs, run_training
from models.training_settings import TrainingSettings

ROCU = "nwrocu"
FIRST_DAY = date(2026, 1, 5)
DAYS = 35
WINDOW_ENDS = tuple(FIRST_DAY + timedelta(days=back) for back in (13, 20, 27, 34))
AS_OF = WINDOW_ENDS[-1] + timedelta(days=7)
PLACES = {
    "hub-1": (53.40, -2.98),
    "hub-2": (53.42, -2.94),
    "hub-3": (53.38, -2.90),
    "road-1": (53.70, -2.75),
    "town-1": (54.32, -2.74),
    "town-2": (54.33, -2.76),
}
OUT_AND_BACK = (("hub-1", 0), ("road-1", 30), ("town-1", 85), ("town-2", 120), ("road-1", 170), ("hub-2", 205))
LOCAL = (("hub-1", 0), ("hub-2", 12), ("hub-3", 25), ("hub-2", 480), ("hub-1", 500))


@dataclass(frozen=True)
class World:
    """A lake and what is true in it."""

    settings: Settings
    lake: Lake
    inputs: TrainingInputs
    runners: tuple[str, ...]


def token(number: int) -> str:
    digits = hashlib.sha256(f"vehicle {number}".encode()).hexdigest()[:32]
    return digits.translate(str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst"))


def _day_rows(day: date, vehicles: list[str], runners: set[str], chance: random.Random) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for vehicle in vehicles:
        runs = vehicle in runners and chance.random() < 0.5
        if not runs and chance.random() < 0.3:
            continue
        start = datetime(day.year, day.month, day.day, chance.randrange(6, 12), chance.randrange(60))  # noqa: DTZ001
        for camera, minutes in OUT_AND_BACK if runs else LOCAL:
            seen = start + timedelta(minutes=minutes + chance.randrange(5), seconds=chance.randrange(60))
            rows.append({"vehicle": vehicle, "camera_id": camera, "captured_at": seen})
    rows.sort(key=lambda row: (str(row["vehicle"]), str(row["captured_at"])))
    return rows


def _reads_table(rows: list[dict[str, object]], batch_id: str) -> pa.Table:
    count = len(rows)
    cameras = [str(row["camera_id"]) for row in rows]
    text, number, flag, moment = pa.string(), pa.float64(), pa.bool_(), pa.timestamp("us")
    return pa.table(
        {
            "batch_id": pa.array([batch_id] * count, text),
            "row_no": pa.array(range(1, count + 1), pa.int64()),
            "vehicle": pa.array([row["vehicle"] for row in rows], text),
            "plate_format": pa.array(["current"] * count, text),
            "plate_repaired": pa.array([False] * count, flag),
            "captured_at": pa.array([row["captured_at"] for row in rows], moment),
            "received_at": pa.array([None] * count, moment),
            "camera_id": pa.array(cameras, text),
            "site_id": pa.array(cameras, text),
            "latitude": pa.array([PLACES[camera][0] for camera in cameras], number),
            "longitude": pa.array([PLACES[camera][1] for camera in cameras], number),
            "force": pa.array(["Merseyside"] * count, text),
            "confidence": pa.array([95.0] * count, number),
            "motion_toward_camera": pa.array([None] * count, flag),
            "feed_id": pa.array([None] * count, text),
            "source_id": pa.array([None] * count, text),
            "contract_version": pa.array(["1.0.0"] * count, text),
        }
    )


def _place(lake: Lake, layer: str, path: Path, table: pa.Table, day: date | None) -> PartRef:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return PartRef(
        layer=layer,  # type: ignore[arg-type]
        path=lake.relative(path),
        sha256=file_sha256(path),
        rows=table.num_rows,
        date=day,
    )


def _findings_table(vehicles: list[str], runners: list[str], chance: random.Random) -> pa.Table:
    rows = []
    for position, window_end in enumerate(WINDOW_ENDS):
        decided_at = datetime(window_end.year, window_end.month, window_end.day, 12) + timedelta(days=5)  # noqa: DTZ001
        found = runners[3 * position : 3 * position + 3]
        cleared = chance.sample([vehicle for vehicle in vehicles if vehicle not in runners], 8)
        for vehicle in (*found, *cleared):
            finding = "confirmed" if vehicle in found else "eliminated"
            rows.append((vehicle, window_end, finding, decided_at))
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=["vehicle", "window_end", "finding", "decided_at"])
    return table.set_column(3, "decided_at", table.column("decided_at").cast(pa.timestamp("us")))


def _record_findings(lake: Lake, parts: tuple[PartRef, ...]) -> None:
    batch = BatchManifest(
        batch_id="f",
        sha256="f",
        size_bytes=1,
        delivered_as="findings.csv",
        source="canonical",
        rows=parts[0].rows,
        accepted=parts[0].rows,
        quarantined=0,
        duplicates=0,
        rules={},
        verdict="passed",
    )
    record = DispositionRecord(
        rocu=ROCU,
        loaded_at=datetime(2026, 3, 1, tzinfo=UTC),
        contract_version="1.0.0",
        contract_digest="c",
        source_digest="s",
        batch=batch,
        parts=parts,
    )
    (lake.folder("dispositions", ROCU) / "f.json").write_text(record.model_dump_json())


def build_world(home: Path) -> World:
    """Ninety vehicles over five weeks, fourteen of which run to a town 100 km away; twelve of those are found."""
    settings = Settings(home=home)
    lake = Lake(settings.lake)
    chance = random.Random(7)  # noqa: S311
    vehicles = [token(number) for number in range(90)]
    runners = vehicles[:14]
    reads = []
    for offset in range(DAYS):
        day = FIRST_DAY + timedelta(days=offset)
        table = _reads_table(_day_rows(day, vehicles, set(runners), chance), f"{offset:016x}")
        path = lake.folder("reads", ROCU, date=day.isoformat()) / f"part-{offset:03d}.parquet"
        reads.append(_place(lake, "reads", path, table, day))
    found = lake.folder("dispositions", ROCU) / "findings.parquet"
    dispositions = (_place(lake, "dispositions", found, _findings_table(vehicles, runners, chance), None),)
    record = IngestRecord(
        ingest_id="one",
        rocu=ROCU,
        ingested_at=datetime(2026, 3, 1, tzinfo=UTC),
        contract_version="1.0.0",
        contract_digest="c",
        register_digest="r",
        source_digest="s",
        batches=(),
        parts=tuple(reads),
    )
    ingest = lake.folder("ingests", ROCU) / "one.json"
    ingest.parent.mkdir(parents=True)
    ingest.write_text(record.model_dump_json())
    _record_findings(lake, dispositions)
    inputs = TrainingInputs(
        rocu=ROCU,
        pattern="county_lines",
        as_of=AS_OF,
        window_ends=WINDOW_ENDS,
        reads=tuple(reads),
        dispositions=dispositions,
        register_digest="r",
        pattern_settings=get_pattern("county_lines").settings_type(window_days=14).model_dump(mode="json"),
        training=TrainingSettings(
            min_holdout_positives=3, min_train_positives=3, trees=40, bootstrap_replicates=50, unreviewed_per_reviewed=3
        ),
        capacity=5,
        policy_digest="p",
        contract_versions=("1.0.0",),
    )
    return World(settings, lake, inputs, tuple(runners))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def trained(world: World) -> TrainingOutputs:
    """One real run of the pipeline, in a DVC workspace."""
    return run_training(world.settings, world.lake, world.inputs, world.settings.root / "workspaces" / "shared")
