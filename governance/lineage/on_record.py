"""Which records of an ingest, or of findings, are on record in the audit log, and the refusal of what is not.

A record says which parts there are and what is in them, and nothing signs it: whoever can write in the lake can write
one. The log has the digest of each before it is placed, and again that it was placed. So one that was added, changed or
taken away shows. Belongs here: the entries, and holding the lake against them. Does not: whether a part is still the
one that its record names, or whether the log holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from data_contracts.layers.manifests import DispositionRecord, IngestRecord, PartRef
from governance.audit.log import AuditLog, Entry
from infra.clock import Clock
from infra.errors import RefusedError

if TYPE_CHECKING:
    from data_contracts.layers.placing import Record, Witness
    from infra.identity import Identity
    from infra.lake import Lake

Kind = Literal["ingest", "dispositions"]
_NAMED = 3  # parts or records that are named one by one
_TELL = "Tell governance; restore the layer from a backup. Nothing is made from it until then."


def witness_of(audit: AuditLog, identity: Identity, clock: Clock) -> Witness:
    """Puts each record on record as this person's doing: before it is placed, and once it is."""

    @contextmanager
    def witness(record: Record, sha256: str) -> Iterator[None]:
        audit.append(_entry(identity, record, sha256, "record"), clock())
        yield
        audit.append(_entry(identity, record, sha256, "placed"), clock())

    return witness


def _entry(identity: Identity, record: Record, sha256: str, what: str) -> Entry:
    if isinstance(record, IngestRecord):
        kind, name, batches = "ingest", record.ingest_id, [batch.batch_id for batch in record.batches]
    else:
        kind, name, batches = "dispositions", record.batch.batch_id, [record.batch.batch_id]
    again = isinstance(record, IngestRecord) and bool(record.supersedes)
    return Entry.by(
        identity,
        action=f"{kind}.{what}",
        operation="alteration" if again else "collection",
        rocu=record.rocu,
        object=f"{kind} record {name}",
        outcome="done",
        details={"record": name, "sha256": sha256, "batches": batches},
    )


@dataclass(frozen=True)
class _Lake:
    """The records of one kind as they lie in the lake: content by name."""

    kind: Kind
    rocu: str
    content: dict[str, bytes]

    @classmethod
    def read(cls, lake: Lake, kind: Kind, rocu: str) -> _Lake:
        folder = lake.folder("ingests" if kind == "ingest" else "dispositions", rocu)
        return cls(kind, rocu, {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))})

    def parts(self, name: str) -> tuple[PartRef, ...]:
        """What a record names; nothing if it is none."""
        form = IngestRecord if self.kind == "ingest" else DispositionRecord
        try:
            return form.model_validate_json(self.content[name]).parts
        except ValidationError:
            return ()


def require_on_record(audit: AuditLog, lake: Lake, kind: Kind, rocu: str, parts: Sequence[PartRef]) -> None:
    """Refuse parts that no ingest on record brought, and a layer whose records are not those that the log has.

    Args:
        audit: The log; the caller has seen that it holds.
        lake: Where the records are.
        kind: Reads, or findings.
        rocu: Code of the ROCU.
        parts: What is to be used, as it was read from the records a moment ago.

    Raises:
        RefusedError: A record was added, changed or taken away, with the parts that it brings in; or a part is in none.
    """
    digests: dict[str, set[str]] = {}
    placed: set[str] = set()
    for row in audit.done(rocu, f"{kind}."):
        if row.action == f"{kind}.record":
            digests.setdefault(str(row.details["record"]), set()).add(str(row.details["sha256"]))
        elif row.action == f"{kind}.placed":
            placed.add(str(row.details["record"]))
    found = _Lake.read(lake, kind, rocu)
    strange = [
        name
        for name, content in found.content.items()
        if hashlib.sha256(content).hexdigest() not in digests.get(name, ())
    ]
    if strange:
        brought = [part.path for name in strange for part in found.parts(name)]
        raise _refusal(kind, rocu, f"not as the audit log has them: {_named(strange)}. They name: {_named(brought)}")
    if gone := sorted(placed - found.content.keys()):
        raise _refusal(kind, rocu, f"on record in the audit log and gone from the lake: {_named(gone)}")
    known = {(part.path, part.sha256) for name in found.content for part in found.parts(name)}
    if unknown := [part.path for part in parts if (part.path, part.sha256) not in known]:
        raise _refusal(kind, rocu, f"another than a moment ago; no longer in any: {_named(unknown)}")


def _refusal(kind: Kind, rocu: str, what: str) -> RefusedError:
    layer = "ingest" if kind == "ingest" else "findings"
    return RefusedError(f"Records of {layer} of {rocu} are {what}.", _TELL)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(Path(name).as_posix() for name in names[:_NAMED]) or "no parts") + more
