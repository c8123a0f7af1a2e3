"""Whether an authority covers a run: the pure rule, the age bands, and entries of the log that are not believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from governance.access.run_authority import NO_FORCE, WHOLE_REGION, Run, RunAuthority, Withdrawal, require_covered
from governance.access.run_authority_log import GRANT, Terms, authorities, grant, withdraw
from governance.audit.log import Entry
from governance.policy.document import packaged_policy
from governance.policy.run_rules import RunRules
from infra.errors import RefusedError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
RULES = packaged_policy("default").policy.runs
AUTHORITY = RunAuthority(
    reference="CL/2026/0042",
    rocu="nwrocu",
    area=WHOLE_REGION,
    pattern="county_lines",
    purpose="testing",
    first_window_end=date(2026, 11, 1),
    last_window_end=date(2026, 11, 30),
    valid_from=NOW - DAY,
    expires_at=NOW + DAY,
    granted_by="embedded:owner",
    granted_by_name="Owner",
    granted_at=NOW - DAY,
)
RUN = Run(
    rocu="nwrocu",
    pattern="county_lines",
    first_day=date(2026, 10, 23),
    as_of=date(2026, 11, 19),
    counted_from=TODAY,
    by="embedded:worker",
    forces=lambda: frozenset({"cheshire", "cumbria"}),
)
WITHDRAWN = Withdrawal(NOW, "embedded:x", "X", "over")
TERMS = Terms("CL/2026/0042", "county_lines", "serious_crime", date(2026, 11, 1), date(2026, 11, 30))


def test_what_it_says_is_covered() -> None:
    assert require_covered((AUTHORITY,), RUN, RULES, NOW) is AUTHORITY


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rocu": "yhrocu"}, "is for yhrocu"),
        ({"pattern": "convoy"}, "is for the pattern convoy"),
        ({"withdrawn": WITHDRAWN}, "was withdrawn"),
        ({"valid_from": NOW + DAY / 24}, "not in force before"),
        ({"granted_at": NOW + DAY / 24}, "not in force before"),
        ({"expires_at": NOW}, "expired"),
        ({"first_window_end": date(2026, 11, 20)}, "windows that end from"),
        ({"last_window_end": date(2026, 11, 18)}, "windows that end from"),
        ({"granted_by": RUN.by}, "two people"),
        ({"purpose": "curiosity"}, "may not use reads"),
        ({"area": "cheshire"}, "has reads of cumbria"),
        ({"area": "kent, surrey"}, "has reads of cheshire, cumbria"),
    ],
)
def test_one_term_that_does_not_hold_refuses_and_says_which(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words) as refusal:
        require_covered((replace(AUTHORITY, **changes),), RUN, RULES, NOW)
    assert "findprofile authority grant" in refusal.value.instruction
    other = replace(AUTHORITY, reference="CL/2026/0043")
    assert require_covered((replace(AUTHORITY, **changes), other), RUN, RULES, NOW) is other


def test_without_any_there_is_nothing_to_object_to() -> None:
    with pytest.raises(RefusedError, match="There is no authority to score nwrocu for county_lines as of 2026-11-19"):
        require_covered((), RUN, RULES, NOW)


def test_reads_without_a_force_lie_in_no_force() -> None:
    lost = replace(RUN, forces=lambda: frozenset({"cheshire", NO_FORCE}))
    assert require_covered((AUTHORITY,), lost, RULES, NOW)
    with pytest.raises(RefusedError, match="reads of no force"):
        require_covered((replace(AUTHORITY, area="cheshire"),), lost, RULES, NOW)


def test_a_long_history_is_told_by_its_newest() -> None:
    old = [replace(AUTHORITY, reference=f"CL/2025/{n}", expires_at=NOW) for n in range(10)]
    with pytest.raises(RefusedError, match=r"CL/2025/9 expired.*CL/2025/7.*and 7 older") as refusal:
        require_covered(old, RUN, RULES, NOW)
    assert "CL/2025/6" not in refusal.value.reason


@pytest.mark.parametrize(
    ("purpose", "oldest", "band"),
    [
        ("testing", 0, None),
        ("testing", 90, None),
        ("testing", 91, "91 to 365 days"),
        ("serious_crime", 91, None),
        ("serious_crime", 365, None),
        ("serious_crime", 366, "366 days or more"),
        ("testing", -3, None),
        ("curiosity", 0, "0 to 90 days"),
    ],
)
def test_the_default_bands(purpose: str, oldest: int, band: str | None) -> None:
    assert RULES.forbidding(purpose, oldest - 27, oldest) == band


def test_every_band_that_the_window_touches_must_allow_the_purpose() -> None:
    odd = rules((10, ["a"]), (20, ["b"]), (None, ["a", "b"]))
    assert odd.forbidding("a", 21, 40) is None
    assert odd.forbidding("a", 15, 40) == "11 to 20 days"
    assert odd.forbidding("b", 5, 25) == "0 to 10 days"
    assert odd.purposes == ("a", "b")


def rules(*bands: tuple[int | None, list[str]]) -> RunRules:
    return RunRules.model_validate(
        {"max_authority_days": 30, "age_bands": [{"up_to_days": up, "purposes": names} for up, names in bands]}
    )


@pytest.mark.parametrize("ends", [(90,), (None, None), (90, 90, None), (90, 30, None), (None, 90), (90, None, 365), ()])
def test_bands_with_gaps_or_turned_round_are_no_policy(ends: tuple[int | None, ...]) -> None:
    with pytest.raises(ValidationError):
        rules(*((end, ["testing"]) for end in ends))


@given(
    ends=st.lists(st.integers(0, 400), unique=True, max_size=4).map(sorted),
    allowed=st.lists(st.booleans(), min_size=5, max_size=5),
    youngest=st.integers(-5, 450),
    length=st.integers(0, 60),
    more=st.integers(0, 60),
)
def test_older_reads_never_turn_a_refusal_into_a_pass(
    ends: list[int], allowed: list[bool], youngest: int, length: int, more: int
) -> None:
    table = rules(*((end, ["p"] if yes else []) for end, yes in zip((*ends, None), allowed, strict=False)))
    if table.forbidding("p", youngest, youngest + length) is not None:
        assert table.forbidding("p", youngest, youngest + length + more) is not None


def test_granted_read_back_and_withdrawn(world: Any) -> None:
    owner, other = world.person("Owner", "governance"), world.person("Other", "governance")
    made = grant(world.audit, world.lake, owner, "nwrocu", TERMS, world.policy, NOW)
    assert made.expires_at == NOW + timedelta(days=RULES.max_authority_days)
    assert authorities(world.audit, "nwrocu") == (made,)
    assert authorities(world.audit, "yhrocu") == ()
    elsewhere = world.person("Owner", "governance", rocu="yhrocu")
    assert grant(world.audit, world.lake, elsewhere, "yhrocu", TERMS, world.policy, NOW).rocu == "yhrocu"
    gone = withdraw(world.audit, world.lake, other, "nwrocu", TERMS.reference, "over", world.policy, NOW + DAY / 24)
    assert authorities(world.audit, "nwrocu") == (gone,)
    assert gone.withdrawn is not None
    assert authorities(world.audit, "yhrocu")[0].withdrawn is None


def test_it_never_begins_before_it_is_granted(world: Any) -> None:
    early = replace(TERMS, valid_from=NOW - 30 * DAY)
    made = grant(world.audit, world.lake, world.person("Owner", "governance"), "nwrocu", early, world.policy, NOW)
    assert made.valid_from == NOW


def test_a_stale_token_grants_nothing(world: Any) -> None:
    owner = world.person("Owner", "governance")
    with pytest.raises(RefusedError, match="has expired"):
        grant(world.audit, world.lake, owner, "nwrocu", TERMS, world.policy, NOW + 2 * DAY)
    assert world.audit.search(action=GRANT, outcome="refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"actor_roles": ("operator",)},
        {"details": {"area": "whole region"}},
        {"purpose": None},
        {"authority": "CL/2026/0099"},
        {"action": "authority.withdraw", "details": {"reason": "x", "token_id": "t"}},
        {"action": "authority.extend"},
    ],
)
def test_an_entry_that_does_not_fit_is_not_passed_over(world: Any, changes: dict[str, Any]) -> None:
    owner = world.person("Owner", "governance")
    grant(world.audit, world.lake, owner, "nwrocu", TERMS, world.policy, NOW)
    (row,) = world.audit.search(action=GRANT)
    entry = Entry(**{name: getattr(row, name) for name in Entry.model_fields})
    other = {"object": "CL/2026/0050", "authority": "CL/2026/0050"}
    world.audit.append(entry.model_copy(update=other | changes), NOW)
    with pytest.raises(RefusedError, match="cannot be believed"):
        authorities(world.audit, "nwrocu")
