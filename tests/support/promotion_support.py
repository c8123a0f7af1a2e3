"""What tests of promotion ask and say, on a small world of governance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from governance.policy.document import LoadedPolicy
from governance.promotion.requests import approve, history

MODEL = "county_lines.nwrocu"


def actions(world: Any) -> list[tuple[str, str]]:
    return [(row.action, row.outcome) for row in history(world.audit, MODEL)]


def last_refusal(world: Any) -> str:
    row = history(world.audit, MODEL)[-1]
    assert row.outcome == "refused"
    reason: str = row.details["reason"]
    return reason


def with_policy(world: Any, **changes: Any) -> LoadedPolicy:
    policy = world.policy.policy.model_copy(update=changes)
    return LoadedPolicy(policy, policy.digest, "changed")


def approve_as(world: Any, role: str, name: str, now: datetime, version: str = "1", policy: Any = None) -> Any:
    return approve(
        world.desk, world.person(name, role), MODEL, version, policy or world.policy, now, comment="looked at"
    )
