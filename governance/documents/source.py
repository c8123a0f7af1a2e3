"""What documents are made from: a version's signed record, the policy, the evidence, the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.documents.model import Field

if TYPE_CHECKING:
    from governance.audit.entry import Row
    from governance.gate.evidence import Evidence, Figure
    from governance.policy.document import RocuPolicy
    from models.evaluation import Estimate
    from models.version_record import VersionRecord

RECORD = "signed record"
EVIDENCE = "evidence"
POLICY = "policy"
LOG = "audit log"
PRODUCT = "product"


@dataclass(frozen=True)
class Source:
    """Everything that the documents of one version may say.

    Args:
        record: As signed at registration.
        region: The region's name.
        policy: Under which it was judged; the one in force if it was not; `None` if that is not known any more.
        evidence: What the gate judged last; `None` if it was never asked for.
        entries: Every entry of the audit log about the model, oldest first.
    """

    record: VersionRecord
    region: str
    policy: RocuPolicy | None
    evidence: Evidence | None
    entries: tuple[Row, ...] = ()

    @property
    def list_said(self) -> str:
        """How long a list is, in words: by rank, and what is drawn onto it."""
        ranked = f"lists of at most {self.record.inputs.capacity} by rank"
        drawn = self.policy.random_review if self.policy else 0
        return f"{ranked} and {drawn} drawn at random (by the policy)" if drawn else ranked


def field(name: str, value: object, source: str, number: str = "", code: bool = False) -> Field:
    """A field; no value, an empty text and an empty list are missing, a nought is not."""
    absent = value is None or value in ("", ())
    return Field(name=name, value=None if absent else str(value), source=source, number=number, code=code)


def figure_text(found: Figure | Estimate | None) -> str | None:
    """A figure with its interval, or nothing."""
    if found is None or found.value is None:
        return None
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def joined(*parts: str | None) -> str | None:
    """Sentences in one, or nothing if there is none."""
    return " ".join(part for part in parts if part) or None
