"""Entries put into the log past the rules of promotion, well chained and signed: verification looks at each again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.access.revocation import AllOf, OneToken, revoke
from governance.audit.entry import iso_moment
from governance.audit.log import Entry
from governance.policy.document import LoadedPolicy
from governance.promotion.details import ApproveDetails, ConfirmDetails, GateDetails, PromotedDetails, ShadowDetails
from governance.promotion.requests import request
from governance.promotion.state import model_state
from infra.errors import RefusedError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Verify = Callable[..., Any]
SHADOW = {
    "run_id": "r", "data_digest": "d", "scores_sha256": "s", "k": 20, "vehicles": 900, "failures": 0, "champion": None,
    "champion_run": None, "overlap_at_k": None, "share_new": None, "rank_correlation": None,
}  # fmt: skip
TERM = "2027-11-20T09:00:00.000000Z"
GOOD = (("Ann", "validator", "validator"), ("Bea", "owner", "owner"))
Forged = tuple[tuple[str, str, str], ...]


class Forger:
    """Writes entries past the rules of promotion, but well chained, as code inside the process could."""

    def __init__(self, world: Any, board: bool = False) -> None:
        self.world = world
        if board:
            own = world.policy.policy.model_copy(update={"approvers_needed": 3})
            world.policy = LoadedPolicy(own, own.digest, "changed")
        self.evidence = world.evidence()
        world.requested()
        self.gate = model_state(world.audit, MODEL).versions["1"]

    def write(self, name: str, action: str, details: Any, *roles: str, version: str = "1") -> int:
        entry = Entry.by(
            self.world.person(name, *roles), action=action, operation="decision", rocu="nwrocu",
            object=f"{MODEL}/{version}", outcome="done", details=details.model_dump(mode="json"),
        )  # fmt: skip
        seq: int = self.world.audit.append(entry, NOW).seq
        return seq

    def approve(self, name: str, role: str, part: Any, **changes: Any) -> int:
        gate = self.gate.gate
        details = ApproveDetails(
            part=part, evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest, token_id="t", issuer="i",
            valid_until=TERM,
        )  # fmt: skip
        return self.write(name, "promote.approve", details.model_copy(update=changes), role)

    def shadow(self, days: int = 3, role: str = "operator", **changes: Any) -> tuple[int, ...]:
        gate = self.gate.gate
        own = {**SHADOW, "model_sha256": gate.model_sha256, "evidence_digest": gate.evidence_digest, **changes}
        return tuple(
            self.write("Olga", "promote.shadow", ShadowDetails(as_of=f"2026-11-0{day}", **own), role)
            for day in range(1, days + 1)
        )

    def confirm(self, shadows: tuple[int, ...], name: str = "Bea", role: str = "owner", **changes: Any) -> int:
        gate = self.gate.gate
        details = ConfirmDetails(
            reason="well", evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest, shadow_seqs=shadows
        )
        return self.write(name, "promote.confirm", details.model_copy(update=changes), role)

    def promote(
        self, approvals: tuple[int, ...], shadows: tuple[int, ...], confirm: int, people: Forged = GOOD, **changes: Any
    ) -> None:
        gate: GateDetails = self.gate.gate
        details = PromotedDetails(
            model_sha256=gate.model_sha256, evidence_digest=gate.evidence_digest, policy_digest=gate.policy_digest,
            gate_seq=self.gate.gate_seq, approval_seqs=approvals, shadow_seqs=shadows, confirm_seq=confirm,
            approvers=tuple(f"embedded:{name.strip().lower()}" for name, _, _ in people), confirmed_by="embedded:bea",
            valid_until=TERM, replaces=None,
        )  # fmt: skip
        self.write("Mallory", "promote.promoted", details.model_copy(update=changes), "owner")
        self.world.registry.set_champion(MODEL, "1")

    def everything(self, people: Forged = GOOD, **changes: Any) -> None:
        approvals = tuple(self.approve(*person) for person in people)
        shadows = self.shadow()
        self.promote(approvals, shadows, self.confirm(shadows), people, **changes)


@pytest.fixture
def forger(world: Any) -> Forger:
    return Forger(world)


def test_forged_but_well_formed_entries_by_different_people_count(forger: Forger, verify: Verify) -> None:
    """The measure of the tests below: this is what they spoil, each in one way."""
    forger.everything()
    assert verify().version == "1"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (("Ann", "owner", "owner"), "1 valid approvals of 2"),
        (("ANN ", "owner", "owner"), "1 valid approvals of 2"),
        (("Tess Trainer", "owner", "owner"), "1 valid approvals of 2"),
        (("Edda Engineer", "owner", "owner"), "1 valid approvals of 2"),
        (("Olga", "operator", "owner"), "1 valid approvals of 2"),
        (("Gwen", "governance", "owner"), "1 valid approvals of 2"),
        (("Bea", "owner", "board"), "does not fit the life"),
    ],
)
def test_a_promotion_without_two_valid_approvals_is_refused(
    forger: Forger, verify: Verify, second: tuple[str, str, str], reason: str
) -> None:
    forger.everything((GOOD[0], second))
    with pytest.raises(RefusedError, match=reason):
        verify()


def test_a_promotion_without_the_boards_approval_is_refused(world: Any, verify: Verify) -> None:
    Forger(world, board=True).everything()
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_a_promotion_with_the_boards_approval_is_not(world: Any, verify: Verify) -> None:
    Forger(world, board=True).everything((*GOOD, ("Cat", "governance", "board")))
    assert verify().version == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"gate_seq": 1},
        {"gate_seq": 99},
        {"model_sha256": "0" * 64},
        {"evidence_digest": "0" * 64},
        {"policy_digest": "0" * 64},
        {"approval_seqs": (1, 2)},
        {"approval_seqs": (98, 99)},
        {"approval_seqs": (3,)},
        {"approvers": ("embedded:ann",)},
        {"shadow_seqs": ()},
        {"confirm_seq": 4},
        {"confirmed_by": "embedded:somebody"},
        {"valid_until": "2099-01-01T00:00:00.000000Z"},
        {"replaces": "7"},
    ],
)
def test_a_promotion_that_names_something_else_is_refused(
    forger: Forger, verify: Verify, changes: dict[str, Any]
) -> None:
    forger.everything(**changes)
    with pytest.raises(RefusedError):
        verify()


@pytest.mark.parametrize(
    ("name", "role"),
    [("Tess Trainer", "owner"), ("Edda Engineer", "governance"), ("Vic", "validator"), ("Olga", "operator")],
)
def test_a_confirmation_by_somebody_who_may_not_is_refused(
    forger: Forger, verify: Verify, name: str, role: str
) -> None:
    approvals = tuple(forger.approve(*person) for person in GOOD)
    shadows = forger.shadow()
    confirmed = forger.confirm(shadows, name, role)
    forger.promote(approvals, shadows, confirmed, confirmed_by=f"embedded:{name.lower()}")
    with pytest.raises(RefusedError, match="no valid confirmation"):
        verify()


def test_a_confirmation_after_an_approval_had_lapsed_is_refused(forger: Forger, verify: Verify) -> None:
    over = "2026-11-20T08:59:00.000000Z"
    approvals = (forger.approve(*GOOD[0], valid_until=over), forger.approve(*GOOD[1]))
    shadows = forger.shadow()
    forger.promote(approvals, shadows, forger.confirm(shadows), valid_until=over)
    with pytest.raises(RefusedError, match=r"lapsed|no valid confirmation"):
        verify()


@pytest.mark.parametrize("days", [0, 2])
def test_a_confirmation_on_too_few_shadow_runs_is_refused(forger: Forger, verify: Verify, days: int) -> None:
    approvals = tuple(forger.approve(*person) for person in GOOD)
    shadows = forger.shadow(days)
    forger.promote(approvals, shadows, forger.confirm(shadows))
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_a_promotion_without_a_confirmation_is_refused(forger: Forger, verify: Verify) -> None:
    approvals = tuple(forger.approve(*person) for person in GOOD)
    forger.promote(approvals, forger.shadow(), 0)
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_an_approval_of_another_version_does_not_count(world: Any, forger: Forger, verify: Verify) -> None:
    world.requested("2")
    other = world.approve("validator", version="2").approvals[0].seq
    mine = forger.approve(*GOOD[0]), forger.approve(*GOOD[1])
    shadows = forger.shadow()
    forger.promote((mine[0], other), shadows, forger.confirm(shadows))
    with pytest.raises(RefusedError, match="1 valid approvals"):
        verify()


def test_an_approval_for_other_evidence_does_not_count(world: Any, forger: Forger, verify: Verify) -> None:
    request(world.desk, world.engineer, world.evidence(commit="9" * 40), world.policy, NOW)
    forger.approve(*GOOD[0])
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_a_promotion_after_a_gate_that_said_no_is_refused(world: Any, verify: Verify) -> None:
    forger = Forger(world)
    request(world.desk, world.engineer, world.evidence(signature_verified=False), world.policy, NOW)
    forger.promote((1, 2), (), 3)
    with pytest.raises(RefusedError, match="does not fit the life"):
        verify()


def test_what_was_decided_with_a_token_before_its_revocation_stands(forger: Forger, verify: Verify) -> None:
    forger.everything()
    for what in (AllOf("embedded:ann"), AllOf("embedded:bea"), OneToken("t")):
        revoke(forger.world.audit, forger.world.person("Gwen"), "nwrocu", what, "stolen", NOW)
    assert verify().version == "1"


@pytest.mark.parametrize("late", ["approval", "confirmation"])
@pytest.mark.parametrize(
    ("what", "issued", "refused"),
    [
        (OneToken("stolen"), timedelta(hours=-1), True),
        (OneToken("stolen"), timedelta(hours=1), True),
        (OneToken("another"), timedelta(hours=-1), False),
        (AllOf("embedded:bea"), timedelta(hours=-1), True),
        (AllOf("embedded:bea"), timedelta(hours=1), False),
        (AllOf("embedded:ann"), timedelta(hours=-1), False),
    ],
)
def test_what_was_decided_with_a_token_after_its_revocation_makes_no_champion(
    forger: Forger, verify: Verify, late: str, what: OneToken | AllOf, issued: timedelta, refused: bool
) -> None:
    revoke(forger.world.audit, forger.world.person("Gwen"), "nwrocu", what, "stolen", NOW)
    stolen = {"token_id": "stolen", "token_issued_at": iso_moment(NOW + issued)}
    approvals = (forger.approve(*GOOD[0]), forger.approve(*GOOD[1], **(stolen if late == "approval" else {})))
    shadows = forger.shadow()
    forger.promote(approvals, shadows, forger.confirm(shadows, **(stolen if late == "confirmation" else {})))
    if refused:
        with pytest.raises(RefusedError, match="Bea decided with a token that Gwen had revoked at 2026-11-20 09:00:00"):
            verify()
    else:
        assert verify().version == "1"
