"""A home of its own for each test, with a register, and short ways to deliver files to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_contracts.ingest import IngestReport, ingest_files
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.manifests import IngestRecord, PartRef
from data_contracts.layers.reads import ingest_records, read_parts, reads_relation
from data_contracts.registers.cameras import load_cameras
from data_contracts.sources.model import Source, load_source
from infra.lake import Lake
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
HEADER = "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
REGISTER = """camera_id,latitude,longitude,valid_from,valid_to,force,site_id
CAM-1,53.40,-2.98,2025-01-01,,Merseyside,SITE-A
CAM-2,53.80,-3.05,2025-01-01,,Lancashire,SITE-B
CAM-OLD,53.10,-2.40,2024-01-01,2026-05-01,Cheshire,
"""


def a_row(
    vrm: str = "AB12CDE",
    captured_at: str = "2026-05-18T08:00:00Z",
    camera_id: str = "CAM-1",
    confidence: str = "95",
    motion: str = "true",
    feed_id: str = "feed-one",
    source_id: str = "7",
    received_at: str = "2026-05-18T08:00:02Z",
) -> str:
    return ",".join([vrm, captured_at, camera_id, confidence, motion, feed_id, source_id, received_at])


@dataclass(frozen=True)
class Room:
    folder: Path
    settings: Settings
    lake: Lake
    rocu: str = "nwrocu"
    now: datetime = NOW

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def deliver(self, name: str, *rows: str) -> Path:
        return self.write(name, "\n".join([HEADER, *rows]) + "\n")

    def ingest(
        self,
        *files: Path,
        source: str | Source = "canonical",
        replaces: str | None = None,
        on_record: Callable[[IngestRecord], None] | None = None,
        **limits: Any,
    ) -> IngestReport:
        how = load_source(source) if isinstance(source, str) else source
        judged_by = IngestLimits(**limits)
        return ingest_files(
            self.settings, self.lake, self.rocu, files, how, judged_by, self.now, replaces, on_record=on_record
        )

    def cameras(self, content: str) -> None:
        self.cameras_of(self.write("register.csv", content))

    def cameras_of(self, file: Path) -> None:
        load_cameras(self.settings, self.lake, self.rocu, file, self.now)

    def reads(self, columns: str = "*") -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            parts = read_parts(self.lake, self.rocu, date.min, date.max)
            reads_relation(connection, self.lake, parts)
            return connection.execute(f"SELECT {columns} FROM reads ORDER BY batch_id, row_no").fetchall()

    def quarantine(self, columns: str = "row_no, rules") -> list[tuple[Any, ...]]:
        parts: list[PartRef] = [
            part
            for record in ingest_records(self.lake, self.rocu)
            for part in record.parts
            if part.layer == "quarantine"
        ]
        if not parts:
            return []
        with duckdb.connect() as connection:
            paths = [str(self.lake.root / part.path) for part in parts]
            return connection.execute(
                f"SELECT {columns} FROM read_parquet(?) ORDER BY batch_id, row_no", [paths]
            ).fetchall()

    def snapshot(self) -> dict[str, bytes]:
        """Every file under the lake, by path."""
        return {
            str(path.relative_to(self.lake.root)): path.read_bytes()
            for path in sorted(self.lake.root.rglob("*"))
            if path.is_file()
        }


def empty_room(folder: Path) -> Room:
    settings = Settings(home=folder / "home", memory_limit="1GB", lock_wait_s=0)
    return Room(folder, settings, Lake(settings.lake))


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = empty_room(tmp_path_factory.mktemp("furnished"))
    made.cameras(REGISTER)
    load_pseudonymiser(made.settings, made.rocu)
    return made.settings.root


@pytest.fixture
def room(tmp_path: Path, furnished: Path) -> Room:
    made = empty_room(tmp_path)
    shutil.copytree(furnished, made.settings.root)
    return made


@pytest.fixture(scope="session")
def room_again(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Room]:
    """A new room at each call, as furnished or as another is now: for fixtures, and examples that are generated."""

    def make(like: Room | None = None) -> Room:
        made = empty_room(tmp_path_factory.mktemp("example"))
        shutil.copytree(like.settings.root if like else furnished, made.settings.root)
        return made

    return make


@pytest.fixture(scope="session")
def unregistered(room_again: Callable[..., Room]) -> Room:
    """A home with one file, two of whose four rows are of a camera that nobody has registered yet; to be copied."""
    made = room_again()
    of_none = [a_row(vrm="AB12CDF", camera_id="CAM-3"), a_row(vrm="AB12CDG", camera_id="CAM-3", confidence="101")]
    file = made.deliver("one.csv", a_row(), *of_none, a_row(vrm="AB12CDH", camera_id="CAM-9"))
    made.ingest(file, max_quarantine_share=1)
    return made


@pytest.fixture
def late(unregistered: Room, room_again: Callable[..., Room]) -> Room:
    """The same when that camera has been registered."""
    made = room_again(unregistered)
    made.cameras("camera_id,latitude,longitude,valid_from,valid_to\nCAM-3,53.0,-2.5,2026-01-01,\n")
    return made


@pytest.fixture(name="row", scope="session")
def row_maker() -> Callable[..., str]:
    return a_row


@pytest.fixture
def header() -> str:
    return HEADER


@pytest.fixture
def bare_room(tmp_path: Path) -> Room:
    return empty_room(tmp_path)
