"""No path reaches champion without every entry: the table, the replay of any order of entries, and real decisions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.audit.entry import Row, iso_moment
from governance.promotion.control import resume, rollback, suspend
from governance.promotion.details import (
    ApproveDetails,
    ConfirmDetails,
    GateDetails,
    PromotedDetails,
    ReasonDetails,
    RollbackDetails,
    ShadowDetails,
)
from governance.promotion.life import (
    ENDED,
    IN_FORCE,
    MOVES,
    OPEN,
    STATUSES,
    may_move,
    parts_needed,
    state_diagram,
    status_after,
)
from governance.promotion.requests import history, refuse, request
from governance.promotion.state import ModelState, model_state, replay
from governance.promotion.verification import verify_champion
from governance.promotion.walked import walk_approvals, walk_confirmation
from infra.errors import FindProfileError, RefusedError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = iso_moment(NOW + timedelta(days=30))
TRAINER, REQUESTER = "embedded:tess trainer", "embedded:edda engineer"
PEOPLE = ("embedded:ann", "embedded:bea", "embedded:cat", TRAINER, REQUESTER)
ROLES = ("validator", "owner", "governance", "operator", "ml_engineer")
VERSIONS = ("1", "2")


def test_the_only_ways_to_be_in_force_are_confirmation_rollback_and_resumption() -> None:
    ways = {(move.entry, move.before) for move in MOVES if move.after in IN_FORCE and move.before not in IN_FORCE}
    assert ways == {("promote.promoted", "confirmed"), ("promote.rollback", "superseded")}
    assert {move.before for move in MOVES if move.after == "confirmed"} == {"approved", "shadow"}
    assert {move.entry for move in MOVES if move.after == "confirmed"} == {"promote.confirm"}
    assert {move.before for move in MOVES if move.after == "superseded"} == set(IN_FORCE)
    assert {move.before for move in MOVES if move.after == "approved"} == {"validated", "awaiting_board"}


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached = {"trained"}
    for _ in STATUSES:
        reached |= {move.after for move in MOVES if move.before in reached}
    assert reached == set(STATUSES)
    assert all(
        may_move("promote.refuse", one, "refused") and may_move("promote.expired", one, "expired") for one in OPEN
    )
    assert not any(move.after in IN_FORCE for move in MOVES if move.before in ENDED and move.before != "superseded")


@pytest.mark.parametrize(
    ("needed", "board", "parts"),
    [
        (2, False, ("validator", "owner")),
        (2, True, ("validator", "owner", "board")),
        (1, False, ("validator", "owner")),
        (3, True, ("validator", "owner", "board")),
        (4, False, ("validator", "owner", "board", "board")),
    ],
)
def test_who_must_approve(needed: int, board: bool, parts: tuple[str, ...]) -> None:
    assert parts_needed(needed, board) == parts
    states = [status_after(parts_needed(needed, board), given) for given in range(len(parts) + 1)]
    assert (states[0], states[1], states[-1]) == ("requested", "validated", "approved")
    assert states[2:-1] == ["awaiting_board"] * (len(parts) - 2)


def test_the_picture_has_every_state() -> None:
    drawn = state_diagram()
    assert drawn.startswith("stateDiagram-v2")
    assert all(status in drawn for status in STATUSES)


class Sheet:
    """Writes rows that fit together as well as a forger could make them, each of them spoilt or not."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def write(self, action: str, version: str, details: Any, actor: str, role: str, outcome: str = "done") -> int:
        seq, at = len(self.rows) + 1, iso_moment(NOW + timedelta(minutes=len(self.rows)))
        told = details.model_dump(mode="json")
        name = f"{MODEL}/{version}" if version else MODEL
        self.rows.append(
            Row(
                seq, f"{seq}", at, action, "decision", actor, actor, (role,), "nwrocu", name, None, None, outcome, told,
                "", "", "", "",
            )
        )  # fmt: skip
        return seq


def gate(version: str, champion: str | None, board: bool, runs: int) -> GateDetails:
    return GateDetails(
        evidence_digest="e" + version, policy_digest="p", policy_version="t", model_sha256="m" + version,
        trainer=TRAINER, requested_by=REQUESTER, compared_with=champion, approvers_needed=2, board_needed=board,
        shadow_runs=runs, valid_until=LATER, gate="passed", lines=(),
    )  # fmt: skip


ONWARD = {
    "requested": "approve", "validated": "approve", "awaiting_board": "approve", "approved": "shadow",
    "shadow": "confirm", "confirmed": "promoted", "champion": "suspend", "suspended": "resume",
}  # fmt: skip
KINDS = (
    *["onward"] * 30, "gate", "refused gate", "approve", "shadow", "confirm", "promoted", "refuse",
    "rollback", "suspend", "resume", "resumed", "expired",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(VERSIONS),
        st.sampled_from(PEOPLE),
        st.sampled_from(ROLES),
        st.booleans(),
    ),
    min_size=10,
    max_size=40,
)


