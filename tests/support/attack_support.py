"""What an attacker does to a finished installation, on SQLite or PostgreSQL, and where the refusal must be found."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from loop_support import AS_OF, PSEUDONYM_KEY, ROOT, Loop, Said
from sqlalchemy import Connection, Engine, create_engine, text

from governance.audit.entry import stored_values
from governance.audit.keys import AuditKeys
from governance.audit.log import Entry, open_audit
from governance.audit.tables import audit_log
from governance.audit.walk import last_link
from infra.database import open_database
from infra.settings import Settings


def score(loop: Loop) -> Said:
    return loop("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF)


def check_refused(loop: Loop, said: Said, action: str, *words: str) -> None:
    """It was refused with these words, and the refusal is on record with the same reason."""
    assert said.code == 1, said.out + said.err
    assert "what to do" in said.err
    for word in words:
        assert word in said.err
    reason = said.err.removeprefix("refused: ").split("\n")[0]
    assert refusals(loop, action)[-1:] == [reason]


@contextmanager
def database_of(loop: Loop) -> Iterator[Engine]:
    """The database of an installation, as somebody who owns it opens it."""
    engine = open_database(Settings(home=loop.home))
    yield engine
    engine.dispose()


@contextmanager
def rules_off(connection: Connection) -> Iterator[None]:
    """Take the append-only rules away and put them back as they were."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        yield
        connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
        return
    rules = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in rules:
        connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    for _, sql in rules:
        connection.exec_driver_sql(sql)


def spoil(loop: Loop, *statements: str) -> None:
    """Change the log behind its back."""
    with database_of(loop) as engine, engine.begin() as connection, rules_off(connection):
        for statement in statements:
            connection.exec_driver_sql(statement)


def insert(loop: Loop, entry: Entry, keys: AuditKeys | None) -> None:
    """Put in the next link of the chain, well hashed, as any program with the database's password can."""
    with database_of(loop) as engine, engine.begin() as connection:
        seq, last = last_link(connection)
        connection.execute(audit_log.insert(), [stored_values(entry, datetime.now(UTC), seq + 1, last, keys)])


def moved_to_postgresql(loop: Loop, url: str) -> None:
    """Bring the log of a home into an empty PostgreSQL database, row by row: the same rows, hashes and signatures."""
    source = create_engine(f"sqlite:///{loop.home / 'state.db'}")
    with source.connect() as connection:
        rows = [dict(row) for row in connection.execute(audit_log.select().order_by(audit_log.c.seq)).mappings()]
    source.dispose()
    settings = Settings(home=loop.home, database_url=url)
    target = open_database(settings)
    log = open_audit(settings, target)
    with target.begin() as connection:
        for row in rows:
            connection.execute(audit_log.insert(), [row])
    assert log.verify().intact
    target.dispose()


def refusals(loop: Loop, action: str) -> list[str]:
    """Why this was refused or failed, newest last: by the log, or by what the log could not take."""
    with database_of(loop) as engine, engine.connect() as connection:
        rows = connection.execute(
            text("SELECT details FROM audit_log WHERE action = :action AND outcome <> 'done' ORDER BY seq"),
            {"action": action},
        ).scalars()
        found = [json.loads(details).get("reason", "") for details in rows]
    aside = loop.home / "records" / "audit-aside.jsonl"
    lines = [json.loads(line) for line in aside.read_text().splitlines()] if aside.exists() else []
    said = [line["entry"] for line in lines if line["entry"]["action"] == action]
    return found + [entry["details"].get("reason", "") for entry in said]


def kept_rows(loop: Loop) -> int:
    """How many rows the log has."""
    with database_of(loop) as engine, engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM audit_log")).scalar_one())


_KILLED = """
import itertools, json, os, shutil, signal, sys
from pathlib import Path
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store
from flows.cli import main

def type_it(home, at, told):
    seen = 0
    def watch(event, given):
        nonlocal seen
        mine = event in ("os.rename", "sqlite3.connect") and any(str(one).startswith(home) for one in given)
        if mine or event == "fcntl.flock":
            seen += 1
            os.write(told, b".")
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
    os.environ["FINDPROFILE_HOME"] = home
    sys.addaudithook(watch)
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0

source, folder = sys.argv[1:3]
sys.argv = ["findprofile", *sys.argv[3:]]
for at in itertools.count(1):
    home = f"{folder}/killed-{at}"
    shutil.copytree(source, home)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = type_it(home, at, write)
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as told:
        seen = len(told.read())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    Path(home).with_name(f"ended-{at}.json").write_text(json.dumps([code, seen]))
    if code == 0:
        break
"""


def killed(source: Path, folder: Path, signed: str, arguments: Sequence[str]) -> dict[Path, tuple[int, int]]:
    """Type a command on one copy of a home after the other, until it is not killed any more.

    Each is typed in a process that dies at its first opening of a database, lock or placement of a file, at its second,
    and so on; all are forked from one that has imported what takes long.

    Args:
        source: The home.
        folder: Where the copies are put.
        signed: The token.
        arguments: The command.

    Returns:
        By copy, in order: the exit code, negative if it was killed, and how many such moments there were.
    """
    environment = {
        **os.environ,
        "FINDPROFILE_PSEUDONYM_KEY": PSEUDONYM_KEY,
        "FINDPROFILE_TOKEN": signed,
        "PYTHONPATH": str(ROOT),
    }
    program = [sys.executable, "-c", _KILLED, str(source), str(folder), *arguments]
    subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    ended = [folder / f"ended-{at}.json" for at in range(1, len(list(folder.glob("ended-*.json"))) + 1)]
    return {file.with_name(file.stem.replace("ended", "killed")): tuple(json.loads(file.read_text())) for file in ended}


# what a name has in it of the process that made it
_BY_CHANCE = re.compile(r"[0-9a-f]{8,}|\d+")


def state_left(loop: Loop) -> tuple[object, ...]:
    """What a kill left, as far as anything is decided by it: two homes with the same go on in the same way.

    The rows of the log, how far the signed head and what is set aside are, the alias, and which files are there.
    """
    with database_of(loop) as engine, engine.connect() as connection:
        log = connection.execute(text("SELECT action, object, outcome FROM audit_log ORDER BY seq")).all()
    with closing(sqlite3.connect(loop.home / "mlflow.db")) as registry:
        aliases = registry.execute("SELECT name, alias, version FROM registered_model_aliases ORDER BY 1, 2").fetchall()
    records = loop.home / "records"
    files = [path for part in (loop.home / "lake", records) for path in part.rglob("*")]
    names = sorted(_BY_CHANCE.sub("#", str(path.relative_to(loop.home))) for path in files)
    heads = [json.loads((records / f"{name}.json").read_text()) for name in ("audit-head", "audit-aside-head")]
    aside = records / "audit-aside.jsonl"
    waiting = len(aside.read_text().splitlines()) if aside.exists() else 0
    far = tuple(head.get("seq", head.get("entries")) for head in heads)
    return (tuple(map(tuple, log)), tuple(aliases), tuple(names), far, waiting)


def audit_keys(home: Path) -> AuditKeys:
    """The audit keys of a home."""
    from governance.audit.keys import open_keys

    return open_keys(Settings(home=home))
