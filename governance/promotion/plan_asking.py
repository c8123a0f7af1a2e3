"""What a plan of a decision is, and how one is asked for: who asks, at which desk, when, with which reason.

Belongs here: the form of a plan, and what the plans of all decisions share. Does not: what one decision would do
(`version_plan`, `control_plan`), and the sentences that they are made of (`plan_words`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from governance.access.permissions import require
from governance.promotion.champion_alias import alias_astray, alias_standing, lacks_entry, moved_by_hand
from governance.promotion.plan_words import PLACED, PUT_BACK, stays
from governance.promotion.record import Act, Desk
from governance.promotion.state import ModelState, model_state, version_named
from infra.errors import FaultError, FindProfileError, RefusedError

if TYPE_CHECKING:
    from governance.policy.document import LoadedPolicy
    from infra.identity import Identity


class Plan(BaseModel):
    """What a decision would do.

    Args:
        command: The decision and who takes it.
        state: Where it leads from and to.
        entries: What the audit log would get.
        alias: Where the registry's alias would be.
        then: What is needed next.
        rests_on: What whoever decides should have looked at.
        refused: Why it would be refused; `None` if it would not.
        instruction: What to do then.
        exit_code: With which the deed would leave: 0 done, 1 refused, 2 wrong input, 3 a fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    state: str = ""
    entries: tuple[str, ...] = ()
    alias: str = ""
    then: str = ""
    rests_on: tuple[str, ...] = ()
    refused: str | None = None
    instruction: str = ""
    exit_code: int = 0

    def lines(self) -> tuple[str, ...]:
        """The plan for people to read, but for a refusal: that is told as one, by the decision or in its place."""
        named = (
            *(("on", one) for one in self.rests_on),
            ("state", self.state),
            *(("log", entry) for entry in self.entries),
            ("alias", self.alias),
            ("then", self.then),
        )
        return (self.command, *(f"  {name:<8} {text}" for name, text in named if text))


@dataclass(frozen=True)
class Asking:
    """Who asks, at which desk, when, and with which reason.

    `load_policy` gives the policy in force, and is asked only where it matters: a suspension does not wait for it.
    `mended` gets the entry of what is put right before the decision itself.
    """

    desk: Desk
    identity: Identity
    load_policy: Callable[[], LoadedPolicy]
    now: datetime
    reason: str = ""
    mended: list[str] = field(default_factory=list)

    @cached_property
    def policy(self) -> LoadedPolicy:
        """The policy in force."""
        return self.load_policy()

    def plan(
        self, action: str, model: str, version: str, work_out: Callable[[Act], Plan], needs: str | None = None
    ) -> Plan:
        """The plan, or the plan that says why it would be refused; `needs` names the permission of another action."""
        act = Act(self.identity, action, model, version, self.now)
        roles = ", ".join(sorted(self.identity.roles))
        what = f"{model} version {version}" if version else model
        command = f"{action.replace('.', ' ')} {what}, as {self.identity.name} ({roles}):"
        try:
            require(self.identity, needs or action, act.rocu)
            return work_out(act).model_copy(update={"command": command})
        except FindProfileError as error:
            kept = {RefusedError: "refused", FaultError: "failed"}
            entries = tuple(f"{action}, {kept[kind]}" for kind in kept if isinstance(error, kind))
            return Plan(
                command=command,
                entries=(*self.mended, *entries),
                refused=error.reason,
                instruction=error.instruction,
                exit_code=error.exit_code,
            )

    def state(self, model: str) -> ModelState:
        """Where the model stands."""
        return model_state(self.desk.audit, model)


def alias_kept(asking: Asking, state: ModelState) -> str:
    """That the alias stays, or is brought to the log's champion first and put on record; refused if moved by hand."""
    standing, alias = alias_standing(asking.desk, state)
    if standing == "by hand":
        raise moved_by_hand(state, alias)
    if standing == "unfinished":
        asking.mended.extend((PUT_BACK, PLACED))
        return f"champion: {version_named(alias)} → {version_named(state.champion)}, which a change left undone"
    if lacks_entry(state, standing):
        asking.mended.append(PLACED)
    return stays(state)


def alias_left(asking: Asking, state: ModelState) -> str:
    """Where a decision that does not touch the alias leaves it, and what is to be done if that is the wrong place."""
    return alias_astray(asking.desk, state) or stays(state)
