"""A plan says what the deed does: the same refusal, the same entries, the same champion and alias afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.promotion.confirmation import confirm
from governance.promotion.control import reconcile, resume, rollback, suspend
from governance.promotion.control_plan import plan_reconcile, plan_resume, plan_rollback, plan_suspend
from governance.promotion.plan_asking import Asking, Plan
from governance.promotion.requests import approve, history
from governance.promotion.state import model_state
from governance.promotion.version_plan import plan_approve, plan_confirm, plan_request
from infra.errors import FindProfileError, WrongInputError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WHY = "to be tried"


class Killed(BaseException):
    """The process ended here."""


def killed(world: Any, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """A deed that ended before the alias was moved."""

    def kill(model: str, version: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(world.registry, "set_champion", kill)
        with pytest.raises(Killed):
            deed()


def in_step(world: Any, _: pytest.MonkeyPatch) -> None:
    """Versions 1, 2 and 3 were champions in turn, the alias is on 3."""


def promotion_undone(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.approved("4", world.measured("3"))
    world.shadowed("4")
    killed(world, monkeypatch, lambda: world.confirmed("4"))


def rollback_undone(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(world, monkeypatch, lambda: back(world))


def by_hand(world: Any, _: pytest.MonkeyPatch) -> None:
    world.registry.add(MODEL, "66", "unapproved")
    world.registry.set_champion(MODEL, "66")


def damaged(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left undone, and then the champion's text was changed."""
    rollback_undone(world, monkeypatch)
    world.registry.text_path(MODEL, "2").write_text("another tree")


STANDINGS = (in_step, promotion_undone, rollback_undone, by_hand, damaged)


def back(world: Any, to: str | None = None) -> Any:
    return rollback(world.desk, world.person("Gwen Governor"), MODEL, WHY, world.policy, NOW, to=to)


def asking(world: Any, name: str = "Gwen Governor", *roles: str, now: datetime = NOW) -> Asking:
    return Asking(world.desk, world.person(name, *roles, at=now), lambda: world.policy, now, WHY)


def check_done_as_planned(world: Any, plan: Plan, deed: Callable[[], object]) -> None:
    """Take the decision: it is refused or not as the plan says, and the log gets the entries that the plan names."""
    before, refused = len(history(world.audit, MODEL)), None
    try:
        deed()
    except FindProfileError as error:
        refused = error.reason
    assert refused == plan.refused
    planned = [entry.split()[0].strip(",") for entry in plan.entries]
    assert [row.action for row in history(world.audit, MODEL)[before:]] == planned


@pytest.fixture
def three(world: Any) -> Any:
    world.told("three promoted")
    return world


@pytest.mark.parametrize("stand", STANDINGS)
@pytest.mark.parametrize("to", [None, "1", "2"])
def test_a_rollback_does_what_its_plan_says_wherever_the_alias_is(
    three: Any, monkeypatch: pytest.MonkeyPatch, stand: Any, to: str | None
) -> None:
    stand(three, monkeypatch)
    plan = plan_rollback(asking(three), MODEL, to)
    check_done_as_planned(three, plan, lambda: back(three, to))
    if plan.refused is None:
        champion = three.registry.champion_version(MODEL)
        assert plan.alias.split(", which")[0].endswith(f"→ version {champion}")
        assert model_state(three.audit, MODEL).champion == champion


@pytest.mark.parametrize("stand", STANDINGS)
def test_reconcile_does_what_its_plan_says(three: Any, monkeypatch: pytest.MonkeyPatch, stand: Any) -> None:
    stand(three, monkeypatch)
    plan = plan_reconcile(asking(three), MODEL)
    check_done_as_planned(three, plan, lambda: reconcile(three.desk, three.person("Gwen"), MODEL, three.policy, NOW))
    in_place = three.registry.champion_version(MODEL) == model_state(three.audit, MODEL).champion
    assert in_place is (plan.refused is None)


