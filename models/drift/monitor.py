"""One run of monitoring: estate, behaviour, scores and labels of a ROCU up to a date, and the recommendation.

Belongs here: the order of the steps and where the result lies. The run's name is a digest of all that went in, so the
same run is never made twice; `result.json` is placed last and makes the run exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
from pydantic import ValidationError

from data_contracts.dispositions import disposition_parts
from data_contracts.health.travel import travel_parts
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import parts_digest, read_parts, reads_relation
from infra.engine import open_engine
from infra.lake import Lake, file_sha256, write_text
from infra.settings import Settings
from models.code_state import code_state
from models.drift.behaviour import SCORE, Spans, compare_behaviour
from models.drift.estate import count_camera_days, examine_estate
from models.drift.late_labels import examine_labels, load_findings, load_ranked
from models.drift.offsets import find_offsets
from models.drift.recommendation import recommend
from models.drift.results import CameraOffset, EstateResult, MonitorResult, Span
from models.drift.service import MadeLists, examine_service, made_lists
from models.drift.settings import MonitorSettings
from models.drift.spans import Plan, Workshop, without_cameras
from models.features.settings import PatternSettings
from models.patterns import Pattern, get_pattern
from models.window_engines import open_windows

RESULT = "result.json"
RAW_REPORT = "evidently.html"
ADJUSTED_REPORT = "evidently_without_changed_cameras.html"


@dataclass(frozen=True)
class Watched:
    """The parts that a run looks at, as they were read from the records once; `travel`: what clocks are judged by."""

    reads: tuple[PartRef, ...]
    findings: tuple[PartRef, ...]
    travel: tuple[PartRef, ...] = ()


def watched_parts(
    lake: Lake, rocu: str, as_of: date, monitor_settings: MonitorSettings, pattern_settings: PatternSettings
) -> Watched:
    """The parts of reads and of findings of the spans that a run compares, and those by which clocks are judged."""
    plan = _plan(as_of, monitor_settings, pattern_settings)
    reads, travel = read_parts(lake, rocu, plan.start, as_of), travel_parts(lake, rocu, plan.start, as_of)
    return Watched(reads, disposition_parts(lake, rocu), travel)


def _plan(as_of: date, monitor_settings: MonitorSettings, pattern_settings: PatternSettings) -> Plan:
    days = monitor_settings.span_days or pattern_settings.window_days
    return Plan(as_of, days, monitor_settings.reference_windows)


def monitor(
    settings: Settings,
    lake: Lake,
    rocu: str,
    pattern: str,
    as_of: date,
    champion: str | None,
    monitor_settings: MonitorSettings,
    now: datetime,
    pattern_settings: PatternSettings | None = None,
    capacity: int = 50,
    on_record: Mapping[str, str] | None = None,
    watched: Watched | None = None,
    tell: Callable[[str], None] | None = None,
    position_tolerance_m: float | None = None,
) -> MonitorResult:
    """Compare the latest window with the ones before it and keep the result under `monitoring/`.

    Args:
        settings: Of this process.
        lake: Where the reads are and the result goes.
        rocu: Region.
        pattern: Name of the pattern.
        as_of: Last day of the current span (UTC).
        champion: Booster text of the promoted model, or `None`.
        monitor_settings: Spans, methods, thresholds.
        now: The time, UTC.
        pattern_settings: The ROCU's own; default the pattern's defaults.
        capacity: How many ranked vehicles analysts were shown per run; those should get findings.
        on_record: SHA-256 of each list and result that was made, by its path in the lake; others do not count.
            `None`: all count.
        watched: What is looked at, if the caller has held it against something; else what the records name now.
        tell: Told of what is kept of a day and was changed by hand.
        position_tolerance_m: Metres by which positions of one place may differ; without, no clock or place is judged.

    Returns:
        The result, made now or found as it was made from the same inputs.

    Raises:
        WrongInputError: Unknown pattern, a span without enough reads, or no camera register to judge clocks with.
    """
    chosen = get_pattern(pattern)
    own_settings = pattern_settings or chosen.settings_type()
    plan = _plan(as_of, monitor_settings, own_settings)
    own_settings = own_settings.model_copy(update={"window_days": plan.days})
    looked_at = watched or watched_parts(lake, rocu, as_of, monitor_settings, own_settings)
    spans = plan.spans(looked_at.reads, monitor_settings.least_days)
    lists = made_lists(lake, rocu, pattern, as_of, monitor_settings.labels.look_back_days, on_record)
    with open_engine(settings) as connection:
        ranked = load_ranked(connection, lists.paths, capacity)
    offsets = find_offsets(settings, lake, rocu, plan.start, as_of, position_tolerance_m)
    job = _Job(
        settings, lake, rocu, chosen, plan, looked_at, champion, monitor_settings, own_settings, lists, ranked, offsets
    )  # fmt: skip
    kept = _kept(job, on_record)
    if kept is not None:
        return kept
    result = _examine(job, spans, now, tell)
    write_text(job.folder / RESULT, _written(result))
    return result


@dataclass(frozen=True)
class _Job:
    """All that a run rests on; its name is their digest."""

    settings: Settings
    lake: Lake
    rocu: str
    pattern: Pattern
    plan: Plan
    watched: Watched
    champion: str | None
    limits: MonitorSettings
    pattern_settings: PatternSettings
    lists: MadeLists
    ranked: pa.Table
    offsets: tuple[CameraOffset, ...]

    @cached_property
    def run_id(self) -> str:
        """Sixteen hexadecimal digits."""
        inputs = (
            self.rocu, self.pattern.name, self.plan.as_of.isoformat(), self.limits.model_dump_json(),
            self.pattern_settings.model_dump_json(), _digest(self.champion), parts_digest(self.watched.reads),
            parts_digest(self.watched.findings), json.dumps(self.ranked.to_pylist(), default=str),
            _scores_digest(self.lake, self.lists), code_state().source_digest,
            [one.model_dump_json() for one in self.offsets],
        )  # fmt: skip
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Where the result and the reports lie."""
        as_of = self.plan.as_of.isoformat()
        return self.lake.folder("monitoring", self.rocu, pattern=self.pattern.name, as_of=as_of, run=self.run_id)


