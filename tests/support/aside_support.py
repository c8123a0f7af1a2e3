"""Where a log that does not hold puts what it did not take, and entries for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from governance.audit.log import Entry
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def entry(number: int) -> Entry:
    return Entry(
        action="score", operation="combination", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=f"run-{number}", outcome="refused",
    )  # fmt: skip


def records(settings: Settings) -> Path:
    return settings.root / "records"


def aside(settings: Settings) -> Path:
    return records(settings) / "audit-aside.jsonl"


def head_of_aside(settings: Settings) -> Path:
    return records(settings) / "audit-aside-head.json"
