"""Rejected reads that are as good as accepted ones but for their clock: what a camera whose clock is fast sends.

A read that was captured more than some minutes after its receipt, or after now, is rejected; of such a camera there may
be no others. Belongs here: which rows of the quarantine travel times are judged from. Does not: judging them (travel).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb

from data_contracts.contract.document import load_contract
from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.verdicts import BATCH_FAILED
from data_contracts.layers.manifests import BatchManifest, IngestRecord, PartRef
from data_contracts.layers.reads import require_parts, standing_batches, touches
from data_contracts.registers.cameras import current_register, register_table
from infra.engine import literal, parquet_list
from infra.lake import Lake

CLOCK_RULES = ("captured_after_receipt", "captured_in_future")
_COLUMNS = {
    "batch_id": "VARCHAR",
    "row_no": "BIGINT",
    "vehicle": "VARCHAR",
    "captured_at": "TIMESTAMP",
    "camera_id": "VARCHAR",
    "site_id": "VARCHAR",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
}
_Held = tuple[IngestRecord, BatchManifest]


def rejected_batches(lake: Lake, rocu: str, first: date, last: date) -> tuple[_Held, ...]:
    """Batches of these days (both inclusive) of which rejected reads count, in the judgement that holds.

    Those with rows that broke a rule of the clock, and those that failed, which may be for one camera's clock; of the
    failed not those in whose place another was delivered.
    """
    standing = standing_batches(lake, rocu)
    followed = {batch.replaces for _, batch in standing if batch.replaces != batch.batch_id}
    return tuple(
        (record, batch)
        for record, batch in standing
        if touches(batch, first, last)
        and (batch.batch_id not in followed if batch.verdict == "failed" else _with_wrong_clock(batch))
    )


def rejected_parts(held: Sequence[_Held]) -> tuple[PartRef, ...]:
    """The parts in which rejected reads of these batches lie, among others."""
    found = (part for record, _ in held for part in record.parts if part.layer == "quarantine")
    return tuple(dict.fromkeys(found))


def rejected_rows(held: Sequence[_Held]) -> int:
    """How many rows of these batches may be looked at; at most."""
    return sum(batch.rows if batch.verdict == "failed" else _with_wrong_clock(batch) for _, batch in held)


def make_rejected_clocks(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    first: date,
    last: date,
    held: Sequence[_Held],
    sampled: str,
) -> None:
    """Make the table `rejected_clocks`: reads that broke no rule but those of the clock, with their place.

    That their batch failed, or that a rule only warns, is no rule that they broke. Places are those of the register as
    it stands; rows of other cameras, and of which the time or vehicle is not kept any more, are left out.

    Args:
        connection: Any database; the table `register` is made in it.
        lake: The lake.
        rocu: The region.
        first: First day (UTC) of capture.
        last: Last day.
        held: Of `rejected_batches`.
        sampled: SQL over `vehicle`: which vehicles are looked at.

    Raises:
        FaultError: A part that a record names is not there.
    """
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rejected_clocks ({columns})")
    files = _files(lake, held)
    if not files:
        return
    register_table(connection, lake, current_register(lake, rocu))
    connection.execute("CREATE OR REPLACE TEMP TABLE rejected_held (file VARCHAR, batch_id VARCHAR)")
    connection.execute(
        "INSERT INTO rejected_held SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
        [list(column) for column in zip(*files, strict=True)],
    )
    connection.execute(
        f"""INSERT INTO rejected_clocks
            SELECT batch_id, row_no, vehicle, captured_at, camera_id, site_id, latitude, longitude
            FROM read_parquet({parquet_list(sorted({file for file, _ in files}))}, filename = 'file',
                hive_partitioning = false) AS quarantined
            JOIN rejected_held USING (file, batch_id) JOIN register USING (camera_id)
            WHERE captured_at >= TIMESTAMP '{first}' AND captured_at < TIMESTAMP '{last + timedelta(days=1)}'
                AND captured_at >= valid_from AND captured_at < coalesce(valid_to, TIMESTAMP '9999-01-01')
                AND {sampled} AND list_has_all({_tolerated()}, rules)"""
    )


def _with_wrong_clock(batch: BatchManifest) -> int:
    return sum(batch.rules.get(rule, 0) for rule in CLOCK_RULES)


def _files(lake: Lake, held: Sequence[_Held]) -> list[tuple[str, str]]:
    found: list[tuple[PartRef, str]] = [
        (part, batch.batch_id) for record, batch in held for part in record.parts if part.layer == "quarantine"
    ]
    require_parts(lake, tuple(dict.fromkeys(part for part, _ in found)))
    return [(str(lake.root / part.path), batch_id) for part, batch_id in found]


def _tolerated() -> str:
    """SQL for the list of rules that a read may have broken."""
    warned = (rule.name for rule in load_contract("reads").rules(IngestLimits()) if rule.severity == "warn")
    return f"[{', '.join(literal(name) for name in (*CLOCK_RULES, BATCH_FAILED, *warned))}]"
