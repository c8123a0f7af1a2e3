"""Rules about misread plates (DQ11): a likelier VRM one confusion apart at the same camera, or on its way past it.

A suggestion is kept beside the read as token, reason and score; nothing is merged. VRMs of earlier calls are known by
token only, so pairs are found within one call.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from data_contracts.across_rows.scene import EARTH_KM, Family, Scene, batch_of, row_of, told
from data_contracts.contract.document import Rule
from data_contracts.plates.grammar import CONFUSIONS, MAX_LENGTH
from infra.engine import cursor_of

LOOKED_AT_S = 3600
ROWS_AT_ONCE = 200_000
UNDECIDED = 0.55
_FORMAT_WEIGHT = 2.5  # a known format against an unknown one: twelve to one
_CONFIDENCE_WEIGHT = 0.05  # per point: twenty points are e to one
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def confusion_classes() -> dict[str, int]:
    """Each character's class: characters that any chain of confusions joins are in one. From 1."""
    classes = {character: {character} for character in _ALPHABET}
    for pair in CONFUSIONS:
        first, second = sorted(pair)
        joined = classes[first] | classes[second]
        classes.update(dict.fromkeys(joined, joined))
    return {character: 1 + _ALPHABET.index(min(members)) for character, members in classes.items()}


def make_confusable_vehicles(scene: Scene) -> None:
    """Make `confusable_vehicles` (vehicle_no, other_no, both ways round): VRMs of the call one confusion apart.

    Only VRMs whose skeletons agree are compared, so that the cost grows with the number of VRMs, not with its square.
    """
    scene.connection.execute("CREATE OR REPLACE TABLE confusable_vehicles (vehicle_no INTEGER, other_no INTEGER)")
    if scene.opaque:
        return
    _make_skeletons(scene)
    pairs = ", ".join(f"'{first}{second}'" for pair in CONFUSIONS for first, second in (sorted(pair),))
    places = ", ".join(
        f"CASE WHEN one[{place}] < two[{place}] THEN one[{place}] || two[{place}] "
        f"WHEN one[{place}] > two[{place}] THEN two[{place}] || one[{place}] ELSE '' END"
        for place in range(1, MAX_LENGTH + 1)
    )
    scene.connection.execute(
        f"""INSERT INTO confusable_vehicles
            WITH shared AS (SELECT skeleton FROM skeletons GROUP BY skeleton HAVING count(*) > 1),
            crowded AS (SELECT skeletons.*, vrm FROM skeletons SEMI JOIN shared USING (skeleton)
                JOIN vehicles USING (vehicle_no)),
            near AS (
                SELECT a.vehicle_no, b.vehicle_no AS other_no, a.vrm AS one, b.vrm AS two
                FROM crowded AS a JOIN crowded AS b ON a.skeleton = b.skeleton AND a.vehicle_no < b.vehicle_no
                    AND length(a.vrm) = length(b.vrm)
                WHERE hamming(a.vrm, b.vrm) = 1),
            apart AS (SELECT vehicle_no, other_no FROM near WHERE concat({places}) IN ({pairs}))
            FROM apart UNION ALL SELECT other_no, vehicle_no FROM apart"""
    )
    scene.connection.execute("DROP TABLE skeletons")


def _make_skeletons(scene: Scene) -> None:
    # SQL's own translate() takes ten times as long
    codes = np.zeros(256, dtype=np.int64)
    for character, number in confusion_classes().items():
        codes[ord(character)] = number
    cursor = cursor_of(scene.connection)
    cursor.execute("CREATE OR REPLACE TABLE skeletons (vehicle_no INTEGER, skeleton BIGINT)")
    reader = scene.connection.sql(
        f"SELECT vehicle_no, rpad(vrm, {MAX_LENGTH}, '-') AS vrm FROM vehicles WHERE length(vrm) <= {MAX_LENGTH}"
    ).to_arrow_reader(ROWS_AT_ONCE)
    for block in reader:
        texts = block.column("vrm")
        signs = np.frombuffer("".join(texts.to_pylist()).encode("ascii"), dtype=np.uint8).reshape(-1, MAX_LENGTH)
        skeleton = np.zeros(len(texts), dtype=np.int64)
        for place in range(MAX_LENGTH):
            skeleton = skeleton * (len(_ALPHABET) + 1) + codes[signs[:, place]]
        cursor.register("skeletons_now", pa.table({"vehicle_no": block.column("vehicle_no"), "skeleton": skeleton}))
        cursor.execute("INSERT INTO skeletons SELECT * FROM skeletons_now")
        cursor.unregister("skeletons_now")
    cursor.close()


