"""A Prefect server for the length of a block, and the way to run one flow in this process against a server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flows.prefect_settings import answers, connected, server_environment
from infra.stack.child import child, free_port, wait_until

if TYPE_CHECKING:
    from flows.context import Context
    from flows.steps.results import StepResult
    from infra.settings import Settings


FLUSH_SECONDS = 5


def _silent(_: str) -> None:
    return None


@contextmanager
def running_server(settings: Settings, progress: Callable[[str], None] = _silent) -> Iterator[Settings]:
    """Run a real Prefect server on a free loopback port, with its SQLite database under `home/prefect`.

    It takes about ten seconds to start: have one for a demo or a test run, never one per flow.

    Yields:
        The settings with `prefect_api_url` set to that server.

    Raises:
        FaultError: It cannot be started or does not answer.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    log = settings.root / "prefect" / "server.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with child("Prefect server", command, server_environment(settings) | {"PREFECT_API_URL": url}, log) as process:
        wait_until(lambda: answers(url), process, "Prefect server", log, progress)
        yield settings.model_copy(update={"prefect_api_url": url})


def call_flow(context: Context, name: str, parameters: Mapping[str, Any]) -> StepResult:
    """Run a flow in this process against the server of the settings, as the identity of the context.

    File names and sentences can hold a plate, so `files` and `reason` are handed over in memory and never become
    Prefect parameters.

    Args:
        context: Who acts.
        name: `ingest`, `requalify`, `retrain`, `score`, `monitor` or `daily`.
        parameters: The parameters of the step of that name.

    Raises:
        FaultError: The server does not answer.
        FindProfileError: Whatever the step raised.
    """
    with connected(context.settings):
        from prefect import tags

        from flows.outcomes import data_of, remembering
        from flows.prefect_flows import FLOWS, Acting, acting_as

        plain = {key: value for key, value in parameters.items() if key not in {"files", "replaces", "reason"}}
        said = {key: parameters.get(key) for key in ("replaces", "reason")}
        acting = Acting(context, tuple(parameters.get("files") or ()), **said)
        labels = [f"{key}:{plain[key]}" for key in ("rocu", "pattern") if key in plain]
        with acting_as(acting), tags(*labels), delivered(), remembering() as outcomes:
            return data_of(FLOWS[name](**plain, return_state=True), outcomes)


@contextmanager
def delivered() -> Iterator[None]:
    """Let the logs and events of this block reach the server before the block ends; the server may stop then."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    try:
        yield
    finally:
        for worker in (APILogWorker, EventsWorker):
            worker.drain_all(timeout=FLUSH_SECONDS)
