"""A checkpoint kept elsewhere shows what the machine itself can no longer show: that the whole log was replaced."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from governance.audit.head import open_head
from governance.audit.log import AuditLog, Entry, open_audit
from governance.audit.tables import CHAIN_START
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def entry(number: int) -> Entry:
    return Entry(
        action="ingest", operation="collection", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="done",
    )  # fmt: skip


def written_anew(settings: Settings, engine: Engine, rows: int) -> AuditLog:
    """A log that the owner of machine, database and key wrote anew: whole, signed, and with a head that agrees."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit_log"))
    (settings.root / "records" / "audit-head.json").unlink()
    AuditLog(engine)
    head = open_head(settings)
    head.advance(0, CHAIN_START, "")
    log = AuditLog(engine, head)
    for number in range(rows):
        log.append(entry(number + 100), NOW)
    return log


def test_a_checkpoint_agrees_with_the_log_as_it_grows(log: AuditLog, tmp_path: Path) -> None:
    log.extend((entry(1), entry(2)), NOW)
    made = log.checkpoint(tmp_path / "kept.json", NOW)
    assert made.seq == 2
    log.append(entry(3), NOW)
    kept = log.read_checkpoint(tmp_path / "kept.json")
    assert kept == made
    assert log.verify(NOW, (kept,)).intact


@pytest.mark.parametrize(("rows", "how"), [(1, "cut off"), (2, "changed"), (5, "changed")])
def test_a_log_written_anew_with_the_right_key_shows_by_the_checkpoint_alone(
    log: AuditLog, log_settings: Settings, engine: Engine, tmp_path: Path, rows: int, how: str
) -> None:
    log.extend((entry(1), entry(2)), NOW)
    log.checkpoint(tmp_path / "kept.json", NOW)
    forged = written_anew(log_settings, engine, rows)
    assert forged.verify(NOW).intact
    found = forged.verify(NOW, (forged.read_checkpoint(tmp_path / "kept.json"),)).problem
    assert found is not None
    assert found.how == how
    assert "checkpoint of 2026-11-20" in found.what


@pytest.mark.parametrize("change", [{"seq": 1}, {"hash": "0" * 64}, {"made_at": "later"}, {"kind": "verified"}])
def test_a_checkpoint_that_was_edited_is_refused(log: AuditLog, tmp_path: Path, change: dict[str, object]) -> None:
    log.extend((entry(1), entry(2)), NOW)
    path = tmp_path / "kept.json"
    log.checkpoint(path, NOW)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RefusedError, match="changed after it was signed"):
        log.read_checkpoint(path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"public_key": 1}', '{"public_key": "x"}'])
def test_what_is_no_checkpoint_is_wrong_input(log: AuditLog, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kept.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(WrongInputError, match="There is no file" if content is None else "not a checkpoint"):
        log.read_checkpoint(path)


def test_a_checkpoint_of_a_machine_that_is_not_trusted_is_refused(
    log: AuditLog, engine: Engine, log_settings: Settings, tmp_path: Path
) -> None:
    log.append(entry(1), NOW)
    log.checkpoint(tmp_path / "kept.json", NOW)
    other = Settings(home=tmp_path / "other", database_url=log_settings.database)
    with pytest.raises(RefusedError, match="not trusted here"):
        open_audit(other, engine).read_checkpoint(tmp_path / "kept.json")


def test_an_empty_log_has_no_checkpoint(log: AuditLog, tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="nothing in the audit log"):
        log.checkpoint(tmp_path / "kept.json", NOW)
    assert not (tmp_path / "kept.json").exists()