@pytest.mark.parametrize("stand", [in_step, rollback_undone, by_hand])
def test_an_approval_and_a_confirmation_do_what_their_plans_say(
    three: Any, monkeypatch: pytest.MonkeyPatch, stand: Any
) -> None:
    champion = "2" if stand is rollback_undone else "3"
    stand(three, monkeypatch)
    three.requested("5", three.measured(champion))
    validator = ("Vera Validator", "validator")
    check_done_as_planned(
        three,
        plan_approve(asking(three, *validator), MODEL, "5"),
        lambda: approve(three.desk, three.person(*validator), MODEL, "5", three.policy, NOW, comment="looked at"),
    )
    check_done_as_planned(
        three,
        plan_confirm(asking(three), MODEL, "5"),
        lambda: confirm(three.desk, three.person("Gwen Governor"), MODEL, "5", WHY, three.policy, NOW),
    )


def test_a_confirmation_that_was_killed_is_finished_as_planned(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    promotion_undone(three, monkeypatch)
    plan = plan_confirm(asking(three), MODEL, "4")
    assert "version 3 → version 4, which a change left undone" in plan.alias
    check_done_as_planned(three, plan, lambda: three.confirmed("4"))
    assert three.registry.champion_version(MODEL) == "4"


def test_a_rollback_that_only_finishes_an_earlier_one_says_so(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rollback_undone(three, monkeypatch)
    assert "nothing more is rolled back" in plan_rollback(asking(three), MODEL).state
    first, second = back(three), back(three)
    assert (first.only_finished, first.state.champion) == (True, "2")
    assert (second.only_finished, second.state.champion) == (False, "1")


def test_a_version_that_is_named_is_rolled_back_to_though_an_earlier_rollback_was_killed(
    three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollback_undone(three, monkeypatch)
    found = back(three, "1")
    assert (found.only_finished, found.state.champion) == (False, "1")
    assert three.registry.champion_version(MODEL) == "1"


@pytest.mark.parametrize("days", [30, 365])
def test_that_a_term_is_over_is_part_of_the_plan(world: Any, days: int) -> None:
    """A request that waits, and a version with every approval: whoever meets it makes the log say so."""
    later = NOW + timedelta(days=days)
    if days == 30:
        world.requested()
    else:
        world.approved()
        world.shadowed()
    validator, owner = ("Vera Validator", "validator"), ("Olive Owner", "owner")
    plans = (
        plan_approve(asking(world, *validator, now=later), MODEL, "1"),
        plan_confirm(asking(world, *owner, now=later), MODEL, "1"),
    )
    for plan in plans:
        assert plan.entries[0] == "promote.expired"
        assert plan.state.endswith("→ expired")
    deeds: tuple[Callable[[], object], ...] = (
        lambda: approve(
            world.desk, world.person(*validator, at=later), MODEL, "1", world.policy, later, comment="looked at"
        ),
        lambda: world.confirmed(at=later),
    )
    place = 0 if days == 30 else 1
    check_done_as_planned(world, plans[place], deeds[place])


def test_suspending_and_resuming_do_what_their_plans_say(three: Any) -> None:
    def stop() -> object:
        return suspend(three.desk, three.person("Ann", "analyst"), MODEL, WHY, NOW)

    check_done_as_planned(three, plan_suspend(asking(three, "Ann", "analyst"), MODEL), stop)
    for name in ("Gwen", "Gwen", "Gareth"):
        plan = plan_resume(asking(three, name), MODEL)
        check_done_as_planned(
            three, plan, lambda who=name: resume(three.desk, three.person(who), MODEL, WHY, three.policy, NOW)
        )
    assert model_state(three.audit, MODEL).suspended is None


def test_the_plan_of_a_suspension_says_if_there_is_no_champion(world: Any) -> None:
    assert plan_suspend(asking(world), MODEL).state.startswith("no champion → suspended")
    world.promoted("1")
    assert plan_suspend(asking(world), MODEL.upper()).state.startswith("in service → suspended")
    with pytest.raises(WrongInputError, match="county_lnes"):
        plan_suspend(asking(world), "county_lnes.nwrocu")


def test_the_plan_of_a_request_for_a_version_that_is_not_in_the_registry_says_so(world: Any) -> None:
    world.told("requested")
    engineer = asking(world, "Edda Engineer", "ml_engineer")
    assert plan_request(engineer, MODEL, "1").refused is None
    plan = plan_request(engineer, MODEL, "2")
    assert (plan.refused, plan.entries) == (f"There is no {MODEL} version 2.", ())
