"""Documents made from the record: model card, draft ATRS record, change-plan report, approval sheet.

Each is a pure function of a `Source`; the same source gives the same bytes. What the record does not hold is shown as
missing and counted. Belongs here: which fields a document has and where each comes from. Does not: reading the record
(flows), HTML (governance.pages).
"""

from __future__ import annotations

from governance.documents.approval_sheet import approval_sheet
from governance.documents.atrs import atrs_record
from governance.documents.change_report import change_report
from governance.documents.model import MadeFromRecord
from governance.documents.model_card import model_card
from governance.documents.source import Source
from governance.gate.evidence import MadeDocument

__all__ = ["MadeFromRecord", "Source", "documents_of", "made_before_the_gate"]


def made_before_the_gate(source: Source) -> tuple[MadeDocument, ...]:
    """The documents that approvers are shown, by digest. They are about the version, not about what became of it."""
    return tuple(_digest(document) for document in _about_version(source))


def documents_of(source: Source) -> tuple[MadeFromRecord, ...]:
    """All documents of a version, the approval sheet last."""
    about = _about_version(source)
    return (*about, approval_sheet(source, tuple(_digest(document) for document in about)))


def _about_version(source: Source) -> tuple[MadeFromRecord, ...]:
    return model_card(source), atrs_record(source), change_report(source)


def _digest(document: MadeFromRecord) -> MadeDocument:
    return MadeDocument(
        name=document.kind, sha256=document.sha256, fields=document.fields, missing=len(document.missing)
    )
