"""A log that does not hold takes nothing, and what it did not take is kept until it holds again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from aside_support import NOW, aside, entry, head_of_aside, records
from sqlalchemy import Engine

from governance.audit.aside import AsideFile
from governance.audit.head import Head, HeadFile
from governance.audit.keys import open_keys
from governance.audit.log import AuditLog, LogBrokenError, open_audit
from infra.errors import RefusedError
from infra.settings import Settings


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
    assert log.search(action="audit.aside")[0].details.keys() == {"entries", "sha256", "begins_head"}


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


def cut(path: Path, *numbers: int) -> None:
    """Take lines out of a file, the first being 1."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for number, line in enumerate(lines, 1) if number not in numbers))


def the_last_line(settings: Settings) -> None:
    cut(aside(settings), 3)


def a_line_in_the_middle(settings: Settings) -> None:
    cut(aside(settings), 2)


def every_line(settings: Settings) -> None:
    aside(settings).write_text("")


def the_whole_file(settings: Settings) -> None:
    aside(settings).unlink()


CUT: dict[Callable[[Settings], None], tuple[str, int]] = {
    the_last_line: ("3 entries .* only 2 are there", 1),
    a_line_in_the_middle: ("only 1 are there as they were written: .* from line 2 on", 2),
    every_line: ("only 0 are there", 3),
    the_whole_file: ("only 0 are there", 3),
}


@pytest.mark.parametrize("what", CUT)
def test_what_was_cut_out_of_the_file_shows_and_is_on_record(
    waiting: AuditLog, log_settings: Settings, what: Callable[[Settings], None]
) -> None:
    words, missing = CUT[what]
    what(log_settings)
    assert re.search(words, waiting.aside_problem() or "")
    waiting.append(entry(5), NOW)
    told = waiting.search(action="audit.aside")[0].details
    assert (told["entries"], told["missing"]) == (3 - missing, missing)
    assert re.search(words, told["problem"])
    assert (waiting.aside_problem(), waiting.waiting_aside(), waiting.verify().intact) == (None, 0, True)


def test_what_is_added_after_a_cut_does_not_hide_it(waiting: AuditLog, log_settings: Settings) -> None:
    the_last_line(log_settings)
    waiting.set_aside((entry(5), entry(6)), "broken", NOW)
    assert waiting.waiting_aside() == 4
    assert "5 entries" in (waiting.aside_problem() or "")


def test_a_head_that_was_changed_taken_away_or_taken_with_the_file_shows(
    waiting: AuditLog, log_settings: Settings
) -> None:
    head = head_of_aside(log_settings)
    kept = head.read_text()
    head.write_text(kept.replace('"entries": 3', '"entries": 2'))
    assert "not signed by this machine" in (waiting.aside_problem() or "")
    head.unlink()
    assert "audit-aside-head.json is missing" in (waiting.aside_problem() or "")
    waiting.set_aside((entry(5),), "broken", NOW)
    aside(log_settings).unlink()
    assert "audit-aside-head.json is missing" in (waiting.aside_problem() or "")
    waiting.append(entry(6), NOW)
    assert "is missing" in waiting.search(action="audit.aside")[0].details["problem"]
    assert waiting.aside_problem() is None
    assert head.exists()


def test_a_line_of_an_earlier_time_in_the_place_of_another_shows(log: AuditLog, log_settings: Settings) -> None:
    log.append(entry(1), NOW)
    log.set_aside((entry(2),), "broken", NOW)
    earlier = aside(log_settings).read_bytes()
    log.append(entry(3), NOW)
    log.set_aside((entry(4),), "broken", NOW)
    aside(log_settings).write_bytes(earlier)
    assert "are not those that were set aside last" in (log.aside_problem() or "")


def test_a_file_that_a_kill_left_ahead_of_its_head_holds(waiting: AuditLog, log_settings: Settings) -> None:
    """The lines are written first; what was killed before the heads is no cut."""
    heads = (head_of_aside(log_settings), records(log_settings) / "audit-head.json")
    kept = [head.read_bytes() for head in heads]
    waiting.set_aside((entry(5),), "broken", NOW)
    for head, content in zip(heads, kept, strict=True):
        head.write_bytes(content)
    assert (waiting.waiting_aside(), waiting.aside_problem()) == (4, None)
    waiting.set_aside((entry(6),), "broken", NOW)
    assert (waiting.waiting_aside(), waiting.aside_problem()) == (5, None)
    the_last_line(log_settings)
    assert waiting.aside_problem() is not None


def test_a_head_from_before_is_believed_and_vouches_for_nothing_set_aside(
    log: AuditLog, log_settings: Settings, engine: Engine
) -> None:
    """As an installation of an earlier release left it: no head beside the file, and none expected."""
    row = log.append(entry(1), NOW)
    keys = open_keys(log_settings)
    old = Head(seq=row.seq, hash=row.hash, at=row.at).signed_by(keys).model_dump_json(indent=1, exclude={"aside"})
    (records(log_settings) / "audit-head.json").write_text(old)
    head_of_aside(log_settings).unlink()
    again = open_audit(log_settings, engine)
    again.set_aside((entry(2), entry(3)), "broken", NOW)
    assert (again.aside_problem(), again.verify().intact) == (None, True)
    again.append(entry(4), NOW)
    assert again.search(action="audit.aside")[0].details["entries"] == 2
    head_of_aside(log_settings).unlink()
    assert "is missing" in (again.aside_problem() or "")


