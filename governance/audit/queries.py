"""The queries by which entries of the audit log are found: by model, by object, by action, by what was done in a ROCU.

Belongs here: how they are asked. Does not: whether what they find may be believed (audit_walk).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from governance.audit.entry import Row, read_row, require_known
from governance.audit.tables import audit_log, rows_of_log


def about(model: str) -> Select[Any]:
    """Every row about a model or one of its versions, oldest first.

    A model's rows carry its ROCU, and with that the index serves.
    """
    return of_object(model).where(audit_log.c.rocu == model.partition(".")[2])


def of_object(name: str) -> Select[Any]:
    """Every row about an object, or about a model and its versions, oldest first."""
    column = audit_log.c.object
    own = or_(column == name, column.startswith(f"{name}/", autoescape=True))
    return rows_of_log().where(own).order_by(audit_log.c.seq)


def done_in(rocu: str, action: str) -> Select[Any]:
    """Every row of what was done in a ROCU, oldest first; of an action, as `of_action` takes it."""
    done = and_(audit_log.c.rocu == rocu, audit_log.c.outcome == "done")
    return rows_of_log().where(done, *of_action(action)).order_by(audit_log.c.seq)


def actions_of_log() -> Select[tuple[str]]:
    """Every action that some row has, in alphabetical order."""
    return select(audit_log.c.action).distinct().order_by(audit_log.c.action)


def of_action(action: str | None) -> tuple[ColumnElement[bool], ...]:
    """Exactly this action, or with a final `.` every action that starts so; `None` is any."""
    if action is None:
        return ()
    column = audit_log.c.action
    return (column.startswith(action, autoescape=True) if action.endswith(".") else column == action,)


def fetch(connection: Connection, query: Select[Any], any_version: bool = False) -> tuple[Row, ...]:
    """The rows that a query finds.

    Raises:
        RefusedError: This program does not know the form of a row's details, and it matters.
    """
    rows = (read_row(tuple(values)) for values in connection.execute(query))
    return tuple(rows if any_version else map(require_known, rows))
