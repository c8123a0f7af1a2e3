"""Which of the kinds of processing of the Data Protection Act 2018, section 62, each action is: one table.

The six are collection, alteration, consultation, disclosure, combination and erasure; what is none of them, since it
touches no personal data, is a decision. An entry of the audit log that says otherwise than this table is an error of
the program. Belongs here: the table. Does not: who may do what (permissions).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Operation = Literal["collection", "alteration", "consultation", "disclosure", "combination", "erasure", "decision"]

_COLLECTION: tuple[Operation, ...] = ("collection",)
_CONSULTATION: tuple[Operation, ...] = ("consultation",)
_COMBINATION: tuple[Operation, ...] = ("combination",)
_DECISION: tuple[Operation, ...] = ("decision",)

# Where an action has several, it depends on what it does to the reads: judging batches again may bring rows in, take
# rows out, or only show what it would do.
OPERATIONS: Mapping[str, tuple[Operation, ...]] = MappingProxyType(
    {
        "cameras.load": _COLLECTION,
        "cameras.health": _CONSULTATION,
        "ingest": _COLLECTION,
        "ingest.record": ("collection", "alteration"),
        "ingest.placed": ("collection", "alteration"),
        "requalify": ("alteration", "consultation"),
        "inbox.read": _CONSULTATION,
        "inbox.set_aside": _COLLECTION,
        "inbox.bring_back": ("alteration",),
        "landing.open": _CONSULTATION,
        "quarantine.read": _CONSULTATION,
        "quarantine.release": ("alteration", "consultation"),
        "notes.read": _CONSULTATION,
        "dispositions.load": _COLLECTION,
        "dispositions.record": _COLLECTION,
        "dispositions.placed": _COLLECTION,
        "days.renewed": ("alteration",),
        "retrain": _COMBINATION,
        "reproduce": _COMBINATION,
        "score": _COMBINATION,
        "monitor": _COMBINATION,
        "scores.read": _CONSULTATION,
        "profile.read": _CONSULTATION,
        "vault.reveal": _CONSULTATION,
        "lineage.read": _CONSULTATION,
        "history.read": _CONSULTATION,
        "batches.read": _CONSULTATION,
        "scoreboard.read": _CONSULTATION,
        "status": _CONSULTATION,
        "models.read": _CONSULTATION,
        "documents.read": _CONSULTATION,
        "authority.grant": _DECISION,
        "authority.withdraw": _DECISION,
        "authority.read": _CONSULTATION,
        "audit.verify": _CONSULTATION,
        "audit.search": _CONSULTATION,
        "audit.checkpoint": _CONSULTATION,
        "audit.aside": _DECISION,
        "policy.load": _DECISION,
        "policy.use": _CONSULTATION,
        "deploy": _DECISION,
        "sign-in": _DECISION,
        "token.issue": _DECISION,
        "token.revoke": _DECISION,
        "syops.accept": _DECISION,
        "promote.request": _DECISION,
        "promote.gate": _DECISION,
        "promote.approve": _DECISION,
        "promote.promoted": _DECISION,
        "promote.shadow": _DECISION,  # the processing is in the entry of the `score` that it is part of
        "promote.confirm": _DECISION,
        "promote.expired": _DECISION,
        "promote.refuse": _DECISION,
        "promote.rollback": _DECISION,
        "promote.suspend": _DECISION,
        "promote.resume": _DECISION,
        "promote.resumed": _DECISION,
        "promote.reconcile": _DECISION,
        "promote.alias": _DECISION,
    }
)

# No command passes data on to anybody outside, and nothing deletes rows of the lake before there is a purge.
DONE_BY_NO_COMMAND: frozenset[Operation] = frozenset({"disclosure", "erasure"})

# what is shown as a list, as trained, as made again or as monitored, is believed because of these entries, and so are
# reads and findings
_RECORDS = frozenset({"ingest.record", "ingest.placed", "dispositions.record", "dispositions.placed"})
_BELIEVED: frozenset[str] = frozenset({"score", "retrain", "reproduce", "monitor"}) | _RECORDS

DECIDING: frozenset[str] = _BELIEVED | {action for action, kinds in OPERATIONS.items() if "decision" in kinds}


def is_decisive(action: str, operation: str) -> bool:
    """Whether a row is one that decisions rest on; a row that only pretends to be one counts as one."""
    return operation == "decision" or action in DECIDING


def fits(action: str, operation: str) -> bool:
    """Whether an entry of this action may say this operation; what the table does not have is not judged."""
    return operation in OPERATIONS.get(action, (operation,))