def written(sheet: Sheet, state: ModelState, kind: str, version: str, actor: str, role: str, flag: bool) -> None:
    """One more row, as near to fitting as the state allows."""
    found = state.versions.get(version)
    if kind == "onward":
        kind = ONWARD.get(found.status, "gate") if found else "gate"
        part = found.due_part if found else None
        actor = {"validator": PEOPLE[0], "owner": PEOPLE[1], "board": PEOPLE[2]}.get(part or "", PEOPLE[0])
        flag = flag or kind != "gate"
    its_gate = found.gate if found else gate(version, state.champion, False, 1)
    bound = {"evidence_digest": its_gate.evidence_digest, "policy_digest": its_gate.policy_digest}
    if kind in ("gate", "refused gate"):
        no = kind == "refused gate"
        details: Any = gate(version, state.champion, flag, 1 + flag)
        details = details.model_copy(update={"gate": "refused"}) if no else details
        sheet.write("promote.gate", version, details, actor, role, "refused" if no else "done")
    elif kind == "approve":
        part: Any = (found and found.due_part) or "owner"
        given_as = {"validator": "validator", "owner": "owner", "board": "governance"}[part] if flag else role
        details = ApproveDetails(part=part, valid_until=LATER, token_id="t", issuer="i", **bound)
        sheet.write("promote.approve", version, details, actor, given_as)
    elif kind == "shadow":
        details = ShadowDetails(
            run_id=f"{len(sheet.rows)}", as_of=f"{len(sheet.rows)}", model_sha256=its_gate.model_sha256,
            evidence_digest=its_gate.evidence_digest, data_digest="d", scores_sha256="s", k=1, vehicles=9,
            failures=0 if flag else 1, champion=state.champion, champion_run=None, overlap_at_k=None, share_new=None,
            rank_correlation=None,
        )  # fmt: skip
        sheet.write("promote.shadow", version, details, actor, role)
    elif kind == "confirm":
        seqs = tuple(run.seq for run in found.shadow_days) if found else ()
        details = ConfirmDetails(reason="well", shadow_seqs=seqs, **bound)
        sheet.write("promote.confirm", version, details, actor, "owner" if flag else role)
    elif kind == "promoted":
        approvals = found.approvals if found else ()
        confirm_seq = (found and found.confirm_seq) or 1
        details = PromotedDetails(
            model_sha256=its_gate.model_sha256, gate_seq=found.gate_seq if found else 1, replaces=state.champion,
            approval_seqs=tuple(one.seq for one in approvals), approvers=tuple(one.subject for one in approvals),
            shadow_seqs=tuple(run.seq for run in found.shadow_days) if found else (), confirm_seq=confirm_seq,
            confirmed_by=sheet.rows[confirm_seq - 1].actor if sheet.rows else actor, valid_until=LATER, **bound,
        )  # fmt: skip
        sheet.write("promote.promoted", version, details, actor, role)
    elif kind == "rollback":
        seq = (found and found.promoted_seq) or 1
        details = RollbackDetails(reason="bad", replaces=state.champion or "", promoted_seq=seq)
        sheet.write("promote.rollback", version, details, actor, role)
    else:
        of = version if kind in ("refuse", "expired") else ""
        sheet.write(f"promote.{kind}", of, ReasonDetails(reason="so"), actor, role)


def check_complete(rows: Sequence[Row], version: str) -> None:
    """Told without the product's own table or replay: every entry that a champion needs is there, in order."""
    own = [row for row in rows if row.object == f"{MODEL}/{version}" and row.outcome == "done"]
    promoted = max((row for row in own if row.action == "promote.promoted"), key=lambda row: row.seq)
    its_gate = max((row for row in own if row.action == "promote.gate" and row.seq < promoted.seq), key=lambda r: r.seq)
    between = [row for row in own if its_gate.seq < row.seq < promoted.seq]
    approvals = [row for row in between if row.action == "promote.approve"]
    expected = ["validator", "owner", *["board"] * its_gate.details["board_needed"]]
    assert [row.details["part"] for row in approvals] == expected
    assert all(row.details["evidence_digest"] == its_gate.details["evidence_digest"] for row in approvals)
    good = {row.details["as_of"] for row in between if row.action == "promote.shadow" and not row.details["failures"]}
    assert len(good) >= its_gate.details["shadow_runs"]
    assert between[-1].action == "promote.confirm"
    assert not {"promote.refuse", "promote.expired"} & {row.action for row in between}


