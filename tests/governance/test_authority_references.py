"""References of any format: each means one thing for ever, and none passes for the name of a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from governance.access.run_authority_log import Terms, authorities, grant, withdraw
from governance.policy.document import LoadedPolicy
from infra.errors import RefusedError, WrongInputError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TERMS = Terms("OP.2026.42", "county_lines", "serious_crime", date(2026, 11, 1), date(2026, 11, 30))
REFERENCES = ("OP.2026.42", "OP/2026/42", "op.nwrocu", "op.yhrocu", "county_lines.nwrocu", "OP 42%", "OP_42")


@pytest.fixture
def any_format(world: Any) -> Any:
    """A world whose policy lets a reference be anything."""
    vault = world.policy.policy.vault.model_copy(update={"authority_format": ".+"})
    own = world.policy.policy.model_copy(update={"vault": vault})
    world.policy = LoadedPolicy(own, own.digest, "of this test")
    return world


def granted(world: Any, reference: str, rocu: str = "nwrocu") -> Any:
    owner = world.person("Olive", "owner", rocu=rocu)
    return grant(world.audit, world.lake, owner, rocu, replace(TERMS, reference=reference), world.policy, NOW)


def taken_back(world: Any, reference: str) -> Any:
    owner = world.person("Olive", "owner")
    return withdraw(world.audit, world.lake, owner, "nwrocu", reference, "it is over", world.policy, NOW)


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_granted_once_and_withdrawn_once(any_format: Any, reference: str) -> None:
    made = granted(any_format, reference)
    with pytest.raises(RefusedError, match="was used for nwrocu before"):
        granted(any_format, reference)
    assert authorities(any_format.audit, "nwrocu") == (made,)
    assert granted(any_format, reference, "yhrocu").rocu == "yhrocu"
    gone = taken_back(any_format, reference)
    for again in (granted, taken_back):
        with pytest.raises(RefusedError, match=r"before|withdrawn already"):
            again(any_format, reference)
    assert authorities(any_format.audit, "nwrocu") == (gone,)


def test_references_that_look_alike_are_different_ones(any_format: Any) -> None:
    for reference in REFERENCES:
        granted(any_format, reference)
    assert [one.reference for one in authorities(any_format.audit, "nwrocu")] == list(REFERENCES)
    with pytest.raises(WrongInputError, match="no authority of this reference"):
        taken_back(any_format, "OP")


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_found_in_the_log(any_format: Any, reference: str) -> None:
    granted(any_format, reference)
    for asked in ({"object": reference}, {"authority": reference}):
        (row,) = any_format.audit.search(action="authority.grant", **asked)
        assert row.object == reference


def test_bytes_that_are_no_text_are_no_reference(any_format: Any) -> None:
    with pytest.raises(RefusedError, match="not one in the policy's format"):
        granted(any_format, "OP\udcff42")
