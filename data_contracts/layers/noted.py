"""The layer `notes` for people: how many notes of which kind a batch has, single ones, and those about one vehicle.

Parts from before a column was written are read as if it were empty. Belongs here: reading, and what a cause means in
words. Does not: what is noted (across_rows). There are no raw VRMs in the layer, so none can come out of it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta

import duckdb

from data_contracts.across_rows.notes import NOTE_COLUMNS
from data_contracts.layers.batch_counts import wanted_rows, with_columns
from data_contracts.layers.history import Judged
from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import require_parts
from infra.engine import parquet_list
from infra.lake import Lake

IMPOSSIBLE_SPEED = "impossible_speed"
EXAMPLES = 3
CONFUSIONS_TOLD = 5
_COUNTED = {name: NOTE_COLUMNS[name] for name in ("batch_id", "row_no", "rule", "cause", "confusion")}
CAUSES = {
    "repair": "a known plate is one confusion away",
    "undecided": "either of the two may be right",
    "known_format": "the other has a known format",
    "read_more_often": "the other is read more often",
    "higher_confidence": "the other was read with more confidence",
    "vehicle_misread": "a misread plate",
    "vehicle_clone": "a cloned plate",
    "camera_clock": "the camera's clock",
    "camera_place": "the camera's registered place",
    "camera_clock_or_place": "the camera's clock or its registered place, which of the two cannot be told",
    "rarer_make": "another make than most of its reads say",
    "rarer_model": "another model than most of its reads say",
    "rarer_colour": "another colour than most of its reads say",
}


@dataclass(frozen=True)
class Note:
    """What a rule across rows noted beside one accepted read.

    Args:
        batch_id: With `row_no` the read.
        cause: A word, or several with `+` between; `cause_in_words` says what it means.
        confusion: What was read for what, such as `8/B`; None if no other VRM is meant, or from before it was kept.
        vehicle: Token of the read.
        other_vehicle: Token of the vehicle that it may have been; None if none is suggested.
        other_batch_id: With `other_row_no` the read that it was found against, if there is one.
        score: From 0 to 1, how sure the cause is.
        value: What was measured: km/h of an impossible speed, else seconds apart.
        captured_at: Aware, UTC.
    """

    batch_id: str
    row_no: int
    rule: str
    cause: str
    confusion: str | None
    vehicle: str
    camera_id: str
    other_vehicle: str | None
    other_batch_id: str | None
    other_row_no: int | None
    score: float
    value: float | None
    captured_at: datetime

    @property
    def reason(self) -> str:
        """The cause in words, and which characters were taken for which."""
        said = cause_in_words(self.cause)
        return f"{said}; {confusion_in_words(self.confusion)}" if self.confusion else said

    @property
    def measured(self) -> str:
        """The value with its unit; empty if nothing was measured."""
        if self.value is None:
            return ""
        return f"{self.value:,.0f} {'km/h' if self.rule == IMPOSSIBLE_SPEED else 's apart'}"


@dataclass(frozen=True)
class NoteCount:
    """Notes of one rule with one cause: about how many reads, and the confusions named most often, most first."""

    rule: str
    cause: str
    reads: int
    notes: int
    confusions: tuple[tuple[str, int], ...]


def cause_in_words(cause: str) -> str:
    """What a cause means; a word that is not known is given back as it is."""
    return ", ".join(CAUSES.get(word, word.replace("_", " ")) for word in cause.split("+"))


def confusion_in_words(confusion: str) -> str:
    """`8/B+I/1` as `8 read for B, I read for 1`."""
    return ", ".join(" read for ".join(pair.split("/")) for pair in confusion.split("+"))


def count_notes(lake: Lake, judged: Sequence[Judged]) -> tuple[NoteCount, ...]:
    """The notes of these judgements by rule and cause, most reads first.

    Raises:
        FaultError: A part that a record names is not there.
    """
    with duckdb.connect() as connection:
        if wanted_rows(connection, lake, judged, "notes", _COUNTED) is None:
            return ()
        confused = connection.execute(
            """SELECT rule, cause, confusion, count(*) FROM notes WHERE confusion IS NOT NULL
                GROUP BY ALL ORDER BY count(*) DESC, confusion"""
        ).fetchall()
        found = connection.execute(
            """SELECT rule, cause, count(DISTINCT (batch_id, row_no)) AS reads, count(*) FROM notes
                GROUP BY ALL ORDER BY reads DESC, rule, cause"""
        ).fetchall()
    named: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for rule, cause, said, times in confused:
        named.setdefault((rule, cause), []).append((said, times))
    return tuple(
        NoteCount(rule, cause, reads, notes, tuple(named.get((rule, cause), ())[:CONFUSIONS_TOLD]))
        for rule, cause, reads, notes in found
    )


def example_notes(lake: Lake, judged: Sequence[Judged], most: int = EXAMPLES) -> tuple[Note, ...]:
    """The surest notes of each rule and cause, at most so many, by rule and cause.

    Raises:
        FaultError: A part that a record names is not there.
    """
    with duckdb.connect() as connection:
        if wanted_rows(connection, lake, judged, "notes", NOTE_COLUMNS) is None:
            return ()
        return _fetched(
            connection,
            f"""FROM notes QUALIFY row_number() OVER (
                    PARTITION BY rule, cause ORDER BY score DESC, batch_id, row_no, other_vehicle) <= {int(most)}
                ORDER BY rule, cause, score DESC, batch_id, row_no, other_vehicle""",
        )


def notes_about(
    connection: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], vehicle: str, first: date, last: date
) -> tuple[Note, ...]:
    """Notes about reads of a vehicle, and about reads of others that may have been it, by time.

    Args:
        connection: Gives threads and memory; nothing is made on it.
        lake: Where the parts are.
        parts: Parts of the layer.
        vehicle: The token.
        first: First UTC day of capture.
        last: Last one, included.

    Raises:
        FaultError: A part that a record names is not there.
    """
    if not parts:
        return ()
    source = with_columns(parquet_list([str(path) for path in require_parts(lake, parts)]), NOTE_COLUMNS)
    return _fetched(
        connection,
        f"""FROM {source} WHERE $1 IN (vehicle, other_vehicle) AND captured_at >= $2 AND captured_at < $3
            ORDER BY captured_at, batch_id, row_no, rule, score DESC, other_vehicle""",
        [vehicle, first, last + timedelta(days=1)],
    )


def _fetched(connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> tuple[Note, ...]:
    columns = ", ".join(field.name for field in fields(Note))
    rows = connection.execute(f"SELECT {columns} {query}", list(values)).fetchall()
    found = (Note(*row) for row in rows)
    return tuple(replace(note, captured_at=note.captured_at.replace(tzinfo=UTC)) for note in found)
