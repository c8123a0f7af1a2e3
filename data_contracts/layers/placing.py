"""How a record gets to its place, the commit point of an ingest: whoever is to witness it hears of it before and after.

So whoever keeps a log can have it there, with its digest, before any reader can see it. Belongs here: that. Does not:
what a record says (`manifests`), what the witness does with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from data_contracts.layers.manifests import DispositionRecord, IngestRecord
from infra.lake import write_text

Record = IngestRecord | DispositionRecord
Witness = Callable[[Record, str], AbstractContextManager[None]]
"""(record, SHA-256 of its file) to a block in which it is placed; what the block refuses to enter is not placed."""


def unwitnessed(record: Record, sha256: str) -> AbstractContextManager[None]:
    """Nobody witnesses it."""
    return nullcontext()


def place_record(target: Path, record: Record, witness: Witness) -> None:
    """Put a record in place, whole or not at all, within the witness's block.

    Raises:
        FaultError: No space is left.
    """
    text = record.model_dump_json(indent=1)
    with witness(record, hashlib.sha256(text.encode()).hexdigest()):
        write_text(target, text)