def believed(state: ModelState, rows: Sequence[Row], version: str) -> bool:
    """Whether scoring would believe the promotion."""
    by_seq, found = {row.seq: row for row in rows}, state.versions[version]
    promoted = PromotedDetails.model_validate(by_seq[found.promoted_seq or 0].details)
    try:
        walked = walk_approvals(by_seq, MODEL, version, promoted.gate_seq, promoted.approval_seqs)
        walk_confirmation(by_seq, MODEL, version, walked, promoted, by_seq[found.promoted_seq or 0])
    except RefusedError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_no_order_of_entries_makes_a_champion_without_every_entry_and_person(steps: Any) -> None:
    sheet, state = Sheet(), ModelState(MODEL)
    for kind, version, actor, role, flag in steps:
        before = list(sheet.rows)
        written(sheet, state, kind, version, actor, role, flag)
        try:
            state = replay(MODEL, sheet.rows)
        except RefusedError:
            # a log with such a row is not read on; what stood before it is looked at instead
            sheet.rows = before
            continue
        if state.champion is None:
            continue
        check_complete(sheet.rows, state.champion)
        if believed(state, sheet.rows, state.champion):
            promoted = state.versions[state.champion].promoted
            assert promoted
            people = [next(row for row in sheet.rows if row.seq == seq).actor for seq in promoted.approval_seqs]
            assert len(set(people)) == len(people) >= 2
            assert not {TRAINER, REQUESTER} & {*people, promoted.confirmed_by}


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(["gate", "validator", "owner", "shadow", "confirm", "promoted"]))
def test_of_all_orders_of_the_needed_entries_only_one_makes_a_champion(order: list[str]) -> None:
    sheet, state = Sheet(), ModelState(MODEL)
    for kind in order:
        actor, role = {"validator": ("embedded:ann", "validator")}.get(kind, ("embedded:bea", "owner"))
        step = "approve" if kind in ("validator", "owner") else kind
        before = list(sheet.rows)
        written(sheet, state, step, "1", actor, role, kind != "gate")
        try:
            state = replay(MODEL, sheet.rows)
        except RefusedError:
            sheet.rows = before
    in_order = [kind for kind in order if kind not in ("validator", "owner")]
    right = in_order == ["gate", "shadow", "confirm", "promoted"]
    placed = order.index("gate") < min(order.index("validator"), order.index("owner"))
    ready = max(order.index("validator"), order.index("owner")) < order.index("shadow")
    assert (state.champion == "1") == (right and placed and ready)


DEEDS = (
    *["onward"] * 12, "request", "worse", "validator", "owner", "board", "shadow", "confirm", "refuse", "rollback",
    "suspend", "resume", "trainer", "later",
)  # fmt: skip
NEXT_DEED = {
    "requested": "validator", "validated": "owner", "awaiting_board": "board", "approved": "shadow",
    "shadow": "confirm", "champion": "suspend", "suspended": "resume",
}  # fmt: skip


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.sampled_from(VERSIONS), st.booleans()), max_size=24))
def test_whatever_people_do_the_champion_has_every_entry_and_verifies(
    fresh_world: Any, make: Any, deeds: list[tuple[str, str, bool]]
) -> None:
    world, now = fresh_world(), NOW
    for chosen, version, flag in deeds:
        now += timedelta(days=40 if chosen == "later" else 0, minutes=1)
        found = model_state(world.audit, MODEL).versions.get(version)
        deed = (NEXT_DEED.get(found.status, "request") if found else "request") if chosen == "onward" else chosen
        with suppress(FindProfileError):
            _do(world, make, deed, version, flag, now)
        state = model_state(world.audit, MODEL)
        if state.champion is None:
            with pytest.raises(RefusedError):
                verify_champion(world.desk, MODEL, "nwrocu", now)
            continue
        check_complete(history(world.audit, MODEL), state.champion)
        assert world.registry.champion_version(MODEL) == state.champion
        if state.suspended is None and iso_moment(now) < state.versions[state.champion].promoted.valid_until:
            assert verify_champion(world.desk, MODEL, "nwrocu", now).version == state.champion
        else:
            with pytest.raises(RefusedError):
                verify_champion(world.desk, MODEL, "nwrocu", now)


def _do(world: Any, make: Any, deed: str, version: str, flag: bool, now: datetime) -> None:
    champion = model_state(world.audit, MODEL).champion
    measured = world.measured(champion) if champion else None
    if deed == "request":
        world.requested(version, measured, now, **({"change": make.change(flag, measured.version)} if measured else {}))
    elif deed == "worse":
        worse = world.evidence(version, measured, signature_verified=False)
        request(world.desk, world.person("Edda Engineer", "ml_engineer", at=now), worse, world.policy, now)
    elif deed in ("validator", "owner", "board"):
        world.approve({"board": "governance"}.get(deed, deed), version=version, at=now)
    elif deed == "shadow":
        world.shadowed(version, days=3, at=now)
    elif deed in ("confirm", "trainer"):
        world.confirmed(version, at=now, name="Olive Owner" if deed == "confirm" else "Tess Trainer")
    elif deed == "refuse":
        refuse(world.desk, world.person("Gwen", at=now), MODEL, version, "not now", world.policy, now)
    elif deed == "rollback":
        rollback(world.desk, world.person("Gwen", at=now), MODEL, "bad lists", world.policy, now)
    elif deed == "suspend":
        suspend(world.desk, world.person("Ann", "analyst", at=now), MODEL, "odd lists", now)
    elif deed == "resume":
        name = "Gwen" if flag else "Gareth"
        resume(world.desk, world.person(name, at=now), MODEL, "explained", world.policy, now)
