"""Cameras of which a call has no read at all, though a file of it covers them: at their extreme, volumes are 0 (DQ09).

That a file lacks a camera says something only where the file is of the kind that the camera comes in. So a file covers
a camera for an hour if, of the cameras of its feed that came in one file with it the last time, three quarters of those
that usually read in that hour do so in this file. Then at least three others speak for the file; a feed that has not
come, hours that are not in it, a file for each camera, and a file for another part of the region say nothing.
Belongs here: the table `silent_hours`. Does not: what is made of it (volumes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from data_contracts.across_rows.hours import at_another_place, past_hours
from data_contracts.across_rows.scene import Scene
from data_contracts.health.counts import MOBILE

LEAST_OTHERS = 3  # three quarters of which one camera is not are no fewer; files with fewer are not looked at
COVERED_SHARE = 0.75  # of a file's usual cameras; where more are missing, look at the file before the cameras
REGULAR_SHARE = 0.75  # of the weeks known; a unit that is out in some of them only is not missed
_TABLES = ("held_hours", "held_days", "file_days", "silent_days", "mates", "known_hours", "usual_hours", "covering")


@dataclass(frozen=True)
class _Past:
    """The layer camera_hours of earlier calls: SQL of its rows, and the days that count."""

    source: str
    first: date
    last: date


def make_silent_hours(scene: Scene) -> None:
    """Make `silent_hours` of the reads about to be accepted and of counts of earlier weeks.

    Columns: camera_id, day, hour (UTC), batch_no (the file that covers most of it), part (share of the hour that is
    covered), usual (reads), past_weeks (same weekdays on which the camera read). No camera that has an accepted read on
    the day in this call is in it, and no hour for which an earlier call brought any of its reads.
    """
    connection = scene.connection
    connection.execute(
        """CREATE OR REPLACE TABLE silent_hours (camera_id VARCHAR, day DATE, hour TIMESTAMP, batch_no INTEGER,
            part DOUBLE, usual DOUBLE, past_weeks BIGINT)"""
    )
    if _make_held(connection):
        source, first, last = past_hours(scene)
        past = _Past(source, first, last)
        _make_file_days(scene, past)
        if _make_silent_days(scene):
            _make_usual(scene, past)
            _make_covering(connection)
            _fill(connection)
    for table in _TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _make_held(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make `held_days`: when a file begins and ends in a feed and on a day, if it has cameras enough to cover another.

    Thousands of files of a camera each end here.
    """
    connection.execute(
        f"""CREATE OR REPLACE TABLE held_days AS
            SELECT batch_no, coalesce(feed_id::VARCHAR, '') AS feed, hour::DATE AS day, min(first_at) AS first_at,
                max(last_at) AS last_at
            FROM camera_counts GROUP BY ALL HAVING count(DISTINCT camera_id) >= {LEAST_OTHERS}"""
    )
    return _any(connection, "held_days")


def _make_file_days(scene: Scene, past: _Past) -> None:
    """Make `file_days`: the feed and the last file in which a camera came on a day, of feeds that are held."""
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE file_days AS
            SELECT camera_id, day, last.feed, last.file FROM (SELECT camera_id, day,
                    max({{'hour': hour, 'file': file, 'feed': feed}}) AS last FROM (
                SELECT camera_id, hour::DATE AS day, hour, coalesce(feed_id, '') AS feed, batch_id AS file
                FROM {past.source} WHERE hour::DATE BETWEEN ? AND ? AND accepted > 0
                UNION ALL
                SELECT DISTINCT camera_id, hour::DATE, hour, coalesce(feed_id::VARCHAR, ''), batch_no::VARCHAR
                FROM camera_counts)
            GROUP BY camera_id, day)""",
        [past.first, past.last],
    )


def _make_silent_days(scene: Scene) -> bool:
    """Make `silent_days`: days of held feeds on which a camera of the feed has no read here, though it usually reads.

    Left out are cameras that read on that weekday in too few of the weeks since they are known at their place,
    that are not in force all day, that are mobile, or whose reads may not be taken where they stand.
    """
    limits = scene.limits
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE silent_days AS
            WITH days AS (SELECT DISTINCT day FROM held_days),
            here AS (SELECT DISTINCT camera_id, hour::DATE AS day FROM camera_counts),
            cameras AS (
                SELECT camera_id, min(day) AS first_day FROM file_days
                WHERE feed IN (SELECT feed FROM held_days) GROUP BY camera_id),
            absent AS (
                SELECT cameras.camera_id, day, greatest(cameras.first_day, max(camera_moves.first_day)) AS first_day
                FROM cameras CROSS JOIN days ANTI JOIN here USING (camera_id, day)
                LEFT JOIN camera_moves
                    ON camera_moves.camera_id = cameras.camera_id AND camera_moves.moved_on <= days.day
                GROUP BY cameras.camera_id, day, cameras.first_day),
            weeks AS (
                SELECT camera_id, absent.day, first_day, count(*) AS past_weeks,
                    least({limits.volume_history_weeks}, (absent.day - first_day) // 7) AS known_weeks
                FROM absent JOIN file_days USING (camera_id)
                WHERE file_days.day < absent.day AND (absent.day - file_days.day) % 7 = 0
                    AND absent.day - file_days.day <= {7 * limits.volume_history_weeks}
                    AND NOT {at_another_place("absent.camera_id", "file_days.day", "absent.day")}
                GROUP BY ALL),
            regular AS (
                FROM weeks SEMI JOIN (
                    FROM registered WHERE authorised IS DISTINCT FROM false
                        AND NOT coalesce(regexp_matches(lower(kind), '{"|".join(MOBILE)}'), false)
                ) AS standing ON standing.camera_id = weeks.camera_id AND standing.valid_from <= weeks.day
                    AND coalesce(standing.valid_to, TIMESTAMP '9999-01-01') >= weeks.day + 1
                WHERE past_weeks >= greatest({limits.min_history_weeks}, {REGULAR_SHARE} * known_weeks))
            SELECT regular.camera_id, regular.day, past_weeks, last.feed, last.file
            FROM regular ASOF JOIN file_days AS last
                ON last.camera_id = regular.camera_id AND last.day < regular.day
            SEMI JOIN held_days ON held_days.feed = last.feed AND held_days.day = regular.day"""
    )
    return _any(scene.connection, "silent_days")


