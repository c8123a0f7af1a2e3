"""Which list of a day counts, and whether it is the one that a run made: the audit log says both, for every reader."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import Context
from infra.errors import RefusedError
from infra.lake import file_sha256

if TYPE_CHECKING:
    import pyarrow as pa

    from governance.audit import Row

PAGE = "list.html"
_EVERY_ROW = 2**31 - 1


def page_of(scores: Path) -> Path:
    """The page for analysts that belongs to a list."""
    return scores.with_name(PAGE)


def digests(scores: Path) -> dict[str, str]:
    """What the log keeps of a list and of its page, if there is one."""
    page = page_of(scores)
    return {"scores_sha256": file_sha256(scores)} | ({"page_sha256": file_sha256(page)} if page.is_file() else {})


def is_recorded(context: Context, model: str, scores: Path) -> bool:
    """Whether list and page are those that the log says this run made of this day. The caller has seen that it holds.

    Args:
        context: Gives the log.
        model: `<pattern>.<rocu>`.
        scores: The list, in the folder of its run, in that of its day.
    """
    return _is_made(context, model, scores, digests(scores))


def _is_made(context: Context, model: str, scores: Path, found: dict[str, str]) -> bool:
    folder = scores.parent
    made = {"run_id": folder.name.removeprefix("run="), "as_of": folder.parent.name.removeprefix("as_of=")}
    rows = context.audit.search(action="score", object=model, outcome="done", run_id=made["run_id"])
    return any({**found, **made}.items() <= row.details.items() for row in rows)


def list_of_day(context: Context, rocu: str, pattern: str, as_of: date) -> pa.Buffer:
    """The list of the run that the log has last of a day, which need not be the one that was made last.

    After a rollback the champion's list may be there already, and older than that of the version that was left. What is
    given is what was held against the log. The caller has seen that the log holds.

    Raises:
        RefusedError: It is not in the lake as the log has it, or it has none and the lake has one.
        WrongInputError: There is no list of that day.
    """
    import pyarrow as pa

    from models.scoring import latest_scores, scores_folder

    runs = _runs(context, f"{pattern}.{rocu}", as_of)
    if not runs:
        latest_scores(context.lake, rocu, pattern, as_of)
        raise _not_recorded(rocu, as_of)
    path = scores_folder(context.lake, rocu, pattern, as_of) / f"run={runs[0].details['run_id']}" / "scores.parquet"
    if not path.is_file():
        raise _not_recorded(rocu, as_of)
    content = path.read_bytes()
    found = digests(path) | {"scores_sha256": hashlib.sha256(content).hexdigest()}
    if not _is_made(context, f"{pattern}.{rocu}", path, found):
        raise _not_recorded(rocu, as_of)
    return pa.py_buffer(content)


def _runs(context: Context, model: str, as_of: date) -> tuple[Row, ...]:
    """The entries of a day's lists, newest first; one of versions in shadow alone made no list."""
    rocu = frozenset({model.partition(".")[2]})
    rows = context.audit.search(rocus=rocu, action="score", object=model, outcome="done", limit=_EVERY_ROW)
    return tuple(row for row in rows if row.details.get("as_of") == as_of.isoformat() and "run_id" in row.details)


def _not_recorded(rocu: str, as_of: date) -> RefusedError:
    return RefusedError(
        f"The list of {as_of}, or its page, is not the one that the audit log says was made.",
        f"Make it again with findprofile score --rocu {rocu} --as-of {as_of}, and tell governance.",
    )