def _examine(job: _Job, spans: tuple[Span, Span], now: datetime, tell: Callable[[str], None] | None) -> MonitorResult:
    plan, limits = job.plan, job.limits
    with (
        open_engine(job.settings) as connection,
        open_windows(job.settings, job.rocu, connection, tell) as windows_of,
    ):
        reads_relation(connection, job.lake, job.watched.reads, "monitored_reads")
        counts = count_camera_days(connection, "monitored_reads")
        estate = examine_estate(counts, plan.start, plan.current_from, plan.as_of, limits.estate)
        estate = estate.model_copy(update={"offsets": job.offsets})
        workshop = Workshop(windows_of, job.pattern, job.pattern_settings, job.champion)
        raw = workshop.build(job.lake, job.watched.reads, plan)
        adjusted = _without_changed(job, connection, workshop, raw, estate)
        known = load_findings(connection, job.lake, job.watched.findings, plan.as_of, job.pattern.unit)
    labels = examine_labels(job.ranked, known, *spans, limits.labels)
    service = examine_service(job.lists, known)
    reports = _reports(job.folder, limits)
    features, scores = compare_behaviour(raw, adjusted, _features(job.pattern, raw), limits, reports)
    return MonitorResult(
        run_id=job.run_id,
        rocu=job.rocu,
        pattern=job.pattern.name,
        as_of=plan.as_of,
        made_at=now,
        settings=limits,
        champion_digest=_digest(job.champion),
        reads_digest=parts_digest(job.watched.reads),
        reference=spans[0],
        current=spans[1],
        vehicles_reference=raw.reference.num_rows,
        vehicles_current=raw.current.num_rows,
        reads_left_share=_reads_left(estate),
        estate=estate,
        features=features,
        scores=scores,
        labels=labels,
        in_service=service,
        lists_not_counted=job.lists.not_counted,
        recommendation=recommend(estate, features, scores, labels, limits),
        reports={path.name: file_sha256(path) for path in reports.values() if path.is_file()},
        folder=job.lake.relative(job.folder),
    )


def _without_changed(
    job: _Job, connection: duckdb.DuckDBPyConnection, workshop: Workshop, raw: Spans, estate: EstateResult
) -> Spans | None:
    """The windows without changed cameras: `raw` itself when none changed, `None` when too few reads are left."""
    if not estate.changed_cameras:
        return raw
    if _reads_left(estate) < job.limits.least_reads_left:
        return None
    with without_cameras(job.settings, connection, job.lake, job.watched.reads, estate.changed_cameras) as (copy, left):
        adjusted = workshop.build(copy, left, job.plan)
    return adjusted if adjusted.reference.num_rows and adjusted.current.num_rows else None


def _kept(job: _Job, on_record: Mapping[str, str] | None) -> MonitorResult | None:
    """What an earlier run of the same name left; one that cannot be read, or is not on record, is made again."""
    try:
        content = (job.folder / RESULT).read_bytes()
        # nothing that it says is followed before it is known to be what was made; what is given is what was hashed
        if on_record is not None and on_record.get(_result_path(job)) != hashlib.sha256(content).hexdigest():
            return None
        found = MonitorResult.model_validate_json(content)
    except (FileNotFoundError, ValidationError):
        return None
    return found if all(_sha256_of(job.folder / name) == sha256 for name, sha256 in found.reports.items()) else None


def _result_path(job: _Job) -> str:
    return job.lake.relative(job.folder / RESULT)


def result_digest(result: MonitorResult) -> tuple[str, str]:
    """Path in the lake and SHA-256 of the file in which a result lies; with it, by their digests, its reports."""
    return f"{result.folder}/{RESULT}", hashlib.sha256(_written(result).encode()).hexdigest()


def _written(result: MonitorResult) -> str:
    return result.model_dump_json(indent=1)


def _sha256_of(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def _scores_digest(lake: Lake, lists: MadeLists) -> str:
    """Of every list that figures in service may rest on, and of what is told of the others."""
    digest = hashlib.sha256()
    for path in lists.paths:
        digest.update(f"{lake.relative(path)}\0{file_sha256(path)}\0".encode())
    digest.update("\0".join(lists.not_counted).encode())
    return digest.hexdigest()


def load_result(folder: Path) -> MonitorResult:
    """Read the result of a run back."""
    return MonitorResult.model_validate_json((folder / RESULT).read_bytes())


def _reports(folder: Path, settings: MonitorSettings) -> dict[str, Path]:
    wanted = {"none": (), "raw": ("raw",), "both": ("raw", "adjusted")}[settings.reports]
    named = {"raw": folder / RAW_REPORT, "adjusted": folder / ADJUSTED_REPORT}
    return {name: named[name] for name in wanted}


def _digest(champion: str | None) -> str | None:
    return None if champion is None else hashlib.sha256(champion.encode()).hexdigest()


def _features(pattern: Pattern, spans: Spans) -> list[str]:
    return [
        feature.name
        for feature in pattern.features
        if feature.name in spans.reference.column_names and feature.name != SCORE
    ]


def _reads_left(estate: EstateResult) -> float:
    total = sum(sum(camera.seen) for camera in estate.cameras)
    left = sum(sum(camera.seen) for camera in estate.cameras if camera.camera_id not in estate.changed_cameras)
    return round(left / total, 4) if total else 1.0
