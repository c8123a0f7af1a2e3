"""The life of a model's versions, replayed from audit entries and from nothing else.

A version is requested, judged by the gate, approved or refused by people, promoted, and later superseded or rolled
back; a model can be suspended. Only entries with the outcome `done` move anything, but for a gate that said no. An
entry that cannot be read stops the replay: an unknown state refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from governance.audit_entry import Row
from governance.registry_port import split_model
from infra.errors import RefusedError, WrongInputError

if TYPE_CHECKING:
    from governance.audit import AuditLog

Status = Literal["gate_refused", "requested", "refused", "champion", "superseded", "rolled_back"]


class Details(BaseModel):
    """Base of what the log keeps beside an entry of this life."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateDetails(Details):
    """Beside `promote.gate`: what was judged, by which policy, with which result."""

    evidence_digest: str
    policy_digest: str
    policy_version: str
    model_sha256: str
    trainer: str
    requested_by: str
    compared_with: str | None
    approvers_needed: int
    gate: Literal["passed", "refused"]
    lines: tuple[dict[str, str], ...]


class ApproveDetails(Details):
    """Beside `promote.approve`: what the approval is bound to, and the token that it was given with."""

    evidence_digest: str
    policy_digest: str
    token_id: str
    issuer: str
    comment: str = ""


class PromotedDetails(Details):
    """Beside `promote.promoted`: everything that made the version champion."""

    model_sha256: str
    evidence_digest: str
    policy_digest: str
    gate_seq: int
    approval_seqs: tuple[int, ...]
    approvers: tuple[str, ...]
    approvers_needed: int
    valid_until: str
    replaces: str | None


class ReasonDetails(Details):
    """Beside a decision that only needs a reason."""

    reason: str


class RollbackDetails(ReasonDetails):
    """Beside `promote.rollback`: from which version, and whose promotion is taken up again."""

    replaces: str
    promoted_seq: int


@dataclass(frozen=True)
class Approval:
    """One person's approval."""

    seq: int
    at: str
    subject: str
    name: str


@dataclass(frozen=True)
class VersionState:
    """What the log says about one version. The digests are those of its latest gate."""

    version: str
    status: Status
    gate_seq: int
    gate: GateDetails
    approvals: tuple[Approval, ...] = ()
    promoted_seq: int | None = None
    promoted: PromotedDetails | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ModelState:
    """What the log says about a model.

    Args:
        model: Its name.
        versions: Every version that was ever requested.
        champion: The version in force.
        before: Earlier champions that can be gone back to, oldest first.
        changed_from: The champion before the last change of champion.
        suspended: Why it scores nothing; `None` if it may.
        resume_votes: Who has agreed to resume it.
    """

    model: str
    versions: dict[str, VersionState] = field(default_factory=dict)
    champion: str | None = None
    before: tuple[str, ...] = ()
    changed_from: str | None = None
    suspended: str | None = None
    resume_votes: tuple[str, ...] = ()

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
    def standing(self) -> VersionState | None:
        """The champion's state, if there is a champion."""
        return self.versions[self.champion] if self.champion is not None else None


def model_state(audit: AuditLog, model: str) -> ModelState:
    """What the log says about a model now.

    Raises:
        RefusedError: The log holds an entry that does not fit.
        WrongInputError: It is not the name of a model.
    """
    split_model(model)
    return replay(model, audit.entries(model))


D = TypeVar("D", bound=Details)
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
            raise _unreadable(row)
        state = step(state, version, row)
    return state


def read_details(kind: type[D], row: Row) -> D:
    """What stands beside an entry.

    Raises:
        RefusedError: It is not what belongs beside such an entry.
    """
    try:
        return kind.model_validate(row.details)
    except ValidationError:
        raise _unreadable(row) from None


def _unreadable(row: Row) -> RefusedError:
    return RefusedError(
        f"Row {row.seq} of the audit log ({row.action}) does not fit the life of a version.",
        "Stop, and have governance look at findprofile audit search.",
    )


def _known(state: ModelState, version: str, row: Row, *statuses: Status) -> VersionState:
    found = state.versions.get(version)
    if found is None or found.status not in statuses:
        raise _unreadable(row)
    return found


def _with(state: ModelState, found: VersionState) -> ModelState:
    return replace(state, versions={**state.versions, found.version: found})


def _gate(state: ModelState, version: str, row: Row) -> ModelState:
    details = read_details(GateDetails, row)
    passed = row.outcome == "done" and details.gate == "passed"
    earlier = state.versions.get(version)
    if earlier is not None and earlier.status == "champion":
        raise _unreadable(row)
    if earlier is not None and earlier.status == "superseded" and not passed:
        return state
    status: Status = "requested" if passed else "gate_refused"
    return _with(state, VersionState(version, status, row.seq, details))


def _approve(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row, "requested")
    details = read_details(ApproveDetails, row)
    bound = (details.evidence_digest, details.policy_digest) == (found.gate.evidence_digest, found.gate.policy_digest)
    if not bound:
        raise _unreadable(row)
    approval = Approval(row.seq, row.at, row.actor, row.actor_name)
    return _with(state, replace(found, approvals=(*found.approvals, approval)))


def _refuse(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row, "requested")
    return _with(state, replace(found, status="refused", reason=read_details(ReasonDetails, row).reason))


def _promoted(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row, "requested")
    details = read_details(PromotedDetails, row)
    if details.replaces != state.champion:
        raise _unreadable(row)
    return _crown(state, replace(found, status="champion", promoted_seq=row.seq, promoted=details), "superseded")


def _rollback(state: ModelState, version: str, row: Row) -> ModelState:
    found = _known(state, version, row, "superseded")
    details = read_details(RollbackDetails, row)
    if details.replaces != state.champion or details.promoted_seq != found.promoted_seq:
        raise _unreadable(row)
    return _crown(state, replace(found, status="champion"), "rolled_back")


def _crown(state: ModelState, found: VersionState, old_becomes: Status) -> ModelState:
    before = tuple(earlier for earlier in state.before if earlier != found.version)
    if state.champion is not None:
        old = state.versions[state.champion]
        state = _with(state, replace(old, status=old_becomes))
        before = (*before, old.version) if old_becomes == "superseded" else before
    changed_from = state.champion
    return replace(_with(state, found), champion=found.version, before=before, changed_from=changed_from)


def _suspend(state: ModelState, version: str, row: Row) -> ModelState:
    return replace(state, suspended=read_details(ReasonDetails, row).reason, resume_votes=())


def _resume(state: ModelState, version: str, row: Row) -> ModelState:
    if state.suspended is None:
        raise _unreadable(row)
    return replace(state, resume_votes=(*state.resume_votes, row.actor))


def _resumed(state: ModelState, version: str, row: Row) -> ModelState:
    if len(set(state.resume_votes)) < 2:
        raise _unreadable(row)
    return replace(state, suspended=None, resume_votes=())


_STEPS: dict[str, Step] = {
    "promote.gate": _gate,
    "promote.approve": _approve,
    "promote.refuse": _refuse,
    "promote.promoted": _promoted,
    "promote.rollback": _rollback,
    "promote.suspend": _suspend,
    "promote.resume": _resume,
    "promote.resumed": _resumed,
}
