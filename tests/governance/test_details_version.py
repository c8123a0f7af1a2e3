"""Details in a form that this program does not know are refused, never read as something else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

import governance.audit.entry
from governance.audit.entry import DETAILS_VERSION, Row
from governance.audit.log import AuditLog, Entry, open_audit
from governance.promotion.control import suspend
from governance.promotion.requests import approve, history
from governance.promotion.state import model_state
from governance.promotion.verification import verify_champion
from infra.errors import RefusedError
from infra.settings import Settings

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NEWER = DETAILS_VERSION + 6


def entry(**details: Any) -> Entry:
    return Entry(
        action="promote.suspend", operation="decision", actor="embedded:ann", actor_name="Ann",
        actor_roles=("analyst",), rocu="nwrocu", object=MODEL, outcome="done", details=details,
    )  # fmt: skip


def written_as(audit: AuditLog, monkeypatch: pytest.MonkeyPatch, version: object, said: Entry | None = None) -> Row:
    """As another release of this program writes it."""
    with monkeypatch.context() as patch:
        patch.setattr(governance.audit.entry, "DETAILS_VERSION", version)
        return audit.append(said or entry(reason="odd lists"), NOW)


def stored(engine: Engine) -> str:
    with engine.connect() as connection:
        found: str = connection.execute(text("SELECT details FROM audit_log ORDER BY seq DESC LIMIT 1")).scalar_one()
    return found


def test_an_entry_says_the_version_of_its_details(log: AuditLog, engine: Engine) -> None:
    row = log.append(entry(reason="odd lists"), NOW)
    assert stored(engine) == f'{{"details_version":{DETAILS_VERSION},"reason":"odd lists"}}'
    assert (row.details, row.details_version) == ({"reason": "odd lists"}, DETAILS_VERSION)
    assert log.search() == (row,)
    assert log.verify().intact


def test_only_the_log_says_the_version() -> None:
    with pytest.raises(ValidationError, match="written by the log itself"):
        entry(details_version=7)


def test_entries_from_before_there_was_a_version_are_read_as_the_first(
    log: AuditLog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(governance.audit.entry, "canonical_json", without_version(governance.audit.entry.canonical_json))
        log.append(entry(reason="odd lists"), NOW)
    assert stored(engine) == '{"reason":"odd lists"}'
    (row,) = log.entries(MODEL)
    assert (row.details, row.details_version) == ({"reason": "odd lists"}, 1)
    assert model_state(log, MODEL).suspended == "odd lists"
    assert log.verify().intact


def without_version(spell: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: spell(
        {key: said for key, said in value.items() if key != "details_version"} if isinstance(value, dict) else value
    )


@pytest.mark.parametrize(("version", "words"), [(NEWER, f"version {NEWER}"), ("2", "no version"), (0, "no version"),
                                                (True, "no version"), (None, "no version")])  # fmt: skip
def test_an_entry_in_another_form_is_refused_wherever_it_is_read(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, version: object, words: str
) -> None:
    log.append(entry(reason="odd lists"), NOW)
    with monkeypatch.context() as patch:
        patch.setattr(governance.audit.entry, "DETAILS_VERSION", version)
        log.append(entry(reason="in another sense"), NOW)
    for ask in (
        lambda: model_state(log, MODEL), lambda: log.entries(MODEL), lambda: log.search(action="promote."),
        lambda: log.done("nwrocu", "promote.suspend"),
    ):  # fmt: skip
        with pytest.raises(RefusedError, match=rf"Row 2 .*promote\.suspend.* has details of {words}") as refused:
            ask()
        assert refused.value.exit_code == 1
        assert "release that the others run" in refused.value.instruction


def test_it_can_be_looked_at_and_verified_all_the_same(
    log: AuditLog, log_settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_as(log, monkeypatch, NEWER)
    assert log.verify().intact
    (row,) = log.search(any_version=True)
    assert (row.details_version, row.details) == (NEWER, {"reason": "odd lists"})
    log.append(entry(reason="a later one"), NOW)
    assert open_audit(log_settings, engine).verify().rows == 2


def test_no_champion_scores_and_nothing_is_approved_by_a_log_with_such_an_entry(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.told("promoted")
    assert verify_champion(world.desk, MODEL, "nwrocu", NOW).version == "1"
    seq = written_as(world.audit, monkeypatch, NEWER).seq
    for ask in (
        lambda: verify_champion(world.desk, MODEL, "nwrocu", NOW),
        lambda: history(world.audit, MODEL),
        lambda: approve(
            world.desk, world.person("Vera", "validator"), MODEL, "2", world.policy, NOW, comment="looked at"
        ),
    ):
        with pytest.raises(RefusedError, match=f"Row {seq} .*this program knows them up to version 1"):
            ask()
    # one person stops it all the same, though nobody can be told how the model stands
    with pytest.raises(RefusedError, match=f"Row {seq} "):
        suspend(world.desk, world.person("Ann", "analyst"), MODEL, "in doubt", NOW)
    assert world.audit.search(limit=1, any_version=True)[0].details == {"reason": "in doubt"}
