"""Every way to change the log behind its back shows, and says at which row and how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from governance.audit.chain import row_digest
from governance.audit.log import AuditLog, Entry, open_audit
from infra.database import open_database
from infra.errors import RefusedError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ROWS = 8


def entry(number: int) -> Entry:
    return Entry(
        action="ingest", operation="collection", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="done",
    )  # fmt: skip


@pytest.fixture
def filled(log: AuditLog) -> AuditLog:
    log.extend(tuple(entry(number) for number in range(1, ROWS + 1)), NOW)
    assert log.verify().intact
    return log


@pytest.fixture
def behind_its_back(engine: Engine) -> Callable[..., None]:
    """Run statements as somebody who owns the database and first takes its rules away."""

    def run(*statements: str) -> None:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
            else:
                for name in ("no_update", "no_delete", "next_only"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_{name}"))
            for statement in statements:
                connection.exec_driver_sql(statement)

    return run


def problem(log: AuditLog) -> tuple[int, str]:
    report = log.verify()
    assert report.problem is not None
    return report.problem.seq, report.problem.how


def values(engine: Engine, seq: int) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(connection.exec_driver_sql(f"SELECT * FROM audit_log WHERE seq = {seq}").mappings().one())


def insertion(row: dict[str, Any]) -> str:
    spelled = (
        "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'" for value in row.values()
    )
    return f"INSERT INTO audit_log ({', '.join(row)}) VALUES ({', '.join(spelled)})"


SHIFT_UP = (
    "UPDATE audit_log SET seq = -(seq + 1) WHERE seq >= {seq}", "UPDATE audit_log SET seq = -seq WHERE seq < 0",
)  # fmt: skip
SHIFT_DOWN = (
    "UPDATE audit_log SET seq = -(seq - 1) WHERE seq > {seq}", "UPDATE audit_log SET seq = -seq WHERE seq < 0",
)  # fmt: skip


@pytest.mark.parametrize(
    "column", ["at", "actor", "actor_name", "actor_roles", "rocu", "object", "outcome", "details", "event_id", "action"]
)
def test_a_changed_column_shows(filled: AuditLog, behind_its_back: Callable[..., None], column: str) -> None:
    behind_its_back(f"UPDATE audit_log SET {column} = 'other' WHERE seq = 5")
    assert problem(filled) == (5, "changed")


def test_a_purpose_added_later_shows(filled: AuditLog, behind_its_back: Callable[..., None]) -> None:
    behind_its_back("UPDATE audit_log SET purpose = 'safeguarding' WHERE seq = 3")
    assert problem(filled) == (3, "changed")


def test_a_row_that_was_changed_and_hashed_anew_shows(
    filled: AuditLog, engine: Engine, behind_its_back: Callable[..., None]
) -> None:
    row = values(engine, 4) | {"outcome": "refused"}
    behind_its_back(f"UPDATE audit_log SET outcome = 'refused', hash = '{row_digest(row)}' WHERE seq = 4")
    assert problem(filled) == (4, "changed")


@pytest.mark.parametrize("seq", [1, 2, 5])
def test_a_removed_row_shows(filled: AuditLog, behind_its_back: Callable[..., None], seq: int) -> None:
    behind_its_back(f"DELETE FROM audit_log WHERE seq = {seq}")
    assert problem(filled) == (seq, "removed")


@pytest.mark.parametrize("seq", [1, 2, 5])
def test_a_removed_row_shows_when_the_others_are_numbered_anew(
    filled: AuditLog, behind_its_back: Callable[..., None], seq: int
) -> None:
    behind_its_back(f"DELETE FROM audit_log WHERE seq = {seq}", *(step.format(seq=seq) for step in SHIFT_DOWN))
    assert problem(filled) == (seq, "removed")


def test_an_inserted_row_shows(filled: AuditLog, engine: Engine, behind_its_back: Callable[..., None]) -> None:
    forged = values(engine, 4) | {"event_id": "forged", "object": "run-x", "hash": "f" * 64}
    behind_its_back(*(step.format(seq=4) for step in SHIFT_UP), insertion(forged))
    assert problem(filled) == (4, "inserted")


def test_an_inserted_row_with_a_good_hash_shows(
    filled: AuditLog, engine: Engine, behind_its_back: Callable[..., None]
) -> None:
    forged = values(engine, 4) | {"event_id": "forged", "object": "run-x"}
    forged["hash"] = row_digest(forged)
    behind_its_back(*(step.format(seq=4) for step in SHIFT_UP), insertion(forged))
    assert problem(filled) == (4, "inserted")


@pytest.mark.parametrize("pair", [(3, 4), (2, 6), (1, 2)])
def test_reordered_rows_show(filled: AuditLog, behind_its_back: Callable[..., None], pair: tuple[int, int]) -> None:
    one, two = pair
    behind_its_back(
        f"UPDATE audit_log SET seq = -1 WHERE seq = {one}",
        f"UPDATE audit_log SET seq = {one} WHERE seq = {two}",
        f"UPDATE audit_log SET seq = {two} WHERE seq = -1",
    )
    assert problem(filled) == (one, "reordered")


@pytest.mark.parametrize("kept", [ROWS - 1, 3, 0])
def test_a_cut_off_end_shows_and_nothing_is_added_to_it(
    filled: AuditLog, behind_its_back: Callable[..., None], kept: int
) -> None:
    behind_its_back(f"DELETE FROM audit_log WHERE seq > {kept}")
    assert problem(filled) == (kept, "cut off")
    with pytest.raises(RefusedError, match="cut off"):
        filled.append(entry(99), NOW)


def test_an_end_that_was_cut_off_and_written_again_shows(
    filled: AuditLog, engine: Engine, behind_its_back: Callable[..., None]
) -> None:
    behind_its_back("DELETE FROM audit_log WHERE seq > 6")
    unwitnessed = AuditLog(engine)
    unwitnessed.extend((entry(70), entry(80), entry(90)), NOW)
    assert unwitnessed.verify().problem is None or unwitnessed.verify().problem.how == "unprotected"  # type: ignore[union-attr]
    assert problem(filled)[1] == "cut off"
    with pytest.raises(RefusedError, match="is not the row"):
        filled.append(entry(99), NOW)


def test_an_older_copy_of_the_database_shows(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    engine = open_database(settings)
    log = open_audit(settings, engine)
    log.append(entry(1), NOW)
    engine.dispose()
    shutil.copy(tmp_path / "home" / "state.db", tmp_path / "old.db")
    log.append(entry(2), NOW)
    engine.dispose()
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (tmp_path / "home" / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", tmp_path / "home" / "state.db")
    assert problem(open_audit(settings, engine)) == (1, "cut off")
    engine.dispose()


def test_lost_database_rules_show(filled: AuditLog, behind_its_back: Callable[..., None]) -> None:
    behind_its_back()
    assert problem(filled) == (ROWS, "unprotected")


def head_path(settings: Settings) -> Path:
    return settings.root / "records" / "audit-head.json"


def test_a_missing_head_shows_and_stops_writing(filled: AuditLog, log_settings: Settings, engine: Engine) -> None:
    head_path(log_settings).unlink()
    for log in (filled, open_audit(log_settings, engine)):
        assert problem(log) == (ROWS, "unwitnessed")
        with pytest.raises(RefusedError, match="missing"):
            log.append(entry(9), NOW)


@pytest.mark.parametrize(
    "change", [{"seq": 3}, {"hash": "0" * 64}, {"signature": ""}, {"signature": "AAAA"}, {"more": 1}]
)
def test_an_edited_head_shows(filled: AuditLog, log_settings: Settings, change: dict[str, Any]) -> None:
    path = head_path(log_settings)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert "not signed" in (filled.verify().problem or pytest.fail("no problem")).what
    with pytest.raises(RefusedError, match="not signed"):
        filled.append(entry(9), NOW)


def test_a_head_of_another_machine_shows(filled: AuditLog, log_settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    engine = open_database(other)
    open_audit(other, engine).extend(tuple(entry(number) for number in range(ROWS)), NOW)
    engine.dispose()
    shutil.copy(head_path(other), head_path(log_settings))
    assert filled.verify().problem is not None


def test_a_kill_between_the_row_and_the_head_is_no_problem(filled: AuditLog, log_settings: Settings) -> None:
    behind = head_path(log_settings).read_bytes()
    filled.append(entry(9), NOW)
    head_path(log_settings).write_bytes(behind)
    assert filled.verify().intact
    assert filled.append(entry(10), NOW).seq == ROWS + 2
    assert filled.verify().intact


def test_a_second_machine_joins_with_a_head_of_its_own(tmp_path: Path, postgresql: Callable[[], str]) -> None:
    url = postgresql()
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    machines = [
        Settings(home=tmp_path / name, database_url=url, audit_trusted_keys=trusted) for name in ("first", "second")
    ]
    engines = [open_database(machine) for machine in machines]
    alone = open_audit(machines[0], engines[0])
    alone.append(entry(1), NOW)
    stranger = open_audit(machines[1], engines[1])
    assert problem(stranger) == (1, "unsigned")
    with pytest.raises(RefusedError, match="not signed by a trusted key"):
        stranger.append(entry(2), NOW)
    for machine in machines:
        shutil.copy(machine.root / "records" / "audit-public.pem", trusted / f"{machine.home.name}.pem")
    logs = [open_audit(machine, engine) for machine, engine in zip(machines, engines, strict=True)]
    logs[1].append(entry(2), NOW)
    assert problem(alone) == (2, "unsigned")
    logs[0].append(entry(3), NOW)
    reports = [log.verify() for log in logs]
    for engine in engines:
        engine.dispose()
    assert [(report.intact, report.rows) for report in reports] == [
        (True, 4),
        (True, 4),
    ]  # with the entry that tells of the one set aside
