"""Whether a file is for the most part one that was delivered before: the same reads, though its bytes are others.

Rows that lie within the duplicate limit of accepted reads of another batch collapse as duplicates, row by row; here it
is said of the file as a whole, so that one delivered again with a row changed is known as what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import duckdb

from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.neighbours import make_neighbours
from infra.lake import Lake

REPEATS_BATCH = "repeats_batch"
# neighbouring files share a few reads where they meet; a file that was edited shares nearly all
REPEATED_SHARE = 0.5
_COUNTED = f"""
    WITH twice AS (
        SELECT batch_no, batch_id, row_no, vehicle_no, camera_id, captured_at
        FROM doubled SEMI JOIN suspected USING (batch_no) JOIN named USING (batch_no)),
    stood AS (
        SELECT batch_id, vehicle_no, camera_id, captured_at FROM reads_repeated
        UNION ALL
        SELECT batch_id, vehicle_no, camera_id, captured_at FROM candidates JOIN named USING (batch_no)),
    nearest AS (
        SELECT twice.batch_no, twice.row_no,
            min({{'away': abs(epoch_us(twice.captured_at) - epoch_us(stood.captured_at)), 'id': stood.batch_id}}).id
                AS repeated
        FROM twice JOIN stood ON stood.vehicle_no = twice.vehicle_no AND stood.camera_id = twice.camera_id
            AND stood.captured_at BETWEEN twice.captured_at - $reach AND twice.captured_at + $reach
            AND stood.batch_id <> twice.batch_id
        GROUP BY twice.batch_no, twice.row_no),
    counted AS (SELECT batch_no, repeated, count(*) AS repeats FROM nearest GROUP BY batch_no, repeated)
    SELECT batch_no, repeated, repeats FROM counted JOIN suspected USING (batch_no)
    QUALIFY sum(repeats) OVER (PARTITION BY batch_no) >= {REPEATED_SHARE} * rows
    ORDER BY batch_no, repeats DESC, repeated"""


def find_repeats(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    rocu: str,
    limits: IngestLimits,
    superseded: Collection[str] = (),
) -> dict[int, dict[str, int]]:
    """Which batches repeat others, and how many of their rows each. Needs `candidates`, `doubled`, `vehicles`, `named`.

    Only batches of which at least half of what could be accepted is doubled are looked at. A row that more than one
    batch has already counts for the one whose read is nearest in time.

    Returns:
        `batch_no` to batch id to rows. A batch that is not for the most part repeated is left out.
    """
    connection.execute(
        f"""CREATE TABLE suspected AS
            WITH counted AS (
                SELECT batch_no, true AS again, count(*) AS reads FROM doubled GROUP BY batch_no
                UNION ALL SELECT batch_no, false, count(*) FROM candidates GROUP BY batch_no)
            SELECT batch_no, sum(reads)::BIGINT AS rows FROM counted
            GROUP BY batch_no HAVING coalesce(sum(reads) FILTER (again), 0) >= {REPEATED_SHARE} * sum(reads)"""
    )
    found: dict[int, dict[str, int]] = {}
    if connection.execute("FROM suspected LIMIT 1").fetchone() is not None:
        reach = timedelta(seconds=limits.duplicate_seconds)
        own = "(FROM doubled SEMI JOIN suspected USING (batch_no))"
        make_neighbours(connection, lake, rocu, "reads_repeated", own, reach, superseded)
        for batch_no, batch_id, rows in connection.execute(_COUNTED, {"reach": reach}).fetchall():
            found.setdefault(batch_no, {})[batch_id] = rows
    connection.execute("DROP TABLE suspected")
    return found


def repeats_said(rows: int, repeats: Mapping[str, int]) -> tuple[str, ...]:
    """What a manifest says of it; nothing if there is nothing to say."""
    if not repeats:
        return ()
    named = ", ".join(f"{batch_id} ({count:,})" for batch_id, count in list(repeats.items())[:5])
    more = f" and {len(repeats) - 5} more" if len(repeats) > 5 else ""
    total = sum(repeats.values())
    return (
        f"{REPEATS_BATCH}: {total:,} of {rows:,} rows ({total / rows:.0%}) repeat reads that batch {named}{more} "
        "gave already; they are counted as duplicates.",
    )
