"""No raw plate past the door: after the whole loop every file is searched for every plate of the world."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from loop_support import AS_OF, Loop, Said

SEALED = {"landing", "vault"}
PLATE_RUN = re.compile(rb"[A-Z0-9]{6,9}")


def _plates(world: Path) -> set[bytes]:
    found: set[bytes] = set()
    for path in world.glob("*/reads/*"):
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        rows = csv.DictReader(text.splitlines())
        found |= {re.sub(r"[^A-Z0-9]", "", row["vrm"].upper()).encode() for row in rows}
    return {plate for plate in found if 6 <= len(plate) <= 8 and plate.isalnum() and not plate.isdigit()}


def _content(path: Path) -> bytes:
    """The bytes of a file as a reader sees them: Parquet and compressed content unpacked."""
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path).read()
        text = [column.cast(pa.string()).to_pylist() for column in table.columns if pa.types.is_string(column.type)]
        lists = [str(column.to_pylist()) for column in table.columns if pa.types.is_list(column.type)]
        return "\n".join([*(value or "" for column in text for value in column), *lists, str(table.schema)]).encode()
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return zlib.decompress(raw, 31)
    return raw


def test_no_plate_of_the_world_is_in_any_file_after_ingest(in_force: Loop) -> None:
    plates = _plates(in_force.world)
    assert len(plates) > 1000
    searched = 0
    for path in in_force.home.rglob("*"):
        if path.is_file() and not SEALED & set(path.relative_to(in_force.home).parts):
            searched += 1
            runs = set(PLATE_RUN.findall(_content(path)))
            assert not runs & plates, path
    assert searched > 100


def test_sealed_files_do_not_show_what_is_in_them(in_force: Loop) -> None:
    plates = _plates(in_force.world)
    sealed = [path for layer in SEALED for path in (in_force.home / "lake" / layer).rglob("*") if path.is_file()]
    assert sealed
    for path in sealed:
        content = path.read_bytes()
        assert content.startswith(b"age-encryption.org/v1")
        assert not set(PLATE_RUN.findall(content)) & plates


def _top_vehicle(loop: Loop) -> str:
    rows = loop.done("analyst", "scores", "--rocu", "nwrocu", "--as-of", AS_OF, "--top", "1", "--json").data["rows"]
    return str(rows[0]["vehicle"])


def _reveal(loop: Loop, who: str, vehicle: str, purpose: str, authority: str) -> Said:
    return loop(
        who, "vault", "reveal", vehicle, "--rocu", "nwrocu", "--purpose", purpose, "--authority", authority, "--json"
    )


def test_reveal_with_purpose_and_authority_gives_the_plate_and_is_logged(in_force: Loop) -> None:
    vehicle = _top_vehicle(in_force)
    said = _reveal(in_force, "analyst", vehicle, "investigation", "NWR/2026-117")
    assert said.code == 0, said.err
    assert said.data[vehicle].encode() in _plates(in_force.world)
    logged = in_force.done("auditor", "audit", "search", "--action", "vault.reveal", "--rocu", "nwrocu", "--json").data
    assert logged[-1]["object"] == vehicle
    assert logged[-1]["operation"] == "consultation"
    assert logged[-1]["authority"] == "NWR/2026-117"


def test_reveal_is_refused_without_role_purpose_or_authority(in_force: Loop) -> None:
    vehicle = _top_vehicle(in_force)
    for who, purpose, authority in (
        ("engineer", "investigation", "NWR/2026-117"),
        ("analyst", "curiosity", "NWR/2026-117"),
        ("analyst", "investigation", "because"),
    ):
        said = _reveal(in_force, who, vehicle, purpose, authority)
        assert said.code == 1
        assert "what to do" in said.err
        assert not said.out
    refused = in_force.done("auditor", "audit", "search", "--action", "vault.reveal", "--outcome", "refused", "--json")
    assert len(refused.data) >= 3
