"""The command on the health of cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.data_commands import cameras
from flows.cli.options import AsJson, From, To, file_to_write, session, settings
from flows.cli.output import line, table
from infra.errors import WrongInputError
from infra.wording import counted


@cameras.command("health")
def cameras_health(
    rocu: Annotated[
        str | None, typer.Option(help="code of the region, with --from and --to; not needed with --counts")
    ] = None,
    first: From = None,
    last: To = None,
    counts: Annotated[
        Path | None, typer.Option(help="judge this file (camera_id, bin_start, n) instead of the lake")
    ] = None,
    register: Annotated[
        Path | None, typer.Option("--cameras", help="with --counts: a camera register, for poles and ended cameras")
    ] = None,
    zone: Annotated[str, typer.Option(help="with --counts: zone of the times, and of weekday and hour")] = "UTC",
    html: Annotated[Path | None, file_to_write("write a page with the picture and the table here")] = None,
    svg: Annotated[Path | None, file_to_write("write the picture alone here")] = None,
    json: AsJson = False,
) -> None:
    """Tell when cameras were silent, saw too little or too much, had a wrong clock or place, or grew unsure."""
    from data_contracts.health.results import with_unit
    from data_contracts.health.together import told_together
    from flows.steps.health import examine_counts, examine_lake

    rocu = rocu.lower() if rocu else None
    if counts is not None:
        context = session() if rocu else None
        report = examine_counts(settings(), context, rocu, counts, register, zone, (first, last), html, svg)
    elif rocu and first and last:
        report = examine_lake(session(), rocu, first, last, html, svg)
    else:
        raise WrongInputError("What to judge is not clear.", "Give --rocu R --from DATE --to DATE, or --counts FILE.")
    if json:
        line(report.model_dump_json(indent=2, by_alias=True))
        return
    told = told_together(report.intervals)
    table(
        ("camera", "from", "to", "kind", "expected", "seen", "what"),
        (
            (
                i.camera_id,
                f"{i.start:%Y-%m-%d %H:%M}",
                f"{i.end:%Y-%m-%d %H:%M}",
                i.kind,
                with_unit(i.kind, i.expected),
                with_unit(i.kind, i.seen),
                i.says,
            )
            for i in told
        ),
    )
    line(
        f"  {counted(len(told), 'interval')}; {counted(report.cameras, 'camera')}, "
        f"{counted(report.reads, 'read')}, times in {report.zone}"
    )
    for note in report.notes:
        line(f"  {note}")
    for title, path in (("page", html), ("picture", svg)):
        if path is not None:
            line(f"  {title}  {path}")
