"""A version's entries in the audit log, each with what the version was after it.

Looking at something is not part of a version's life, so a document is the same however often it was opened. Does not
belong here: what a state means (promotion_state).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.audit.entry import Row
from governance.promotion.state import ModelState, replay
from infra.errors import RefusedError

RESTED = frozenset({"score", "monitor"})
_TRAINED = frozenset({"retrain"})
UNREADABLE = "not readable"


@dataclass(frozen=True)
class Moment:
    """One entry; `status` is what the version was once it was written."""

    row: Row
    status: str

    @property
    def when(self) -> str:
        """As people read it, UTC."""
        return self.row.at[:19].replace("T", " ")

    @property
    def what(self) -> str:
        """The action in words: `promote.gate` is the gate."""
        return self.row.action.removeprefix("promote.").replace(".", " ").replace("_", " ")

    @property
    def who(self) -> str:
        """Name and roles."""
        return f"{self.row.actor_name} ({', '.join(self.row.actor_roles)})"

    @property
    def why(self) -> str:
        """The reason, the approver's words, or the lines of the gate that did not pass."""
        said = self.row.details.get("reason") or self.row.details.get("comment")
        if said:
            return str(said)
        lines = [line for line in self.row.details.get("lines", ()) if line["result"] != "passed"]
        return "; ".join(f"{line['name']}: {line['value']} (needed: {line['limit']})" for line in lines)


def follow(entries: Sequence[Row], model: str, version: str) -> tuple[Moment, ...]:
    """The entries that are about a version, or that changed what it is, oldest first.

    Args:
        entries: Every entry about the model, oldest first.
        model: `<pattern>.<rocu>`.
        version: Which of its versions.
    """
    moments: list[Moment] = []
    before: list[Row] = []
    status = ""
    for row in entries:
        if row.operation == "consultation" or row.action in RESTED:
            continue
        before.append(row)
        now = _status(model, version, before) if row.action not in _TRAINED else status
        if _about(row, model, version) or now != status:
            moments.append(Moment(row, now))
        status = now
    return tuple(moments)


def other_use(entries: Sequence[Row], model: str, version: str) -> tuple[tuple[str, ...], ...]:
    """How often the version was used, by kind and outcome: times, first, last, and by what authority."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in entries:
        if row.action in RESTED and str(row.details.get("version", version)) == version and row.object == model:
            found.setdefault((row.action, row.outcome), []).append(row)
    return tuple(
        (
            action,
            outcome,
            str(len(rows)),
            rows[0].at[:19].replace("T", " "),
            rows[-1].at[:19].replace("T", " "),
            ", ".join(sorted({str(given) for row in rows if (given := row.authority or row.details.get("authority"))})),
        )
        for (action, outcome), rows in sorted(found.items())
    )


def _about(row: Row, model: str, version: str) -> bool:
    if row.object == f"{model}/{version}":
        return True
    return row.object == model and str(row.details.get("version", version)) == version


def _status(model: str, version: str, rows: Sequence[Row]) -> str:
    try:
        return _named(replay(model, rows), version)
    except RefusedError:
        return UNREADABLE


def _named(state: ModelState, version: str) -> str:
    found = state.versions.get(version)
    status = found.status.replace("_", " ") if found else ""
    stopped = state.suspended is not None and found is not None and status != "suspended"
    return f"{status}, suspended" if stopped else status
