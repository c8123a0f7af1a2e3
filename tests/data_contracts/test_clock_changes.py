"""Local times in the hours in which clocks are changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from data_contracts.sources.model import BUILT_IN

LONDON = BUILT_IN["canonical"].model_copy(update={"zone": "Europe/London"})


@pytest.mark.parametrize(
    ("captured", "received", "expected"),
    [
        ("2025-10-26 01:10:00", "2025-10-26T00:10:05Z", "00:10"),
        ("2025-10-26 01:10:00", "2025-10-26T01:10:05Z", "01:10"),
        ("2025-10-26 01:10:00", "", "captured_at_ambiguous"),
        ("2025-10-26T01:10:00+01:00", "", "00:10"),
        ("2025-10-26 00:59:59", "", "23:59"),
        ("2025-10-26 02:00:00", "", "02:00"),
        ("2026-03-29 01:30:00", "", "captured_at_unreadable"),
        ("2026-03-29 02:00:00", "", "01:00"),
    ],
)
def test_local_times_when_clocks_change(room, row, captured, received, expected):
    later = replace(room, now=datetime(2026, 4, 1, tzinfo=UTC))
    # a file in which no time at all can be read would be refused
    another = row(vrm="XY21ZZZ", captured_at="2026-03-30T10:00:00Z", received_at="")
    file = later.deliver("one.csv", row(captured_at=captured, received_at=received), another)
    later.ingest(file, source=LONDON, max_quarantine_share=1)
    reads = [f"{at:%H:%M}" for at, number in later.reads("captured_at, row_no") if number == 1]
    assert reads + [rule for (rules,) in later.quarantine("rules") for rule in rules] == [expected]
