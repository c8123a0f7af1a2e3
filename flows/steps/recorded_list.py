"""Which list of a day counts, and whether it is the one that a run made: the audit log says both, for every reader."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import Context
from infra.errors import RefusedError
from infra.lake import file_sha256

if TYPE_CHECKING:
    import pyarrow as pa

    from governance.audit.log import Row

PAGE = "list.html"


class NotRecordedError(RefusedError):
    """The lake has a list, or a page, that is not the one that the audit log says was made."""


def page_of(scores: Path) -> Path:
    """The page for analysts that belongs to a list."""
    return scores.with_name(PAGE)


def digests(scores: Path) -> dict[str, str]:
    """What the log keeps of a list and of its page, if there is one."""
    return _with_page(scores, file_sha256(scores))


def _with_page(scores: Path, sha256: str) -> dict[str, str]:
    page = page_of(scores)
    return {"scores_sha256": sha256} | ({"page_sha256": file_sha256(page)} if page.is_file() else {})


@dataclass(frozen=True)
class HeldList:
    """A list as it was made, or as it was held against the log, and the digest of its page.

    What lies in the lake a moment later may be another, and is neither logged nor compared with.
    """

    content: bytes
    page_sha256: str

    @property
    def digests(self) -> dict[str, str]:
        """What the log keeps of it, as `digests` has it."""
        return {"scores_sha256": hashlib.sha256(self.content).hexdigest(), "page_sha256": self.page_sha256}

    def table(self) -> pa.Table:
        """Its rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pq.ParquetFile(pa.BufferReader(self.content)).read()


def held_list(context: Context, model: str, scores: Path) -> HeldList | None:
    """List and page, if they are those that the log says this run made of this day. The caller has seen that it holds.

    Args:
        context: Gives the log.
        model: `<pattern>.<rocu>`.
        scores: The list, in the folder of its run, in that of its day.
    """
    try:
        held = HeldList(scores.read_bytes(), file_sha256(page_of(scores)))
    except FileNotFoundError:
        return None
    rows = _entries_of(context, model, scores)
    return held if rows and _is_made(rows[0], held.digests) else None


def was_made(context: Context, model: str, scores: Path) -> bool:
    """Whether the log says that this run made a list, whatever lies there now. Arguments as in `held_list`."""
    return bool(_entries_of(context, model, scores))


def _entries_of(context: Context, model: str, scores: Path) -> tuple[Row, ...]:
    run_id, as_of = scores.parent.name.removeprefix("run="), scores.parent.parent.name.removeprefix("as_of=")
    return _runs(context, model, as_of, run_id)


def _is_made(newest: Row, found: dict[str, str]) -> bool:
    """Whether a run's newest entry has these digests: an older page of the same run is not the one that counts."""
    return found.items() <= newest.details.items()


def list_of_day(context: Context, rocu: str, pattern: str, as_of: date) -> pa.Buffer:
    """The list of the run that the log has last of a day, which need not be the one that was made last.

    After a rollback the champion's list may be there already, and older than that of the version that was left. What is
    given is what was held against the log. The caller has seen that the log holds.

    Raises:
        NotRecordedError: It is not in the lake as the log has it, or it has none and the lake has one.
        WrongInputError: There is no list of that day.
    """
    import pyarrow as pa

    from models.scoring import latest_scores, scores_folder

    runs = _runs(context, f"{pattern}.{rocu}", as_of.isoformat())
    if not runs:
        latest_scores(context.lake, rocu, pattern, as_of)
        raise _not_recorded(rocu, pattern, as_of)
    path = scores_folder(context.lake, rocu, pattern, as_of) / f"run={runs[0].details['run_id']}" / "scores.parquet"
    if not path.is_file():
        raise _not_recorded(rocu, pattern, as_of)
    content = path.read_bytes()
    # what is given is what was hashed
    if not _is_made(runs[0], _with_page(path, hashlib.sha256(content).hexdigest())):
        raise _not_recorded(rocu, pattern, as_of)
    return pa.py_buffer(content)


def lists_on_record(context: Context, rocu: str, pattern: str) -> dict[str, str]:
    """SHA-256 of every list of a pattern that the log says was made, by its path in the lake; of a run the newest.

    The caller has seen that the log holds.
    """
    from models.scoring import scores_folder

    rows = context.audit.search(
        rocus=frozenset({rocu}), action="score", object=f"{pattern}.{rocu}", outcome="done", limit=None
    )
    found: dict[str, str] = {}
    for row in rows:
        if "run_id" in row.details and "scores_sha256" in row.details:
            day = scores_folder(context.lake, rocu, pattern, date.fromisoformat(row.details["as_of"]))
            path = context.lake.relative(day / f"run={row.details['run_id']}" / "scores.parquet")
            found.setdefault(path, row.details["scores_sha256"])
    return found


def _runs(context: Context, model: str, as_of: str, run_id: str | None = None) -> tuple[Row, ...]:
    """The entries of a day's lists, or of one run, newest first; one of versions in shadow alone made no list."""
    rocu = frozenset({model.partition(".")[2]})
    rows = context.audit.search(rocus=rocu, action="score", object=model, outcome="done", run_id=run_id, limit=None)
    runs = (row for row in rows if row.details.get("as_of") == as_of and "run_id" in row.details)
    return tuple(row for row in runs if run_id in (None, row.details["run_id"]))


def _not_recorded(rocu: str, pattern: str, as_of: date) -> NotRecordedError:
    return NotRecordedError(
        f"The list of {as_of}, or its page, is not the one that the audit log says was made.",
        f"Make it again with findprofile score --rocu {rocu} --pattern {pattern} --as-of {as_of}, and tell governance.",
    )
