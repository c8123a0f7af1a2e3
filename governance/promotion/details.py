"""What the audit log keeps beside each entry of a version's life, and how it is read back.

Belongs here: the shapes, one for each kind of entry. Does not: which entry moves a version where (`life`), or the state
that follows from them (`state`).
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from governance.audit.entry import Row
from governance.promotion.life import Part, parts_needed
from infra.errors import RefusedError


class Details(BaseModel):
    """Base of what the log keeps beside an entry of this life."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateDetails(Details):
    """Beside `promote.gate`: what was judged, by which policy, with which result.

    Entries from before a field was kept have its default.

    Args:
        policy_file: SHA-256 of the policy's file, or `packaged`; empty if it was not kept.
        trained_as_of: The last day that training saw, ISO: no shadow run of an earlier one counts.
    """

    evidence_digest: str
    policy_digest: str
    policy_version: str
    model_sha256: str
    trainer: str
    requested_by: str
    compared_with: str | None
    approvers_needed: int
    board_needed: bool
    shadow_runs: int
    valid_until: str
    gate: Literal["passed", "refused"]
    lines: tuple[dict[str, str], ...]
    policy_file: str = ""
    trained_as_of: str | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Whose approvals are needed, in their order."""
        return parts_needed(self.approvers_needed, self.board_needed)


class ApproveDetails(Details):
    """Beside `promote.approve`: as what, what the approval is bound to, how long it holds, and with which token.

    Args:
        token_issued_at: When the token was issued, ISO; empty in entries from before it was kept.
    """

    part: Part
    evidence_digest: str
    policy_digest: str
    valid_until: str
    token_id: str
    token_issued_at: str = ""
    issuer: str
    comment: str = ""


class ShadowDetails(Details):
    """Beside `promote.shadow`: a list that nobody saw, and how it compares with the champion's of the same windows.

    Args:
        run_id: Of the shadow run.
        as_of: The day that was scored, ISO.
        model_sha256: Of the text that scored.
        evidence_digest: Of the evidence that the version was approved on.
        data_digest: Of the reads.
        scores_sha256: Of the list as it was written.
        k: Capacity: the length of the lists that are compared.
        vehicles: How many were scored.
        failures: How many of them have no number for a score.
        champion: The version that it is compared with; `None` if there is none.
        champion_run: That version's run.
        overlap_at_k: Share of the champion's first k that is in the first k here.
        share_new: Share of the first k here that is not in the champion's.
        rank_correlation: Spearman's, over the vehicles that both scored.
    """

    run_id: str
    as_of: str
    model_sha256: str
    evidence_digest: str
    data_digest: str
    scores_sha256: str
    k: int
    vehicles: int
    failures: int
    champion: str | None
    champion_run: str | None
    overlap_at_k: float | None
    share_new: float | None
    rank_correlation: float | None


def counts_in_shadow(run: ShadowDetails, gate: GateDetails) -> bool:
    """Whether a shadow run is one that a confirmation asks for: every vehicle has a score, and the day is not past."""
    return run.failures == 0 and run.vehicles > 0 and not is_past(run.as_of, gate)


def is_past(as_of: str, gate: GateDetails) -> bool:
    """Whether a day lies before the day as of which the version was trained: it has seen what came of such days."""
    return gate.trained_as_of is not None and as_of < gate.trained_as_of


class ConfirmDetails(Details):
    """Beside `promote.confirm`: on the strength of which shadow runs, and with which token.

    Entries from before the token was kept have none.
    """

    reason: str
    evidence_digest: str
    policy_digest: str
    shadow_seqs: tuple[int, ...]
    token_id: str = ""
    token_issued_at: str = ""


class PromotedDetails(Details):
    """Beside `promote.promoted`: everything that made the version champion."""

    model_sha256: str
    evidence_digest: str
    policy_digest: str
    gate_seq: int
    approval_seqs: tuple[int, ...]
    approvers: tuple[str, ...]
    shadow_seqs: tuple[int, ...]
    confirm_seq: int
    confirmed_by: str
    valid_until: str
    replaces: str | None


class ReasonDetails(Details):
    """Beside a decision that only needs a reason."""

    reason: str


class ReconcileDetails(Details):
    """Beside `promote.reconcile`: where the alias was, and where the log has it; nowhere without a champion."""

    alias: str | None
    champion: str | None
    cause: str


class AliasDetails(Details):
    """Beside `promote.alias`: that the registry's alias is on this champion, by which change of champion."""

    champion: str
    changed_seq: int


class RollbackDetails(ReasonDetails):
    """Beside `promote.rollback`: from which version, and whose promotion is taken up again."""

    replaces: str
    promoted_seq: int


D = TypeVar("D", bound=Details)


def read_details(kind: type[D], row: Row) -> D:
    """What stands beside an entry.

    Raises:
        RefusedError: It is not what belongs beside such an entry.
    """
    try:
        return kind.model_validate(row.details)
    except ValidationError:
        raise unreadable(row) from None


def unreadable(row: Row) -> RefusedError:
    """The refusal of an entry that does not belong where it stands."""
    return RefusedError(
        f"Row {row.seq} of the audit log ({row.action}) does not fit the life of a version.",
        "Stop, and have governance look at findprofile audit search.",
    )
