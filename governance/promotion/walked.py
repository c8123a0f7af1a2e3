"""Looks at what a promotion rests on, entry by entry: the gate, each approval, each shadow run, the confirmation.

Belongs here: whether these entries, whatever the replay makes of them, are what the rules ask for: the right kind,
about this version and evidence, in order, by the right roles, by people who are different and neither trainer nor
requester. Does not: the state of the model, the registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from governance.access.permissions import allowed
from governance.audit.entry import Row
from governance.promotion.details import (
    ApproveDetails,
    ConfirmDetails,
    GateDetails,
    PromotedDetails,
    ShadowDetails,
    counts_in_shadow,
    read_details,
)
from governance.promotion.life import PART_ROLES, Part
from infra.errors import RefusedError

Rows = Mapping[int, Row]


@dataclass(frozen=True)
class Walked:
    """A passed gate with every approval that it asked for, and until when the first of them holds."""

    gate: GateDetails
    gate_row: Row
    approvals: tuple[Row, ...]
    valid_until: str

    @property
    def last_seq(self) -> int:
        """Of the last approval."""
        return max(row.seq for row in self.approvals)


def walk_approvals(rows: Rows, model: str, version: str, gate_seq: int, approval_seqs: tuple[int, ...]) -> Walked:
    """The gate and the approvals, if they are what the rules ask for.

    Args:
        rows: Entries about the model by number.
        model: `<pattern>.<rocu>`.
        version: The version.
        gate_seq: Number of the gate's entry.
        approval_seqs: Numbers of the approvals.

    Raises:
        RefusedError: They are not.
    """
    gate_row = rows.get(gate_seq)
    if gate_row is None or (gate_row.action, gate_row.outcome) != ("promote.gate", "done"):
        raise not_approved(model, version, "there is no passed gate")
    gate = read_details(GateDetails, gate_row)
    if gate.gate != "passed" or gate_row.object != f"{model}/{version}":
        raise not_approved(model, version, "the gate judged something else")
    given = [rows[seq] for seq in sorted(set(approval_seqs)) if seq in rows]
    counting = tuple(_counting(given, gate_row, gate))
    if len(counting) < len(gate.parts) or len(counting) != len(given):
        raise not_approved(model, version, f"{len(counting)} valid approvals of {len(gate.parts)}")
    terms = [read_details(ApproveDetails, row).valid_until for row in counting]
    return Walked(gate, gate_row, counting, min(terms))


def _counting(approvals: list[Row], gate_row: Row, gate: GateDetails) -> Iterator[Row]:
    """The approvals that count: each for the part whose turn it was."""
    people, parts, last = {gate.trainer, gate.requested_by}, list(gate.parts), gate_row.seq
    for row in approvals:
        if (row.action, row.outcome) != ("promote.approve", "done") or not parts or row.actor in people:
            continue
        details = read_details(ApproveDetails, row)
        if (
            row.object == gate_row.object
            and row.rocu == gate_row.rocu
            and row.seq > last
            and details.part == parts[0]
            and (details.evidence_digest, details.policy_digest) == (gate.evidence_digest, gate.policy_digest)
            and _may_approve(row, details.part)
        ):
            people.add(row.actor)
            parts.pop(0)
            last = row.seq
            yield row


def _may_approve(row: Row, part: Part) -> bool:
    return PART_ROLES[part] in row.actor_roles and allowed(frozenset(row.actor_roles), "promote.approve")


def walk_confirmation(
    rows: Rows, model: str, version: str, walked: Walked, promoted: PromotedDetails, promoted_row: Row
) -> None:
    """Refuse unless shadow runs, confirmation and promotion are what the rules ask for.

    Args:
        rows: Entries about the model by number.
        model: `<pattern>.<rocu>`.
        version: The version.
        walked: Gate and approvals.
        promoted: What stands beside the promotion.
        promoted_row: The promotion.

    Raises:
        RefusedError: They are not.
    """
    gate = walked.gate
    said = (promoted.evidence_digest, promoted.policy_digest, promoted.model_sha256)
    if said != (gate.evidence_digest, gate.policy_digest, gate.model_sha256):
        raise not_approved(model, version, "the gate judged something else")
    if set(promoted.approvers) != {row.actor for row in walked.approvals} or promoted.valid_until > walked.valid_until:
        raise not_approved(model, version, "the promotion does not say whose approvals it rests on, or for how long")
    confirm = rows.get(promoted.confirm_seq)
    if confirm is None or not _confirms(confirm, walked, promoted, promoted_row):
        raise not_approved(model, version, "there is no valid confirmation")
    days = {day for day in (_shadow_day(rows.get(seq), walked, confirm) for seq in promoted.shadow_seqs) if day}
    if len(days) < gate.shadow_runs:
        raise not_approved(model, version, f"{len(days)} valid shadow runs of {gate.shadow_runs}")


def _confirms(confirm: Row, walked: Walked, promoted: PromotedDetails, promoted_row: Row) -> bool:
    gate = walked.gate
    if (confirm.action, confirm.outcome) != ("promote.confirm", "done"):
        return False
    details = read_details(ConfirmDetails, confirm)
    return (
        confirm.object == walked.gate_row.object == promoted_row.object
        and confirm.rocu == walked.gate_row.rocu == promoted_row.rocu
        and walked.last_seq < confirm.seq < promoted_row.seq
        and confirm.at < walked.valid_until
        and confirm.actor == promoted.confirmed_by
        and confirm.actor not in (gate.trainer, gate.requested_by)
        and allowed(frozenset(confirm.actor_roles), "promote.confirm")
        and (details.evidence_digest, details.policy_digest) == (gate.evidence_digest, gate.policy_digest)
        and details.shadow_seqs == promoted.shadow_seqs
    )


def _shadow_day(row: Row | None, walked: Walked, confirm: Row) -> str | None:
    """The day of a shadow run that counts; `None` if it does not."""
    if row is None or (row.action, row.outcome) != ("promote.shadow", "done"):
        return None
    details, gate = read_details(ShadowDetails, row), walked.gate
    counts = (
        row.object == walked.gate_row.object
        and row.rocu == walked.gate_row.rocu
        and walked.last_seq < row.seq < confirm.seq
        and (details.model_sha256, details.evidence_digest) == (gate.model_sha256, gate.evidence_digest)
        and details.champion == gate.compared_with
        and counts_in_shadow(details, gate)
    )
    return details.as_of if counts else None


def not_approved(model: str, version: str, why: str) -> RefusedError:
    """The refusal to believe in a promotion."""
    return RefusedError(
        f"The audit log does not show that {model} version {version} was promoted by the rules: {why}.",
        "See findprofile promote history; request and approve it again.",
    )
