"""The step that judges the health of cameras: from the lake of a ROCU, or from a file of counts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import Context, acting
from flows.steps.desk import policy_of, register_of
from infra.lake import write_text

if TYPE_CHECKING:
    from data_contracts.health.examine import Health
    from data_contracts.health.results import HealthReport
    from infra.settings import Settings


def examine_lake(
    context: Context, rocu: str, first: date, last: date, page: Path | None, svg: Path | None
) -> HealthReport:
    """Judge a ROCU's cameras from its lake; looking is recorded.

    Raises:
        RefusedError: No permission, or the camera register is not the one that the audit log has.
        WrongInputError: No such ROCU, or it has no camera register.
    """
    from data_contracts.health.examine import health_of_lake
    from data_contracts.registers.regions import require_rocu
    from infra.engine import open_engine

    region = require_rocu(rocu, context.now.date())
    limits = policy_of(context, rocu).policy.ingest
    with acting(context, "cameras.health", rocu, "consultation", f"cameras of {rocu}") as details:
        details |= {"from": first.isoformat(), "to": last.isoformat()}
        register_of(context, rocu)
        with open_engine(context.settings) as connection:
            health = health_of_lake(connection, context.lake, rocu, first, last, limits, context.now)
        details["intervals"] = len(health.report.intervals)
        _draw(health, page, svg, f"{region.name} ({rocu})")
    return health.report


def examine_counts(
    settings: Settings,
    context: Context | None,
    rocu: str | None,
    file: Path,
    cameras: Path | None,
    zone: str,
    span: tuple[date | None, date | None],
    page: Path | None,
    svg: Path | None,
) -> HealthReport:
    """Judge a file of counts. With a ROCU it is a consultation like any other; without, nothing of the lake is touched.

    Raises:
        RefusedError: No permission in the ROCU.
        WrongInputError: The file is no counts file.
    """
    if context is None or rocu is None:
        return _examine_counts(settings, None, file, cameras, zone, span, page, svg)
    policy_of(context, rocu)
    with acting(context, "cameras.health", rocu, "consultation", f"counts of cameras of {rocu}") as details:
        report = _examine_counts(settings, rocu, file, cameras, zone, span, page, svg)
        details["intervals"] = len(report.intervals)
    return report


def _examine_counts(
    settings: Settings,
    rocu: str | None,
    file: Path,
    cameras: Path | None,
    zone: str,
    span: tuple[date | None, date | None],
    page: Path | None,
    svg: Path | None,
) -> HealthReport:
    from data_contracts.health.examine import health_of_counts
    from infra.engine import open_engine

    with open_engine(settings) as connection:
        health = health_of_counts(connection, file, zone, cameras, *span, rocu=rocu)
    _draw(health, page, svg, rocu)
    return health.report


def _draw(health: Health, page: Path | None, svg: Path | None, region: str | None) -> None:
    from data_contracts.health.picture import draw_health, draw_page
    from data_contracts.health.together import told_together

    if page is None and svg is None:
        return
    report = health.report
    span = (report.start, report.end) if report.start and report.end else None
    drawn = draw_health(health.volumes, report.intervals, span, region)
    if svg is not None:
        write_text(svg, drawn)
    if page is not None:
        title = f"Camera health of {region}" if region else "Camera health"
        write_text(page, draw_page(drawn, told_together(report.intervals), title, report.notes))
