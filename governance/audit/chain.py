"""The arithmetic of the chain: how a row is hashed, and what kind of change a broken link shows.

Pure functions over stored rows; the database is somewhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from governance.audit.tables import CHAIN_START, COLUMNS
from governance.canonical import canonical_json

How = Literal["changed", "removed", "inserted", "reordered", "cut off", "unwitnessed", "unsigned", "unprotected"]
Stored = Mapping[str, Any]

# what the hash covers, in the order of canonical JSON; plain strings, for the fast encoder takes no others
HASHED: tuple[str, ...] = tuple(sorted("".join(name) for name in COLUMNS if name not in ("hash", "signature")))


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong: at which row, what kind of change, in one sentence."""

    seq: int
    how: How
    what: str


def row_digest(row: Stored) -> str:
    """SHA-256 of the canonical JSON of every column but `hash` and its `signature`, for a row that is written.

    `previous_hash` among them makes the chain; `signer` among them, that a row cannot be given to another machine.

    Raises:
        TypeError: Something in the row is not JSON.
        ValueError: A number is none, or a text is not Unicode.
    """
    said = {name: value for name, value in row.items() if name not in ("hash", "signature")}
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def digest_of_read(row: Stored) -> str | None:
    """The digest of a row that was read; `None` if no row can have been written like it."""
    try:
        return row_digest(row)
    except (TypeError, ValueError):
        return None


def holds(values: Sequence[Any], row_hash: str) -> bool:
    """Whether values, in the order of `HASHED`, have this hash.

    The fast encoder decides alone when it agrees: no other content has the hash, however it was spelled. When it does
    not, canonical JSON has the last word.
    """
    said = dict(zip(HASHED, values, strict=False))
    try:
        if hashlib.sha256(orjson.dumps(said)).hexdigest() == row_hash:
            return True
    except TypeError:
        return False
    return digest_of_read(said) == row_hash


def explain_break(
    row: Stored,
    previous: str,
    expected: int,
    following: Stored | None,
    last_seq: int,
    seq_of_hash: Callable[[str], int | None],
) -> Problem:
    """Say what was done to the log, given the first row that does not fit.

    Args:
        row: The first row that does not fit.
        previous: The hash of the row before it.
        expected: The seq that should stand here.
        following: The row after it, if there is one.
        last_seq: The highest seq in the table.
        seq_of_hash: Where in the table a hash stands now.
    """
    if row["seq"] != expected:
        gone = f"row {expected}" if row["seq"] == expected + 1 else f"rows {expected} to {row['seq'] - 1}"
        return Problem(expected, "removed", f"{gone} of the audit log is missing.")
    if digest_of_read(row) == row["hash"]:
        return _does_not_follow(expected)
    origin = next((seq for seq in range(1, last_seq + 1) if digest_of_read({**row, "seq": seq}) == row["hash"]), None)
    if origin is None:
        if following is not None and following["previous_hash"] == previous:
            return Problem(expected, "inserted", f"Row {expected} of the audit log was put in later.")
        return Problem(expected, "changed", f"Row {expected} of the audit log does not match its own hash.")
    linked = 0 if row["previous_hash"] == CHAIN_START else seq_of_hash(row["previous_hash"])
    if linked is None:
        return Problem(expected, "removed", f"A row before row {expected} of the audit log is missing.")
    if linked < expected - 1 and origin < expected:
        return Problem(expected - 1, "inserted", f"Row {expected - 1} of the audit log was put in later.")
    return Problem(expected, "reordered", f"Row {expected} of the audit log was written as row {origin}.")


def _does_not_follow(expected: int) -> Problem:
    if expected == 1:
        return Problem(1, "removed", "The audit log does not start with its first row.")
    return Problem(
        expected - 1,
        "changed",
        f"Row {expected - 1} of the audit log was rewritten: row {expected} does not follow it.",
    )
