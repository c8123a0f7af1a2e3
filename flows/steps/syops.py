"""Shows the operating procedures and takes their acceptance."""

from __future__ import annotations

from datetime import datetime

from flows.context import Context
from flows.steps.results import StepResult
from infra.clock import utc_now


class Accepted(StepResult):
    """Whose acceptance of which version holds until when."""

    version: str
    digest: str
    by: str
    valid_until: datetime


def accept_procedures(context: Context, version: str) -> Accepted:
    """Accept the operating procedures for every ROCU of the token.

    Raises:
        RefusedError: Another version is in force; the log has it.
    """
    from governance.access.syops import accept, procedures

    until = accept(context.audit, context.lake, context.identity, version, utc_now())
    return Accepted(version=version, digest=procedures().digest, by=context.identity.name, valid_until=until)
