"""Where the registry's alias stands against the audit log, which alone says who is champion.

Once the alias is in place, an entry says so. An alias that stands where the last change of champion found it, with no
sign that it was ever moved on, is work that a kill left undone. Anywhere else it was moved by hand, back to the
champion before as well, and nothing is scored until somebody has looked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from governance.promotion.details import AliasDetails, ReconcileDetails
from governance.promotion.record import Act, Desk
from governance.promotion.state import ModelState, model_state, version_named
from infra.errors import FaultError, RefusedError

if TYPE_CHECKING:
    from governance.audit.log import AuditLog, Entry

Standing = Literal["in step", "unfinished", "by hand"]


def alias_standing(desk: Desk, state: ModelState) -> tuple[Standing, str | None]:
    """How the alias stands, and the version that it names.

    Raises:
        FaultError: The registry does not answer.
    """
    alias = desk.registry.champion_version(state.model)
    if alias == state.champion:
        return "in step", alias
    where_found = state.champion is not None and alias == state.changed_from
    return ("unfinished" if where_found and not _was_in_place(desk.audit, state) else "by hand"), alias


def _was_in_place(audit: AuditLog, state: ModelState) -> bool:
    """Whether the alias stood on the champion since it is champion.

    The entry about the alias says so, and so does every list that was made since: scoring looks at the alias first.
    """
    if state.alias_placed:
        return True
    lists = audit.entries(state.model, "score")
    return any(
        row.outcome == "done" and row.seq > state.changed_seq and row.details.get("version") == state.champion
        for row in lists
    )


def alias_said(standing: Standing, alias: str | None) -> str:
    """In words, of an alias that is not where the log has the champion."""
    if standing == "unfinished":
        return f"promotion unfinished, the alias is still on {version_named(alias)}: run promote reconcile"
    return (
        f"alias moved by hand to {version_named(alias)}: scoring refuses; find out who moved it, then promote reconcile"
    )


def alias_astray(desk: Desk, state: ModelState) -> str | None:
    """What is to be said of the alias if it is not where the log has the champion; `None` if it is there.

    For what goes on whatever the registry says: that it does not answer is said as well, and is no fault.
    """
    try:
        standing, alias = alias_standing(desk, state)
    except FaultError as fault:
        return f"not looked at: {fault.reason}"
    return None if standing == "in step" else alias_said(standing, alias)


def place_alias(desk: Desk, act: Act) -> None:
    """Move the alias to the log's champion, and record that it is there.

    If the champion changes meanwhile, it is moved on: of two who move it at once the later one may have been passed.

    Raises:
        FaultError: The registry or the log does not answer; what was decided stands, and `reconcile` finishes it.
    """
    state = model_state(desk.audit, act.model)
    try:
        _place(desk, act, state)
    except FaultError as fault:
        raise FaultError(
            f"{fault.reason.rstrip('.')}. What was decided is in the audit log, which has"
            f" {version_named(state.champion)} as the champion of {act.model}, but the alias was not put on record as"
            " being there; until it is, nothing may be scored.",
            f"{fault.instruction} Instead of the same command findprofile promote reconcile {act.model} finishes it;"
            " nothing is to be decided again.",
        ) from fault


def _place(desk: Desk, act: Act, state: ModelState) -> None:
    while state.champion is not None:
        desk.registry.set_champion(act.model, state.champion)
        with desk.audit.writing() as session:
            after = model_state(session, act.model)
            if after.changed_seq == state.changed_seq:
                if not after.alias_placed:
                    session.append(_placed(act, state), act.moment())
                return
        state = after


def _placed(act: Act, state: ModelState) -> Entry:
    placing = replace(act, action="promote.alias", version=state.champion or "")
    return placing.done(AliasDetails(champion=state.champion or "", changed_seq=state.changed_seq))


def finish_alias(desk: Desk, act: Act) -> None:
    """Move the alias to the log's champion if a kill left it where the last change found it; the log has that first.

    An alias that is in place, of which the log does not say so yet, is put on record as well.

    Raises:
        RefusedError: It was moved by hand.
        FaultError: The registry does not answer.
    """
    state = model_state(desk.audit, act.model)
    standing, alias = alias_standing(desk, state)
    if standing == "unfinished" and state.champion is not None:
        put_back(desk, act, state.champion, alias, standing)
    elif lacks_entry(state, standing):
        place_alias(desk, act)
    elif standing == "by hand":
        raise moved_by_hand(state, alias)


def lacks_entry(state: ModelState, standing: Standing) -> bool:
    """Whether the alias is in place and the log does not say so: a kill came in between, or the log is an older one."""
    return standing == "in step" and state.champion is not None and not state.alias_placed


def put_back(desk: Desk, act: Act, champion: str | None, alias: str | None, cause: Standing) -> None:
    """Record where the alias was, then move it to the log's champion, and record that; without one, take it away."""
    finishing = replace(act, action="promote.reconcile", version=champion or "")
    desk.audit.append(finishing.done(ReconcileDetails(alias=alias, champion=champion, cause=cause)), act.moment())
    if champion is None:
        desk.registry.remove_champion(act.model)
    # also without one: the first champion may have been made meanwhile
    place_alias(desk, act)


def moved_by_hand(state: ModelState, alias: str | None) -> RefusedError:
    """The refusal to go on with an alias that the log does not explain."""
    return RefusedError(
        f"The alias champion of {state.model} is on {version_named(alias)}, but the audit log has"
        f" {version_named(state.champion)}: it was moved by hand.",
        "Find out who moved it; findprofile promote reconcile puts it back, or takes it away if there is no champion,"
        " and records that.",
    )
