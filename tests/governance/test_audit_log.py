"""The log on SQLite and on a real PostgreSQL: it grows by its next link and in no other way."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from governance.audit.chain import HASHED, holds, row_digest
from governance.audit.entry import stored_values
from governance.audit.log import AuditLog, Entry, open_audit
from governance.audit.tables import CHAIN_START
from infra.database import open_database
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SAID = (
    "at, action, operation, actor, actor_name, actor_roles, rocu, object, purpose, authority, outcome, details, signer"
)


def entry(number: int = 0, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "action": "ingest", "operation": "collection", "actor": "embedded:olga", "actor_name": "Olga",
        "actor_roles": ("operator",), "rocu": "nwrocu", "object": f"run-{number}", "outcome": "done",
        "details": {"rows": number, "share": 0.25},
    }  # fmt: skip
    return Entry(**{**values, **changes})


def test_a_new_log_is_empty_and_intact(log: AuditLog) -> None:
    report = log.verify()
    assert (report.intact, report.rows, report.head) == (True, 0, CHAIN_START)


def test_rows_come_back_as_they_were_said(log: AuditLog) -> None:
    log.append(entry(1), NOW)
    said = entry(2, purpose="safeguarding", authority="CL/2026/7", details={"b": [1, None, "é"], "a": {"x": True}})
    row = log.append(said, NOW + timedelta(seconds=1))
    assert log.search(limit=1) == (row,)
    assert (row.seq, row.moment, row.details) == (2, NOW + timedelta(seconds=1), said.details)
    assert row.previous_hash == log.search()[1].hash
    assert log.verify().head == row.hash


def test_time_is_kept_in_utc(log: AuditLog) -> None:
    from zoneinfo import ZoneInfo

    row = log.append(entry(), datetime(2026, 7, 1, 12, 0, tzinfo=ZoneInfo("Europe/London")))
    assert row.at == "2026-07-01T11:00:00.000000Z"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET outcome = 'refused' WHERE seq = 1",
        "UPDATE audit_log SET seq = 9 WHERE seq = 2",
        "DELETE FROM audit_log WHERE seq = 2",
        "DELETE FROM audit_log",
        f"INSERT INTO audit_log SELECT seq + 7, 'e', {SAID}, hash, 'h', 's' FROM audit_log WHERE seq = 2",
        f"INSERT INTO audit_log SELECT seq + 1, 'e', {SAID}, previous_hash, 'h', 's' FROM audit_log WHERE seq = 2",
    ],
)
def test_the_database_itself_refuses_any_change(log: AuditLog, engine: Engine, statement: str) -> None:
    log.extend((entry(1), entry(2)), NOW)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert log.verify().intact
    assert len(log.search()) == 2


def test_replacing_a_row_is_refused_on_sqlite(world: Any) -> None:
    world.audit.extend((entry(1), entry(2)), NOW)
    engine = open_database(world.settings)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE seq = 1"))
    engine.dispose()
    assert world.audit.verify().intact


def test_truncating_is_refused_on_postgresql(tmp_path: Path, postgresql: Any) -> None:
    settings = Settings(home=tmp_path, database_url=postgresql())
    engine = open_database(settings)
    log = open_audit(settings, engine)
    log.append(entry(), NOW)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit_log"))
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE clerk"))
        connection.execute(
            text("GRANT ALL ON audit_log TO PUBLIC; REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC")
        )
        connection.execute(text("SET ROLE clerk"))
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(text("UPDATE audit_log SET outcome = 'refused'"))
        connection.rollback()
    engine.dispose()


def test_a_session_that_fails_leaves_nothing(log: AuditLog) -> None:
    log.append(entry(1), NOW)

    def append_and_refuse() -> None:
        with log.writing() as session:
            session.append(entry(2), NOW)
            raise RefusedError("No.", "Stop.")

    with pytest.raises(RefusedError):
        append_and_refuse()
    assert [row.object for row in log.search()] == ["run-1"]
    assert log.append(entry(3), NOW).seq == 2


def test_details_that_are_not_json_numbers_are_an_error_and_leave_nothing(log: AuditLog) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        log.append(entry(details={"precision": float("nan")}), NOW)
    assert log.search() == ()


WRITERS = """
import os, sys
from datetime import UTC, datetime
import psycopg
from governance.audit.log import Entry, open_audit
from infra.database import open_database
from infra.settings import Settings

def write(who):
    settings = Settings(home=sys.argv[1], database_url=sys.argv[2] or None)
    log = open_audit(settings, open_database(settings))
    for number in range(20):
        log.append(Entry(action="score", operation="combination", actor=who, actor_name="w", actor_roles=(),
                         rocu="nwrocu", object=f"{who}-{number}", outcome="done"), datetime.now(UTC))

for number in range(10):
    if os.fork() == 0:
        write(f"worker-{number}")
        os._exit(0)
