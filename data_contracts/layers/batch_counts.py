"""Counts of judged rows by camera, feed and force, from the layers that an ingest writes beside the reads.

`rule_counts` says how many rows broke each rule; `camera_hours` how many rows there were, of those whose camera is
registered and whose time can be read. Belongs here: adding these up. Does not: writing them, what is broken (verdicts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from data_contracts.layers.history import Judged
from data_contracts.layers.manifests import Layer
from infra.engine import parquet_list
from infra.errors import FaultError
from infra.lake import Lake

By = Literal["camera_id", "feed_id", "force"]
LATENESS_BINS = 24
# tables of the contract whose rows are whole batches; a rule about any other table is counted in the reads concerned
BATCH_TABLES = frozenset({"batches", "accepted_batches"})


@dataclass(frozen=True)
class Rows:
    """Rows of one camera, feed or force. `lateness` counts accepted rows by log2 of the seconds from capture on."""

    accepted: int
    rejected: int
    duplicates: int
    lateness: tuple[int, ...]

    @property
    def rows(self) -> int:
        """All of them."""
        return self.accepted + self.rejected + self.duplicates


def broken_rows(lake: Lake, judged: Sequence[Judged], by: By) -> dict[tuple[str, str | None], int]:
    """How many rows broke each rule, by (rule, name); the name is None where a row has none that may be told."""
    with duckdb.connect() as connection:
        source = wanted_rows(connection, lake, judged, "rule_counts")
        if source is None:
            return {}
        found = connection.execute(f"SELECT rule, {by}, sum(rows)::BIGINT FROM {source} GROUP BY ALL").fetchall()
    return {(rule, name): rows for rule, name, rows in found}


def judged_rows(lake: Lake, judged: Sequence[Judged], by: By) -> dict[str | None, Rows]:
    """How many rows there were, by name; empty for judgements from before rows were counted.

    Rejected rows are counted in quarantine, which has them all; by force in `camera_hours`, which leaves out those
    whose camera is not registered or whose time cannot be read: no force could be told for them.
    """
    bins = ", ".join(f"coalesce(sum(lateness_bins[{number + 1}]), 0)::BIGINT" for number in range(LATENESS_BINS))
    with duckdb.connect() as connection:
        hours = wanted_rows(connection, lake, judged, "camera_hours")
        if hours is None and any(one.batch.accepted for one in judged):
            return {}
        apart = wanted_rows(connection, lake, judged, "quarantine") if by != "force" else None
        rejected = "0" if apart else "rejected"
        sources = [f"SELECT {by}, accepted, {rejected}, duplicates, lateness_bins FROM {hours}"] if hours else []
        if apart:
            sources.append(f"SELECT {by}, 0, 1, 0, NULL::BIGINT[] FROM {apart}")
        if not sources:
            return {}
        found = connection.execute(
            f"""SELECT {by}, sum(accepted)::BIGINT, sum(rejected)::BIGINT, sum(duplicates)::BIGINT, [{bins}]
                FROM ({" UNION ALL ".join(sources)}) AS counted ({by}, accepted, rejected, duplicates, lateness_bins)
                GROUP BY ALL"""
        ).fetchall()
    return {name: Rows(accepted, rejected, doubled, tuple(late)) for name, accepted, rejected, doubled, late in found}


def has_counts(judged: Judged) -> bool:
    """Whether the ingest that judged the batch counted by camera and force, or had nothing to count."""
    written = any(part.layer == "rule_counts" for part in judged.record.parts)
    return written or not any(batch.rules or batch.verdict == "failed" for batch in judged.record.batches)


def wanted_rows(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    judged: Sequence[Judged],
    layer: Layer,
    columns: Mapping[str, str] | None = None,
) -> str | None:
    """Make a table, named as the layer, of its rows about exactly these judgements.

    Args:
        connection: Gets the table.
        lake: Where the parts are.
        judged: The judgements.
        layer: The layer.
        columns: Its columns and their types, where parts may be from before one of them; None takes them as they are.

    Returns:
        Its name; None if no part has any row.

    Raises:
        FaultError: A part that a record names is not there.
    """
    wanted = {
        (str(lake.root / part.path), one.batch.batch_id)
        for one in judged
        for part in one.record.parts
        if part.layer == layer
    }
    paths = sorted({path for path, _ in wanted})
    if not paths:
        return None
    connection.execute(f"CREATE TABLE wanted_{layer} (filename VARCHAR, batch_id VARCHAR)")
    connection.execute(
        f"INSERT INTO wanted_{layer} SELECT unnest(?), unnest(?)",
        [[path for path, _ in wanted], [name for _, name in wanted]],
    )
    source = f"read_parquet({parquet_list(paths)}, filename = true, hive_partitioning = false)"
    if columns is not None:
        source = with_columns(parquet_list(paths), {**columns, "filename": "VARCHAR"})
    try:
        connection.execute(
            f"""CREATE TABLE {layer} AS
                SELECT counted.* EXCLUDE (filename)
                FROM {source} AS counted SEMI JOIN wanted_{layer} USING (filename, batch_id)"""
        )
    except duckdb.IOException:
        raise FaultError(
            f"A part of the {layer} layer that a record names is missing.", "Restore the lake from a backup."
        ) from None
    return layer


def with_columns(paths: str, columns: Mapping[str, str]) -> str:
    """SQL for parts of a layer, with NULL in a column that a part is too old to have.

    Args:
        paths: SQL for the list of files.
        columns: The layer's columns and their types, and `filename` if that is wanted.
    """
    named = ", ".join(f"{name}::{kind} AS {name}" for name, kind in columns.items())
    blank = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
    return f"""(SELECT {named} FROM (
        SELECT {blank} WHERE false
        UNION ALL BY NAME
        FROM read_parquet({paths}, union_by_name = true, filename = true, hive_partitioning = false)))"""
