"""From the last approval to champion: shadow runs that count, the confirmation, and whom and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from governance.gate.evidence_store import evidence_path
from governance.policy.document import LoadedPolicy
from governance.promotion.confirmation import confirm, record_shadow_run
from governance.promotion.control import suspend
from governance.promotion.record import Act
from governance.promotion.requests import approve, history, refuse, request
from governance.promotion.state import model_state
from governance.promotion.verification import verify_candidate, verify_champion
from infra.errors import FaultError, RefusedError, WrongInputError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def last(world: Any) -> tuple[str, str]:
    row = history(world.audit, MODEL)[-1]
    return row.action, row.outcome


def test_a_version_is_in_shadow_after_its_first_run_and_champion_after_its_confirmation(world: Any) -> None:
    world.told("approved")
    assert world.shadowed(days=1).status == "shadow"
    with pytest.raises(RefusedError, match="on 1 of the 3 days"):
        world.confirmed()
    assert last(world) == ("promote.confirm", "refused")
    assert len(world.shadowed(days=2).shadow_days) == 3
    assert world.confirmed().status == "champion"
    champion = verify_champion(world.desk, MODEL, "nwrocu", NOW)
    assert (champion.shadow_days, champion.confirmed_by) == (3, "embedded:olive owner")


def test_nothing_runs_in_shadow_or_is_confirmed_before_every_approval(world: Any) -> None:
    world.told("requested")
    world.approve("validator")
    with pytest.raises(RefusedError, match="only a version with every approval"):
        world.confirmed()
    with pytest.raises(RefusedError, match="no candidate"):
        verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW)
    with pytest.raises(RefusedError, match="stopped being a candidate"):
        world.shadowed()


@pytest.mark.parametrize("spoilt", [{"failures": 1}, {"vehicles": 0}, {"as_of": "2026-11-01"}])
def test_runs_with_failures_without_vehicles_or_of_one_day_do_not_count(world: Any, spoilt: dict[str, Any]) -> None:
    world.told("approved")
    world.shadowed(days=5, **spoilt)
    with pytest.raises(RefusedError, match=r"on [01] of the 3 days"):
        world.confirmed()


def test_a_day_before_the_training_is_no_shadow_run(world: Any, make: Any) -> None:
    """Training saw what came of such days, so a list of them shows nothing."""
    world.approved("1", trained_as_of=date(2026, 11, 4))
    with pytest.raises(RefusedError, match="trained as of 2026-11-04, so a shadow run of 2026-11-01"):
        world.shadowed("1", days=1)
    found = model_state(world.audit, MODEL).version("1")
    act = Act(world.person("Olga Operator", "operator"), "promote.shadow", MODEL, "1", NOW)
    for day in (3, 4):
        found = record_shadow_run(world.desk, act, make.shadow(found, None, day))
    assert [run.details.as_of for run in found.shadow_days] == ["2026-11-04", "2026-11-05"]


def test_past_days_that_got_into_the_log_do_not_count(world: Any, make: Any) -> None:
    world.approved("1", trained_as_of=date(2026, 11, 4))
    act = Act(world.person("Olga Operator", "operator"), "promote.shadow", MODEL, "1", NOW)
    for day in range(3):
        world.audit.append(act.done(make.shadow(model_state(world.audit, MODEL).version("1"), None, day)), NOW)
    assert model_state(world.audit, MODEL).version("1").shadow_days == ()
    with pytest.raises(RefusedError, match="0 of the 3 days"):
        world.confirmed("1")


def test_without_the_day_of_training_the_hold_out_says_it(world: Any) -> None:
    assert world.evidence(trained_as_of=None).last_day_seen == date(2026, 11, 9)


def test_the_same_run_again_is_one_run(world: Any, make: Any) -> None:
    world.told("approved")
    found = world.shadowed(days=1)
    act = Act(world.person("Olga", "operator"), "promote.shadow", MODEL, "1", NOW)
    again = record_shadow_run(world.desk, act, make.shadow(found, None, 0))
    assert len(again.shadows) == 1


def test_what_takes_long_is_dated_when_it_is_on_record_and_not_by_its_beginning(world: Any, make: Any) -> None:
    """A shadow run of ten minutes, in which somebody else wrote; the clock of the beginning would be one set back."""
    world.told("approved")
    found, olga = model_state(world.audit, MODEL).version("1"), world.person("Olga Operator", "operator")
    begun = world.desk.act(olga, "promote.shadow", MODEL, "1", NOW)
    later = NOW + timedelta(minutes=10)
    desk = replace(world.desk, clock=lambda: later)
    timed = desk.act(olga, "promote.shadow", MODEL, "1", NOW)
    suspend(world.desk, world.person("Ann", "analyst", rocu="nerocu"), "county_lines.nerocu", "odd", later)
    with pytest.raises(RefusedError, match="The clock says"):
        record_shadow_run(world.desk, begun, make.shadow(found, None, 0))
    record_shadow_run(desk, timed, make.shadow(found, None, 0))
    assert history(world.audit, MODEL)[-1].moment == later
    with pytest.raises(RefusedError, match="no reason"), timed.recorded(world.audit):
        raise RefusedError("There is no reason.", "Give one.")
    row = history(world.audit, MODEL)[-1]
    assert (row.moment, row.outcome, "clock_said" in row.details) == (later, "refused", False)


@pytest.mark.parametrize("what", [{"model_sha256": "0" * 64}, {"evidence_digest": "0" * 64}])
def test_a_run_of_another_text_is_refused_and_stops_everything_if_it_got_into_the_log(
    world: Any, make: Any, what: dict[str, str]
) -> None:
    world.told("approved")
    with pytest.raises(RefusedError, match="was requested anew while it was scored"):
        world.shadowed(**what)
    details = make.shadow(model_state(world.audit, MODEL).version("1"), None, 0, **what)
    act = Act(world.person("Olga Operator", "operator"), "promote.shadow", MODEL, "1", NOW)
    world.audit.append(act.done(details), NOW)
    with pytest.raises(RefusedError, match="does not fit the life"):
        model_state(world.audit, MODEL)


def test_a_run_that_ends_after_a_new_request_is_refused_and_blocks_nothing(world: Any, make: Any) -> None:
    world.told("approved")
    details = make.shadow(model_state(world.audit, MODEL).version("1"), None, 0)
    world.requested(commit="f" * 40)
    world.approve("validator", "owner")
    act = Act(world.person("Olga Operator", "operator"), "promote.shadow", MODEL, "1", NOW)
    with pytest.raises(RefusedError, match="was requested anew while it was scored"):
        record_shadow_run(world.desk, act, details)
    assert len(world.shadowed().shadow_days) == 3
    assert world.confirmed().status == "champion"


def test_a_run_compared_with_another_champion_is_refused(world: Any, make: Any) -> None:
    world.told("promoted")
    world.approved("2", world.measured("1"))
    found = model_state(world.audit, MODEL).version("2")
    act = Act(world.person("Olga", "operator"), "promote.shadow", MODEL, "2", NOW)
    with pytest.raises(RefusedError, match="stopped being a candidate"):
        record_shadow_run(world.desk, act, make.shadow(found, "7", 0))


@pytest.mark.parametrize(
    ("name", "roles", "rocu", "reason"),
    [
        ("Vera Validator", ("validator",), "nwrocu", "may not do promote.confirm"),
        ("Edda Engineer", ("ml_engineer",), "nwrocu", "may not do promote.confirm"),
        ("Olga", ("operator", "analyst", "auditor"), "nwrocu", "may not do promote.confirm"),
        ("Tess Trainer", ("owner",), "nwrocu", "trained or requested"),
        ("Edda Engineer", ("governance",), "nwrocu", "trained or requested"),
        ("Oona", ("owner",), "nerocu", "not for nwrocu"),
    ],
)
def test_who_may_not_confirm_is_refused_and_recorded(
    world: Any, name: str, roles: tuple[str, ...], rocu: str, reason: str
) -> None:
    world.told("shadowed")
    with pytest.raises(RefusedError, match=reason):
        confirm(world.desk, world.person(name, *roles, rocu=rocu), MODEL, "1", "why not", world.policy, NOW)
    assert last(world) == ("promote.confirm", "refused")
    assert model_state(world.audit, MODEL).champion is None
    assert world.registry.champion_version(MODEL) is None


def test_a_confirmation_needs_a_reason(world: Any) -> None:
    world.told("shadowed")
    with pytest.raises(WrongInputError, match="reason"):
        confirm(world.desk, world.person("Olive", "owner"), MODEL, "1", " ", world.policy, NOW)


def test_approvals_expire_before_a_confirmation_too(world: Any) -> None:
    world.told("shadowed")
    later = NOW + timedelta(days=365)
    with pytest.raises(RefusedError, match=r"approval of .* has expired"):
        world.confirmed(at=later)
    assert [row.action for row in history(world.audit, MODEL)][-2:] == ["promote.expired", "promote.confirm"]
    assert model_state(world.audit, MODEL).versions["1"].status == "expired"
    with pytest.raises(RefusedError, match="expired"):
        verify_candidate(world.desk, MODEL, "1", "nwrocu", later)


def test_a_champion_lapses_with_the_first_of_its_approvals(world: Any) -> None:
    world.told("requested")
    world.approve("validator")
    world.approve("owner", at=NOW + timedelta(days=20))
    world.shadowed(at=NOW + timedelta(days=20))
    world.confirmed(at=NOW + timedelta(days=20))
    assert verify_champion(world.desk, MODEL, "nwrocu", NOW + timedelta(days=364)).version == "1"
    with pytest.raises(RefusedError, match="lapsed"):
        verify_champion(world.desk, MODEL, "nwrocu", NOW + timedelta(days=365))


def test_another_policy_or_evidence_or_text_is_refused(world: Any) -> None:
    world.told("shadowed")
    own = world.policy.policy.model_copy(update={"shadow_runs": 0})
    changed = LoadedPolicy(own, own.digest, "changed")
    with pytest.raises(RefusedError, match="policy has changed"):
        confirm(world.desk, world.person("Olive", "owner"), MODEL, "1", "why", changed, NOW)
    digest = model_state(world.audit, MODEL).versions["1"].gate.evidence_digest
    path = evidence_path(world.lake, "nwrocu", MODEL, "1", digest)
    kept = path.read_text()
    path.write_text(kept.replace('"positives":12', '"positives":13'))
    for check in (world.confirmed, lambda: verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW)):
        with pytest.raises(RefusedError, match="edited"):
            check()
    path.write_text(kept)
    world.registry.text_path(MODEL, "1").write_text("another tree")
    for check in (world.confirmed, lambda: verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW)):
        with pytest.raises(RefusedError, match="signature"):
            check()


def test_a_policy_without_shadow_runs_lets_an_approved_version_be_confirmed(world: Any) -> None:
    own = world.policy.policy.model_copy(update={"shadow_runs": 0})
    world.policy = LoadedPolicy(own, own.digest, "changed")
    world.approved()
    assert world.confirmed().status == "champion"
    assert verify_champion(world.desk, MODEL, "nwrocu", NOW).shadow_days == 0


def test_a_refusal_ends_the_shadow_period(world: Any) -> None:
    world.told("shadowed")
    assert (
        refuse(world.desk, world.person("Gwen"), MODEL, "1", "lists nobody new", world.policy, NOW).status == "refused"
    )
    with pytest.raises(RefusedError, match="is refused"):
        world.confirmed()


def test_new_evidence_voids_approvals_and_shadow_runs(world: Any) -> None:
    world.told("shadowed")
    request(world.desk, world.engineer, world.evidence(commit="9" * 40), world.policy, NOW)
    found = model_state(world.audit, MODEL).versions["1"]
    assert (found.status, found.approvals, found.shadows) == ("requested", (), ())


def test_nothing_runs_in_shadow_while_the_model_is_suspended(world: Any) -> None:
    world.told("approved")
    suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd ranking", NOW)
    with pytest.raises(RefusedError, match="suspended"):
        verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW)


def test_a_candidate_is_a_model_of_its_own_rocu(world: Any) -> None:
    world.told("approved")
    assert verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW).text == "tree of version 1"
    with pytest.raises(RefusedError, match="not a model of nerocu"):
        verify_candidate(world.desk, MODEL, "1", "nerocu", NOW)


def test_a_registry_that_does_not_answer_is_a_fault_and_nothing_is_confirmed(world: Any) -> None:
    world.told("shadowed")
    world.registry.reachable = False
    with pytest.raises(FaultError):
        world.confirmed()
    assert model_state(world.audit, MODEL).champion is None
    assert last(world) == ("promote.confirm", "failed")


def test_an_approved_version_needs_no_further_approval(world: Any) -> None:
    world.told("approved")
    with pytest.raises(RefusedError, match="waits for no approval: it is approved"):
        approve(world.desk, world.person("Gwen"), MODEL, "1", world.policy, NOW, comment="looked at")
