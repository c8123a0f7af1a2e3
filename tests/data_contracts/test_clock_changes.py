"""Local times in the hours in which clocks are changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from data_contracts.sources.model import BUILT_IN

LONDON = BUILT_IN["canonical"].model_copy(update={"zone": "Europe/London"})


CASES = [
    ("2025-10-26 01:10:00", "2025-10-26T00:10:05Z", "00:10"),
    ("2025-10-26 01:10:00", "2025-10-26T01:10:05Z", "01:10"),
    ("2025-10-26 01:10:00", "", "captured_at_ambiguous"),
    ("2025-10-26T01:10:00+01:00", "", "00:10"),
    ("2025-10-26 00:59:59", "", "23:59"),
    ("2025-10-26 02:00:00", "", "02:00"),
    ("2026-03-29 01:30:00", "", "captured_at_unreadable"),
    ("2026-03-29 02:00:00", "", "01:00"),
]


@pytest.fixture(scope="module")
def taken(room_again, row):
    """What became of each case, by its row in one file."""
    later = replace(room_again(), now=datetime(2026, 4, 1, tzinfo=UTC))
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=captured, received_at=received)
        for letter, (captured, received, _) in zip("HJLWNPRT", CASES, strict=True)
    ]
    later.ingest(later.deliver("all.csv", *rows), source=LONDON, max_quarantine_share=1)
    reads = {number: [f"{at:%H:%M}"] for number, at in later.reads("row_no, captured_at")}
    return reads | dict(later.quarantine())


@pytest.mark.parametrize("number", range(1, len(CASES) + 1))
def test_local_times_when_clocks_change(taken, number):
    assert taken[number] == [CASES[number - 1][2]]
