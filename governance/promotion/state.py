"""The life of a model's versions, replayed from audit entries and from nothing else.

Which entry moves a version from where to where is the table in `life`; here it is followed. Only entries with the
outcome `done` move anything, but for a gate that said no. An entry that cannot be read, or that asks for a move that
the table does not have, stops the replay: an unknown state refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from governance.audit.entry import Row
from governance.promotion.details import (
    AliasDetails,
    ApproveDetails,
    ConfirmDetails,
    GateDetails,
    PromotedDetails,
    ReasonDetails,
    RollbackDetails,
    ShadowDetails,
    counts_in_shadow,
    read_details,
    unreadable,
)
from governance.promotion.life import CANDIDATES, OPEN, WAITING, Part, Status, may_move, status_after
from governance.promotion.registry_port import split_model
from infra.errors import WrongInputError

if TYPE_CHECKING:
    from governance.audit.log import AuditLog, AuditSession


RESUMED_BY = 2  # people


@dataclass(frozen=True)
class Approval:
    """One person's approval, as whom, and until when it holds."""

    seq: int
    at: str
    subject: str
    name: str
    part: Part
    valid_until: str


@dataclass(frozen=True)
class Shadow:
    """One shadow run."""

    seq: int
    at: str
    details: ShadowDetails

    def counts_for(self, gate: GateDetails) -> bool:
        """Whether it is one that a confirmation asks for: on a day that training had not seen past, nobody left out."""
        return counts_in_shadow(self.details, gate)


