"""The vault's share of an ingest: the pairs of token and VRM of each batch, sealed.

Belongs here: which pairs a batch has, and sealing those of thousands of batches without waiting for each. Does not: how
a segment is sealed (vault).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.sources.inspection import Delivery
from infra.engine import cursor_of
from infra.lake import Lake
from infra.settings import Settings
from infra.vault import SEGMENT_SCHEMA, pack_segment, read_segment, seal_segment

PAIRS_AT_ONCE = 200_000
SEALED_AT_ONCE = 2
WAITING = 16


@contextmanager
def segments_written(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lake: Lake,
    rocu: str,
    deliveries: Sequence[Delivery],
    again: bool,
) -> Iterator[None]:
    """`write_segments` while the block is at work; when the block has ended well, all are sealed."""
    with ThreadPoolExecutor(1) as pool, cursor_of(connection) as beside:
        writing = pool.submit(write_segments, beside, settings, lake, rocu, deliveries, again)
        yield
        writing.result()


def write_segments(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lake: Lake,
    rocu: str,
    deliveries: Sequence[Delivery],
    again: bool = False,
    columns: Sequence[str] = ("vehicle_no",),
) -> None:
    """Seal the pairs of token and VRM of each batch into the vault; `columns` of `judged` name the vehicles.

    With `again`, pairs that were sealed before are kept beside them, which needs the private key: a newer plate grammar
    makes other tokens, and those of lists already handed out must still lead back.
    """
    waiting: deque[Future[Path]] = deque()
    with ThreadPoolExecutor(SEALED_AT_ONCE) as pool:
        for delivery, blocks in _pairs(connection, deliveries, columns):
            kept = _with_earlier(settings, lake, rocu, delivery.batch_id, blocks) if again else blocks
            plain = pack_segment(kept)
            waiting.append(pool.submit(seal_segment, settings, lake, rocu, delivery.batch_id, plain))
            if len(waiting) > WAITING:
                waiting.popleft().result()
        for sealed in waiting:
            sealed.result()


def _pairs(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], columns: Sequence[str]
) -> Iterator[tuple[Delivery, Iterable[pa.RecordBatch]]]:
    named = " UNION ALL ".join(
        f"SELECT batch_no, {column} AS vehicle_no FROM judged WHERE {column} IS NOT NULL" for column in columns
    )
    query = f"""SELECT batch_no, vehicle, vrm FROM (SELECT DISTINCT batch_no, vehicle_no FROM ({named}))
        JOIN vehicles USING (vehicle_no) ORDER BY batch_no, vehicle_no"""
    if len(deliveries) == 1:
        # every vehicle is of the one batch
        query = "SELECT 0 AS batch_no, vehicle, vrm FROM vehicles ORDER BY vehicle_no"
    reader = connection.sql(query).to_arrow_reader(PAIRS_AT_ONCE)
    batches = groupby(_runs(reader), key=lambda run: run[0])
    following = next(batches, None)
    for number, delivery in enumerate(deliveries):
        if following is None or following[0] != number:
            yield delivery, ()
        else:
            yield delivery, (block for _, block in following[1])
            following = next(batches, None)


def _runs(reader: pa.RecordBatchReader) -> Iterator[tuple[int, pa.RecordBatch]]:
    for block in reader:
        rows, start = block.drop_columns(["batch_no"]), 0
        encoded = pc.run_end_encode(block.column("batch_no"))
        for end, number in zip(encoded.run_ends.to_pylist(), encoded.values.to_pylist(), strict=True):
            yield number, rows.slice(start, end - start)
            start = end


def _with_earlier(
    settings: Settings, lake: Lake, rocu: str, batch_id: str, blocks: Iterable[pa.RecordBatch]
) -> list[pa.RecordBatch]:
    before = read_segment(settings, lake, rocu, batch_id)
    both = pa.concat_tables([before, pa.Table.from_batches(blocks, SEGMENT_SCHEMA)])
    pairs: pa.Table = both.group_by(before.column_names).aggregate([]).sort_by("vehicle")
    return list(pairs.to_batches())
