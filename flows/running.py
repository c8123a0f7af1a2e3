"""Runs a step: as a Prefect flow when a Prefect server is set, otherwise in this process. The step is the same."""

from __future__ import annotations

from typing import Any

from flows.context import Context
from flows.steps.results import StepResult


def run_step(context: Context, name: str, **parameters: Any) -> StepResult:
    """Run the step `name` with its parameters.

    Args:
        context: Who acts; a flow run acts as the same identity.
        name: `ingest`, `requalify`, `retrain`, `score`, `monitor` or `daily`.
        parameters: The step's own parameters.

    Raises:
        FindProfileError: Whatever the step raises; a flow run passes it on unchanged.
    """
    if context.settings.prefect_api_url:
        from flows.server import call_flow

        return call_flow(context, name, parameters)
    from flows import steps

    result: StepResult = getattr(steps, name)(context, **parameters)
    return result
