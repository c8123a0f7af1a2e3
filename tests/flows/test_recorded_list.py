"""Of the lists and pages that one run made, the one that the log has last counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine

from flows.steps.recorded_list import HeldList, NotRecordedError, digests, held_list, list_of_day, page_of
from governance.audit.log import AuditLog, Entry
from infra.lake import Lake, file_sha256
from models.scoring import scores_folder

NOW, DAY, MODEL = datetime(2026, 11, 20, 9, 0, tzinfo=UTC), date(2026, 3, 1), "convoy.nwrocu"


@pytest.fixture
def context(tmp_path: Path) -> Any:
    """Log and lake, which are all that is asked."""
    return SimpleNamespace(audit=AuditLog(create_engine("sqlite://")), lake=Lake(tmp_path / "lake"))


@pytest.fixture
def scores(context: Any) -> Path:
    """The list of a run with its page, not on record yet."""
    folder: Path = scores_folder(context.lake, "nwrocu", "convoy", DAY) / "run=r1"
    folder.mkdir(parents=True)
    path = folder / "scores.parquet"
    path.write_bytes(b"a list")
    page_of(path).write_bytes(b"the page of then")
    return path


def record(context: Any, scores: Path, run_id: str = "r1") -> None:
    details = {**digests(scores), "run_id": run_id, "as_of": DAY.isoformat()}
    entry = Entry(
        action="score", operation="combination", actor="embedded:olga", actor_name="Olga", actor_roles=("operator",),
        rocu="nwrocu", object=MODEL, outcome="done", details=details,
    )  # fmt: skip
    context.audit.append(entry, NOW)


def test_an_older_page_of_the_same_run_does_not_come_back(context: Any, scores: Path) -> None:
    page = page_of(scores)
    record(context, scores)
    older = page.read_bytes()
    page.write_bytes(b"the page of now")
    record(context, scores)
    assert held_list(context, MODEL, scores) == HeldList(b"a list", file_sha256(page))
    assert list_of_day(context, "nwrocu", "convoy", DAY).to_pybytes() == b"a list"
    page.write_bytes(older)
    assert held_list(context, MODEL, scores) is None
    with pytest.raises(NotRecordedError, match="or its page, is not the one") as refusal:
        list_of_day(context, "nwrocu", "convoy", DAY)
    assert f"score --rocu nwrocu --pattern convoy --as-of {DAY}" in refusal.value.instruction


def test_a_run_is_held_against_its_own_entries(context: Any, scores: Path) -> None:
    assert held_list(context, MODEL, scores) is None
    record(context, scores, run_id="r2")
    assert held_list(context, MODEL, scores) is None
    record(context, scores)
    scores.write_bytes(b"another list")
    assert held_list(context, MODEL, scores) is None
    with pytest.raises(NotRecordedError):
        list_of_day(context, "nwrocu", "convoy", DAY)
