"""Reads, cameras and findings that others made, through the same code with a source description only."""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path

from data_contracts.cameras import current_register, load_cameras
from data_contracts.dispositions import load_dispositions
from data_contracts.limits import IngestLimits
from data_contracts.sources.model import Source

REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "vast2017"
SOURCE = Source(
    name="vast2017",
    columns={"vrm": "car-id", "captured_at": "Timestamp", "camera_id": "gate-name"},
    zone="UTC",
    plate_scheme="opaque",
)
LIMITS = IngestLimits(retention_days=400, retention_from="newest_read")


def test_all_reference_reads_and_findings_come_in(bare_room, capsys):
    if not REFERENCE.is_dir():
        with capsys.disabled():
            sys.stderr.write(f"\nreference data absent: {REFERENCE} is not on this machine, nothing was checked\n")
        return
    room = bare_room
    load_cameras(room.settings, room.lake, room.rocu, REFERENCE / "cameras.csv", room.now)
    assert current_register(room.lake, room.rocu).cameras == 40
    (batch,) = room.ingest(REFERENCE / "reads.csv.gz", source=SOURCE, **LIMITS.model_dump()).batches
    assert (batch.rows, batch.quarantined, batch.verdict) == (171_477, 0, "passed")
    assert batch.duplicates == close_reads(REFERENCE / "reads.csv.gz")
    assert batch.accepted == 171_477 - batch.duplicates
    assert len({vehicle for (vehicle,) in room.reads("vehicle")}) == 18_708
    file = REFERENCE / "dispositions.csv"
    (record,) = load_dispositions(room.settings, room.lake, room.rocu, [file], SOURCE, LIMITS, room.now).records
    assert (record.batch.rows, record.batch.accepted, record.batch.verdict) == (877, 877, "passed")


def close_reads(path: Path) -> int:
    """Readings of one ticket at one sensor at most five seconds after the last one that was kept."""
    kept: dict[tuple[str, str], datetime] = {}
    close = 0
    with gzip.open(path, "rt", newline="") as stream:
        for read in sorted(csv.DictReader(stream), key=itemgetter("Timestamp")):
            place, moment = (read["car-id"], read["gate-name"]), datetime.fromisoformat(read["Timestamp"])
            if place in kept and moment - kept[place] <= timedelta(seconds=5):
                close += 1
            else:
                kept[place] = moment
    return close
