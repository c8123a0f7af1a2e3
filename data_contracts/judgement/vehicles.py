"""From delivered plate texts to vehicles: grammar, normalisation and token, worked out once for each distinct text.

Belongs here: the table `plates` of one call. After it the raw text is needed only for the vault.
"""

from __future__ import annotations

from datetime import date

import duckdb

from data_contracts.judgement.values import one_of
from data_contracts.plates.grammar import FORMATS, UNKNOWN
from data_contracts.plates.macros import plate_macros
from data_contracts.sources.model import Source
from infra.pseudonyms import Pseudonymiser

# what readers write when there was nothing to read
_PLACEHOLDERS = (
    "NOREAD",
    "NOPLATE",
    "NO PLATE",
    "NO_PLATE",
    "NO-PLATE",
    "NO READ",
    "UNKNOWN",
    "NULL",
    "NONE",
    "N/A",
    "ERROR",
)
_LONGEST_OPAQUE = 64
OPAQUE = "opaque"
PLATE_FORMATS = (*FORMATS, UNKNOWN, OPAQUE)


def make_plates(
    connection: duckdb.DuckDBPyConnection, delivered: str, period: str, source: Source, pseudonymiser: Pseudonymiser
) -> None:
    """Make the tables `plates` and `vehicles`.

    `plates`: vrm_text, day (of `issue_period`), vrm_fault, plate_format, plate_repaired, impossible_age, vehicle_no.
    `vehicles`: vehicle_no, vehicle (token), vrm (the text that it was made of), numbered in the order of the tokens.

    Args:
        connection: Where the table `delivered` is.
        delivered: A table with the column `vrm`, trimmed text, NULL when blank.
        period: SQL for the `issue_period` of the day against which a plate is judged; never NULL.
        source: Gives the plate scheme.
        pseudonymiser: Makes the tokens.
    """
    plate_macros(connection)
    pseudonymiser.install(connection)
    _make_readings(connection, delivered, period, source)
    connection.execute(
        f"""CREATE TABLE tokens AS
            SELECT {pseudonymiser.sql("vrm")} AS vehicle, vrm
            FROM (SELECT DISTINCT vrm FROM readings WHERE vrm IS NOT NULL) ORDER BY vehicle"""
    )
    # a table keeps the order in which it was filled, and its row ids cost less than a numbering
    connection.execute("CREATE TABLE vehicles AS SELECT (rowid + 1)::INTEGER AS vehicle_no, vehicle, vrm FROM tokens")
    connection.execute("DROP TABLE tokens")
    connection.execute(
        """CREATE TABLE plates AS
            SELECT readings.* EXCLUDE (vrm), vehicle_no
            FROM readings LEFT JOIN vehicles ON readings.vrm = vehicles.vrm"""
    )
    connection.execute("DROP VIEW readings; DROP TABLE texts; DROP TABLE unusual; DROP TABLE unusual_readings")


def _make_readings(connection: duckdb.DuckDBPyConnection, delivered: str, period: str, source: Source) -> None:
    """Make the view `readings`: what each distinct text of a period means, by the grammar; vrm NULL if nothing."""
    placeholders = ", ".join(f"'{word}'" for word in _PLACEHOLDERS)
    connection.execute(
        f"""CREATE TABLE texts AS
            SELECT *, {_is_current(source)} AS is_current
            FROM (SELECT DISTINCT vrm AS vrm_text, {period} AS day FROM {delivered} WHERE vrm IS NOT NULL)"""
    )
    # the others are few: the whole grammar is slow on vectors of rows that mostly do not need it
    connection.execute(
        f"""CREATE TABLE unusual AS
            SELECT vrm_text, day, upper(vrm_text) IN ({placeholders}) AS is_placeholder, {_cleaned(source)} AS cleaned
            FROM texts WHERE NOT is_current"""
    )
    connection.execute(
        f"""CREATE TABLE unusual_readings AS
            SELECT vrm_text, day, vrm,
                CASE WHEN is_placeholder THEN 'missing' WHEN cleaned IS NULL THEN 'unreadable' END AS vrm_fault,
                {_format(source)} AS plate_format, coalesce(vrm <> cleaned, false) AS plate_repaired,
                {_impossible_age(source)} AS impossible_age
            FROM (SELECT *, {_normalised(source)} AS vrm FROM unusual)"""
    )
    connection.execute(
        f"""CREATE VIEW readings AS
            SELECT vrm_text, day, vrm, {one_of("vrm_fault", ("missing", "unreadable"))} AS vrm_fault,
                {one_of("plate_format", PLATE_FORMATS)} AS plate_format, plate_repaired, impossible_age
            FROM (
                SELECT vrm_text, day, vrm_text AS vrm, NULL::VARCHAR AS vrm_fault, 'current' AS plate_format,
                    false AS plate_repaired, false AS impossible_age
                FROM texts WHERE is_current
                UNION ALL FROM unusual_readings)"""
    )


def issue_period(day: str, usual: date | None = None) -> str:
    """SQL for the first day of the half-year (from March or September) in which a day lies.

    Age identifiers are issued on these days only, so all days of a period judge a plate alike.

    Args:
        day: SQL for the day.
        usual: A day of the period in which nearly all days lie; for these the answer costs less.
    """
    any_day = (
        f"CASE WHEN month({day}) >= 9 THEN make_date(year({day}), 9, 1) "
        f"WHEN month({day}) >= 3 THEN make_date(year({day}), 3, 1) ELSE make_date(year({day}) - 1, 9, 1) END"
    )
    if usual is None:
        return any_day
    first = date(usual.year, 9 if usual.month >= 9 else 3, 1) if usual.month >= 3 else date(usual.year - 1, 9, 1)
    following = date(first.year, 9, 1) if first.month == 3 else date(first.year + 1, 3, 1)
    return f"CASE WHEN {day} >= DATE '{first}' AND {day} < DATE '{following}' THEN DATE '{first}' ELSE {any_day} END"


def _cleaned(source: Source) -> str:
    if source.plate_scheme == "opaque":
        return f"CASE WHEN length(vrm_text) <= {_LONGEST_OPAQUE} THEN vrm_text END"
    return "clean_vrm(vrm_text)"


def _is_current(source: Source) -> str:
    return "false" if source.plate_scheme == "opaque" else "coalesce(age_identifier_valid(vrm_text, day), false)"


def _normalised(source: Source) -> str:
    text = "cleaned" if source.plate_scheme == "opaque" else "normalise_vrm(cleaned, day)"
    return f"CASE WHEN NOT is_placeholder THEN {text} END"


def _format(source: Source) -> str:
    text = f"'{OPAQUE}'" if source.plate_scheme == "opaque" else "plate_format(vrm, day)"
    return f"CASE WHEN vrm IS NOT NULL THEN {text} END"


def _impossible_age(source: Source) -> str:
    return "false" if source.plate_scheme == "opaque" else "coalesce(NOT age_identifier_valid(vrm, day), false)"