def _make(scene: Scene) -> None:
    make_confusable_vehicles(scene)
    scene.connection.execute(
        """CREATE OR REPLACE TABLE confusable_reads AS
            SELECT read_no, vehicle_no, kept.camera_id, coalesce(kept.latitude, registered.latitude) AS latitude,
                coalesce(kept.longitude, registered.longitude) AS longitude, captured_at, confidence,
                plate_format <> 'unknown' AS known_format, count(*) OVER (PARTITION BY vehicle_no) - 1 AS other_reads
            FROM kept SEMI JOIN confusable_vehicles USING (vehicle_no) JOIN registered USING (register_no)"""
    )
    scene.connection.execute(
        f"""CREATE OR REPLACE TABLE misread_pairs AS
            WITH {_asked("confusable_reads")},
            beside AS (
                SELECT a.read_no, a.vehicle_no, a.camera_id, a.captured_at, b.read_no AS other_read,
                    b.vehicle_no AS other_no, {_apart("a", "b")} AS seconds_apart, {likelihood("a", "b")} AS weight,
                    {_reason("a", "b")} AS reason
                FROM asked AS a JOIN confusable_reads AS b ON b.vehicle_no = a.other_no AND b.camera_id = a.camera_id
                    AND {_near("a", "b", LOOKED_AT_S)}),
            nearest AS (
                SELECT DISTINCT ON (read_no) *, NULL::DOUBLE AS seconds_to_route FROM beside
                WHERE weight > 0 OR (weight = 0 AND vehicle_no > other_no)
                ORDER BY read_no, seconds_apart, weight DESC, other_read),
            en_route AS (
                SELECT * REPLACE (NULL::DOUBLE AS seconds_apart), seconds_apart AS seconds_to_route
                FROM ({fitting(scene, "confusable_reads", _ODD_READ)})
                WHERE weight > 0)
            SELECT *, 1 / (1 + exp(-weight)) AS score,
                CASE WHEN weight < ln({UNDECIDED} / (1 - {UNDECIDED})) THEN 'undecided' ELSE reason END AS cause
            FROM (FROM nearest UNION ALL BY NAME FROM en_route ANTI JOIN nearest USING (read_no))"""
    )


# a VRM that no vehicle has, or one that is read this once, where one that is read more often was passing
_ODD_READ = """(NOT a.known_format AND b.known_format)
    OR (a.other_reads = 0 AND b.other_reads >= 2 AND a.known_format <= b.known_format)"""


def fitting(scene: Scene, reads: str, condition: str = "true") -> str:
    """SQL for the nearest read, within an hour, of a VRM one confusion apart that could have been at the same place.

    It could if none of its own reads within that hour is too far away for the time between.

    Args:
        scene: Gives the speed limit.
        reads: Rows of `confusable_reads` to be looked at.
        condition: SQL about the read `a` and the other one `b`.

    Returns:
        read_no, vehicle_no, camera_id, captured_at, other_read, other_no, seconds_apart, weight, reason: a row for each
        read that has such a VRM.
    """
    return f"""WITH {_asked(reads)},
        met AS (
            SELECT a.read_no, a.vehicle_no, a.camera_id, a.captured_at, b.read_no AS other_read,
                b.vehicle_no AS other_no, {_apart("a", "b")} AS seconds_apart, {likelihood("a", "b")} AS weight,
                {_reason("a", "b")} AS reason,
                {_ARC} * 3600 <= {scene.limits.max_speed_kmh} * greatest({_apart("a", "b")}, 1)
                    OR a.camera_id = b.camera_id AS fits
            FROM asked AS a JOIN confusable_reads AS b ON b.vehicle_no = a.other_no AND {_near("a", "b", LOOKED_AT_S)}
            WHERE {condition}),
        possible AS (SELECT read_no, other_no FROM met GROUP BY ALL HAVING bool_and(fits))
        SELECT DISTINCT ON (read_no) * EXCLUDE (fits) FROM met SEMI JOIN possible USING (read_no, other_no)
        ORDER BY read_no, seconds_apart, other_read"""


