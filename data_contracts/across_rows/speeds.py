"""The rule about impossible speeds (DQ08): each leg is put down to the camera or to the VRM that explains most.

Cameras first (`blame`): their clock, their place, or one of the two. What is left is the vehicle's: a clone, if the
VRM goes back and forth or is seen several times at both ends; a misread, if a single read stands alone, or another VRM
one confusion apart fits there.
"""

from __future__ import annotations

from collections.abc import Mapping

from data_contracts.across_rows.blame import make_blamed
from data_contracts.across_rows.legs import make_legs, reach_of
from data_contracts.across_rows.misreads import fitting
from data_contracts.across_rows.scene import Family, Scene, batch_of, row_of, told
from data_contracts.contract.document import Rule

CLONE, MISREAD = "vehicle_clone", "vehicle_misread"
_NOTHING_KNOWN = 0.5


def _settle(scene: Scene, rule: Rule) -> str:
    make_blamed(scene)
    _put_down_to_cameras(scene)
    _make_trails(scene)
    _make_partners(scene)
    _put_down_to_vehicles(scene)
    _note(scene, rule)
    return f"SELECT batch_no, row_no FROM noted WHERE rule = '{rule.name}'"


def _put_down_to_cameras(scene: Scene) -> None:
    """Make `causes` (leg_no, read_no, cause, score, other_no, other_read) with the legs of cameras to blame.

    A read of an earlier call cannot be noted here; the other end of its leg is noted in its place.
    """
    scene.connection.execute(
        """CREATE OR REPLACE TABLE causes AS
            SELECT leg_no, CASE WHEN camera_no = to_camera THEN to_read ELSE from_read END AS read_no, cause,
                score, NULL::INTEGER AS other_no, NULL::BIGINT AS other_read
            FROM legs SEMI JOIN breaking USING (leg_no) JOIN blamed ON camera_no IN (from_camera, to_camera)
            QUALIFY row_number() OVER (PARTITION BY leg_no ORDER BY place_in_order) = 1"""
    )


def _make_trails(scene: Scene) -> None:
    """Make `disputed`: the legs left, each with the number of reads in the stay before it and in the stay after it.

    A stay is a run of reads without an impossible leg and without a gap longer than any leg can be.
    """
    gap = f"to_seconds({reach_of(scene).total_seconds()})"
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE disputed AS
            WITH left_over AS (SELECT * FROM legs SEMI JOIN breaking USING (leg_no) ANTI JOIN causes USING (leg_no)),
            trail AS (
                SELECT travelling.*, coalesce(captured_at - lag(captured_at) OVER one > {gap}, true)
                    OR read_no IN (SELECT to_read FROM left_over) AS starts
                FROM travelling SEMI JOIN left_over USING (vehicle_no)
                WINDOW one AS (PARTITION BY vehicle_no ORDER BY captured_at, place_no)),
            stays AS (
                SELECT read_no, vehicle_no, count(*) FILTER (starts)
                    OVER (PARTITION BY vehicle_no ORDER BY captured_at, place_no) AS stay_no
                FROM trail),
            sized AS (SELECT read_no, count(*) OVER (PARTITION BY vehicle_no, stay_no) AS reads FROM stays),
            ends AS (
                SELECT read_no, count(*) AS legs_at FROM (
                    SELECT from_read AS read_no FROM left_over UNION ALL SELECT to_read FROM left_over)
                GROUP BY read_no)
            SELECT left_over.*, a.reads AS reads_before, b.reads AS reads_after, c.legs_at AS from_legs,
                d.legs_at AS to_legs, count(*) OVER (PARTITION BY vehicle_no) AS vehicle_legs
            FROM left_over JOIN sized AS a ON a.read_no = from_read JOIN sized AS b ON b.read_no = to_read
            JOIN ends AS c ON c.read_no = from_read JOIN ends AS d ON d.read_no = to_read"""
    )


def _make_partners(scene: Scene) -> None:
    """Make `partners`: for reads at the ends of disputed legs the nearest read of another VRM that fits."""
    scene.connection.execute(
        """CREATE OR REPLACE TABLE ends AS
            SELECT * FROM confusable_reads SEMI JOIN (
                SELECT from_read AS read_no FROM disputed UNION SELECT to_read FROM disputed) USING (read_no)"""
    )
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE partners AS
            SELECT read_no, other_no, other_read, 1 / (1 + exp(-weight)) AS score FROM ({fitting(scene, "ends")})"""
    )


