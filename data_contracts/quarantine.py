"""The quarantine for people: how many rows lie there for which rule, camera and feed, and what single rows look like.

Belongs here: counts and samples over the judgements that hold. Does not: letting rows out, which is judging them again
(requalify). There are no raw VRMs in the layer, so none can come out of it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import duckdb

from data_contracts.contract.document import load_contract
from data_contracts.intake.id_columns import UNREGISTERED, WITHHELD
from data_contracts.intake.swapped import COLUMNS_LOOK_SWAPPED
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.moved_rows import Asked
from data_contracts.judgement.verdicts import BATCH_FAILED
from data_contracts.layers.manifests import BatchManifest, Frozen, IngestRecord
from data_contracts.layers.reads import standing_batches
from infra.engine import literal, open_engine, parquet_list
from infra.errors import FaultError, WrongInputError
from infra.lake import Lake
from infra.settings import Settings

Grouping = Literal["rule", "camera", "feed", "batch"]
_GROUPED = {"rule": "unnest(rules)", "camera": "camera_id", "feed": "feed_id", "batch": "batch_id"}
_CODES = {"camera": UNREGISTERED, "feed": WITHHELD}


@dataclass(frozen=True)
class Span:
    """Days of capture, both included; None leaves that side open.

    A row whose capture time cannot be read belongs to the days of its batch.
    """

    start: date | None = None
    end: date | None = None

    @property
    def first(self) -> date:
        """The first day."""
        return self.start or date.min

    @property
    def last(self) -> date:
        """The last day."""
        return self.end or date.max


class Held(Frozen):
    """Rows in quarantine that have something in common.

    Args:
        value: The rule, camera, feed or batch; None where rows have none, or one that is withheld. The mark alone of
            codes (`unregistered:`, `withheld:`) where the codes of failed and of swapped batches are counted together.
        rows: How many.
        batches: In how many batches.
        first: First day of capture among them.
        last: Last day of capture among them.
        codes: How many different codes are counted together.
    """

    value: str | None
    rows: int
    batches: int
    first: date | None
    last: date | None
    codes: int = 0


class Sample(Frozen):
    """One row in quarantine. `vehicle` is a token; `rules` are all that the row broke."""

    batch_id: str
    delivered_as: str
    row_no: int
    rules: tuple[str, ...]
    vehicle: str | None
    camera_id: str | None
    feed_id: str | None
    captured_at: datetime | None


def count_quarantine(
    settings: Settings, lake: Lake, rocu: str, by: Grouping, span: Span, asked: Asked
) -> tuple[Held, ...]:
    """Rows in quarantine by rule, camera, feed or batch, most first. A row that broke two rules counts for both.

    A file whose columns were swapped has a code for each of its vehicles in the place of a camera, and one that failed
    may have as many: those of all such batches are one group.
    """
    with _held(settings, lake, rocu, span) as connection:
        condition, values = asked.coded(settings, rocu).condition()
        found = connection.execute(
            f"""SELECT value, count(*) AS rows, count(DISTINCT batch_id), min(captured_at)::DATE,
                    max(captured_at)::DATE, count(DISTINCT code)
                FROM ({_grouped(by, condition)}) GROUP BY value ORDER BY rows DESC, value""",
            values,
        ).fetchall()
    names = ("value", "rows", "batches", "first", "last", "codes")
    return tuple(Held(**dict(zip(names, row, strict=True))) for row in found)


def _grouped(by: Grouping, condition: str) -> str:
    column = _GROUPED[by]
    if by not in _CODES:
        return f"SELECT {column} AS value, batch_id, captured_at, NULL AS code FROM held WHERE {condition}"
    mark = literal(_CODES[by])
    return f"""SELECT CASE WHEN code IS NULL THEN {column} ELSE {mark} END AS value, batch_id, captured_at, code
        FROM (SELECT *, CASE WHEN together AND starts_with({column}, {mark}) THEN {column} END AS code
            FROM held WHERE {condition})"""


def count_rows(settings: Settings, lake: Lake, rocu: str, span: Span, asked: Asked) -> int:
    """How many rows lie in quarantine; each counts once."""
    with _held(settings, lake, rocu, span) as connection:
        condition, values = asked.coded(settings, rocu).condition()
        ((rows,),) = connection.execute(f"SELECT count(*) FROM held WHERE {condition}", values).fetchall()
    return int(rows)


def sample_quarantine(
    settings: Settings, lake: Lake, rocu: str, span: Span, asked: Asked, limit: int
) -> tuple[Sample, ...]:
    """Some rows in quarantine, by batch and row number."""
    names = {batch.batch_id: batch.delivered_as for _, batch in standing_batches(lake, rocu)}
    with _held(settings, lake, rocu, span) as connection:
        condition, values = asked.coded(settings, rocu).condition()
        found = connection.execute(
            f"""SELECT batch_id, row_no, rules, vehicle, camera_id, feed_id, captured_at FROM held WHERE {condition}
                ORDER BY batch_id, row_no LIMIT {int(limit)}""",
            values,
        ).fetchall()
    columns = ("batch_id", "row_no", "rules", "vehicle", "camera_id", "feed_id", "captured_at")
    return tuple(Sample(delivered_as=names[row[0]], **dict(zip(columns, row, strict=True))) for row in found)


def records_holding(settings: Settings, lake: Lake, rocu: str, span: Span, asked: Asked) -> dict[str, int]:
    """Rows in quarantine that are meant, by the id of the standing record that holds them."""
    with _held(settings, lake, rocu, span) as connection:
        condition, values = asked.coded(settings, rocu).condition()
        return dict(
            connection.execute(
                f"SELECT ingest_id, count(*) FROM held WHERE {condition} GROUP BY ingest_id ORDER BY ingest_id", values
            ).fetchall()
        )


def require_known(lake: Lake, rocu: str, asked: Asked) -> None:
    """Refuse a rule or a batch that the ROCU never had, so that a slip of the pen is no clean quarantine.

    Raises:
        WrongInputError: Names the rules that there are.
    """
    standing = [batch for _, batch in standing_batches(lake, rocu)]
    rules = {rule.name for rule in load_contract("reads").rules(IngestLimits()) if rule.table != "batches"}
    rules |= {rule for batch in standing for rule in batch.rules} | {BATCH_FAILED}
    if asked.rule is not None and asked.rule not in rules:
        raise WrongInputError("No rule has that name.", f"Give one of: {', '.join(sorted(rules))}.")
    if asked.batch is not None and asked.batch not in {batch.batch_id for batch in standing}:
        raise WrongInputError(
            f"{rocu} has no batch of that id.", "Give a batch id as `quarantine list --by batch` does."
        )


@contextmanager
def _held(settings: Settings, lake: Lake, rocu: str, span: Span) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `held`: the quarantine layer and `ingest_id`, of the judgements that hold, once each.

    Raises:
        FaultError: A part that a record names is not there.
    """
    standing = standing_batches(lake, rocu)
    with open_engine(settings) as connection:
        connection.execute(
            """CREATE TABLE standing (
                file VARCHAR, ingest_id VARCHAR, batch_id VARCHAR, of_days BOOLEAN, together BOOLEAN)"""
        )
        rows = [row for record, batch in standing for row in _listed(lake, record, batch, span)]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            connection.execute(
                f"INSERT INTO standing SELECT {', '.join(f'unnest(${place + 1})' for place in range(5))}", columns
            )
        connection.execute(f"CREATE VIEW held AS {_select(sorted({row[0] for row in rows}), span)}")
        yield connection


