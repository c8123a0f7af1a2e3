"""Which rows of a file of findings broke which rule, and what the rule asks: for whoever has to correct the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_contracts.layers.manifests import DispositionRecord
    from infra.lake import Lake

ROWS_TOLD = 5


def faulty_rows(lake: Lake, record: DispositionRecord) -> str:
    """The first rows of a file that were set apart, by their numbers, and what the broken rules ask; empty if none.

    Rows count from 1 below the header line.
    """
    import pyarrow.parquet as pq

    from data_contracts.contract.document import load_contract

    rows: list[tuple[int, str]] = []
    for part in record.parts:
        if part.layer == "quarantine":
            held = pq.read_table(lake.root / part.path, columns=["row_no", "rules"], partitioning=None)
            rows += [(row["row_no"], rule) for row in held.to_pylist() for rule in row["rules"]]
    asked = {rule.name: rule.description.strip() for rule in load_contract("dispositions").written_rules}
    broken = sorted((row, rule) for row, rule in rows if rule in asked)
    if not broken:
        return ""
    told = "; ".join(f"row {row}: {rule}" for row, rule in broken[:ROWS_TOLD])
    more = f"; and {len(broken) - ROWS_TOLD:,} more" if len(broken) > ROWS_TOLD else ""
    why = " ".join(f"{rule}: {asked[rule]}" for rule in dict.fromkeys(rule for _, rule in broken))
    return f"{record.batch.delivered_as}: {told}{more}. {why}"
