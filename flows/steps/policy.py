"""Steps on a ROCU's policy: putting one in force, and reading the one that is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, acting, permit
from flows.steps.results import StepResult
from governance.policy.strictness import Direction, PolicyDifference
from infra.clock import utc_now
from infra.errors import FindProfileError

if TYPE_CHECKING:
    from governance.policy.document import LoadedPolicy

WAYS: dict[Direction, str] = {
    "weaker": "weaker",
    "other": "that may be weaker",
    "stricter": "stricter",
    "neutral": "no limit",
}


class PolicyLoaded(StepResult):
    """The policy that is now in force.

    `changes` are the keys that it sets otherwise than `compared_with`, the one before by the audit log, weaker ones
    first. `lake_had` says so if the lake had another one in force than that.
    """

    rocu: str
    version: str
    digest: str
    replaced: str
    origin: str
    compared_with: str
    changes: tuple[PolicyDifference, ...]
    lake_had: str | None = None

    def summary(self) -> dict[str, str | int | float]:
        """One value a line; the changed keys have a table of their own."""
        counted = Counter(change.direction for change in self.changes)
        said = ", ".join(f"{counted[way]} {WAYS[way]}" for way in WAYS if counted[way]) or "none"
        left_out = ("changes", "compared_with", *(() if self.lake_had else ("lake_had",)))
        shown = {name: value for name, value in super().summary().items() if name not in left_out}
        return shown | {"values changed": f"{said} (against {self.compared_with})"}


def load_rocu_policy(context: Context, rocu: str, file: Path) -> PolicyLoaded:
    """Put a ROCU's own policy in force; what it changes, and what it sets otherwise than the default, is recorded."""
    from data_contracts.registers.regions import require_rocu
    from governance.policy.difference import differences
    from governance.policy.document import packaged_policy, store_policy
    from governance.policy.strictness import judged_differences

    require_rocu(rocu, context.now.date())
    with acting(context, "policy.load", rocu, "decision", f"policy of {rocu}") as details:
        context.audit.require_intact(utc_now())
        lake_had = _other_than_recorded(context, rocu)
        before, replaced = _in_force(context, rocu, lake_had is not None)
        loaded = store_policy(context.lake, rocu, file)
        details["policy"] = loaded.digest
        details["file_sha256"] = loaded.file_sha256
        details["replaced"] = replaced
        if lake_had is not None:
            details["lake_had"] = lake_had
        usual = packaged_policy("default")
        details["unlike_default"] = differences(usual.policy, loaded.policy)
        details["changed"] = differences((before or usual).policy, loaded.policy)
    changes = judged_differences((before or usual).policy, loaded.policy)
    return PolicyLoaded(
        rocu=rocu,
        version=loaded.policy.version,
        digest=loaded.digest,
        replaced=replaced,
        origin=loaded.origin,
        compared_with=(before or usual).origin,
        changes=tuple(sorted(changes, key=lambda change: list(WAYS).index(change.direction))),
        lake_had=lake_had,
    )


def _other_than_recorded(context: Context, rocu: str) -> str | None:
    """What to say of a lake that has another policy in force than was loaded last by the log; `None` if it has not."""
    from governance.policy.document import stored_sha256
    from governance.policy.in_force import file_in_force

    found, recorded = stored_sha256(context.lake, rocu), file_in_force(context.audit, rocu)
    if found == recorded:
        return None
    return f"{found or 'unreadable'}, but the audit log has {recorded}: somebody put it there by hand; tell governance"


def _in_force(context: Context, rocu: str, only_by_the_log: bool) -> tuple[LoadedPolicy | None, str]:
    """The policy to be replaced, and its digest. One that was spoilt must be replaceable, or nobody could mend it."""
    from governance.policy.document import load_policy, loaded_policy
    from governance.policy.in_force import file_in_force

    if only_by_the_log:
        before = loaded_policy(context.lake, rocu, file_in_force(context.audit, rocu))
        return before, before.digest if before else "none that holds: the lake does not have the one of the audit log"
    try:
        before = load_policy(context.lake, rocu)
    except FindProfileError as error:
        return None, f"none that holds: {error.reason}"
    return before, before.digest


def policy_in_force(context: Context, rocu: str) -> dict[str, Any]:
    """The policy in force, its digest and where it comes from."""
    from governance.policy.document import load_policy

    permit(context, "history.read", rocu, f"policy of {rocu}")
    loaded = load_policy(context.lake, rocu)
    return {"digest": loaded.digest, "origin": loaded.origin, "policy": loaded.policy.model_dump(mode="json")}
