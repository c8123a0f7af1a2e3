"""Commands on the running service: deployments, schedules, workers, status."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.frame import app
from flows.cli.options import PATTERN, AsJson, OfRocu, Rocu, session, settings
from flows.cli.output import as_json, line, table


@app.command("deploy")
def deploy(
    rocu: Annotated[list[str], typer.Option(help="a ROCU code; may be repeated")],
    pattern: Annotated[str, typer.Option(help="name of the pattern")] = PATTERN,
    json: AsJson = False,
) -> None:
    """Put one deployment per ROCU and flow, with its schedule, on the running Prefect server."""
    from flows.steps.deployment import deploy_flows

    rows = deploy_flows(session(), rocu, pattern)
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
    else:
        table(("deployment", "work pool", "cron", "zone"), ((r.name, r.work_pool, r.cron, r.timezone) for r in rows))


@app.command("schedules")
def schedules(json: AsJson = False) -> None:
    """List the schedules that the Prefect server really has."""
    from flows.deployments import schedules as read

    rows = read(settings())
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
        return
    table(
        ("flow", "rocu", "cron", "zone", "next run", "paused"),
        ((r.flow, r.rocu, r.cron, r.timezone, r.next_run, "yes" if r.paused else "no") for r in rows),
    )


@app.command("worker")
def worker(rocu: Rocu) -> None:
    """Run the worker of one ROCU in the foreground; it acts as its own FINDPROFILE_TOKEN."""
    from flows.deployments import run_worker

    raise typer.Exit(run_worker(settings(), rocu))


@app.command("status")
def status(rocu: OfRocu = None, json: AsJson = False) -> None:
    """Per ROCU: newest reads, failed batches, champion, newest scores, and what is half-done."""
    from flows.steps.status import read_status

    rows = read_status(session(unaccepted=True), rocu)
    if not rows and not json:
        line("  nothing yet: load a camera register and ingest reads first")
        return
    if json:
        as_json([row.model_dump(mode="json") for row in rows])
        return
    table(
        ("rocu", "reads until", "reads", "failed batches", "model", "champion", "state", "scores until"),
        (
            (r.rocu, r.reads_until, f"{r.reads:,}", r.failed_batches, r.model, r.champion, r.state, r.scores_until)
            for r in rows
        ),
    )
    for code, half_placed in {row.rocu: row.half_placed for row in rows}.items():
        if half_placed:
            line(f"  {code}: {half_placed} half-placed, which a kill left; the next ingest removes what is a day old")
    for row in rows:
        for missing in row.missing:
            line(f"  {row.model}: {missing}")
