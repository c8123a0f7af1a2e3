"""The form of a step's result: data for `--json`, a summary for a table, links to what was made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class StepResult(BaseModel):
    """What a step did."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def summary(self) -> dict[str, str | int | float]:
        """One value a line, for people."""
        shown = {name: value for name, value in self if value is not None and not isinstance(value, Path)}
        return {name: _plain(value) for name, value in shown.items()}

    def links(self) -> dict[str, Path]:
        """Pages and files that were made, by title."""
        return {}


def _plain(value: object) -> str | int | float:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, int) else str(value)