def _listed(
    lake: Lake, record: IngestRecord, batch: BatchManifest, span: Span
) -> Iterator[tuple[str, str, str, bool, bool]]:
    swapped = any(reason.startswith(f"{COLUMNS_LOOK_SWAPPED}:") for reason in batch.reasons)
    of_days = not batch.dates or any(span.first <= day <= span.last for day in batch.dates)
    for part in record.parts:
        if part.layer == "quarantine":
            path = lake.root / part.path
            if not path.is_file():
                raise FaultError(
                    f"A part of the quarantine is missing: {path.name}.",
                    "Restore the lake from a backup, or judge its batches again: findprofile requalify.",
                )
            yield str(path), record.ingest_id, batch.batch_id, of_days, batch.verdict == "failed" or swapped


def _select(paths: list[str], span: Span) -> str:
    columns = "batch_id, row_no, rules, vehicle, camera_id, captured_at, feed_id"
    if not paths:
        return f"""SELECT {columns}, ''::VARCHAR AS ingest_id, false AS together FROM (SELECT '' AS batch_id,
            0 AS row_no, []::VARCHAR[] AS rules, '' AS vehicle, '' AS camera_id, TIMESTAMP 'epoch' AS captured_at,
            '' AS feed_id) WHERE false"""
    sides = [f"captured_at::DATE >= DATE '{span.start}'"] * (span.start is not None)
    sides += [f"captured_at::DATE <= DATE '{span.end}'"] * (span.end is not None)
    return f"""SELECT {columns}, standing.ingest_id, standing.together
        FROM read_parquet({parquet_list(paths)}, filename = 'file', hive_partitioning = false)
        JOIN standing USING (file, batch_id)
        WHERE coalesce({" AND ".join(sides) or "true"}, standing.of_days)"""
