"""Rules about how much a camera read on a day, against its own weekday and hour (DQ09).

What is usual is the median of the same weekday and hour in its last weeks, over days on which it read at all, so that
a day of outage in the past is no day; nor is one at another place by the register. Only hours that the files cover
count, the first and the last by their share. What is covered goes by feed, since one may have come for the
whole day and another for half of it. A camera without a read in the call is held against the hours that a file covers
for it (`silent`), and is told of with that file.
Belongs here: the warning at ingest. Does not: when an outage began and ended, and of what kind it was (health).
"""

from __future__ import annotations

from collections.abc import Mapping

from data_contracts.across_rows.hours import at_another_place
from data_contracts.across_rows.scene import Family, Scene, told
from data_contracts.across_rows.silent import make_silent_hours
from data_contracts.contract.document import Rule


def _make(scene: Scene) -> None:
    # of an hour that is covered in part, earlier calls count with what they read beyond the usual of the other part
    limits = scene.limits
    make_silent_hours(scene)
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE camera_volumes AS
            WITH feeds AS (
                SELECT camera_id, hour::DATE AS day, coalesce(feed_id::VARCHAR, '') AS feed, first_at, last_at
                FROM camera_counts),
            covered AS (
                SELECT camera_id, hour, day,
                    max((least(epoch(hour) + 3600, epoch(last)) - greatest(epoch(hour), epoch(first))) / 3600) AS part
                FROM (SELECT day, feed, min(first_at) AS first, max(last_at) AS last FROM feeds GROUP BY ALL)
                    JOIN (SELECT DISTINCT camera_id, day, feed FROM feeds) USING (day, feed),
                    unnest(generate_series(date_trunc('hour', first), last, INTERVAL 1 HOUR)) AS hours (hour)
                GROUP BY ALL),
            now AS (
                SELECT camera_id, hour::DATE AS day, hour, sum(reads) AS reads FROM camera_counts GROUP BY ALL),
            known AS (
                SELECT camera_id, day, hour, sum(reads) AS reads FROM (
                    SELECT camera_id, day, hour, reads FROM camera_past UNION ALL FROM now)
                GROUP BY ALL),
            active AS (SELECT DISTINCT camera_id, day FROM known),
            touched AS (SELECT DISTINCT camera_id, hour::DATE AS day FROM camera_counts),
            weeks AS (
                SELECT touched.camera_id, touched.day, 7 * week AS ago
                FROM touched CROSS JOIN range(1, {limits.volume_history_weeks + 1}) AS numbers (week)
                JOIN active ON active.camera_id = touched.camera_id AND active.day = touched.day - 7 * week::INTEGER
                WHERE NOT {at_another_place("touched.camera_id", "active.day", "touched.day")}),
            usual AS (
                SELECT weeks.camera_id, weeks.day, covered.hour, any_value(part) AS part, count(*) AS past_weeks,
                    median(coalesce(known.reads, 0)) AS reads
                FROM weeks JOIN covered ON covered.camera_id = weeks.camera_id AND covered.day = weeks.day
                LEFT JOIN known ON known.camera_id = weeks.camera_id
                    AND known.hour = covered.hour - to_days(ago::INTEGER)
                GROUP BY ALL),
            expectations AS (
                SELECT camera_id, day, sum(part * reads) AS expected, any_value(past_weeks) AS past_weeks
                FROM usual GROUP BY ALL),
            sights AS (
                SELECT covered.camera_id, covered.day, round(sum(coalesce(now.reads, 0) + greatest(
                    coalesce(before.reads, 0) - (1 - covered.part) * coalesce(usual.reads, 0), 0))) AS seen
                FROM covered LEFT JOIN now USING (camera_id, hour)
                LEFT JOIN camera_past AS before USING (camera_id, hour) LEFT JOIN usual USING (camera_id, hour)
                GROUP BY ALL),
            silent AS (
                SELECT camera_id, day, 0 AS seen, sum(covered) AS expected, any_value(past_weeks) AS past_weeks,
                    arg_max(batch_no, (covered, -batch_no)) AS told_of_in
                FROM (SELECT camera_id, day, batch_no, past_weeks, sum(part * usual) AS covered
                    FROM silent_hours GROUP BY ALL)
                GROUP BY camera_id, day),
            camera_days_seen AS (
                SELECT camera_id, day, seen, expected, past_weeks, NULL AS told_of_in
                FROM sights LEFT JOIN expectations USING (camera_id, day) UNION ALL FROM silent)
            SELECT camera_id, day, seen::BIGINT AS seen, expected, told_of_in,
                CASE WHEN expected >= {limits.min_expected_reads} AND past_weeks >= {limits.min_history_weeks}
                    THEN seen / expected END AS volume_share
            FROM camera_days_seen"""
    )


def _settle(_: Scene, rule: Rule) -> str:
    return """SELECT batch_no, row_no FROM kept
        JOIN breaking ON breaking.camera_id = kept.camera_id AND breaking.day = kept.captured_at::DATE"""


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    worst = "DESC" if "max_value" in rule.kwargs else "ASC"
    return told(
        scene,
        "camera-day|camera-days",
        f"""SELECT batch_no,
                format('camera {{}} on {{}} ({{}} reads where {{:.0f}} are usual)', camera_id, day, seen, expected)
            FROM camera_volumes SEMI JOIN breaking USING (camera_id, day)
            JOIN (
                SELECT DISTINCT batch_no, camera_id, hour::DATE AS day FROM camera_counts
                UNION ALL SELECT told_of_in, camera_id, day FROM camera_volumes WHERE told_of_in IS NOT NULL
            ) USING (camera_id, day)
            ORDER BY volume_share {worst}, expected DESC, camera_id, day""",
    )


CAMERA_VOLUMES = Family("camera_volumes", ("camera_id", "day"), _make, _settle, _tell)
