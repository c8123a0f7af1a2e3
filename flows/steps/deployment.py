"""The step that puts the flows of ROCUs on a Prefect server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.context import Context, acting
from flows.steps.desk import policy_of

if TYPE_CHECKING:
    from flows.deployments import Deployed


def deploy_flows(context: Context, rocus: Sequence[str], pattern: str) -> list[Deployed]:
    """One deployment per ROCU and flow, with its schedule.

    Raises:
        RefusedError: No permission in one of the ROCUs.
        WrongInputError: No such ROCU or pattern.
        FaultError: No Prefect server answers.
    """
    from flows.deployments import deploy
    from models.patterns import get_pattern

    get_pattern(pattern)
    made: list[Deployed] = []
    for rocu in dict.fromkeys(code.lower() for code in rocus):
        policy_of(context, rocu)
        with acting(context, "deploy", rocu, "decision", f"flows of {rocu}") as details:
            deployed = deploy(context.settings, [rocu], [pattern])
            details["deployments"] = [one.name for one in deployed]
        made += deployed
    return made