def test_the_empty_head_put_back_with_the_file_gone_shows_by_the_head_of_the_log(
    log: AuditLog, log_settings: Settings
) -> None:
    log.append(entry(1), NOW)
    empty = head_of_aside(log_settings).read_bytes()
    log.set_aside((entry(2), entry(3)), "broken", NOW)
    head_of_aside(log_settings).write_bytes(empty)
    aside(log_settings).unlink()
    assert "says that 0 entries are set aside, but the head of the audit log has seen 2" in (log.aside_problem() or "")
    log.set_aside((entry(4), entry(5), entry(6)), "broken", NOW)
    assert "5 entries" in (log.aside_problem() or "")
    log.append(entry(7), NOW)
    told = log.search(action="audit.aside")[0].details
    assert (told["entries"], told["missing"]) == (3, 2)


def test_a_head_and_file_of_before_the_log_took_something_up_show_whatever_else_was_put_back(
    log: AuditLog, log_settings: Settings
) -> None:
    """With the head of the log too: the entry in the log names the head that it began."""
    log.append(entry(1), NOW)
    heads = (head_of_aside(log_settings), records(log_settings) / "audit-head.json")
    empty = [head.read_bytes() for head in heads]
    log.set_aside((entry(2),), "broken", NOW)
    lines, with_lines = aside(log_settings).read_bytes(), head_of_aside(log_settings).read_bytes()
    log.append(entry(3), NOW)
    assert log.aside_problem() is None
    log.set_aside((entry(4),), "broken", NOW)
    aside(log_settings).unlink()
    for head, content in zip(heads, empty, strict=True):
        head.write_bytes(content)
    assert log.verify().intact
    assert "an older one was put in its place" in (log.aside_problem() or "")
    aside(log_settings).write_bytes(lines)
    head_of_aside(log_settings).write_bytes(with_lines)
    assert "an older one was put in its place" in (log.aside_problem() or "")
    log.append(entry(5), NOW)
    assert "an older one was put in its place" in log.search(action="audit.aside", limit=1)[0].details["problem"]
    assert log.aside_problem() is None


def test_a_kill_before_what_was_told_is_put_away_loses_nothing(
    waiting: AuditLog, log_settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(AsideFile, "taken", kill)
        with pytest.raises(Killed):
            waiting.append(entry(5), NOW)
    again = open_audit(log_settings, engine)
    assert (again.verify().intact, again.waiting_aside()) == (True, 3)
    assert "or a kill came right after that entry" in (again.aside_problem() or "")
    again.append(entry(6), NOW)
    newest, first = again.search(action="audit.aside")
    assert (newest.details["entries"], first.details["entries"]) == (3, 3)
    assert again.aside_problem() is None


def test_a_head_of_an_earlier_time_moves_the_head_of_the_log_nowhere(log: AuditLog, log_settings: Settings) -> None:
    """Two entries vanish if the log's head follows an old head back: then an empty one of now looks like the last."""
    log.append(entry(1), NOW)
    head, log_head = head_of_aside(log_settings), records(log_settings) / "audit-head.json"
    of_before = head.read_bytes()
    log.set_aside((entry(2),), "broken", NOW)
    log.append(entry(3), NOW)
    empty = head.read_bytes()
    begun = log.search(action="audit.aside")[0].hash
    log.set_aside((entry(4), entry(5)), "broken", NOW)
    head.write_bytes(of_before)
    log.set_aside((entry(6),), "broken", NOW)
    assert "an older one was put in its place" in (log.aside_problem() or "")
    head.unlink()
    log.set_aside((entry(7),), "broken", NOW)
    said = json.loads(log_head.read_text())
    assert (said["aside_after"], said["aside_entries"]) == (begun, 4)
    head.write_bytes(empty)
    aside(log_settings).unlink()
    assert "0 entries are set aside, but the head of the audit log has seen 4" in (log.aside_problem() or "")
    log.append(entry(8), NOW)
    assert log.search(action="audit.aside", limit=1)[0].details["missing"] == 4
    assert (log.aside_problem(), log.verify().intact) == (None, True)


def test_a_head_of_the_log_from_a_backup_counts_again_from_the_next_entry_on(
    log: AuditLog, log_settings: Settings
) -> None:
    log.append(entry(1), NOW)
    log_head = records(log_settings) / "audit-head.json"
    backup = log_head.read_bytes()
    log.set_aside((entry(2),), "broken", NOW)
    log.append(entry(3), NOW)
    log_head.write_bytes(backup)
    log.append(entry(4), NOW)
    empty = head_of_aside(log_settings).read_bytes()
    log.set_aside((entry(5),), "broken", NOW)
    aside(log_settings).unlink()
    head_of_aside(log_settings).write_bytes(empty)
    assert "0 entries are set aside, but the head of the audit log has seen 1" in (log.aside_problem() or "")
