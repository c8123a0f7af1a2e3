"""From request to the last approval: every rule says no once, and every no is in the log before it is heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from promotion_support import MODEL, actions, approve_as, last_refusal, with_policy

from governance.audit.log import Entry
from governance.gate.evidence import ChampionUnreachable, Figure
from governance.promotion.requests import approve, history, refuse, request
from governance.promotion.state import model_state
from infra.errors import FaultError, RefusedError, WrongInputError


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def test_a_version_becomes_champion_by_request_gate_two_people_shadow_and_confirmation(world: Any, now: Any) -> None:
    world.told("promoted")
    state = model_state(world.audit, MODEL)
    assert (state.champion, state.versions["1"].status) == ("1", "champion")
    assert world.registry.champion_version(MODEL) == "1"
    assert actions(world) == [
        ("promote.request", "done"), ("promote.gate", "done"), ("promote.approve", "done"), ("promote.approve", "done"),
        *[("promote.shadow", "done")] * 3, ("promote.confirm", "done"), ("promote.promoted", "done"),
        ("promote.alias", "done"),
    ]  # fmt: skip
    promoted = history(world.audit, MODEL)[-2].details
    assert promoted["approvers"] == ["embedded:vera validator", "embedded:olive owner"]
    assert (promoted["policy_digest"], promoted["replaces"]) == (world.policy.digest, None)
    assert world.audit.verify().intact


def test_the_validator_comes_first_then_the_owner(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(RefusedError, match="waits for the approval of the validator"):
        approve_as(world, "owner", "Olive", now)
    assert "Olive is not one" in last_refusal(world)
    assert world.approve("validator").status == "validated"
    with pytest.raises(RefusedError, match="waits for the approval of the owner"):
        approve_as(world, "validator", "Vic", now)
    assert world.approve("owner").status == "approved"
    assert model_state(world.audit, MODEL).champion is None
    assert world.registry.champion_version(MODEL) is None


def test_one_person_with_both_roles_is_still_one_person(world: Any, now: Any) -> None:
    world.told("requested")
    both = world.person("Bo Both", "validator", "owner", "governance")
    assert approve(world.desk, both, MODEL, "1", world.policy, now, comment="looked at").status == "validated"
    with pytest.raises(RefusedError, match="has already approved"):
        approve(world.desk, both, MODEL, "1", world.policy, now, comment="looked at")


def test_outside_the_change_plan_the_board_approves_as_well(world: Any, make: Any, now: Any) -> None:
    world.told("promoted")
    world.requested("2", world.measured("1"), change=make.change(board_needed=True))
    assert world.approve("validator", "owner", version="2").status == "awaiting_board"
    with pytest.raises(RefusedError, match="waits for the approval of the board"):
        approve_as(world, "owner", "Otto", now, "2")
    assert world.approve("governance", version="2").status == "approved"


def test_what_does_not_say_what_it_changed_is_refused_when_there_is_a_champion(world: Any, now: Any) -> None:
    world.told("promoted")
    evidence = world.evidence("2", world.measured("1"), change=None)
    outcome = request(world.desk, world.engineer, evidence, world.policy, now)
    assert outcome.decision.reasons == ("change plan: not compared (needed: compared with the champion that stands)",)
    assert outcome.state.status == "gate_refused"


def test_a_policy_may_ask_for_more_than_two_and_each_more_is_of_the_board(world: Any, now: Any) -> None:
    policy = with_policy(world, approvers_needed=4)
    request(world.desk, world.engineer, world.evidence(policy_digest=policy.digest), policy, now)
    for name, role, status in (
        ("Ann", "validator", "validated"), ("Bea", "owner", "awaiting_board"), ("Cat", "governance", "awaiting_board"),
        ("Dee", "governance", "approved"),
    ):  # fmt: skip
        assert approve_as(world, role, name, now, policy=policy).status == status


def test_no_policy_makes_one_person_enough(world: Any, now: Any) -> None:
    policy = with_policy(world, approvers_needed=1)
    request(world.desk, world.engineer, world.evidence(policy_digest=policy.digest), policy, now)
    assert approve_as(world, "validator", "Ann", now, policy=policy).status == "validated"


def test_a_request_expires_and_the_log_has_who_found_it(world: Any, now: Any) -> None:
    world.told("requested")
    world.approve("validator")
    later = now + timedelta(days=30)
    with pytest.raises(RefusedError, match=r"request for .* has expired"):
        world.approve("owner", at=later)
    assert actions(world)[-2:] == [("promote.expired", "done"), ("promote.approve", "refused")]
    assert model_state(world.audit, MODEL).versions["1"].status == "expired"
    with pytest.raises(RefusedError, match="it is expired"):
        world.approve("owner", at=later)
    world.requested(at=later)
    assert model_state(world.audit, MODEL).versions["1"].approvals == ()


def test_the_same_request_after_its_term_is_a_new_one(world: Any, now: Any) -> None:
    world.told("requested")
    world.approve("validator")
    world.requested(at=now + timedelta(days=31))
    assert (model_state(world.audit, MODEL).versions["1"].status, actions(world).count(("promote.gate", "done"))) == (
        "requested",
        2,
    )


def test_a_gate_that_says_no_is_recorded_and_cannot_be_approved(world: Any, now: Any) -> None:
    evidence = world.evidence(signature_verified=False)
    requested = request(world.desk, world.engineer, evidence, world.policy, now)
    assert requested.decision.outcome == "refused"
    assert requested.state.status == "gate_refused"
    gate = history(world.audit, MODEL)[-1]
    assert (gate.action, gate.outcome) == ("promote.gate", "refused")
    line = next(line for line in gate.details["lines"] if line["name"] == "signature")
    assert (line["limit"], line["value"], line["result"]) == ("verified", "not valid", "refused")
    assert line["source"] == "rule of the product"
    with pytest.raises(RefusedError, match="waits for no approval: it is gate refused"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment="looked at")
    assert "gate refused" in last_refusal(world)


def test_an_unreachable_champion_is_refused_and_recorded(world: Any, now: Any) -> None:
    evidence = world.evidence(champion=ChampionUnreachable(reason="the registry does not answer"))
    assert request(world.desk, world.engineer, evidence, world.policy, now).decision.outcome == "refused"


def test_a_figure_that_is_no_number_is_refused_and_recorded(world: Any, now: Any) -> None:
    evidence = world.evidence()
    broken = evidence.challenger.model_copy(update={"average_precision": Figure(value=float("nan"))})
    evidence = evidence.model_copy(update={"challenger": broken})
    assert request(world.desk, world.engineer, evidence, world.policy, now).decision.outcome == "refused"
    assert world.audit.verify().intact


def test_the_same_request_again_changes_nothing(world: Any, now: Any) -> None:
    world.told("requested")
    before = actions(world)
    world.requested()
    assert actions(world) == before


def test_new_evidence_makes_earlier_approvals_void(world: Any, now: Any) -> None:
    world.told("requested")
    world.approve("validator")
    request(world.desk, world.engineer, world.evidence(commit="9" * 40), world.policy, now)
    with pytest.raises(RefusedError, match="approval of the validator"):
        world.approve("owner")
    assert model_state(world.audit, MODEL).versions["1"].approvals == ()


def test_worse_evidence_takes_a_waiting_request_back(world: Any, now: Any) -> None:
    world.told("requested")
    request(world.desk, world.engineer, world.evidence(signature_verified=None), world.policy, now)
    with pytest.raises(RefusedError, match="gate refused"):
        approve_as(world, "validator", "Vera", now)


@pytest.mark.parametrize(
    ("name", "roles", "rocu", "reason"),
    [
        ("Edda Engineer", ("ml_engineer",), "nwrocu", "may not do promote.approve"),
        ("Audrey", ("auditor", "operator", "analyst"), "nwrocu", "may not do promote.approve"),
        ("Oona", ("owner",), "nerocu", "is for nerocu, not for nwrocu"),
        ("Tess  TRAINER", ("owner",), "nwrocu", "trained county_lines.nwrocu version 1"),
        ("Edda Engineer", ("owner",), "nwrocu", "requested county_lines.nwrocu version 1"),
        ("vera validator", ("owner",), "nwrocu", "has already approved"),
        ("Gwen", ("governance",), "nwrocu", "Gwen is not one"),
    ],
)
def test_who_may_not_approve_is_refused_and_recorded(
    world: Any, now: Any, name: str, roles: tuple[str, ...], rocu: str, reason: str
) -> None:
    world.told("requested")
    world.approve("validator")
    with pytest.raises(RefusedError, match=reason):
        approve(world.desk, world.person(name, *roles, rocu=rocu), MODEL, "1", world.policy, now, comment="looked at")
    assert reason in last_refusal(world)
    assert model_state(world.audit, MODEL).champion is None
    assert world.registry.champion_version(MODEL) is None


@pytest.mark.parametrize(
    ("hours", "later", "reason"), [(1, 2, "has expired"), (48, 13, "older than 12 hours"), (1, 1, "has expired")]
)
def test_an_expired_or_old_token_is_refused(world: Any, now: Any, hours: int, later: int, reason: str) -> None:
    world.told("requested")
    identity = world.person("Vera", "validator", hours=hours)
    with pytest.raises(RefusedError, match=reason):
        approve(world.desk, identity, MODEL, "1", world.policy, now + timedelta(hours=later), comment="looked at")
    assert reason in last_refusal(world)


@pytest.mark.parametrize("role", ["validator", "owner", "governance", "operator", "auditor", "analyst"])
def test_only_an_engineer_requests(world: Any, now: Any, role: str) -> None:
    with pytest.raises(RefusedError, match="role ml_engineer"):
        request(world.desk, world.person("Olga", role), world.evidence(), world.policy, now)
    assert actions(world) == [("promote.request", "refused")]


def test_a_champion_is_not_requested_again(world: Any, now: Any) -> None:
    world.told("promoted")
    with pytest.raises(RefusedError, match="champion already"):
        request(world.desk, world.engineer, world.evidence("1"), world.policy, now)


def test_the_next_champion_supersedes_the_one_before(world: Any, now: Any) -> None:
    world.told("two promoted")
    state = model_state(world.audit, MODEL)
    assert (state.champion, state.before, state.versions["1"].status) == ("2", ("1",), "superseded")
    assert world.registry.champion_version(MODEL) == "2"


def test_of_two_waiting_versions_the_second_must_be_compared_again(world: Any, now: Any) -> None:
    """What was compared with no champion, or with an older one, cannot pass the new champion by."""
    world.told("approved")
    world.requested("2")
    world.approved("3")
    world.shadowed("3")
    world.shadowed("1")
    world.confirmed("1")
    with pytest.raises(RefusedError, match="champion has changed"):
        world.approve("validator", version="2")
    with pytest.raises(RefusedError, match="champion has changed"):
        world.confirmed("3")
    assert model_state(world.audit, MODEL).champion == "1"


def test_a_refusal_by_a_person_ends_a_request(world: Any, now: Any) -> None:
    world.told("requested")
    world.approve("validator")
    state = refuse(world.desk, world.person("Gareth"), MODEL, "1", "too few findings", world.policy, now)
    assert (state.status, state.reason) == ("refused", "too few findings")
    with pytest.raises(RefusedError, match="it is refused"):
        approve_as(world, "validator", "Gina", now)
    with pytest.raises(RefusedError, match="it is refused"):
        refuse(world.desk, world.person("Gina"), MODEL, "1", "again", world.policy, now)


def test_refusing_needs_a_decider_and_a_reason(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(RefusedError, match="may not do"):
        refuse(world.desk, world.engineer, MODEL, "1", "no", world.policy, now)
    with pytest.raises(WrongInputError, match="needs a reason"):
        refuse(world.desk, world.person("Gwen"), MODEL, "1", "  ", world.policy, now)
    assert model_state(world.audit, MODEL).versions["1"].status == "requested"


@pytest.mark.parametrize("why", ["", "   ", "ok"])
def test_approving_needs_a_reason(world: Any, now: Any, why: str) -> None:
    world.told("requested")
    with pytest.raises(WrongInputError, match="needs a reason"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment=why)
    assert model_state(world.audit, MODEL).versions["1"].status == "requested"


def test_a_plate_in_a_reason_is_wrong_input_and_changes_nothing(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(WrongInputError, match="number plate"):
        refuse(world.desk, world.person("Gwen"), MODEL, "1", "AB12 CDE is my cousin's", world.policy, now)
    assert model_state(world.audit, MODEL).versions["1"].status == "requested"


def test_a_version_that_nobody_requested_is_wrong_input(world: Any, now: Any) -> None:
    world.told("requested")
    with pytest.raises(WrongInputError, match="requested so far: 1"):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "9", world.policy, now, comment="looked at")


@pytest.mark.parametrize("name", ["county_lines", "", "a.b.c", ".nwrocu", "county_lines.", "county_lines.nwrocu/1"])
def test_what_is_not_a_models_name_is_wrong_input(world: Any, name: str) -> None:
    with pytest.raises(WrongInputError, match="name of a model"):
        model_state(world.audit, name)


def test_a_registry_that_does_not_answer_is_a_fault_and_nobody_has_approved(world: Any, now: Any) -> None:
    world.told("requested")
    world.registry.reachable = False
    with pytest.raises(FaultError):
        approve(world.desk, world.person("Vera", "validator"), MODEL, "1", world.policy, now, comment="looked at")
    assert model_state(world.audit, MODEL).versions["1"].approvals == ()
    assert actions(world)[-1] == ("promote.approve", "failed")


def test_an_entry_that_does_not_fit_stops_everything(world: Any, now: Any) -> None:
    """An approval without its binding, written past the rules, is an unknown state, and that refuses."""
    world.told("requested")
    entry = Entry.by(
        world.person("Gwen", "validator"), action="promote.approve", operation="decision", rocu="nwrocu",
        object=f"{MODEL}/1", outcome="done", details={"note": "approved"},
    )  # fmt: skip
    world.audit.append(entry, now)
    with pytest.raises(RefusedError, match="does not fit the life"):
        approve_as(world, "owner", "Gareth", now)


def test_roles_of_one_rocu_say_nothing_about_a_model_of_another(world: Any, now: Any) -> None:
    evidence = world.evidence().model_copy(update={"model": "county_lines.nerocu", "rocu": "nerocu"})
    with pytest.raises(RefusedError, match="not for nerocu"):
        request(world.desk, world.engineer, evidence, world.policy, now)
