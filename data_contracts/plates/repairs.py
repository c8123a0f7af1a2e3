"""What a VRM of no known format may have been: known ones that one confusion of the reader leads to.

Candidates are worked out once for each distinct VRM and kept beside its reads, as tokens; nothing is merged. Belongs
here: the table `repairs`. Does not: comparing reads with each other (across_rows/misreads).
"""

from __future__ import annotations

import duckdb

from data_contracts.plates.grammar import ANY_FORMAT, CONFUSIONS, MAX_LENGTH
from infra.pseudonyms import Pseudonymiser

REPAIR = "repair"
# so many known VRMs next to one say nothing about it
MOST_CANDIDATES = 8
# the grammar is slow: it is asked only about what can have a format, once 0 and 1 are written as O and I
_MAY_HAVE_FORMAT = ANY_FORMAT.replace("0[2-9]", "O[2-9]").replace("[0-9]", "[0-9OI]").replace("[1-9]", "[1-9I]")


def make_repairs(connection: duckdb.DuckDBPyConnection, pseudonymiser: Pseudonymiser) -> None:
    """Make `repairs` (vehicle_no, day of `issue_period`, candidate, score, confusion).

    Needs `plates`, `vehicles` and the plate macros.

    A candidate has a known format on that day, after one character was put for another that readers take for it, and
    O/0 and I/1 put right by position. `candidate` is a token. Scores of a VRM add up to 1; one that is itself read in
    this call weighs twice.
    """
    ways = [way for pair in CONFUSIONS for one, other in (sorted(pair),) for way in ((one, other), (other, one))]
    connection.execute(
        "CREATE TABLE confusions AS SELECT unnest($1::VARCHAR[]) AS read, unnest($2::VARCHAR[]) AS meant",
        [list(column) for column in zip(*sorted(ways), strict=True)],
    )
    # in a table of their own, as the grammar is slow on vectors of rows that mostly do not need it
    connection.execute(
        f"""CREATE TABLE changed_plates AS
            WITH unknown AS (
                SELECT DISTINCT vehicle_no, day, vrm FROM plates JOIN vehicles USING (vehicle_no)
                WHERE plate_format = 'unknown'),
            places AS (
                SELECT *, vrm[place] AS read
                FROM unknown, (SELECT unnest(range(1, {MAX_LENGTH + 1})) AS place) WHERE place <= length(vrm))
            SELECT vehicle_no, day, vrm, vrm[:place - 1] || meant || vrm[place + 1:] AS changed
            FROM places JOIN confusions USING (read)
            WHERE regexp_full_match(translate(changed, '01', 'OI'), '{_MAY_HAVE_FORMAT}')"""
    )
    connection.execute(
        f"""CREATE TABLE repairs AS
            WITH meant AS (
                SELECT vehicle_no, day, vrm, normalise_vrm(changed, day) AS candidate FROM changed_plates),
            fitting AS (
                SELECT DISTINCT vehicle_no, day, vrm, candidate FROM meant
                WHERE candidate <> vrm AND plate_format(candidate, day) <> 'unknown'),
            weighed AS (
                SELECT fitting.*, CASE WHEN known.vrm IS NULL THEN 1 ELSE 2 END AS weight
                FROM fitting LEFT JOIN vehicles AS known ON known.vrm = candidate
                QUALIFY count(*) OVER (PARTITION BY fitting.vehicle_no, day) <= {MOST_CANDIDATES})
            SELECT vehicle_no, day, {pseudonymiser.sql("candidate")} AS candidate,
                {confusion("vrm", "candidate")} AS confusion,
                weight / sum(weight) OVER (PARTITION BY vehicle_no, day) AS score
            FROM weighed"""
    )
    connection.execute("DROP TABLE confusions; DROP TABLE changed_plates")


def confusion(read: str, meant: str) -> str:
    """SQL for what was read for what, whatever the place: `8/B`, or `8/B+I/1` of two; NULL if one of them is NULL.

    Args:
        read: SQL for the VRM as read.
        meant: SQL for the one that it may have been, of the same length.
    """
    pairs = f"list_zip(string_split({read}, ''), string_split({meant}, ''))"
    apart = f"list_filter({pairs}, lambda pair: pair[1] <> pair[2])"
    said = f"list_transform({apart}, lambda pair: pair[1] || '/' || pair[2])"
    return f"CASE WHEN {read} <> {meant} THEN array_to_string(list_sort(list_distinct({said})), '+') END"
