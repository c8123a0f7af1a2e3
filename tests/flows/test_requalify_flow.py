"""Requalify as a flow run: its days are parameters, its reason is not kept by the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from flows import steps
from flows.context import Context
from flows.server import call_flow
from flows.steps.requalify import Requalified
from infra.settings import Settings

REASON = "the register of camera AB12CDE came late"
DONE = Requalified(
    rocu="nwrocu",
    tried_only=False,
    said="1 records were judged again; both verdicts are kept.",
    records_judged_again=1,
    records_left_alone=0,
    asked=0,
    released=0,
    released_as_duplicates=0,
    still_quarantined=0,
    held_in_failed=0,
    failing=(),
    newly_quarantined=0,
    newly_failed=(),
    failed_no_longer=(),
    batches=(),
)


def test_the_reason_reaches_the_step_and_not_the_server(
    context: Context, prefect_server: Settings, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []

    def stand(_: Context, rocu: str, **given: Any) -> Requalified:
        seen.append({"rocu": rocu, **given})
        return DONE

    monkeypatch.setattr(steps, "requalify", stand)
    days = {"first": date(2026, 5, 1), "last": date(2026, 5, 3)}
    assert call_flow(context, "requalify", {"rocu": "nwrocu", **days, "reason": REASON}) == DONE
    assert seen == [{"rocu": "nwrocu", **days, "reason": REASON}]
    (run, *_) = ask("/flow_runs/filter", flows={"name": {"any_": ["requalify"]}})
    assert run["state_name"] == "Completed"
    assert set(run["parameters"]) == {"rocu", "first", "last", "as_of"}
    kept = [path for path in (prefect_server.root / "prefect").rglob("*") if path.is_file()]
    assert [path.name for path in kept if b"AB12CDE" in path.read_bytes()] == []
