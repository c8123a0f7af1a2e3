"""Rules about a camera on one day: unknown formats (DQ01), confidence against its own past (DQ06), force (DQ14)."""

from __future__ import annotations

from collections.abc import Mapping

from data_contracts.across_rows.hours import at_another_place, make_past
from data_contracts.across_rows.scene import Family, Scene, told
from data_contracts.contract.document import Rule
from data_contracts.layers.camera_hours import CONFIDENCE_BINS
from data_contracts.registers.regions import own_forces

_SMOOTHING = 0.5  # reads added to each bin, so that an empty one has a logarithm


def _make(scene: Scene) -> None:
    make_past(scene)
    least = scene.limits.min_camera_day_reads
    _make_shifts(scene)
    _make_own_forces(scene)
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE camera_days AS
            SELECT *, CASE WHEN reads >= {least} THEN unknown_reads / reads END AS unknown_format_share,
                CASE WHEN force IS NOT NULL AND day IN (SELECT day FROM forces_of_day)
                    AND (day, force) NOT IN (FROM forces_of_day) THEN 'of_another_region' END AS force_fault
            FROM (
                SELECT camera_counts.camera_id, hour::DATE AS day, sum(reads)::BIGINT AS reads,
                    coalesce(sum(reads) FILTER (unknown), 0)::BIGINT AS unknown_reads, max(force) AS force
                FROM camera_counts JOIN registered USING (register_no) GROUP BY ALL)
            LEFT JOIN confidence_shifts USING (camera_id, day)"""
    )
    scene.connection.execute("DROP TABLE confidence_shifts")


def _make_own_forces(scene: Scene) -> None:
    scene.connection.execute("CREATE OR REPLACE TABLE forces_of_day (day DATE, force VARCHAR)")
    days = scene.connection.execute("SELECT DISTINCT hour::DATE AS day FROM camera_counts ORDER BY day").fetchall()
    for (day,) in days:
        scene.connection.execute(
            "INSERT INTO forces_of_day SELECT ?, unnest(?::VARCHAR[])", [day, sorted(own_forces(scene.rocu, day))]
        )


def _make_shifts(scene: Scene) -> None:
    """Make `confidence_shifts` (camera_id, day, confidence_psi), for camera-days with enough reads and enough past.

    PSI = sum over bins of (now - past) * ln(now / past), each a share of its reads; days of this call are past as well,
    days at another place are none.
    """
    bins = f"range({CONFIDENCE_BINS})"
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE confidence_shifts AS
            WITH now AS (
                SELECT camera_id, hour::DATE AS day, sure, sum(reads) AS reads FROM camera_counts
                WHERE sure IS NOT NULL GROUP BY ALL),
            known AS (
                SELECT camera_id, day, bin::TINYINT AS sure, confidence_bins[bin + 1] AS reads
                FROM camera_past, {bins} AS numbers (bin)
                UNION ALL FROM now),
            judged_days AS (
                SELECT camera_id, day, sum(reads) AS n FROM now
                GROUP BY ALL HAVING sum(reads) >= {scene.limits.min_camera_day_reads}),
            past AS (
                SELECT judged_days.camera_id, judged_days.day, sure, sum(reads) AS reads
                FROM judged_days JOIN known ON known.camera_id = judged_days.camera_id
                    AND known.day >= judged_days.day - {scene.limits.confidence_history_days}
                    AND known.day < judged_days.day
                WHERE NOT {at_another_place("known.camera_id", "known.day", "judged_days.day")}
                GROUP BY ALL),
            past_days AS (
                SELECT camera_id, day, sum(reads) AS m FROM past
                GROUP BY ALL HAVING sum(reads) >= {scene.limits.min_history_reads}),
            shares AS (
                SELECT camera_id, day,
                    (coalesce(now.reads, 0) + {_SMOOTHING}) / (n + {_SMOOTHING * CONFIDENCE_BINS}) AS p,
                    (coalesce(past.reads, 0) + {_SMOOTHING}) / (m + {_SMOOTHING * CONFIDENCE_BINS}) AS q
                FROM judged_days JOIN past_days USING (camera_id, day)
                CROSS JOIN (SELECT bin::TINYINT AS sure FROM {bins} AS numbers (bin))
                LEFT JOIN now USING (camera_id, day, sure) LEFT JOIN past USING (camera_id, day, sure))
            SELECT camera_id, day, sum((p - q) * ln(p / q)) AS confidence_psi FROM shares GROUP BY ALL"""
    )


def _settle(_: Scene, rule: Rule) -> str:
    only = "WHERE plate_format = 'unknown'" if rule.name == "camera_day_unknown_format" else ""
    return f"""SELECT batch_no, row_no FROM kept
        JOIN breaking ON breaking.camera_id = kept.camera_id AND breaking.day = kept.captured_at::DATE {only}"""


_SAID = {
    "unknown_format_share": "format('{:.1f} % of {} reads', 100 * unknown_format_share, reads)",
    "confidence_psi": "format('index {:.2f} over {} reads', confidence_psi, reads)",
    "force_fault": "format('of {}, {} reads', force, reads)",
}


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    column = str(rule.kwargs["column"])
    return told(
        scene,
        "camera-day|camera-days",
        f"""SELECT batch_no, format('camera {{}} on {{}} ({{}})', camera_id, day, {_SAID[column]})
            FROM camera_days SEMI JOIN breaking USING (camera_id, day)
            JOIN (SELECT DISTINCT batch_no, camera_id, hour::DATE AS day FROM camera_counts) USING (camera_id, day)
            ORDER BY {column} DESC, camera_id, day""",
    )


CAMERA_DAYS = Family("camera_days", ("camera_id", "day"), _make, _settle, _tell)
