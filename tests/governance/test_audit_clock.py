"""A clock that was set back: nothing is done, nothing scores, and the refusal itself is not lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from governance.audit.log import AuditLog, Entry, open_audit
from governance.promotion.control import suspend
from governance.promotion.requests import approve
from governance.promotion.verification import verify_champion
from infra.errors import RefusedError
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL = "county_lines.nwrocu"
BACK = NOW - timedelta(days=3)


def entry(number: int, outcome: str = "done") -> Entry:
    return Entry.model_validate(
        {"action": "ingest", "operation": "collection", "actor": "embedded:olga", "actor_name": "Olga",
         "actor_roles": ("operator",), "rocu": "nwrocu", "object": f"run-{number}", "outcome": outcome}
    )  # fmt: skip


def test_nothing_is_done_before_the_newest_entry(log: AuditLog) -> None:
    log.append(entry(1), NOW)
    for ask in (lambda: log.append(entry(2), BACK), lambda: log.require_clock(BACK)):
        with pytest.raises(RefusedError, match="newest entry of the audit log is of 2026-11-20") as refused:
            ask()
        assert "Set the clock right" in refused.value.instruction
    assert len(log.search()) == 1
    assert log.append(entry(3), NOW).seq == 2


def test_a_refusal_is_kept_dated_by_the_newest_entry_with_what_the_clock_said(log: AuditLog) -> None:
    log.append(entry(1), NOW)
    row = log.append(entry(2, "refused"), BACK)
    assert row.moment == NOW
    assert row.details["clock_said"] == "2026-11-17T09:00:00.000000Z"
    assert log.verify().intact


def test_clocks_of_several_machines_may_differ_a_little(log: AuditLog) -> None:
    log.append(entry(1), NOW)
    assert log.append(entry(2), NOW - timedelta(seconds=59)).moment == NOW - timedelta(seconds=59)
    with pytest.raises(RefusedError):
        log.append(entry(3), NOW - timedelta(seconds=61))


def test_small_steps_back_do_not_add_up(log: AuditLog) -> None:
    """The last row is not the newest: what counts for the next is never earlier than what counted before."""
    with log.writing() as session:
        session.append(entry(1), NOW)
        session.append(entry(2), NOW - timedelta(seconds=50))
        with pytest.raises(RefusedError):
            session.append(entry(3), NOW - timedelta(seconds=100))
    log.append(entry(4), NOW - timedelta(seconds=50))
    with pytest.raises(RefusedError):
        log.append(entry(5), NOW - timedelta(seconds=100))


def test_the_tolerance_is_a_setting(log: AuditLog, engine: Engine, log_settings: Settings) -> None:
    log.append(entry(1), NOW)
    patient = open_audit(log_settings.model_copy(update={"clock_tolerance_s": 4 * 86_400}), engine)
    assert patient.append(entry(2), BACK).seq == 2


def test_nothing_scores_and_nobody_approves_while_the_clock_is_back(world: Any) -> None:
    world.told("promoted")
    assert verify_champion(world.desk, MODEL, "nwrocu", NOW).version == "1"
    with pytest.raises(RefusedError, match="The clock says"):
        verify_champion(world.desk, MODEL, "nwrocu", BACK)
    world.requested("2", world.measured("1"))
    with pytest.raises(RefusedError, match="The clock says"):
        approve(
            world.desk,
            world.person("Val Validator", "validator", at=BACK),
            MODEL,
            "2",
            world.policy,
            BACK,
            comment="looked at",
        )
    newest = world.audit.search(limit=1)[0]
    assert (newest.action, newest.outcome, newest.moment) == ("promote.approve", "refused", NOW)
    assert "The clock says" in newest.details["reason"]


def test_a_clock_set_back_does_not_bring_a_lapsed_approval_to_life(world: Any) -> None:
    world.told("promoted")
    lapsed = NOW + timedelta(days=400)
    with pytest.raises(RefusedError, match="lapsed"):
        verify_champion(world.desk, MODEL, "nwrocu", lapsed)
    suspend(world.desk, world.person("Ann", "analyst", at=lapsed), MODEL, "lapsed", lapsed)
    with pytest.raises(RefusedError, match="The clock says"):
        verify_champion(world.desk, MODEL, "nwrocu", NOW)
