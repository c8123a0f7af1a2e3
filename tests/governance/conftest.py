"""The parts that governance tests stand on: real tokens, a real log on both databases, a registry in a folder."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aside_support import NOW as SET_ASIDE_AT
from aside_support import entry, records
from batch_support import Batches, make_batches
from governance_world import (
    MODEL,
    NOW,
    Stories,
    World,
    make_change,
    make_evidence,
    make_not_yet_known,
    make_performance,
    opened_world,
    shadow_details,
)
from sqlalchemy import Engine, text

from governance.audit.log import AuditLog, LogBrokenError, open_audit
from governance.policy.document import LoadedPolicy, packaged_policy
from governance.promotion.verification import Champion, verify_champion
from infra.database import open_database
from infra.settings import Settings

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """A home with batches of two ROCUs."""
    return make_batches(tmp_path_factory.mktemp("batches"))


@pytest.fixture(scope="session")
def make() -> type:
    """The makers of records, for tests that need no world."""

    class Makers:
        evidence = staticmethod(make_evidence)
        performance = staticmethod(make_performance)
        not_yet_known = staticmethod(make_not_yet_known)
        change = staticmethod(make_change)
        shadow = staticmethod(shadow_details)

    return Makers


@pytest.fixture(scope="session")
def default_policy() -> LoadedPolicy:
    return packaged_policy("default")


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory, default_policy: LoadedPolicy) -> Stories:
    return Stories(tmp_path_factory.mktemp("stories"), default_policy)


@pytest.fixture
def world(tmp_path: Path, default_policy: LoadedPolicy, stories: Stories) -> Iterator[World]:
    with opened_world(tmp_path / "world", default_policy, stories) as opened:
        yield opened


@pytest.fixture
def fresh_world(tmp_path: Path, default_policy: LoadedPolicy, stories: Stories) -> Iterator[Callable[[], World]]:
    """Gives a new world each time; the one before is closed."""
    with ExitStack() as worlds:

        def another() -> World:
            worlds.close()
            folder = tmp_path / f"world {next(_NUMBERS)}"
            return worlds.enter_context(opened_world(folder, default_policy, stories))

        yield another


@pytest.fixture(scope="session")
def shared_database(postgresql: Callable[[], str]) -> str:
    return postgresql()


@pytest.fixture(params=["sqlite", "postgresql"])
def log_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an installation on each database."""
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home")
    settings = Settings(home=tmp_path / "home", database_url=request.getfixturevalue("shared_database"))
    emptied = open_database(settings)
    with emptied.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS audit_log"))
    emptied.dispose()
    return settings


@pytest.fixture
def engine(log_settings: Settings) -> Iterator[Engine]:
    opened = open_database(log_settings)
    yield opened
    opened.dispose()


@pytest.fixture
def log(log_settings: Settings, engine: Engine) -> AuditLog:
    return open_audit(log_settings, engine)


@pytest.fixture
def python() -> str:
    return sys.executable


@pytest.fixture
def verify(world: World) -> Callable[..., Champion]:
    """Ask, as scoring does, for the champion that may score."""
    return lambda now=NOW, rocu="nwrocu", model=MODEL: verify_champion(world.desk, model, rocu, now)


@pytest.fixture
def waiting(log: AuditLog, log_settings: Settings) -> AuditLog:
    """A log that has held once, and then could not take three entries."""
    log.append(entry(1), SET_ASIDE_AT)
    head = records(log_settings) / "audit-head.json"
    kept = head.read_bytes()
    head.write_bytes(b"{}")
    for number in (2, 3, 4):
        with pytest.raises(LogBrokenError):
            log.append(entry(number), SET_ASIDE_AT)
    head.write_bytes(kept)
    assert log.verify().intact
    assert log.waiting_aside() == 3
    assert log.aside_problem() is None
    return log