def _put_down_to_vehicles(scene: Scene) -> None:
    least = scene.limits.clone_min_legs
    scene.connection.execute(
        f"""INSERT INTO causes
            WITH weighed AS (
                SELECT disputed.*, a.read_no IS NOT NULL AS from_fits, b.read_no IS NOT NULL AS to_fits,
                    CASE
                        WHEN from_legs <> to_legs THEN from_legs > to_legs
                        WHEN reads_before <> reads_after THEN reads_before < reads_after
                        ELSE from_fits AND NOT to_fits END AS stray_is_from
                FROM disputed LEFT JOIN partners AS a ON a.read_no = from_read
                LEFT JOIN partners AS b ON b.read_no = to_read),
            found AS (
                SELECT *, CASE
                        WHEN to_fits AND NOT (from_fits AND stray_is_from) THEN to_read
                        WHEN from_fits THEN from_read
                        WHEN stray_is_from THEN from_read ELSE to_read END AS stray,
                    from_fits OR to_fits AS has_partner,
                    vehicle_legs < {least}
                        AND CASE WHEN stray_is_from THEN reads_before ELSE reads_after END = 1 AS alone
                FROM weighed)
            SELECT leg_no,
                CASE WHEN has_partner OR alone THEN stray ELSE to_read END,
                CASE WHEN has_partner OR alone THEN '{MISREAD}' ELSE '{CLONE}' END,
                CASE WHEN has_partner THEN partners.score WHEN alone THEN {_NOTHING_KNOWN}
                    ELSE 1 - 1 / (1 + vehicle_legs) END,
                other_no, other_read
            FROM found LEFT JOIN partners ON has_partner AND partners.read_no = stray"""
    )


def _note(scene: Scene, rule: Rule) -> None:
    scene.connection.execute(
        f"""INSERT INTO noted BY NAME
            WITH ours AS (
                SELECT causes.* REPLACE (CASE WHEN read_no >= 0 THEN read_no WHEN from_read >= 0 THEN from_read
                        ELSE to_read END AS read_no),
                    from_read, to_read, vehicle_no, speed_kmh
                FROM causes JOIN legs USING (leg_no)),
            whole AS (
                SELECT *, coalesce(other_read, CASE WHEN read_no = to_read THEN from_read ELSE to_read END) AS against
                FROM ours)
            SELECT whole.vehicle_no, {batch_of("whole.read_no")} AS batch_no, {row_of("whole.read_no")} AS row_no,
                '{rule.name}' AS rule, cause, judged.camera_id, other_no AS other_vehicle_no,
                coalesce(met_before.batch_id, named.batch_id) AS other_batch_id,
                coalesce(met_before.row_no, {row_of("against")}) AS other_row_no, score, speed_kmh AS value,
                judged.captured_at
            FROM whole JOIN judged ON judged.batch_no = {batch_of("whole.read_no")}
                AND judged.row_no = {row_of("whole.read_no")}
            LEFT JOIN met_before ON met_before.read_no = against
            LEFT JOIN named ON against >= 0 AND named.batch_no = {batch_of("against")}"""
    )


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    words = {
        "camera_clock": "the clock of camera ' || camera_id || '",
        "camera_place": "the place of camera ' || camera_id || '",
        "camera_clock_or_place": "the clock or the place of camera ' || camera_id || '",
        CLONE: "cloned plates",
        MISREAD: "misread plates",
    }
    said = " ".join(f"WHEN '{cause}' THEN '{text}'" for cause, text in words.items())
    return told(
        scene,
        "cause|causes",
        f"""SELECT batch_no, said || ' (reads: ' || n || ')' FROM (
                SELECT batch_no, CASE cause {said} END AS said, count(DISTINCT row_no) AS n
                FROM noted WHERE rule = '{rule.name}' GROUP BY ALL)
            ORDER BY n DESC, said""",
    )


LEGS = Family("legs", ("leg_no",), make_legs, _settle, _tell)