sys.exit(any([os.wait()[1] for _ in range(10)]))
"""


def test_ten_processes_write_one_chain(log_settings: Settings, python: str) -> None:
    """Processes of one that had opened nothing yet: they share what was imported, and nothing else."""
    arguments = [python, "-c", WRITERS, str(log_settings.home), log_settings.database_url or ""]
    assert subprocess.run(arguments, check=False, timeout=120).returncode == 0
    engine = open_database(log_settings)
    log = open_audit(log_settings, engine)
    rows, intact = log.search(), log.verify().intact
    engine.dispose()
    assert intact
    assert [row.seq for row in rows] == list(range(200, 0, -1))
    assert {row.object for row in rows} == {f"worker-{w}-{n}" for w in range(10) for n in range(20)}
    assert json.loads((log_settings.root / "records" / "audit-head.json").read_text())["seq"] == 200


def test_search_meets_every_condition(log: AuditLog) -> None:
    log.append(entry(1, object="county_lines.nwrocu/1", action="promote.request", operation="decision"), NOW)
    log.append(
        entry(2, object="county_lines.nwrocu", action="promote.suspend", operation="decision", outcome="refused"), NOW
    )
    log.append(entry(3, object="county_lines.nwrocu_b/1", rocu="nerocu", purpose="oversight"), NOW + timedelta(days=1))
    log.append(entry(4, actor="embedded:ann", actor_name="Ann", authority="CL/1"), NOW + timedelta(days=2))

    def found(**conditions: Any) -> list[int]:
        return [row.seq for row in log.search(**conditions)]

    assert found() == [4, 3, 2, 1]
    assert found(limit=2) == [4, 3]
    assert found(object="county_lines.nwrocu") == [2, 1]
    assert found(action="promote.") == [2, 1]
    assert found(action="promote.request") == [1]
    assert found(rocus=frozenset({"nerocu"})) == [3]
    assert found(rocus=frozenset()) == []
    assert found(actor="Ann") == found(actor="embedded:ann") == [4]
    assert found(outcome="refused") == [2]
    assert found(operation="decision") == [2, 1]
    assert found(purpose="oversight") == [3]
    assert found(authority="CL/1") == [4]
    assert found(since=NOW + timedelta(days=1)) == [4, 3]
    assert found(until=NOW + timedelta(days=1)) == [2, 1]
    assert found(object="county_lines.nwrocu", outcome="done") == [1]


def test_an_underscore_in_a_model_name_is_no_wildcard(log: AuditLog) -> None:
    log.append(entry(1, object="county_lines.nwrocu/1"), NOW)
    log.append(entry(2, object="countyxlines.nwrocu/1"), NOW)
    assert [row.seq for row in log.entries("county_lines.nwrocu")] == [1]


def test_a_database_that_stops_answering_is_a_fault(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    engine = open_database(settings)
    log = open_audit(settings, engine)
    engine.dispose()
    (tmp_path / "state.db").unlink()
    (tmp_path / "state.db-wal").unlink(missing_ok=True)
    (tmp_path / "state.db-shm").unlink(missing_ok=True)
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(FaultError, match="did not take it"):
        log.append(entry(), NOW)
    engine.dispose()


def test_a_plate_never_reaches_the_table(log: AuditLog, engine: Engine) -> None:
    with pytest.raises(WrongInputError):
        log.append(entry(details={"note": "seen AB12 CDE again"}), NOW)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_log")).scalar_one() == 0


def test_a_run_is_found_however_many_came_after_it(log: AuditLog) -> None:
    def made(run_id: str) -> Entry:
        return entry(
            1, action="score", operation="combination", object="county_lines.nwrocu", details={"run_id": run_id}
        )

    log.append(made("first"), NOW)
    log.extend(tuple(made(f"later {number}") for number in range(1001)), NOW)
    (found,) = log.search(action="score", object="county_lines.nwrocu", run_id="first")
    assert found.seq == 1
    assert log.search(run_id="fir%") == ()


def test_the_entries_of_a_life_are_read_without_the_lists_that_were_looked_at(log: AuditLog) -> None:
    log.append(entry(1, action="promote.suspend", operation="decision", object="county_lines.nwrocu"), NOW)
    log.append(entry(2, action="scores.read", operation="consultation", object="county_lines.nwrocu"), NOW)
    assert [row.seq for row in log.entries("county_lines.nwrocu", "promote.")] == [1]
    with log.writing() as session:
        assert [row.seq for row in session.entries("county_lines.nwrocu", "promote.")] == [1]


@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), ("\udcff", ValueError), ({1}, TypeError)])
def test_what_has_no_digest_is_never_written_and_never_believed(value: Any, error: type[Exception]) -> None:
    values = stored_values(entry(1), NOW, 1, CHAIN_START) | {"purpose": value}
    with pytest.raises(error):
        row_digest(values)
    assert not holds([values[name] for name in HASHED], "")
