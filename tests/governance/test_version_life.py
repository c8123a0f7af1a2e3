"""A version's entries as the approval sheet shows them: its own, and those of others that changed what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from governance.audit.log import Entry
from governance.documents.life import follow, other_use
from governance.promotion.control import rollback
from governance.promotion.requests import approve
from infra.errors import RefusedError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL = "county_lines.nwrocu"


def entry(world: Any, action: str, operation: Any, subject: str, outcome: Any = "done", **details: Any) -> Entry:
    return Entry.by(
        world.engineer,
        action=action,
        operation=operation,
        rocu="nwrocu",
        object=subject,
        outcome=outcome,
        details=details,
    )


def test_what_others_did_to_it_is_part_of_its_life(world: Any) -> None:
    world.told("two promoted")
    rollback(world.desk, world.person("Gwen Governor"), MODEL, "worse in use", world.policy, NOW)
    rows = world.audit.entries(MODEL)
    first, second = (follow(rows, MODEL, version) for version in ("1", "2"))
    assert [one.status for one in first][-3:] == ["superseded", "champion", "champion"]
    assert [one.row.action for one in first][-2:] == ["promote.rollback", "promote.alias"]
    assert first[-3].row.object == f"{MODEL}/2"
    assert second[-1].status == "rolled back"
    assert second[-1].why == "worse in use"
    assert not any(one.row.object == f"{MODEL}/2" for one in first[:-3])


def test_looking_at_it_is_not_part_of_its_life_and_using_it_is_counted(world: Any) -> None:
    world.told("promoted")
    before = follow(world.audit.entries(MODEL), MODEL, "1")
    world.audit.append(entry(world, "documents.read", "consultation", f"{MODEL}/1"), NOW)
    for day in range(3):
        world.audit.append(
            entry(world, "score", "combination", MODEL, version="1", day=day, authority="CL/2026/7"), NOW
        )
    world.audit.append(entry(world, "score", "combination", MODEL, version="2"), NOW)
    rows = world.audit.entries(MODEL)
    assert follow(rows, MODEL, "1") == before
    (use,) = other_use(rows, MODEL, "1")
    assert use[:3] == ("score", "done", "3")
    assert use[-1] == "CL/2026/7"


def test_a_step_that_nobody_knew_of_appears_by_itself(world: Any) -> None:
    world.told("requested")
    world.audit.append(entry(world, "promote.rehearsed", "decision", f"{MODEL}/1", reason="rehearsed going back"), NOW)
    last = follow(world.audit.entries(MODEL), MODEL, "1")[-1]
    assert (last.what, last.why, last.status) == ("rehearsed", "rehearsed going back", "requested")


def test_a_refused_attempt_is_part_of_its_life(world: Any) -> None:
    world.told("requested")
    with pytest.raises(RefusedError):
        approve(world.desk, world.engineer, MODEL, "1", world.policy, NOW, comment="looked at")
    last = follow(world.audit.entries(MODEL), MODEL, "1")[-1]
    assert (last.what, last.row.outcome) == ("approve", "refused")
    assert last.why