@dataclass(frozen=True)
class VersionState:
    """What the log says about one version. The digests are those of its latest gate; a new gate voids the rest."""

    version: str
    status: Status
    gate_seq: int
    gate: GateDetails
    approvals: tuple[Approval, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    confirm_seq: int | None = None
    promoted_seq: int | None = None
    promoted: PromotedDetails | None = None
    reason: str | None = None

    @property
    def due_part(self) -> Part | None:
        """Whose approval is due next; `None` if none is."""
        if self.status not in WAITING:
            return None
        return self.gate.parts[len(self.approvals)]

    @property
    def shadow_days(self) -> tuple[Shadow, ...]:
        """The first shadow run of each day that counts."""
        found: dict[str, Shadow] = {}
        for shadow in self.shadows:
            if shadow.counts_for(self.gate):
                found.setdefault(shadow.details.as_of, shadow)
        return tuple(found.values())

    @property
    def ends(self) -> str | None:
        """When the term of an open version is over, as the log spells times; `None` if it is not open."""
        if self.status not in OPEN:
            return None
        terms = [approval.valid_until for approval in self.approvals]
        return min([*terms, self.gate.valid_until] if self.status in WAITING else terms)


@dataclass(frozen=True)
class Agreement:
    """One person's agreement that a suspended model return to service."""

    subject: str
    at: str


@dataclass(frozen=True)
class ModelState:
    """What the log says about a model.

    Args:
        model: Its name.
        versions: Every version that was ever requested.
        champion: The version in force.
        before: Earlier champions that can be gone back to, oldest first.
        changed_from: The champion before the last change of champion.
        changed_seq: The entry of that change; 0 if there was none.
        alias_placed: Whether the log says that the alias was moved to the champion since.
        suspended: Why it scores nothing; `None` if it may.
        resume_votes: Who has agreed to resume it since it was suspended last, and when.
    """

    model: str
    versions: dict[str, VersionState] = field(default_factory=dict)
    champion: str | None = None
    before: tuple[str, ...] = ()
    changed_from: str | None = None
    changed_seq: int = 0
    alias_placed: bool = False
    suspended: str | None = None
    resume_votes: tuple[Agreement, ...] = ()

    def version(self, version: str) -> VersionState:
        """The state of one version.

        Raises:
            WrongInputError: The log has no request for it.
        """
        if version not in self.versions:
            known = ", ".join(self.versions) or "none"
            raise WrongInputError(
                f"No promotion of {self.model} version {version} was requested; requested so far: {known}.",
                "Request it first, or name another version.",
            )
        return self.versions[version]

    @property
    def candidates(self) -> tuple[VersionState, ...]:
        """The versions that score in shadow: with every approval, and compared with the champion that stands."""
        return tuple(
            found
            for found in self.versions.values()
            if found.status in CANDIDATES and found.gate.compared_with == self.champion
        )

    @property
    def standing(self) -> VersionState | None:
        """The champion's state, if there is a champion."""
        return self.versions[self.champion] if self.champion is not None else None


def version_named(version: str | None, nothing: str = "no version") -> str:
    """A version in words, or that there is none."""
    return f"version {version}" if version else nothing


def model_state(audit: AuditLog | AuditSession, model: str) -> ModelState:
    """What the log says about a model now; of a session, what stays true until it writes.

    Raises:
        RefusedError: The log holds an entry that does not fit.
        WrongInputError: It is not the name of a model.
    """
    split_model(model)
    return replay(model, audit.entries(model, "promote."))


Step = Callable[[ModelState, str, Row], ModelState]


def replay(model: str, rows: Sequence[Row]) -> ModelState:
    """The state of a model after its entries, oldest first.

    Raises:
        RefusedError: An entry cannot be read, or does not fit what came before it.
    """
    state = ModelState(model)
    rocu = model.partition(".")[2]
    for row in rows:
        step = _STEPS.get(row.action)
        if step is None or not (row.outcome == "done" or (row.action == "promote.gate" and row.outcome == "refused")):
            continue
        name, _, version = row.object.partition("/")
        if name != model or row.rocu != rocu:
            raise unreadable(row)
        state = step(state, version, row)
    return state


def _known(state: ModelState, version: str, row: Row) -> VersionState:
    found = state.versions.get(version)
    if found is None:
        raise unreadable(row)
    return found


def _move(found: VersionState, row: Row, after: Status) -> VersionState:
    """The version in its new state, if the table has such a move."""
    if not may_move(row.action, found.status, after):
        raise unreadable(row)
    return replace(found, status=after)


def _with(state: ModelState, found: VersionState) -> ModelState:
    return replace(state, versions={**state.versions, found.version: found})


def _gate(state: ModelState, version: str, row: Row) -> ModelState:
    details = read_details(GateDetails, row)
    passed = row.outcome == "done" and details.gate == "passed"
    earlier = state.versions.get(version)
    if earlier is not None and earlier.status == "superseded" and not passed:
        return state
    after: Status = "requested" if passed else "gate_refused"
    if not may_move(row.action, earlier.status if earlier else "trained", after):
        raise unreadable(row)
    return _with(state, VersionState(version, after, row.seq, details))


def _approve(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    details = read_details(ApproveDetails, row)
    bound = (details.evidence_digest, details.policy_digest) == (found.gate.evidence_digest, found.gate.policy_digest)
    if not bound or details.part != found.due_part:
        raise unreadable(row)
    approval = Approval(row.seq, row.at, row.actor, row.actor_name, details.part, details.valid_until)
    approvals = (*found.approvals, approval)
    moved = _move(found, row, status_after(found.gate.parts, len(approvals)))
    return _with(state, replace(moved, approvals=approvals))


def _shadow(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    details = read_details(ShadowDetails, row)
    expected = (found.gate.model_sha256, found.gate.evidence_digest, state.champion)
    if (details.model_sha256, details.evidence_digest, details.champion) != expected:
        raise unreadable(row)
    moved = _move(found, row, "shadow")
    return _with(state, replace(moved, shadows=(*found.shadows, Shadow(row.seq, row.at, details))))


def _refuse(state: ModelState, version: str, row: Row) -> ModelState:
    moved = _move(_known(state, version, row), row, "refused")
    return _with(state, replace(moved, reason=read_details(ReasonDetails, row).reason))


def _expired(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    if found.ends is None or row.at < found.ends:
        raise unreadable(row)
    return _with(state, replace(_move(found, row, "expired"), reason=read_details(ReasonDetails, row).reason))


def _confirm(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    details = read_details(ConfirmDetails, row)
    bound = (details.evidence_digest, details.policy_digest) == (found.gate.evidence_digest, found.gate.policy_digest)
    shadowed = {shadow.seq for shadow in found.shadow_days} >= set(details.shadow_seqs)
    if not bound or not shadowed or len(set(details.shadow_seqs)) < found.gate.shadow_runs:
        raise unreadable(row)
    return _with(state, replace(_move(found, row, "confirmed"), confirm_seq=row.seq))


def _promoted(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    details = read_details(PromotedDetails, row)
    if details.replaces != state.champion or details.confirm_seq != found.confirm_seq:
        raise unreadable(row)
    return _crown(state, replace(found, promoted_seq=row.seq, promoted=details), row, "superseded")


def _rollback(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row)
    details = read_details(RollbackDetails, row)
    if details.replaces != state.champion or details.promoted_seq != found.promoted_seq:
        raise unreadable(row)
    return _crown(state, found, row, "rolled_back")


def _crown(state: ModelState, found: VersionState, row: Row, old_becomes: Status) -> ModelState:
    found = _move(found, row, "champion" if state.suspended is None else "suspended")
    before = tuple(earlier for earlier in state.before if earlier != found.version)
    if state.champion is not None:
        old = _move(state.versions[state.champion], row, old_becomes)
        state = _with(state, old)
        before = (*before, old.version) if old_becomes == "superseded" else before
    state = replace(_with(state, found), changed_from=state.champion, changed_seq=row.seq, alias_placed=False)
    return replace(state, champion=found.version, before=before)


def _alias(state: ModelState, version: str, row: Row) -> ModelState:
    details = read_details(AliasDetails, row)
    if details.changed_seq > state.changed_seq or details.champion != version:
        raise unreadable(row)
    if details.changed_seq < state.changed_seq:
        return state
    if version != state.champion:
        raise unreadable(row)
    return replace(state, alias_placed=True)


def _suspend(state: ModelState, version: str, row: Row) -> ModelState:
    if state.standing is not None:
        state = _with(state, _move(state.standing, row, "suspended"))
    return replace(state, suspended=read_details(ReasonDetails, row).reason, resume_votes=())


def _resume(state: ModelState, version: str, row: Row) -> ModelState:
    if state.suspended is None:
        raise unreadable(row)
    return replace(state, resume_votes=(*state.resume_votes, Agreement(row.actor, row.at)))


def _resumed(state: ModelState, version: str, row: Row) -> ModelState:
    if len({vote.subject for vote in state.resume_votes}) < RESUMED_BY:
        raise unreadable(row)
    if state.standing is not None:
        state = _with(state, _move(state.standing, row, "champion"))
    return replace(state, suspended=None, resume_votes=())


_STEPS: dict[str, Step] = {
    "promote.gate": _gate,
    "promote.approve": _approve,
    "promote.shadow": _shadow,
    "promote.refuse": _refuse,
    "promote.expired": _expired,
    "promote.confirm": _confirm,
    "promote.promoted": _promoted,
    "promote.rollback": _rollback,
    "promote.alias": _alias,
    "promote.suspend": _suspend,
    "promote.resume": _resume,
    "promote.resumed": _resumed,
}
