"""Opening the vault: the entry comes first, and every no is recorded without repeating what was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from governance.access.reveal import Asked, reveal_plates
from infra.errors import FindProfileError, RefusedError, WrongInputError
from infra.pseudonyms import load_pseudonymiser
from infra.vault import segment_path, write_segment

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WHY = Asked("safeguarding", "CL/2026/0042")
VRMS = ("AB12CDE", "FG34HJK")
BATCH = "0f3ab21cde9014aa"


@pytest.fixture
def tokens(world: Any) -> dict[str, str]:
    pseudonymiser = load_pseudonymiser(world.settings, "nwrocu")
    known = {pseudonymiser.token(vrm): vrm for vrm in VRMS}
    table = pa.table({"vehicle": list(known), "vrm": list(known.values())})
    write_segment(world.settings, world.lake, "nwrocu", BATCH, table)
    return known


def ask(world: Any, tokens: Any, asked: Asked = WHY, **changes: Any) -> dict[str, str]:
    identity = changes.get("identity") or world.person("Ann", "analyst")
    wanted = dict.fromkeys(tokens, (BATCH,))
    return reveal_plates(
        world.settings,
        world.lake,
        world.audit,
        identity,
        "nwrocu",
        wanted,
        asked,
        world.policy,
        changes.get("now", NOW),
    )


def test_a_permitted_person_with_purpose_and_authority_sees_plates_and_the_log_has_each(
    world: Any, tokens: dict[str, str]
) -> None:
    assert ask(world, tokens) == tokens
    rows = world.audit.search(action="vault.reveal")
    assert {row.object for row in rows} == set(tokens)
    assert {(row.operation, row.outcome, row.purpose, row.authority, row.actor) for row in rows} == {
        ("consultation", "done", "safeguarding", "CL/2026/0042", "embedded:ann")
    }


def test_no_plate_is_anywhere_below_home_afterwards(world: Any, tokens: dict[str, str]) -> None:
    ask(world, tokens)
    files = [path for path in Path(world.settings.root).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files for vrm in VRMS if vrm.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Asked("", WHY.authority), "purpose"),
        (Asked("curiosity", WHY.authority), "purpose"),
        (Asked("serious_crime", WHY.authority), "serious_crime is what a run may be for"),
        (Asked("AB12CDE", WHY.authority), "purpose"),
        (Asked(WHY.purpose, ""), "authority"),
        (Asked(WHY.purpose, "the boss said so"), "authority"),
        (Asked(WHY.purpose, "AB12CDE"), "authority"),
        (Asked(WHY.purpose, "CL/2026/0042 and more"), "authority"),
    ],
)
def test_without_a_good_purpose_and_authority_it_is_refused_and_recorded(
    world: Any, tokens: dict[str, str], asked: Asked, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        ask(world, tokens, asked)
    rows = world.audit.search(action="vault.reveal")
    assert {(row.object, row.outcome, row.purpose, row.authority) for row in rows} == {
        (token, "refused", None, None) for token in tokens
    }
    assert all(reason in row.details["reason"] for row in rows)


@pytest.mark.parametrize("role", ["ml_engineer", "operator", "auditor"])
def test_other_roles_are_refused_and_recorded(world: Any, tokens: dict[str, str], role: str) -> None:
    with pytest.raises(RefusedError, match="governance or analyst"):
        ask(world, tokens, identity=world.person("Olga", role))
    assert {row.outcome for row in world.audit.search(action="vault.reveal")} == {"refused"}


def test_a_token_of_another_rocu_is_refused(world: Any, tokens: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="not for nwrocu"):
        ask(world, tokens, identity=world.person("Nell", "analyst", rocu="nerocu"))


def test_too_many_at_once_are_refused(world: Any) -> None:
    letters = "bcdfghjklmnpqrst"
    many = [letters[number % 16] + letters[number // 16] + "b" * 30 for number in range(51)]
    with pytest.raises(RefusedError, match="51 vehicles at once"):
        ask(world, many)


@pytest.mark.parametrize("wanted", [[], ["AB12CDE"], ["b" * 31], ["a" * 32], ["B" * 32]])
def test_what_is_not_a_vehicle_token_is_wrong_input_and_is_not_written_down(world: Any, wanted: list[str]) -> None:
    with pytest.raises(WrongInputError) as refusal:
        ask(world, wanted)
    assert "AB12CDE" not in str(refusal.value)
    assert world.audit.search() == ()


def test_the_entry_is_there_even_if_the_vault_then_fails(world: Any, tokens: dict[str, str]) -> None:
    segment_path(world.lake, "nwrocu", BATCH).write_bytes(b"not sealed")
    with pytest.raises(FindProfileError):
        ask(world, tokens)
    assert [row.outcome for row in reversed(world.audit.search())] == ["done", "done", "failed", "failed"]


def test_without_a_log_the_vault_stays_shut(world: Any, tokens: dict[str, str]) -> None:
    (world.settings.root / "records" / "audit-head.json").unlink()
    with pytest.raises(RefusedError, match="signed head"):
        ask(world, tokens)