def _asked(reads: str) -> str:
    """Each read with each VRM that it could be. Made first: joined all at once, DuckDB may start with the times."""
    return f"""asked AS MATERIALIZED (
            SELECT reads.*, other_no FROM {reads} AS reads JOIN confusable_vehicles USING (vehicle_no))"""


_ARC = f"""{EARTH_KM} * acos(greatest(-1, least(1, sin(radians(a.latitude)) * sin(radians(b.latitude))
    + cos(radians(a.latitude)) * cos(radians(b.latitude)) * cos(radians(a.longitude - b.longitude)))))"""


def _apart(one: str, other: str) -> str:
    return f"abs(epoch({one}.captured_at) - epoch({other}.captured_at))"


def _near(one: str, other: str, seconds: int) -> str:
    reach = f"to_seconds({seconds})"
    return f"{other}.captured_at BETWEEN {one}.captured_at - {reach} AND {one}.captured_at + {reach}"


def likelihood(read: str, other: str) -> str:
    """SQL for how much likelier the other VRM is than the read's own: natural logarithm of the odds.

    By format (known or not), by how often each VRM is read elsewhere in the call, and by the reader's confidence.
    """
    return f"""round({_FORMAT_WEIGHT} * ({other}.known_format::INTEGER - {read}.known_format::INTEGER)
        + ln(({other}.other_reads + 0.5) / ({read}.other_reads + 0.5))
        + {_CONFIDENCE_WEIGHT} * coalesce({other}.confidence - {read}.confidence, 0), 6)"""


def _reason(read: str, other: str) -> str:
    return f"""concat_ws('+',
        CASE WHEN {other}.known_format AND NOT {read}.known_format THEN 'known_format' END,
        CASE WHEN {other}.other_reads > {read}.other_reads THEN 'read_more_often' END,
        CASE WHEN {other}.confidence > {read}.confidence THEN 'higher_confidence' END)"""


def _settle(scene: Scene, rule: Rule) -> str:
    scene.connection.execute(
        f"""INSERT INTO noted BY NAME
            SELECT {batch_of("read_no")} AS batch_no, {row_of("read_no")} AS row_no, '{rule.name}' AS rule,
                cause, vehicle_no, camera_id, other_no AS other_vehicle_no,
                named.batch_id AS other_batch_id,
                {row_of("other_read")} AS other_row_no, score,
                coalesce(seconds_apart, seconds_to_route) AS value, captured_at
            FROM misread_pairs SEMI JOIN breaking USING (read_no)
            JOIN named ON named.batch_no = {batch_of("other_read")}"""
    )
    return f"SELECT {batch_of('read_no')} AS batch_no, {row_of('read_no')} AS row_no FROM breaking"


def _tell(scene: Scene, rule: Rule) -> Mapping[int, str]:
    return told(
        scene,
        "camera|cameras",
        f"""SELECT batch_no, format('{{}} at {{}}', count(*), camera_id)
            FROM noted WHERE rule = '{rule.name}' GROUP BY batch_no, camera_id ORDER BY count(*) DESC, camera_id""",
    )


MISREAD_PAIRS = Family("misread_pairs", ("read_no",), _make, _settle, _tell)
