"""How much each camera read in each hour and how sure it was, in this call and in the weeks before it.

Belongs here: the tables `camera_counts` (this call), `camera_past` (layer camera_hours of earlier calls) and
`camera_moves` (days from which a camera's past is that of another place). Does not: what is unusual about them.
"""

from __future__ import annotations

from datetime import date, timedelta

from data_contracts.across_rows.scene import Scene
from data_contracts.layers.camera_hours import CONFIDENCE_BINS, confidence_bin, lateness_bin
from data_contracts.layers.reads import standing_records
from data_contracts.registers.moves import stays_of
from infra.engine import parquet_list
from infra.errors import FaultError


def count_hours(scene: Scene) -> None:
    """Make `camera_counts` of the reads about to be accepted.

    Columns: batch_no, camera_id, register_no, feed_id, hour (UTC), sure (bin of the confidence, 0 to 9, or NULL), late
    (bin of the time to its receipt, or NULL), unknown (no known UK format), reads, first_at, last_at.
    """
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE camera_counts AS
            SELECT counted.*, registered.camera_id FROM (
                SELECT batch_no, register_no, feed_id, date_trunc('hour', captured_at) AS hour,
                    {confidence_bin()} AS sure, {lateness_bin()} AS late, plate_format = 'unknown' AS unknown,
                    count(*) AS reads, min(captured_at) AS first_at, max(captured_at) AS last_at
                FROM kept GROUP BY ALL) AS counted JOIN registered USING (register_no)"""
    )


def make_past(scene: Scene) -> None:
    """Make `camera_past` of the cameras in `camera_counts`: camera_id, day, hour, reads, confidence_bins.

    And `camera_moves` of all cameras: camera_id, the day of the move (UTC), and the first whole day at the new place.
    """
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE camera_moves AS
            SELECT camera_id, moved_at::DATE AS moved_on, (moved_at + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND)::DATE
                AS first_day
            FROM (SELECT camera_id, min(valid_from) AS moved_at
                FROM {stays_of("registered", scene.limits.position_tolerance_m)}
                WHERE stay > 0 GROUP BY camera_id, stay)"""
    )
    source, first, last = past_hours(scene)
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE camera_past AS
            SELECT camera_id, hour::DATE AS day, hour, sum(accepted)::BIGINT AS reads,
                [{", ".join(f"sum(confidence_bins[{number + 1}])::BIGINT" for number in range(CONFIDENCE_BINS))}]
                    AS confidence_bins
            FROM {source} SEMI JOIN (SELECT DISTINCT camera_id FROM camera_counts) USING (camera_id)
            WHERE hour::DATE BETWEEN ? AND ? AND accepted > 0 GROUP BY ALL""",
        [first, last],
    )


def at_another_place(camera_id: str, then: str, day: str) -> str:
    """SQL: whether the camera was moved since the day `then`, so that what it read then is no past of `day`.

    Args:
        camera_id: A column with its table, for there is one of the same name within.
        then: Likewise, the earlier day.
        day: Likewise, the day that is judged.
    """
    return f"""EXISTS (FROM camera_moves WHERE camera_moves.camera_id = {camera_id}
        AND camera_moves.first_day > {then} AND camera_moves.moved_on <= {day})"""


def past_hours(scene: Scene) -> tuple[str, date, date]:
    """SQL of the layer camera_hours of earlier calls, and the first and the last day of it that matter to this call."""
    paths = _paths(scene)
    source = f"read_parquet({parquet_list(paths)}, hive_partitioning = false)" if paths else _NOTHING
    return source, *_span(scene)


_NOTHING = """(SELECT NULL::VARCHAR AS batch_id, NULL::VARCHAR AS camera_id, NULL::VARCHAR AS feed_id,
    NULL::TIMESTAMP AS hour, 0::BIGINT AS accepted, []::BIGINT[] AS confidence_bins WHERE false)"""


def _span(scene: Scene) -> tuple[date, date]:
    ((first, last),) = scene.connection.execute("SELECT min(hour)::DATE, max(hour)::DATE FROM camera_counts").fetchall()
    if first is None:
        return date.max, date.min
    days = max(scene.limits.confidence_history_days, 7 * scene.limits.volume_history_weeks)
    return first - timedelta(days=days), last


def _paths(scene: Scene) -> list[str]:
    first, last = _span(scene)
    paths = [
        scene.lake.root / part.path
        for record in standing_records(scene.lake, scene.rocu, scene.superseded)
        if any(first <= day <= last for batch in record.batches for day in batch.dates)
        for part in record.parts
        if part.layer == "camera_hours"
    ]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FaultError(
            f"{len(missing)} parts of the layer camera_hours are missing, the first is {missing[0]}.",
            "Restore the lake from a backup, or judge the batches again: findprofile requalify.",
        )
    return [str(path) for path in paths]
