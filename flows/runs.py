"""Runs that are asked for through the server, each at most once: the key of a run is (flow, ROCU, data date)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from flows.prefect_settings import connected
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

    from infra.settings import Settings


class RunRow(BaseModel):
    """One flow run as the server has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: UUID
    name: str
    state: str
    message: str | None
    due: datetime | None


def run_key(flow: str, rocu: str, as_of: date) -> str:
    """The key under which a run of a flow for a ROCU and data date is made once."""
    return f"{flow}:{rocu}:{as_of.isoformat()}"


def start_run(settings: Settings, flow: str, rocu: str, as_of: date) -> RunRow:
    """Ask the ROCU's worker to run a flow for a date. Asked again, it is the same run, whatever became of it.

    Raises:
        WrongInputError: The flow is not deployed for that ROCU.
        FaultError: The server does not answer.
    """
    with connected(settings):
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound

        with get_client(sync_client=True) as client:
            try:
                deployment = client.read_deployment_by_name(f"{flow}/{rocu}")
            except ObjectNotFound:
                raise WrongInputError(
                    f"{flow} is not deployed for {rocu}.", f"Run `findprofile deploy --rocu {rocu}` first."
                ) from None
            run = client.create_flow_run_from_deployment(
                deployment.id,
                parameters={**deployment.parameters, "as_of": as_of.isoformat()},
                name=f"{flow} {rocu} {as_of}",
                idempotency_key=run_key(flow, rocu, as_of),
                tags=deployment.tags,
            )
    return _row(run)


def read_run(settings: Settings, run_id: UUID) -> RunRow:
    """One run as it stands now.

    Raises:
        FaultError: The server does not answer.
    """
    with connected(settings):
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            return _row(client.read_flow_run(run_id))


def recent_runs(settings: Settings, rocu: str, limit: int = 20) -> list[RunRow]:
    """The latest runs of a ROCU that have begun or ended, newest first.

    Raises:
        FaultError: The server does not answer.
    """
    with connected(settings):
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import FlowRunFilter
        from prefect.client.schemas.sorting import FlowRunSort

        begun = FlowRunFilter.model_validate(
            {"tags": {"all_": [f"rocu:{rocu}"]}, "state": {"type": {"not_any_": ["SCHEDULED"]}}}
        )
        with get_client(sync_client=True) as client:
            found = client.read_flow_runs(flow_run_filter=begun, sort=FlowRunSort.START_TIME_DESC, limit=limit)
            return [_row(run) for run in found]


def _row(run: FlowRun) -> RunRow:
    state = run.state
    return RunRow(
        run_id=run.id,
        name=run.name,
        state=state.name if state else "Unknown",
        message=state.message if state else None,
        due=run.expected_start_time,
    )
