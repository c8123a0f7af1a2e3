"""Nothing is decided on a log that does not hold, and a policy that was in force only by a touched row counts never."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from governance.access.run_authority_log import Terms, grant, withdraw
from governance.audit.log import Entry
from governance.policy.document import LoadedPolicy, load_policy, store_policy
from governance.promotion.confirmation import confirm
from governance.promotion.control import reconcile, resume, rollback, suspend
from governance.promotion.requests import approve, refuse, request
from governance.promotion.state import model_state
from infra.errors import RefusedError

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TERMS = Terms("OP/2026/7", "county_lines", "serious_crime", date(2026, 11, 1), date(2026, 11, 30))


def load(world: Any, tmp_path: Any, name: str, **gate: float) -> LoadedPolicy:
    """Put a policy in force, as `policy load` does."""
    file = tmp_path / f"{name}.yaml"
    values = "".join(f"\n  {key}: {value}" for key, value in gate.items())
    file.write_text(f"version: {name}\nshadow_runs: 1\ngate:{values}\n")
    loaded = store_policy(world.lake, "nwrocu", file)
    entry = Entry.by(
        world.person("Gwen"), action="policy.load", operation="decision", rocu="nwrocu", object="policy of nwrocu",
        outcome="done", details={"policy": loaded.digest, "file_sha256": loaded.file_sha256},
    )  # fmt: skip
    world.audit.append(entry, NOW)
    return loaded


DECISIONS: dict[str, Callable[[Any], object]] = {
    "promote.request": lambda w: request(w.desk, w.engineer, w.evidence("3", w.measured("2")), w.policy, NOW),
    "promote.approve": lambda w: approve(
        w.desk, w.person("Vera", "validator"), MODEL, "3", w.policy, NOW, comment="looked at"
    ),
    "promote.confirm": lambda w: confirm(w.desk, w.person("Olive", "owner"), MODEL, "3", "well", w.policy, NOW),
    "promote.refuse": lambda w: refuse(w.desk, w.person("Olive", "owner"), MODEL, "3", "no use", w.policy, NOW),
    "promote.rollback": lambda w: rollback(w.desk, w.engineer, MODEL, "needed", w.policy, NOW),
    "promote.resume": lambda w: resume(w.desk, w.person("Gwen"), MODEL, "needed", w.policy, NOW),
    "promote.reconcile": lambda w: reconcile(w.desk, w.person("Gwen"), MODEL, w.policy, NOW),
    "authority.grant": lambda w: grant(w.audit, w.lake, w.person("Gwen"), "nwrocu", TERMS, w.policy, NOW),
    "authority.withdraw": lambda w: withdraw(
        w.audit, w.lake, w.person("Gwen"), "nwrocu", TERMS.reference, "over", w.policy, NOW
    ),
}


@pytest.mark.parametrize("action", DECISIONS)
def test_no_decision_is_taken_on_a_log_that_was_touched(world: Any, action: str) -> None:
    world.told("two promoted")
    world.behind_its_back("UPDATE audit_log SET actor_name = 'Somebody Else' WHERE seq = 2")
    with pytest.raises(RefusedError, match="audit log does not hold: Row 2"):
        DECISIONS[action](world)
    row = world.audit.search(limit=1)[0]
    assert (row.action, row.outcome) == (action, "refused")
    assert "does not hold" in row.details["reason"]


def test_a_stop_waits_for_no_log(world: Any) -> None:
    world.told("promoted")
    world.behind_its_back("UPDATE audit_log SET actor_name = 'Somebody Else' WHERE seq = 2")
    assert suspend(world.desk, world.person("Ann", "analyst"), MODEL, "odd", NOW).suspended == "odd"


def test_the_gate_keeps_which_file_it_judged_by(world: Any, verify: Callable[..., Any], tmp_path: Any) -> None:
    world.policy = load(world, tmp_path, "own", min_average_precision=0.3)
    world.promoted("1")
    assert model_state(world.audit, MODEL).versions["1"].gate.policy_file == world.policy.file_sha256
    assert verify().version == "1"
    load(world, tmp_path, "later", min_average_precision=0.4)
    assert verify().version == "1"


def test_a_promotion_under_a_policy_that_was_in_force_by_a_touched_row_does_not_score(
    world: Any, verify: Callable[..., Any], tmp_path: Any
) -> None:
    """The row of the policy is another while the version is decided about, and is put back before anybody looks."""
    weak = load(world, tmp_path, "weak", min_average_precision=0.01)
    strict = load(world, tmp_path, "strict", min_average_precision=0.3)
    world.policy = weak
    world.promoted("1")
    assert world.audit.verify(NOW).intact
    assert load_policy(world.lake, "nwrocu").digest == strict.digest
    with pytest.raises(RefusedError, match="policy that was not in force"):
        verify()


def test_the_packaged_policy_does_not_count_where_another_was_loaded(
    world: Any, verify: Callable[..., Any], tmp_path: Any
) -> None:
    load(world, tmp_path, "strict", min_average_precision=0.3)
    world.promoted("1")
    with pytest.raises(RefusedError, match="policy that was not in force"):
        verify()


def test_a_version_in_shadow_is_held_to_the_policy_as_well(world: Any, tmp_path: Any) -> None:
    from governance.promotion.verification import verify_candidate

    load(world, tmp_path, "strict", min_average_precision=0.3)
    world.approved("1")
    with pytest.raises(RefusedError, match="policy that was not in force"):
        verify_candidate(world.desk, MODEL, "1", "nwrocu", NOW)


@pytest.mark.parametrize("digest", ["recorded", "another"])
def test_a_gate_from_before_the_file_was_kept_is_held_to_its_digest(world: Any, tmp_path: Any, digest: str) -> None:
    from governance.policy.in_force import require_judged_by_it

    loaded = load(world, tmp_path, "own", min_average_precision=0.3)
    world.policy = loaded
    world.requested("1")
    found = model_state(world.audit, MODEL).versions["1"]
    said = loaded.digest if digest == "recorded" else "0" * 64
    if digest == "recorded":
        require_judged_by_it(world.audit, "nwrocu", "", said, found.gate_seq)
    else:
        with pytest.raises(RefusedError, match="not in force"):
            require_judged_by_it(world.audit, "nwrocu", "", said, found.gate_seq)
