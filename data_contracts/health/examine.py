"""The health of cameras from either source: counts alone, or the lake with its reads.

Belongs here: what is put together, which intervals fall in the span. Does not: permissions (flows), drawing (picture).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from data_contracts.health.clock_times import change_unheeded
from data_contracts.health.confidence import find_confidence_decay
from data_contracts.health.counts import HOUR, Counts
from data_contracts.health.counts_file import read_counts_file
from data_contracts.health.lake_counts import lake_counts
from data_contracts.health.network import LEAST_CAMERAS
from data_contracts.health.results import HealthInterval, HealthReport
from data_contracts.health.travel import find_travel_faults
from data_contracts.health.volumes import Volumes, examine_volumes
from data_contracts.health.wording import tell
from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import standing_failures
from data_contracts.registers.cameras import current_register
from infra.errors import WrongInputError
from infra.lake import Lake
from infra.wording import counted

SHORT_DAYS = 14
TURNS_NAMED = 10


@dataclass(frozen=True)
class Health:
    """The report, and what its picture is drawn from."""

    report: HealthReport
    volumes: Volumes


def health_of_counts(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    zone: str,
    register: Path | None = None,
    first: date | None = None,
    last: date | None = None,
    rocu: str | None = None,
) -> Health:
    """Judge a file of counts; without a span, all of it.

    Raises:
        WrongInputError: The file is no counts file, or the span is empty.
    """
    counts = read_counts_file(connection, file, zone, register)
    volumes = examine_volumes(counts)
    notes = ["Counts alone: clocks, places and confidence cannot be judged.", *counts.notes, *_missing(counts)]
    notes += [*_by_turns(volumes), *change_unheeded(counts)]
    return _health(volumes, tell(volumes), notes, "counts", rocu, first, last)


def health_of_lake(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    first: date,
    last: date,
    limits: IngestLimits,
    now: datetime,
) -> Health:
    """Judge the cameras of a ROCU from its lake, on all that was read up to the span's end.

    Args:
        connection: Any database.
        lake: The lake.
        rocu: The region.
        first: First day that is told.
        last: Last day that is told.
        limits: Of the ROCU's policy: how old a read may be, and how far apart two positions of one place.
        now: Nobody waits for reads after it; aware.

    Raises:
        WrongInputError: The ROCU has no camera register.
    """
    counts = lake_counts(connection, lake, rocu, current_register(lake, rocu), last, limits, now)
    volumes = examine_volumes(counts)
    sites = dict(zip(counts.cameras, counts.sites, strict=True))
    told = tell(volumes) + find_confidence_decay(connection, sites, last, limits.position_tolerance_m)
    told += find_travel_faults(connection, lake, rocu, first, last, limits.position_tolerance_m)
    (silent,) = connection.execute(
        "SELECT count(DISTINCT camera_id) FROM register WHERE camera_id NOT IN (SELECT camera_id FROM sent_hours)"
        " AND valid_from <= ? AND coalesce(valid_to, TIMESTAMP '9999-01-01') > ?",
        [datetime.combine(last, datetime.min.time()), datetime.combine(first, datetime.min.time())],
    ).fetchone() or (0,)
    notes = (
        [f"{counted(silent, 'camera')} of the register never sent a read; nothing is expected there."] if silent else []
    )
    notes += [*counts.notes, *_by_turns(volumes)]
    awaited = counts.bins > 0 and counts.bin_of(datetime.combine(first, datetime.min.time(), UTC)) < counts.bins
    notes += _nothing_read(connection, lake, rocu, first, last, awaited)
    return _health(volumes, told, notes, "lake", rocu, first, last)


def _health(
    volumes: Volumes,
    told: Sequence[HealthInterval],
    notes: Sequence[str],
    source: str,
    rocu: str | None,
    first: date | None,
    last: date | None,
) -> Health:
    counts = volumes.counts
    start = _midnight(first, counts) if first else (counts.moment(0) if counts.bins else None)
    end = _midnight(last + timedelta(days=1), counts) if last else (counts.moment(counts.bins) if counts.bins else None)
    if start and end and end <= start:
        raise WrongInputError("The span is empty: its end lies before its start.", "Give the earlier date as --from.")
    inside = [i for i in told if start is None or end is None or (i.start < end and i.end > start)]
    report = HealthReport(
        rocu=rocu,
        source="counts" if source == "counts" else "lake",
        start=start,
        end=end,
        bin_minutes=counts.width // 60,
        zone=counts.zone,
        cameras=len(set(counts.cameras)),
        camera_bins=int(counts.alive.sum()),
        reads=int(counts.n.sum(dtype="float64")),
        intervals=tuple(sorted(inside, key=lambda i: (i.camera_id, i.start, i.kind))),
        notes=(*notes, *_little(counts)),
    )
    return Health(report, volumes)


def _nothing_read(
    connection: duckdb.DuckDBPyConnection, lake: Lake, rocu: str, first: date, last: date, awaited: bool
) -> list[str]:
    """Why there may be nothing to judge: no reads of these days, or batches that failed."""
    (sent,) = connection.execute(
        "SELECT count(*) FROM sent_hours WHERE hour::DATE BETWEEN ? AND ?", [first, last]
    ).fetchone() or (0,)
    failed = len(standing_failures(lake, rocu, first, last))
    said = []
    if failed:
        said.append(
            f"{counted(failed, 'batch', 'batches')} that may hold reads of these days failed without replacement; only "
            "rows with a registered camera and a readable time count there. Look at findprofile batches first."
        )
    if not sent and awaited:
        said.append("No reads of these days, though cameras had sent reads before.")
    elif not sent:
        said.append("No reads of these days, so nothing was judged" + ("." if failed else "; ingest first."))
    return said


def _midnight(day: date, counts: Counts) -> datetime:
    from zoneinfo import ZoneInfo

    return datetime.combine(day, datetime.min.time(), ZoneInfo(counts.zone) if counts.bins else UTC)


def _missing(counts: Counts) -> list[str]:
    gaps = int((counts.alive & ~counts.present).sum())
    if not gaps:
        return []
    none = int((~counts.present.any(axis=0)).sum())
    said = f"{gaps:,} bins without a row within the cameras' lives are taken as no reads"
    return [said + (f"; in {none:,} bins no camera has a row, which may be the delivery." if none else ".")]


def _by_turns(volumes: Volumes) -> list[str]:
    if not volumes.by_turns:
        return []
    cameras = volumes.counts.cameras
    named = ", ".join(f"{cameras[camera]} ({number})" for camera, number in volumes.by_turns[:TURNS_NAMED])
    more = f" and {len(volumes.by_turns) - TURNS_NAMED} more" if len(volumes.by_turns) > TURNS_NAMED else ""
    return [
        f"{counted(len(volumes.by_turns), 'camera')} silent by turns for most of the time, mobile by the register or "
        f"by rhythm; silences not told (number): {named}{more}."
    ]


def _little(counts: Counts) -> list[str]:
    said = []
    if counts.bins * counts.width < SHORT_DAYS * 24 * HOUR:
        said.append("Less than two weeks of counts: weekdays are judged together, and only plain faults are found.")
    if len(set(counts.cameras)) < LEAST_CAMERAS:
        said.append(
            f"Fewer than {LEAST_CAMERAS} cameras: holidays and weather cannot be told from faults by the network, so a "
            "camera must fall further before it is named."
        )
    return said
