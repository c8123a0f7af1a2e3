"""All days of an issue period judge every plate alike, so plates are judged once a period."""

from __future__ import annotations

from datetime import date

import duckdb

from data_contracts.judgement.vehicles import issue_period
from data_contracts.plates.macros import plate_macros


def test_a_plate_is_the_same_on_every_day_of_a_period():
    with duckdb.connect() as connection:
        plate_macros(connection)
        different = connection.execute(
            f"""SELECT vrm, day FROM (
                    SELECT vrm, day, {issue_period("day")} AS period
                    FROM (SELECT DATE '2025-01-01' + (i::INTEGER) AS day FROM range(800) days(i)),
                        (SELECT 'AB' || lpad(n::VARCHAR, 2, '0') || 'CDE' AS vrm FROM range(2, 100) numbers(n)))
                WHERE plate_format(vrm, day) <> plate_format(vrm, period)
                    OR age_identifier_valid(vrm, day) <> age_identifier_valid(vrm, period)"""
        ).fetchall()
    assert different == []


def test_the_usual_period_changes_no_answer():
    usual = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 8, 31), date(2026, 9, 1), date(2026, 1, 1)]
    with duckdb.connect() as connection:
        for day in usual:
            different = connection.execute(
                f"""SELECT day FROM (SELECT DATE '2024-12-01' + (i::INTEGER) AS day FROM range(900) days(i))
                    WHERE {issue_period("day")} IS DISTINCT FROM {issue_period("day", day)}"""
            ).fetchall()
            assert different == []
