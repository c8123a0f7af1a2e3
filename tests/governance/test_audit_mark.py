"""A long log is not walked from its start at every question, and still nothing that decides can be touched unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

import governance.audit.log
from governance.audit.chain import HASHED, holds, row_digest
from governance.audit.log import AuditLog, Entry, open_audit
from governance.audit.operations import OPERATIONS
from infra.errors import RefusedError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def look(number: int) -> Entry:
    return Entry(
        action="scores.read", operation="consultation", actor="embedded:nils", actor_name="Nils",
        actor_roles=("analyst",), rocu="nwrocu", object=f"list-{number}", outcome="done",
    )  # fmt: skip


def decide(action: str, number: int) -> Entry:
    return Entry(
        action=action, operation="decision", actor="embedded:gwen", actor_name="Gwen", actor_roles=("governance",),
        rocu="nwrocu", object=f"county_lines.nwrocu/{number}", outcome="done", details={"reason": "because"},
    )  # fmt: skip


@pytest.fixture
def long(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> AuditLog:
    """Rows 1 to 12, of which 4, 8 and 12 decide; walked once, and from now on taken for a long log."""
    monkeypatch.setattr(governance.audit.log, "SHORT_LOG_ROWS", 0)
    actions = ("promote.approve", "promote.suspend", "policy.load")
    numbers = range(1, 13)
    log.extend(tuple(look(one) if one % 4 else decide(actions[one // 4 - 1], one) for one in numbers), NOW)
    assert log.check(NOW).intact
    log.append(look(13), NOW)
    return log


@pytest.fixture
def behind_its_back(engine: Engine) -> Callable[..., None]:
    """Run statements as the owner of the database: the rules are off for so long."""

    def run(*statements: str) -> None:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
                for statement in statements:
                    connection.exec_driver_sql(statement)
                connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
                return
            rules = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for name, _ in rules:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
            for _, sql in rules:
                connection.exec_driver_sql(sql)

    return run


def rows_fetched(engine: Engine, ask: Callable[[], object]) -> list[str]:
    said: list[str] = []

    def listen(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    ask()
    event.remove(engine, "before_cursor_execute", listen)
    return said


def test_after_a_full_walk_only_what_is_new_is_walked(long: AuditLog, engine: Engine) -> None:
    asked = rows_fetched(engine, lambda: long.check(LATER))
    assert any("count" in statement for statement in asked)
    report = long.check(LATER)
    assert (report.intact, report.rows) == (True, 13)
    assert report.head == long.search(limit=1)[0].hash


def test_a_mark_that_is_too_old_is_not_believed(long: AuditLog, behind_its_back: Callable[..., None]) -> None:
    behind_its_back("UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 5")
    assert long.check(LATER).intact
    found = long.check(NOW + timedelta(days=1)).problem
    assert found is not None
    assert (found.seq, found.how) == (5, "changed")


def test_a_full_verification_sees_at_once_what_may_wait_for_scoring(
    long: AuditLog, behind_its_back: Callable[..., None]
) -> None:
    behind_its_back("UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 5")
    found = long.verify(LATER).problem
    assert found is not None
    assert found.seq == 5


REFUSED = [
    ("changed", "UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 4"),
    ("hidden from its model", "UPDATE audit_log SET object = 'another' WHERE seq = 8"),
    ("hidden by its kind", "UPDATE audit_log SET operation = 'consultation' WHERE seq = 8"),
    ("hidden altogether", "UPDATE audit_log SET operation = 'consultation', action = 'scores.read' WHERE seq = 8"),
    ("removed", "DELETE FROM audit_log WHERE seq = 8"),
    ("an unimportant row removed", "DELETE FROM audit_log WHERE seq = 5"),
    ("swapped", "UPDATE audit_log SET seq = -seq WHERE seq = 4;UPDATE audit_log SET seq = 4 WHERE seq = 8;"
     "UPDATE audit_log SET seq = 8 WHERE seq = -4"),
    ("the last row removed", "DELETE FROM audit_log WHERE seq = 13"),
    ("the row after the mark changed", "UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 13"),
    ("given another signer", "UPDATE audit_log SET signer = 'x' WHERE seq = 12"),
]  # fmt: skip


@pytest.mark.parametrize("statements", [made for _, made in REFUSED], ids=[name for name, _ in REFUSED])
def test_nothing_that_decides_can_be_touched(
    long: AuditLog, behind_its_back: Callable[..., None], statements: str
) -> None:
    behind_its_back(*statements.split(";"))
    assert not long.check(LATER).intact


@pytest.mark.parametrize(
    "action",
    [
        "score",
        "retrain",
        "reproduce",
        "monitor",
        "ingest.record",
        "ingest.placed",
        "dispositions.record",
        "policy.load",
    ],
)
def test_what_was_made_is_believed_by_a_row_that_cannot_be_touched(
    log: AuditLog, behind_its_back: Callable[..., None], monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr(governance.audit.log, "SHORT_LOG_ROWS", 0)
    own = {"action": action, "operation": OPERATIONS[action][0], "details": {"run_id": "r"}}
    made = look(2).model_copy(update=own)
    log.extend((look(1), made, look(3)), NOW)
    assert log.check(NOW).intact
    behind_its_back("""UPDATE audit_log SET details = '{"run_id":"another"}' WHERE seq = 2""")
    assert not log.check(LATER).intact
    with pytest.raises(RefusedError, match="does not hold"):
        log.require_intact(LATER)


@pytest.mark.parametrize("changes", [{"action": "promote.promoted"}, {"operation": "decision"}])
def test_a_row_that_is_made_to_decide_shows_however_well_it_is_hashed(
    long: AuditLog, engine: Engine, behind_its_back: Callable[..., None], changes: dict[str, str]
) -> None:
    with engine.connect() as connection:
        row = dict(connection.exec_driver_sql("SELECT * FROM audit_log WHERE seq = 6").mappings().one())
    forged = row | changes
    spelled = ", ".join(f"{name} = '{value}'" for name, value in changes.items())
    behind_its_back(f"UPDATE audit_log SET {spelled}, hash = '{row_digest(forged)}' WHERE seq = 6")
    assert not long.check(LATER).intact


def mark_path(settings: Settings) -> Path:
    return settings.root / "records" / "audit-verified.json"


@pytest.mark.parametrize("content", ["", "{}", "no json", None])
def test_without_a_good_mark_the_whole_log_is_walked(
    long: AuditLog, log_settings: Settings, behind_its_back: Callable[..., None], content: str | None
) -> None:
    path = mark_path(log_settings)
    path.unlink() if content is None else path.write_text(content)
    behind_its_back("UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 5")
    assert not long.check(LATER).intact


@pytest.mark.parametrize("change", [{"seq": 13}, {"walked_at": "2027-01-01T00:00:00.000000Z"}, {"decisions": "0" * 64}])
def test_a_mark_edited_by_hand_is_worth_nothing(
    long: AuditLog, log_settings: Settings, behind_its_back: Callable[..., None], change: dict[str, Any]
) -> None:
    path = mark_path(log_settings)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    behind_its_back("UPDATE audit_log SET actor = 'embedded:x' WHERE seq = 5")
    assert not long.check(LATER).intact


def test_a_signer_that_is_no_longer_trusted_is_looked_for_everywhere(
    tmp_path: Path, engine: Engine, log_settings: Settings, long: AuditLog
) -> None:
    """A mark that was made when more keys were trusted is not believed."""
    trusting = tmp_path / "trusted"
    trusting.mkdir()
    other = Settings(home=tmp_path / "other", database_url=log_settings.database, audit_trusted_keys=trusting)
    (trusting / "first.pem").write_bytes((log_settings.root / "records" / "audit-public.pem").read_bytes())
    assert open_audit(other, engine).check(NOW).intact
    (trusting / "first.pem").unlink()
    found = open_audit(other, engine).check(LATER).problem
    assert found is not None
    assert (found.seq, found.how) == (1, "unsigned")


def test_a_broken_log_leaves_the_mark_where_it_was(
    long: AuditLog, log_settings: Settings, behind_its_back: Callable[..., None]
) -> None:
    kept = mark_path(log_settings).read_bytes()
    behind_its_back("DELETE FROM audit_log WHERE seq = 8")
    assert not long.check(LATER).intact
    assert mark_path(log_settings).read_bytes() == kept


@pytest.mark.parametrize("rule", ["audit_log_no_update", "audit_log_next_only"])
def test_a_database_rule_that_was_put_back_weaker_shows(log: AuditLog, engine: Engine, rule: str) -> None:
    log.append(look(1), NOW)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            function = "audit_log_refuse" if rule == "audit_log_no_update" else "audit_log_next"
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RETURN COALESCE(NEW, OLD); END $$"
            )
        else:
            connection.exec_driver_sql(f"DROP TRIGGER {rule}")
            connection.exec_driver_sql(f"CREATE TRIGGER {rule} BEFORE UPDATE ON audit_log WHEN 0 BEGIN SELECT 1; END")
    found = log.verify().problem
    assert found is not None
    assert found.how == "unprotected"


@pytest.mark.parametrize("value", ["x'00ff'", "9.5", "''", "char(34, 92, 10, 127, 160, 128512)"])
def test_a_value_that_the_row_was_not_written_with_shows(
    log: AuditLog, engine: Engine, behind_its_back: Callable[..., None], value: str
) -> None:
    log.extend((look(1), look(2)), NOW)
    if engine.dialect.name == "postgresql":
        value = "'9.5'" if value[0] in "x9" else value if value == "''" else "chr(34) || chr(92) || chr(128512)"
    behind_its_back(f"UPDATE audit_log SET purpose = {value} WHERE seq = 1")
    found = log.verify().problem
    assert found is not None
    assert (found.seq, found.how) == (1, "changed")


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 10**12))
def test_the_fast_way_to_hash_agrees_with_canonical_json(said: str, more: str, seq: int) -> None:
    row = dict.fromkeys(HASHED, said) | {"seq": seq, "purpose": None, "details": more}
    assert holds([row[name] for name in HASHED], row_digest(row))
    encoded = hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert encoded == row_digest(row)
