"""Steps on a ROCU's policy: putting one in force, and reading the one that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.context import Context, acting, permit
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import FindProfileError


class PolicyLoaded(StepResult):
    """The policy that is now in force."""

    rocu: str
    version: str
    digest: str
    replaced: str
    origin: str


def load_rocu_policy(context: Context, rocu: str, file: Path) -> PolicyLoaded:
    """Put a ROCU's own policy in force; what it sets otherwise than the packaged default is recorded."""
    from data_contracts.regions import require_rocu
    from governance.policy import packaged_policy, read_policy, store_policy, stored_sha256
    from governance.policy_difference import differences

    require_rocu(rocu, context.now.date())
    with acting(context, "policy.load", rocu, "decision", f"policy of {rocu}") as details:
        context.audit.require_intact(utc_now())
        replaced = _digest_in_force(context, rocu)
        read_policy(file)
        loaded = store_policy(context.lake, rocu, file)
        details["policy"] = loaded.digest
        details["file_sha256"] = stored_sha256(context.lake, rocu)
        details["replaced"] = replaced
        details["unlike_default"] = differences(packaged_policy("default").policy, loaded.policy)
    return PolicyLoaded(
        rocu=rocu,
        version=loaded.policy.version,
        digest=loaded.digest,
        replaced=replaced,
        origin=loaded.origin,
    )


def _digest_in_force(context: Context, rocu: str) -> str:
    """Digest of the policy to be replaced. One that was spoilt must be replaceable, or nobody could mend it."""
    from governance.policy import load_policy

    try:
        return load_policy(context.lake, rocu).digest
    except FindProfileError as error:
        return f"none that holds: {error.reason}"


def policy_in_force(context: Context, rocu: str) -> dict[str, Any]:
    """The policy in force, its digest and where it comes from."""
    from governance.policy import load_policy

    permit(context, "history.read", rocu, f"policy of {rocu}")
    loaded = load_policy(context.lake, rocu)
    return {"digest": loaded.digest, "origin": loaded.origin, "policy": loaded.policy.model_dump(mode="json")}
