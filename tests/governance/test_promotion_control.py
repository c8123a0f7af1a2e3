"""Rollback, suspension, resumption, and the repair of what a kill left undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.gate.evidence_store import evidence_path
from governance.promotion.control import reconcile, resume, rollback, suspend
from governance.promotion.requests import approve, history, refuse
from governance.promotion.state import model_state
from infra.errors import FaultError, RefusedError, WrongInputError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def two(world: Any) -> Any:
    """A world where version 2 took the place of version 1."""
    world.told("two promoted")
    return world


def last(world: Any) -> tuple[str, str]:
    row = history(world.audit, MODEL)[-1]
    return row.action, row.outcome


def test_a_rollback_brings_the_champion_before_back(two: Any) -> None:
    state = rollback(two.desk, two.engineer, MODEL, "misses the new site", two.policy, NOW).state
    assert (state.champion, state.versions["1"].status, state.versions["2"].status) == ("1", "champion", "rolled_back")
    assert two.registry.champion_version(MODEL) == "1"
    assert history(two.audit, MODEL)[-1].object == f"{MODEL}/1"


def test_after_a_rollback_the_old_way_is_closed_and_a_new_champion_can_come(two: Any) -> None:
    rollback(two.desk, two.engineer, MODEL, "misses the new site", two.policy, NOW)
    with pytest.raises(RefusedError, match="no earlier champion"):
        rollback(two.desk, two.engineer, MODEL, "again", two.policy, NOW)
    two.promoted("3", two.measured("1"))
    with pytest.raises(RefusedError, match="rolled back, not an earlier champion") as refused:
        rollback(two.desk, two.engineer, MODEL, "to the second", two.policy, NOW, to="2")
    assert refused.value.instruction == (
        "Go back to version 1 instead (--to). Version 2 comes back only by a new request: "
        f"findprofile promote request {MODEL} 2."
    )
    assert rollback(two.desk, two.engineer, MODEL, "to the first", two.policy, NOW).state.champion == "1"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1", f"To stop it: findprofile promote suspend {MODEL}; to leave it: findprofile promote rollback {MODEL}."),
        ("2", "Nothing is to be done: it scores nothing, and comes back only by a new request."),
    ],
)
def test_refusing_what_is_not_on_its_way_says_what_there_is_to_do(two: Any, version: str, words: str) -> None:
    rollback(two.desk, two.engineer, MODEL, "misses the new site", two.policy, NOW)
    with pytest.raises(RefusedError, match="is not on its way to champion") as refused:
        refuse(two.desk, two.person("Gwen"), MODEL, version, "it is bad", two.policy, NOW)
    assert refused.value.instruction == words


def test_the_champion_is_nothing_to_roll_back_to(two: Any) -> None:
    with pytest.raises(RefusedError, match="version 2 is the champion already"):
        rollback(two.desk, two.engineer, MODEL, "to itself", two.policy, NOW, to="2")


def test_an_earlier_champion_can_come_back_by_a_new_request(two: Any) -> None:
    two.promoted("1", two.measured("2"))
    state = model_state(two.audit, MODEL)
    assert (state.champion, state.before) == ("1", ("2",))
    assert rollback(two.desk, two.engineer, MODEL, "no better", two.policy, NOW).state.champion == "2"


def test_a_rollback_can_go_further_back(two: Any) -> None:
    two.promoted("3", two.measured("2"))
    state = rollback(two.desk, two.person("Gwen"), MODEL, "both are bad", two.policy, NOW, to="1").state
    assert (state.champion, state.before) == ("1", ("2",))


def test_a_rollback_goes_to_the_newest_that_can_serve(two: Any) -> None:
    two.promoted("3", two.measured("2"))
    two.requested("2", two.measured("3"))
    state = model_state(two.audit, MODEL)
    assert (state.versions["2"].status, state.before) == ("requested", ("1", "2"))
    with pytest.raises(RefusedError, match="requested, not an earlier champion") as refused:
        rollback(two.desk, two.engineer, MODEL, "the third is bad", two.policy, NOW, to="2")
    assert refused.value.instruction == "Go back to version 1 instead (--to)."
    assert rollback(two.desk, two.engineer, MODEL, "the third is bad", two.policy, NOW).state.champion == "1"


def test_a_rollback_passes_over_who_has_lapsed(world: Any) -> None:
    early = NOW - timedelta(days=300)
    world.promoted("1", at=early)
    world.promoted("2", world.measured("1"))
    now = early + timedelta(days=world.policy.policy.approval_valid_days + 1)
    world.promoted("3", world.measured("2"), at=now)
    engineer = world.person("Edda Engineer", "ml_engineer", at=now)
    with pytest.raises(RefusedError, match="has lapsed"):
        rollback(world.desk, engineer, MODEL, "bad", world.policy, now, to="1")
    assert rollback(world.desk, engineer, MODEL, "bad", world.policy, now).state.champion == "2"


@pytest.mark.parametrize("damage", ["text", "evidence", "lapsed", "role", "rocu", "reason"])
def test_a_rollback_checks_everything_before_anything_moves(two: Any, damage: str) -> None:
    identity, now, reason = two.engineer, NOW, "needed"
    if damage == "text":
        two.registry.text_path(MODEL, "1").write_text("another tree")
    elif damage == "evidence":
        digest = model_state(two.audit, MODEL).versions["1"].gate.evidence_digest
        evidence_path(two.lake, "nwrocu", MODEL, "1", digest).write_text("{}")
    elif damage == "lapsed":
        now = NOW + timedelta(days=366)
        identity = two.person("Edda Engineer", "ml_engineer", at=now)
    elif damage == "role":
        identity = two.person("Olga", "operator")
    elif damage == "rocu":
        identity = two.person("Nell", "ml_engineer", rocu="nerocu")
    elif damage == "reason":
        reason = ""
    error = WrongInputError if damage == "reason" else RefusedError
    with pytest.raises(error):
        rollback(two.desk, identity, MODEL, reason, two.policy, now)
    assert model_state(two.audit, MODEL).champion == "2"
    assert two.registry.champion_version(MODEL) == "2"
    if error is RefusedError:
        assert last(two) == ("promote.rollback", "refused")


def test_one_person_of_any_role_suspends_and_two_resume(world: Any) -> None:
    world.told("promoted")
    state = suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    assert state.suspended == "odd ranking"
    state = resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    assert state.suspended == "odd ranking"
    with pytest.raises(RefusedError, match="two people"):
        resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    state = resume(world.desk, world.person("Gareth"), MODEL, "explained", world.policy, NOW)
    assert state.suspended is None
    assert state.champion == "1"


def test_a_new_suspension_makes_earlier_agreement_void(world: Any) -> None:
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd again", NOW)
    state = resume(world.desk, world.person("Gareth"), MODEL, "explained", world.policy, NOW)
    assert state.suspended == "odd again"


def test_an_agreement_that_lapses_while_the_next_one_waits_does_not_count(world: Any) -> None:
    """What counts and what is dated go by one time: that of the entry, not of when its command was begun."""
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    ends = NOW + timedelta(days=world.policy.policy.request_valid_days)
    begun = ends - timedelta(minutes=1)
    times = iter([ends, *(ends + timedelta(seconds=n) for n in range(1, 9))])
    desk = replace(world.desk, clock=lambda: next(times))
    state = resume(desk, world.person("Gareth", at=begun), MODEL, "explained", world.policy, begun)
    assert state.suspended == "odd ranking"
    state = resume(desk, world.person("Gerda", at=begun), MODEL, "explained", world.policy, begun)
    assert state.suspended is None
    agreed, resumed = history(world.audit, MODEL)[-2:]
    assert (agreed.action, resumed.action, agreed.at) == ("promote.resume", "promote.resumed", resumed.at)


def test_neither_a_promotion_nor_a_rollback_ends_a_suspension(world: Any) -> None:
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    world.promoted("1")
    world.promoted("2", world.measured("1"))
    state = rollback(world.desk, world.engineer, MODEL, "misses a site", world.policy, NOW).state
    assert (state.suspended, state.versions["1"].status) == ("odd ranking", "suspended")
    for role, name in (("owner", "Olive"), ("governance", "Gwen")):
        state = resume(world.desk, world.person(name, role), MODEL, "explained", world.policy, NOW)
    assert (state.champion, state.versions["1"].status) == ("1", "champion")


def test_suspending_and_resuming_are_refused_to_others_and_recorded(world: Any) -> None:
    with pytest.raises(RefusedError, match="not for nwrocu"):
        suspend(world.desk, world.person("Nell", "analyst", rocu="nerocu"), MODEL, "why not", NOW)
    assert last(world) == ("promote.suspend", "refused")
    with pytest.raises(WrongInputError, match="reason"):
        suspend(world.desk, world.person("Ann", "analyst"), MODEL, "", NOW)
    with pytest.raises(RefusedError, match="is not suspended"):
        resume(world.desk, world.person("Gwen"), MODEL, "why not", world.policy, NOW)
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    with pytest.raises(RefusedError, match="may not do"):
        resume(world.desk, world.engineer, MODEL, "why not", world.policy, NOW)
    assert last(world) == ("promote.resume", "refused")


class Killed(BaseException):
    """The process ended here."""


def killed_before_the_alias_moves(world: Any, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    with monkeypatch.context() as patch:

        def kill(model: str, version: str) -> None:
            raise Killed

        patch.setattr(world.registry, "set_champion", kill)
        with pytest.raises(Killed):
            act()


def test_a_promotion_killed_before_the_alias_moved_is_in_the_log_and_is_finished(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.told("shadowed")
    killed_before_the_alias_moves(world, monkeypatch, world.confirmed)
    assert model_state(world.audit, MODEL).champion == "1"
    assert world.registry.champion_version(MODEL) is None
    rows = len(history(world.audit, MODEL))
    world.confirmed()
    assert world.registry.champion_version(MODEL) == "1"
    world.confirmed()
    finished, placed = history(world.audit, MODEL)[rows:]
    assert (finished.action, finished.details["cause"]) == ("promote.reconcile", "unfinished")
    assert placed.action == "promote.alias"


def test_a_rollback_killed_before_the_alias_moved_is_finished_and_not_done_twice(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.promoted("3", two.measured("2"))

    def back() -> None:
        rollback(two.desk, two.engineer, MODEL, "bad", two.policy, NOW)

    killed_before_the_alias_moves(two, monkeypatch, back)
    back()
    assert model_state(two.audit, MODEL).champion == two.registry.champion_version(MODEL) == "2"


def test_a_promotion_killed_inside_the_log_has_not_happened(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.promotion import confirmation

    world.approved()
    world.shadowed()

    def kill(**_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(confirmation, "PromotedDetails", kill)
        with pytest.raises(Killed):
            world.confirmed()
    state = model_state(world.audit, MODEL).versions["1"]
    assert (state.status, state.confirm_seq) == ("shadow", None)
    world.confirmed()
    assert world.registry.champion_version(MODEL) == "1"


def test_reconcile_finishes_what_was_killed_and_says_so(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.told("shadowed")
    killed_before_the_alias_moves(world, monkeypatch, world.confirmed)
    found = reconcile(world.desk, world.engineer, MODEL, world.policy, NOW)
    assert (found.found, found.alias, found.champion) == ("unfinished", None, "1")
    assert world.registry.champion_version(MODEL) == "1"
    assert reconcile(world.desk, world.engineer, MODEL, world.policy, NOW).found == "in step"
    assert [row.action for row in history(world.audit, MODEL)].count("promote.reconcile") == 1


def test_reconcile_puts_an_alias_back_that_was_moved_by_hand_and_records_where_it_was(two: Any) -> None:
    two.registry.add(MODEL, "66", "unapproved")
    two.registry.set_champion(MODEL, "66")
    found = reconcile(two.desk, two.person("Gwen"), MODEL, two.policy, NOW)
    assert found.found == "by hand"
    row = history(two.audit, MODEL)[-1]
    assert (row.action, row.details) == ("promote.reconcile", {"alias": "66", "champion": "2", "cause": "by hand"})
    assert two.registry.champion_version(MODEL) == "2"


def test_reconcile_takes_an_alias_away_where_nothing_was_promoted(world: Any) -> None:
    world.told("requested")
    world.registry.set_champion(MODEL, "1")
    assert reconcile(world.desk, world.engineer, MODEL, world.policy, NOW).found == "by hand"
    assert last(world) == ("promote.reconcile", "done")
    assert world.registry.champion_version(MODEL) is None


def test_reconcile_needs_a_role_and_a_registry(two: Any) -> None:
    with pytest.raises(RefusedError, match="may not do"):
        reconcile(two.desk, two.person("Olga", "operator"), MODEL, two.policy, NOW)
    two.registry.reachable = False
    with pytest.raises(FaultError):
        reconcile(two.desk, two.engineer, MODEL, two.policy, NOW)


def test_approving_over_an_alias_moved_by_hand_is_refused(two: Any) -> None:
    two.registry.add(MODEL, "66", "unapproved")
    two.registry.set_champion(MODEL, "66")
    two.requested("3", two.measured("2"))
    with pytest.raises(RefusedError, match="moved by hand"):
        approve(two.desk, two.person("Ann", "validator"), MODEL, "3", two.policy, NOW, comment="looked at")
    with pytest.raises(RefusedError, match="moved by hand"):
        rollback(two.desk, two.engineer, MODEL, "bad", two.policy, NOW)
    assert two.registry.champion_version(MODEL) == "66"


def test_a_promotion_left_undone_is_finished_by_the_next_decision_and_that_is_on_record(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.approved("3", two.measured("2"))
    two.shadowed("3")
    killed_before_the_alias_moves(two, monkeypatch, lambda: two.confirmed("3"))
    two.requested("4", two.measured("3"))
    approve(two.desk, two.person("Vera", "validator"), MODEL, "4", two.policy, NOW, comment="looked at")
    moved, placed, decided = history(two.audit, MODEL)[-3:]
    assert (moved.action, moved.details) == (
        "promote.reconcile",
        {"alias": "2", "champion": "3", "cause": "unfinished"},
    )
    assert (placed.action, placed.details["champion"]) == ("promote.alias", "3")
    assert (moved.actor, decided.action) == (decided.actor, "promote.approve")
    assert two.registry.champion_version(MODEL) == "3"


def test_by_itself_a_rollback_goes_to_the_newest_earlier_champion_that_can_serve(two: Any) -> None:
    two.promoted("3", two.measured("2"))
    two.requested("2", two.measured("3"))
    with pytest.raises(RefusedError, match="version 2 is requested, not an earlier") as refusal:
        rollback(two.desk, two.engineer, MODEL, "to the second", two.policy, NOW, to="2")
    assert refusal.value.instruction == "Go back to version 1 instead (--to)."
    assert rollback(two.desk, two.engineer, MODEL, "both are bad", two.policy, NOW).state.champion == "1"


@pytest.mark.parametrize(
    ("name", "known"),
    [("county_lnes.nwrocu", "county_lines"), ("county_lines.nwrocx", "nwrocu"), ("nwrocu", "county_lines.nwrocu")],
)
def test_a_name_of_no_model_stops_nothing_and_names_what_there_is(world: Any, name: str, known: str) -> None:
    with pytest.raises(WrongInputError) as refusal:
        suspend(world.desk, world.person("Ann", "analyst"), name, "odd ranking", NOW)
    assert known in f"{refusal.value.reason} {refusal.value.instruction}"
    assert world.audit.search() == ()


def test_a_model_is_stopped_however_its_name_is_spelled_and_without_a_registry(world: Any, verify: Any) -> None:
    world.told("promoted")
    world.registry.reachable = False
    suspend(world.desk, world.person("Ann", "analyst"), "County_Lines.NWROCU", "odd \udcff ranking", NOW)
    world.registry.reachable = True
    with pytest.raises(RefusedError, match="suspended"):
        verify()
    assert model_state(world.audit, MODEL).suspended == "odd ? ranking"


def test_agreement_to_resume_lapses(world: Any) -> None:
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    resume(world.desk, world.person("Gwen"), MODEL, "explained", world.policy, NOW)
    later = NOW + timedelta(days=world.policy.policy.request_valid_days)
    for name, stands in (("Gareth", "odd ranking"), ("Gwen", None)):
        person = world.person(name, at=later)
        assert resume(world.desk, person, MODEL, "explained", world.policy, later).suspended == stands


def test_lists_that_were_scored_or_read_are_no_part_of_what_a_decision_replays(world: Any) -> None:
    from governance.audit.log import Entry

    world.promoted("1")
    decided = len(world.audit.entries(MODEL))
    entry = Entry.by(
        world.person("Olga", "operator"), action="score", operation="combination", rocu="nwrocu", object=MODEL,
        outcome="done",
    )  # fmt: skip
    world.audit.extend((entry,) * 50, NOW)
    assert len(world.audit.entries(MODEL)) == decided + 50
    assert len(world.audit.entries(MODEL, "promote.")) == decided
    with world.audit.writing() as session:
        assert len(session.entries(MODEL, "promote.")) == decided
        assert model_state(session, MODEL) == model_state(world.audit, MODEL)
