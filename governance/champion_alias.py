"""Where the registry's alias stands against the audit log, which alone says who is champion.

An alias that stands where the last change of champion found it is work that a kill left undone. Anywhere else it was
moved by hand, and nothing is scored until somebody has looked.
"""

from __future__ import annotations

from typing import Literal

from governance.promotion_details import ReconcileDetails
from governance.promotion_record import Act, Desk
from governance.promotion_state import ModelState, model_state, version_named
from infra.errors import RefusedError

Standing = Literal["in step", "unfinished", "by hand"]


def alias_standing(desk: Desk, state: ModelState) -> tuple[Standing, str | None]:
    """How the alias stands, and the version that it names.

    Raises:
        FaultError: The registry does not answer.
    """
    alias = desk.registry.champion_version(state.model)
    if alias == state.champion:
        return "in step", alias
    return ("unfinished" if state.champion is not None and alias == state.changed_from else "by hand"), alias


def finish_alias(desk: Desk, act: Act) -> None:
    """Move the alias to the log's champion if it stands where the last change found it; the log has that first.

    Whether a kill left it there or a hand put it back, nobody can tell: so it is on record, with who finished it.

    Raises:
        RefusedError: It stands somewhere else.
        FaultError: The registry does not answer.
    """
    state = model_state(desk.audit, act.model)
    standing, alias = alias_standing(desk, state)
    if standing == "unfinished" and state.champion is not None:
        put_back(desk, act, state.champion, alias, standing)
    elif standing == "by hand":
        raise moved_by_hand(state, alias)


def put_back(desk: Desk, act: Act, champion: str, alias: str | None, cause: Standing) -> None:
    """Record where the alias was, then move it to the log's champion."""
    finishing = Act(act.identity, "promote.reconcile", act.model, champion, act.now)
    desk.audit.append(finishing.done(ReconcileDetails(alias=alias, champion=champion, cause=cause)), act.now)
    desk.registry.set_champion(act.model, champion)


def moved_by_hand(state: ModelState, alias: str | None) -> RefusedError:
    """The refusal to go on with an alias that the log does not explain."""
    return RefusedError(
        f"The alias champion of {state.model} is on {version_named(alias)}, but the audit log has"
        f" {version_named(state.champion)}: it was moved by hand.",
        "Find out who moved it; findprofile promote reconcile puts it back and records that.",
    )