def _make_usual(scene: Scene, past: _Past) -> None:
    """Make `mates`, the cameras of the files that silent ones came in, and what is usual for them and the hours known.

    The median of the same weekday and hour over days on which the camera read at all, as for cameras with reads.
    """
    connection = scene.connection
    longest = 7 * scene.limits.volume_history_weeks
    connection.execute(
        f"""CREATE OR REPLACE TABLE mates AS
            SELECT DISTINCT feed, file, camera_id FROM (
                SELECT coalesce(feed_id, '') AS feed, batch_id AS file, camera_id FROM {past.source}
                WHERE hour::DATE BETWEEN ? AND ? AND accepted > 0
                UNION ALL SELECT coalesce(feed_id::VARCHAR, ''), batch_no::VARCHAR, camera_id FROM camera_counts)
            SEMI JOIN silent_days USING (feed, file)""",
        [past.first, past.last],
    )
    connection.execute(
        f"""CREATE OR REPLACE TABLE known_hours AS
            WITH days AS (SELECT DISTINCT day FROM silent_days),
            needed AS (SELECT DISTINCT unnest([day - 7 * week::INTEGER
                FOR week IN range({scene.limits.volume_history_weeks} + 1)])::DATE AS day FROM days)
            SELECT camera_id, hour::DATE AS day, hour, sum(reads)::BIGINT AS reads FROM (
                SELECT camera_id, hour, accepted AS reads FROM {past.source}
                WHERE hour::DATE BETWEEN ? AND ? AND accepted > 0
                UNION ALL SELECT camera_id, hour, reads FROM camera_counts)
            SEMI JOIN needed ON needed.day = hour::DATE
            SEMI JOIN mates USING (camera_id)
            GROUP BY ALL""",
        [past.first, past.last],
    )
    connection.execute(
        f"""CREATE OR REPLACE TABLE usual_hours AS
            WITH days AS (SELECT DISTINCT day FROM silent_days),
            active AS (SELECT DISTINCT camera_id, day FROM known_hours),
            weeks AS (
                SELECT camera_id, days.day, days.day - active.day AS ago FROM days JOIN active
                    ON active.day < days.day AND (days.day - active.day) % 7 = 0 AND days.day - active.day <= {longest}
                WHERE NOT {at_another_place("active.camera_id", "active.day", "days.day")})
            SELECT due.camera_id, due.day, due.hour, median(coalesce(known_hours.reads, 0)) AS reads FROM (
                SELECT *, day + to_hours(number) AS hour, day + to_hours(number) - to_days(ago::INTEGER) AS then
                FROM weeks CROSS JOIN range(24) AS hours (number)) AS due
            LEFT JOIN known_hours ON known_hours.camera_id = due.camera_id AND known_hours.hour = due.then
            GROUP BY ALL HAVING median(coalesce(known_hours.reads, 0)) > 0"""
    )


def _make_covering(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `covering`: the hours of a feed for which a file of this call is like an earlier one, of silent cameras."""
    connection.execute(
        """CREATE OR REPLACE TABLE held_hours AS
            SELECT DISTINCT batch_no, feed, camera_id, hour
            FROM (SELECT *, coalesce(feed_id::VARCHAR, '') AS feed, hour::DATE AS day FROM camera_counts)
            SEMI JOIN held_days USING (batch_no, feed, day)"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TABLE covering AS
            WITH usual AS (
                SELECT feed, file, day, hour, camera_id
                FROM (SELECT DISTINCT feed, file, day FROM silent_days) JOIN mates USING (feed, file)
                JOIN usual_hours USING (camera_id, day)),
            totals AS (SELECT feed, file, day, hour, count(*) AS cameras FROM usual GROUP BY ALL),
            present AS (
                SELECT batch_no, feed, file, day, hour, count(*) AS cameras
                FROM usual JOIN held_hours USING (feed, camera_id, hour) GROUP BY ALL)
            SELECT batch_no, feed, file, day, hour FROM present JOIN totals USING (feed, file, day, hour)
            WHERE present.cameras >= {COVERED_SHARE} * totals.cameras"""
    )


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    # files beside each other cover no more than from the first of them to the last, those after each other their sum
    connection.execute(
        """INSERT INTO silent_hours
            WITH pieces AS (
                SELECT silent_days.camera_id, day, hour, batch_no, past_weeks, reads,
                    greatest(epoch(hour), epoch(first_at)) AS since, least(epoch(hour) + 3600, epoch(last_at)) AS until
                FROM silent_days JOIN covering USING (feed, file, day) JOIN held_days USING (batch_no, feed, day)
                JOIN usual_hours USING (camera_id, day, hour)
                ANTI JOIN known_hours USING (camera_id, hour))
            SELECT camera_id, day, hour, arg_max(batch_no, (until - since, -batch_no)),
                least(sum(until - since), max(until) - min(since)) / 3600, any_value(reads), any_value(past_weeks)
            FROM pieces GROUP BY camera_id, day, hour"""
    )


def _any(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    ((some,),) = connection.execute(f"SELECT EXISTS (FROM {table})").fetchall()
    return bool(some)
