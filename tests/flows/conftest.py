from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.context import Context, open_context
from flows.server import running_server
from flows.steps.syops import accept_procedures
from governance.access.syops import procedures
from infra.clock import utc_now
from infra.identity import issue_token
from infra.settings import Settings

SERVER = ExitStack()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Stop the server after the last test that asks for it: it is never idle, even if nobody asks it anything."""
    asking = (one for one in reversed(item.session.items) if "prefect_server" in getattr(one, "fixturenames", ()))
    if item is next(asking, None):
        SERVER.close()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One Prefect server for all tests; its settings are signed in as Olive, for two ROCUs."""
    settings = Settings(home=tmp_path_factory.mktemp("prefect") / "home")
    token = issue_token(
        settings, "Olive", ["operator", "ml_engineer"], ["nwrocu", "tarian"], timedelta(hours=1), utc_now()
    )
    accept_procedures(open_context(Settings(home=settings.home, token=token), unaccepted=True), procedures().version)
    with SERVER:
        yield SERVER.enter_context(running_server(Settings(home=settings.home, token=token)))


@pytest.fixture
def context(prefect_server: Settings) -> Context:
    return open_context(prefect_server)


@pytest.fixture
def ask(prefect_server: Settings) -> Callable[..., Any]:
    """Ask the server's interface, past all code of ours."""

    def asked(path: str, **body: object) -> Any:
        answer = httpx.post(f"{prefect_server.prefect_api_url}{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    return asked


@pytest.fixture
def inbox(prefect_server: Settings) -> Path:
    folder = prefect_server.root / "inbox" / "nwrocu"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    return folder
