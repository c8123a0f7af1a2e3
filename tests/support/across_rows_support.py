"""Many cases of the rules across rows in one call: a file each, with cameras, feeds and plates that no other has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

import duckdb

from data_contracts.layers.manifests import BatchManifest
from data_contracts.layers.reads import layer_parts
from infra.pseudonyms import load_pseudonymiser

FIELDS = "vrm,captured_at,camera_id,confidence,feed_id,received_at"
MONDAY = date(2026, 5, 18)
REGISTER = """camera_id,latitude,longitude,valid_from,valid_to,force
CAM-1,53.40,-2.98,2025-01-01,,Merseyside
CAM-2,53.80,-3.05,2025-01-01,,Lancashire
CAM-Y,53.80,-1.50,2025-01-01,,West Yorkshire
CAM-B,53.41,-2.98,2025-01-01,,British Transport Police
CAM-N,53.42,-2.98,2025-01-01,,
"""
# no letter of these is taken for another
ENDINGS = ["".join(letters) for letters in product("HJLW", repeat=2)]


def plates(number: int) -> list[str]:
    """Valid plates of which no two are one confusion apart."""
    return [f"{a}{b}12{c}HW" for a in "HJLW" for b in "HJLW" for c in "HJLWBSZVMETAPK"][:number]


def line(vrm="HJ12HJL", at="08:00:00", camera="CAM-1", confidence="90", feed="nas", received="", day=MONDAY) -> str:
    return f"{vrm},{day}T{at}Z,{camera},{confidence},{feed},{received}"


def deliver(room, name, lines, fields=FIELDS):
    return room.write(f"{name}.csv", "\n".join([fields, *lines]) + "\n")


def notes(room, rule, columns="*", batch=None):
    parts = [str(room.lake.root / part.path) for part in layer_parts(room.lake, room.rocu, "notes")]
    if not parts:
        return []
    only = f"AND batch_id = '{batch.batch_id}'" if batch else ""
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {columns} FROM read_parquet(?) WHERE rule = ? {only} ORDER BY batch_id, row_no", [parts, rule]
        ).fetchall()


def one(report):
    (batch,) = report.batches
    return batch


@dataclass(frozen=True)
class Judged:
    """What came of the files of one call."""

    room: Any
    batches: dict[str, BatchManifest]

    def __getitem__(self, name: str) -> BatchManifest:
        return self.batches[name]

    def noted(self, rule: str, name: str, columns: str) -> list[tuple[Any, ...]]:
        return notes(self.room, rule, columns, self[name])

    def token(self, vrm: str) -> str:
        return load_pseudonymiser(self.room.settings, self.room.rocu).token(vrm)


def ingested(room, files: dict[str, list[str]], **limits: Any) -> Judged:
    report = room.ingest(*(deliver(room, name, lines) for name, lines in files.items()), **limits)
    return Judged(room, {batch.delivered_as.removesuffix(".csv"): batch for batch in report.batches})
