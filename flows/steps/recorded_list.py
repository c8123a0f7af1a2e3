"""Whether a list is the one that the audit log says a run made: one rule, for whoever shows it or makes it again."""

from __future__ import annotations

from pathlib import Path

from flows.context import Context
from infra.lake import file_sha256

PAGE = "list.html"


def page_of(scores: Path) -> Path:
    """The page for analysts that belongs to a list."""
    return scores.with_name(PAGE)


def digests(scores: Path) -> dict[str, str]:
    """What the log keeps of a list and of its page, if there is one."""
    page = page_of(scores)
    return {"scores_sha256": file_sha256(scores)} | ({"page_sha256": file_sha256(page)} if page.is_file() else {})


def is_recorded(context: Context, model: str, scores: Path) -> bool:
    """Whether list and page are those that the log says this run made. The caller has seen that the log holds.

    Args:
        context: Gives the log.
        model: `<pattern>.<rocu>`.
        scores: The list, in the folder of its run.
    """
    run_id, found = scores.parent.name.removeprefix("run="), digests(scores)
    rows = context.audit.search(action="score", object=model, outcome="done", run_id=run_id)
    return any(found.items() <= row.details.items() for row in rows if row.details.get("run_id") == run_id)
