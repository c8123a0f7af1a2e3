"""A machine that has its key has a head: a database and a head that are both gone are no fresh start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.audit.log import AuditLog, Entry, open_audit
from infra.database import open_database
from infra.errors import RefusedError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def entry(number: int) -> Entry:
    return Entry(
        action="ingest", operation="collection", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="done",
    )  # fmt: skip


def opened(settings: Settings) -> AuditLog:
    return open_audit(settings, open_database(settings))


def without_database(settings: Settings) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (settings.root / name).unlink(missing_ok=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose log has one row."""
    made = Settings(home=tmp_path / "home")
    opened(made).append(entry(1), NOW)
    return made


def test_a_database_and_a_head_that_are_both_gone_show(settings: Settings) -> None:
    without_database(settings)
    (settings.root / "records" / "audit-head.json").unlink()
    log = opened(settings)
    found = log.verify().problem
    assert found is not None
    assert found.how == "unwitnessed"
    with pytest.raises(RefusedError, match="signed head of the audit log is missing"):
        log.append(entry(2), NOW)
    with pytest.raises(RefusedError, match="does not hold"):
        log.require_intact(NOW)


def test_so_do_all_records(settings: Settings) -> None:
    without_database(settings)
    shutil.rmtree(settings.root / "records")
    assert not opened(settings).verify().intact


def test_a_new_log_is_begun_by_putting_key_and_head_away(settings: Settings) -> None:
    without_database(settings)
    (settings.keys / "audit.pem").unlink()
    assert not opened(settings).verify().intact
    (settings.root / "records" / "audit-head.json").unlink()
    (settings.keys / "audit.pem").unlink()
    log = opened(settings)
    assert log.append(entry(1), NOW).seq == 1
    assert log.verify().intact


def test_a_log_of_which_nothing_was_written_is_whole(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    for _ in range(2):
        assert opened(settings).verify().intact
    assert opened(settings).append(entry(1), NOW).seq == 1


_KILLED = """
import os, signal, sys
from pathlib import Path
from governance.audit.head import open_head
from infra.settings import Settings

def start(home, at):
    seen = 0
    def watch(event, given):
        nonlocal seen
        if event in ("os.rename", "os.link", "fcntl.flock", "open") and any(home in str(one) for one in given):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    open_head(Settings(home=Path(home)))

for at in range(1, 30):
    if os.fork() == 0:
        start(os.path.join(sys.argv[1], f"home {at}"), at)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.wait()[1])
    print(ended)
    if ended == 0:
        break
"""


def test_a_kill_at_any_moment_of_the_first_start_leaves_a_machine_that_can_start(tmp_path: Path, python: str) -> None:
    """Each first start is a process of its own, split off one that had only imported what it needs."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.run(
        [python, "-u", "-c", _KILLED, str(tmp_path)], env=environment, capture_output=True, check=True
    )
    *killed, last = map(int, said.stdout.split())
    for at in range(1, len(killed) + 2):
        log = opened(Settings(home=tmp_path / f"home {at}"))
        assert log.append(entry(1), NOW).seq == 1
        assert log.verify().intact
    assert last == 0
    assert set(killed) == {-signal.SIGKILL}
    assert len(killed) > 3
