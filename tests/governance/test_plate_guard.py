"""No number plate gets into the log, and ordinary words do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.audit.log import Entry
from governance.audit.plate_guard import withhold_plates
from infra.errors import WrongInputError

LETTERS = "ABCDEFGHJKLMNPRSTUVWXY"


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "action": "score", "operation": "combination", "actor": "embedded:a", "actor_name": "A", "actor_roles": (),
        "rocu": "nwrocu", "object": "run", "outcome": "done",
    }  # fmt: skip
    return Entry(**{**values, **changes})


@given(st.from_regex(rf"[{LETTERS}]{{2}}[1-7][0-9] ?[{LETTERS}]{{3}}", fullmatch=True), st.booleans())
def test_a_current_plate_is_refused_wherever_it_stands(plate: str, lower: bool) -> None:
    seen = plate.lower() if lower else plate
    for changes in ({"object": seen}, {"details": {"why": f"saw {seen}, again"}}, {"details": {"a": [{"b": seen}]}}):
        with pytest.raises(WrongInputError) as refusal:
            entry(**changes)
        assert plate not in str(refusal.value)
        assert seen not in str(refusal.value)


@pytest.mark.parametrize(
    "plate", ["A567TRD", "ABC123D", "Q12ABC", "AIZ1234", "abc 123", "1234 AB", "123D456", "12AB34"]
)
def test_any_uk_plate_is_refused_as_an_object(plate: str) -> None:
    with pytest.raises(WrongInputError, match="number plate"):
        entry(object=plate)


@pytest.mark.parametrize(
    "seen",
    [
        "AB12\u00a0CDE",
        "AB\u200b12CDE",
        "AB12\u00adCDE",
        "AB12\u2011CDE",
        "AB12\u2013CDE",
        "\uff21\uff2212CDE",
        "\u2060A567TRD",
    ],
)
def test_a_plate_is_seen_as_eyes_see_it(seen: str) -> None:
    """As it is pasted from a page or a spreadsheet: with spaces that do not break, and with what nobody sees."""
    for changes in ({"object": seen}, {"details": {"why": f"saw {seen}, again"}}):
        with pytest.raises(WrongInputError, match="number plate"):
            entry(**changes)
    assert withhold_plates(f"saw {seen}, again") == "saw (withheld), again"


@pytest.mark.parametrize("field", ["purpose", "authority"])
def test_purpose_and_authority_are_looked_at_too(field: str) -> None:
    with pytest.raises(WrongInputError):
        entry(**{field: "about AB12CDE"})


def test_a_field_that_is_named_after_a_plate_is_refused() -> None:
    with pytest.raises(WrongInputError):
        entry(details={"rows": [{"VRM": "whatever"}]})


@pytest.mark.parametrize(
    "words",
    [
        "county_lines.nwrocu/3", "7 trips of over 60 km in 28 days", "the M62 and A6 via J18", "took 30s, was 12h late",
        "sha256 of window in 2016", "P90 was 3", "2026-01-05T10:00:00Z", "contract 1.2.0", "batch 0f3ab21cde9014aa",
        "e5b7d7b9a43f6c0f0b7c1d5b7c9e8f1234567890", "ISO8601", "top 10k", "CL/2026/0042", "20151203081248-820",
        "entrance0",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "bcdfghjklmnpqrstbcdfghjklmnpqrst", "nwrocu", "camera CAM012",
    ],
)  # fmt: skip
def test_ordinary_words_pass(words: str) -> None:
    assert entry(details={"what": words}).details["what"] == words


@pytest.mark.parametrize(
    "name", ["county_lines.nwrocu/3", "bcdfghjklmnpqrstbcdfghjklmnpqrst", "0f3ab21cde9014aa", "nwrocu"]
)
def test_what_the_log_is_about_passes_as_an_object(name: str) -> None:
    assert entry(object=name).object == name


@pytest.mark.parametrize("name", ["AB12CDE.csv", "AB12 CDE.csv", "reads_AB12CDE.csv", "week-AB12CDE-2.csv"])
def test_a_plate_in_the_name_of_a_file_is_seen_and_can_be_withheld(name: str) -> None:
    with pytest.raises(WrongInputError, match="number plate"):
        entry(details={"reason": f"{name} is refused."})
    assert "CDE" not in entry(details={"reason": withhold_plates(f"{name} is refused.")}).details["reason"]
