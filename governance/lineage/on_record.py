"""Which records of an ingest, or of findings, are on record in the audit log, and the refusal of what is not.

A record says which parts there are and what is in them, and nothing signs it: whoever can write in the lake can write
one. The log has the digest of each before it is placed, and again that it was placed. So one that was added, changed or
taken away shows. Belongs here: the entries, and holding the lake against them. Does not: whether a part is still the
one that its record names, or whether the log holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from data_contracts.layers.manifests import DispositionRecord, IngestRecord, PartRef
from governance.audit.log import AuditLog, Entry
from governance.lineage.loaded_register import require_loaded_register
from infra.clock import Clock
from infra.errors import RefusedError

if TYPE_CHECKING:
    from data_contracts.layers.placing import Record, Witness
    from infra.identity import Identity
    from infra.lake import Lake

Kind = Literal["ingest", "dispositions"]
_WORD = re.compile(r"[0-9a-z]+")
_NAMED = 3  # parts or records that are named one by one
_TELL = "Tell governance; restore the layer from a backup. Nothing is made from it until then."


def witness_of(audit: AuditLog, identity: Identity, clock: Clock, lake: Lake) -> Witness:
    """Puts each record on record as this person's doing: before it is placed, and once it is.

    Before that the layer, and the camera register by which reads were judged, are held against the log once more:
    whoever places a record has the ROCU's lock, and what was made of records that nobody brought, or by a register that
    nobody loaded, is not to become one that somebody did.
    """

    @contextmanager
    def witness(record: Record, sha256: str) -> Iterator[None]:
        require_on_record(audit, lake, _kind_and_name(record)[0], record.rocu, ())
        if isinstance(record, IngestRecord):
            require_loaded_register(audit, record.rocu, record.register_digest)
        audit.append(_entry(identity, record, sha256, "record"), clock())
        yield
        audit.append(_entry(identity, record, sha256, "placed"), clock())

    return witness


def _kind_and_name(record: Record) -> tuple[Kind, str]:
    if isinstance(record, IngestRecord):
        return "ingest", record.ingest_id
    return "dispositions", record.batch.batch_id


def _entry(identity: Identity, record: Record, sha256: str, what: Literal["record", "placed"]) -> Entry:
    kind, name = _kind_and_name(record)
    batches = record.batches if isinstance(record, IngestRecord) else (record.batch,)
    again = isinstance(record, IngestRecord) and bool(record.supersedes)
    details: dict[str, Any] = {"record": name, "sha256": sha256}
    if what == "record":
        details["batches"] = [batch.batch_id for batch in batches]
    return Entry.by(
        identity,
        action=f"{kind}.{what}",
        operation="alteration" if again else "collection",
        rocu=record.rocu,
        object=f"{kind} record {name}",
        outcome="done",
        details=details,
    )


@dataclass(frozen=True)
class _Logged:
    """What the log has of one record: the digests that its file may have, and the one with which it was placed last."""

    allowed: frozenset[str] = frozenset()
    placed: str | None = None

    def after(self, what: str, sha256: str) -> _Logged:
        """With one entry more: once a record is placed, what was logged of it earlier counts no more."""
        if what == "placed":
            return _Logged(frozenset({sha256}), sha256)
        return _Logged(self.allowed | {sha256}, self.placed)


def _logged(audit: AuditLog, kind: Kind, rocu: str) -> dict[str, _Logged]:
    """What the log has of each record of a kind, by name."""
    found: dict[str, _Logged] = {}
    for row in audit.done(rocu, f"{kind}."):
        what = row.action.removeprefix(f"{kind}.")
        if what in ("record", "placed"):
            name = str(row.details["record"])
            found[name] = found.get(name, _Logged()).after(what, str(row.details["sha256"]))
    return found


def _files(lake: Lake, kind: Kind, rocu: str) -> list[Path]:
    return sorted(lake.folder("ingests" if kind == "ingest" else "dispositions", rocu).glob("*.json"))


@dataclass(frozen=True)
class _Look:
    """The records of one kind as they lay in the lake, content by name, held against a log that was read later.

    So a record that is placed in between is in neither, or is in the log and was not read, which is no fault. What is
    gone is another matter: what the log has as placed lay in the lake before, so the folder is listed after the log.
    """

    kind: Kind
    content: dict[str, bytes]
    logged: dict[str, _Logged]
    gone: tuple[str, ...]

    @classmethod
    def at(cls, audit: AuditLog, lake: Lake, kind: Kind, rocu: str) -> _Look:
        content = {}
        for path in _files(lake, kind, rocu):
            with suppress(FileNotFoundError):  # if the log has it, it is gone
                content[path.stem] = path.read_bytes()
        logged = _logged(audit, kind, rocu)
        there = {path.stem for path in _files(lake, kind, rocu)}
        placed = {name for name, said in logged.items() if said.placed is not None}
        return cls(kind, content, logged, tuple(sorted(placed - there)))

    def strange(self) -> list[str]:
        """Records that are not as the log has them."""
        return [name for name in self.content if self._sha256(name) not in self._said(name).allowed]

    def not_yet_placed(self) -> dict[str, Record]:
        """Records as the log has them, but for that they were placed: what a kill in between leaves."""
        return {
            sha256: self._form.model_validate_json(self.content[name])
            for name, sha256 in ((name, self._sha256(name)) for name in self.content)
            if sha256 in self._said(name).allowed and sha256 != self._said(name).placed
        }

    def unknown(self, parts: Sequence[PartRef]) -> list[str]:
        """Which of these parts no record names; those whose name is in a part's path are asked first."""
        left = {(part.path, part.sha256) for part in parts}
        words = {word for path, _ in left for word in _WORD.findall(path)}
        for name in sorted(self.content, key=lambda name: name not in words):
            if not left:
                break
            left -= {(part.path, part.sha256) for part in self.parts(name)}
        return [path for path, _ in sorted(left)]

    def parts(self, name: str) -> tuple[PartRef, ...]:
        """What a record names; nothing if it is none."""
        try:
            return self._form.model_validate_json(self.content[name]).parts
        except ValidationError:
            return ()

    @property
    def _form(self) -> type[IngestRecord] | type[DispositionRecord]:
        return IngestRecord if self.kind == "ingest" else DispositionRecord

    def _said(self, name: str) -> _Logged:
        return self.logged.get(name, _Logged())

    def _sha256(self, name: str) -> str:
        return hashlib.sha256(self.content[name]).hexdigest()


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
    look = _Look.at(audit, lake, kind, rocu)
    if look.strange():
        # one of findings may have been placed anew after it was read and before the log was
        look = _Look.at(audit, lake, kind, rocu)
    if strange := look.strange():
        brought = [part.path for name in strange for part in look.parts(name)]
        raise _refusal(kind, rocu, f"not as the audit log has them: {_named(strange)}. They name: {_named(brought)}")
    if look.gone:
        raise _refusal(kind, rocu, f"on record in the audit log and gone from the lake: {_named(look.gone)}")
    if unknown := look.unknown(parts):
        raise _refusal(kind, rocu, f"another than a moment ago; no longer in any: {_named(unknown)}")


