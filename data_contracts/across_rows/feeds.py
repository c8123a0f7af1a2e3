"""Rules about how late the reads of a feed are received (DQ03)."""

from __future__ import annotations

from collections.abc import Mapping

from data_contracts.across_rows.scene import Family, Scene, told
from data_contracts.contract.document import Rule

_LATENESS = "greatest((epoch_us(received_at) - epoch_us(captured_at)) / 1000000, 0)"


def _make(scene: Scene) -> None:
    limits = scene.limits
    scene.connection.execute(
        "CREATE OR REPLACE TABLE feed_limits AS SELECT unnest(?::VARCHAR[]) AS feed_id, unnest(?::DOUBLE[]) AS limit_s",
        [list(limits.lateness_p95_max_s_by_feed), list(limits.lateness_p95_max_s_by_feed.values())],
    )
    enough = f"reads >= {limits.min_batch_reads}"
    # counted by whole seconds, rounded up, so that only counts are sorted
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE feeds AS
            WITH delays AS (
                SELECT feed_id, ceil({_LATENESS})::BIGINT AS late_s, count(*) AS reads
                FROM kept WHERE received_at IS NOT NULL GROUP BY ALL),
            ranked AS (
                SELECT *, sum(reads) OVER (PARTITION BY feed_id) AS all_reads,
                    sum(reads) OVER (PARTITION BY feed_id ORDER BY late_s) AS up_to
                FROM delays),
            known AS (
                SELECT coalesce(feed_id, '') AS feed, sum(reads)::BIGINT AS reads,
                    min(late_s) FILTER (up_to >= 0.95 * all_reads) AS p95_s,
                    coalesce(any_value(limit_s), {limits.lateness_p95_max_s}) AS limit_s,
                    coalesce(sum(reads) FILTER (late_s > coalesce(limit_s, {limits.lateness_p95_max_s})), 0)::BIGINT
                        AS late_reads
                FROM ranked LEFT JOIN feed_limits USING (feed_id) GROUP BY feed_id)
            SELECT *, CASE WHEN {enough} THEN p95_s - limit_s END AS lateness_p95_over_limit_s,
                CASE WHEN {enough} THEN late_reads / reads END AS late_share
            FROM known"""
    )


def _settle(_: Scene, rule: Rule) -> str:
    only = "SEMI JOIN breaking USING (feed)" if rule.name == "feed_lateness_p95" else ""
    return f"""SELECT batch_no, row_no FROM kept
        JOIN (FROM feeds {only} WHERE late_reads > 0) AS late ON late.feed = coalesce(kept.feed_id, '')
        WHERE ceil({_LATENESS}) > limit_s"""


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    return told(
        scene,
        "feed|feeds",
        """SELECT batch_no, format('{}: 95 % of {} reads came within {} s, the limit is {:.0f} s; {:.1f} % came later',
                CASE WHEN feed = '' THEN 'reads that name no feed' ELSE 'feed ' || feed END, reads, p95_s, limit_s,
                100 * late_share)
            FROM feeds SEMI JOIN breaking USING (feed)
            JOIN (SELECT DISTINCT batch_no, coalesce(feed_id, '') AS feed FROM kept WHERE received_at IS NOT NULL)
                USING (feed)
            ORDER BY late_share DESC, feed""",
    )


FEEDS = Family("feeds", ("feed",), _make, _settle, _tell)
