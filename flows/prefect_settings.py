"""How this project sets Prefect: everything under home, nothing sent outside, nothing kept that could hold a read.

Belongs here: the values of `PREFECT_…` and reaching a server. Does not: flows. Prefect itself is imported only inside
functions, after `prepare`, because it looks at the environment while it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from infra.errors import FaultError
from infra.stack.prefect_server import SERVER_ENVIRONMENT

if TYPE_CHECKING:
    from infra.settings import Settings

PROBE_SECONDS = 3

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
}
"""For every process that imports Prefect: no telemetry of the server or the library, no results on disk, and no
server of its own when the real one is missing."""


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of any process of ours that uses Prefect."""
    environment = QUIET | {"PREFECT_HOME": str(settings.root / "prefect")}
    if settings.prefect_api_url:
        environment["PREFECT_API_URL"] = settings.prefect_api_url
    return environment


def server_environment(settings: Settings) -> dict[str, str]:
    """The environment of a Prefect server whose SQLite database lies under home."""
    database = f"sqlite+aiosqlite:///{settings.root / 'prefect' / 'prefect.db'}"
    return process_environment(settings) | SERVER_ENVIRONMENT | {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database}


def prepare(settings: Settings) -> None:
    """Set this process's environment before Prefect is imported; a second call changes nothing."""
    environment = process_environment(settings) | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    (settings.root / "prefect").mkdir(parents=True, exist_ok=True)
    for name, value in environment.items():
        os.environ.setdefault(name, value)


def answers(api_url: str) -> bool:
    """Whether a Prefect server answers at this address."""
    try:
        return httpx.get(f"{api_url.rstrip('/')}/health", timeout=PROBE_SECONDS).status_code == httpx.codes.OK
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


@contextmanager
def connected(settings: Settings) -> Iterator[None]:
    """Let Prefect's client in this block talk to the server of the settings.

    Raises:
        FaultError: No server is set, or it does not answer within seconds.
    """
    url = settings.prefect_api_url
    if url is None:
        raise FaultError(
            "No Prefect server is set.",
            "Start one with `make stack` and set FINDPROFILE_PREFECT_API_URL to its address.",
        )
    if not answers(url):
        raise FaultError(
            f"The Prefect server at {url.rsplit('@', 1)[-1]} does not answer.",
            "Start it, or correct FINDPROFILE_PREFECT_API_URL; then run the same command again.",
        )
    prepare(settings)
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: settings.root / "prefect"}):
        yield
