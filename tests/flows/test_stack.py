"""The national profile on this machine: it starts, refuses strangers, and leaves nothing when it stops."""

from __future__ import annotations

import fcntl
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import sqlalchemy

from infra.errors import FaultError
from infra.settings import Settings, load_settings
from infra.stack.child import child, wait_until
from infra.stack.services import ADMINISTRATOR, running_stack

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
inner = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", inner])
time.sleep(600)
"""


def test_a_child_and_all_that_it_started_are_gone_after_the_block(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with child("a server", [sys.executable, "-c", STUBBORN], {}, log) as process:
        wait_until(lambda: "up" in log.read_text(), process, "a server", log, lambda _: None, seconds=20)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_a_child_that_ends_while_starting_is_a_fault_that_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with (
        child("a server", [sys.executable, "-c", "raise SystemExit(7)"], {}, log) as process,
        pytest.raises(FaultError, match=r"code 7.*child\.log"),
    ):
        wait_until(lambda: False, process, "a server", log, lambda _: None)


def test_a_child_that_never_answers_is_a_fault(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with (
        child("a server", [sys.executable, "-c", "import time; time.sleep(60)"], {}, log) as process,
        pytest.raises(FaultError, match="did not answer"),
    ):
        wait_until(lambda: False, process, "a server", log, lambda _: None, seconds=0.5)


def test_a_program_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="cannot be started"), child("a server", ["/no/such"], {}, tmp_path / "log"):
        pass


@dataclass(frozen=True)
class Running:
    """`make stack` as a person runs it."""

    process: subprocess.Popen[bytes]
    home: Path
    runtime: Path
    exports: dict[str, str]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started once for all tests here; the last of them stops it, as a person would."""
    home = tmp_path_factory.mktemp("stack") / "home"
    told = home.parent / "told"
    exports = home / "stack" / "exports.sh"
    runtime = home.parent / "runtime" / "python_PostgresServer"
    runtime.parent.mkdir(mode=0o700)
    runtime.mkdir()
    environment = {"FINDPROFILE_HOME": str(home), "XDG_RUNTIME_DIR": str(runtime.parent)}
    # a shell that runs the tests in the background has Ctrl-C ignored, and programs inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with child("stack", [sys.executable, "-m", "infra.stack"], environment, told) as process:
        wait_until(lambda: "Ctrl-C stops everything." in told.read_text(), process, "stack", told, lambda _: None)
        words = [shlex.split(line)[1] for line in exports.read_text().splitlines()]
        yield Running(process, home, runtime, dict(word.split("=", 1) for word in words))


def test_what_is_exported_are_settings_of_ours_and_they_reach_real_services(
    stack: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.exports.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    engine = sqlalchemy.create_engine(settings.database)
    with engine.connect() as connection:
        assert "PostgreSQL" in connection.execute(sqlalchemy.text("SELECT version()")).scalar_one()
    engine.dispose()
    models = f"{settings.mlflow}/api/2.0/mlflow/registered-models/search"
    signed_in = (stack.exports["MLFLOW_TRACKING_USERNAME"], stack.exports["MLFLOW_TRACKING_PASSWORD"])
    assert httpx.get(models, auth=signed_in, timeout=20).json() == {}
    runs = f"{settings.prefect_api_url}/flow_runs/filter"
    user, password = stack.exports["PREFECT_API_AUTH_STRING"].split(":")
    assert httpx.post(runs, json={}, auth=(user, password), timeout=20).json() == []


def test_strangers_are_refused(stack: Running) -> None:
    models = f"{stack.exports['FINDPROFILE_MLFLOW_TRACKING_URI']}/api/2.0/mlflow/registered-models/search"
    runs = f"{stack.exports['FINDPROFILE_PREFECT_API_URL']}/flow_runs/filter"
    assert httpx.get(models, timeout=20).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(models, auth=(ADMINISTRATOR, "wrong"), timeout=20).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.post(runs, json={}, timeout=20).status_code == httpx.codes.UNAUTHORIZED


def test_secrets_are_readable_by_their_owner_alone_and_in_no_log(stack: Running) -> None:
    secrets = sorted(stack.home.glob("keys/stack-*"))
    assert [path.name for path in secrets] == ["stack-mlflow-admin", "stack-mlflow-flask", "stack-prefect"]
    for path in (*secrets, stack.home / "stack" / "exports.sh", *stack.home.glob("stack/*.log")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    logged = "".join(path.read_text() for path in (*stack.home.glob("stack/*.log"), stack.home.parent / "told"))
    assert [path.name for path in secrets if path.read_text() in logged] == []


def test_the_stack_of_a_home_runs_once(stack: Running) -> None:
    again = running_stack(Settings(home=stack.home), lambda _: None)
    with pytest.raises(FaultError, match="at work on the stack of this home"), again:
        pass


def test_ctrl_c_stops_everything_though_another_program_holds_the_lock_of_all_postgresqls(stack: Running) -> None:
    postmaster = int((stack.home / "stack" / "postgres" / "postmaster.pid").read_text().split()[0])
    family = [psutil.Process(postmaster), *psutil.Process(stack.process.pid).children(recursive=True)]
    with (stack.runtime / ".lockfile").open("r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(60) == 130
    assert not (stack.home / "stack" / "postgres" / "postmaster.pid").exists()  # it ended in its own good order
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [one.name() for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
