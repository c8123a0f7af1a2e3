"""The plate grammar as DuckDB macros, for volume: made from the tables of `grammar`, and giving the same answers.

Belongs here: the translation into SQL. Does not: any rule of its own.
"""

from __future__ import annotations

import itertools

import duckdb

from data_contracts.plates.grammar import (
    AFTER_ALL_AGE_IDENTIFIERS,
    ANY_FORMAT,
    FILE_SUFFIX,
    FORMATS,
    LAYOUTS,
    MAX_LENGTH,
    NOT_IN_A_PLATE,
    PLATE_RUN,
    SEPARATORS,
    SHORTEST_TELLING,
    UNKNOWN,
    format_pattern,
)


def plate_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in the connection's database, where its cursors see them too.

    `clean_vrm(text)`: as `plates.clean`. `plate_format(vrm, captured_on)` and `age_identifier_valid(vrm, captured_on)`:
    for a cleaned or normalised VRM. `normalise_vrm(cleaned, captured_on)`: for the answer of `clean_vrm`; it was
    repaired if the two differ. `reads_as_plate(value)`. `captured_on` is a DATE. NULL in gives NULL out, but the format
    of NULL is `unknown`, and NULL does not read as a plate.
    """
    for statement in (
        _clean(),
        _age_identifier_valid(),
        _plate_format(),
        _normalise(),
        _reads_as_plate(),
    ):
        connection.execute(f"CREATE OR REPLACE MACRO {statement}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _with(name: str, expression: str, body: str) -> str:
    # a macro puts its argument wherever it is named, so one that is named often is computed once, as a lambda's value
    return f"list_transform([{expression}], lambda {name}: {body})[1]"


def _without_separators(expression: str) -> str:
    separators = " || ".join(f"chr({ord(character)})" for character in SEPARATORS)
    return f"translate({expression}, {separators}, '')"


def _clean() -> str:
    allowed = r"[A-Za-z0-9 \t\r\n\f\v.-]+"
    in_capitals = _with(
        "capitals",
        _without_separators("upper(raw)"),
        f"CASE WHEN length(capitals) BETWEEN 1 AND {MAX_LENGTH} THEN capitals END",
    )
    body = f"CASE WHEN regexp_full_match(raw, {_text(allowed)}) THEN {in_capitals} END"
    already_clean = f"regexp_full_match(text, '[A-Z0-9]{{1,{MAX_LENGTH}}}')"
    return f"clean_vrm(text) AS CASE WHEN {already_clean} THEN text ELSE {_with('raw', 'text', body)} END"


def _age_identifier_valid() -> str:
    identifier = "CAST(substr(aged, 3, 2) AS INTEGER)"
    body = f"""CASE
        WHEN NOT regexp_full_match(aged, {_text(format_pattern("current"))}) THEN NULL
        WHEN {identifier} <= 50 THEN captured_on >= make_date(2000 + {identifier}, 3, 1)
        ELSE captured_on >= make_date(1950 + {identifier}, 9, 1) END"""
    return f"age_identifier_valid(vrm, captured_on) AS {_with('aged', 'vrm', body)}"


def _plate_format() -> str:
    others = " ".join(
        f"WHEN regexp_full_match(formed, {_text(format_pattern(name))}) THEN {_text(name)}"
        for name in FORMATS
        if name != "current"
    )
    other = _with("formed", "vrm", f"CASE {others} ELSE {_text(UNKNOWN)} END")
    return f"""plate_format(vrm, captured_on) AS CASE
        WHEN age_identifier_valid(vrm, captured_on) THEN 'current' ELSE {other} END"""


def _normalise() -> str:
    by_length = " ".join(
        f"WHEN {length} THEN [{', '.join(_in_layout(layout) for layout in LAYOUTS if len(layout) == length)}]"
        for length in sorted({len(layout) for layout in LAYOUTS})
    )
    fits = f"""CASE WHEN regexp_full_match(candidate, {_text(ANY_FORMAT)})
        AND coalesce(age_identifier_valid(candidate, captured_on), TRUE) THEN candidate END"""
    candidates = f"list_distinct(list_transform(CASE length(read) {by_length} END, lambda candidate: {fits}))"
    only = _with("fitting", candidates, "CASE WHEN len(fitting) = 1 THEN fitting[1] END")
    body = f"""CASE
        WHEN plate_format(read, captured_on) <> {_text(UNKNOWN)} THEN read
        WHEN NOT regexp_matches(read, '[OI01]') THEN read
        ELSE coalesce({only}, read) END"""
    return f"""normalise_vrm(cleaned, captured_on) AS CASE
        WHEN age_identifier_valid(cleaned, captured_on) THEN cleaned ELSE {_with("read", "cleaned", body)} END"""


def _in_layout(layout: str) -> str:
    parts = []
    start = 0
    for kind, run in itertools.groupby(layout):
        length = len(list(run))
        swap = "'01', 'OI'" if kind == "L" else "'OI', '01'"
        parts.append(f"translate(substr(read, {start + 1}, {length}), {swap})")
        start += length
    return " || ".join(parts)


def _reads_as_plate() -> str:
    ever = f"DATE '{AFTER_ALL_AGE_IDENTIFIERS.isoformat()}'"
    ascii_only = "upper(regexp_replace(value, '[^\\x00-\\x7F]', '|', 'g'))"
    unsuffixed = f"regexp_replace({ascii_only}, {_text(FILE_SUFFIX)}, '')"
    name = f"regexp_replace({unsuffixed}, {_text(NOT_IN_A_PLATE)}, '|', 'g')"
    telling = f"""length(whole) >= {SHORTEST_TELLING}
        AND plate_format(whole, {ever}) NOT IN ({_text(UNKNOWN)}, 'trade')"""
    body = f"""regexp_matches(named, '[0-9]') AND (regexp_matches(named, {_text(PLATE_RUN)})
        OR {_with("whole", f"normalise_vrm(clean_vrm(named), {ever})", telling)})"""
    return f"reads_as_plate(value) AS coalesce({_with('named', name, body)}, FALSE)"
