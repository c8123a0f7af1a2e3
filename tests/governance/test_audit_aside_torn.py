"""A line that was cut off in the middle is told as what it is, and nothing that was counted is lost unseen."""

from __future__ import annotations

import json
import re

from aside_support import NOW, aside, entry

from governance.audit.log import AuditLog
from governance.audit.plate_guard import withhold_plates
from infra.settings import Settings


def test_a_line_that_a_power_cut_tore_is_told_as_what_it_is_and_the_next_write_goes_on(
    waiting: AuditLog, log_settings: Settings
) -> None:
    """Nothing of it was counted yet: the head is written after the lines."""
    path = aside(log_settings)
    whole = path.read_bytes()
    torn = whole.splitlines()[0].decode()[:200]
    path.write_bytes(whole + torn.encode())
    problem = waiting.aside_problem() or ""
    assert "Line 4 of audit-aside.jsonl is incomplete, 200 characters without an end: a write was cut off" in problem
    assert ("changed" in problem, waiting.waiting_aside()) == (False, 3)
    waiting.set_aside((entry(5), entry(6)), "broken", NOW)
    assert (waiting.aside_problem(), waiting.waiting_aside()) == (None, 5)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    # a signature may read as a plate by chance, and is withheld then as any text of the log would be
    assert [line["cut_off"] for line in lines] == ["", "", "", withhold_plates(torn), ""]
    assert path.read_bytes().startswith(whole)
    waiting.append(entry(7), NOW)
    told = waiting.search(action="audit.aside")[0].details
    assert (told["entries"], told["cut_off"], "problem" in told) == (5, 1, False)


def test_a_torn_line_is_on_record_though_nothing_was_written_after_it(
    waiting: AuditLog, log_settings: Settings
) -> None:
    with aside(log_settings).open("a") as stream:
        stream.write('{"at": "2026')
    waiting.append(entry(5), NOW)
    told = waiting.search(action="audit.aside")[0].details
    assert (told["entries"], told["cut_off"], told["missing"]) == (3, 1, 0)
    assert "is incomplete, 12 characters" in told["problem"]


def test_a_line_that_was_counted_and_then_cut_in_the_middle_is_missing_for_good(
    waiting: AuditLog, log_settings: Settings
) -> None:
    aside(log_settings).write_bytes(aside(log_settings).read_bytes()[:-100])
    for expected in ("only 2 are there .* Line 3 of audit-aside.jsonl is incomplete", "4 entries .* only 3 are there"):
        assert re.search(expected, waiting.aside_problem() or "")
        waiting.set_aside((entry(5),), "broken", NOW)
    assert waiting.waiting_aside() == 4


def test_a_line_that_lacks_only_its_end_holds(waiting: AuditLog, log_settings: Settings) -> None:
    aside(log_settings).write_bytes(aside(log_settings).read_bytes().removesuffix(b"\n"))
    assert (waiting.aside_problem(), waiting.waiting_aside()) == (None, 3)
    waiting.set_aside((entry(5),), "broken", NOW)
    assert (waiting.aside_problem(), waiting.waiting_aside()) == (None, 4)
