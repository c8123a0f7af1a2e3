"""A log that does not hold takes nothing, and what it did not take is kept until it holds again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Engine

from governance.audit import AuditLog, Entry, LogBrokenError, open_audit
from governance.audit_head import HeadFile
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


def aside(settings: Settings) -> Path:
    return records(settings) / "audit-aside.jsonl"


def test_the_log_vouches_only_for_lines_that_hold(log: AuditLog, log_settings: Settings) -> None:
    log.set_aside(tuple(entry(number) for number in range(1, 6)), "broken", NOW)
    kept = aside(log_settings).read_text().split("\n")
    aside(log_settings).write_text("\n".join([kept[0], kept[4], "rubbish", "more rubbish", ""]))
    assert log.waiting_aside() == 1
    log.append(entry(6), NOW)
    told = log.search(action="audit.aside")[0].details
    assert (told["entries"], told["lines"], told["first_that_does_not_hold"]) == (1, 4, 2)


def test_whatever_stands_in_a_reason_is_one_line(log: AuditLog) -> None:
    said = [entry(number).model_copy(update={"details": {"reason": "a\u2028b\u0085c"}}) for number in (1, 2)]
    log.set_aside(said, "broken\u2028off", NOW)
    assert log.waiting_aside() == 2
    log.append(entry(3), NOW)
    assert log.search(action="audit.aside")[0].details.keys() == {"entries", "sha256"}


def test_of_two_that_write_at_once_one_tells_of_what_was_set_aside(
    log: AuditLog, log_settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes between the commit of the first and the moment when the file is put away."""
    log.set_aside((entry(1),), "broken", NOW)
    other, others, advance = open_audit(log_settings, engine), list[Thread](), HeadFile.advance

    def with_another_writing(head: HeadFile, seq: int, row_hash: str, at: str) -> None:
        if not others:
            others.append(Thread(target=lambda: other.append(entry(3), NOW)))
            others[0].start()
            others[0].join(1)  # long enough for the other to have written, if it is let
        advance(head, seq, row_hash, at)

    monkeypatch.setattr(HeadFile, "advance", with_another_writing)
    log.append(entry(2), NOW)
    others[0].join()
    assert len(log.search(action="audit.aside")) == 1
    assert log.verify().intact
