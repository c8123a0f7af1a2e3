"""Deployments on a Prefect server: one per ROCU and flow, each ROCU on a work pool of its own; and reading them back.

Two schedules with different parameters on one deployment give one run when they fall on the same minute, so the ROCU is
in the deployment's name. What is shown is always what the server has, never what our file says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from flows.prefect_settings import connected, process_environment
from flows.schedules import FlowName, Schedules, load_schedules
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.settings import PREFIX

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.filters import DeploymentFilter
    from prefect.client.schemas.responses import DeploymentResponse

    from infra.settings import Settings

OURS = "findprofile"
POOL_TYPE = "process"
VERSION = "1"


class Deployed(BaseModel):
    """One deployment that was put on the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    flow: str
    rocu: str
    pattern: str | None
    work_pool: str
    cron: str
    timezone: str
    deployment_id: UUID


class ScheduleRow(BaseModel):
    """One schedule as the server has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: str
    rocu: str
    cron: str
    timezone: str
    next_run: datetime | None
    paused: bool


def work_pool(rocu: str) -> str:
    """The work pool of a ROCU; its worker alone takes runs from it."""
    return f"{OURS}-{rocu}"


def deploy(
    settings: Settings, rocus: Sequence[str], patterns: Sequence[str], plan: Schedules | None = None
) -> list[Deployed]:
    """Put one deployment per ROCU and flow on the server. Doing it again changes nothing; a pause by hand stays.

    Args:
        settings: Name the server.
        rocus: ROCU codes, already checked.
        patterns: The patterns that the dated flows run for.
        plan: When; default the packaged file.

    Raises:
        WrongInputError: More or less than one pattern is named.
        FaultError: The server does not answer.
    """
    if len(patterns) != 1:
        raise WrongInputError(f"{len(patterns)} patterns are named.", "Deploy exactly one pattern per Prefect server.")
    with connected(settings):
        plan = plan or load_schedules()
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            for rocu in rocus:
                _ensure_pool(client, rocu)
            return [
                _deploy(client, flow, rocu, patterns[0], cron, plan.timezone)
                for rocu in rocus
                for flow, cron in plan.of(rocu).items()
            ]


def _ensure_pool(client: SyncPrefectClient, rocu: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        client.read_work_pool(work_pool(rocu))
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=work_pool(rocu), type=POOL_TYPE, description=f"Runs of {rocu}; its own worker takes them."
            )
        )


def _deploy(client: SyncPrefectClient, flow: FlowName, rocu: str, pattern: str, cron: str, timezone: str) -> Deployed:
    from prefect.client.schemas.objects import VersionInfo
    from prefect.flows import EntrypointType
    from prefect.schedules import Cron

    from flows.prefect_flows import FLOWS

    subject = {"rocu": rocu} if flow == "ingest" else {"rocu": rocu, "pattern": pattern}
    paused = _paused_by_hand(client, flow, rocu)
    prepared = FLOWS[flow].to_deployment(
        name=rocu,
        parameters=subject,
        schedules=[Cron(cron, timezone=timezone, slug=flow, active=not paused)],
        paused=paused,
        tags=[OURS, *(f"{key}:{value}" for key, value in subject.items())],
        work_pool_name=work_pool(rocu),
        description=f"{flow} for {rocu}. {FLOWS[flow].description or ''}".strip(),
        version=VERSION,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    # without a version of our own, Prefect asks git and the CI environment, and keeps what they say
    identity = prepared.apply(version_info=VersionInfo(type="prefect:simple", version=VERSION))
    return Deployed(
        name=f"{flow}/{rocu}",
        flow=flow,
        rocu=rocu,
        pattern=subject.get("pattern"),
        work_pool=work_pool(rocu),
        cron=cron,
        timezone=timezone,
        deployment_id=identity,
    )


def _paused_by_hand(client: SyncPrefectClient, flow: str, rocu: str) -> bool:
    from prefect.exceptions import ObjectNotFound

    try:
        held = client.read_deployment_by_name(f"{flow}/{rocu}")
    except ObjectNotFound:
        return False
    return held.paused or any(not schedule.active for schedule in held.schedules)


def schedules(settings: Settings) -> list[ScheduleRow]:
    """Every schedule of our deployments, read from the server, by ROCU and flow.

    Raises:
        FaultError: The server does not answer.
    """
    with connected(settings):
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

        ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
        with get_client(sync_client=True) as client:
            deployments = _all_pages(client, ours)
            names = {flow.id: flow.name for flow in client.read_flows(deployment_filter=ours)}
            due = _next_runs(client, ours)
        rows = [row for held in deployments for row in _rows(names[held.flow_id], held, due.get(held.id))]
    return sorted(rows, key=lambda row: (row.rocu, row.flow))


def _all_pages(client: SyncPrefectClient, ours: DeploymentFilter) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := client.read_deployments(deployment_filter=ours, offset=len(found)):
        found.extend(page)
    return found


def _next_runs(client: SyncPrefectClient, ours: DeploymentFilter) -> dict[UUID, datetime]:
    """When each deployment runs next: the earliest run to come that the server has planned."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    coming = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"after_": utc_now()}}
    )
    due: dict[UUID, datetime] = {}
    seen = 0
    while page := client.read_flow_runs(
        deployment_filter=ours, flow_run_filter=coming, sort=FlowRunSort.EXPECTED_START_TIME_ASC, offset=seen
    ):
        seen += len(page)
        for run in page:
            due[run.deployment_id] = min(run.expected_start_time, due.get(run.deployment_id, run.expected_start_time))
    return due


def _rows(flow: str, deployment: DeploymentResponse, due: datetime | None) -> list[ScheduleRow]:
    return [
        ScheduleRow(
            flow=flow,
            rocu=deployment.name,
            cron=held.schedule.cron,
            timezone=held.schedule.timezone,
            next_run=due if held.active and not deployment.paused else None,
            paused=deployment.paused or not held.active,
        )
        for held in deployment.schedules
    ]


def run_worker(settings: Settings, rocu: str) -> int:
    """Run the worker of one ROCU in the foreground, one run at a time, until it is stopped.

    The worker acts as the token in its own environment; nothing of it is on the Prefect server.

    Returns:
        The worker's exit code.

    Raises:
        RefusedError: There is no token to act as.
        FaultError: The server does not answer, or has no work pool for this ROCU.
    """
    if settings.token is None:
        raise RefusedError(
            f"The worker of {rocu} has nobody to act as: FINDPROFILE_TOKEN is not set.",
            f"Set it in the worker's own environment to a token for {rocu}.",
        )
    with connected(settings):
        _require_pool(rocu)
    return subprocess.run(worker_command(rocu), env=worker_environment(settings), check=False).returncode


def _require_pool(rocu: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(work_pool(rocu))
        except ObjectNotFound:
            raise FaultError(
                f"The Prefect server has no work pool {work_pool(rocu)}.",
                f"Run `findprofile deploy --rocu {rocu}` first.",
            ) from None


def worker_command(rocu: str, *options: str) -> list[str]:
    """The program of a ROCU's worker. One run at a time: steps of one ROCU would only wait for each other."""
    pool = work_pool(rocu)
    program = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", pool, "--type", POOL_TYPE]
    return [*program, "--limit", "1", "--install-policy", "never", *options]


def worker_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker: these settings by name, so that a relative path means the same there."""
    given = settings.model_dump(exclude_none=True) | {"home": settings.root}
    plain = {PREFIX + name.upper(): _plain(value) for name, value in given.items()}
    return {**os.environ, **process_environment(settings), **plain}


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.resolve()) if isinstance(value, Path) else str(value)
