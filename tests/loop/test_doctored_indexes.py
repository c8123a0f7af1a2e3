"""An index of the log's database that leaves a row out, or has rows of no table: nothing rests on what it says."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attack_support import check_refused, moved_to_postgresql, score, spoil
from loop_support import MODEL, Loop, token

from governance.audit.tables import COLUMNS
from infra.database import close_databases

INDEXES = {"audit_log_object": "rocu, object", "audit_log_action": "action, rocu", "audit_log_at": "at"}


@pytest.fixture
def suspended(in_force: Loop, tmp_path: Path) -> Loop:
    """A copy whose model was suspended, so that nothing scores."""
    for who in ("operator", "auditor", "analyst", "owner"):
        token(in_force.home, who)
    shutil.copytree(in_force.home, tmp_path / "home")
    loop = Loop(tmp_path / "home", in_force.world)
    loop.done("analyst", "promote", "suspend", MODEL, "--reason", "cameras were moved")
    check_refused(loop, score(loop), "score", "suspended")
    close_databases()
    return loop


@contextmanager
def schema_written(loop: Loop) -> Iterator[sqlite3.Connection]:
    """The file of the database, open to somebody who may change what it says of itself."""
    with closing(sqlite3.connect(loop.home / "state.db", isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        yield database
        (version,) = database.execute("PRAGMA schema_version").fetchone()
        database.execute(f"PRAGMA schema_version = {version + 1}")


def test_a_suspension_that_an_index_leaves_out_still_stops_scoring(suspended: Loop) -> None:
    """The indexes say that they are whole, and have one row less than the table."""
    with schema_written(suspended) as database:
        query = "SELECT seq FROM audit_log WHERE action = 'promote.suspend' AND outcome = 'done'"
        ((seq,),) = database.execute(query).fetchall()
        for name, columns in INDEXES.items():
            database.execute(f"DROP INDEX IF EXISTS {name}")
            whole = f"CREATE INDEX {name} ON audit_log ({columns})"
            database.execute(f"{whole} WHERE seq <> {seq}")
            database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", [whole, name])
    check_refused(suspended, score(suspended), "score", "suspended")
    (found,) = suspended.done("auditor", "audit", "search", "--action", "promote.suspend", "--json").data
    assert found["seq"] == seq
    assert "cameras were moved" in suspended.done("auditor", "promote", "history", MODEL, "--json").out


def test_a_resumption_that_is_in_an_index_alone_resumes_nothing(suspended: Loop) -> None:
    """An index over all columns was made while forged rows were in the table; it has them still."""
    with closing(sqlite3.connect(suspended.home / "state.db", isolation_level=None)) as database:
        rules = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in rules:
            database.execute(f"DROP TRIGGER {name}")
        told = f"SELECT {', '.join(COLUMNS)} FROM audit_log"
        base = database.execute(f"{told} WHERE action = 'promote.suspend' AND outcome = 'done'").fetchone()
        (top,) = database.execute("SELECT max(seq) FROM audit_log").fetchone()
        for number, action in enumerate(("promote.resume", "promote.resume", "promote.resumed"), 1):
            forged = {
                **dict(zip(COLUMNS, base, strict=True)),
                "seq": top + number,
                "action": action,
                "actor": f"embedded:{number}",
                **dict.fromkeys(("event_id", "hash", "signature"), f"x{number}"),
            }
            marks = ", ".join("?" * len(COLUMNS))
            database.execute(f"INSERT INTO audit_log ({', '.join(COLUMNS)}) VALUES ({marks})", list(forged.values()))
        first = ("rocu", "object", "seq")
        others = [name for name in COLUMNS if name not in first]
        sql = f"CREATE INDEX covering ON audit_log ({', '.join((*first, *others))})"
        database.execute(sql)
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'covering'").fetchone()
    with schema_written(suspended) as database:
        database.execute("DELETE FROM sqlite_master WHERE name = 'covering'")
    with schema_written(suspended) as database:
        database.execute("DELETE FROM audit_log WHERE seq > ?", [top])
        for _, rule in rules:
            database.execute(rule)
        database.execute("INSERT INTO sqlite_master VALUES ('index', 'covering', 'audit_log', ?, ?)", [root, sql])
    check_refused(suspended, score(suspended), "score", "suspended")
    history = suspended.done("auditor", "promote", "history", MODEL, "--json").data
    assert not [row for row in history if row["action"] in ("promote.resume", "promote.resumed")]


@pytest.mark.parametrize(
    "between",
    [
        "ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_log FORCE ROW LEVEL SECURITY",
        "CREATE RULE away AS ON INSERT TO audit_log WHERE NEW.action = 'none' DO INSTEAD NOTHING",
        "CREATE TABLE more () INHERITS (audit_log)",
    ],
    ids=["row security", "forced on the owner", "a rule", "a child"],
)
def test_what_stands_between_the_table_of_postgresql_and_its_reader_stops_scoring(
    suspended: Loop, postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    url = postgresql()
    moved_to_postgresql(suspended, url)
    monkeypatch.setenv("FINDPROFILE_DATABASE_URL", url)
    check_refused(suspended, score(suspended), "score", "suspended")
    spoil(suspended, between)
    check_refused(suspended, score(suspended), "score", "lost a rule")
