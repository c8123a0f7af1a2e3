"""Rules about one file as a whole, once its rows have been looked at together (DQ07, DQ08)."""

from __future__ import annotations

from collections.abc import Mapping

from data_contracts.across_rows.scene import Family, Scene
from data_contracts.contract.document import Rule


def _make(scene: Scene) -> None:
    least = scene.limits.min_batch_reads
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE accepted_batches AS
            SELECT *,
                CASE WHEN reads + duplicates >= {least} THEN duplicates / (reads + duplicates) END AS duplicate_share,
                CASE WHEN reads >= {least} THEN impossible / reads END AS impossible_share
            FROM (
                SELECT batch_no, coalesce(accepted.n, 0) AS reads, coalesce(collapsed.n, 0) AS duplicates,
                    coalesce(fast.n, 0) AS impossible
                FROM named
                LEFT JOIN (SELECT batch_no, sum(reads)::BIGINT AS n FROM camera_counts GROUP BY batch_no) AS accepted
                    USING (batch_no)
                LEFT JOIN (SELECT batch_no, count(*) AS n FROM doubled GROUP BY batch_no) AS collapsed USING (batch_no)
                LEFT JOIN (SELECT batch_no, count(DISTINCT row_no) AS n FROM noted WHERE rule = 'impossible_speed'
                    GROUP BY batch_no) AS fast USING (batch_no)
                WHERE NOT failed)"""
    )


def _settle(_: Scene, rule: Rule) -> str:
    if rule.name == "too_many_duplicates":
        return "SELECT batch_no, row_no FROM doubled SEMI JOIN breaking USING (batch_no)"
    return "SELECT 0 AS batch_no, 0 AS row_no WHERE false"


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    said = (
        "format('{} of {} reads are duplicates', duplicates, reads + duplicates)"
        if rule.name == "too_many_duplicates"
        else "format('{} of {} reads have an impossible speed', impossible, reads)"
    )
    return dict(
        scene.connection.execute(
            f"SELECT batch_no, {said} FROM accepted_batches SEMI JOIN breaking USING (batch_no)"
        ).fetchall()
    )


ACCEPTED_BATCHES = Family("accepted_batches", ("batch_no",), _make, _settle, _tell)