def complete_record(
    audit: AuditLog,
    lake: Lake,
    kind: Kind,
    rocu: str,
    identity: Identity,
    clock: Clock,
    held: Callable[[], AbstractContextManager[None]],
) -> tuple[Record, ...]:
    """Log that records are placed which the log has and the lake holds: those whose step was killed in between.

    Without that entry nobody would notice if they were taken away.

    Args:
        audit: The log; the caller has seen that it holds.
        lake: Where the records are.
        kind: Reads, or findings.
        rocu: Code of the ROCU.
        identity: Who acts.
        clock: Gives the time.
        held: The ROCU's lock; taken only if there is something to log, since nobody is then at work on it.

    Returns:
        The records of which it was logged.
    """
    if not _Look.at(audit, lake, kind, rocu).not_yet_placed():
        return ()
    with held():
        missing = _Look.at(audit, lake, kind, rocu).not_yet_placed()
        for sha256, record in missing.items():
            audit.append(_entry(identity, record, sha256, "placed"), clock())
    return tuple(missing.values())


def _refusal(kind: Kind, rocu: str, what: str) -> RefusedError:
    layer = "ingest" if kind == "ingest" else "findings"
    return RefusedError(f"Records of {layer} of {rocu} are {what}.", _TELL)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(Path(name).as_posix() for name in names[:_NAMED]) or "no parts") + more
