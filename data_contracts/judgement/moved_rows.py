"""Which rows a judgement made anew would move: out of quarantine, into it, or not at all.

Belongs here: the comparison of the quarantine of a record with the rows that the new judgement sets apart, by batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from data_contracts.intake.id_columns import camera_code
from data_contracts.layers.manifests import BatchManifest, Frozen, IngestRecord
from infra.engine import parquet_list
from infra.lake import Lake
from infra.pseudonyms import load_pseudonymiser
from infra.settings import Settings


@dataclass(frozen=True)
class Asked:
    """Which quarantined rows are meant: those that broke the rule, at the camera, of the batch; None is any.

    `camera_code` is what the quarantine has instead of the id while the camera is not registered.
    """

    rule: str | None = None
    camera: str | None = None
    batch: str | None = None
    camera_code: str | None = None

    def condition(self) -> tuple[str, dict[str, str]]:
        """SQL over the quarantine layer, and its parameters."""
        said = {
            "rule": ("list_contains(rules, $rule)", self.rule),
            "camera": ("camera_id IN ($camera, $camera_code)", self.camera),
            "batch": ("batch_id = $batch", self.batch),
        }
        wanted = {name: (sql, value) for name, (sql, value) in said.items() if value is not None}
        sql = " AND ".join(condition for condition, _ in wanted.values()) or "true"
        values = {name: value for name, (_, value) in wanted.items()}
        if self.camera is not None:
            values["camera_code"] = self.camera_code or self.camera
        return sql, values

    def coded(self, settings: Settings, rocu: str) -> Asked:
        """The same with `camera_code`."""
        if self.camera is None:
            return self
        return replace(self, camera_code=camera_code(load_pseudonymiser(settings, rocu), self.camera))


class BatchAgain(Frozen):
    """One batch by two judgements, and what moved between them.

    Args:
        before: By the record whose place is taken.
        after: By the new judgement.
        asked: Rows in quarantine before that were asked about (all, unless something narrower was).
        released: Of these, the rows that are accepted now, or duplicates of accepted reads.
        released_as_duplicates: Of those released, the duplicates.
        held: Rows asked about that stay in quarantine, by the rules that they break now.
        newly_quarantined: Rows that were accepted or duplicates before and are set apart now.
    """

    before: BatchManifest
    after: BatchManifest
    asked: int
    released: int
    released_as_duplicates: int
    held: Mapping[str, int]
    newly_quarantined: int


def count_moved(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    record: IngestRecord,
    before: Sequence[BatchManifest],
    after: Sequence[BatchManifest],
    asked: Asked,
) -> tuple[BatchAgain, ...]:
    """Compare a record with the judgement that is about to take its place.

    Args:
        connection: Holds `set_apart`, `doubled` and `named` of the new judgement.
        lake: Where the record's parts are.
        record: The record as it stands.
        before: Its batches that are judged again.
        after: What is said of them now, in the same order.
        asked: Which quarantined rows are meant.
    """
    _compare(connection, [str(lake.root / part.path) for part in record.parts if part.layer == "quarantine"], asked)
    counted = {
        batch_id: numbers
        for batch_id, *numbers in connection.execute(
            """SELECT batch_id, count(*) FILTER (asked), count(*) FILTER (asked AND NOT apart),
                    count(*) FILTER (asked AND NOT apart AND twice), count(*) FILTER (NOT was_apart)
                FROM moved GROUP BY batch_id"""
        ).fetchall()
    }
    held: dict[str, dict[str, int]] = {}
    for batch_id, rule, rows in connection.execute(
        """SELECT batch_id, rule, count(*) FROM (SELECT batch_id, unnest(rules_now) AS rule FROM moved WHERE asked)
            GROUP BY ALL ORDER BY ALL"""
    ).fetchall():
        held.setdefault(batch_id, {})[rule] = rows
    connection.execute("DROP TABLE moved; DROP VIEW quarantined_before")
    made = []
    for old, new in zip(before, after, strict=True):
        wanted, released, twice, newly = counted.get(old.batch_id, (0, 0, 0, 0))
        made.append(
            BatchAgain(
                before=old,
                after=new,
                asked=wanted,
                released=released,
                released_as_duplicates=twice,
                held=held.get(old.batch_id, {}),
                newly_quarantined=newly,
            )
        )
    return tuple(made)


def _compare(connection: duckdb.DuckDBPyConnection, parts: Sequence[str], asked: Asked) -> None:
    origin = f"read_parquet({parquet_list(parts)}, hive_partitioning = false)" if parts else "set_apart WHERE false"
    connection.execute(f"CREATE VIEW quarantined_before AS SELECT batch_id, row_no, rules, camera_id FROM {origin}")
    condition, values = asked.condition()
    connection.execute(
        f"""CREATE TABLE moved AS
            WITH before AS (
                SELECT batch_id, row_no, {condition} AS asked FROM quarantined_before SEMI JOIN named USING (batch_id)),
            now AS (SELECT batch_id, row_no, rules FROM set_apart),
            twice AS (SELECT batch_id, row_no, true AS doubled FROM doubled JOIN named USING (batch_no))
            SELECT batch_id, row_no, coalesce(asked, false) AS asked, asked IS NOT NULL AS was_apart,
                rules IS NOT NULL AS apart, rules AS rules_now, coalesce(doubled, false) AS twice
            FROM before FULL JOIN now USING (batch_id, row_no) LEFT JOIN twice USING (batch_id, row_no)""",
        values,
    )
