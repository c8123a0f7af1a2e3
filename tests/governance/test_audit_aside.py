"""A log that does not hold takes nothing, and what it did not take is kept until it holds again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.audit import AuditLog, Entry, LogBrokenError
from infra.errors import RefusedError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def entry(number: int) -> Entry:
    return Entry(
        action="score", operation="combination", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="refused",
    )  # fmt: skip


def records(settings: Settings) -> Path:
    return settings.root / "records"


def test_what_a_broken_log_did_not_take_is_kept_and_taken_up_when_it_holds(
    log: AuditLog, log_settings: Settings
) -> None:
    log.append(entry(1), NOW)
    head = records(log_settings) / "audit-head.json"
    kept = head.read_bytes()
    head.write_bytes(kept.replace(b'"seq": 1', b'"seq": 2'))
    for number in (2, 3):
        with pytest.raises(LogBrokenError, match="not signed by this machine"):
            log.append(entry(number), NOW)
    assert log.waiting_aside() == 2
    lines = [json.loads(line) for line in (records(log_settings) / "audit-aside.jsonl").read_text().splitlines()]
    assert [line["entry"]["object"] for line in lines] == ["run-2", "run-3"]
    assert "not signed by this machine" in lines[0]["why"]
    assert lines[1]["previous"] != lines[0]["previous"] == ""
    head.write_bytes(kept)
    log.append(entry(4), NOW)
    told = log.search(action="audit.aside")[0]
    assert told.seq == 3
    assert told.details["entries"] == 2
    assert log.waiting_aside() == 0
    assert (records(log_settings) / "audit-aside-3.jsonl").exists()
    assert log.verify().intact


def test_lines_that_this_machine_did_not_sign_are_not_believed(log: AuditLog, log_settings: Settings) -> None:
    log.set_aside((entry(1),), "broken", NOW)
    path = records(log_settings) / "audit-aside.jsonl"
    path.write_text(path.read_text().replace("run-1", "run-7") + "no json\n")
    assert log.waiting_aside() == 0


def test_a_plate_in_a_reason_is_withheld(log: AuditLog, log_settings: Settings) -> None:
    log.set_aside((entry(1),), "AB12 CDE is gone", NOW)
    assert "CDE" not in (records(log_settings) / "audit-aside.jsonl").read_text()


def test_the_clock_is_no_reason_to_set_aside(log: AuditLog) -> None:
    log.append(entry(1), NOW)
    done = entry(2).model_copy(update={"outcome": "done"})
    with pytest.raises(RefusedError):
        log.append(done, NOW.replace(year=2025))
    assert log.waiting_aside() == 0
